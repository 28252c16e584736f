"""The page of a profile holds all it shows."""

from html.parser import HTMLParser

from sim.views.profile_page import Table, write_profile


class Read(HTMLParser):
    """Tags, what they refer to, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.sources: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.opened.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


def test_the_page_needs_nothing_but_itself(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG and more")
    tables = [Table("kernels", ["kernel", "cycles"], [["gemm", 5], ["a & b", 7]]), Table("step", ["node"], [["x"]])]
    listings = {"hot spots": ["  5  vadd", "  7  a <i> b"]}
    write_profile(tmp_path / "p.html", "A <title>", ["one < two"], [tmp_path / "a.png"], tables, listings)
    read = Read()
    read.feed((tmp_path / "p.html").read_text())
    assert read.sources == ["data:image/png;base64,iVBORyBhbmQgbW9yZQ=="]
    assert read.opened.count("tr") == 5 and read.opened.count("table") == 2 and read.opened.count("li") == 1
    assert all(text in read.text for text in ("A <title>", "one < two", "a & b", "gemm", "cycles", "  5  vadd\n  7  a <i> b"))

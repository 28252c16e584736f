"""A report by hand as text, as JUnit's XML and as a page: what stands in each, and that odd letters harm none."""

from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from sim.views.regression import slow_text, text, totals, write_junit
from sim.views.regression_page import write_page

ODD = 'x < 5 & "y" \x1b[31m <b>'
VOID = {"meta", "polyline"}


def row(name, seed=0, passed=True, wall_s=1.0):
    found = {"name": name, "seed": seed, "passed": passed, "wall_s": wall_s, "rerun": f"pytest '{name}' --seed {seed}", "tags": ["rtl"]}
    return found if passed else {**found, "message": ODD, "text": f"E  {ODD}", "signature": ODD}


def past(failed, functional):
    return {"when": "before", "tests": 4, "failed": failed, "wall_s": 9.5, "functional": functional, "line": None, "toggle": 50.0}


def made():
    """A report."""
    tests = [row("tests/a/test_a.py::test_one"), row("tests/a/test_a.py::test_two[<x>]", 3, False, 7.5), row("proof/FIFO", wall_s=30.0)]
    bucket = {**tests[1], "count": 1, "tests": ["tests/a/test_a.py::test_two[<x>] seed 3"], "waves": ["failures/000003/a.fst"]}
    covered = {"functional": 97.5, "line": None, "toggle": 50.0, "missing": ["fault ECC", "mul"],
               "groups": [{"name": "faults", "percent": 90.91, "of": 11}]}  # fmt: skip
    return {
        "when": "2000-01-02 03:04:05", "seeds": 2, "first_seed": 0, "jobs": 2, "interrupted": False, "wall_s": 40.4, "tests": tests,
        "left_out": [{"name": "tests/b/test_b.py::test_long", "seed": 4}], "buckets": [bucket],
        "coverage": {**covered, "designs": [{"name": "Router-12ab", "line": 99.0, "toggle": 50.0}]},
        "history": [past(1, 90.0), {**past(2, None), "worst ps": 700.0}, {**past(0, 97.5), "worst ps": 500.0}],
    }  # fmt: skip


@pytest.fixture
def report():
    return made()


def test_text_tells_failures_holes_and_totals(report):
    assert list(text(report)) == [
        f"1 x {ODD}",
        "    pytest 'tests/a/test_a.py::test_two[<x>]' --seed 3",
        "    waves: failures/000003/a.fst",
        "never exercised: fault ECC, mul",
        "1 tests did not fit into the time: tests/b/test_b.py::test_long seed 4",
        "2 passed, 1 failed, 2 seeds from 0, 40 s; coverage: functional 97.5 %, line not counted, toggle 50.0 %",
    ]
    many = {**report, "coverage": {**report["coverage"], "missing": [str(number) for number in range(50)]}}
    assert list(text(many))[3].endswith(", 38, 39 and 10 more (all: report.html)")
    assert list(text({**report, "interrupted": True, "seeds": 1}))[-1].startswith("interrupted: 2 passed, 1 failed, 1 seed from 0")
    names = [line.split()[2] for line in list(slow_text(report))[1:]]
    assert names == ["proof/FIFO", "tests/a/test_a.py::test_two[<x>]", "tests/a/test_a.py::test_one"]


def test_junit_has_every_test_and_every_letter_it_may_hold(report, tmp_path):
    write_junit(tmp_path / "junit.xml", report)
    top = ElementTree.parse(tmp_path / "junit.xml").getroot()
    (suite,) = top
    assert (suite.get("tests"), suite.get("failures"), top.get("failures")) == ("3", "1", "1")
    cases = [(case.get("classname"), case.get("name"), float(case.get("time"))) for case in suite]
    assert cases == [
        ("tests.a.test_a", "test_one seed 0", 1),
        ("tests.a.test_a", "test_two[<x>] seed 3", 7.5),
        ("proof.FIFO", "proof/FIFO seed 0", 30),
    ]
    ((problem,),) = [list(case) for case in suite if len(case)]
    assert problem.get("message") == ODD.replace("\x1b", "?")
    assert problem.text.endswith("\nrerun: pytest 'tests/a/test_a.py::test_two[<x>]' --seed 3")


class Page(HTMLParser):
    """What a browser would see: balanced tags, headings, cells, and whatever would be fetched from elsewhere."""

    def __init__(self, source):
        super().__init__()
        self.open, self.words, self.count, self.fetched = [], [], {}, []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.count[tag] = self.count.get(tag, 0) + 1
        self.fetched += [value for name, value in attributes if name in ("src", "href", "data")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_is_whole_and_needs_nothing_else(report, tmp_path):
    write_page(tmp_path / "report.html", report)
    page = Page((tmp_path / "report.html").read_text())
    assert not page.open and not page.fetched and "script" not in page.count
    told = "".join(page.words)
    for title in ("Failures", "Coverage", "Trend", "Slowest tests", "Not run for lack of time", "All tests"):
        assert title in page.words
    assert ODD in told and "failures/000003/a.fst" in told and "tests/a/test_a.py::test_two[<x>]" in told
    assert {"fault ECC", "mul", "Router-12ab", "faults", "90.91"} <= set(page.words)
    assert "passed, %: 100 (from 50 to 100)" in told and "functional coverage, %: 97.5 (from 90 to 97.5)" in told
    assert page.count["polyline"] == 4 and "worst ps: 500 (from 500 to 700)" in told  # no line was ever counted


def test_a_page_of_nothing(report, tmp_path):
    nothing = {**report, "tests": [], "buckets": [], "left_out": [], "history": [], "interrupted": True}
    nothing["coverage"] = {"functional": None, "line": None, "toggle": None, "missing": ["mul"], "designs": []}
    write_page(tmp_path / "report.html", nothing)
    page = Page((tmp_path / "report.html").read_text())
    assert not page.open and "svg" not in page.count and "It was interrupted" in "".join(page.words)
    assert totals(nothing) == {"passed": "0", "failed": "0", "functional": "not counted", "line": "not counted", "toggle": "not counted"}

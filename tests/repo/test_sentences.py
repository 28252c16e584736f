"""Every sentence of docs/isa.md and docs/numerics.md that demands or forbids something stands in docs/verification.md beside its tests."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = {"isa": ROOT / "docs" / "isa.in.md", "numerics": ROOT / "docs" / "numerics.md"}
DEMANDS = re.compile(
    r"\b(must|may not|raise[sd]?|never|only (if|by)|illegal|faults|ignored|stops?|is for \d)\b|\b(Invalid|Denormal|Overflow|Underflow):",
    re.IGNORECASE,
)
NOT_PROSE = (r"```.*?```", r"^\|.*?$", r"^\{\w+\}$")
ITEM = r"^ *(\*|\d+\.) "


def sentences(text: str) -> Iterator[tuple[str, str]]:
    """(section number, sentence) of the prose of a page that demands something."""
    for pattern in NOT_PROSE:
        text = re.sub(pattern, "", text, flags=re.DOTALL | re.MULTILINE)
    section = ""
    for paragraph in re.split(r"\n\s*\n|(?m:^(?=#))|(?m:(?<=\n)(?=#))", re.sub(ITEM, "\n\n", text, flags=re.MULTILINE)):
        if heading := re.match(r"#+ ([\d.]*\d)?.*\n?", paragraph):
            section, paragraph = heading[1] or section, paragraph[heading.end() :]
        for sentence in re.split(r"(?<=\.)\s+(?=[A-Z`*\"])", " ".join(paragraph.split())):
            if DEMANDS.search(sentence):
                yield section, sentence


def rows(text: str) -> list[tuple[str, str, list[str]]]:
    """(page and section, beginning of a sentence, tests) of the table under the heading "Sentences and their tests"."""
    table = text.split("## Sentences and their tests")[1].split("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines() if line.startswith("|")]
    return [(where, sentence, re.findall(r"`([^`]+)`", tests)) for where, sentence, tests in cells[2:]]


def missing(pages: dict[str, str], table: list[tuple[str, str, list[str]]]) -> list[str]:
    """What has no row, rows that belong to no sentence, and sentences with two."""
    demands = [(f"{page} {section}".strip(), sentence) for page, text in pages.items() for section, sentence in sentences(text)]
    found = []
    for where, sentence in demands:
        matching = [row for row in table if row[0] == where and sentence.startswith(row[1])]
        if len(matching) != 1:
            found.append(f"{len(matching)} rows for ({where}): {sentence}")
    for where, beginning, _ in table:
        if not any(where == place and sentence.startswith(beginning) for place, sentence in demands):
            found.append(f"no sentence for the row ({where}): {beginning}")
    return found


def unknown(tests: list[str]) -> list[str]:
    """Those that are no ``file::function`` of the tree."""
    lost = []
    for test in tests:
        file, _, name = test.partition("::")
        path = ROOT / file
        if not path.is_file() or not re.search(rf"^(async )?def {re.escape(name)}\(", path.read_text(), re.MULTILINE):
            lost.append(test)
    return lost


def test_every_sentence_has_its_tests():
    table = rows((ROOT / "docs" / "verification.md").read_text())
    found = missing({name: path.read_text() for name, path in PAGES.items()}, table)
    assert not found, "\n".join(found)
    lost = unknown([test for *_, tests in table for test in tests])
    assert all(tests for *_, tests in table) and not lost, f"no such test: {', '.join(lost)}"


PAGE = "# 1 A\n\nThe x may not be 3. It may be 4.\n\n### 1.2 B\n* None: Denormal.\n* y must\n  be 5 (z. too).\n"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ([("p 1", "The x may not", ["t"]), ("p 1.2", "y must", ["t"])], []),
        ([("p 1", "The x may not", ["t"])], ["0 rows for (p 1.2): y must be 5 (z. too)."]),
        ([("p 1", "The", ["t"]), ("p 1", "The x", ["t"]), ("p 1.2", "y", ["t"])], ["2 rows for (p 1): The x may not be 3."]),
        ([("p 1", "The", ["t"]), ("p 1.2", "y", ["t"]), ("p 1", "Gone", ["t"])], ["no sentence for the row (p 1): Gone"]),
    ],
)
def test_a_sentence_without_a_row_is_found(table, said):
    assert missing({"p": PAGE}, table) == said


def test_a_test_that_is_gone_is_found():
    here = "tests/repo/test_sentences.py"
    assert unknown([f"{here}::test_a_test_that_is_gone_is_found", f"{here}::test_gone", "tests/repo/gone.py::test_x"]) == [
        f"{here}::test_gone",
        "tests/repo/gone.py::test_x",
    ]

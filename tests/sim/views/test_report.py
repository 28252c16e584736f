"""Reports: JSON that every reader takes, pages, and one way to write them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from sim.views.report import print_table, write_json, write_page

ROOT = Path(__file__).resolve().parents[3]


def refuse(constant: str) -> None:
    pytest.fail(f"{constant} is not JSON")


def test_figures_that_json_does_not_have_are_null(tmp_path):
    report = {
        "loss": [2.5, float("nan"), float("inf")],
        "deep": {"rows": [{"a": (1, -float("inf"))}]},
        "one": np.float64("nan"),
        "text": "NaN",
    }
    text = write_json(tmp_path / "a" / "report.json", report).read_text()
    assert json.loads(text, parse_constant=refuse) == {
        "loss": [2.5, None, None],
        "deep": {"rows": [{"a": [1, None]}]},
        "one": None,
        "text": "NaN",
    }


def test_nobody_else_writes_json_for_people():
    """What sim.compile writes is about builds and holds no figures; a file of events, a timeline, and what the processes of a regression
    tell each other are for programs.
    """
    found = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "sim").rglob("*.py")
        if re.search(r"json\.dumps?\(", path.read_text()) and "compile" not in path.parts
    ]
    told = [f"sim/suite/{name}.py" for name in ("child", "farm", "golden_faults", "journal", "mutants", "worker")]
    assert sorted(found) == sorted(["sim/events/file.py", "sim/views/report.py", "sim/views/timeline.py", *told])


def test_a_page_shows_the_table(tmp_path):
    path = write_page(tmp_path / "report.html", "kernels & more", ["kernel", "share"], [["gemm", 0.51234], ["<b>", None]], ["a note"])
    text = path.read_text()
    assert "<h1>kernels &amp; more</h1>" in text and "<th>share</th>" in text and "<p>a note</p>" in text
    assert '<tr><td>gemm</td><td class="n">0.5123</td></tr>' in text and '<tr><td>&lt;b&gt;</td><td class="n">-</td></tr>' in text
    assert not re.search("https?:|src=", text), "it needs nothing but itself"


def test_no_cell_of_a_wide_table_is_cut_off(capsys):
    columns = [f"a column named {number}" for number in range(20)]
    print_table("wide", columns, [[f"{number} and more" for number in range(20)]])
    said = capsys.readouterr().out
    assert all(column in said for column in columns) and "19 and more" in said and "…" not in said

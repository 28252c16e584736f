"""The folder of a run: who may go on with it, and what a kill leaves readable."""

import json

import pytest

from sim.suite.journal import ROWS, RegressError, Rows, opened, read_rows

SAME = {"patterns": [], "first": 0}


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "a.py").write_text("a = 1\n")
    return tmp_path


def begin(tree, resume=False, same=SAME, rows=True, over=False):
    """Opens the folder, leaves a row in it, and says that nobody goes on with it; what was in it before."""
    with opened(tree / "open", same, resume, tree) as (folder, done):
        before = sorted(path.name for path in folder.glob("0*"))
        order = folder / f"00000{len(before)}"
        order.mkdir()
        if rows:
            Rows(order).ended({"name": "a"})
        if over:
            done()
    return before


def test_what_was_not_finished_stays_for_the_next_that_goes_on(tree):
    assert begin(tree) == []
    assert begin(tree, resume=True) == ["000000"]
    assert begin(tree) == [] and begin(tree, resume=True, over=True) == ["000000"]
    assert not (tree / "open").exists()


def test_what_tested_nothing_leaves_nothing(tree):
    begin(tree, rows=False)
    assert not (tree / "open").exists()


def test_there_is_nothing_to_go_on_with(tree):
    with pytest.raises(RegressError, match="there is no run to go on with in .*open: leave out --resume"):
        begin(tree, resume=True)
    assert not (tree / "open").exists()


def test_another_wish_or_a_changed_source_is_another_run(tree):
    begin(tree)
    with pytest.raises(RegressError, match="began with other first: begin anew"):
        begin(tree, resume=True, same={**SAME, "first": 1})
    (tree / "tests" / "a.py").write_text("a = 2\n")
    with pytest.raises(RegressError, match="began with other sources: begin anew"):
        begin(tree, resume=True)
    assert (tree / "open").exists()


def test_one_at_a_time(tree):
    with opened(tree / "open", SAME, False, tree), pytest.raises(RegressError, match="another regression runs in this checkout"):
        begin(tree)


def test_rows_end_where_a_kill_cut_them(tmp_path):
    rows = Rows(tmp_path)
    rows.begins("a")
    rows.ended({"name": "a"})
    rows.begins("b")
    assert read_rows(tmp_path) == ([{"name": "a"}], "b")
    with (tmp_path / ROWS).open("a") as file:
        file.write(json.dumps({"name": "b"})[:-3])
    assert read_rows(tmp_path) == ([{"name": "a"}], "b")
    assert read_rows(tmp_path / "nowhere") == ([], "")

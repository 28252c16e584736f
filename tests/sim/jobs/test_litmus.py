"""Litmus programs on the RTL: every rule holds; what breaks one is told with the program and the line that runs it again."""

import pytest

from golden.arch.config import get_config
from golden.litmus import TABLE
from sim.jobs import litmus
from sim.jobs.litmus import COLUMNS, Seen, chosen, run_all, table, told


@pytest.mark.system
def test_the_rtl_keeps_every_rule(seed):
    found = run_all(chosen([]), 3, seed)
    assert [told(seen, seed, 3, "tiny") for seen in found if seen.wrong] == []
    assert all(sum(seen.rtl.values()) == sum(seen.iss.values()) == 3 for seen in found)


def test_a_program_is_chosen_by_a_part_of_its_name():
    assert [each.name for each in chosen(["half", "byte"])] == ["byte, then word", "half, then word"]
    assert len(chosen([])) == len(TABLE)
    with pytest.raises(ValueError, match=r"no litmus program 'bite': there are store, then load"):
        chosen(["bite"])


def test_what_may_not_be_is_told(monkeypatch):
    (each,) = chosen(["byte"])
    monkeypatch.setattr(litmus, "on_rtl", lambda run, engine: ("0",))
    seen = litmus.run_one(each, 2, 5, get_config("tiny"), object())
    assert seen.wrong == [("0",)] and seen.rtl == {("0",): 2} and seen.iss == {("0x1",): 2}
    assert table([seen]) == [[each.name, "own order", "0: 2", "0x1: 2", "", "0", "0"]] and len(COLUMNS) == len(table([seen])[0])
    text = told(seen, 5, 2, "tiny")
    assert "byte, then word: 0:x20 came out as 0 on the RTL, against the rule: own order" in text
    assert "thread 0: st.b x10, x1, 0; ld.d x20, x1, 0" in text
    assert text.endswith(".venv/bin/python -m sim litmus 'byte, then word' --runs 2 --seed 5 --config tiny")


def test_what_is_allowed_and_never_came_is_listed():
    (each,) = chosen(["a vector of a vector store"])
    assert table([Seen(each)])[0][4] == "0  1  some"

"""Snippets: each legal wherever it stands, whatever is left out around it."""

import random

import pytest

from golden.arch.classes import Flow
from golden.arch.memmap import ThreadState
from golden.rig import Rig
from golden.rig.snippets import Snippet, render, written
from tests.golden.rig.runs import TINY, finish


def test_any_choice_of_snippets_is_a_legal_program(seed):
    rng = random.Random(seed)
    for number in range(30):
        rig = Rig(2000 + number, TINY, 60)
        keep = {n for n in rig.numbers() if rng.random() < 0.5}
        node, records = finish(rig.job(keep))
        assert records and all(t.state is ThreadState.IDLE for t in node.threads), f"seed {2000 + number}"


def test_what_is_kept_is_rendered_between_its_parents_lines():
    inner = Snippet(2, "inner", ["add x1, x2, x3"])
    outer = Snippet(1, "outer", ["loopi end, 2"], [inner, Snippet(3, "other", ["nop"])], ["end:"])
    assert render(outer, {1, 2}) == ["; 1 outer", "        loopi end, 2", ";   2 inner", "        add x1, x2, x3", "end:"]
    assert render(outer, {2, 3}) == []


LINES = [("(p1) loopi n3, 2", Flow.LOOPI), ("add x1, x2, x3", Flow.PLAIN), ("n3:", None), (".word 0", None)]


@pytest.mark.parametrize(("line", "flow"), LINES)
def test_the_instruction_of_a_line(line, flow):
    insn = written(line)
    assert (insn and insn.flow) == flow

"""A planted difference on a random program is told with a program of a few instructions, and how to have it again."""

import numpy as np
import pytest

from golden.arch import isa
from golden.arch.encoding import opcode_of
from golden.lockstep import Difference, Result
from golden.rig import Rig, instructions
from sim.jobs.random_program import Reduced, check
from tests.golden.rig.runs import TINY


def planted(name):
    """A comparison that fails for every program with an instruction; how often it was asked."""
    asked = []

    def lockstep(config, memory, launches, strict, engine):
        asked.append(memory)
        words = np.frombuffer(memory[0][1], "<u4").tolist()
        if any(isa.BY_OPCODE[opcode_of(word)].mnemonic == name for word in words if opcode_of(word) in isa.BY_OPCODE):
            raise Difference(f"RTL and simulator differ on thread 0\n  ISS: t0 #{len(asked):<5} 000400  {name} v1, v2", (0, 5), 77)
        return Result(retired=12)

    return lockstep, asked


def test_the_text_has_the_small_program_and_the_command():
    name = next(name for name in instructions(Rig(1, TINY, 60).job().program) if name.startswith("vf"))
    lockstep, asked = planted(name)
    with pytest.raises(Reduced) as told:
        check(Rig(1, TINY, 60), lockstep=lockstep)
    text = str(told.value)
    assert text.startswith("RTL and simulator differ on thread 0") and (told.value.place, told.value.cycle) == ((0, 5), 77)
    assert text.endswith("this again: .venv/bin/python -m sim shrink --seed 1 --length 60 --config tiny")
    small = text.split("the smallest program that shows it:\n")[1].split("this again")[0]
    assert small == told.value.job.text and name in small and len(small.splitlines()) < 16 and len(asked) > 10


def test_equal_ones_agree():
    lockstep, asked = planted("no such name")
    assert check(Rig(1, TINY, 60), lockstep=lockstep).retired == 12 and len(asked) == 1


def test_a_difference_that_does_not_come_again_is_told_as_it_was():
    calls = []

    def once(*_, **__):
        calls.append(1)
        if len(calls) == 1:
            raise Difference("SRAM differs in 3 bytes")
        return Result()

    with pytest.raises(Difference, match="^SRAM differs in 3 bytes$"):
        check(Rig(1, TINY, 60), lockstep=once)

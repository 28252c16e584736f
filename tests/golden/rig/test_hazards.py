"""Dense snippets: instructions of every port, most of which depend on one just before."""

import random

from golden.arch.config import CONFIGS
from golden.rig.hazards import hazards
from golden.rig.memory import Layout
from golden.rig.snippets import FEW_P, FEW_X, Writer, written

TINY = CONFIGS["tiny"]


def lines(seed: int, count: int) -> list[str]:
    writer = Writer(0, TINY, Layout(TINY.sram_bytes), random.Random(seed), 100)
    return [line for _ in range(count) for line in hazards(writer)]


def test_all_ports_on_few_registers(seed):
    found = lines(seed, 100)
    ports = {written(line).port.name for line in found}
    assert ports == {"ALU", "SLOW", "CSR", "SLOAD", "SSTORE", "DESC", "VLOAD", "VSTORE", "DRAIN", "SIMD", "MATRIX", "FRONT"}
    named = [int(word[1:]) for line in found for word in line.replace(",", " ").split() if word[0] == "x" and word[1:].isdigit()]
    assert set(named) == {*FEW_X, 25}
    assert sum(line.startswith(f"(p{FEW_P[0]})") for line in found) > len(found) / 20


def test_the_writer_is_as_it_was():
    writer = Writer(0, TINY, Layout(TINY.sram_bytes), random.Random(3), 100)
    hazards(writer)
    assert len({writer.x() for _ in range(200)}) > len(FEW_X)

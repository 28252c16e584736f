"""Results a cycle of arithmetic in each format, from registers to registers, exactly as docs/numerics.md lists them.

A round computes whole registers in three groups of registers of their own, phase by phase, so that no instruction waits for another.
"""

import re
from pathlib import Path

import pytest

from golden.arch.formats import FLOAT_FORMATS, FP32, FloatFormat
from sim.jobs.host import Host
from tests.system.test_latency import cycles

pytestmark = pytest.mark.system

GROUPS, ROUNDS = 3, 4
ROWS = re.findall(r"^\| `(\w+)` \| (\d+) \| (\d+) \| ([\d.]+) \| (\d+) \| ([\d.]+) \|$", Path("docs/numerics.md").read_text(), re.MULTILINE)
FORMATS = {fmt.short: fmt for fmt in FLOAT_FORMATS.values()}


def round_of(fmt: FloatFormat, sources: int) -> list[str]:
    """Registers v1 and v2 are read; results of a group stand in its first register."""
    parts = 32 // fmt.bits
    short, op = fmt.short, "vfma.odd" if sources == 3 else "vfadd.odd"
    each = range(GROUPS)
    # A group has a register for each part of two operands; a third one is read from that of the first.
    wide = {(g, part, k): f"v{3 + 8 * g + 2 * part + k}" for g in each for part in range(parts) for k in range(2)}
    half = {(g, k): f"v{(27 + 2 * g + k) % 32}" for g in each for k in range(parts // 2)}
    widen = [f"vwiden.{short} {wide[g, part, k]}, v{k + 1}, {part}" for g in each for part in range(parts) for k in range(2)]
    if sources == 3:
        widen += [f"vwiden.{short} {wide[g, part, 1]}, v1, {part}" for g in each for part in range(parts)]
    add = [", ".join([f"{op} {wide[g, p, 0]}", *(wide[g, p, k % 2] for k in range(sources))]) for g in each for p in range(parts)]
    narrow = [
        f"vnarrow.{short} {half[g, k]}, {wide[g, 2 * k, 0]}, {wide[g, 2 * k + 1, 0]}" for g in each for k in range(parts // 2)
    ]
    # The halves of eight-bit results were made in the round before: their registers are written again only by what follows.
    join = [f"vcat.lo {wide[g, 0, 1]}, {half[g, 0]}, {half[g, 1]}" for g in each] if parts == 4 else []
    return [*widen, *add, *join, *narrow]


def test_the_table_is_there():
    assert [row[0] for row in ROWS] == list(FORMATS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_register_takes_what_the_table_says(engine, row):
    name, elements, *figures = row
    host = Host(engine)
    for sources, taken, rate in ((2, *figures[:2]), (3, *figures[2:])):
        if FORMATS[name] is FP32:
            done, link = 24, ";".join(f"{'vfma' if sources == 3 else 'vfadd'} v{3 + k}, v1, v2{', v1' * (sources - 2)}" for k in range(24))
        else:
            done, link = GROUPS, ";".join(round_of(FORMATS[name], sources))
        assert int(elements) == 512 // FORMATS[name].bits
        spent = (cycles(host, link, 2 * ROUNDS) - cycles(host, link, ROUNDS)) / ROUNDS / done
        assert spent == int(taken), f"{name}, {sources} operands: {spent} cycles a register"
        assert f"{int(elements) / spent:.1f}" == rate

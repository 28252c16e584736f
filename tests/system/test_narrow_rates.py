"""Results a cycle of arithmetic in each format, from registers to registers, exactly as docs/numerics.md lists them.

A round computes whole registers, each in a group of registers of its own, phase by phase, so that no instruction waits for another.
"""

import re
from pathlib import Path

import pytest

from golden.arch.formats import BF16, FLOAT_FORMATS, FP32, FloatFormat
from sim.jobs.host import Host
from tests.system.test_latency import cycles

pytestmark = pytest.mark.system

ROUNDS = 4
ROWS = re.findall(r"^\| `(\w+)` \| (\d+) \| (\d+) \| ([\d.]+) \| (\d+) \| ([\d.]+) \|$", Path("docs/numerics.md").read_text(), re.MULTILINE)
FORMATS = {fmt.short: fmt for fmt in FLOAT_FORMATS.values()}


def round_of(fmt: FloatFormat, sources: int) -> tuple[int, list[str]]:
    """How many registers a round computes, and its instructions. Operands are v1 and v2; a third one is v1 again."""
    parts = 32 // fmt.bits
    short, op = fmt.short, "vfma.odd" if sources == 3 else "vfadd.odd"
    each, places = range(12 // parts), [(part, g) for part in range(parts) for g in range(12 // parts)]
    # A group has a register for each part of two operands, and one for 32 of its results.
    wide = {(g, part, k): f"v{3 + 2 * parts * g + 2 * part + k}" for part, g in places for k in range(2)}
    half = {(g, k): f"v{(27 + parts // 2 * g + k) % 32}" for g in each for k in range(parts // 2)}
    first, second, third = (
        [f"vwiden.{short} {wide[g, part, k]}, {source}, {part}" for part, g in places] for k, source in ((0, "v1"), (1, "v2"), (1, "v1"))
    )
    add = [", ".join([f"{op} {wide[g, part, 0]}", *(wide[g, part, k % 2] for k in range(sources))]) for part, g in places]
    # Halves of eight-bit results are those of the round before, as are second operands: so everything stands when it is read.
    join = [f"vcat.lo {wide[g, 3, 1]}, {half[g, 0]}, {half[g, 1]}" for g in each] if parts == 4 else []
    narrow = [f"vnarrow.{short} {half[g, k]}, {wide[g, 2 * k, 0]}, {wide[g, 2 * k + 1, 0]}" for g, k in half]
    return len(each), [*first, *add, *join, *second, *(third if sources == 3 else []), *narrow]


def round_of_bf16(sources: int) -> tuple[int, list[str]]:
    """The same with the operations that take BF16 operands. A narrowing takes the sums of three groups before, so that they stand."""
    each, text = range(6), []
    for g in each:
        for part in range(2):
            fused = f"vfma.odd.bf16.{('lo', 'hi')[part]} v{3 + 2 * g + part}, v1, v2, v1"
            text.append(fused if sources == 3 else f"vfadd.odd.bf16 v{3 + 2 * g + part}, v1, v2, {part}")
        done = (g - 3) % len(each)
        text.append(f"vnarrow.bf16 v{20 + done}, v{3 + 2 * done}, v{4 + 2 * done}")
    return len(each), text


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
            done, text = round_of_bf16(sources) if FORMATS[name] is BF16 else round_of(FORMATS[name], sources)
            link = ";".join(text)
        assert int(elements) == 512 // FORMATS[name].bits
        spent = (cycles(host, link, 2 * ROUNDS) - cycles(host, link, ROUNDS)) / ROUNDS / done
        assert spent == int(taken), f"{name}, {sources} operands: {spent} cycles a register"
        assert f"{int(elements) / spent:.1f}" == rate

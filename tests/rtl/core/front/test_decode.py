"""The decoder against golden.arch.isa: what is legal, and the fields of a row that dispatch acts on."""

import random

import pytest

from golden.arch import isa
from golden.arch.config import get_config
from golden.arch.encoding import F0, F1, SCALAR_QUEUE_UNITS, VECTOR_QUEUE_UNITS, Unit
from rtl.core.front.decode import Decoder

BASE = get_config("tiny").features
WIDTH = 4


def decode(simulate, words: list[int], features: frozenset[str]) -> list[tuple[int, int, int, int]]:
    """(legal, scalar, vector, unit) of each word."""
    dut, rows = Decoder(WIDTH, features), []

    async def bench(ctx) -> None:
        for at in range(0, len(words), WIDTH):
            part = words[at : at + WIDTH]
            for i, word in enumerate(part):
                ctx.set(dut.word[i], word)
            await ctx.delay(1e-9)
            for i in range(len(part)):
                row = dut.row[i]
                rows.append(tuple(int(ctx.get(value)) for value in (row.legal, row.scalar, row.vector, row.unit.as_value())))

    simulate(dut, bench, clocked=False)
    return rows


def check(simulate, words: list[int], features: frozenset[str] = BASE) -> int:
    """Compare every word; how many were legal."""
    legal = 0
    for word, (is_legal, scalar, vector, unit) in zip(words, decode(simulate, words, features), strict=True):
        insn = isa.lookup(word, features)
        assert is_legal == (insn is not None), f"{word:#010x} is {'legal' if is_legal else 'illegal'}, {insn}"
        if insn is not None:
            legal += 1
            assert unit == insn.unit, insn.mnemonic
            assert (scalar, vector) == (insn.unit in SCALAR_QUEUE_UNITS, insn.unit in VECTOR_QUEUE_UNITS), insn.mnemonic
    return legal


def test_every_opcode_alone(simulate):
    assert check(simulate, list(range(512))) > 50


@pytest.mark.parametrize("features", [BASE, frozenset(isa.FEATURES)], ids=["base", "all"])
def test_one_reserved_bit(simulate, features):
    """Every instruction of every feature with every single bit beside its opcode, reserved or not."""
    check(simulate, [insn.opcode | 1 << bit for insn in isa.TABLE for bit in range(9, 32)], features)


def test_random_fields(simulate, seed):
    """Only bits that an instruction uses: legal but for choices that do not exist and registers that must differ."""
    rng = random.Random(seed)
    words = [insn.opcode | rng.getrandbits(32) & insn.used_mask & ~0x1FF for insn in isa.TABLE for _ in range(6)]
    assert check(simulate, words) > len(words) // 2


def test_choices_and_equal_registers(simulate):
    words = []
    for insn in isa.TABLE:
        for operand in insn.operands:
            if operand.choices:
                words += [insn.opcode | value << operand.lo for value in range(4)]
        if insn.unit is Unit.SLOAD:
            words += [insn.opcode | a << F0 | b << F1 for a, b in ((0, 0), (3, 3), (31, 31), (3, 4))]
    assert 0 < check(simulate, words) < len(words)


def test_random_words(simulate, seed):
    rng = random.Random(seed)
    check(simulate, [rng.getrandbits(32) for _ in range(1000)])

"""The decoder against golden.arch.isa: what is legal, and the fields of a row that dispatch acts on."""

import random
import re
from pathlib import Path

import pytest
from amaranth.back import rtlil

from golden.arch import isa
from golden.arch.classes import Flow, Port, Queue
from golden.arch.config import get_config
from golden.arch.encoding import F0, F1, OPCODE_BITS, OperandKind
from rtl.core.decoded import implemented, row
from rtl.core.front.decode import Decoder
from rtl.core.front.dispatch import Dispatch
from tests.rtl.core.named import names

ROOT = Path(__file__).resolve().parents[4]
BASE = get_config("tiny").features
WIDTH = 4


def decode(simulate, words: list[int], features: frozenset[str]) -> list[tuple[int, int, int]]:
    """(legal, scalar, vector) of each word."""
    dut, rows = Decoder(WIDTH, features), []

    async def bench(ctx) -> None:
        for at in range(0, len(words), WIDTH):
            part = words[at : at + WIDTH]
            for i, word in enumerate(part):
                ctx.set(dut.word[i], word)
            await ctx.delay(1e-9)
            for i in range(len(part)):
                front = dut.row[i].front
                rows.append(tuple(int(ctx.get(value)) for value in (front.legal, front.scalar, front.vector)))

    simulate(dut, bench, clocked=False)
    return rows


def check(simulate, words: list[int], features: frozenset[str] = BASE) -> int:
    """Compare every word; how many were legal."""
    legal = 0
    for word, (is_legal, scalar, vector) in zip(words, decode(simulate, words, features), strict=True):
        insn = isa.lookup(word, features)
        insn = insn if insn is not None and implemented(insn) else None
        assert is_legal == (insn is not None), f"{word:#010x} is {'legal' if is_legal else 'illegal'}, {insn}"
        if insn is not None:
            legal += 1
            assert (scalar, vector) == (insn.queue is Queue.SCALAR, insn.queue is Queue.VECTOR), insn.mnemonic
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
        if insn.port is Port.SLOAD:
            words += [insn.opcode | a << F0 | b << F1 for a, b in ((0, 0), (3, 3), (31, 31), (3, 4))]
    assert 0 < check(simulate, words) < len(words)


def test_random_words(simulate, seed):
    rng = random.Random(seed)
    check(simulate, [rng.getrandbits(32) for _ in range(1000)])


def test_names_are_those_of_the_record(simulate, seed):
    """Registers, descriptor and step of every scalar instruction that a unit implements, with random operands."""
    rng = random.Random(seed)
    scalar = [insn for insn in isa.TABLE if insn.queue is Queue.SCALAR and implemented(insn)]
    words = [(insn, insn.opcode | rng.getrandbits(32) & insn.used_mask & ~0x1FF) for insn in scalar for _ in range(20)]
    dut = Decoder(WIDTH, frozenset(isa.FEATURES))

    async def bench(ctx) -> None:
        for insn, word in words:
            ctx.set(dut.word[0], word)
            await ctx.delay(1e-9)
            if isa.lookup(word, dut.features):
                expected = names(insn, word)
                shown = {name: int(ctx.get(dut.names[0][name])) for name in expected}
                if insn.of_kind(OperandKind.D) is None:
                    shown["d"] = 0  # nobody looks
                assert shown == expected, f"{insn.mnemonic} {word:#010x}"

    simulate(dut, bench, clocked=False)


SETS = [BASE, *(BASE | {feature} for feature in isa.FEATURES), frozenset(isa.FEATURES)]
OF_SCALAR = {
    Port.SLOAD: "sload",
    Port.SSTORE: "sstore",
    Port.VLOAD: "vload",
    Port.VSTORE: "vstore",
    Port.DRAIN: "drain",
    Port.SYNC: "sync",
    Port.CSR: "csr",
    Port.SLOW: "slow",
    Port.NET: "net",
}


@pytest.mark.parametrize("features", SETS, ids=lambda features: "+".join(sorted(features)))
def test_every_legal_record_has_a_row_of_its_own_in_its_unit(features):
    """An empty row would hang its unit; one that another record has as well would silently do what that one does."""
    of_row: dict[str, str] = {}
    for insn in isa.TABLE:
        parts = row(insn, features)
        if not parts["front"]:
            assert insn.feature != "base", f"{insn.mnemonic} is illegal on every machine"
            continue
        scalar, vector = parts["scalar"], parts["vector"]
        assert (bool(scalar), bool(vector)) == (insn.queue is Queue.SCALAR, insn.queue is Queue.VECTOR), insn.mnemonic
        if scalar:
            kinds = [name for name in OF_SCALAR.values() if scalar[name] and not (name == "slow" and scalar["csr"])]
            kinds += ["descriptor"] * (scalar["setd"] or scalar["getd"] or parts["names"]["step_f1"])
            assert kinds == [OF_SCALAR.get(insn.port, "descriptor")] * (insn.port is not Port.ALU), insn.mnemonic
            assert scalar["store"] == parts["front"]["store"], insn.mnemonic
            assert insn.format is None or scalar["drain_format"] == insn.format, insn.mnemonic
        if vector and not vector["simd"]:
            operands = {op.kind for op in insn.operands}
            assert OperandKind.C in operands and vector["step"] == (insn.a_format is not None), insn.mnemonic
        if insn.flow is not Flow.LOGIC:  # the word says which operation
            same = of_row.setdefault(repr(parts), insn.mnemonic)
            assert same == insn.mnemonic, f"{insn.mnemonic} has the row of {same}"


def test_one_look_up_per_dispatched_instruction():
    """A port of one table for each place of a group, and nobody else in the core has opcodes to look up."""
    config = get_config("tiny")
    text = rtlil.convert(Dispatch(config), emit_src=False)
    [table] = re.findall(rf"memory width \d+ size {1 << OPCODE_BITS} \\(\w+)", text)
    assert text.count(f'parameter \\MEMID "\\\\{table}"') == config.dispatch_width + 1  # and what it holds at first
    core = (ROOT / "rtl/core").rglob("*.py")
    readers = {path.name for path in core if re.search(r"\bOPCODE_BITS\b|\bBY_OPCODE\b|\bisa\.TABLE\b", path.read_text())}
    assert readers == {"decode.py"}

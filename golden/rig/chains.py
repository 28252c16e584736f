"""Chains of a random program: a register that one port writes and another reads or writes again, at once or a few instructions later.

Random operands meet such pairs seldom; these are the hazards of golden.coverage on purpose.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from golden.arch.classes import Matrix, Port, Reduce
from golden.arch.encoding import OperandKind
from golden.arch.memmap import Csr

if TYPE_CHECKING:
    from golden.rig.snippets import Writer

Line = Callable[[str], str]
SEED, THREAD = int(Csr.SEED), int(Csr.THREAD)


def chain(writer: Writer) -> list[str]:
    """A few links of one kind: numbers, an address, a predicate, vectors."""
    kinds = {_numbers: 4, _address: 2, _predicate: 3, _vectors: 1}
    kind = writer.rng.choices(list(kinds), list(kinds.values()))[0]
    return [line for _ in range(writer.rng.randint(1, 3)) for line in kind(writer)]


def _link(writer: Writer, register: str, writes: list[Line], uses: list[Line]) -> list[str]:
    """One writes the register, others use it or write it again, with up to three other instructions between."""
    rng = writer.rng
    lines = [rng.choice(writes)(register)]
    for _ in range(rng.randint(1, 3)):
        lines += [f"addi x{rng.randrange(1, 8)}, x0, {writer.number(-512, 511)}" for _ in range(rng.choice((0, 0, 0, 1, 2, 3)))]
        lines.append(rng.choice((*uses, *writes) if rng.random() < 0.5 else uses)(register))
    return lines


def _readers(writer: Writer) -> list[Line]:
    """Of a scalar register with any number in it."""
    d = writer.descriptor("bf16")
    return [
        lambda r: f"add {writer.x()}, {r}, {writer.x()}",
        lambda r: f"mul {writer.x()}, {r}, {r}",
        lambda r: f"csrw {r}, {SEED}",
        lambda r: f"st.d {r}, x24, {8 * writer.rng.randrange(32)}",
        lambda r: f"drain.bf16.sr {writer.c()}, d{d}, {r}",
    ]


def _numbers(writer: Writer) -> list[str]:
    writes: list[Line] = [
        lambda r: f"addi {r}, {writer.x()}, 7",
        lambda r: f"mul {r}, {writer.x()}, {writer.x()}",
        lambda r: f"csrr {r}, {writer.rng.choice((SEED, THREAD))}",
        lambda r: f"ld.d {r}, x24, {8 * writer.rng.randrange(32)}",
        lambda r: f"getd {r}, d{writer.rng.randrange(8)}, {writer.rng.randrange(2)}",
    ]
    return _link(writer, f"x{writer.rng.randrange(8, 24)}", writes, _readers(writer))


def _address(writer: Writer) -> list[str]:
    """A copy of x24, which some ports make anew and others move by 8 bytes."""
    rng = writer.rng
    writes: list[Line] = [
        lambda r: f"addi {r}, x24, {8 * rng.randrange(8)}",
        lambda r: f"mul {r}, x24, x27",
        lambda r: f"csrr {r}, {SEED}",
        lambda r: f"ld.d {r}, x24, -512",
        lambda r: f"stp.d {writer.x()}, {r}, 8",
        lambda r: f"ldp.d {writer.x()}, {r}, 8",
    ]
    uses: list[Line] = [
        lambda r: f"ld.d {writer.x()}, {r}, {8 * rng.randrange(32)}",
        lambda r: f"st.w {writer.x()}, {r}, {8 * rng.randrange(32)}",
        lambda r: f"add {writer.x()}, {r}, {writer.x()}",
        lambda r: f"mul {writer.x()}, {r}, {writer.x()}",
        lambda r: f"st.d {r}, x24, {8 * rng.randrange(32)}",
    ]
    return ["li x27, 1", f"csrw x24, {SEED}", "st.d x24, x24, -512", "addi x25, x24, 0", *_link(writer, "x25", writes, uses)]


def _predicate(writer: Writer) -> list[str]:
    """Tests of every port, and instructions of every port under the predicate."""
    rng = writer.rng
    ports = sorted({insn.port for insn in writer.tests})

    def tests(port: Port) -> Line:
        table = [insn for insn in writer.tests if insn.port is port]

        def line(predicate: str) -> str:
            text = writer.operands(rng.choice(table))
            name, _, rest = text.partition(" ")
            return f"{name} {predicate},{rest.partition(',')[2]}"

        return line

    simd = [insn for insn in writer.simd if insn.reduce is Reduce.NONE]
    under: list[Callable[[], str]] = [
        *(line for line in [lambda read=read: read(writer.x()) for read in _readers(writer)]),
        lambda: f"csrr {writer.x()}, {THREAD}",
        lambda: f"getd {writer.x()}, d{rng.randrange(8)}, 0",
        lambda: f"ld.d {writer.x()}, x24, {8 * rng.randrange(32)}",
        lambda: f"vld.c {writer.v()}, d{rng.randrange(7)}",
        lambda: f"vst.c {writer.v()}, d{writer.descriptor('store')}",
        lambda: f"step.bf16 {writer.c()}, {writer.tame()}, {writer.tame()}",
        lambda: writer.operands(rng.choice(simd)),
        lambda: "nop",
    ]
    uses: list[Line] = [lambda p, line=line: f"({p}) {line()}" for line in under]
    return _link(writer, f"p{rng.randrange(1, 6)}", [tests(port) for port in ports], uses)


def _vectors(writer: Writer) -> list[str]:
    moves = [insn for insn in writer.simd if [op.kind for op in insn.operands] == [OperandKind.V] * 3]
    writes: list[Line] = [
        lambda v: f"vld.c {v}, d{writer.rng.randrange(7)}",
        lambda v: f"{writer.rng.choice(moves).mnemonic} {v}, {writer.v()}, {writer.v()}",
    ]
    uses: list[Line] = [
        lambda v: f"{writer.rng.choice(moves).mnemonic} {writer.v()}, {v}, {writer.v()}",
        lambda v: f"vst.c {v}, d{writer.descriptor('store')}",
        lambda v: f"{writer.rng.choice([insn for insn in writer.steps if insn.matrix is Matrix.STEP]).mnemonic} {writer.c()}, {v}, {v}",
    ]
    return _link(writer, writer.v(), writes, uses)

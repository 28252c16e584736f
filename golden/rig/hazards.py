"""Instructions of all ports on few registers: most depend on one just before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from golden.arch.classes import Format
from golden.arch.encoding import OperandKind
from golden.arch.memmap import Csr
from golden.rig.memory import KINDS

if TYPE_CHECKING:
    from golden.rig.snippets import Writer


def hazards(w: Writer) -> list[str]:
    """A writer's lines; x25 points to where it may read and write 512 bytes on either side."""
    w.few = True
    kinds = (_any, _any, _scalar_access, _vector_access, _late, _matrix)
    lines = [w.when() + w.rng.choice(kinds)(w) for _ in range(w.rng.randint(4, 12))]
    w.few = False
    return lines


def _any(w: Writer) -> str:
    """Arithmetic, a test, a SIMD operation."""
    return w.operands(w.rng.choice(w.rng.choice((w.alu, w.tests, w.simd))))


def _scalar_access(w: Writer) -> str:
    insn = w.rng.choice(w.memory)
    return f"{insn.mnemonic} {w.x()}, x25, {8 * w.rng.randint(-4, 4)}"


def _vector_access(w: Writer) -> str:
    if w.rng.random() < 0.5:
        return f"{w.rng.choice(w.loads).mnemonic} {w.v()}, d{w.rng.randrange(len(KINDS))}{w.tile()}"
    return f"{w.rng.choice(w.stores).mnemonic} {w.v()}, d{w.descriptor('store', 'bf16', 'f32')}{w.tile()}"


def _late(w: Writer) -> str:
    """What the scalar side gives late, or by another way than its arithmetic."""
    csr = w.rng.choice((Csr.THREAD, Csr.SEED, Csr.PRIORITY, Csr.FP_MODE))
    return w.rng.choice(
        (
            f"mul {w.x()}, {w.x()}, {w.x()}",
            f"csrr {w.x()}, {int(csr)}",
            f"csrw {w.x()}, {int(Csr.SEED)}",
            f"getd {w.x()}, d{w.rng.randrange(len(KINDS))}, {w.rng.randrange(2)}",
        )
    )


def _matrix(w: Writer) -> str:
    if w.rng.random() < 0.6:
        return w.operands(w.rng.choice(w.steps))
    insn = w.rng.choice(w.drains)
    counter = f", {w.x()}" if insn.of_kind(OperandKind.X) else ""
    return f"{insn.mnemonic} {w.c()}, d{w.descriptor('f32' if insn.format is Format.FP32 else 'bf16')}{counter}"

"""Accumulators: opcodes 0x1a0 to 0x1bf."""

from __future__ import annotations

from golden.arch.classes import Format, Matrix, Port
from golden.arch.encoding import F0, F1, F2, F3, Insn, Operand, OperandKind
from golden.arch.isa.operands import accumulator, flag, vector

_BOTH = accumulator(writes=True)
_A, _B = vector("va", F1), vector("vb", F2)


def _step(i: int, name: str, a: Format, b: Format) -> Insn:
    what = a.name if a is Format.BF16 else f"{a.name} and {b.name}"
    text = (
        f"c[c] += A (8x4) times B (4x8) of {what}; first: c[c] is taken as +0; A = v[va] (rows of 8 B; at: transposed, rows of 16 B), "
        "B = v[vb] (rows of 16 B; bt: transposed, rows of 8 B); rules in docs/numerics.md"
    )
    operands = (_BOTH, _A, _B, flag("first", F0 + 3), flag("at", F3), flag("bt", F3 + 1))
    if a is not Format.BF16:
        operands, text = (*operands, flag("ah", F3 + 2), flag("bh", F3 + 3)), f"{text}; ah, bh: the upper half of the vector"
    return Insn(
        f"step.{name}",
        0x1A0 + i,
        Port.MATRIX,
        operands,
        text,
        "matrix",
        feature="base" if a is Format.BF16 else "cfloat8",
        a_format=a,
        b_format=b,
        matrix=Matrix.STEP,
    )


_C143, _C152 = Format.CFLOAT8_1_4_3, Format.CFLOAT8_1_5_2

TABLE = [
    _step(0, "bf16", Format.BF16, Format.BF16),
    _step(1, "143.143", _C143, _C143),
    _step(2, "143.152", _C143, _C152),
    _step(3, "152.143", _C152, _C143),
    _step(4, "152.152", _C152, _C152),
    Insn(
        "cld.f32",
        0x1A8,
        Port.MATRIX,
        (_BOTH, _A, Operand("imm", OperandKind.UINT, F3, 2)),
        "quarter imm of c[c] (rows 4 (imm div 2) to +3, columns 4 (imm mod 2) to +3, row-major) = the 16 FP32 lanes of v[va]",
        "matrix",
        matrix=Matrix.LOAD_QUARTER,
    ),
    Insn(
        "cld.row",
        0x1A9,
        Port.MATRIX,
        (accumulator(writes=True, reads=False), _A, Operand("imm", OperandKind.UINT, F3, 1)),
        "every row of c[c] = FP32 lanes 8 imm to 8 imm + 7 of v[va]",
        "matrix",
        matrix=Matrix.LOAD_ROW,
    ),
    Insn(
        "cld.raw",
        0x1AA,
        Port.MATRIX,
        (_BOTH, _A, Operand("imm", OperandKind.UINT, F3, 3)),
        "row imm of c[c] = the 8 raw 64-bit words of v[va]",
        "matrix",
        matrix=Matrix.LOAD_RAW,
    ),
]

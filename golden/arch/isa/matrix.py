"""Accumulators: opcodes 0x1a0 to 0x1bf."""

from __future__ import annotations

from golden.arch.classes import Format, Matrix, Port
from golden.arch.encoding import F0, F1, F2, F3, Insn, Operand, OperandKind
from golden.arch.isa.operands import accumulator, flag, vector

_BOTH = accumulator(writes=True)
_A, _B = vector("va", F1), vector("vb", F2)


def _step(i: int, a: Format, b: Format) -> Insn:
    wide = a is Format.BF16
    operands: tuple[Operand, ...] = (_BOTH, _A, _B, flag("first", F0 + 3), flag("at", F3), flag("bt", F3 + 1))
    if wide:
        places = "A = v[va] (rows of 8 B; at: transposed, rows of 16 B), B = v[vb] (rows of 16 B; bt: transposed, rows of 8 B)"
    else:
        operands = (*operands, flag("ah", F3 + 2), flag("bh", F3 + 3))
        places = (
            "A in v[va], B in v[vb], both in rows of 8 B, of which the step takes columns 0 to 3, or with ah 4 to 7, of A "
            "and rows 0 to 3, or with bh 4 to 7, of B; at, bt: it is transposed, and so columns and rows change places; "
            "each with its own bias"
        )
    what = a.name if wide else f"{a.name} and {b.name}"
    return Insn(
        f"step.{_suffix(a, b)}",
        0x1A0 + i,
        Port.MATRIX,
        operands,
        f"c[c] += A (8x4) times B (4x8) of {what}; first: c[c] is taken as +0; {places}; rules in docs/numerics.md",
        "matrix",
        feature="base" if wide else "cfloat8",
        a_format=a,
        b_format=b,
        matrix=Matrix.STEP,
    )


def _suffix(a: Format, b: Format) -> str:
    """bf16, or the fields of both eight-bit formats: 143.152."""
    return a.short if a is Format.BF16 else f"{a.short.removeprefix('c')}.{b.short.removeprefix('c')}"


_EIGHT = (Format.CFLOAT8_1_4_3, Format.CFLOAT8_1_5_2)
_PAIRS = ((Format.BF16, Format.BF16), *((a, b) for a in _EIGHT for b in _EIGHT))

TABLE = [
    *(_step(i, a, b) for i, (a, b) in enumerate(_PAIRS)),
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

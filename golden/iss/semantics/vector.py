"""Vector arithmetic and accumulators."""

from __future__ import annotations

import numpy as np

from golden.arch.classes import Port
from golden.arch.encoding import Insn
from golden.arch.formats import BF16, FloatFormat
from golden.arch.memmap import FP_MODE, Csr
from golden.arch.simd_ops import SIMD_OPS, SimdOp
from golden.arch.trace import Effect
from golden.iss.semantics.binding import Meaning, Operands, each, op, set_c, set_p, set_v
from golden.iss.state import Node, Thread
from golden.numerics import convert, matrix, simd


@each(Port.SIMD, "vd va")
@each(Port.SIMD, "vd va imm")
@each(Port.SIMD, "vd va vb")
@each(Port.SIMD, "vd va vb imm")
@each(Port.SIMD, "vd va vb vc")
def _simd(insn: Insn) -> Meaning:
    code = SimdOp(insn.simd_op)
    flags, converts = SIMD_OPS[code].flags, isinstance(SIMD_OPS[code].format, FloatFormat)

    def execute(n: Node, t: Thread, o: Operands) -> list[Effect]:
        registers = [t.v[o[name]] if name in o else None for name in ("va", "vb", "vc")]
        how = {"imm": o.get("imm", 0), "fp": t.fp_state() if converts else simd.FpState()}
        t.raise_flags(flags, lambda: int(simd.execute_flags(code, *registers, **how)))
        return set_v(t, o["vd"], simd.execute(code, *registers, **how))

    return execute


@op("vany", "pd va")
def _vany(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return set_p(t, o["pd"], bool(t.v[o["va"]].view(np.uint32).any()))


@op("vall", "pd va")
def _vall(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return set_p(t, o["pd"], bool((t.v[o["va"]].view(np.uint32) != 0).all()))


@each(Port.MATRIX, "c va vb first at bt")
@each(Port.MATRIX, "c va vb first at bt ah bh")
def _step(insn: Insn) -> Meaning:
    a_format, b_format = insn.a_format.float, insn.b_format.float

    def step(n: Node, t: Thread, o: Operands) -> list[Effect]:
        mode = FP_MODE.unpack(t.csr[Csr.FP_MODE])
        a, b = (t.v[o[name]].view(f"<u{fmt.bytes}") for name, fmt in (("va", a_format), ("vb", b_format)))
        # A's rows, and B's columns, are four terms long; a vector of eight-bit numbers has eight, of which a step takes one half.
        left = _half(a.reshape(-1, 8), o.get("ah", 0)).T if o["at"] else _half(a.reshape(8, -1).T, o.get("ah", 0)).T
        right = _half(b.reshape(8, -1).T, o.get("bh", 0)) if o["bt"] else _half(b.reshape(-1, 8), o.get("bh", 0))
        left, right = _bf16(a_format, left, mode["a"]), _bf16(b_format, right, mode["b"])
        return set_c(t, o["c"], matrix.step(t.c[o["c"]], left, right, first=bool(o["first"])))

    return step


def _half(terms: np.ndarray, half: int) -> np.ndarray:
    """Four rows of terms."""
    return terms[4 * half : 4 * half + 4]


def _bf16(fmt: FloatFormat, codes: np.ndarray, bias: int) -> np.ndarray:
    """What a step multiplies: BF16 as it is, CFloat8 widened."""
    return codes if fmt is BF16 else convert.widen_bf16(fmt, codes, bias)


def _replace(acc: matrix.Accumulators, rows: slice, columns: slice, new: matrix.Accumulators) -> matrix.Accumulators:
    s, e, p = acc.s.copy(), acc.e.copy(), acc.p.copy()
    s[rows, columns], e[rows, columns], p[rows, columns] = new.s, new.e, new.p
    return matrix.Accumulators(s, e, p)


@op("cld.f32", "c va imm")
def _cld_f32(n: Node, t: Thread, o: Operands) -> list[Effect]:
    row, column = 4 * (o["imm"] >> 1), 4 * (o["imm"] & 1)
    new = matrix.load_f32(t.v[o["va"]].view("<u4").reshape(4, 4))
    return set_c(t, o["c"], _replace(t.c[o["c"]], slice(row, row + 4), slice(column, column + 4), new))


@op("cld.row", "c va imm")
def _cld_row(n: Node, t: Thread, o: Operands) -> list[Effect]:
    row = t.v[o["va"]].view("<u4")[8 * o["imm"] : 8 * o["imm"] + 8]
    return set_c(t, o["c"], matrix.load_f32(np.tile(row, (8, 1))))


@op("cld.raw", "c va imm")
def _cld_raw(n: Node, t: Thread, o: Operands) -> list[Effect]:
    new = matrix.from_raw(t.v[o["va"]].view("<u8").reshape(1, 8))
    return set_c(t, o["c"], _replace(t.c[o["c"]], slice(o["imm"], o["imm"] + 1), slice(0, 8), new))

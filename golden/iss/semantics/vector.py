"""Vector arithmetic and accumulators."""

from __future__ import annotations

import numpy as np

from golden.arch.classes import Port
from golden.arch.encoding import Insn
from golden.arch.simd_ops import SIMD_OPS, SimdOp
from golden.arch.trace import Effect
from golden.iss.semantics.binding import Meaning, Operands, each, op, set_c, set_p, set_v
from golden.iss.state import Node, Thread
from golden.numerics import matrix, simd


@each(Port.SIMD, "vd va")
@each(Port.SIMD, "vd va imm")
@each(Port.SIMD, "vd va vb")
@each(Port.SIMD, "vd va vb vc")
def _simd(insn: Insn) -> Meaning:
    code = SimdOp(insn.simd_op)
    flags = SIMD_OPS[code].flags

    def execute(n: Node, t: Thread, o: Operands) -> list[Effect]:
        registers = [t.v[o[name]] if name in o else None for name in ("va", "vb", "vc")]
        t.raise_flags(flags, lambda: int(simd.execute_flags(code, *registers)))
        return set_v(t, o["vd"], simd.execute(code, *registers, imm=o.get("imm", 0)))

    return execute


@op("vany", "pd va")
def _vany(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return set_p(t, o["pd"], bool(t.v[o["va"]].view(np.uint32).any()))


@op("vall", "pd va")
def _vall(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return set_p(t, o["pd"], bool((t.v[o["va"]].view(np.uint32) != 0).all()))


@op("step.bf16", "c va vb first at bt")
def _step_bf16(n: Node, t: Thread, o: Operands) -> list[Effect]:
    a, b = t.v[o["va"]].view("<u2"), t.v[o["vb"]].view("<u2")
    left = a.reshape(4, 8).T if o["at"] else a.reshape(8, 4)
    right = b.reshape(8, 4).T if o["bt"] else b.reshape(4, 8)
    return set_c(t, o["c"], matrix.step(t.c[o["c"]], left, right, first=bool(o["first"])))


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

"""Scalar arithmetic, predicates and control registers."""

from __future__ import annotations

from collections.abc import Callable

from golden.arch.classes import Alu, Compare, Flow, Logic, Port
from golden.arch.encoding import Insn
from golden.arch.memmap import CSR_BITS, CSRS, FP_MODE_BITS, READ_ONLY_CSRS, Csr, Fault
from golden.arch.trace import Effect
from golden.iss.semantics.binding import Meaning, Operands, each, op, set_p, set_x
from golden.iss.state import MASK64, FaultStop, Node, Thread, signed

_ALU: dict[Alu, Callable[[int, int], int]] = {
    Alu.ADD: lambda a, b: a + b,
    Alu.SUB: lambda a, b: a - b,
    Alu.AND: lambda a, b: a & b,
    Alu.OR: lambda a, b: a | b,
    Alu.XOR: lambda a, b: a ^ b,
    Alu.SLL: lambda a, b: a << (b % 64),
    Alu.SRL: lambda a, b: a >> (b % 64),
    Alu.SRA: lambda a, b: signed(a) >> (b % 64),
    Alu.SLT: lambda a, b: int(signed(a) < signed(b)),
    Alu.SLTU: lambda a, b: int(a < b),
    Alu.MIN: lambda a, b: min(signed(a), signed(b)),
    Alu.MAX: lambda a, b: max(signed(a), signed(b)),
}
_COMPARE: dict[Compare, Callable[[int, int], bool]] = {
    Compare.EQ: lambda a, b: a == b,
    Compare.LT: lambda a, b: signed(a) < signed(b),
    Compare.LTU: lambda a, b: a < b,
}
_LOGIC: dict[Logic, Callable[[bool, bool], bool]] = {
    Logic.AND: lambda a, b: a and b,
    Logic.OR: lambda a, b: a or b,
    Logic.XOR: lambda a, b: a != b,
    Logic.ANDN: lambda a, b: a and not b,
}


@each(Port.ALU, "rd ra rb")
def _registers(insn: Insn) -> Meaning:
    function = _ALU[insn.alu]
    return lambda n, t, o: set_x(t, o["rd"], function(t.x[o["ra"]], t.x[o["rb"]]))


@each(Port.ALU, "rd ra imm")
def _immediate(insn: Insn) -> Meaning:
    function = _ALU[insn.alu]
    return lambda n, t, o: set_x(t, o["rd"], function(t.x[o["ra"]], o["imm"] & MASK64))


@op("mul", "rd ra rb")
def _mul(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return set_x(t, o["rd"], t.x[o["ra"]] * t.x[o["rb"]])


@each(Port.ALU, "pd ra rb")
def _compare_registers(insn: Insn) -> Meaning:
    test = _COMPARE[insn.compare]
    return lambda n, t, o: set_p(t, o["pd"], test(t.x[o["ra"]], t.x[o["rb"]]) != insn.invert)


@each(Port.ALU, "pd ra imm")
def _compare_immediate(insn: Insn) -> Meaning:
    test = _COMPARE[insn.compare]
    return lambda n, t, o: set_p(t, o["pd"], test(t.x[o["ra"]], o["imm"] & MASK64) != insn.invert)


@each(Port.FRONT, "pd pa pb", Flow.LOGIC)
def _logic(insn: Insn) -> Meaning:
    function = _LOGIC[insn.logic]
    return lambda n, t, o: set_p(t, o["pd"], function(t.p[o["pa"]], t.p[o["pb"]]))


@op("li", "rd imm")
def _li(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return set_x(t, o["rd"], o["imm"])


@op("lih", "rd imm")
def _lih(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return set_x(t, o["rd"], t.x[o["rd"]] << 15 | o["imm"])


@op("lpc", "rd target")
def _lpc(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return set_x(t, o["rd"], o["pc"] + 4 * o["target"])


@op("csrr", "rd csr")
def _csrr(n: Node, t: Thread, o: Operands) -> list[Effect]:
    csr = o["csr"]
    if csr not in CSRS or csr == Csr.COUNTER_CLEAR:
        raise FaultStop(Fault.ILLEGAL, o["word"])
    fixed = {Csr.THREAD: t.index, Csr.NODE: n.node_id}
    value = fixed[csr] if csr in fixed else t.csr[csr] if csr in t.csr else n.external(t, csr)
    return set_x(t, o["rd"], value)


@op("csrw", "ra csr")
def _csrw(n: Node, t: Thread, o: Operands) -> list[Effect]:
    csr = o["csr"]
    if csr not in CSRS or csr in READ_ONLY_CSRS:
        raise FaultStop(Fault.ILLEGAL, o["word"])
    if csr == Csr.FP_MODE and t.x[o["ra"]] & ~FP_MODE_BITS:
        raise FaultStop(Fault.BIAS, t.x[o["ra"]])
    if csr in t.csr:
        t.csr[csr] = t.x[o["ra"]] & ((1 << CSR_BITS[csr]) - 1)
    return []

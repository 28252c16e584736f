"""The SIMD pipe: sixteen 32-bit lanes, one operation of 64 bytes a cycle (operations: golden.arch.simd_ops).

    F1 .. F7 special functions' front end, 8 lanes a cycle, then S0
    S0 operands       S1 .. S6 multiply-add lanes ------------------------------------------+
                      S1 compare, logic, integers, permute; S2 select; ................. S5 -+- S6 select -> result
                      S1 S2 widen; S3 select; S1 .. S3 to integer; S4 select ----------------+
                      S1 .. S4 to float, narrow with random words, products, shifts by lane, -+
                               64-bit integers; S5 select

Everything leaves through stage 6 of the multiply-add lanes, LATENCY[op] cycles after its operands came; nothing stalls
and nothing is checked: whoever issues keeps two results out of one cycle with the tables of golden.arch.simd_ops.

Stage 0 holds only the selection of operands, so the operands may come from a register file's read port directly.
"""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Cat, Const, DomainRenamer, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.formats import BIAS_BITS
from golden.arch.simd_ops import (
    IMM_BITS,
    LATENCY,
    MAX_LATENCY,
    PIPE_STAGES,
    SIMD_LANES,
    SIMD_OP_BITS,
    TAG_BITS,
    SimdClass,
    SimdOp,
)
from rtl.common.clock_gate import gated_domain
from rtl.common.delay import delay
from rtl.core.vector.simd_alu import SimdAlu
from rtl.core.vector.simd_integer import CLASSES as WHOLE
from rtl.core.vector.simd_integer import SimdInteger
from rtl.core.vector.simd_narrow import SimdNarrow
from rtl.core.vector.simd_operands import SimdOperands, any_flags, is_class
from rtl.core.vector.simd_packed import SimdPack, SimdPacked
from rtl.core.vector.simd_permute import SimdPermute
from rtl.core.vector.simd_widen import SimdWiden
from rtl.fp.adder import Body
from rtl.fp.compare import Compare
from rtl.fp.flags import FpFlags
from rtl.fp.fma import FmaLane
from rtl.fp.integer import FloatToInteger, IntegerToFloat

TO_FLOAT, TO_INTEGER = (SimdOp.ITOF, SimdOp.UTOF), (SimdOp.FTOI, SimdOp.FTOU)
"""Conversions of 32-bit integers; bit 1 of their codes says unsigned."""


class SimdPipe(wiring.Component):
    """The pipe.

    Parameters
    ----------
    body: form of its arithmetic.
    gated: stop its clock while no operation is in it. A compiled model then skips the whole pipe, 2 us a cycle; not for
        Amaranth's own simulator (rtl.common.clock_gate).
    lanes: 16 in a node; a slice of 4 is what timing synthesises. A power of two.
    """

    def __init__(self, body: Body = Body.SIMULATION, gated: bool = False, lanes: int = SIMD_LANES):
        self.body = body
        self.gated = gated
        self.lanes = lanes
        super().__init__(
            {
                # An operation starts: everything up to `c` is read in this cycle.
                "valid": In(1),
                # Operation code (golden.arch.simd_ops.SimdOp).
                "op": In(SIMD_OP_BITS),
                # Immediate; ignored by most operations.
                "imm": In(IMM_BITS),
                # Exponent bias of a conversion's narrow side; seed of the random words that narrowing rounds with.
                "bias": In(BIAS_BITS),
                "seed": In(64),
                # Comes out with the result, unchanged.
                "tag": In(TAG_BITS),
                # Operands: vector registers; what an operation does not read may hold anything.
                "a": In(32 * lanes),
                "b": In(32 * lanes),
                "c": In(32 * lanes),
                # A result appears: LATENCY[op] cycles after the operation started.
                "out_valid": Out(1),
                # Its tag; with out_valid.
                "out_tag": Out(TAG_BITS),
                # The result register; with out_valid.
                "out_data": Out(32 * lanes),
                # Some 32-bit lane of the result is not zero; with out_valid.
                "out_any": Out(1),
                # Every 32-bit lane of the result is not zero; with out_valid.
                "out_all": Out(1),
                # Flags raised by any lane; with out_valid, else zero.
                "out_flags": Out(FpFlags),
            }
        )

    def elaborate(self, platform) -> Module:
        if not self.gated:
            return self._pipe()
        m = Module()
        # Edges still needed: the longest operation's result, and one that takes out_valid back.
        remaining = Signal(range(MAX_LATENCY + 1))
        fewer = Mux(remaining == 0, 0, remaining - 1)
        latency = Mux(is_class(self.op, SimdClass.SPECIAL), LATENCY[SimdOp.RECIP], LATENCY[SimdOp.FMA])
        m.d.sync += remaining.eq(Mux(self.valid & (latency > fewer), latency, fewer))
        gated_domain(m, "gated", self.valid | (remaining != 0))
        m.submodules.pipe = DomainRenamer("gated")(self._pipe())
        return m

    def _pipe(self) -> Module:
        m = Module()
        operands = self._operands(m)
        # What travels beside the stages: stage k's signals are index k.
        stages = [SimpleNamespace(valid=operands.out_valid, tag=operands.out_tag, control=operands.control, sums=operands.sums)]
        for stage in range(1, PIPE_STAGES - 1):
            stages.append(
                SimpleNamespace(
                    valid=delay(m, stages[-1].valid, (f"s{stage}",), "valid"),
                    **{name: _held(m, stage, name, getattr(stages[-1], name)) for name in ("tag", "control", "sums")},
                )
            )
        op = [stage.control.op for stage in stages]
        units = self._units(m, operands)
        other, flags = self._other_side(m, units, op, _held(m, 1, "known", operands.known))

        # Stage 6: the lanes select; what covers all lanes follows.
        for i, fma in enumerate(units.fma):
            m.d.comb += [
                fma.use_other.eq(~stages[5].sums[i]),
                fma.other.eq(other[i]),
                self.out_data[32 * i : 32 * i + 32].eq(fma.result),
            ]
        some = Cat(fma.next_nonzero for fma in units.fma)
        total = Signal(FpFlags)
        with m.If(stages[5].valid):
            m.d.comb += total.eq(any_flags([flags, *(fma.next_flags for fma in units.fma)]))
        m.d.comb += self.out_tag.eq(_held(m, 6, "tag", stages[5].tag))
        m.d.sync += [
            self.out_valid.eq(stages[5].valid),
            self.out_any.eq(some.any()),
            self.out_all.eq(some.all()),
            self.out_flags.eq(total),
        ]
        return m

    def _operands(self, m: Module) -> SimdOperands:
        """Stage 0."""
        m.submodules.operands = operands = SimdOperands(self.body, self.lanes)
        m.d.comb += [
            operands.valid.eq(self.valid),
            operands.op.eq(self.op),
            operands.imm.eq(self.imm),
            operands.bias.eq(self.bias),
            operands.tag.eq(self.tag),
        ]
        for i in range(self.lanes):
            for out, register_word in ((operands.a, self.a), (operands.b, self.b), (operands.c, self.c)):
                m.d.comb += out[i].eq(register_word[32 * i : 32 * i + 32])
        return operands

    def _units(self, m: Module, operands: SimdOperands) -> SimpleNamespace:
        """What starts in stage 1, each lane's by number."""
        lanes, body = range(self.lanes), self.body
        a, b, c, control = operands.out_a, operands.out_b, operands.out_c, operands.control
        op = control.op
        m.submodules.permute = permute = SimdPermute(self.lanes)
        m.submodules.widen = widen = SimdWiden(self.lanes)
        m.submodules.pack = pack = SimdPack(self.lanes)
        m.submodules.narrow = narrow = SimdNarrow(body, self.gated, self.lanes)
        m.submodules.integer = integer = SimdInteger(body, self.gated, self.lanes)
        units = SimpleNamespace(
            permute=permute,
            widen=widen,
            pack=pack,
            narrow=narrow,
            integer=integer,
            compare=[Compare() for _ in lanes],
            alu=[SimdAlu(body) for _ in lanes],
            packed=[SimdPacked() for _ in lanes],
            to_float=[IntegerToFloat(body) for _ in lanes],
            to_integer=[FloatToInteger(body) for _ in lanes],
            fma=[FmaLane(body) for _ in lanes],
        )
        m.d.comb += [permute.imm.eq(control.imm), widen.imm.eq(control.imm), widen.bias.eq(control.bias), narrow.bias.eq(control.bias)]
        m.d.comb += [*(unit.op.eq(op[:4]) for unit in (permute, widen, pack, narrow)), narrow.valid.eq(is_class(op, SimdClass.NARROW))]
        m.d.comb += [integer.op.eq(op), integer.valid.eq(_is_any(op, WHOLE))]
        self._random(m, narrow)
        for i in lanes:
            for name in ("compare", "alu", "packed", "to_float", "to_integer", "fma"):
                m.submodules[f"{name}_{i}"] = getattr(units, name)[i]
            compare, alu, packed, fma = units.compare[i], units.alu[i], units.packed[i], units.fma[i]
            m.d.comb += [
                *(unit.a[i].eq(a[i]) for unit in (permute, widen, pack, narrow, integer)),
                *(unit.b[i].eq(b[i]) for unit in (permute, pack, narrow, integer)),
                packed.op.eq(op[:4]),
                packed.imm.eq(control.imm),
                packed.a.eq(a[i]),
                packed.b.eq(b[i]),
                compare.op.eq(op[:4]),
                compare.a.eq(a[i]),
                compare.b.eq(b[i]),
                alu.integer.eq(operands.integer),
                alu.op.eq(op[:4]),
                alu.imm.eq(control.imm),
                alu.a.eq(a[i]),
                alu.b.eq(b[i]),
                alu.c.eq(c[i]),
                *(unit.value.eq(a[i]) for unit in (units.to_float[i], units.to_integer[i])),
                *(unit.is_unsigned.eq(op[1]) for unit in (units.to_float[i], units.to_integer[i])),
                fma.a.eq(a[i]),
                fma.b.eq(b[i]),
                fma.c.eq(c[i]),
                fma.odd.eq(~operands.special & op[3]),
                fma.hidden_off.eq(operands.hidden_off),
                fma.quiet.eq(operands.special),
            ]
        return units

    def _random(self, m: Module, narrow: SimdNarrow) -> None:
        """Stage 0: seed and counters of the random words. The counter is what the first 64 bits of operand c hold."""
        m.d.comb += narrow.seed.eq(_held(m, 0, "seed", self.seed))
        for k, port in enumerate(narrow.counters):
            m.d.comb += port.eq(_held(m, 0, f"counter_{k}", (self.c[:64] + k)[:64]))

    def _other_side(self, m: Module, units: SimpleNamespace, op: list[Value], known: Signal) -> tuple[list[Signal], Value]:
        """Stages 2 to 5: results of all classes but the multiply-add lanes, selected as they appear, then waiting; their flags."""
        lanes = range(self.lanes)

        def is_now(stage: int, *classes: SimdClass) -> Value:
            return _is_any(op[stage], classes)

        other = []
        for i in lanes:
            made = Signal(32, name=f"made_{i}")
            with m.Switch(op[1][4:]):
                with m.Case(SimdClass.COMPARE):
                    m.d.comb += made.eq(units.compare[i].result)
                with m.Case(SimdClass.PERMUTE):
                    m.d.comb += made.eq(units.permute.result[i])
                with m.Case(SimdClass.PACK):
                    m.d.comb += made.eq(units.pack.result[i])
                with m.Case(SimdClass.PACKED):
                    m.d.comb += made.eq(units.packed[i].result)
                with m.Default():
                    m.d.comb += made.eq(units.alu[i].result)
            other.append(_held(m, 2, f"other_{i}", made))
        flags = Signal(FpFlags)
        with m.If(is_now(1, SimdClass.COMPARE)):
            m.d.comb += flags.invalid.eq(Cat(compare.invalid for compare in units.compare).any())
        with m.Elif(~is_now(1, SimdClass.CONVERT, SimdClass.NARROW)):
            m.d.comb += flags.eq(known)
        flags = _held(m, 2, "flags", flags.as_value())

        # Conversions of integers to and from FP32 share the class with those that widen.
        widens = is_now(2, SimdClass.CONVERT) & ~op[2][:4].matches(*(code & 15 for code in (*TO_FLOAT, *TO_INTEGER)))
        other = [_held(m, 3, f"other_{i}", Mux(widens, units.widen.result[i], other[i])) for i in lanes]
        flags = _held(m, 3, "flags", Mux(widens, units.widen.flags.as_value(), flags))

        to_int = op[3].matches(*TO_INTEGER)
        invalid = Cat(to_integer.invalid for to_integer in units.to_integer).any()
        other = [_held(m, 4, f"other_{i}", Mux(to_int, units.to_integer[i].result, other[i])) for i in lanes]
        flags = _held(m, 4, "flags", Mux(to_int, Cat(invalid, Const(0, 3)), flags))

        to_flt, narrowed, whole = op[4].matches(*TO_FLOAT), is_now(4, SimdClass.NARROW), is_now(4, *WHOLE)
        late = [Mux(to_flt, units.to_float[i].result, Mux(whole, units.integer.result[i], units.narrow.result[i])) for i in lanes]
        other = [_held(m, 5, f"other_{i}", Mux(to_flt | narrowed | whole, late[i], other[i])) for i in lanes]
        return other, _held(m, 5, "flags", Mux(narrowed, units.narrow.flags.as_value(), flags))


def _is_any(op: Value, classes: Iterable[SimdClass]) -> Value:
    """Whether an operation code is of one of the classes."""
    return Cat(is_class(op, each) for each in classes).any()


def _held(m: Module, stage: int, name: str, value: Any) -> Any:
    """The value, in flip-flops of the stage."""
    return delay(m, value, (f"s{stage}",), name, reset_less=True)

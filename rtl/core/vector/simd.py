"""The SIMD pipe: sixteen 32-bit lanes, one operation of 64 bytes a cycle (operations: golden.arch.simd_ops).

    F1 .. F7 special functions' front end, 8 lanes a cycle, then S0
    S0 operands       S1 .. S6 multiply-add lanes ------------------------------------------+
                      S1 compare, logic, integer, permute, widen, narrow; S2 select; .. S5 -+- S6 select -> result
                      S1 .. S3 to integer; S4 select; S1 .. S4 to float; S5 select ---------+

Everything leaves through stage 6 of the multiply-add lanes, LATENCY[op] cycles after its operands came; nothing stalls
and nothing is checked: whoever issues keeps two results out of one cycle with the tables of golden.arch.simd_ops.

Stage 0 holds only the selection of operands, so the operands may come from a register file's read port directly.
"""

from amaranth.hdl import Cat, Const, DomainRenamer, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.formats import BF16
from golden.arch.simd_ops import (
    IMM_BITS,
    LANES,
    LATENCY,
    MAX_LATENCY,
    PIPE_STAGES,
    SIMD_OP_BITS,
    TAG_BITS,
    SimdClass,
    SimdOp,
)
from rtl.common.clock_gate import gated_domain
from rtl.core.vector.simd_alu import SimdAlu
from rtl.core.vector.simd_operands import SimdControl, SimdOperands, any_flags, is_class
from rtl.core.vector.simd_permute import SimdPermute
from rtl.fp.adder import Body
from rtl.fp.compare import Compare
from rtl.fp.convert import NarrowBf16, Widen
from rtl.fp.flags import FpFlags
from rtl.fp.fma import FmaLane
from rtl.fp.integer import FloatToInteger, IntegerToFloat


class SimdPipe(wiring.Component):
    """The pipe.

    Parameters
    ----------
    body: form of its arithmetic.
    gated: stop its clock while no operation is in it. A compiled model then skips the whole pipe, 2 us a cycle; not for
        Amaranth's own simulator (rtl.common.clock_gate).
    lanes: 16 in a node; a slice of 4 is what timing synthesises. A power of two.
    """

    def __init__(self, body: Body = Body.SIMULATION, gated: bool = False, lanes: int = LANES):
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
        lanes = range(self.lanes)

        def register(name: str, shape, source, resets: bool = False) -> Signal:
            """A flip-flop that follows `source`."""
            held = Signal(shape, name=name, reset_less=not resets)
            m.d.sync += held.eq(source)
            return held

        m.submodules.operands = operands = SimdOperands(self.body, self.lanes)
        m.d.comb += [
            operands.valid.eq(self.valid),
            operands.op.eq(self.op),
            operands.imm.eq(self.imm),
            operands.tag.eq(self.tag),
        ]
        for i in lanes:
            for out, register_word in ((operands.a, self.a), (operands.b, self.b), (operands.c, self.c)):
                m.d.comb += out[i].eq(register_word[32 * i : 32 * i + 32])
        a, b, c = operands.out_a, operands.out_b, operands.out_c
        valid, tag, control, sums = [operands.out_valid], [operands.out_tag], [operands.control], [operands.sums]
        known = register("s1_known", FpFlags, operands.known)

        # What travels beside the stages: stage k's signals are index k.
        for stage in range(1, PIPE_STAGES - 1):
            valid.append(register(f"s{stage}_valid", 1, valid[-1], resets=True))
            tag.append(register(f"s{stage}_tag", TAG_BITS, tag[-1]))
            control.append(register(f"s{stage}_control", SimdControl, control[-1]))
            sums.append(register(f"s{stage}_sums", self.lanes, sums[-1]))
        op = [held.op for held in control]

        # Stage 1: the one-stage classes.
        m.submodules.permute = permute = SimdPermute(self.lanes)
        m.d.comb += [permute.op.eq(op[0][:4]), permute.imm.eq(control[0].imm)]
        compares, alus, widens, narrows, floats, integers, fmas = [], [], [], [], [], [], []
        for i in lanes:
            m.submodules[f"compare_{i}"] = compare = Compare()
            m.submodules[f"alu_{i}"] = alu = SimdAlu(self.body)
            m.submodules[f"widen_{i}"] = widen = Widen((BF16,))
            m.submodules[f"to_float_{i}"] = to_float = IntegerToFloat(self.body)
            m.submodules[f"to_integer_{i}"] = to_integer = FloatToInteger(self.body)
            m.submodules[f"fma_{i}"] = fma = FmaLane(self.body)
            half = 16 * (i % 2)
            m.d.comb += [
                permute.a[i].eq(a[i]),
                permute.b[i].eq(b[i]),
                compare.op.eq(op[0][:4]),
                compare.a.eq(a[i]),
                compare.b.eq(b[i]),
                alu.integer.eq(is_class(op[0], SimdClass.INTEGER)),
                alu.op.eq(op[0][:4]),
                alu.imm.eq(control[0].imm),
                alu.a.eq(a[i]),
                alu.b.eq(b[i]),
                alu.c.eq(c[i]),
                # The low half of the register is elements 0..15: lanes 0..7.
                widen.code.eq(Mux(op[0][0], a[self.lanes // 2 + i // 2], a[i // 2])[half : half + 16]),
                to_float.value.eq(a[i]),
                to_integer.value.eq(a[i]),
                fma.a.eq(a[i]),
                fma.b.eq(b[i]),
                fma.c.eq(c[i]),
                fma.odd.eq(~operands.special & op[0][3]),
                fma.hidden_off.eq(operands.hidden_off),
                fma.quiet.eq(operands.special),
            ]
            compares.append(compare)
            alus.append(alu)
            widens.append(widen)
            floats.append(to_float)
            integers.append(to_integer)
            fmas.append(fma)
        for element in range(2 * self.lanes):
            m.submodules[f"narrow_{element}"] = narrow = NarrowBf16()
            m.d.comb += narrow.value.eq((a if element < self.lanes else b)[element % self.lanes])
            narrows.append(narrow)

        # Stages 2 to 5: select by class as results appear, then wait.
        is_compare, is_permute, is_convert = (is_class(op[1], which) for which in (SimdClass.COMPARE, SimdClass.PERMUTE, SimdClass.CONVERT))
        narrowed = op[1][:4] == SimdOp.NARROW_BF16 & 15
        other = []
        for i in lanes:
            # Elements 0..15 come from a and make lanes 0..7.
            converted = Mux(narrowed, Cat(narrows[2 * i].code, narrows[2 * i + 1].code), widens[i].result)
            across = Mux(is_permute, permute.result[i], Mux(is_convert, converted, alus[i].result))
            other.append(register(f"s2_other_{i}", 32, Mux(is_compare, compares[i].result, across)))
        flags = Signal(FpFlags)
        with m.If(is_compare):
            m.d.comb += flags.invalid.eq(Cat(compare.invalid for compare in compares).any())
        with m.Elif(is_convert):
            narrow_flags, widen_flags = (any_flags(part.flags for part in parts) for parts in (narrows, widens))
            # Conversions of integers share the class and read no float, but FTOI, which adds its flags in stage 4.
            with m.If(narrowed):
                m.d.comb += flags.eq(narrow_flags)
            with m.Elif(~op[1][:4].matches(SimdOp.ITOF & 15, SimdOp.FTOI & 15)):
                m.d.comb += flags.eq(widen_flags)
        with m.Else():
            m.d.comb += flags.eq(known)
        flags = register("s2_flags", FpFlags, flags)

        other = [register(f"s3_other_{i}", 32, other[i]) for i in lanes]
        flags = register("s3_flags", FpFlags, flags)

        to_int = op[3] == SimdOp.FTOI
        invalid = Cat(to_integer.invalid for to_integer in integers).any()
        other = [register(f"s4_other_{i}", 32, Mux(to_int, integers[i].result, other[i])) for i in lanes]
        flags = register("s4_flags", FpFlags, Mux(to_int, Cat(invalid, Const(0, 3)), flags))

        to_flt = op[4] == SimdOp.ITOF
        other = [register(f"s5_other_{i}", 32, Mux(to_flt, floats[i].result, other[i])) for i in lanes]
        flags = register("s5_flags", FpFlags, flags)

        # Stage 6: the lanes select; what covers all lanes follows.
        for i in lanes:
            m.d.comb += [fmas[i].use_other.eq(~sums[5][i]), fmas[i].other.eq(other[i])]
            m.d.comb += self.out_data[32 * i : 32 * i + 32].eq(fmas[i].result)
        some = Cat(fma.next_nonzero for fma in fmas)
        total = Signal(FpFlags)
        with m.If(valid[5]):
            m.d.comb += total.eq(any_flags([flags, *(fma.next_flags for fma in fmas)]))
        m.d.comb += self.out_tag.eq(register("s6_tag", TAG_BITS, tag[5]))
        m.d.sync += [
            self.out_valid.eq(valid[5]),
            self.out_any.eq(some.any()),
            self.out_all.eq(some.all()),
            self.out_flags.eq(total),
        ]
        return m

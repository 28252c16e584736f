"""The SIMD pipe: sixteen 32-bit lanes, one operation of 64 bytes a cycle (operations: golden.arch.simd_ops).

    F1 .. F7 special functions' front end, 8 lanes a cycle, then S0
    S0 operands       S1 .. S6 multiply-add lanes ------------------------------------------+
                      S1 compare, logic, integer, permute, widen, narrow; S2 select; .. S5 -+- S6 select -> result
                      S1 .. S3 to integer; S4 select; S1 .. S4 to float; S5 select ---------+

A special function takes the front end for two cycles; the lower lanes' operands wait one cycle for the upper ones', so
that all sixteen enter stage 0 together.

Everything leaves through stage 6 of the multiply-add lanes, LATENCY[op] cycles after its operands came; nothing stalls
and nothing is checked: whoever issues keeps two results out of one cycle with the tables of golden.arch.simd_ops.

Stage 0 holds only the selection of operands, so the operands may come from a register file's read port directly.
"""

from amaranth.hdl import Cat, Const, DomainRenamer, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.formats import BF16
from golden.arch.simd_ops import (
    IMM_BITS,
    LANES,
    LATENCY,
    MAX_LATENCY,
    PIPE_STAGES,
    SIMD_OP_BITS,
    SPECIAL_STAGES,
    TAG_BITS,
    SimdClass,
    SimdOp,
)
from rtl.common.clock_gate import gated_domain
from rtl.core.simd_alu import SimdAlu
from rtl.core.simd_permute import SimdPermute
from rtl.fp.adder import Body
from rtl.fp.compare import Compare
from rtl.fp.convert import NarrowBf16, Widen
from rtl.fp.flags import FpFlags
from rtl.fp.fma import FmaLane
from rtl.fp.integer import FloatToInteger, IntegerToFloat
from rtl.fp.special import SpecialUnit

HALF = LANES // 2
ONE = 0x3F800000
NEGATIVE_ZERO = 0x80000000

_Control = data.StructLayout({"op": SIMD_OP_BITS, "imm": IMM_BITS})


def _class(op, which: SimdClass):
    return op[4:] == which


class SimdPipe(wiring.Component):
    """The pipe.

    Parameters
    ----------
    body: form of its arithmetic.
    gated: stop its clock while no operation is in it. A compiled model then skips the whole pipe, 2 us a cycle; not for
        Amaranth's own simulator (rtl.common.clock_gate).
    """

    # An operation starts: everything up to `c` is read in this cycle.
    valid: In(1)
    # Operation code (golden.arch.simd_ops.SimdOp).
    op: In(SIMD_OP_BITS)
    # Immediate; ignored by most operations.
    imm: In(IMM_BITS)
    # Comes out with the result, unchanged.
    tag: In(TAG_BITS)
    # Operands: vector registers; what an operation does not read may hold anything.
    a: In(512)
    b: In(512)
    c: In(512)
    # A result appears: LATENCY[op] cycles after the operation started.
    out_valid: Out(1)
    # Its tag; with out_valid.
    out_tag: Out(TAG_BITS)
    # The result register; with out_valid.
    out_data: Out(512)
    # Some 32-bit lane of the result is not zero; with out_valid.
    out_any: Out(1)
    # Every 32-bit lane of the result is not zero; with out_valid.
    out_all: Out(1)
    # Flags raised by any lane; with out_valid, else zero.
    out_flags: Out(FpFlags)

    def __init__(self, body: Body = Body.SIMULATION, gated: bool = False):
        self.body = body
        self.gated = gated
        super().__init__()

    def elaborate(self, platform) -> Module:
        if not self.gated:
            return self._pipe()
        m = Module()
        # Edges still needed: the longest operation's result, and one that takes out_valid back.
        remaining = Signal(range(MAX_LATENCY + 1))
        fewer = Mux(remaining == 0, 0, remaining - 1)
        latency = Mux(_class(self.op, SimdClass.SPECIAL), LATENCY[SimdOp.RECIP], LATENCY[SimdOp.FMA])
        m.d.sync += remaining.eq(Mux(self.valid & (latency > fewer), latency, fewer))
        gated_domain(m, "gated", self.valid | (remaining != 0))
        m.submodules.pipe = DomainRenamer("gated")(self._pipe())
        return m

    def _pipe(self) -> Module:
        m = Module()
        lanes = range(LANES)

        def register(name: str, shape, source, resets: bool = False) -> Signal:
            """A flip-flop that follows `source`."""
            held = Signal(shape, name=name, reset_less=not resets)
            m.d.sync += held.eq(source)
            return held

        # Special functions: the upper half of the register enters the front end a cycle after the lower one.
        is_special = _class(self.op, SimdClass.SPECIAL)
        m.submodules.special = special = SpecialUnit(HALF, self.body)
        second = register("second_half", 1, self.valid & is_special, resets=True)
        m.d.comb += special.function.eq(Mux(second, register("second_function", 2, self.op[:2]), self.op[:2]))
        for i in range(HALF):
            upper = register(f"second_x_{i}", 32, self.a[32 * (HALF + i) : 32 * (HALF + i) + 32])
            m.d.comb += special.x[i].eq(Mux(second, upper, self.a[32 * i : 32 * i + 32]))
        enters, special_tag = self.valid & is_special, self.tag
        for stage in range(1, SPECIAL_STAGES + 1):
            enters = register(f"f{stage}_valid", 1, enters, resets=True)
            special_tag = register(f"f{stage}_tag", TAG_BITS, special_tag)
        finish = [special.operands[i] if i < HALF else special.next[i - HALF] for i in lanes]

        # Stage 0: operands. An addition is a*1 + b, a product a*b - 0.
        is_fma = _class(self.op, SimdClass.FMA)
        adds, multiplies = Signal(), Signal()
        flip_a, flip_b, flip_c = Signal(), Signal(), Signal()
        m.d.comb += [
            adds.eq(is_fma & (self.op[:2] == SimdOp.FADD & 3)),
            multiplies.eq(is_fma & (self.op[:2] == SimdOp.FMUL & 3)),
            flip_a.eq(is_fma & (self.op[:3] == SimdOp.FNMA & 7)),
            flip_b.eq(self.op[2]),
            flip_c.eq(is_fma & (self.op[:2] == SimdOp.FMS & 3)),
        ]
        valid = [register("s0_valid", 1, enters | (self.valid & ~is_special), resets=True)]
        tag = [register("s0_tag", TAG_BITS, Mux(enters, special_tag, self.tag))]
        # A special function that is settled travels as a copy of its operand a.
        control = [register("s0_control", _Control, Cat(Mux(enters, SimdOp.COPY, self.op), self.imm))]
        # Lanes whose result is the sum, not another unit's.
        sums = [register("s0_sums", LANES, Mux(enters, ~Cat(lane.fixed for lane in finish), is_fma.replicate(LANES)))]
        s0_special = register("s0_special", 1, enters)
        s0_hidden_off = register("s0_hidden_off", 1, enters & finish[0].hidden_off)
        known = Signal(FpFlags)
        with m.If(enters):
            m.d.comb += known.eq(self._any_flags(lane.flags for lane in finish))
        known = register("s1_known", FpFlags, register("s0_known", FpFlags, known))
        a, b, c = [], [], []
        for i in lanes:
            raw_a, raw_b, raw_c = (word[32 * i : 32 * i + 32] for word in (self.a, self.b, self.c))
            addend = Mux(adds, Cat(raw_b[:31], raw_b[31] ^ flip_b), Cat(raw_c[:31], raw_c[31] ^ flip_c))
            a.append(register(f"s0_a_{i}", 32, Mux(enters, finish[i].a, Cat(raw_a[:31], raw_a[31] ^ flip_a))))
            b.append(register(f"s0_b_{i}", 32, Mux(enters, finish[i].b, Mux(adds, ONE, raw_b))))
            c.append(register(f"s0_c_{i}", 32, Mux(enters, finish[i].c, Mux(multiplies, NEGATIVE_ZERO, addend))))

        # What travels beside the stages: stage k's signals are index k.
        for stage in range(1, PIPE_STAGES - 1):
            valid.append(register(f"s{stage}_valid", 1, valid[-1], resets=True))
            tag.append(register(f"s{stage}_tag", TAG_BITS, tag[-1]))
            control.append(register(f"s{stage}_control", _Control, control[-1]))
            sums.append(register(f"s{stage}_sums", LANES, sums[-1]))
        op = [held.op for held in control]

        # Stage 1: the one-stage classes.
        m.submodules.permute = permute = SimdPermute()
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
                alu.integer.eq(_class(op[0], SimdClass.INTEGER)),
                alu.op.eq(op[0][:4]),
                alu.imm.eq(control[0].imm),
                alu.a.eq(a[i]),
                alu.b.eq(b[i]),
                alu.c.eq(c[i]),
                # The low half of the register is elements 0..15: lanes 0..7.
                widen.code.eq(Mux(op[0][0], a[8 + i // 2], a[i // 2])[half : half + 16]),
                to_float.value.eq(a[i]),
                to_integer.value.eq(a[i]),
                fma.a.eq(a[i]),
                fma.b.eq(b[i]),
                fma.c.eq(c[i]),
                fma.odd.eq(~s0_special & op[0][3]),
                fma.hidden_off.eq(s0_hidden_off),
                fma.quiet.eq(s0_special),
            ]
            compares.append(compare)
            alus.append(alu)
            widens.append(widen)
            floats.append(to_float)
            integers.append(to_integer)
            fmas.append(fma)
        for element in range(2 * LANES):
            m.submodules[f"narrow_{element}"] = narrow = NarrowBf16()
            m.d.comb += narrow.value.eq((a if element < LANES else b)[element % LANES])
            narrows.append(narrow)

        # Stages 2 to 5: select by class as results appear, then wait.
        is_compare, is_permute, is_convert = (_class(op[1], which) for which in (SimdClass.COMPARE, SimdClass.PERMUTE, SimdClass.CONVERT))
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
            narrow_flags, widen_flags = (self._any_flags(part.flags for part in parts) for parts in (narrows, widens))
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
            m.d.comb += total.eq(self._any_flags([flags, *(fma.next_flags for fma in fmas)]))
        m.d.comb += self.out_tag.eq(register("s6_tag", TAG_BITS, tag[5]))
        m.d.sync += [
            self.out_valid.eq(valid[5]),
            self.out_any.eq(some.any()),
            self.out_all.eq(some.all()),
            self.out_flags.eq(total),
        ]
        return m

    @staticmethod
    def _any_flags(parts):
        """Each flag if any of the parts has it."""
        parts = [part.as_value() for part in parts]
        return Cat(Cat(part[bit] for part in parts).any() for bit in range(len(parts[0])))

"""Front end of 1/x, 1/sqrt(x), 2^x and log2(x): what the multiply-add lanes need to finish them.

docs/numerics.md section 5. A segment of a table holds a quadratic in d; its value y (2^23..2^24) times a
power of two, or times f plus an integer for log2, is the result, and the multiply-add lane rounds it and handles
subnormals. Seven stages, one operand a lane and cycle:

    S1 unpack  S2 normalise, or place 2^x's operand  S3 round it  S4 table, square  S5 products  S6 sum  S7 operands

Operands whose result needs no arithmetic (zeros, infinities, NaN, out of range) are marked ``fixed``: a is the result.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import special_tables
from golden.arch.simd_ops import SimdOp
from rtl.fp import special_gates
from rtl.fp.adder import Body, add
from rtl.fp.flags import FpFlags
from rtl.fp.shift import leading_zeros, shift_left
from rtl.fp.unpack import NAN

STAGES = 7
"""Cycles from an operand to the operands of its multiply-add."""

FUNCTION_BITS = 2
RECIP, RSQRT, EXP2, LOG2 = (op & 3 for op in (SimdOp.RECIP, SimdOp.RSQRT, SimdOp.EXP2, SimdOp.LOG2))

Coefficients = data.StructLayout({"c0": 27, "c1": signed(22), "c2": 13})
"""One row of a table: C0, C1, C2 in units of 2^-26."""

TableIndex = data.StructLayout({"function": FUNCTION_BITS, "segment": 7, "odd": 1, "step": 6})
"""Which row: of 2^x row ``step``, of 1/sqrt(x) row 128*odd + segment, else row ``segment``."""

_ROWS = (*special_tables.RSQRT, *special_tables.RECIP, *special_tables.LOG2, *special_tables.EXP2)
# Upper bits of the address of each table in one memory; the lower ones count segments.
_RECIP_BASE, _LOG2_BASE, _EXP2_BASE = 2, 3, 8

SpecialOperands = data.StructLayout(
    {"a": 32, "b": 32, "c": 32, "hidden_off": 1, "fixed": 1, "flags": FpFlags},
)
"""Operands of the multiply-add that finishes; with ``fixed``, a is the result. Flags: those the lane cannot know."""

INF, ONE = 0x7F800000, 0x3F800000
_ZERO, _INF, _NAN, _ONE = range(4)


class SpecialLane(wiring.Component):
    """One lane without its table. ``body``: form of its arithmetic."""

    # Function: the low two bits of its operation code. Taken every cycle.
    function: In(FUNCTION_BITS)
    # Operand, FP32.
    x: In(32)
    # Row of the table, three cycles after the operand; the row itself is expected in the cycle after.
    index: Out(TableIndex)
    row: In(Coefficients)
    # Operands of the multiply-add, six cycles after the operand: before the last flip-flop.
    next: Out(SpecialOperands)
    # The same, seven cycles after the operand.
    operands: Out(SpecialOperands)

    def __init__(self, body: Body = Body.SIMULATION):
        self.body = body
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()

        def register(name: str, shape, source) -> Signal:
            held = Signal(shape, name=name, reset_less=True)
            m.d.sync += held.eq(source)
            return held

        # Stage 1: classes; zeros above a subnormal; how far 2^x's operand goes right.
        exponent, fraction = self.x[23:31], self.x[:23]
        distance = Signal(signed(9))
        m.d.comb += distance.eq(134 - exponent)  # exponent field 134: |x| is 128 or more
        function = register("s1_function", FUNCTION_BITS, self.function)
        x = register("s1_x", 32, self.x)
        subnormal = register("s1_subnormal", 1, ~exponent.any() & fraction.any())
        zero = register("s1_zero", 1, ~exponent.any() & ~fraction.any())
        inf = register("s1_inf", 1, exponent.all() & ~fraction.any())
        nan = register("s1_nan", 1, exponent.all() & fraction.any())
        zeros = register("s1_zeros", 5, leading_zeros(m, Cat(Const(0, 9), fraction), "count"))
        places = register("s1_places", 6, Mux(distance > 63, 63, distance[:6]))
        beyond = register("s1_beyond", 1, distance < 0)

        # Stage 2: normalised fraction and exponent; 2^x's operand in units of 2^-25.
        moved = shift_left(m, Cat(Const(0, 1), x[:22]), zeros, "normal")
        function = register("s2_function", FUNCTION_BITS, function)
        sign = register("s2_sign", 1, x[31])
        normal_fraction = register("s2_fraction", 23, Mux(subnormal, moved, x[:23]))
        power = register("s2_exponent", signed(9), Mux(subnormal, -127 - zeros, x[23:31] - 127))
        point = register("s2_point", 33, Cat(Const(0, 9), x[:23], x[23:31].any()) >> places)
        signalling = nan & ~x[22]
        s2 = {
            name: register(f"s2_{name}", 1, value)
            for name, value in {
                "subnormal": subnormal,
                "zero": zero,
                "inf": inf,
                "nan": nan,
                "signalling": signalling,
                "beyond": beyond,
            }.items()
        }

        # Stage 3: round 2^x's operand to 2^-24, with its sign; where to look and by how much to interpolate.
        body = self.body
        flipped = Cat(point[1:], Const(0, 1)) ^ sign.replicate(33)
        rounded = add(m, flipped, Const(0, 33), point[0] ^ sign, width=33, body=body, name="rounded")
        is_exp2 = function == EXP2
        upper_half = normal_fraction[22]
        # log2's f: the fraction, or from one half on how far it is from one, in half the unit and negative.
        turned = normal_fraction ^ upper_half.replicate(23)
        f = add(m, turned, Const(0, 23), upper_half, width=23, body=body, name="f")
        fixed, kind, fixed_sign, known = self._fixed(m, function, sign, power, s2)
        scale, own_scale = Signal(signed(10)), Signal(signed(10))
        # 126 - E, 126 - E/2 (rounded down) or E + 1 if the fraction is in the upper half: one adder.
        halved = Mux(function == RSQRT, power >> 1, power)
        addend = Mux(function == LOG2, 0, 127)
        inverted = (function != LOG2).replicate(10)
        power_term, wide_power = Signal(10), Signal(signed(10))
        m.d.comb += [wide_power.eq(halved), power_term.eq(wide_power.as_unsigned() ^ inverted)]
        m.d.comb += own_scale.eq(
            add(m, power_term, addend, (function == LOG2) & upper_half, width=10, body=body, name="own").as_signed(),
        )
        m.d.comb += scale.eq(Mux(is_exp2, rounded[24:].as_signed(), own_scale))
        index = Cat(function, normal_fraction[16:23], power[0], rounded[18:24])
        m.d.comb += self.index.eq(register("s3_index", TableIndex, index))
        function = register("s3_function", FUNCTION_BITS, function)
        sign = register("s3_sign", 1, sign)
        upper_half = register("s3_upper_half", 1, upper_half)
        f = register("s3_f", 23, f)
        step = register("s3_step", 18, Mux(is_exp2, rounded[:18], Cat(Const(0, 2), normal_fraction[:16])))
        scale = register("s3_scale", signed(10), scale)
        settled = register("s3_fixed", 1, fixed)
        kind = register("s3_kind", 2, kind)
        fixed_sign = register("s3_fixed_sign", 1, fixed_sign)
        flags = register("s3_flags", FpFlags, known)
        # 2^x tests its range once the operand is rounded.
        open_range = register("s3_open_range", 1, is_exp2 & ~fixed)

        # Stage 4: square; the table answers in the next cycle. Exponent field of the power of two; 2^x's range.
        far, too_large, too_small = scale < -100, scale > 127, scale < -151
        large, small = open_range & too_large, open_range & too_small
        magnitude = Mux(scale < 0, 0 - scale, scale)[:8]
        function4 = register("s4_function", FUNCTION_BITS, function)
        squared = special_gates.square(m, step[5:]) if body is Body.SYNTHESIS else step[5:] * step[5:]
        squared = register("s4_square", 14, squared[12:])
        step = register("s4_step", 18, step)
        lowered = register("s4_lowered", 1, far & (function == EXP2))
        field = register("s4_field", signed(10), Mux(function == EXP2, scale + Mux(far, 187, 127), scale))
        integer = register("s4_integer", 8, magnitude)
        integer_sign = register("s4_integer_sign", 1, scale < 0)
        settled = register("s4_fixed", 1, settled | large | small)
        kind = register("s4_kind", 2, Mux(large, _INF, Mux(small, _ZERO, kind)))
        flags = register(
            "s4_flags",
            FpFlags,
            Cat(flags.invalid, flags.denormal, flags.overflow | large, flags.underflow | small),
        )
        sign, upper_half, f, fixed_sign = (
            register(f"s4_{name}", len(value), value)
            for name, value in (("sign", sign), ("upper_half", upper_half), ("f", f), ("fixed_sign", fixed_sign))
        )

        # Stage 5: products. log2's integer as FP32; the power of two as FP32 (reciprocals reach two subnormal ones).
        row = self.row
        integer_zeros = leading_zeros(m, integer, "integer_count")
        integer_fraction = shift_left(m, integer, integer_zeros, "integer")
        integer_word = Mux(
            integer.any(),
            Cat(Const(0, 16), integer_fraction[:7], (134 - integer_zeros)[:8], integer_sign),
            0,
        )
        power_word = Mux(field > 0, Cat(Const(0, 23), field[:8]), Mux(field == 0, 1 << 22, 1 << 21))
        is_log2 = register("s5_is_log2", 1, function4 == LOG2)
        tiny = register("s5_lowered", 1, lowered)
        other = register("s5_other", 32, Mux(function4 == LOG2, integer_word, power_word))
        addend_sign = Mux(function4 == RECIP, sign, 1)
        # The sign of y: a reciprocal's, else positive.
        y_sign = register("s5_y_sign", 1, (function4 == RECIP) & sign)
        addend_sign = register("s5_addend_sign", 1, addend_sign)
        fixed_word = Mux(kind[1], Mux(kind[0], ONE, NAN), Mux(kind[0], INF, 0))
        word = Mux(
            settled,
            Cat(fixed_word[:31], fixed_sign),
            Cat(f, ~upper_half, Const(0x3F, 6), Const(0, 1), upper_half),
        )
        ready = register("s5_word", 32, word)
        settled = register("s5_fixed", 1, settled)
        flags = register("s5_flags", FpFlags, flags)

        # Stages 5 and 6, the quadratic, half a unit of y included; the gates leave the last addition to stage 7.
        if body is Body.SYNTHESIS:
            total = special_gates.quadratic(m, row.c0, row.c1, row.c2, step, squared)
        else:
            linear = register("s5_linear", signed(40), row.c1 * step)
            curved = register("s5_quadratic", 27, row.c2 * squared)
            constant = register("s5_constant", 27, row.c0)
            total = Signal(46)
            summed = Cat(Const(0, 18), constant) + linear + Cat(Const(0, 4), curved) + (1 << 20)
            m.d.comb += total.eq(register("s6_total", 46, summed))
        late = {"is_log2": is_log2, "lowered": tiny, "other": other, "y_sign": y_sign, "addend_sign": addend_sign}
        late |= {"word": ready, "fixed": settled}
        late = {name: register(f"s6_{name}", len(value), value) for name, value in late.items()}
        flags = register("s6_flags", FpFlags, flags)

        # Stage 7: operands. y = 2^24 is 2.0: exponent field 128. Far below, y is 60 binades less and the power 60 more.
        y = Signal(25)
        y_word = Signal(32)
        m.d.comb += [
            y.eq(total[21:]),
            y_word.eq(Cat(y[:23], (Mux(late["lowered"], 67, 127) + y[24])[:8], late["y_sign"])),
            self.next.a.eq(Mux(late["is_log2"] | late["fixed"], late["word"], y_word)),
            self.next.b.eq(Mux(late["is_log2"], y_word, late["other"])),
            self.next.c.eq(Mux(late["is_log2"], late["other"], Cat(Const(0, 31), late["addend_sign"]))),
            self.next.hidden_off.eq(late["is_log2"]),
            self.next.fixed.eq(late["fixed"]),
            self.next.flags.eq(flags),
        ]
        m.d.comb += self.operands.eq(register("s7_operands", SpecialOperands, self.next))
        return m

    @staticmethod
    def _fixed(m: Module, function: Value, sign: Value, power: Value, s2: dict[str, Value]) -> tuple[Value, ...]:
        """Results that need no arithmetic: whether it is one, which kind, its sign, and the flags known so far."""
        fixed, kind, fixed_sign = Signal(), Signal(2), Signal(name="fixed_sign")
        flags = Signal(FpFlags, name="known_flags")
        zero, inf, beyond = s2["zero"], s2["inf"], s2["beyond"]
        m.d.comb += flags.denormal.eq(s2["subnormal"])
        with m.If(s2["nan"]):
            m.d.comb += [fixed.eq(1), kind.eq(_NAN), flags.invalid.eq(s2["signalling"])]
        with m.Elif(function == RECIP):
            too_large = power < -128
            m.d.comb += [
                fixed.eq(zero | inf | too_large),
                kind.eq(Mux(inf, _ZERO, _INF)),
                fixed_sign.eq(sign),
                flags.overflow.eq(too_large & ~zero & ~inf),
            ]
        with m.Elif(function == EXP2):
            m.d.comb += [
                fixed.eq(zero | beyond),
                kind.eq(Mux(zero, _ONE, Mux(sign, _ZERO, _INF))),
                flags.overflow.eq(beyond & ~inf & ~sign),
                flags.underflow.eq(beyond & ~inf & sign),
            ]
        with m.Else():
            refused = sign & ~zero
            m.d.comb += [
                fixed.eq(zero | sign | inf),
                kind.eq(Mux(refused, _NAN, Mux((function == RSQRT) & inf, _ZERO, _INF))),
                # The logarithm of either zero is -Inf, the square root keeps its sign.
                fixed_sign.eq(zero & (sign | (function == LOG2))),
                flags.invalid.eq(refused),
            ]
        return fixed, kind, fixed_sign, flags


class SpecialUnit(wiring.Component):
    """Lanes with the table that they share.

    Parameters
    ----------
    lanes: operands a cycle.
    body: form of the arithmetic.
    """

    def __init__(self, lanes: int, body: Body = Body.SIMULATION):
        self.lanes = lanes
        self.body = body
        super().__init__(
            {
                # Function: the low two bits of its operation code. Taken every cycle.
                "function": In(FUNCTION_BITS),
                # Operands, FP32.
                "x": In(32).array(lanes),
                # Operands of the multiply-adds, six cycles later: before their last flip-flop.
                "next": Out(SpecialOperands).array(lanes),
                # The same, seven cycles later.
                "operands": Out(SpecialOperands).array(lanes),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        lanes = []
        for index in range(self.lanes):
            m.submodules[f"lane_{index}"] = lane = SpecialLane(self.body)
            m.d.comb += [
                lane.function.eq(self.function),
                lane.x.eq(self.x[index]),
                self.next[index].eq(lane.next),
                self.operands[index].eq(lane.operands),
            ]
            lanes.append(lane)
        if self.body is Body.SYNTHESIS:
            for number, lane in enumerate(lanes):
                row = Signal(Coefficients, name=f"row_{number}", reset_less=True)
                m.d.sync += row.eq(self._looked_up(m, lane.index, number))
                m.d.comb += lane.row.eq(row)
            return m
        # One memory for all lanes: a simulator keeps it in its cache.
        rows = [dict(zip(("c0", "c1", "c2"), row, strict=True)) for row in _ROWS]
        m.submodules.table = table = memory.Memory(shape=Coefficients, depth=len(rows), init=rows)
        for lane in lanes:
            port = table.read_port(domain="sync")
            m.d.comb += [port.en.eq(1), lane.row.eq(port.data)]
            with m.Switch(lane.index.function):
                with m.Case(RSQRT):
                    m.d.comb += port.addr.eq(Cat(lane.index.segment, lane.index.odd))
                with m.Case(RECIP):
                    m.d.comb += port.addr.eq(Cat(lane.index.segment, Const(_RECIP_BASE, 3)))
                with m.Case(LOG2):
                    m.d.comb += port.addr.eq(Cat(lane.index.segment, Const(_LOG2_BASE, 3)))
                with m.Case(EXP2):
                    m.d.comb += port.addr.eq(Cat(lane.index.step, Const(_EXP2_BASE, 4)))
        return m

    @staticmethod
    def _looked_up(m: Module, index: data.View, lane: int) -> Value:
        """The row as logic, table by table; the choice of the table comes last."""
        segment = index.segment
        chosen = Const(0, Coefficients.size)
        for function, rows, at in (
            (RECIP, special_tables.RECIP, segment),
            (RSQRT, special_tables.RSQRT, Cat(segment, index.odd)),
            (EXP2, special_tables.EXP2, index.step),
            (LOG2, special_tables.LOG2, segment),
        ):
            row = special_gates.lookup(m, rows, at, (27, 22, 13), f"table_{function}_{lane}")
            chosen = chosen | (row & (index.function == function).replicate(Coefficients.size))
        return chosen

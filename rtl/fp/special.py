"""Front end of 1/x, 1/sqrt(x), 2^x and log2(x): what the multiply-add lanes need to finish them.

docs/numerics.md section 5. A segment of a table holds a quadratic in d; its value y (2^23..2^24) times a
power of two, or times f plus an integer for log2, is the result, and the multiply-add lane rounds it and handles
subnormals. Seven stages, one operand a lane and cycle:

    S1 unpack  S2 normalise, or place 2^x's operand  S3 round it  S4 table, square  S5 products  S6 sum  S7 operands

Operands whose result needs no arithmetic (zeros, infinities, NaN, out of range) are marked ``fixed``: a is the result.
"""

from types import SimpleNamespace

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import special_tables
from golden.arch.simd_ops import SimdOp
from rtl.common.delay import stage
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
        s1 = self._unpack(m)
        s2 = self._normalise(m, s1)
        s3 = self._place(m, s2)
        s4 = self._look_up(m, s3)
        s5, total = self._multiply(m, s4)
        self._finish(m, stage(m, "s6", **vars(s5)), total)
        return m

    def _unpack(self, m: Module) -> SimpleNamespace:
        """Stage 1: classes; zeros above a subnormal; how far 2^x's operand goes right."""
        exponent, fraction = self.x[23:31], self.x[:23]
        distance = Signal(signed(9))
        m.d.comb += distance.eq(134 - exponent)  # exponent field 134: |x| is 128 or more
        return stage(
            m,
            "s1",
            function=self.function,
            x=self.x,
            subnormal=~exponent.any() & fraction.any(),
            zero=~exponent.any() & ~fraction.any(),
            inf=exponent.all() & ~fraction.any(),
            nan=exponent.all() & fraction.any(),
            zeros=leading_zeros(m, Cat(Const(0, 9), fraction), "count"),
            places=Mux(distance > 63, 63, distance[:6]),
            beyond=distance < 0,
        )

    @staticmethod
    def _normalise(m: Module, s1: SimpleNamespace) -> SimpleNamespace:
        """Stage 2: normalised fraction and exponent; 2^x's operand in units of 2^-25."""
        x = s1.x
        moved, power = shift_left(m, Cat(Const(0, 1), x[:22]), s1.zeros, "normal"), Signal(signed(9))
        m.d.comb += power.eq(Mux(s1.subnormal, -127 - s1.zeros, x[23:31] - 127))
        return stage(
            m,
            "s2",
            function=s1.function,
            sign=x[31],
            fraction=Mux(s1.subnormal, moved, x[:23]),
            power=power,
            point=Cat(Const(0, 9), x[:23], x[23:31].any()) >> s1.places,
            signalling=s1.nan & ~x[22],
            **{name: getattr(s1, name) for name in ("subnormal", "zero", "inf", "nan", "beyond")},
        )

    def _place(self, m: Module, s2: SimpleNamespace) -> SimpleNamespace:
        """Stage 3: round 2^x's operand to 2^-24, with its sign; where to look and by how much to interpolate."""
        body, function, power, fraction = self.body, s2.function, s2.power, s2.fraction
        flipped = Cat(s2.point[1:], Const(0, 1)) ^ s2.sign.replicate(33)
        rounded = add(m, flipped, Const(0, 33), s2.point[0] ^ s2.sign, width=33, body=body, name="rounded")
        is_exp2, is_log2, upper_half = function == EXP2, function == LOG2, fraction[22]
        # log2's f: the fraction, or from one half on how far it is from one, in half the unit and negative.
        turned = fraction ^ upper_half.replicate(23)
        f = add(m, turned, Const(0, 23), upper_half, width=23, body=body, name="f")
        # 126 - E, 126 - E/2 (rounded down) or E + 1 if the fraction is in the upper half: one adder.
        power_term, wide_power, scale = Signal(10), Signal(signed(10)), Signal(signed(10))
        own = add(m, power_term, Mux(is_log2, 0, 127), is_log2 & upper_half, width=10, body=body, name="own")
        m.d.comb += [
            wide_power.eq(Mux(function == RSQRT, power >> 1, power)),
            power_term.eq(wide_power.as_unsigned() ^ (~is_log2).replicate(10)),
            scale.eq(Mux(is_exp2, rounded[24:].as_signed(), own.as_signed())),
        ]
        index = Cat(function, fraction[16:23], power[0], rounded[18:24])
        m.d.comb += self.index.eq(stage(m, "s3", index=index).index)
        fixed, kind, fixed_sign, known = self._fixed(m, s2)
        return stage(
            m,
            "s3",
            function=function,
            sign=s2.sign,
            upper_half=upper_half,
            f=f,
            step=Mux(is_exp2, rounded[:18], Cat(Const(0, 2), fraction[:16])),
            scale=scale,
            fixed=fixed,
            kind=kind,
            fixed_sign=fixed_sign,
            flags=known,
            # 2^x tests its range once the operand is rounded.
            open_range=is_exp2 & ~fixed,
        )

    def _look_up(self, m: Module, s3: SimpleNamespace) -> SimpleNamespace:
        """Stage 4: square; the table answers in the next cycle. Exponent field of the power of two; 2^x's range."""
        scale, is_exp2, field, magnitude = s3.scale, s3.function == EXP2, Signal(signed(10)), Signal(8)
        far, too_large, too_small = scale < -100, scale > 127, scale < -151
        large, small = s3.open_range & too_large, s3.open_range & too_small
        m.d.comb += [
            magnitude.eq(Mux(scale < 0, 0 - scale, scale)),
            field.eq(Mux(is_exp2, scale + Mux(far, 187, 127), scale)),
        ]
        upper = s3.step[5:]
        squared = special_gates.square(m, upper) if self.body is Body.SYNTHESIS else upper * upper
        flags, known = Signal(FpFlags, name="ranged_flags"), s3.flags
        m.d.comb += flags.eq(Cat(known.invalid, known.denormal, known.overflow | large, known.underflow | small))
        return stage(
            m,
            "s4",
            function=s3.function,
            square=squared[12:],
            step=s3.step,
            lowered=far & is_exp2,
            field=field,
            integer=magnitude,
            integer_sign=scale < 0,
            fixed=s3.fixed | large | small,
            kind=Mux(large, _INF, Mux(small, _ZERO, s3.kind))[:2],
            flags=flags,
            **{name: getattr(s3, name) for name in ("sign", "upper_half", "f", "fixed_sign")},
        )

    def _multiply(self, m: Module, s4: SimpleNamespace) -> tuple[SimpleNamespace, Value]:
        """Stage 5: products; log2's integer as FP32; the power of two as FP32 (reciprocals reach two subnormal ones).

        Also what goes on, and the quadratic of stages 5 and 6, half a unit of y included; the gates leave the last addition to stage 7.
        """
        zeros = leading_zeros(m, s4.integer, "integer_count")
        fraction = shift_left(m, s4.integer, zeros, "integer")
        is_log2, is_recip = s4.function == LOG2, s4.function == RECIP
        integer_word = Mux(s4.integer.any(), Cat(Const(0, 16), fraction[:7], (134 - zeros)[:8], s4.integer_sign), 0)
        power_word = Mux(s4.field > 0, Cat(Const(0, 23), s4.field[:8]), Mux(s4.field == 0, 1 << 22, 1 << 21))
        fixed_word = Mux(s4.kind[1], Mux(s4.kind[0], ONE, NAN), Mux(s4.kind[0], INF, 0))
        upper = s4.upper_half
        s5 = stage(
            m,
            "s5",
            is_log2=is_log2,
            lowered=s4.lowered,
            other=Mux(is_log2, integer_word, power_word)[:32],
            # The sign of y: a reciprocal's, else positive.
            y_sign=is_recip & s4.sign,
            addend_sign=Mux(is_recip, s4.sign, 1),
            word=Mux(s4.fixed, Cat(fixed_word[:31], s4.fixed_sign), Cat(s4.f, ~upper, Const(0x3F, 6), Const(0, 1), upper)),
            fixed=s4.fixed,
            flags=s4.flags,
        )
        row = self.row
        if self.body is Body.SYNTHESIS:
            return s5, special_gates.quadratic(m, row.c0, row.c1, row.c2, s4.step, s4.square)
        terms, summed = stage(m, "s5", linear=row.c1 * s4.step, quadratic=(row.c2 * s4.square)[:27], constant=row.c0), Signal(46)
        m.d.comb += summed.eq(Cat(Const(0, 18), terms.constant) + terms.linear + Cat(Const(0, 4), terms.quadratic) + (1 << 20))
        return s5, stage(m, "s6", total=summed).total

    def _finish(self, m: Module, s6: SimpleNamespace, total: Value) -> None:
        """Stage 7: operands. y = 2^24 is 2.0: exponent field 128. Far below, y is 60 binades less and the power 60 more."""
        y, y_word = Signal(25), Signal(32)
        m.d.comb += [
            y.eq(total[21:]),
            y_word.eq(Cat(y[:23], (Mux(s6.lowered, 67, 127) + y[24])[:8], s6.y_sign)),
            self.next.a.eq(Mux(s6.is_log2 | s6.fixed, s6.word, y_word)),
            self.next.b.eq(Mux(s6.is_log2, y_word, s6.other)),
            self.next.c.eq(Mux(s6.is_log2, s6.other, Cat(Const(0, 31), s6.addend_sign))),
            self.next.hidden_off.eq(s6.is_log2),
            self.next.fixed.eq(s6.fixed),
            self.next.flags.eq(s6.flags),
            self.operands.eq(stage(m, "s7", operands=self.next).operands),
        ]

    @staticmethod
    def _fixed(m: Module, s2: SimpleNamespace) -> tuple[Value, ...]:
        """Results that need no arithmetic: whether it is one, which kind, its sign, and the flags known so far."""
        fixed, kind, fixed_sign = Signal(), Signal(2), Signal(name="fixed_sign")
        flags = Signal(FpFlags, name="known_flags")
        function, sign, power, zero, inf, beyond = s2.function, s2.sign, s2.power, s2.zero, s2.inf, s2.beyond
        m.d.comb += flags.denormal.eq(s2.subnormal)
        with m.If(s2.nan):
            m.d.comb += [fixed.eq(1), kind.eq(_NAN), flags.invalid.eq(s2.signalling)]
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

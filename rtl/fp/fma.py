"""One lane of fused multiply-add: a*b + c in FP32, rounded once, subnormals at full speed.

The arithmetic is docs/numerics.md section 2. Six stages; an operation may start every cycle:

    S1 unpack, product      S2 align the addend    S3 add    S4 magnitude, zero count    S5 normalise    S6 round

The sum lives in a window of 76 bits. The product occupies bits 2..49, an unshifted addend bits 52..75; the two bits
above the product and the two below it let a product that was not normalised (subnormal operand) keep its guard bits.
The addend moves right by sh = xa + xb - xc - 100 (x: biased exponent, at least 1). A product so small that sh would be
negative, or zero, stays where it is and only ever counts as a sticky bit.

Two bodies compute the same bits, and the tests hold both against the same reference: the one here is written for
simulation (one ``*``, no signal above 64 bits, three of the six stages only delay), ``rtl.fp.fma_gates`` for synthesis.

Stage 6 also selects: a result that other hardware computed (``other``) leaves through the lane's output register, so
that everything in the SIMD pipe shares one result port without a stage of its own.
"""

from types import SimpleNamespace

from amaranth.hdl import Cat, Const, Module, Mux, ShapeLike, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.common.delay import delay
from rtl.fp import fma_gates
from rtl.fp.adder import Body
from rtl.fp.flags import FpFlags
from rtl.fp.shift import leading_zeros, shift_left
from rtl.fp.unpack import NAN, Operand, Specials, specials

STAGES = 6
"""Cycles from operands to result."""

FmaPorts = {
    # Operands, FP32. Taken every cycle.
    "a": In(32),
    "b": In(32),
    "c": In(32),
    # Round to odd instead of nearest even, with the operands.
    "odd": In(1),
    # Operand a is not normalised: its significand is its fraction alone although its exponent is not 0.
    "hidden_off": In(1),
    # Do not report Denormal: the operands are no program's (special functions).
    "quiet": In(1),
    # Five cycles after the operands that it replaces: take `other` instead of the sum.
    "use_other": In(1),
    "other": In(32),
    # Result, six cycles after the operands.
    "result": Out(32),
    # Flags of the sum that stage 6 takes (none of another result): a cycle before `result`, for the caller to hold.
    "next_flags": Out(FpFlags),
    # The next result has a bit that is one: one cycle before `result`, for the caller's flip-flop.
    "next_nonzero": Out(1),
}
"""Ports of a lane."""


_ALIGNED = {"product": 50, "high": 26, "low": 50, "sticky": 1, "sub": 1, "sign": 1, "csign": 1, "odd": 1, "top": 9, "special": Specials}
"""Flip-flops behind stage 1: the product and the addend in the window, and what goes with them."""

_SUMMED = {"value": 64, "limit": 9, "sticky": 1, "sign": 1, "odd": 1, "special": Specials}
"""Flip-flops behind stage 2: the magnitude, how far it may move left, and what goes with it."""


def _flip_flops(stage: str, shapes: dict[str, ShapeLike]) -> SimpleNamespace:
    """Signals of these shapes; one by one, not as a struct, so that a simulator keeps to machine words."""
    return SimpleNamespace(**{name: Signal(shape, name=f"{stage}_{name}", reset_less=True) for name, shape in shapes.items()})


class FmaLane(wiring.Component):
    """The lane; one operation a cycle. Ports: ``FmaPorts``. ``body``: form of its arithmetic."""

    def __init__(self, body: Body = Body.SIMULATION):
        self.body = body
        super().__init__(FmaPorts)

    def elaborate(self, platform) -> Module:
        if self.body is Body.SYNTHESIS:
            return fma_gates.build(self)
        m = Module()
        self._select(m, *self._round(m, self._add(m, self._align(m))))
        return m

    def _align(self, m: Module) -> SimpleNamespace:
        """Stage 1: unpack, multiply, align the addend."""
        a, b, c = Operand(self.a, self.hidden_off), Operand(self.b), Operand(self.c)
        special = specials(m, a, b, c, self.quiet)
        sum_exponent = Signal(9)
        distance = Signal(11)  # two's complement, -352..407
        behind = Signal()
        shift = Signal(7)
        m.d.comb += [
            sum_exponent.eq(a.exponent + b.exponent),
            distance.eq(sum_exponent - c.exponent - 100),
            behind.eq(distance[10] | a.zero | b.zero),
            # From 76 on the whole addend is below the window.
            shift.eq(Mux(behind, 0, Mux(distance[:10] > 76, 76, distance[:7]))),
        ]
        mc = Signal(24)
        below, amount = Signal(64), Signal(7)
        m.d.comb += [
            mc.eq(c.significand),
            # The addend's part below bit 50, as one shift of 64 bits: near the top only its low bits get there.
            below.eq(Mux(shift < 12, Cat(Const(0, 52), mc[:12]), Cat(Const(0, 40), mc))),
            amount.eq(Mux(shift < 12, shift, shift - 12)),
        ]
        s1 = _flip_flops("s1", _ALIGNED)
        m.d.sync += [
            s1.product.eq(Cat(Const(0, 2), (a.significand * b.significand)[:48])),
            s1.high.eq(Cat(Const(0, 2), mc) >> shift),
            s1.low.eq((below >> amount)[:50]),
            s1.sticky.eq((mc & (Const(0xFFFFFF, 24) >> (76 - shift)[:7])).any()),
            s1.sub.eq(a.sign ^ b.sign ^ c.sign),
            s1.sign.eq(a.sign ^ b.sign),
            s1.csign.eq(c.sign),
            s1.odd.eq(self.odd),
            s1.top.eq(Mux(behind, c.exponent, sum_exponent - 100)),
            s1.special.eq(special),
        ]
        return s1

    @staticmethod
    def _add(m: Module, s1: SimpleNamespace) -> SimpleNamespace:
        """Stage 2: add; the magnitude; its first twelve bits dropped or shifted out, so that 64 remain."""
        add_low, add_high = Signal(51), Signal(27)
        sub_low, sub_high = Signal(51), Signal(27)
        rev_low, rev_high = Signal(51), Signal(26)
        high, low = Signal(26), Signal(50)
        m.d.comb += [
            add_low.eq(s1.product + s1.low),
            add_high.eq(s1.high + add_low[50]),
            # product - addend; lost addend bits make it one less, with sticky. Bit 50, bit 26: borrow.
            sub_low.eq(s1.product - s1.low - s1.sticky),
            sub_high.eq(0 - s1.high - sub_low[50]),
            rev_low.eq(s1.low - s1.product),
            rev_high.eq(s1.high - rev_low[50]),
        ]
        negative = Signal()
        m.d.comb += [
            negative.eq(s1.sub & sub_high[26]),
            high.eq(Mux(negative, rev_high, Mux(s1.sub, sub_high[:26], add_high[:26]))),
            low.eq(Mux(negative, rev_low[:50], Mux(s1.sub, sub_low[:50], add_low[:50]))),
        ]
        jump, limit, s2 = Signal(), Signal(9), _flip_flops("s2", _SUMMED)
        m.d.comb += [
            limit.eq(s1.top - 1),
            jump.eq(~high[14:].any() & (limit >= 12)),
        ]
        m.d.sync += [
            s2.value.eq(Mux(jump, Cat(low, high[:14]), Cat(low[12:], high))),
            s2.limit.eq(limit - Mux(jump, 12, 0)),
            s2.sticky.eq(s1.sticky | (~jump & low[:12].any())),
            # An exact zero out of a subtraction is +0.
            s2.sign.eq(
                Mux(negative, s1.csign, s1.sign) & ~(s1.sub & ~s1.sticky & ~high.any() & ~low.any()),
            ),
            s2.odd.eq(s1.odd),
            s2.special.eq(s1.special),
        ]
        return s2

    @staticmethod
    def _round(m: Module, s2: SimpleNamespace) -> tuple[Signal, Signal]:
        """Stage 3: normalise, round; the result and its flags."""
        # A one planted where the limit would take the shift stops the zero counter there.
        planted = Signal(64)
        m.d.comb += planted.eq(s2.value | (Const(1 << 63, 64) >> Mux(s2.limit > 63, 64, s2.limit[:6])))
        moved = leading_zeros(m, planted, "count")
        shifted = shift_left(m, s2.value, moved, "normal")
        exponent, rounded, up, inexact = Signal(9), Signal(32), Signal(), Signal()
        guard, sticky = Signal(), Signal()
        m.d.comb += [
            exponent.eq(Mux(shifted[63], s2.limit + 1 - moved, 0)),
            guard.eq(shifted[39]),
            sticky.eq(shifted[:39].any() | s2.sticky),
            inexact.eq(guard | sticky),
            up.eq(~s2.odd & guard & (sticky | shifted[40])),
            rounded.eq(Cat(shifted[40:63], exponent) + up),
        ]
        finite, overflow = Signal(), Signal()
        done = Signal(32)
        flags = Signal(FpFlags)
        infinite = Cat(Const(0xFF << 23, 31), Mux(s2.special.inf, s2.special.inf_sign, s2.sign))
        number = Cat(rounded[0] | (s2.odd & inexact), rounded[1:31], s2.sign)
        m.d.comb += [
            finite.eq(~s2.special.nan & ~s2.special.inf),
            overflow.eq(rounded[23:] >= 255),
            done.eq(Mux(s2.special.nan, NAN, Mux(s2.special.inf | overflow, infinite, number))),
            flags.invalid.eq(s2.special.invalid),
            flags.denormal.eq(s2.special.denormal),
            flags.overflow.eq(finite & overflow),
            # Rounded to odd, the conversion that follows reports underflow.
            flags.underflow.eq(finite & inexact & ~rounded[23:].any() & ~s2.odd),
        ]
        return done, flags

    def _select(self, m: Module, done: Signal, flags: Signal) -> None:
        """Stages 3 to 5: wait for the gates' lane. Stage 6: select."""
        stages = [f"s{stage}" for stage in range(3, STAGES)]
        done, flags = delay(m, done, stages, "result", reset_less=True), delay(m, flags, stages, "flags", reset_less=True)
        chosen, result = Signal(32), Signal(32, reset_less=True)
        m.d.comb += [
            chosen.eq(Mux(self.use_other, self.other, done)),
            self.next_flags.eq(Mux(self.use_other, 0, flags)),
            self.next_nonzero.eq(chosen.any()),
            self.result.eq(result),
        ]
        m.d.sync += result.eq(chosen)

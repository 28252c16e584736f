"""The multiply-add lane for synthesis: the same bits and cycles as the body in ``rtl.fp.fma``, at 500 ps a stage.

    S1  Booth rows of four-fold digits, two levels of full adders; distance of the addend
    S2  three more levels: two rows; the addend shifted
    S3  the addend as third row; sum and sum + 1 from one Kogge-Stone tree of 77 bits
    S4  which of them (or the complement) is the magnitude; zeros counted, with a one planted where the shift must stop
    S5  shift left; sticky
    S6  increment, as late as its carry is known

The rows of the product are added modulo 2^48. With the constants that extend their signs they sum to the product plus
2^49, so unless one carry left bit 47 on the way the last two rows exceed the product by 2^48: ``excess`` takes it off.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from rtl.fp.adder import booth_digit, both_sums, full_adders
from rtl.fp.flags import FpFlags
from rtl.fp.unpack import NAN, Operand, Specials, specials

PRODUCT = 48
WINDOW = 76
"""Bits of the window: see ``rtl.fp.fma``; the product's bit 0 is bit 2."""


def build(lane) -> Module:
    """The circuit of a lane with ``FmaPorts``."""
    m = Module()

    def register(name: str, shape, source) -> Signal:
        held = Signal(shape, name=name, reset_less=True)
        m.d.sync += held.eq(source)
        return held

    # Stage 1.
    a, b, c = Operand(lane.a, lane.hidden_off), Operand(lane.b), Operand(lane.c)
    rows, dropped = _booth_rows(m, a.significand, b.significand), []
    rows = _level(m, _level(m, rows, dropped, "s1_a"), dropped, "s1_b")
    rows = [register(f"s1_row_{index}", PRODUCT, row) for index, row in enumerate(rows)]
    distance, exponent_sum = Signal(11), Signal(9)
    m.d.comb += [
        distance.eq(_sum(m, [a.exponent, b.exponent, ~Cat(c.exponent, Const(0, 3)), Const(-99 & 2047, 11)], 11, "far")),
        exponent_sum.eq(_sum(m, [a.exponent, b.exponent, Const(-100 & 511, 9)], 9, "top")),
    ]
    behind = distance[10] | a.zero | b.zero
    s1 = {
        "dropped": register("s1_dropped", 1, Cat(dropped).any()),
        "behind": register("s1_behind", 1, behind),
        # From 76 on the addend is below the window; 80 is simpler to tell.
        "far": register("s1_far", 1, ~behind & (distance[7:10].any() | (distance[6] & distance[4:6].any()))),
        "shift": register("s1_shift", 7, distance[:7] & ~behind.replicate(7)),
        "sub": register("s1_sub", 1, a.sign ^ b.sign ^ c.sign),
        "sign": register("s1_sign", 1, a.sign ^ b.sign),
        "csign": register("s1_csign", 1, c.sign),
        "odd": register("s1_odd", 1, lane.odd),
        "special": register("s1_special", Specials, specials(m, a, b, c, lane.quiet)),
        "sum_exponent": register("s1_sum_exponent", 9, exponent_sum),
        "addend_exponent": register("s1_addend_exponent", 8, c.exponent),
    }
    addend = register("s1_addend", 24, c.significand)

    # Stage 2.
    dropped = []
    rows = _level(m, _level(m, _level(m, rows, dropped, "s2_a"), dropped, "s2_b"), dropped, "s2_c")
    shifted, lost = _align(m, addend, s1["shift"], s1["far"])
    top = Signal(9)
    m.d.comb += top.eq(Mux(s1["behind"], s1["addend_exponent"], s1["sum_exponent"]))
    rows = [register(f"s2_row_{index}", PRODUCT, row) for index, row in enumerate(rows)]
    excess = register("s2_excess", 1, ~(s1["dropped"] | Cat(dropped).any()))
    shifted = register("s2_shifted", WINDOW + 1, Cat(shifted, Const(0, 1)) ^ s1["sub"].replicate(WINDOW + 1))
    lost = register("s2_lost", 1, lost)
    top = register("s2_top", 9, top)
    kept = {name: register(f"s2_{name}", len(s1[name]), s1[name]) for name in ("sub", "sign", "csign", "odd")}
    special = register("s2_special", Specials, s1["special"])

    # Stage 3. The second row's two lowest bits are free.
    first = Cat(Const(0, 2), rows[0], excess.replicate(WINDOW - 1 - PRODUCT))
    second = Cat(Const(0, 2), rows[1], Const(0, WINDOW - 1 - PRODUCT))
    half, carries = full_adders(m, first, second, shifted, WINDOW + 1, "s3")
    plain, plus_one = both_sums(m, half, Cat(Const(0, 1), carries)[: WINDOW + 1], WINDOW + 1, "sum")
    # A one where the left shift by top - 1 places must stop; none when that is beyond the window.
    stop = Signal(WINDOW)
    limit = Signal(9)
    m.d.comb += limit.eq(top - 1)
    m.d.comb += stop.eq(Cat((limit == WINDOW - 1 - place) for place in range(WINDOW)))
    plain, plus_one = register("s3_plain", WINDOW + 1, plain), register("s3_plus_one", WINDOW + 1, plus_one)
    stop = register("s3_stop", WINDOW, stop)
    lost = register("s3_lost", 1, lost)
    top = register("s3_top", 9, top)
    kept = {name: register(f"s3_{name}", 1, value) for name, value in kept.items()}
    special = register("s3_special", Specials, special)

    # Stage 4. Subtracting, the sum's top bit says that the addend was the greater.
    negative, use_plain = Signal(), Signal()
    magnitude = Signal(WINDOW)
    m.d.comb += [
        negative.eq(kept["sub"] & plus_one[WINDOW]),
        use_plain.eq(~kept["sub"] | lost | plus_one[WINDOW]),
        magnitude.eq(Mux(use_plain, plain[:WINDOW] ^ negative.replicate(WINDOW), plus_one[:WINDOW])),
    ]
    zeros, some = _count(Cat(Const(0, 128 - WINDOW), magnitude | stop))
    # An exact zero out of a subtraction is +0: the sum plus one has no bit, and nothing was lost.
    sign = Mux(negative, kept["csign"], kept["sign"])
    vanished = register("s4_vanished", 1, kept["sub"] & ~lost)
    magnitude = register("s4_magnitude", WINDOW, magnitude)
    zeros, some = register("s4_zeros", 7, zeros), register("s4_some", 1, some)
    lost = register("s4_lost", 1, lost)
    top = register("s4_top", 9, top)
    sign, odd = register("s4_sign", 1, sign), register("s4_odd", 1, kept["odd"])
    special = register("s4_special", Specials, special)

    # Stage 5.
    normal = _shift_left(m, magnitude, zeros)
    exponent = Signal(9)
    m.d.comb += exponent.eq(_sum(m, [top, ~Cat(zeros, Const(0, 2)), Const(1, 9)], 9, "exponent"))
    s5 = {
        # Stopped short of a leading one, the exponent is 1 and its field 0; with nothing to stop at, all was zero.
        "exponent": register(
            "s5_exponent",
            9,
            Cat(exponent[0] & normal[75], exponent[1:]) & some.replicate(9),
        ),
        "fraction": register("s5_fraction", 23, normal[52:75]),
        "guard": register("s5_guard", 1, normal[51]),
        "sticky": register("s5_sticky", 1, normal[:51].any() | lost),
        "sign": register("s5_sign", 1, sign & ~(vanished & ~magnitude.any())),
        "odd": register("s5_odd", 1, odd),
    }
    _round(m, lane, s5, register("s5_special", Specials, special))
    return m


def _round(m: Module, lane, s5: dict[str, Signal], special: Signal) -> None:
    """Stage 6: the increment of exponent and fraction together, the results that are not finite, another's result."""
    word = Cat(s5["fraction"], s5["exponent"])[:31]
    up, inexact = Signal(), Signal()
    ones = [Const(1, 1)]
    for width in range(1, 32):
        # Whether all bits below are ones: ANDs that synthesis shares and balances.
        ones.append(word[:width].all())
    over, over_up = s5["exponent"][8] | s5["exponent"][:8].all(), word[24:31].all() & ~word[23] & word[:23].all()
    overflow, finite = Signal(), Signal()
    rounded, exception, exceptional = Signal(31), Signal(32), Signal()
    flags = Signal(FpFlags)
    m.d.comb += [
        inexact.eq(s5["guard"] | s5["sticky"]),
        up.eq(~s5["odd"] & s5["guard"] & (s5["sticky"] | word[0])),
        rounded.eq(
            Cat(word[0] ^ up | (s5["odd"] & inexact), *(word[place] ^ (up & ones[place]) for place in range(1, 31))),
        ),
        overflow.eq(over | (over_up & up)),
        finite.eq(~special.nan & ~special.inf),
        exceptional.eq(lane.use_other | special.nan | special.inf | overflow),
        exception.eq(
            Mux(
                lane.use_other,
                lane.other,
                Mux(special.nan, NAN, Cat(Const(0xFF << 23, 31), Mux(special.inf, special.inf_sign, s5["sign"]))),
            ),
        ),
        flags.invalid.eq(special.invalid),
        flags.denormal.eq(special.denormal),
        flags.overflow.eq(finite & overflow),
        # The field stays 0 unless the fraction is all ones and goes up.
        flags.underflow.eq(
            finite & inexact & ~s5["odd"] & ~s5["exponent"].any() & ~(up & s5["fraction"].all()),
        ),
        lane.next_flags.eq(Mux(lane.use_other, 0, flags)),
        lane.next_nonzero.eq(
            Mux(
                lane.use_other,
                lane.other.any(),
                special.nan | special.inf | s5["sign"] | up | word.any() | (s5["odd"] & inexact),
            ),
        ),
    ]
    result = Signal(32, reset_less=True)
    m.d.sync += result.eq(Mux(exceptional, exception, Cat(rounded, s5["sign"])))
    m.d.comb += lane.result.eq(result)


def _booth_rows(m: Module, multiplicand: Value, multiplier: Value) -> list[Value]:
    """Thirteen words of 48 bits whose sum is the product of two 24-bit words plus 2^49, modulo 2^48.

    Digit i of the multiplier (-2..2, weight 4^i) times the multiplicand, inverted when negative; the one that completes
    the negation is bit 2i of the next row, whose own bits begin higher.
    """
    bits = Cat(Const(0, 1), multiplier, Const(0, 2))
    rows, correction = [], None
    for index in range(13):
        low, middle, high = (bits[2 * index + offset] for offset in range(3))
        one, two, minus = (Signal(name=f"booth_{name}_{index}") for name in ("one", "two", "minus"))
        # -0 would need its correction, so 111 counts as plain zero.
        m.d.comb += Cat(one, two, minus).eq(Cat(booth_digit(low, middle, high)))
        single, double = Cat(multiplicand, Const(0, 1)), Cat(Const(0, 1), multiplicand)
        part = Signal(25, name=f"booth_part_{index}")
        m.d.comb += part.eq(((single & one.replicate(25)) | (double & two.replicate(25))) ^ minus.replicate(25))
        if index == 0:
            sign = [minus, minus, ~minus]
        elif index < 12:
            sign = [~minus, Const(1, 1)]
        else:
            sign = []
        below = [Const(0, 2 * index - 2), correction, Const(0, 1)] if index else []
        row = Signal(PRODUCT, name=f"booth_row_{index}")
        m.d.comb += row.eq(Cat(*below, part, *sign)[:PRODUCT])
        rows.append(row)
        correction = minus
    return rows


def _level(m: Module, rows: list[Value], dropped: list[Value], name: str) -> list[Value]:
    """One level of full adders modulo 2^48; carries out of bit 47 are appended to ``dropped``."""
    out = []
    while len(rows) >= 3:
        total, carry = full_adders(m, *rows[:3], PRODUCT, f"{name}_{len(out)}")
        dropped.append(carry[-1])
        out += [total, Cat(Const(0, 1), carry[:-1])]
        rows = rows[3:]
    return out + rows


def _sum(m: Module, terms: list[Value], width: int, name: str) -> Value:
    """Sum modulo 2^width of a few short words: full adders, then a prefix adder."""
    terms = [Cat(term, Const(0, width))[:width] for term in terms]
    level = 0
    while len(terms) > 2:
        total, carry = full_adders(m, *terms[:3], width, f"{name}_{level}")
        terms = [*terms[3:], total, Cat(Const(0, 1), carry[:-1])]
        level += 1
    return both_sums(m, *terms, width, name)[0]


def _align(m: Module, addend: Value, shift: Value, far: Value) -> tuple[Value, Value]:
    """The addend at the top of the window, moved right by up to 79; whether bits fell out below."""
    below = 27  # 79 places move the lowest bit, 52, so far below the window
    value = Cat(Const(0, below + WINDOW - 24), addend)
    for bit in range(7):
        step = Signal(len(value), name=f"align_{1 << bit}")
        m.d.comb += step.eq(Mux(shift[bit], Cat(value[1 << bit :], Const(0, 1 << bit)), value))
        value = step
    window = value[below:] & ~far.replicate(WINDOW)
    return window, Mux(far, addend.any(), value[:below].any())


def _count(value: Value) -> tuple[Value, Value]:
    """Leading zeros of a word whose width is a power of two, and whether it has a one: a tree from pairs upward."""
    width = len(value)
    if width == 1:
        return Const(0, 0), value
    high_count, high_some = _count(value[width // 2 :])
    low_count, low_some = _count(value[: width // 2])
    return Cat(Mux(high_some, high_count, low_count), ~high_some), high_some | low_some


def _shift_left(m: Module, value: Value, places: Value) -> Value:
    width = len(value)
    for bit in reversed(range(len(places))):
        step = Signal(width, name=f"normal_{1 << bit}")
        m.d.comb += step.eq(Mux(places[bit], Cat(Const(0, 1 << bit), value)[:width], value))
        value = step
    return value

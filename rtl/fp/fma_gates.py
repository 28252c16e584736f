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

from types import SimpleNamespace

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from rtl.common.delay import stage
from rtl.fp.adder import booth_digit, both_sums, full_adders
from rtl.fp.flags import FpFlags
from rtl.fp.unpack import NAN, Operand, specials

PRODUCT = 48
WINDOW = 76
"""Bits of the window: see ``rtl.fp.fma``; the product's bit 0 is bit 2."""


def build(lane) -> Module:
    """The circuit of a lane with ``FmaPorts``."""
    m = Module()
    s1 = _multiply(m, lane)
    s2 = _reduce(m, s1)
    s3 = _add(m, s2)
    s4 = _magnitude(m, s3)
    _round(m, lane, _normalise(m, s4))
    return m


def _multiply(m: Module, lane) -> SimpleNamespace:
    """Stage 1: five rows of the product; how far below its top the addend begins."""
    a, b, c = Operand(lane.a, lane.hidden_off), Operand(lane.b), Operand(lane.c)
    rows, dropped = _booth_rows(m, a.significand, b.significand), []
    rows = _level(m, _level(m, rows, dropped, "s1_a"), dropped, "s1_b")
    distance, exponent_sum = Signal(11), Signal(9)
    m.d.comb += [
        distance.eq(_sum(m, [a.exponent, b.exponent, ~Cat(c.exponent, Const(0, 3)), Const(-99 & 2047, 11)], 11, "far")),
        exponent_sum.eq(_sum(m, [a.exponent, b.exponent, Const(-100 & 511, 9)], 9, "top")),
    ]
    behind = distance[10] | a.zero | b.zero
    return stage(
        m,
        "s1",
        **_numbered(rows),
        dropped=Cat(dropped).any(),
        behind=behind,
        # From 76 on the addend is below the window; 80 is simpler to tell.
        far=~behind & (distance[7:10].any() | (distance[6] & distance[4:6].any())),
        shift=distance[:7] & ~behind.replicate(7),
        sub=a.sign ^ b.sign ^ c.sign,
        sign=a.sign ^ b.sign,
        csign=c.sign,
        odd=lane.odd,
        special=specials(m, a, b, c, lane.quiet),
        sum_exponent=exponent_sum,
        addend_exponent=c.exponent,
        addend=c.significand,
    )


def _reduce(m: Module, s1: SimpleNamespace) -> SimpleNamespace:
    """Stage 2: two rows of the product, and the addend in the window, inverted when it is subtracted."""
    dropped = []
    rows = _level(m, _level(m, _level(m, _rows(s1), dropped, "s2_a"), dropped, "s2_b"), dropped, "s2_c")
    shifted, sticky = _align(m, s1.addend, s1.shift, s1.far)
    top = Signal(9)
    m.d.comb += top.eq(Mux(s1.behind, s1.addend_exponent, s1.sum_exponent))
    return stage(
        m,
        "s2",
        **_numbered(rows),
        excess=~(s1.dropped | Cat(dropped).any()),
        shifted=Cat(shifted, Const(0, 1)) ^ s1.sub.replicate(WINDOW + 1),
        sticky=sticky,
        top=top,
        sub=s1.sub,
        sign=s1.sign,
        csign=s1.csign,
        odd=s1.odd,
        special=s1.special,
    )


def _add(m: Module, s2: SimpleNamespace) -> SimpleNamespace:
    """Stage 3: the sum of all, and the sum plus one. The second row's two lowest bits are free."""
    rows = _rows(s2)
    first = Cat(Const(0, 2), rows[0], s2.excess.replicate(WINDOW - 1 - PRODUCT))
    second = Cat(Const(0, 2), rows[1], Const(0, WINDOW - 1 - PRODUCT))
    half, carries = full_adders(m, first, second, s2.shifted, WINDOW + 1, "s3")
    plain, plus_one = both_sums(m, half, Cat(Const(0, 1), carries)[: WINDOW + 1], WINDOW + 1, "sum")
    # A one where the left shift by top - 1 places must stop; none when that is beyond the window.
    stop = Signal(WINDOW)
    limit = Signal(9)
    m.d.comb += limit.eq(s2.top - 1)
    m.d.comb += stop.eq(Cat((limit == WINDOW - 1 - place) for place in range(WINDOW)))
    kept = {name: getattr(s2, name) for name in ("sticky", "top", "sub", "sign", "csign", "odd", "special")}
    return stage(m, "s3", plain=plain, plus_one=plus_one, stop=stop, **kept)


def _magnitude(m: Module, s3: SimpleNamespace) -> SimpleNamespace:
    """Stage 4: which sum, or its complement, is the magnitude. Subtracting, the sum's top bit says that the addend was the greater."""
    negative, use_plain = Signal(), Signal()
    magnitude = Signal(WINDOW)
    m.d.comb += [
        negative.eq(s3.sub & s3.plus_one[WINDOW]),
        use_plain.eq(~s3.sub | s3.sticky | s3.plus_one[WINDOW]),
        magnitude.eq(Mux(use_plain, s3.plain[:WINDOW] ^ negative.replicate(WINDOW), s3.plus_one[:WINDOW])),
    ]
    zeros, some = _count(Cat(Const(0, 128 - WINDOW), magnitude | s3.stop))
    return stage(
        m,
        "s4",
        magnitude=magnitude,
        zeros=zeros,
        some=some,
        # An exact zero out of a subtraction is +0: the sum plus one has no bit, and nothing was lost.
        vanished=s3.sub & ~s3.sticky,
        sign=Mux(negative, s3.csign, s3.sign),
        sticky=s3.sticky,
        top=s3.top,
        odd=s3.odd,
        special=s3.special,
    )


def _normalise(m: Module, s4: SimpleNamespace) -> SimpleNamespace:
    """Stage 5: the leading one at the top."""
    normal = _shift_left(m, s4.magnitude, s4.zeros)
    exponent = Signal(9)
    m.d.comb += exponent.eq(_sum(m, [s4.top, ~Cat(s4.zeros, Const(0, 2)), Const(1, 9)], 9, "exponent"))
    return stage(
        m,
        "s5",
        # Stopped short of a leading one, the exponent is 1 and its field 0; with nothing to stop at, all was zero.
        exponent=Cat(exponent[0] & normal[75], exponent[1:]) & s4.some.replicate(9),
        fraction=normal[52:75],
        guard=normal[51],
        sticky=normal[:51].any() | s4.sticky,
        sign=s4.sign & ~(s4.vanished & ~s4.magnitude.any()),
        odd=s4.odd,
        special=s4.special,
    )


def _round(m: Module, lane, s5: SimpleNamespace) -> None:
    """Stage 6: the increment of exponent and fraction together, the results that are not finite, another's result."""
    word = Cat(s5.fraction, s5.exponent)[:31]
    up, inexact = Signal(), Signal()
    ones = [Const(1, 1)]
    for width in range(1, 32):
        # Whether all bits below are ones: ANDs that synthesis shares and balances.
        ones.append(word[:width].all())
    over, over_up = s5.exponent[8] | s5.exponent[:8].all(), word[24:31].all() & ~word[23] & word[:23].all()
    overflow, finite = Signal(), Signal()
    rounded, exception, exceptional = Signal(31), Signal(32), Signal()
    flags = Signal(FpFlags)
    m.d.comb += [
        inexact.eq(s5.guard | s5.sticky),
        up.eq(~s5.odd & s5.guard & (s5.sticky | word[0])),
        rounded.eq(
            Cat(word[0] ^ up | (s5.odd & inexact), *(word[place] ^ (up & ones[place]) for place in range(1, 31))),
        ),
        overflow.eq(over | (over_up & up)),
        finite.eq(~s5.special.nan & ~s5.special.inf),
        exceptional.eq(lane.use_other | s5.special.nan | s5.special.inf | overflow),
        exception.eq(
            Mux(
                lane.use_other,
                lane.other,
                Mux(s5.special.nan, NAN, Cat(Const(0xFF << 23, 31), Mux(s5.special.inf, s5.special.inf_sign, s5.sign))),
            ),
        ),
        flags.invalid.eq(s5.special.invalid),
        flags.denormal.eq(s5.special.denormal),
        flags.overflow.eq(finite & overflow),
        # The field stays 0 unless the fraction is all ones and goes up.
        flags.underflow.eq(
            finite & inexact & ~s5.odd & ~s5.exponent.any() & ~(up & s5.fraction.all()),
        ),
        lane.next_flags.eq(Mux(lane.use_other, 0, flags)),
        lane.next_nonzero.eq(
            Mux(
                lane.use_other,
                lane.other.any(),
                s5.special.nan | s5.special.inf | s5.sign | up | word.any() | (s5.odd & inexact),
            ),
        ),
    ]
    result = Signal(32, reset_less=True)
    m.d.sync += result.eq(Mux(exceptional, exception, Cat(rounded, s5.sign)))
    m.d.comb += lane.result.eq(result)


def _numbered(rows: list[Value]) -> dict[str, Value]:
    return {f"row_{index}": row for index, row in enumerate(rows)}


def _rows(held: SimpleNamespace) -> list[Value]:
    return [value for name, value in vars(held).items() if name.startswith("row_")]


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

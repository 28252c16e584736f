"""A second model of the matrix step, written from docs/numerics.md alone.

Sections 7.1 to 7.7, and what they refer to in sections 1 (formats), 2.1 (rounding) and 3.2 (narrowing), one element at a time in exact
rationals; the literal reading of denormals (3.4) is left out. The rule it keeps: nothing here is taken from `golden/numerics` or the
RTL, so that agreement with them shows that the text decides every bit. Clarity over speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor

POS_INF, NEG_INF = 0x7F800000, 0xFF800000
NAN = 0x7FC00000
SIGN = 0x80000000


@dataclass(frozen=True)
class Format:
    """A row of the table of section 1, without the widest number the code itself gives."""

    exponent_bits: int
    mantissa_bits: int
    bias: int | None  # None: set by software
    largest: int  # largest finite code, sign clear
    inf: int | None = None
    nan: int | None = None
    signed: bool = True


FORMATS = {
    "fp32": Format(8, 23, 127, 0x7F7FFFFF, 0x7F800000, 0x7FC00000),
    "bf16": Format(8, 7, 127, 0x7F7F, 0x7F80, 0x7FC0),
    "fp16": Format(5, 10, 15, 0x7BFF, 0x7C00, 0x7E00),
    "cfloat8_1_4_3": Format(4, 3, None, 0x7F),
    "cfloat8_1_5_2": Format(5, 2, None, 0x7F),
    "shp": Format(5, 10, None, 0x7FFF),
    "uhp": Format(6, 10, 31, 0xFFFF, signed=False),
}


@dataclass(frozen=True)
class Element:
    """State of one element of an accumulator tile (section 7.2)."""

    s: int = 0  # -2^55 .. 2^55-1
    e: int = 0  # 0 .. 63
    p: int = 0  # bit 0: +Inf seen; bit 1: -Inf seen; both: NaN


CLEAR = Element()


def power(n: int) -> Fraction:
    """2^n, exactly, for any sign of n."""
    return Fraction(2) ** n


def quantum(e: int) -> Fraction:
    """Q(E) of section 7.2."""
    return power(8 * e - 284)


def rne(x: Fraction) -> int:
    """Nearest integer, ties to even."""
    below = floor(x)
    rest = x - below
    if rest > Fraction(1, 2) or (rest == Fraction(1, 2) and below % 2 == 1):
        return below + 1
    return below


def floor_log2(v: Fraction) -> int:
    """floor(log2 v) of a positive rational."""
    n = v.numerator.bit_length() - v.denominator.bit_length()
    while power(n) > v:
        n -= 1
    while power(n + 1) <= v:
        n += 1
    return n


# --- The step (7.1, 7.3) ---------------------------------------------------------------------------------------------------------------


class Bf16:
    """A BF16 code taken apart as section 7.1 names its parts."""

    def __init__(self, code: int) -> None:
        self.sign, e, f = code >> 15, (code >> 7) & 0xFF, code & 0x7F
        self.is_nan = e == 255 and f != 0
        self.is_inf = e == 255 and f == 0
        self.is_zero = e == 0 and f == 0
        self.is_live = not (self.is_nan or self.is_inf or self.is_zero)
        self.x = max(e, 1)
        self.value = (-1) ** self.sign * (f + (128 if e > 0 else 0)) * power(self.x - 134)


def step(state: Element, row: list[int], column: list[int], first: bool = False) -> Element:
    """One step on one element: BF16 codes a[i][0..] and b[0..][j], at most four of each."""
    if first:
        state = CLEAR
    products = [(Bf16(a), Bf16(b)) for a, b in zip(row, column, strict=True)]
    live = [(a, b) for a, b in products if a.is_live and b.is_live]

    # Rule 1: the common exponent.
    e_new = max([state.e] + [(a.x + b.x) // 8 for a, b in live])
    # Rule 2: each product to whole quanta by itself.
    t = sum(rne(a.value * b.value / quantum(e_new)) for a, b in live)
    # Rule 3: the old sum, cut, plus T, rounded to odd after the add.
    k = 8 * (e_new - state.e)
    s_exact = state.s // 2**k + t
    if state.s % 2**k != 0 and s_exact % 2 == 0:
        s_exact += 1
    # Rule 4: range.
    p = state.p
    if s_exact >= 2**54:
        p |= 1
    if s_exact < -(2**54):
        p |= 2
    s_new = (s_exact + 2**55) % 2**56 - 2**55
    # Rule 5: specials.
    for a, b in products:
        if a.is_nan or b.is_nan or (a.is_inf and b.is_zero) or (a.is_zero and b.is_inf):
            p |= 3
        elif a.is_inf or b.is_inf:
            p |= 2 if a.sign ^ b.sign else 1
    return Element(s_new, e_new, p)


# --- Load, raw word, digest (7.5 to 7.7) -------------------------------------------------------------------------------------------------


def load_f32(code: int) -> Element:
    """Section 7.5."""
    s, e, f = code >> 31, (code >> 23) & 0xFF, code & 0x7FFFFF
    if e == 255:
        return Element(p=3 if f else 2 if s else 1)
    m = f + (2**23 if e > 0 else 0)
    if m == 0:
        return CLEAR
    y = max(e, 1) + 118
    return Element((-1) ** s * m * 2 ** (y % 8 + 16), y // 8)


def raw(state: Element) -> int:
    """The raw word of section 7.6."""
    return state.p * 2**62 + state.e * 2**56 + state.s % 2**56


def from_raw(word: int) -> Element:
    """The inverse of `raw`."""
    s = word % 2**56
    return Element(s - 2**56 if s >= 2**55 else s, (word >> 56) % 64, word >> 62)


def digest(states: list[Element]) -> int:
    """Section 7.7; the elements of an 8 x 8 tile in row order."""
    return sum((2 * n + 1) * raw(state) for n, state in enumerate(states)) % 2**64


# --- Drain (7.6) -------------------------------------------------------------------------------------------------------------------------


def round_f32(v: Fraction, odd: bool) -> tuple[int, bool]:
    """Section 2.1 for v != 0: the FP32 code and whether it is inexact."""
    sign = SIGN if v < 0 else 0
    q = max(floor_log2(abs(v)) - 23, -149)
    n = abs(v) / power(q)
    inexact = n.denominator != 1
    if odd:
        count = floor(n) + (1 if inexact and floor(n) % 2 == 0 else 0)
        infinite = abs(v) >= power(128)
    else:
        count = rne(n)
        infinite = count * power(q) >= power(128)
    if infinite:
        return sign | POS_INF, True
    if count == 2**24:
        count, q = 2**23, q + 1
    # Of the value count * 2^q, in the notation of section 1: q = max(e, 1) - 127 - 23, and e = 0 if the leading bit is missing.
    e = q + 150 if count >= 2**23 else 0
    return sign | e << 23 | count % 2**23, inexact


def narrow(code: int, target: Format, bias: int, random: int | None) -> tuple[int, set[str]]:
    """Section 3.2: FP32 code to a narrow code with its flags; `random` is R, None rounds to nearest even.

    The Denormal flag is left out: the number ends an operation and is no operand.
    """
    s, e, f = code >> 31, (code >> 23) & 0xFF, code & 0x7FFFFF
    width = target.exponent_bits + target.mantissa_bits
    sign = s << width if target.signed else 0
    m = target.mantissa_bits
    if not target.signed and s == 1:
        return 0, set() if code == SIGN else {"invalid"}
    if e == 255 and f != 0:
        if target.nan is not None:
            return target.nan, {"invalid"}
        return sign | target.largest, {"invalid"}
    if e == 255:
        return (sign | target.inf, set()) if target.inf is not None else (sign | target.largest, {"overflow"})

    mantissa = f + (2**23 if e > 0 else 0)
    t = max(e, 1) - 127 + bias
    d = 23 - m + max(0, 1 - t)
    kept = floor(mantissa / power(d))
    cut = floor(mantissa * 2**24 / power(d)) % 2**24
    w = random if random is not None else 0x7FFFFF + kept % 2
    magnitude = (max(t, 1) - 1) * 2**m + kept + (cut + w) // 2**24
    flags = set()
    if magnitude > target.largest:
        flags.add("overflow")
        magnitude = target.inf if target.inf is not None else target.largest
    inexact = cut != 0 or (kept == 0 and mantissa != 0)
    if inexact and magnitude >> m == 0:
        flags.add("underflow")
    return sign | magnitude, flags


def drain(state: Element, name: str, bias: int | None = None, relu: bool = False, random: int | None = None) -> tuple[int, set[str]]:
    """Section 7.6: the stored code in the format `name` of FORMATS and the flags it raises."""
    target = FORMATS[name]
    flags: set[str] = set()
    inexact = False
    if state.p:
        number = (POS_INF, NEG_INF, NAN)[state.p - 1]
        if state.p == 3:
            flags.add("invalid")
    elif state.s == 0:
        number = 0
    else:
        number, inexact = round_f32(state.s * quantum(state.e), odd=name != "fp32")
        if number % SIGN == POS_INF:
            flags.add("overflow")

    if relu and number >= SIGN and number % SIGN <= POS_INF:
        return 0, set()
    if name == "fp32":
        if inexact and (number >> 23) % 256 == 0:
            flags.add("underflow")
        return number, flags
    code, converted = narrow(number, target, bias if target.bias is None else target.bias, random)
    return code, flags | converted


def drain_f32(state: Element) -> int:
    """The FP32 code of an element."""
    return drain(state, "fp32")[0]

"""Significand side of a matrix lane for synthesis: the bits of `rtl.fp.dot`'s words, in gates of 500 ps a stage.

    X2   Booth recoding of each multiplier, rows of partial products, carry-save tree to two rows
    X3   the two rows added; shifted left by y & 7; distances to the new exponent become one-hot
    A    aligned by bytes; three of the four terms through a row of full adders
    T    second row of full adders, sum; S of the file shifted
    S    S of the last operation shifted (the loop), to be added outside

The four rounding increments never meet an adder of their own: they ride in the free lowest bits of the two carry rows
and as carries into the sum of T and into the accumulator's.
"""

from amaranth.hdl import Cat, Const, Module, Signal, Value

from rtl.fp.adder import Body, add, booth_digit, carry_save

PRODUCT_BITS = 17
SHIFTED_BITS = PRODUCT_BITS + 7
SUM_BITS = 42
SIGNIFICAND_BITS = 56
FAR = 5  # from this distance in bytes on, a product rounds to nothing
SHIFTS = 8  # byte shifts of the accumulator that differ: 0..6, and 7 for all beyond


def paths(
    m: Module,
    terms: list[tuple[Value, Value]],
    exponent: Value,
    y: Value,
    grown: Value,
    value: Value,
    t_loop: Value,
    s_loop: Value,
    w_value: Value,
) -> tuple[Value, Value, Value, Value]:
    """Builds stages X2 to S; returns (operand, sticky, total, carry) of stage S.

    terms: pairs of signed significands, stage X2. exponent, y, grown: the new E, the four product exponents in fields
    of 16 bits, and by how much E grew, stage X3. value: S to shift in T. t_loop, s_loop: the operation in T (in S)
    takes S from w_value in S.
    """
    rows = []
    increments = []
    for j, (left, right) in enumerate(terms):
        shifted, distance = _product(m, j, left, right, exponent, y[16 * j : 16 * j + 9])
        row, increment = _align(m, j, shifted, distance)
        rows.append(row)
        increments.append(increment)
    total, carry = carry_save(m, *rows[:3], width=SUM_BITS, name="a_row")
    t_total = _register(m, "t_total", total)
    t_carry = _register(m, "t_carry", Cat(increments[0], carry[1:]))
    t_last = _register(m, "t_last", rows[3])
    t_increments = _register(m, "t_increments", Cat(*increments[1:]))
    total, carry = carry_save(m, t_total, t_carry, t_last, width=SUM_BITS, name="t_row")
    carry = Cat(t_increments[0], carry[1:])
    total = add(m, total, carry, t_increments[1], width=SUM_BITS, body=Body.SYNTHESIS, name="t_sum")
    s_total = _register(m, "s_total", total)
    s_carry = _register(m, "s_carry", t_increments[2])

    t_shift = _register(m, "t_shift", _register(m, "a_shift", _one_hot(m, "grown", grown, SHIFTS, last_is_more=True)))
    shifted, sticky = _shift_bytes(m, "t_value_shifted", value, t_shift & ~t_loop.replicate(SHIFTS))
    s_value, s_sticky = _register(m, "s_value", shifted), _register(m, "s_sticky", sticky)
    # Where the loop is not taken its selects are zero, so that the two operands of the accumulator just meet in an OR.
    s_shift = _register(m, "s_shift", t_shift & t_loop.replicate(SHIFTS))
    shifted, sticky = _shift_bytes(m, "s_looped", w_value[:SIGNIFICAND_BITS], s_shift)
    return (shifted | s_value).as_signed(), sticky | s_sticky, s_total.as_signed(), s_carry


def _product(m: Module, j: int, left: Value, right: Value, exponent: Value, y: Value) -> tuple[Value, Value]:
    """Product of 9-bit significands shifted by y & 7 (24 bits, signed) and one-hot distance 0..4, for stage A."""
    total, carry = _booth(m, f"x2_product_{j}", left, right)
    total, carry = _register(m, f"x3_sum_{j}", total), _register(m, f"x3_carry_{j}", carry)
    product = add(m, total, carry, width=PRODUCT_BITS, body=Body.SYNTHESIS, name=f"x3_product_{j}")
    shifted = product.as_signed()
    for bit in range(3):
        moved = Signal(SHIFTED_BITS, name=f"x3_shifted_{j}_{bit}")
        with m.If(y[bit]):
            m.d.comb += moved.eq(shifted.shift_left(1 << bit))
        with m.Else():
            m.d.comb += moved.eq(shifted)
        shifted = moved.as_signed()
    distance = Signal(6, name=f"x3_distance_{j}")
    m.d.comb += distance.eq(exponent - y[3:9])
    return _register(m, f"a_product_{j}", shifted), _register(
        m, f"a_distance_{j}", _one_hot(m, f"distance_{j}", distance, FAR)
    )


def _booth(m: Module, name: str, left: Value, right: Value) -> tuple[Value, Value]:
    """Carry-save pair of left * right modulo 2^17, both 9 bits and signed: radix-4 Booth, five rows."""
    digits = Cat(Const(0, 1), right[:9], right[8])
    wide = Cat(left[:9], left[8])
    rows = []
    # Every row's sign bit s of weight w counts -s w = (1 - s) w - w; the constants -w of all rows are one more row.
    constant = 0
    for i in range(5):
        low, middle, high = digits[2 * i], digits[2 * i + 1], digits[2 * i + 2]
        one, two, _ = booth_digit(low, middle, high)
        row = Signal(10, name=f"{name}_row_{i}")
        multiple = wide & one.replicate(10) | wide.shift_left(1)[:10] & two.replicate(10)
        m.d.comb += row.eq(multiple ^ high.replicate(10))
        # A negative digit's row is inverted; the one that completes it rides below the next row.
        rows.append((row, high, 2 * i))
        constant -= 1 << (2 * i + 9)
    words = []
    for i, (row, _negative, place) in enumerate(rows):
        below = Cat(rows[i - 1][1], Const(0, 1)) if i else Const(0, 0)
        words.append(Cat(Const(0, place - len(below)), below, row[:9], ~row[9]))
    words.append(Cat(Const(0, 8), rows[4][1]) | Const(constant % (1 << PRODUCT_BITS), PRODUCT_BITS))
    level = 0
    while len(words) > 2:
        following = []
        while len(words) >= 3:
            following += carry_save(
                m, *words[:3], width=PRODUCT_BITS, name=f"{name}_level_{level}_{len(following)}"
            )
            words = words[3:]
        words = following + words
        level += 1
    return words[0], words[1]


def _align(m: Module, j: int, product: Value, distance: Value) -> tuple[Value, Value]:
    """Term in units of the new exponent, rounded down (42 bits, signed), and its rounding increment."""
    product = product.as_signed()
    moved = [product.shift_left(16), product.shift_left(8), product, product[8:].as_signed(), product[16:].as_signed()]
    row = Signal(SUM_BITS, name=f"a_term_{j}")
    choices = []
    for i, value in enumerate(moved):
        choice = Signal(SUM_BITS, name=f"a_term_{j}_{i}")
        m.d.comb += choice.eq(value)
        choices.append(choice & distance[i].replicate(SUM_BITS))
    m.d.comb += row.eq(choices[0] | choices[1] | choices[2] | choices[3] | choices[4])
    near = product[7] & (product[:7].any() | product[8])
    far = product[15] & (product[:15].any() | product[16])
    return row, distance[3] & near | distance[4] & far


def _one_hot(m: Module, name: str, number: Value, count: int, last_is_more: bool = False) -> Value:
    """Bit i: number == i, for i < count; with `last_is_more` the last bit stands for all numbers from its own on."""
    result = Signal(count, name=f"x3_{name}_hot")
    for i in range(count):
        more = last_is_more and i == count - 1
        m.d.comb += result[i].eq(number >= i if more else number == i)
    return result


def _shift_bytes(m: Module, name: str, value: Value, select: Value) -> tuple[Value, Value]:
    """`value` (56 bits, signed) shifted right by as many bytes as the one-hot says, and whether ones were lost.

    Zero when no select is high.
    """
    value = value.as_signed()
    shifted, sticky = Signal(SIGNIFICAND_BITS, name=name), Signal(name=f"{name}_sticky")
    choices = []
    losses = []
    for i in range(SHIFTS):
        choice = Signal(SIGNIFICAND_BITS, name=f"{name}_{i}")
        m.d.comb += choice.eq(value[8 * i :].as_signed() if i < 7 else value[55].replicate(SIGNIFICAND_BITS))
        choices.append(choice & select[i].replicate(SIGNIFICAND_BITS))
        losses.append(value[: 8 * i].any() & select[i] if i else Const(0, 1))
    while len(choices) > 1:
        choices = [a | b for a, b in zip(choices[::2], choices[1::2], strict=True)]
        losses = [a | b for a, b in zip(losses[::2], losses[1::2], strict=True)]
    m.d.comb += [shifted.eq(choices[0]), sticky.eq(losses[0])]
    return shifted, sticky


def _register(m: Module, name: str, value: Value) -> Signal:
    register = Signal(len(value), name=name, reset_less=True)
    m.d.sync += register.eq(value)
    return register

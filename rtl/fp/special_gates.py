"""Arithmetic of the special functions' front end for synthesis: table, square, quadratic, at 500 ps a stage.

Partial products lie in columns, one list of bits per binary place. A column is reduced level by level (full and half
adders, Dadda's heights), so that constants cost almost nothing and every level is as early as it can be.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from rtl.fp.adder import Body, add, booth_digit, full_adders

Columns = list[list[Value]]

_HEIGHTS = (2, 3, 4, 6, 9, 13, 19, 28)
"""What one level of full adders can bring down to the height before it."""


def lookup(m: Module, rows: tuple[tuple[int, int, int], ...], index: Value, widths: tuple[int, ...], name: str) -> Value:
    """The row of a table as one word, C0 lowest: a tree of choices that synthesis reduces to logic."""
    words = []
    for row in rows:
        word, at = 0, 0
        for number, width in zip(row, widths, strict=True):
            word |= (number & ((1 << width) - 1)) << at
            at += width
        words.append(Const(word, sum(widths)))
    bit = 0
    while len(words) > 1:
        words = [Mux(index[bit], high, low) for low, high in zip(words[::2], words[1::2], strict=True)]
        bit += 1
    row = Signal(sum(widths), name=name)
    m.d.comb += row.eq(words[0])
    return row


def square(m: Module, value: Value) -> Value:
    """The exact square. a_i a_j and a_j a_i are one bit a place higher, a_i a_i is a_i."""
    width = len(value)
    columns: Columns = [[] for _ in range(2 * width)]
    for i in range(width):
        columns[2 * i].append(value[i])
        for j in range(i + 1, width):
            columns[i + j + 1].append(value[i] & value[j])
    left, right = rows_of(compress(m, columns, 2, "square"))
    return add(m, left, right, width=2 * width, body=Body.SYNTHESIS, name="square")


def quadratic(m: Module, c0: Value, c1: Value, c2: Value, step: Value, squared: Value) -> Value:
    """(C0 << 18) + C1*step + (C2*squared << 4) + 2^20, 46 bits: S5 partial products, S6 two rows, S7 their sum.

    The operands are those of stage 5; the value returned is one of stage 7.
    """
    width = 46
    columns: Columns = [[] for _ in range(width)]
    constant = 1 << 20
    constant += _booth(m, columns, c1, step, 0, "linear")
    constant += _booth(m, columns, Cat(c2, Const(0, 1)), squared, 4, "quadratic")
    for place, bit in enumerate(c0):
        columns[18 + place].append(bit)
    for place in range(width):
        if constant >> place & 1:
            columns[place].append(Const(1, 1))
    columns = _registered(m, compress(m, columns, 9, "s5"), "s5")
    left, right = rows_of(_registered(m, compress(m, columns, 2, "s6"), "s6"))
    return add(m, left, right, width=width, body=Body.SYNTHESIS, name="total")


def _booth(m: Module, columns: Columns, multiplicand: Value, multiplier: Value, shift: int, name: str) -> int:
    """Adds the partial products of a signed and an unsigned word, moved up by ``shift``, to the columns.

    Digits of -2..2, weight 4^i; a negative one inverts its row and adds a one at the row's lowest place. The sign bit
    stands inverted for the sign extension; returns the constant that this leaves to be added, modulo 2^len(columns).
    """
    width = len(multiplicand)
    bits = Cat(Const(0, 1), multiplier, Const(0, 2))
    single, double = Cat(multiplicand, multiplicand[-1]), Cat(Const(0, 1), multiplicand)
    constant = 0
    for index in range(len(multiplier) // 2 + 1):
        low, middle, high = (bits[2 * index + offset] for offset in range(3))
        one, two, minus = (Signal(name=f"{name}_{part}_{index}") for part in ("one", "two", "minus"))
        row = Signal(width + 1, name=f"{name}_row_{index}")
        m.d.comb += [
            Cat(one, two, minus).eq(Cat(booth_digit(low, middle, high))),
            row.eq(((single & one.replicate(width + 1)) | (double & two.replicate(width + 1))) ^ minus.replicate(width + 1)),
        ]
        base = shift + 2 * index
        for place, bit in enumerate(row):
            if base + place < len(columns):
                columns[base + place].append(~bit if place == width else bit)
        columns[base].append(minus)
        constant -= 1 << (base + width)
    return constant


def compress(m: Module, columns: Columns, height: int, name: str) -> Columns:
    """The same sum modulo 2^len(columns) with at most ``height`` bits in a column."""
    tallest = max(map(len, columns))
    for level, target in enumerate(sorted((h for h in _HEIGHTS if height <= h < tallest), reverse=True)):
        reduced: Columns = [[] for _ in range(len(columns) + 1)]
        for place, column in enumerate(columns):
            bits = list(column)
            # Carries that arrive in this level are not added again in it.
            while len(bits) + len(reduced[place]) > target:
                count = 2 if len(bits) + len(reduced[place]) == target + 1 else 3
                taken, bits = bits[:count], bits[count:]
                label = f"{name}_{level}_{place}_{len(reduced[place])}_{len(bits)}"
                total, carry = full_adders(m, *taken, *[Const(0, 1)] * (3 - count), 1, label)
                reduced[place].append(total)
                reduced[place + 1].append(carry)
            reduced[place] += bits
        columns = reduced[: len(columns)]
    return columns


def rows_of(columns: Columns) -> tuple[Value, Value]:
    """Columns of at most two bits as two words."""
    padded = [[*column, Const(0, 1), Const(0, 1)] for column in columns]
    return Cat(column[0] for column in padded), Cat(column[1] for column in padded)


def _registered(m: Module, columns: Columns, name: str) -> Columns:
    held: Columns = []
    for place, column in enumerate(columns):
        held.append([])
        for index, bit in enumerate(column):
            flop = Signal(name=f"{name}_{place}_{index}", reset_less=True)
            m.d.sync += flop.eq(bit)
            held[-1].append(flop)
    return held

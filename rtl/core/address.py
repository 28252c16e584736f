"""Where a vector memory instruction goes: words of the eight lanes, bytes inside the extents, range, faults.

``GatherAddress`` serves loads and stores of vector registers, ``DrainAddress`` tiles of accumulators. Both combinational: the
stage AG, between the descriptor that issue read and the load and store queues. Elements outside the extents are masked,
and only words with an unmasked byte must lie in SRAM. Addresses count words of 8 B modulo 2 MB.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from rtl.core.descriptors import Geometry, Position

WORD_BITS = 18
LANES = 8
NOWHERE_LOW = (1 << WORD_BITS) - 1  # with high = 0: a range that overlaps nothing


def window(m: Module, start: Value, size: Value, limit: int, shift: Value | None, name: str) -> tuple[Signal, Signal]:
    """Which of ``limit`` units, counted from a signed ``start``, lie in [0, size): from the first result up to the second.

    ``shift`` turns elements into units (bytes) by a left shift of 0 to 3 places.
    """
    ends = []
    for what, elements in (("from", -start), ("to", size - start)):
        end = Signal(range(limit + 1), name=f"{name}_{what}")
        count = Signal(elements.shape(), name=f"{name}_{what}_elements")
        width = len(count) - 1
        units = Signal(width + 3, name=f"{name}_{what}_units")
        m.d.comb += count.eq(elements)
        if shift is None:
            m.d.comb += units.eq(count[:width])
        else:
            with m.Switch(shift):
                for places in range(4):
                    with m.Case(places):
                        m.d.comb += units.eq(Cat(Const(0, places), count[:width]))
        with m.If(count[-1]):
            m.d.comb += end.eq(0)
        with m.Elif(units[limit.bit_length() - 1 :].any()):
            m.d.comb += end.eq(limit)
        with m.Else():
            m.d.comb += end.eq(units)
        ends.append(end)
    return ends[0], ends[1]


def below(m: Module, count: Value, limit: int, name: str) -> Value:
    """``limit`` bits, the lowest ``count`` of them ones."""
    m.submodules[name] = table = memory.Memory(
        shape=limit, depth=2 * limit, init=[(1 << min(n, limit)) - 1 for n in range(2 * limit)]
    )
    read = table.read_port(domain="comb")
    m.d.comb += read.addr.eq(count)
    return read.data


def mask(m: Module, start: Value, size: Value, limit: int, name: str, shift: Value | None = None) -> Signal:
    """The same window as a mask of ``limit`` bits."""
    first, last = window(m, start, size, limit, shift, name)
    result = Signal(limit, name=f"{name}_mask")
    m.d.comb += result.eq(below(m, last, limit, f"{name}_below_last") & ~below(m, first, limit, f"{name}_below_first"))
    return result


def multiples(m: Module, t0: Value, t1: Value, t2: Value, name: str) -> list[Value]:
    """l0 * t0 + l1 * t1 + l2 * t2 modulo 2^18 for l = 0 to 7."""
    sums: list[Value] = [Const(0, WORD_BITS), t0, t1, None, t2, None, None, None]
    for index, (left, right) in {3: (1, 2), 5: (1, 4), 6: (2, 4), 7: (3, 4)}.items():
        total = Signal(WORD_BITS, name=f"{name}_{index}")
        m.d.comb += total.eq(sums[left] + sums[right])
        sums[index] = total
    return sums


def first_of(m: Module, flags: Value, values: list[Value], default: int, target: Signal, last: bool = False) -> None:
    """``target`` = the value of the first (or last) flag that is set."""
    order = range(len(values)) if not last else reversed(range(len(values)))
    m.d.comb += target.eq(default)
    chain = m.If
    for index in order:
        with chain(flags[index]):
            m.d.comb += target.eq(values[index])
        chain = m.Elif


class GatherAddress(wiring.Component):
    """2^pieces pieces of 64 B >> pieces, one below the other.

    Parameters
    ----------
    words: words of SRAM; a kept byte at or above faults.
    """

    geometry: In(Geometry)
    position: In(Position)
    # Row offset (bit 2) in units of all pieces, column offset (bits 1..0) in units of a piece.
    tile: In(3)
    pieces: In(2)
    # Lane l lies at base + l0 t0 + l1 t1 + l2 t2.
    base: Out(WORD_BITS)
    t: Out(data.ArrayLayout(WORD_BITS, 3))
    addr: Out(data.ArrayLayout(WORD_BITS, LANES))
    # Lanes with a byte inside the extents, and those bytes.
    enable: Out(LANES)
    keep: Out(64)
    # First and last enabled lane's word: the lowest and the highest, as an access that crosses the end of the address
    # space faults. low > high when no lane is enabled.
    low: Out(WORD_BITS)
    high: Out(WORD_BITS)
    # Some enabled lane is not in SRAM; the first such word.
    fault: Out(1)
    fault_addr: Out(WORD_BITS)
    # Row of the first piece, modulo 8.
    row: Out(3)

    def __init__(self, words: int) -> None:
        self._words = words
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        geometry, position = self.geometry, self.position
        pitch = geometry.row_pitch
        row_words, row, column_words = Signal(WORD_BITS), Signal(4), Signal(5)
        with m.Switch(self.pieces):
            for log in range(4):
                piece = LANES >> log
                with m.Case(log):
                    m.d.comb += [
                        row_words.eq(Mux(self.tile[2], Cat(Const(0, log), pitch), 0)),
                        row.eq(self.tile[2] << log),
                        column_words.eq(Cat(Const(0, piece.bit_length() - 1), self.tile[:2])),
                    ]
                    strides = (1, 2, 4)
                    for bit in range(3):
                        over = bit - (3 - log)  # pieces the bit of the lane number steps over, log2; below: words
                        step = Cat(Const(0, over), pitch) if over >= 0 else strides[bit]
                        m.d.comb += self.t[bit].eq(step)
        m.d.comb += self.base.eq(position.base + row_words + column_words)
        offsets = multiples(m, self.t[0], self.t[1], self.t[2], "offset")
        m.d.comb += [self.addr[lane].eq(self.base + offsets[lane]) for lane in range(LANES)]

        # --- extents ---
        y, x, column = Signal(signed(16)), Signal(signed(17)), Signal(8)
        with m.Switch(geometry.elem):
            for elem in range(4):
                with m.Case(elem):
                    m.d.comb += column.eq(Cat(Const(0, 3 - elem), column_words))
        m.d.comb += [y.eq(position.y0 + row), x.eq(position.x0 + column), self.row.eq(y)]
        rows = mask(m, y, geometry.rows, LANES, "rows")
        columns = mask(m, x, geometry.columns, 64, "columns", geometry.elem)
        pattern, lane_rows = Signal(64), Signal(LANES)
        with m.Switch(self.pieces):
            for log in range(4):
                with m.Case(log):
                    width = 64 >> log
                    m.d.comb += [
                        pattern.eq(columns[:width].replicate(1 << log)),
                        lane_rows.eq(Cat(rows[lane // (LANES >> log)] for lane in range(LANES))),
                    ]
        m.d.comb += [
            self.keep.eq(pattern & Cat(lane_rows[lane].replicate(8) for lane in range(LANES))),
            self.enable.eq(lane_rows & Cat(pattern.word_select(lane, 8).any() for lane in range(LANES))),
        ]
        outside = Signal(LANES)
        m.d.comb += outside.eq(self.enable & Cat(self.addr[lane] >= self._words for lane in range(LANES)))
        lanes = [self.addr[lane] for lane in range(LANES)]
        m.d.comb += self.fault.eq(outside.any())
        first_of(m, outside, lanes, 0, self.fault_addr)
        first_of(m, self.enable, lanes, NOWHERE_LOW, self.low)
        first_of(m, self.enable, lanes, 0, self.high, last=True)
        return m


class DrainAddress(wiring.Component):
    """A tile of 8x8 elements of 4 B (kind 0) or 2 B (1), or 512 B in a row whatever the extents (2).

    Extents and position count elements of the drain's size in x.
    """

    geometry: In(Geometry)
    position: In(Position)
    # Row offset (bit 2) of 8 rows, column offset (bits 1..0) of 8 elements.
    tile: In(3)
    kind: In(2)
    base: Out(WORD_BITS)
    # Words from a row of the tile to the next.
    pitch: Out(WORD_BITS)
    row_mask: Out(8)
    column_mask: Out(8)
    low: Out(WORD_BITS)
    high: Out(WORD_BITS)
    # Some word with an element inside the extents is not in SRAM; the first such word, row by row.
    fault: Out(1)
    fault_addr: Out(WORD_BITS)
    # Row of the first element, modulo 8.
    row: Out(3)

    def __init__(self, words: int) -> None:
        self._words = words
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        geometry, position = self.geometry, self.position
        raw = self.kind[1]
        narrow = self.kind[0]
        row_words = Mux(self.tile[2], Cat(Const(0, 3), geometry.row_pitch)[:WORD_BITS], 0)
        column_words = Mux(narrow, Cat(Const(0, 1), self.tile[:2], Const(0, 1)), Cat(Const(0, 2), self.tile[:2]))
        y, x = Signal(signed(16)), Signal(signed(17))
        m.d.comb += [
            self.base.eq(position.base + row_words + column_words),
            self.pitch.eq(Mux(raw, LANES, geometry.row_pitch)),
            y.eq(position.y0 + Cat(Const(0, 3), self.tile[2])),
            x.eq(position.x0 + Cat(Const(0, 3), self.tile[:2])),
            self.row.eq(y),
        ]
        rows = mask(m, y, geometry.rows, 8, "rows")
        columns = mask(m, x, geometry.columns, 8, "columns")
        m.d.comb += [
            self.row_mask.eq(Mux(raw, 0xFF, rows)),
            self.column_mask.eq(Mux(raw, 0xFF, columns)),
        ]
        # Words of a row that hold an element to be written; they follow each other.
        c = self.column_mask
        words = Signal(LANES)
        with m.If(raw):
            m.d.comb += words.eq(0xFF)
        with m.Elif(narrow):
            m.d.comb += words.eq(Cat(c[:4].any(), c[4:].any()))
        with m.Else():
            m.d.comb += words.eq(Cat(c[2 * word : 2 * word + 2].any() for word in range(4)))
        first, last = Signal(3), Signal(3)
        first_of(m, words, [Const(word, 3) for word in range(LANES)], 0, first)
        first_of(m, words, [Const(word, 3) for word in range(LANES)], 0, last, last=True)

        # A row's words are fewer than those outside SRAM, so one of them is outside only when its first or last is.
        begin, end = Signal(WORD_BITS), Signal(WORD_BITS)
        m.d.comb += [begin.eq(self.base + first), end.eq(self.base + last)]
        pitch2, pitch4 = Cat(Const(0, 1), self.pitch)[:WORD_BITS], Cat(Const(0, 2), self.pitch)[:WORD_BITS]
        offsets = multiples(m, self.pitch, pitch2, pitch4, "row")
        active = Signal(8)
        m.d.comb += active.eq(Mux(words.any(), self.row_mask, 0))
        starts, faults, places = [], [], []
        ends = []
        for row in range(8):
            start, stop = Signal(WORD_BITS, name=f"start_{row}"), Signal(WORD_BITS, name=f"stop_{row}")
            m.d.comb += [start.eq(begin + offsets[row]), stop.eq(end + offsets[row])]
            starts.append(start)
            ends.append(stop)
            faults.append((start >= self._words) | (stop >= self._words))
            places.append(Mux(start >= self._words, start, self._words))
        outside = Signal(8)
        m.d.comb += [outside.eq(active & Cat(faults)), self.fault.eq(outside.any())]
        first_of(m, outside, places, 0, self.fault_addr)
        first_of(m, active, starts, NOWHERE_LOW, self.low)
        first_of(m, active, ends, 0, self.high, last=True)
        return m

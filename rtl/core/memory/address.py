"""Where a vector memory instruction goes: words of the eight lanes, bytes inside the extents, range, faults.

``GatherAddress`` serves loads and stores of vector registers, ``DrainAddress`` tiles of accumulators. Both combinational: the
stage AG, between the descriptor that issue read and the load and store queues. Elements outside the extents are masked,
and only words with an unmasked byte must lie in SRAM. Addresses count words of 8 B modulo 2 MB.

Written for depth: sums of many terms stand in one expression, so that synthesis adds them with one carry chain, and masks
come from position and extents beside the addresses, never before them.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import WORD_ADDRESS_BITS
from golden.arch.sram import LANES, LINE_WORDS
from rtl.core.decoded import DrainFormat, drains_bytes
from rtl.core.memory.descriptors import Geometry, Position

Gather = data.StructLayout(
    {
        "base": WORD_ADDRESS_BITS,
        "t0": WORD_ADDRESS_BITS,
        "t1": WORD_ADDRESS_BITS,
        "t2": WORD_ADDRESS_BITS,
        "enable": LANES,
        "keep": 64,
        "low": WORD_ADDRESS_BITS,
        "high": WORD_ADDRESS_BITS,
        "row": 3,
    }
)
"""What a store of a vector register needs of a GatherAddress; its outputs say what each is."""


def window(m: Module, start: Value, offset: Value, size: Value, limit: int, name: str) -> tuple[Signal, Signal]:
    """Which of ``limit`` units, counted from a signed ``start`` + ``offset``, lie in [0, size): from the first result up to the
    second. ``limit`` is a power of two."""
    log, ends = limit.bit_length() - 1, []
    for what, units in (("from", -start - offset), ("to", size - start - offset)):
        end = Signal(range(limit + 1), name=f"{name}_{what}")
        count = Signal(units.shape(), name=f"{name}_{what}_units")
        m.d.comb += count.eq(units)
        with m.If(count[-1]):
            m.d.comb += end.eq(0)
        with m.Elif(count[log:-1].any()):
            m.d.comb += end.eq(limit)
        with m.Else():
            m.d.comb += end.eq(count[:log])
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


def mask(m: Module, start: Value, offset: Value, size: Value, limit: int, name: str) -> Signal:
    """The same window as a mask of ``limit`` bits."""
    first, last = window(m, start, offset, size, limit, name)
    result = Signal(limit, name=f"{name}_mask")
    m.d.comb += result.eq(below(m, last, limit, f"{name}_below_last") & ~below(m, first, limit, f"{name}_below_first"))
    return result


def multiples(m: Module, pitch: Value) -> list[Value]:
    """0 to 15 times the pitch, modulo 2^18: one addition, or two for 11 and 13."""
    shifted = [Cat(Const(0, log), pitch)[:WORD_ADDRESS_BITS] for log in range(5)]
    p1, p2, p4, p8, p16 = shifted
    found: list[Value] = [Const(0, WORD_ADDRESS_BITS), p1, p2, p1 + p2, p4, p1 + p4, p2 + p4, p8 - p1, p8]
    found += [p8 + p1, p8 + p2, p8 + p2 + p1, p8 + p4, p16 - p2 - p1, p16 - p2, p16 - p1]
    for index, value in enumerate(found):
        found[index] = times = Signal(WORD_ADDRESS_BITS, name=f"pitch_{index}")
        m.d.comb += times.eq(value)
    return found


def span(m: Module, begin: Value, end: Value, words: int, low: Signal, high: Signal) -> None:
    """The range from the first word of an access to its last, masked or not.

    What lies outside SRAM is masked (or faults), so an access may begin below word 0 or end above the last; it is too short
    to do both, or to cross the addresses that are not in SRAM.
    """
    m.d.comb += [low.eq(Mux(begin >= words, 0, begin)), high.eq(Mux(end >= words, words - 1, end))]


class GatherAddress(wiring.Component):
    """2^pieces pieces of 64 B >> pieces, one below the other.

    Parameters
    ----------
    words: words of SRAM, a multiple of a line's; a kept byte at or above faults.
    """

    geometry: In(Geometry)
    position: In(Position)
    # Row offset (bit 2) in units of all pieces, column offset (bits 1..0) in units of a piece.
    tile: In(3)
    pieces: In(2)
    # Lane l lies at base + l0 t0 + l1 t1 + l2 t2.
    base: Out(WORD_ADDRESS_BITS)
    t: Out(data.ArrayLayout(WORD_ADDRESS_BITS, 3))
    addr: Out(data.ArrayLayout(WORD_ADDRESS_BITS, LANES))
    # Lanes with a byte inside the extents, and those bytes.
    enable: Out(LANES)
    keep: Out(64)
    # A range of words that holds all enabled lanes.
    low: Out(WORD_ADDRESS_BITS)
    high: Out(WORD_ADDRESS_BITS)
    # Enabled lanes that are not in SRAM.
    outside: Out(LANES)
    # Row of the first piece, modulo 8.
    row: Out(3)

    def __init__(self, words: int) -> None:
        if words % LINE_WORDS:
            raise ValueError(f"{words} words are no whole lines")
        self._words = words
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        geometry, position = self.geometry, self.position
        pitch = geometry.row_pitch
        times = multiples(m, pitch)
        row, column_words = Signal(4), Signal(5)
        # A lane's word is the origin, so many pitches, and words along the row: never more than 31.
        pitches = [Signal(WORD_ADDRESS_BITS, name=f"pitches_{lane}") for lane in range(LANES)]
        along = [Signal(5, name=f"along_{lane}") for lane in range(LANES)]
        with m.Switch(self.pieces):
            for log in range(4):
                piece = LANES >> log  # words
                with m.Case(log):
                    m.d.comb += [
                        row.eq(self.tile[2] << log),
                        column_words.eq(Cat(Const(0, piece.bit_length() - 1), self.tile[:2])),
                    ]
                    strides = (1, 2, 4)
                    for bit in range(3):
                        over = bit - (3 - log)  # log2 of the pieces that this bit of the lane number steps over
                        step = Cat(Const(0, over), pitch) if over >= 0 else strides[bit]
                        m.d.comb += self.t[bit].eq(step)
                    for lane in range(LANES):
                        i, word = lane // piece, Const(lane % piece, piece.bit_length() - 1)
                        m.d.comb += [
                            pitches[lane].eq(Mux(self.tile[2], times[i + (1 << log)], times[i])),
                            along[lane].eq(Cat(word, self.tile[:2])),
                        ]
        for lane in range(LANES):
            start = Signal(WORD_ADDRESS_BITS, name=f"start_{lane}")
            m.d.comb += [start.eq(position.base + along[lane]), self.addr[lane].eq(start + pitches[lane])]
        m.d.comb += self.base.eq(self.addr[0])

        # --- extents ---
        # Columns are counted in bytes: elements are scaled before anything is added.
        x, columns_bytes = Signal(signed(18)), Signal(17)
        with m.Switch(geometry.elem):
            for elem in range(4):
                with m.Case(elem):
                    m.d.comb += [
                        x.eq(Cat(Const(0, elem), position.x0).as_signed()),
                        columns_bytes.eq(Cat(Const(0, elem), geometry.columns)),
                    ]
        m.d.comb += self.row.eq(position.y0 + row)
        rows = mask(m, position.y0, row, geometry.rows, LANES, "rows")
        columns = mask(m, x, Cat(Const(0, 3), column_words), columns_bytes, 64, "columns")
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
            self.outside.eq(self.enable & Cat(self.addr[lane] >= self._words for lane in range(LANES))),
        ]
        span(m, self.addr[0], self.addr[LANES - 1], self._words, self.low, self.high)
        return m


class DrainAddress(wiring.Component):
    """A tile of 8x8 elements of 4, 2 or 1 bytes, or 512 B in a row whatever the extents (RAW).

    Extents and position count elements of the drain's size in x.

    Parameters
    ----------
    words: words of SRAM, a multiple of a line's.
    """

    geometry: In(Geometry)
    position: In(Position)
    # Row offset (bit 2) of 8 rows, column offset (bits 1..0) of 8 elements.
    tile: In(3)
    kind: In(DrainFormat)
    base: Out(WORD_ADDRESS_BITS)
    # Words from a row of the tile to the next.
    pitch: Out(WORD_ADDRESS_BITS)
    row_mask: Out(8)
    column_mask: Out(8)
    # A range of words that holds all elements inside the extents.
    low: Out(WORD_ADDRESS_BITS)
    high: Out(WORD_ADDRESS_BITS)
    # Rows with such an element outside SRAM; the first word of every row, and which words of it count.
    outside: Out(8)
    starts: Out(data.ArrayLayout(WORD_ADDRESS_BITS, 8))
    word_mask: Out(LANES)
    # Row of the first element, modulo 8.
    row: Out(3)

    def __init__(self, words: int) -> None:
        if words % LINE_WORDS:
            raise ValueError(f"{words} words are no whole lines")
        self._words = words
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        geometry, position = self.geometry, self.position
        raw, short, byte = self.kind == DrainFormat.RAW, drains_bytes(self.kind, 2), drains_bytes(self.kind, 1)
        row, column = Cat(Const(0, 3), self.tile[2]), Cat(Const(0, 3), self.tile[:2])
        column_words, start, stop = Signal(5), Signal(WORD_ADDRESS_BITS), Signal(WORD_ADDRESS_BITS)
        last = Signal(5)
        with m.If(raw):
            m.d.comb += last.eq(LANES - 1)
        with m.Elif(byte):
            m.d.comb += [column_words.eq(self.tile[:2]), last.eq(column_words)]
        with m.Elif(short):
            m.d.comb += [column_words.eq(Cat(Const(0, 1), self.tile[:2])), last.eq(column_words | 1)]
        with m.Else():
            m.d.comb += [column_words.eq(Cat(Const(0, 2), self.tile[:2])), last.eq(column_words | 3)]
        m.d.comb += [
            start.eq(position.base + column_words),
            stop.eq(position.base + last),
            self.pitch.eq(Mux(raw, LANES, geometry.row_pitch)),
            self.row.eq(position.y0 + row),
        ]
        rows = mask(m, position.y0, row, geometry.rows, 8, "rows")
        columns = mask(m, position.x0, column, geometry.columns, 8, "columns")
        m.d.comb += [
            self.row_mask.eq(Mux(raw, 0xFF, rows)),
            self.column_mask.eq(Mux(raw, 0xFF, columns)),
        ]
        c = self.column_mask
        with m.If(raw):
            m.d.comb += self.word_mask.eq(0xFF)
        with m.Elif(byte):
            m.d.comb += self.word_mask.eq(c.any())
        with m.Elif(short):
            m.d.comb += self.word_mask.eq(Cat(c[:4].any(), c[4:].any()))
        with m.Else():
            m.d.comb += self.word_mask.eq(Cat(c[2 * word : 2 * word + 2].any() for word in range(4)))

        times = multiples(m, geometry.row_pitch)
        pitches = []
        for r in range(8):
            distance = Signal(WORD_ADDRESS_BITS, name=f"distance_{r}")
            m.d.comb += distance.eq(Mux(raw, r * LANES, Mux(self.tile[2], times[r + 8], times[r])))
            m.d.comb += self.starts[r].eq(start + distance)
            pitches.append(distance)
        m.d.comb += self.base.eq(self.starts[0])
        # A row is shorter than a line: word w of it crosses at most one line, and the end of SRAM is one.
        lines = self._words // LINE_WORDS
        over = []
        for r in range(8):
            line, place = self.starts[r][3:], self.starts[r][:3]
            beyond, before, end = line >= lines, line == lines - 1, line.all()
            crosses = Cat(place >= LINE_WORDS - word if word else Const(0) for word in range(LANES))
            bad = Signal(LANES, name=f"bad_{r}")
            m.d.comb += bad.eq(Mux(beyond, Mux(end, ~crosses, 0xFF), Mux(before, crosses, 0)))
            over.append((bad & self.word_mask).any())
        m.d.comb += self.outside.eq(self.row_mask & Cat(over))
        end = Signal(WORD_ADDRESS_BITS)
        m.d.comb += end.eq(stop + pitches[7])
        span(m, self.starts[0], end, self._words, self.low, self.high)
        return m

"""Doors of the accumulators: what a vector register brings in, and what leaves for a vector register or memory.

A tile is 8 rows of 8 elements. A beat is 64 bytes of it:

    FP32, quarter q = 2h + g     rows 4h..4h+3, columns 4g..4g+3, row by row: 16 numbers (in and out)
    FP32, row                    one row of 8 numbers for all rows (in only)
    BF16, half h                 rows 4h..4h+3, all columns, row by row: 32 numbers (out only)
    RAW, row r                   8 raw words (in and out)
    narrow                       as BF16; of eight-bit numbers, row r in bytes 16r..16r+7 (out only, rtl.core.matrix.narrow_drain)

Row r of any four lies in bytes 16r..16r+15, as a store writes it.
"""

from types import SimpleNamespace

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.common.delay import delay
from rtl.core.decoded import DrainFormat, LoadKind
from rtl.core.interfaces import THREADS, MatrixEvents
from rtl.core.operations import DRAIN_LATENCY, DrainReply, DrainRequest, LoadRequest, converted
from rtl.fp import drain, load
from rtl.fp.adder import Body
from rtl.fp.flags import FpFlags

ROWS = COLUMNS = 8
ROWS_A_BEAT = 4
COLUMNS_A_BEAT = 4  # of FP32
VECTOR_BITS = 512
VALUE_BITS = load.SIGNIFICAND_BITS + 2

if 1 + drain.STAGES + 1 != DRAIN_LATENCY:  # file read, converters, packing
    raise ValueError(f"a drained beat takes {1 + drain.STAGES + 1} cycles, its interface says {DRAIN_LATENCY}")


class AccumulatorLoad(wiring.Component):
    """Converts a register for the lanes: exponents for their stage X1, the rest for their stage A.

    Row r of an output array serves tile rows r and r + 4.
    """

    def __init__(self, body: Body = Body.SIMULATION):
        self.body = body
        super().__init__(
            {
                # A load is in the decode stage, with its register.
                "request": In(LoadRequest),
                "data": In(VECTOR_BITS),
                # Stage X1, two cycles later: lanes that the load hits (bit 8 * row + column) and their E.
                "x1_hit": Out(ROWS * COLUMNS),
                "x1_exponent": Out(data.ArrayLayout(load.EXPONENT_BITS, ROWS_A_BEAT * COLUMNS)),
                # Stage A, five cycles later: the same lanes, and S with P above it.
                "a_hit": Out(ROWS * COLUMNS),
                "a_value": Out(data.ArrayLayout(VALUE_BITS, ROWS_A_BEAT * COLUMNS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        x0_valid = Signal()
        m.d.sync += x0_valid.eq(self.request.valid)
        kind, index = self.request.kind, self.request.index
        # A row in the upper half moves to the lower one, so that the row is always the first eight numbers.
        upper = (kind == LoadKind.ROW) & index[0]
        words = [self.data.word_select(i, 64) for i in range(ROWS)]
        words = [Mux(upper, words[i + ROWS // 2], words[i]) for i in range(ROWS // 2)] + words[ROWS // 2 :]
        registers = {}
        for stage in ("x0", "x1", "x2", "x3"):
            next_kind = Signal(LoadKind, name=f"{stage}_kind", reset_less=True)
            next_index = Signal(3, name=f"{stage}_index", reset_less=True)
            m.d.sync += [next_kind.eq(kind), next_index.eq(index)]
            held = [Signal(64, name=f"{stage}_word_{i}", reset_less=True) for i in range(ROWS)]
            m.d.sync += [after.eq(before) for after, before in zip(held, words, strict=True)]
            kind, index, words = next_kind, next_index, held
            registers[stage] = (kind, index, words)

        kind, index, words = registers["x0"]
        hit = Signal(ROWS * COLUMNS)
        for i in range(ROWS):
            for j in range(COLUMNS):
                quarter = (index[1] == i // ROWS_A_BEAT) & (index[0] == j // COLUMNS_A_BEAT)
                with m.Switch(kind):
                    with m.Case(LoadKind.QUARTER):
                        m.d.comb += hit[COLUMNS * i + j].eq(x0_valid & quarter)
                    with m.Case(LoadKind.ROW):
                        m.d.comb += hit[COLUMNS * i + j].eq(x0_valid)
                    with m.Default():
                        m.d.comb += hit[COLUMNS * i + j].eq(x0_valid & (index == i))
        m.d.sync += self.x1_hit.eq(hit)
        m.d.sync += self.a_hit.eq(delay(m, self.x1_hit, ("x2", "x3"), "hit"))

        numbers = _numbers(words)
        exponents = [load.load_exponent(number) for number in numbers]
        raw = [word[56:62] for word in words]
        m.d.sync += self._spread(m, "x0", kind, exponents, raw, self.x1_exponent, load.EXPONENT_BITS)

        kind, _index, words = registers["x3"]
        values = [load.load_value(m, n, body=self.body, name=f"x3_{i}") for i, n in enumerate(_numbers(words))]
        raw = [Cat(word[:56], word[62:]) for word in words]
        m.d.sync += self._spread(m, "x3", kind, values, raw, self.a_value, VALUE_BITS)
        return m

    def _spread(self, m, stage, kind, converted, raw, outputs, width):
        """Assignments of every lane's value: of its place in the quarter, else of its column."""
        columns = []
        for j in range(COLUMNS):
            column = Signal(width, name=f"{stage}_column_{j}_{width}")
            m.d.comb += column.eq(Mux(kind == LoadKind.RAW, raw[j], converted[j]))
            columns.append(column)
        for r in range(ROWS_A_BEAT):
            for j in range(COLUMNS):
                place = converted[COLUMNS_A_BEAT * r + j % COLUMNS_A_BEAT]
                yield outputs[COLUMNS * r + j].eq(Mux(kind == LoadKind.QUARTER, place, columns[j]))


def _numbers(words):
    """The 16 FP32 numbers of a register."""
    return [word[32 * half : 32 * half + 32] for word in words for half in range(2)]


class AccumulatorDrain(wiring.Component):
    """Chooses, converts and packs the elements of one beat per cycle.

    32 converters stand for 4 rows of 8 columns. FP32 uses those of the first four columns; each of them sees four
    lanes, the others two.
    """

    def __init__(self, body: Body = Body.SIMULATION):
        self.body = body
        super().__init__(
            {
                # Beats: four of an FP32 tile, eight of RAW, two of others.
                "request": In(DrainRequest),
                # Of those that are not to be converted: DRAIN_LATENCY cycles later.
                "reply": Out(DrainReply),
                "data": Out(512),
                # One cycle later: the folded raw words of all 64 elements of its accumulator, row by row.
                "words": In(data.ArrayLayout(64, ROWS * COLUMNS)),
                # A beat is in some stage.
                "busy": Out(1),
                # With the reply.
                "events": Out(MatrixEvents),
                # Six cycles after a request that `converted` names: its elements rounded to odd, which of them overflowed, and rows and
                # columns that are stored.
                "numbers": Out(data.ArrayLayout(32, ROWS_A_BEAT * COLUMNS)),
                "overflow": Out(ROWS_A_BEAT * COLUMNS),
                "rows": Out(ROWS_A_BEAT),
                "columns": Out(COLUMNS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # Beats by stage: d1 chooses and takes magnitudes, d5 rounds, d6 packs.
        request, reply = self.request, self.reply
        beats, valid, stages = [request], request.valid, [reply.valid]
        for stage in range(1, 7):
            beat = Signal(DrainRequest, name=f"d{stage}", reset_less=True)
            there = Signal(name=f"d{stage}_valid")
            m.d.sync += [beat.eq(beats[-1]), there.eq(valid)]
            beats.append(beat)
            valid = there
            stages.append(there)
        m.d.comb += self.busy.eq(Cat(stages).any())
        first, rounding, packing = beats[1], beats[5], beats[6]

        results, raised, overflow = [], [], []
        stored_rows, stored_columns = self._stored(m, rounding)
        counts = delay(m, ~converted(rounding), ("d6",), "counts")
        for r in range(ROWS_A_BEAT):
            choices, mode = [self._choice(m, f"{r}_{side}") for side in range(2)], self._mode(m, beats[4], r)
            for j in range(COLUMNS):
                wide = j < COLUMNS_A_BEAT
                converter = drain.DrainConverter(4 if wide else 2, self.body)
                m.submodules[f"converter_{r}_{j}"] = converter
                m.d.comb += converter.choice.eq(choices[j // COLUMNS_A_BEAT])
                for place in range(converter.choices):
                    row, column = r + ROWS_A_BEAT * (place & 1), j + COLUMNS_A_BEAT * (place >> 1)
                    m.d.comb += converter.words[place].eq(self.words[COLUMNS * row + column])
                m.d.comb += [converter.bf16.eq(mode.bf16 if wide else ~mode.odd), converter.odd.eq(mode.odd), converter.relu.eq(mode.relu)]
                results.append(converter.result)
                raised.append(Mux(stored_rows[r] & stored_columns[j] & counts, converter.flags.as_value(), 0))
                overflow.append(converter.flags.overflow)
        m.d.comb += [
            Cat(self.numbers).eq(Cat(results)),
            self.overflow.eq(Cat(overflow)),
            self.rows.eq(stored_rows),
            self.columns.eq(stored_columns),
        ]
        self._pack(m, first, packing, results)
        flags, thread = Signal(FpFlags), Signal(2)
        m.d.sync += [
            reply.valid.eq(valid & ~converted(packing)),
            reply.tag.eq(packing.tag),
            thread.eq(packing.thread),
            flags.eq(Cat(Cat(each[bit] for each in raised).any() for bit in range(FpFlags.size))),
        ]
        m.d.comb += [self.events.flags[t].eq(Mux(reply.valid & (thread == t), flags, 0)) for t in range(THREADS)]
        return m

    def _pack(self, m, first, packing, results):
        """The bytes of a beat: raw words travel beside the converters."""
        raw = []
        for j in range(COLUMNS):
            word = Signal(64, name=f"d1_raw_{j}")
            with m.Switch(first.beat):
                for i in range(ROWS):
                    with m.Case(i):
                        m.d.comb += word.eq(self.words[COLUMNS * i + j])
            word = drain.fold(delay(m, word, ("d2",), f"raw_{j}", reset_less=True))
            raw.append(delay(m, word, ("d3", "d4", "d5", "d6"), f"raw_{j}", reset_less=True))

        numbers = [results[COLUMNS * r + j] for r in range(ROWS_A_BEAT) for j in range(COLUMNS_A_BEAT)]
        halves = [result[16:] for result in results]
        for j in range(COLUMNS):
            word = Signal(64, name=f"word_{j}", reset_less=True)
            with m.Switch(packing.format):
                with m.Case(DrainFormat.FP32):
                    m.d.sync += word.eq(Cat(numbers[2 * j : 2 * j + 2]))
                with m.Case(DrainFormat.BF16):
                    m.d.sync += word.eq(Cat(halves[4 * j : 4 * j + 4]))
                with m.Default():
                    m.d.sync += word.eq(raw[j])
            m.d.comb += self.data[64 * j : 64 * j + 64].eq(word)

    def _stored(self, m, rounding):
        """Rows and columns of the converters, in stage d6, whose element is stored; none of a beat of raw words."""
        fp32 = rounding.format == DrainFormat.FP32
        half = rounding.columns.word_select(rounding.beat[0], COLUMNS_A_BEAT)
        rows = Mux(rounding.format == DrainFormat.RAW, 0, rounding.rows)
        columns = Mux(fp32, half, rounding.columns)
        return (delay(m, value, ("d6",), name, reset_less=True) for name, value in (("rows", rows), ("columns", columns)))

    def _mode(self, m, before, row):
        """How the converters of a row round, in stage d5, from the beat in d4: registers of its own, that drive all bits of its results."""
        odd = converted(before)
        bits = {"odd": odd, "bf16": (before.format == DrainFormat.BF16) & ~odd, "relu": before.relu}
        return SimpleNamespace(**{name: delay(m, bit, ("d5",), f"{name}_copy_{row}", reset_less=True) for name, bit in bits.items()})

    def _choice(self, m, name):
        """Which of its lanes a converter takes: bit 0 the half of the tile, bit 1 the columns (FP32 only).

        A register for each four converters: it drives 256 multiplexers.
        """
        request = self.request
        narrow = request.format != DrainFormat.FP32
        choice = Signal(2, name=f"d1_choice_copy_{name}", reset_less=True)
        # Narrow: beat bit 0 is the half. FP32: bit 1 is the half, bit 0 the columns.
        half = Mux(narrow, request.beat[0], request.beat[1])
        m.d.sync += choice.eq(Cat(half, request.beat[0] & ~narrow))
        return choice

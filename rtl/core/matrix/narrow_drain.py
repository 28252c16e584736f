"""The converters of drained beats to narrow formats: from numbers that were rounded to odd, with one rounding, to the beat's bytes.

    cycle after the request    5 counters    6 numbers to odd, random words begin    7 8 9 converters    10 packing    11 reply

A beat is four rows of eight columns: element 8 * row + column of its half of the tile. Row r of a beat of 16-bit numbers lies in bytes
16r..16r+15, of eight-bit numbers in bytes 16r..16r+7.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.formats import BF16, CFLOAT8_1_4_3, CFLOAT8_1_5_2, FP16, SHP, UHP
from golden.arch.random_words import RANDOM_LANES
from rtl.common.delay import delay
from rtl.core.decoded import DrainFormat, drains_bytes
from rtl.core.interfaces import THREADS, MatrixEvents
from rtl.core.operations import NARROW_LATENCY, DrainReply, DrainRequest, converted
from rtl.fp import drain
from rtl.fp.adder import Body
from rtl.fp.convert import NARROW_STAGES, Narrow
from rtl.fp.flags import FpFlags
from rtl.fp.random_words import RANDOM_STAGES, RandomWords

ROWS, COLUMNS = 4, 8
BEAT = ROWS * COLUMNS
FORMATS = {
    DrainFormat.BF16: BF16,
    DrainFormat.FP16: FP16,
    DrainFormat.CFLOAT8_1_4_3: CFLOAT8_1_4_3,
    DrainFormat.CFLOAT8_1_5_2: CFLOAT8_1_5_2,
    DrainFormat.SHP: SHP,
    DrainFormat.UHP: UHP,
}

_NUMBERS = 1 + drain.STAGES  # cycle in which the numbers stand there
_CONVERTED = _NUMBERS + 1  # they enter the converters
_COUNTER = _CONVERTED + NARROW_STAGES - 1 - RANDOM_STAGES  # the generators begin
_PACKED = _CONVERTED + NARROW_STAGES
if _PACKED + 1 != NARROW_LATENCY:
    raise ValueError(f"a converted beat takes {_PACKED + 1} cycles, its interface says {NARROW_LATENCY}")


class NarrowDrain(wiring.Component):
    """The converters of a beat.

    Parameters
    ----------
    body: form of their adders.
    """

    def __init__(self, body: Body = Body.SIMULATION):
        self.body = body
        super().__init__(
            {
                # A beat of a drain; others than those to be converted pass by.
                "request": In(DrainRequest),
                # With the numbers of its elements six cycles later, rounded to odd: rows and columns that are stored; what overflowed then.
                "numbers": In(data.ArrayLayout(32, BEAT)),
                "overflow": In(BEAT),
                "rows": In(ROWS),
                "columns": In(COLUMNS),
                # A beat is in some stage. It needs a clock from the cycle of its request on.
                "busy": Out(1),
                # NARROW_LATENCY cycles after the request.
                "reply": Out(DrainReply),
                "data": Out(512),
                # With the reply.
                "events": Out(MatrixEvents),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        beats, there = [self.request], [Signal(name="d0_valid")]
        m.d.comb += there[0].eq(self.request.valid & converted(self.request))
        for stage in range(1, NARROW_LATENCY):
            beats.append(delay(m, beats[-1], (f"d{stage}",), "beat", reset_less=True))
            there.append(delay(m, there[-1], (f"d{stage}",), "valid"))
        m.d.comb += self.busy.eq(Cat(*there[1:], self.reply.valid).any())

        converters = self._converters(m, beats)
        stored = Cat(row & column for row in self.rows for column in self.columns)
        stored = delay(m, stored, _PACKED - _NUMBERS, "stored", reset_less=True)
        overflow = delay(m, self.overflow, _PACKED - _NUMBERS, "overflow", reset_less=True)
        last, thread, flags = beats[_PACKED], Signal(2), Signal(FpFlags)
        # The numbers are no operands: their Denormal is not raised (docs/numerics.md 3.2).
        raised = []
        for converter, over in zip(converters, overflow, strict=True):
            own = converter.flags
            flag = Signal(FpFlags, name=f"raised_{len(raised)}")
            m.d.comb += [flag.invalid.eq(own.invalid), flag.overflow.eq(own.overflow | over), flag.underflow.eq(own.underflow)]
            raised.append(flag.as_value())
        m.d.sync += [
            self.reply.valid.eq(there[_PACKED]),
            self.reply.tag.eq(last.tag),
            thread.eq(last.thread),
            flags.eq(Cat(Cat(each[bit] & kept for each, kept in zip(raised, stored, strict=True)).any() for bit in range(FpFlags.size))),
        ]
        m.d.comb += [self.events.flags[t].eq(Mux(self.reply.valid & (thread == t), flags, 0)) for t in range(THREADS)]
        self._pack(m, drains_bytes(last.format, 1), converters)
        return m

    def _converters(self, m: Module, beats: list[data.View]) -> list[Narrow]:
        """One for each element."""
        begins, words = beats[_COUNTER], []
        # The place of a beat's first 16 elements in the sequence of the tensor's.
        block = Cat(Const(0, 1), beats[_COUNTER - 1].beat[0], beats[_COUNTER - 1].tile)
        for k in range(BEAT // RANDOM_LANES):
            m.submodules[f"random_{k}"] = generator = RandomWords()
            counter = Signal(64, name=f"counter_{k}", reset_less=True)
            m.d.sync += counter.eq(beats[_COUNTER - 1].counter + (block | k))
            m.d.comb += [generator.seed.eq(begins.seed), generator.counter.eq(counter)]
            words += list(generator.words)
        enters = beats[_CONVERTED]
        number = Signal(range(len(FORMATS)))
        with m.Switch(enters.format):
            for index, kind in enumerate(FORMATS):
                with m.Case(kind):
                    m.d.comb += number.eq(index)
        converters = []
        for element, (value, word) in enumerate(zip(self.numbers, words, strict=True)):
            m.submodules[f"narrow_{element}"] = converter = Narrow(tuple(FORMATS.values()), body=self.body)
            m.d.comb += [
                converter.value.eq(delay(m, value, (f"d{_CONVERTED}",), f"number_{element}", reset_less=True)),
                converter.format.eq(number),
                converter.bias.eq(enters.bias),
                converter.stochastic.eq(enters.stochastic),
                converter.random.eq(word),
            ]
            converters.append(converter)
        return converters

    def _pack(self, m: Module, byte_wide, converters: list[Narrow]) -> None:
        for row in range(ROWS):
            codes = [converter.code for converter in converters[COLUMNS * row : COLUMNS * row + COLUMNS]]
            m.d.sync += self.data[128 * row : 128 * row + 128].eq(Mux(byte_wide, Cat(code[:8] for code in codes), Cat(codes)))

"""The fault report of the execute stage: finds the operand of a fault in the cycle after it, off every other path.

A range fault names the first byte address that is wrong: of the lanes in order, or of a drain's words row by row.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.sram import LINE_WORDS
from rtl.core.interfaces import PC_BITS, THREAD_BITS, THREADS, FaultEvent
from rtl.core.memory.address import LANES, WORD_BITS


def first_of(m: Module, flags: Value, values: list[Value], name: str) -> Signal:
    """The value of the first flag that is set."""
    found = Signal(len(values[0]), name=name)
    chain = m.If
    for index, value in enumerate(values):
        with chain(flags[index]):
            m.d.comb += found.eq(value)
        chain = m.Elif
    return found


class FaultReport(wiring.Component):
    """Report of one fault, two cycles later.

    Parameters
    ----------
    words: words of SRAM.
    """

    # In the cycle of a fault: what everybody knows at once.
    valid: In(1)
    thread: In(THREAD_BITS)
    cause: In(4)
    pc: In(PC_BITS)
    # The operand, unless a vector access or drain is outside SRAM.
    operand: In(64)
    vector: In(1)
    drain: In(1)
    # Lanes, or rows of a drain, that are outside; the word of each lane, or the first of each row.
    outside: In(LANES)
    places: In(data.ArrayLayout(WORD_BITS, LANES))
    # Words of a drain's row that count.
    word_mask: In(LANES)
    # Threads that are killed, for another fault: this one is forgotten.
    kill: In(THREADS)
    # Flip-flops.
    event: Out(FaultEvent)

    def __init__(self, words: int) -> None:
        self._words = words
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        held = {
            name: Signal.like(Value.cast(getattr(self, name)), name=f"held_{name}", reset_less=True)
            for name in ("thread", "cause", "pc", "operand", "vector", "drain", "outside", "places", "word_mask")
        }
        valid = Signal()
        m.d.sync += valid.eq(self.valid & ~self.kill.bit_select(self.thread, 1))
        with m.If(self.valid):
            m.d.sync += [value.eq(getattr(self, name)) for name, value in held.items()]

        places = [held["places"].word_select(lane, WORD_BITS) for lane in range(LANES)]
        place = first_of(m, held["outside"], places, "place")
        word = Signal(3)
        later = [Signal(WORD_BITS, name=f"later_{index}") for index in range(LANES)]
        m.d.comb += [later[index].eq(place + index) for index in range(LANES)]
        bad = Cat(at >= self._words for at in later) & held["word_mask"]
        m.d.comb += word.eq(first_of(m, bad, [Const(index, 3) for index in range(LINE_WORDS)], "first_word"))
        byte = Cat(Const(0, 3), (place + Mux(held["drain"], word, 0))[:WORD_BITS])
        m.d.sync += self.event.valid.eq(valid & ~self.kill.bit_select(held["thread"], 1))
        with m.If(valid):
            m.d.sync += [
                self.event.thread.eq(held["thread"]),
                self.event.cause.eq(held["cause"]),
                self.event.pc.eq(held["pc"]),
                self.event.operand.eq(Mux(held["vector"] | held["drain"], byte, held["operand"])),
            ]
        return m

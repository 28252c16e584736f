"""Finds the first byte outside SRAM of an access that faulted, in the cycle after it, off every other path.

That is the first wrong word of the lanes in order, or of a drain's words row by row.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import WORD_ADDRESS_BITS
from golden.arch.sram import LANES, LINE_WORDS


def first_of(m: Module, flags: Value, values: list[Value], name: str) -> Signal:
    """The value of the first flag that is set."""
    found = Signal(len(values[0]), name=name)
    chain = m.If
    for index, value in enumerate(values):
        with chain(flags[index]):
            m.d.comb += found.eq(value)
        chain = m.Elif
    return found


class FirstOutside(wiring.Component):
    """The search.

    Parameters
    ----------
    words: words of SRAM.
    """

    # In the cycle of a fault.
    valid: In(1)
    drain: In(1)
    # Lanes, or rows of a drain, that are outside; the word of each lane, or the first of each row.
    outside: In(LANES)
    places: In(data.ArrayLayout(WORD_ADDRESS_BITS, LANES))
    # Words of a drain's row that count.
    word_mask: In(LANES)
    # A cycle later: a byte address.
    byte: Out(64)

    def __init__(self, words: int) -> None:
        self._words = words
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        held = {
            name: Signal(len(Value.cast(getattr(self, name))), name=f"held_{name}", reset_less=True)
            for name in ("drain", "outside", "places", "word_mask")
        }
        with m.If(self.valid):
            m.d.sync += [value.eq(getattr(self, name)) for name, value in held.items()]
        places = [held["places"].word_select(lane, WORD_ADDRESS_BITS) for lane in range(LANES)]
        place = first_of(m, held["outside"], places, "place")
        later = [Signal(WORD_ADDRESS_BITS, name=f"later_{index}") for index in range(LANES)]
        m.d.comb += [later[index].eq(place + index) for index in range(LANES)]
        bad = Cat(at >= self._words for at in later) & held["word_mask"]
        word = first_of(m, bad, [Const(index, 3) for index in range(LINE_WORDS)], "first_word")
        m.d.comb += self.byte.eq(Cat(Const(0, 3), (place + Mux(held["drain"], word, 0))[:WORD_ADDRESS_BITS]))
        return m

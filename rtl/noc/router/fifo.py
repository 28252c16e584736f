"""The buffer of one channel of an input: control words in order of arrival, the first of them at the arbiters."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.common.invariant import always, at_most_one
from rtl.common.select import by_mark
from rtl.noc.router.layouts import DEPTH, HEAD, PORTS, SLOT


class Fifo(wiring.Component):
    """Holds `DEPTH` control words. One that finds it empty may leave in the cycle of its arrival.

    A multicast asks for several ports and leaves by each when that is granted; the word behind it is first when the last copy has left.
    `first` keeps the ports that are left.

    A word is written to its place whether it stays or not, and `granted` is needed late: all else is ready before it. The sender's credits
    keep it from overflowing. The payloads lie elsewhere, in the same places, which `slot` tells.
    """

    # A control word comes, `out` being its ports of this router; `word` goes with it.
    valid: In(1)
    out: In(PORTS)
    word: In(HEAD)
    # The ports that the first word still asks for, zero when there is none; combinational, as are the others.
    want: Out(PORTS)
    head: Out(HEAD)
    # Of them, those by which it leaves in this cycle; with the last one it is gone.
    granted: In(PORTS)
    gone: Out(1)
    slot: Out(SLOT)

    def __init__(self) -> None:
        super().__init__()
        # The places; of the words held: how many (one-hot), whether any, the ports by which the first must still leave (zero without),
        # where the first lies and the next will (one-hot). Attributes so that proofs see them.
        self.words = [Signal(HEAD, name=f"word{i}", reset_less=True) for i in range(DEPTH)]
        self.outs = [Signal(PORTS, name=f"out{i}", reset_less=True) for i in range(DEPTH)]
        self.count, self.some, self.first = Signal(DEPTH + 1, init=1), Signal(), Signal(PORTS)
        self.read, self.write = Signal(DEPTH, init=1), Signal(DEPTH, init=1)

    def elaborate(self, platform):
        m = Module()
        words, outs, count, some, first = self.words, self.outs, self.count, self.some, self.first
        read, write = self.read, self.write

        arriving = Mux(self.valid, self.out, 0)
        passing = Signal(PORTS)
        m.d.comb += passing.eq(Mux(some, 0, arriving))
        for i in range(DEPTH):
            m.d.comb += self.slot.write[i].eq(write[i] & self.valid)
            with m.If(self.slot.write[i]):
                m.d.sync += [words[i].eq(self.word), outs[i].eq(self.out)]
        held = by_mark(m, read, words, "held")
        m.d.comb += [
            self.want.eq(first | passing),
            self.head.eq(Mux(some, held.as_value(), self.word.as_value())),
            self.slot.bypass.eq(~some),
            self.slot.read.eq(read),
        ]

        gone = Signal()
        m.d.comb += [gone.eq(self.want.any() & ~(self.want & ~self.granted).any()), self.gone.eq(gone)]
        # Behind one that is gone the second word is the first; with no second, the one that comes.
        second = by_mark(m, read, [*outs[1:], outs[0]], "second")
        follows = Signal(PORTS)
        more = Cat(*(count[n] for n in range(2, DEPTH + 1))).any()
        m.d.comb += follows.eq(Mux(more, second, Mux(count[1], arriving, 0)))
        up, down = Cat(0, count[:-1]), Cat(count[1:], 0)
        m.d.sync += [
            first.eq((self.want & ~self.granted) | Mux(gone, follows, 0)),
            some.eq(Mux(gone, more | (count[1] & self.valid), some | self.valid)),
            count.eq(Mux(gone, Mux(self.valid, count, down), Mux(self.valid, up, count))),
        ]
        always(m, ~(self.valid & count[DEPTH]), "a word comes to a full buffer")
        always(m, ~(self.granted & ~self.want).any(), "a word leaves by a port that it does not ask for")
        always(m, count.any() & read.any() & write.any(), "a buffer lost its count or its place")
        for marks, which in ((count, "counts"), (read, "first places"), (write, "next places")):
            at_most_one(m, marks, f"a buffer has two {which}")
        with m.If(gone):
            m.d.sync += read.eq(read.rotate_left(1))
        with m.If(self.valid):
            m.d.sync += write.eq(write.rotate_left(1))
        return m

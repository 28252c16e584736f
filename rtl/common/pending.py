"""What is under way, in order: who asked is remembered until it is done, and comes out then.

    i --> [entry][entry][entry] --> o
          done  ->|                      so many of the oldest are done
"""

from amaranth.hdl import Module, Mux, ShapeLike, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.common.invariant import always


class Pending(wiring.Component):
    """A ring of ``depth`` entries; one enters, one becomes done and one leaves in a cycle.

    An entry can leave from the cycle after its ``done`` on, and is in one cycle after it was taken.

    Parameters
    ----------
    shape : of an entry.
    depth : entries, at least 1.

    Raises ValueError for a smaller depth.
    """

    def __init__(self, shape: ShapeLike, depth: int) -> None:
        if depth < 1:
            raise ValueError(f"{depth} entries remember nothing")
        self.shape, self.depth = shape, depth
        super().__init__(
            {
                # What is under way from now on. Ready does not depend on what leaves in the same cycle.
                "i": In(stream.Signature(shape)),
                # The oldest that was not done is done now. Only while there is one.
                "done": In(1),
                # The oldest, once it is done, and its place in the ring.
                "o": Out(stream.Signature(shape)),
                "place": Out(range(depth)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.ring = ring = memory.Memory(shape=self.shape, depth=self.depth, init=[])
        write, read = ring.write_port(), ring.read_port(domain="comb")
        tail, under_way, complete = Signal(range(self.depth)), Signal(range(self.depth + 1)), Signal(range(self.depth + 1))
        push, pop = self.i.valid & self.i.ready, self.o.valid & self.o.ready
        m.d.comb += [
            self.i.ready.eq(under_way != self.depth),
            self.o.valid.eq(complete != 0),
            self.o.payload.eq(read.data),
            read.addr.eq(self.place),
            write.en.eq(push),
            write.addr.eq(tail),
            write.data.eq(self.i.payload),
        ]
        m.d.sync += [under_way.eq(under_way + push - pop), complete.eq(complete + self.done - pop)]
        always(m, under_way <= self.depth, "more is under way than there are entries")
        always(m, complete <= under_way, "more is done than was begun")
        always(m, ~self.done | (complete != under_way), "what nobody began is done")
        for pointer, moves in ((tail, push), (self.place, pop)):
            with m.If(moves):
                m.d.sync += pointer.eq(following(pointer, self.depth))
        return m


def following(pointer: Signal, depth: int):
    """The next place of a ring."""
    return pointer + 1 if depth & (depth - 1) == 0 else Mux(pointer == depth - 1, 0, pointer + 1)

"""Buffers for ready/valid streams.

    Buffer      one entry;  ready runs through it; the register between two stages of one unit
    SkidBuffer  two entries; valid, payload and ready all leave from flip-flops; what stands between units
    Queue       `depth` entries; all outputs from flip-flops

All move one item per cycle, add one cycle when empty, and keep order. An item shows at the output in the cycle after it
was taken.
"""

from amaranth.hdl import Module, Mux, ShapeLike, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.common.invariant import always, steady


class _Buffered(wiring.Component):
    """Common ports: a stream in, the same stream out.

    Parameters
    ----------
    shape: of the payload.
    """

    def __init__(self, shape: ShapeLike) -> None:
        super().__init__(
            {
                # Items to keep; transferred when both valid and ready are high.
                "i": In(stream.Signature(shape)),
                # The same items in the same order, at least one cycle later.
                "o": Out(stream.Signature(shape)),
            }
        )
        self.shape = shape


class Buffer(_Buffered):
    """One register slice. `i.ready` depends on `o.ready` in the same cycle."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        payload = Signal(self.shape, reset_less=True)

        m.d.comb += self.i.ready.eq(~self.o.valid | self.o.ready)
        with m.If(self.i.ready):
            m.d.sync += [self.o.valid.eq(self.i.valid), payload.eq(self.i.payload)]

        m.d.comb += self.o.payload.eq(payload)
        steady(m, self.o, "a buffer takes its item back")
        return m


class SkidBuffer(_Buffered):
    """Two entries: one at the output and one that catches what arrives in the cycle in which the output stalls."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        payload = Signal(self.shape, reset_less=True)
        caught = Signal(self.shape, reset_less=True)
        ready = Signal(init=1)  # also: nothing is caught

        output_free = ~self.o.valid | self.o.ready
        with m.If(ready):
            m.d.sync += caught.eq(self.i.payload)
        with m.If(output_free):
            m.d.sync += [
                payload.eq(Mux(ready, self.i.payload, caught)),
                self.o.valid.eq(self.i.valid | ~ready),
                ready.eq(1),
            ]
        with m.Elif(self.i.valid):
            m.d.sync += ready.eq(0)

        m.d.comb += [self.i.ready.eq(ready), self.o.payload.eq(payload)]
        steady(m, self.o, "a buffer takes its item back")
        always(m, ready | self.o.valid, "an item was caught behind none")
        return m


class Queue(_Buffered):
    """First in, first out, `depth` entries: one output register and a memory of `depth` - 1 behind it.

    Parameters
    ----------
    shape: of the payload.
    depth: entries, at least 2 (a SkidBuffer is the better choice for exactly 2).

    Raises ValueError for a smaller depth.
    """

    def __init__(self, shape: ShapeLike, depth: int) -> None:
        if depth < 2:
            raise ValueError(f"a Queue has at least 2 entries, not {depth}")
        super().__init__(shape)
        self.depth = depth

    def elaborate(self, platform: object) -> Module:
        m = Module()
        behind = self.depth - 1
        m.submodules.store = store = memory.Memory(shape=self.shape, depth=behind, init=[])
        write = store.write_port()
        read = store.read_port(domain="comb")
        payload = Signal(self.shape, reset_less=True)
        level = Signal(range(behind + 1))  # entries in the memory
        level_next = Signal.like(level)
        ready = Signal(init=1)

        do_push = self.i.valid & ready
        output_free = ~self.o.valid | self.o.ready
        empty = level == 0
        do_load = output_free & ~empty
        do_store = do_push & ~(output_free & empty)

        m.d.comb += level_next.eq(level + do_store - do_load)
        m.d.sync += [level.eq(level_next), ready.eq(level_next != behind)]
        with m.If(do_store):
            m.d.sync += write.addr.eq(Mux(write.addr == behind - 1, 0, write.addr + 1))
        with m.If(do_load):
            m.d.sync += read.addr.eq(Mux(read.addr == behind - 1, 0, read.addr + 1))
        with m.If(output_free):
            m.d.sync += [
                payload.eq(Mux(empty, self.i.payload, read.data)),
                self.o.valid.eq(do_push | ~empty),
            ]

        m.d.comb += [
            write.en.eq(do_store),
            write.data.eq(self.i.payload),
            self.i.ready.eq(ready),
            self.o.payload.eq(payload),
        ]
        steady(m, self.o, "a queue takes its item back")
        always(m, level <= behind, "a queue holds more than its depth")
        always(m, ready == (level != behind), "a queue promises a place that it does not have")
        return m

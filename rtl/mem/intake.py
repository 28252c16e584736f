"""A port's request enters its queues."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Value

from rtl.mem.queue import RequestQueue


def accept(m: Module, port, queues: Sequence[RequestQueue], shut: Value) -> Value:
    """The port's request goes into all its queues at once; `ready` is high when every one has room for the next.

    Returns the bit that says that a request enters in this cycle. While `shut` is high no request is taken from the next
    cycle on.
    """
    push = port.valid & port.ready
    m.d.sync += port.ready.eq(Cat(queue.room for queue in queues).all() & ~shut)
    m.d.comb += [queue.push.eq(push) for queue in queues]
    return push

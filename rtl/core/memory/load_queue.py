"""Load queues: between the address units and a load port of the SRAM, first in, first out.

A load waits at the head while an older store of its thread may still write one of its words. Which stores are older was
seen when it issued: the slots of the thread's store queue in use then. A slot stays in the entry's set until it is empty
for a cycle, so a younger store in the same slot is never taken for the older one, and nothing waits for a younger one.
"""

from amaranth.hdl import Cat, Module, Mux, ShapeLike, Signal, Value
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from rtl.common.invariant import always
from rtl.common.select import by_number
from rtl.core.interfaces import STORE_SLOTS, THREAD_BITS, StoreProgress
from rtl.mem import ports

DEPTH = 4

LoadRange = data.StructLayout({"thread": THREAD_BITS, "low": 18, "high": 18})
VectorRequest = data.StructLayout({"reg": 5, "enable": 8, "addr": data.ArrayLayout(18, 8), "keep": 64})
ScalarRequest = data.StructLayout({"addr": 18, "tag": 16})


class LoadQueue(wiring.Component):
    """One queue.

    Parameters
    ----------
    request: shape of what goes to the port.
    """

    def __init__(self, request: ShapeLike) -> None:
        self._request = request
        super().__init__({
            # A load enters; `older`: slots of its thread's store queue with older stores.
            "push": In(1),
            "range": In(LoadRange),
            "older": In(STORE_SLOTS),
            "request": In(request),
            "store_progress": In(StoreProgress),
            # The head may go; combinational from flip-flops. It leaves when `take` is high.
            "go": Out(1),
            "head": Out(LoadRange),
            "head_request": Out(request),
            "take": In(1),
            # Loads in the queue at the start of the cycle; a flip-flop.
            "level": Out(range(DEPTH + 1)),
            # Something that arrives in the next cycle fits whatever arrives in this one; a flip-flop.
            "room": Out(1, init=1),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        first, level_next = Signal(2), Signal(range(DEPTH + 1))
        level = self.level
        end = (first + level)[:2]
        m.submodules.ranges = ranges = memory.Memory(shape=LoadRange, depth=DEPTH, init=[])
        m.submodules.requests = requests = memory.Memory(shape=self._request, depth=DEPTH, init=[])
        for store, pushed, shown in ((ranges, self.range, self.head), (requests, self.request, self.head_request)):
            into, out = store.write_port(), store.read_port(domain="comb")
            m.d.comb += [into.en.eq(self.push), into.addr.eq(end), into.data.eq(pushed)]
            m.d.comb += [out.addr.eq(first), shown.eq(out.data)]
        m.d.comb += level_next.eq(level + self.push - self.take)
        m.d.sync += [level.eq(level_next), first.eq(first + self.take), self.room.eq(level_next <= DEPTH - 2)]

        always(m, level <= DEPTH, "a queue of loads holds more than its depth")
        always(m, ~self.push | (level != DEPTH), "a load comes to a full queue")
        always(m, ~self.take | (level != 0), "a load leaves that is not there")

        occupied = [slots.occupied for slots in self.store_progress.slots]
        older = [Signal(STORE_SLOTS, name=f"older_{k}") for k in range(DEPTH)]
        threads = [Signal(THREAD_BITS, name=f"thread_{k}") for k in range(DEPTH)]
        for k in range(DEPTH):
            m.d.sync += older[k].eq(older[k] & by_number(m, threads[k], occupied, f"occupied_{k}"))
            with m.If(self.push & (end == k)):
                m.d.sync += [
                    older[k].eq(self.older & by_number(m, self.range.thread, occupied, f"occupied_push_{k}")),
                    threads[k].eq(self.range.thread),
                ]
        waits_for = by_number(m, first, older, "waits_for")
        slots = by_number(m, self.head.thread, list(self.store_progress.slots), "slots")
        overlap = Cat(
            ~slots.addr_valid[s] | (self.head.low <= slots.high[s]) & (slots.low[s] <= self.head.high) for s in range(STORE_SLOTS)
        )
        m.d.comb += self.go.eq((level != 0) & ~(waits_for & slots.occupied & overlap).any())
        return m


class VectorLoadQueues(wiring.Component):
    """The queues of both vector load ports: two loads that come together take one each, a single one the emptier."""

    # Loads from the address units.
    push: In(2)
    range: In(data.ArrayLayout(LoadRange, 2))
    older: In(STORE_SLOTS)
    request: In(data.ArrayLayout(VectorRequest, 2))
    store_progress: In(StoreProgress)
    # One, or two, loads that issue in this cycle will fit in the next; flip-flops or a gate behind them.
    room_one: Out(1)
    room_two: Out(1)
    l0: Out(ports.VectorLoad)
    l1: Out(ports.VectorLoad)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        queues = [LoadQueue(VectorRequest) for _ in range(2)]
        turn = Signal()
        single = Signal()  # the queue for a single load
        m.d.comb += single.eq(
            Mux(queues[0].level == queues[1].level, turn, queues[0].level > queues[1].level)
        )
        with m.If(self.push.any()):
            m.d.sync += turn.eq(~single)
        crossed = Mux(self.push.all(), 0, Mux(self.push[0], single, ~single))
        for k, (q, port) in enumerate(zip(queues, (self.l0, self.l1), strict=True)):
            m.submodules[f"q{k}"] = q
            wiring.connect(m, wiring.flipped(self.store_progress), q.store_progress)
            source = crossed ^ k
            m.d.comb += [
                q.push.eq(Mux(source, self.push[1], self.push[0])),
                q.range.eq(Mux(source, Value.cast(self.range[1]), Value.cast(self.range[0]))),
                q.request.eq(Mux(source, Value.cast(self.request[1]), Value.cast(self.request[0]))),
                q.older.eq(self.older),
                q.take.eq(q.go & port.ready),
                port.valid.eq(q.go),
                port.thread.eq(q.head.thread),
                port.reg.eq(q.head_request.reg),
                port.enable.eq(q.head_request.enable),
                port.addr.eq(q.head_request.addr),
                port.keep.eq(q.head_request.keep),
            ]
        m.d.comb += [
            self.room_one.eq(queues[0].room | queues[1].room),
            self.room_two.eq(queues[0].room & queues[1].room),
        ]
        return m

"""One thread's four places in the store queue: what is known of each entry, and whether the next one may start.

An entry starts when what it stores exists, every older load of its thread has its data, and no older entry that is not yet
written may hold one of its words in another lane (entries of one stream cannot: their equal words lie in equal lanes, and
lanes keep the order). A raise starts when it is the oldest and no load is under way; a network instruction may follow older ones, which
keep their order from there on.
"""

from amaranth.hdl import Array, Cat, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from rtl.common.invariant import always
from rtl.core.interfaces import (
    NOWHERE_HIGH,
    NOWHERE_LOW,
    STORE_SLOTS,
    VQ_POS_BITS,
    StoreIssue,
    StoreKind,
    StoreRequests,
    StoreSlots,
)

Awaited = data.StructLayout(
    {
        "vq_head": VQ_POS_BITS,
        "simd_pending": isa.VECTOR_REGISTERS,
        "load_parity": isa.VECTOR_REGISTERS,
        "load_busy": isa.VECTOR_REGISTERS,
        "scalar_busy": isa.SCALAR_REGISTERS,
        "acc_busy": isa.ACCUMULATORS,
    }
)
"""State of the other units that an entry of the thread waits for; as vector_progress and scalar_progress."""


class ThreadStores(wiring.Component):
    """The places of one thread.

    Parameters
    ----------
    thread: its number.
    """

    requests: In(StoreRequests)
    awaited: In(Awaited)
    # Entry that starts next, read at `next`.
    head: In(StoreIssue)
    # A scalar store, a raise, a network instruction may start.
    scalar_free: In(1)
    raise_free: In(1)
    net_free: In(1)
    # Slots whose entry is written; the thread drops what has not started; the next entry starts; it does because it was cancelled.
    written: In(STORE_SLOTS)
    kill: In(1)
    begins: In(1)
    drops: In(1)
    # State: where the next entry goes, whose address comes next, what starts next.
    end: Out(2)
    filling: Out(2)
    next: Out(2)
    # The next entry may start; it was cancelled.
    ready: Out(1)
    cancelled: Out(1)
    # Entries that have not started.
    unstarted: Out(range(STORE_SLOTS + 1))
    # State.
    slots: Out(StoreSlots)
    idle: Out(1, init=1)

    def __init__(self, thread: int) -> None:
        self._thread = thread
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        issue = self.requests.issue
        with m.If(issue.valid & (issue.thread == self._thread)):
            m.d.sync += [self.end.eq(self.end + 1), self.filling.eq(self.end)]
        with m.If(self.kill):
            m.d.sync += self.end.eq(self.next)
        with m.If(self.begins):
            m.d.sync += self.next.eq(self.next + 1)
        slots = self._slots(m)
        m.d.comb += self.unstarted.eq(sum(slot["occupied"] & ~slot["started"] for slot in slots))
        self._ready(m, slots)
        return m

    def _slots(self, m: Module) -> list[dict[str, Signal]]:
        """What is known of each slot."""
        oldest = Signal(2)  # slots are freed in order, so that a free slot is where the next entry goes
        slots, after, left = [], [], []
        for s in range(STORE_SLOTS):
            slot = {
                name: Signal(shape, name=f"{name}_{s}", reset_less=name not in ("started", "finished"))
                for name, shape in {
                    "started": 1,
                    "finished": 1,
                    "cancelled": 1,
                    "net": 1,
                    "stream": 12,
                    "loads": isa.VECTOR_REGISTERS,
                    "scalar_loads": isa.SCALAR_REGISTERS,
                    "waits": 1,
                    "pos": VQ_POS_BITS,
                }.items()
            }
            shown = {"occupied": "occupied", "placed": "addr_valid", "low": "low", "high": "high"}
            slots.append(slot | {name: self.slots[member][s] for name, member in shown.items()})
            occupied, leaves = self._life(m, s, slot, oldest)
            after.append(occupied)
            left.append(leaves)
        m.d.sync += [oldest.eq(oldest + Cat(left).any()), self.idle.eq(~Cat(after).any())]
        return slots

    def _life(self, m: Module, s: int, slot: dict[str, Signal], oldest: Signal) -> tuple[Value, Value]:
        """A slot from its entry's issue to its end; whether it is in use in the next cycle, and whether it ends."""
        issue, address, shown, awaited = self.requests.issue, self.requests.address, self.slots, self.awaited
        here = issue.valid & (issue.thread == self._thread) & (self.end == s)
        placed = address.valid & (address.thread == self._thread) & (self.filling == s)
        finishes = self.written[s] | (self.drops & (self.next == s))
        over = finishes | slot["finished"]
        leaves, killed = over & (oldest == s), self.kill & ~slot["started"]
        occupied = (shown.occupied[s] & ~leaves & ~killed) | here
        always(m, ~here | ~shown.occupied[s], f"slot {s} of thread {self._thread} is given out while a store is in it")
        held = shown.occupied[s] & ~slot["finished"]
        always(m, ~finishes | held, f"slot {s} of thread {self._thread} finishes a store that it does not hold")
        m.d.sync += [
            shown.occupied[s].eq(occupied),
            shown.addr_valid[s].eq((shown.addr_valid[s] | placed) & ~here),
            slot["started"].eq((slot["started"] | (self.begins & (self.next == s))) & ~here),
            slot["finished"].eq(over & ~leaves),
            slot["loads"].eq(slot["loads"] & awaited.load_busy),
            slot["scalar_loads"].eq(slot["scalar_loads"] & awaited.scalar_busy),
            slot["waits"].eq(slot["waits"] & ~(slot["pos"] - awaited.vq_head)[VQ_POS_BITS - 1]),
        ]
        with m.If(here):
            # Loads that issue together with the store are busy from the next cycle on.
            m.d.sync += [
                slot["net"].eq(issue.store.kind == StoreKind.NET),
                slot["loads"].eq(issue.store.loads),
                slot["scalar_loads"].eq(issue.store.scalar_loads),
                slot["waits"].eq(issue.store.vq.wait),
                slot["pos"].eq(issue.store.vq.pos),
            ]
        with m.If(placed):
            m.d.sync += [
                slot["cancelled"].eq(address.cancel),
                slot["stream"].eq(address.store.stream),
                shown.low[s].eq(address.store.low),
                shown.high[s].eq(address.store.high),
            ]
        with m.If(finishes):  # behind one that is not written it keeps its slot, but nobody waits for it
            m.d.sync += [shown.low[s].eq(NOWHERE_LOW), shown.high[s].eq(NOWHERE_HIGH)]
        return occupied, leaves

    def _ready(self, m: Module, slots: list[dict[str, Signal]]) -> None:
        """Whether the next entry may start."""
        mine, head, awaited = {}, self.head, self.awaited
        for name in slots[0]:
            mine[name] = Signal(len(slots[0][name]), name=f"next_{name}")
            m.d.comb += mine[name].eq(Array(slot[name] for slot in slots)[self.next])
        # Older entries that are not written: all have started, and no younger one has.
        under_way = [slot["occupied"] & slot["started"] & ~slot["finished"] for slot in slots]
        clashes = [
            before
            & ~slot["cancelled"]
            & (slot["low"] <= mine["high"])
            & (mine["low"] <= slot["high"])
            & (slot["stream"] != mine["stream"])
            for before, slot in zip(under_way, slots, strict=True)
        ]
        apart, loaded, made, summed, go = (Signal(name=name) for name in ("apart", "loaded", "made", "summed", "go"))
        source = head.source
        parity = awaited.load_parity.bit_select(source, 1) == head.parity
        m.d.comb += [
            apart.eq(~Cat(clashes).any()),
            loaded.eq(~mine["loads"].any() & ~mine["scalar_loads"].any()),
            made.eq(parity & ~awaited.simd_pending.bit_select(source, 1)),
            summed.eq(~awaited.acc_busy.bit_select(source[:3], 1)),
        ]
        with m.Switch(head.kind):
            with m.Case(StoreKind.VECTOR):
                m.d.comb += go.eq(loaded & apart & ~mine["waits"] & made)
            with m.Case(StoreKind.DRAIN):
                m.d.comb += go.eq(loaded & apart & ~mine["waits"] & summed)
            with m.Case(StoreKind.SCALAR):
                m.d.comb += go.eq(loaded & apart & self.scalar_free)
            with m.Case(StoreKind.RAISE):
                m.d.comb += go.eq(loaded & ~Cat(under_way).any() & self.raise_free)
            with m.Case(StoreKind.NET):
                stores = Cat(before & ~slot["net"] for before, slot in zip(under_way, slots, strict=True))
                m.d.comb += go.eq(loaded & ~stores.any() & self.net_free)
        m.d.comb += [
            self.cancelled.eq(mine["cancelled"]),
            self.ready.eq(mine["occupied"] & ~mine["started"] & mine["placed"] & (go | mine["cancelled"])),
        ]

"""The store queues: per thread four entries, in order, and the choice of what starts.

An entry starts when what it stores exists, every older load of its thread has its data, and no older entry that is not yet
written may hold one of its words in another lane (entries of one stream cannot: their equal words lie in equal lanes, and
lanes keep the order). A raise starts when it is the oldest and no load is under way. One entry starts a cycle, threads in
turn; the beats of an entry follow each other without a gap.

    S0  entries are compared, one is chosen, or the next beat of the one under way      S1  token, with all about it

A store position counts as read when nothing that is allowed to overwrite its source from then on can come too early: with
the last beat of a register, and earlier for an accumulator, which an operation reaches only after some cycles.
"""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from rtl.core.interfaces import (
    ST_POS_BITS,
    THREAD_BITS,
    THREADS,
    VQ_POS_BITS,
    StoreAddress,
    StoreAddressPort,
    StoreIssue,
    StoreIssuePort,
    StoreKind,
    StoreSlots,
)
from rtl.core.matrix.accumulators import DrainFormat
from rtl.core.matrix.unit import MatrixUnit
from rtl.core.memory.address import NOWHERE_LOW
from rtl.core.vector.issue import choose

SLOTS = 4
BEATS = {DrainFormat.FP32: 4, DrainFormat.BF16: 2, DrainFormat.RAW: 8}
# Beats of a drain that may be left when its position counts as read at S0. The state shows it a cycle later; an operation that issues
# then is decoded another cycle later, and may be there DRAIN_TO_STEP before the last beat asks, one cycle after its S0.
BEATS_LEFT = MatrixUnit.DRAIN_TO_STEP + 1

Token = data.StructLayout(
    {
        "valid": 1,
        "slot": 2,
        "thread": THREAD_BITS,
        "beat": 3,
        "last": 1,
        "issue": StoreIssue,
        "place": StoreAddress,
    }
)
"""A beat (or a scalar store, or a raise) with its entry."""


class StoreQueue(wiring.Component):
    """Queues of four threads."""

    store_issue: In(StoreIssuePort)
    store_address: In(StoreAddressPort)
    # State of the vector and scalar units: positions issued, registers, accumulators (VectorUnit.acc_busy).
    vq_head: In(data.ArrayLayout(VQ_POS_BITS, THREADS))
    simd_pending: In(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS))
    load_parity: In(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS))
    load_busy: In(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS))
    scalar_busy: In(data.ArrayLayout(isa.SCALAR_REGISTERS, THREADS))
    acc_busy: In(THREADS * isa.ACCUMULATORS)
    # State: free places for beats; a scalar store, a raise may start.
    room: In(range(17))
    scalar_free: In(1)
    raise_free: In(1)
    # Slots whose entry is written, at 4 * thread + slot.
    written: In(THREADS * SLOTS)
    # Threads that drop what has not started.
    kill: In(THREADS)
    # What starts in this cycle (S0): how many beats, a scalar store, a raise.
    beats: Out(range(9))
    scalar_starts: Out(1)
    raise_starts: Out(1)
    # S1: a beat, from flip-flops and memories behind them.
    token: Out(Token)
    # State out.
    store_slots: Out(data.ArrayLayout(StoreSlots, THREADS))
    st_read: Out(data.ArrayLayout(ST_POS_BITS, THREADS))
    idle: Out(THREADS, init=(1 << THREADS) - 1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.issues = issues = memory.Memory(shape=StoreIssue, depth=THREADS * SLOTS, init=[])
        m.submodules.places = places = memory.Memory(shape=StoreAddress, depth=THREADS * SLOTS, init=[])
        into, into_place = issues.write_port(), places.write_port()
        ends = [Signal(2, name=f"end_{t}") for t in range(THREADS)]  # where the next entry goes
        filling = [Signal(2, name=f"filling_{t}") for t in range(THREADS)]  # whose address comes next
        nexts = [Signal(2, name=f"next_{t}") for t in range(THREADS)]  # what starts next
        m.d.comb += [
            into.en.eq(self.store_issue.valid),
            into.addr.eq(Cat(Array(ends)[self.store_issue.thread], self.store_issue.thread)),
            into.data.eq(self.store_issue.store),
            into_place.en.eq(self.store_address.valid),
            into_place.addr.eq(Cat(Array(filling)[self.store_address.thread], self.store_address.thread)),
            into_place.data.eq(self.store_address.store),
        ]
        begins, drops = Signal(THREADS), Signal(THREADS)  # the next entry starts; it does so because it was cancelled
        active = Signal()  # a drain has beats left
        able, heads, cancelled, started = [], [], [], []
        for t in range(THREADS):
            port = issues.read_port(domain="comb")
            head = Signal(StoreIssue, name=f"head_{t}")
            m.d.comb += [port.addr.eq(Cat(nexts[t], Const(t, THREAD_BITS))), head.eq(port.data)]
            slots = self._slots(m, t, ends[t], filling[t], nexts[t], begins[t], drops[t])
            ready, cancel = self._ready(m, t, head, nexts[t], slots)
            able.append(ready & ~self.kill[t] & ~active)
            heads.append(head)
            cancelled.append(cancel)
            started.append([slot["started"] for slot in slots])
            with m.If(self.store_issue.valid & (self.store_issue.thread == t)):
                m.d.sync += [ends[t].eq(ends[t] + 1), filling[t].eq(ends[t])]
            with m.If(self.kill[t]):
                m.d.sync += ends[t].eq(nexts[t])
            with m.If(begins[t]):
                m.d.sync += nexts[t].eq(nexts[t] + 1)
        self._start(m, able, heads, cancelled, nexts, begins, drops, active, started)
        entry, place = issues.read_port(domain="comb"), places.read_port(domain="comb")
        m.d.comb += [
            entry.addr.eq(Cat(self.token.slot, self.token.thread)),
            place.addr.eq(entry.addr),
            self.token.issue.eq(entry.data),
            self.token.place.eq(place.data),
        ]
        return m

    def _slots(self, m: Module, t: int, end: Value, filling: Value, next_: Value, begins: Value, drops: Value) -> list[dict[str, Signal]]:
        """What is known of each slot of a thread."""
        issue, address, shown = self.store_issue, self.store_address, self.store_slots[t]
        takes, fills = issue.valid & (issue.thread == t), address.valid & (address.thread == t)
        oldest = Signal(2, name=f"oldest_{t}")  # slots are freed in order, so that a free slot is where the next entry goes
        slots, after, left = [], [], []
        for s in range(SLOTS):
            slot = {
                name: Signal(shape, name=f"{name}_{t}_{s}", reset_less=name not in ("started", "finished"))
                for name, shape in {
                    "started": 1,
                    "finished": 1,
                    "cancelled": 1,
                    "stream": 12,
                    "loads": isa.VECTOR_REGISTERS,
                    "scalar_loads": isa.SCALAR_REGISTERS,
                    "waits": 1,
                    "pos": VQ_POS_BITS,
                }.items()
            }
            slots.append(slot | {"occupied": shown.occupied[s], "placed": shown.addr_valid[s], "low": shown.low[s], "high": shown.high[s]})
            started = slot["started"]
            here, placed, starts = takes & (end == s), fills & (filling == s), begins & (next_ == s)
            finishes = self.written[SLOTS * t + s] | (drops & (next_ == s))
            over = finishes | slot["finished"]
            leaves, killed = over & (oldest == s), self.kill[t] & ~started
            occupied = (shown.occupied[s] & ~leaves & ~killed) | here
            after.append(occupied)
            left.append(leaves)
            m.d.sync += [
                shown.occupied[s].eq(occupied),
                shown.addr_valid[s].eq((shown.addr_valid[s] | placed) & ~here),
                started.eq((started | starts) & ~here),
                slot["finished"].eq(over & ~leaves),
                slot["loads"].eq(slot["loads"] & self.load_busy[t]),
                slot["scalar_loads"].eq(slot["scalar_loads"] & self.scalar_busy[t]),
                slot["waits"].eq(slot["waits"] & ~(slot["pos"] - self.vq_head[t])[VQ_POS_BITS - 1]),
            ]
            with m.If(here):
                # Loads that issue together with the store are busy from the next cycle on.
                m.d.sync += [
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
                m.d.sync += [shown.low[s].eq(NOWHERE_LOW), shown.high[s].eq(0)]
        m.d.sync += oldest.eq(oldest + Cat(left).any())
        m.d.sync += self.idle[t].eq(~Cat(after).any())
        return slots

    def _ready(self, m: Module, t: int, head: Signal, next_: Value, slots: list[dict[str, Signal]]) -> tuple[Signal, Value]:
        """Whether the thread's next entry may start, and whether it was cancelled."""
        mine = {}
        for name in slots[0]:
            mine[name] = Signal(len(slots[0][name]), name=f"next_{name}_{t}")
            m.d.comb += mine[name].eq(Array(slot[name] for slot in slots)[next_])
        # Older entries that are not written: all have started, and no younger one has.
        under_way = [slot["occupied"] & slot["started"] & ~slot["finished"] for slot in slots]
        apart, alone = Signal(name=f"apart_{t}"), Signal(name=f"alone_{t}")
        clashes = [
            before
            & ~slot["cancelled"]
            & (slot["low"] <= mine["high"])
            & (mine["low"] <= slot["high"])
            & (slot["stream"] != mine["stream"])
            for before, slot in zip(under_way, slots, strict=True)
        ]
        loaded, written, made, summed = (Signal(name=f"{name}_{t}") for name in ("loaded", "past", "made", "summed"))
        source = head.source
        m.d.comb += [
            apart.eq(~Cat(clashes).any()),
            alone.eq(~Cat(under_way).any()),
            loaded.eq(~mine["loads"].any() & ~mine["scalar_loads"].any()),
            written.eq(~mine["waits"]),
            made.eq((self.load_parity[t].bit_select(source, 1) == head.parity) & ~self.simd_pending[t].bit_select(source, 1)),
            summed.eq(~self.acc_busy.bit_select(Cat(source[:3], Const(t, THREAD_BITS)), 1)),
        ]
        go, ready = Signal(name=f"go_{t}"), Signal(name=f"ready_{t}")
        with m.Switch(head.kind):
            with m.Case(StoreKind.VECTOR):
                m.d.comb += go.eq(loaded & apart & written & made)
            with m.Case(StoreKind.DRAIN):
                m.d.comb += go.eq(loaded & apart & written & summed)
            with m.Case(StoreKind.SCALAR):
                m.d.comb += go.eq(loaded & apart & self.scalar_free)
            with m.Case(StoreKind.RAISE):
                m.d.comb += go.eq(loaded & alone & self.raise_free)
        m.d.comb += ready.eq(mine["occupied"] & ~mine["started"] & mine["placed"] & (go | mine["cancelled"]))
        return ready, mine["cancelled"]

    def _start(self, m: Module, able, heads, cancelled, nexts, begins, drops, active, started) -> None:
        """S0: the choice, then the token of S1."""
        turn, thread, start = Signal(THREAD_BITS), Signal(THREAD_BITS), Signal()
        choose(m, turn, Cat(able), thread)
        kind, format_, slot, cancel = Signal(StoreKind), Signal(2), Signal(2), Signal()
        with m.Switch(thread):
            for t in range(THREADS):
                with m.Case(t):
                    m.d.comb += [kind.eq(heads[t].kind), format_.eq(heads[t].drain_format), slot.eq(nexts[t]), cancel.eq(cancelled[t])]
        needs, fits = Signal(range(9)), Signal()
        m.d.comb += needs.eq(0)
        with m.If(~cancel):
            with m.Switch(kind):
                with m.Case(StoreKind.VECTOR):
                    m.d.comb += needs.eq(1)
                with m.Case(StoreKind.DRAIN):
                    m.d.comb += needs.eq(Array([BEATS[DrainFormat(k)] if k < len(BEATS) else 8 for k in range(4)])[format_])
        # Places are taken for all beats, so that they need not stop. Whoever's turn it is waits for them, lest he starve.
        m.d.comb += [
            fits.eq(self.room >= needs),
            start.eq(Cat(able).any() & fits),
            begins.eq(Mux(start, 1 << thread, 0)),
            drops.eq(Mux(start & cancel, 1 << thread, 0)),
            self.beats.eq(Mux(start, needs, 0)),
            self.scalar_starts.eq(start & ~cancel & (kind == StoreKind.SCALAR)),
            self.raise_starts.eq(start & ~cancel & (kind == StoreKind.RAISE)),
        ]
        with m.If(start):
            m.d.sync += turn.eq(thread + 1)

        token, left = self.token, Signal(range(8))
        sends = active | (start & ~cancel)
        remaining = Signal(range(8))  # beats after this one
        m.d.comb += remaining.eq(Mux(active, left, Mux(needs == 0, 0, needs - 1)))
        m.d.sync += [token.valid.eq(sends), token.last.eq(remaining == 0), left.eq(remaining - 1), active.eq(sends & (remaining != 0))]
        with m.If(active):
            m.d.sync += token.beat.eq(token.beat + 1)
        with m.Else():
            m.d.sync += [token.beat.eq(0), token.slot.eq(slot), token.thread.eq(thread)]
        # Read: when as many beats are left as may be; those of an entry with fewer, when it starts.
        early, at_thread = Signal(), Signal(THREAD_BITS)
        m.d.comb += [
            at_thread.eq(Mux(active, token.thread, thread)),
            early.eq(Mux(active, remaining == BEATS_LEFT, start & (remaining <= BEATS_LEFT))),
        ]
        for t in range(THREADS):
            counts = early & (at_thread == t)
            unstarted = [self.store_slots[t].occupied[s] & ~started[t][s] for s in range(SLOTS)]
            dropped = Signal(range(SLOTS + 1), name=f"dropped_{t}")
            m.d.comb += dropped.eq(Mux(self.kill[t], sum(unstarted), 0))
            m.d.sync += self.st_read[t].eq(self.st_read[t] + counts + dropped)

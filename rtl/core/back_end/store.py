r"""The store unit: per thread a queue of four, in order; one beat of 64 bytes a cycle goes to the SRAM.

::

    store_issue, store_address -> slots -> start -> read register / drain accumulator -> ring of beats -> SRAM st
                                             \-> scalar data -> SRAM ss          \-> raise -> semaphores

A beat's place in the ring is taken when it starts, so vector registers (one cycle) and drains (DRAIN_LATENCY) leave in order. An entry
starts when its data exists, every older load of its thread has its data, and no older entry that is not yet written may touch
the same word in another lane.
"""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.config import NodeConfig
from golden.arch.memmap import SEMAPHORE_BITS
from rtl.core.accumulators import DrainFormat
from rtl.core.back_end.vector import StoreRead
from rtl.core.front_end.sync import Raise
from rtl.core.layouts import (
    PC_BITS,
    ST_POS_BITS,
    THREAD_BITS,
    THREADS,
    VQ_POS_BITS,
    StoreAddress,
    StoreIssue,
    StoreKind,
    StoreSlots,
    TraceStore,
)
from rtl.core.matrix import DrainReply, DrainRequest
from rtl.mem import ports

SLOTS = 4
RING = 16
LANES = 8
StoreIssuePort = data.StructLayout({"valid": 1, "thread": THREAD_BITS, "store": StoreIssue})
StoreAddressPort = data.StructLayout({"valid": 1, "thread": THREAD_BITS, "cancel": 1, "store": StoreAddress})
Beat = data.StructLayout({"enable": LANES, "addr": data.ArrayLayout(18, LANES), "strobe": 64, "tag": 6, "seq": 16, "kind": 2})


class StoreUnit(wiring.Component):
    """Stores, drains and raises of four threads."""

    def __init__(self, config: NodeConfig, trace: bool = False) -> None:
        self.trace_on = trace
        members = {
            "store_issue": In(StoreIssuePort),
            "store_address": In(StoreAddressPort),
            # State out: what the slots hold, store positions whose data has been read.
            "store_slots": Out(data.ArrayLayout(StoreSlots, THREADS)),
            "st_read": Out(data.ArrayLayout(ST_POS_BITS, THREADS)),
            # State of the vector and scalar units.
            "vq_head": In(data.ArrayLayout(VQ_POS_BITS, THREADS)),
            "simd_pending": In(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS)),
            "load_parity": In(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS)),
            "load_busy": In(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS)),
            "scalar_busy": In(data.ArrayLayout(isa.SCALAR_REGISTERS, THREADS)),
            "acc_busy": In(THREADS * isa.ACCUMULATORS),
            # To the vector unit: a register to read, a beat to drain.
            "store_read": Out(StoreRead),
            "store_data": In(512),
            "drain": Out(DrainRequest),
            "drained": In(DrainReply),
            "drained_data": In(512),
            "st": Out(ports.VectorStore),
            "ss": Out(ports.ScalarStore),
            "raise_out": Out(Raise),
            "raise_thread": Out(THREAD_BITS),
            "raise_pc": Out(PC_BITS),
            "kill": In(THREADS),
            "idle": Out(THREADS),
            # A beat was handed to the SRAM in this cycle.
            "store_beat": Out(1),
        }
        if trace:
            # A beat of the 64-byte port, a scalar store, a raise.
            members["trace"] = Out(data.ArrayLayout(TraceStore, 3))
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        m.submodules.issues = issues = memory.Memory(shape=StoreIssue, depth=THREADS * SLOTS, init=[])
        m.submodules.places = places = memory.Memory(shape=StoreAddress, depth=THREADS * SLOTS, init=[])
        issue_write, place_write = issues.write_port(), places.write_port()

        def each(shape, name, init=0):
            return [Signal(shape, name=f"{name}_{t}", init=init) for t in range(THREADS)]

        tail, next_ = each(2, "tail"), each(2, "next")  # where to allocate, what to start
        occupied, addr_valid, started, cancelled = each(4, "occupied"), each(4, "addr_valid"), each(4, "started"), each(4, "cancelled")
        filling = each(2, "filling")  # slot whose address comes next
        low = [[Signal(18, name=f"low_{t}_{s}") for s in range(SLOTS)] for t in range(THREADS)]
        high = [[Signal(18, name=f"high_{t}_{s}") for s in range(SLOTS)] for t in range(THREADS)]
        stream = [[Signal(12, name=f"stream_{t}_{s}") for s in range(SLOTS)] for t in range(THREADS)]
        loads = [[Signal(32, name=f"loads_{t}_{s}") for s in range(SLOTS)] for t in range(THREADS)]
        scalars = [[Signal(32, name=f"scalars_{t}_{s}") for s in range(SLOTS)] for t in range(THREADS)]
        vq_waits = [[Signal(name=f"vq_waits_{t}_{s}") for s in range(SLOTS)] for t in range(THREADS)]
        vq_pos = [[Signal(VQ_POS_BITS, name=f"vq_pos_{t}_{s}") for s in range(SLOTS)] for t in range(THREADS)]
        written = Signal(THREADS * SLOTS)  # entries that are written in this cycle
        finished = each(4, "finished")  # written, but behind one that is not: slots are freed in order, so that room means a free tail
        oldest = each(2, "oldest")
        begun = Signal(THREADS)  # threads whose next entry starts
        read_now = Signal(THREADS)  # entries whose data has been read

        # --- slots ------------------------------------------------------------------------------------------------------------
        issue, address = self.store_issue, self.store_address
        m.d.comb += [
            issue_write.en.eq(issue.valid),
            issue_write.addr.eq(Cat(Array(tail)[issue.thread], issue.thread)),
            issue_write.data.eq(issue.store),
            place_write.en.eq(address.valid),
            place_write.addr.eq(Cat(Array(filling)[address.thread], address.thread)),
            place_write.data.eq(address.store),
        ]
        for t in range(THREADS):
            takes, fills = issue.valid & (issue.thread == t), address.valid & (address.thread == t)
            with m.If(takes):
                m.d.sync += [tail[t].eq(tail[t] + 1), filling[t].eq(tail[t])]
            for s in range(SLOTS):
                here, placed = takes & (tail[t] == s), fills & (filling[t] == s)
                starts = begun[t] & (next_[t] == s)
                over = finished[t][s] | written[SLOTS * t + s]
                done = occupied[t][s] & over & (oldest[t] == s)
                passed = (vq_pos[t][s] - self.vq_head[t])[:VQ_POS_BITS] >= 1 << (VQ_POS_BITS - 1)
                m.d.sync += [
                    occupied[t][s].eq((occupied[t][s] & ~done) | here),
                    finished[t][s].eq(over & ~done & ~here),
                    addr_valid[t][s].eq((addr_valid[t][s] | placed) & ~here),
                    cancelled[t][s].eq(Mux(placed, address.cancel, cancelled[t][s] & ~here)),
                    started[t][s].eq((started[t][s] | starts) & ~here),
                    loads[t][s].eq(loads[t][s] & self.load_busy[t]),
                    scalars[t][s].eq(scalars[t][s] & self.scalar_busy[t]),
                    vq_waits[t][s].eq(vq_waits[t][s] & ~passed),
                ]
                with m.If(here):
                    # A load that issues with the store is busy from the next cycle on: its bit is kept once.
                    m.d.sync += [
                        loads[t][s].eq(issue.store.loads),
                        scalars[t][s].eq(issue.store.scalar_loads),
                        vq_waits[t][s].eq(issue.store.vq.wait),
                        vq_pos[t][s].eq(issue.store.vq.pos),
                    ]
                with m.If(placed):
                    m.d.sync += [low[t][s].eq(address.store.low), high[t][s].eq(address.store.high), stream[t][s].eq(address.store.stream)]
                m.d.comb += [self.store_slots[t].low[s].eq(low[t][s]), self.store_slots[t].high[s].eq(high[t][s])]
                with m.If(done):
                    m.d.sync += oldest[t].eq(s + 1)
            with m.If(begun[t]):
                m.d.sync += next_[t].eq(next_[t] + 1)
            m.d.comb += [self.store_slots[t].occupied.eq(occupied[t]), self.store_slots[t].addr_valid.eq(addr_valid[t])]

        # --- the oldest entry of each thread that has not started ------------------------------------------------------------
        heads, ready = [], []
        active = Signal()  # an entry of several beats is under way
        a_thread, a_slot, a_beat = Signal(THREAD_BITS), Signal(2), Signal(3)
        for t in range(THREADS):
            port = issues.read_port(domain="comb")
            head = Signal(StoreIssue, name=f"head_{t}")
            m.d.comb += [port.addr.eq(Cat(next_[t], Const(t, THREAD_BITS))), head.eq(port.data)]
            heads.append(head)

            def pick(values, t=t):
                return Array(values)[next_[t]]

            clear = (pick(loads[t]) == 0) & (pick(scalars[t]) == 0) & ~pick(vq_waits[t])
            mine_low, mine_high, mine_stream = pick(low[t]), pick(high[t]), pick(stream[t])
            clashes = Cat(
                occupied[t][s]
                & ~finished[t][s]
                & started[t][s]
                & (next_[t] != s)
                & ~cancelled[t][s]
                & (low[t][s] <= mine_high)
                & (mine_low <= high[t][s])
                & (stream[t][s] != mine_stream)
                for s in range(SLOTS)
            ).any()
            alone = Cat(occupied[t][s] & started[t][s] for s in range(SLOTS)).any() == 0
            here = pick([occupied[t][s] & ~started[t][s] for s in range(SLOTS)])
            placed = pick([addr_valid[t][s] for s in range(SLOTS)])
            dropped = pick([cancelled[t][s] for s in range(SLOTS)])
            source = head.source
            loaded = (self.load_parity[t].bit_select(source, 1) == head.parity) & ~self.simd_pending[t].bit_select(source, 1)
            summed = ~self.acc_busy.bit_select(Cat(source[:3], Const(t, THREAD_BITS)), 1)
            go = Signal(name=f"go_{t}")
            with m.Switch(head.kind):
                with m.Case(StoreKind.VECTOR):
                    m.d.comb += go.eq(placed & clear & loaded & ~clashes)
                with m.Case(StoreKind.DRAIN):
                    m.d.comb += go.eq(placed & clear & summed & ~clashes)
                with m.Case(StoreKind.SCALAR):
                    m.d.comb += go.eq(placed & clear & ~clashes & (~self.ss.valid | self.ss.ready))
                with m.Case(StoreKind.RAISE):
                    m.d.comb += go.eq((pick(loads[t]) == 0) & (pick(scalars[t]) == 0) & alone & ~self.raise_out.valid)
            able = Signal(name=f"able_{t}")
            m.d.comb += able.eq(here & (go | (placed & dropped)) & ~active & ~self.kill[t])
            ready.append(able)

        # --- start one --------------------------------------------------------------------------------------------------------
        room = Signal(range(RING + 1), init=RING)
        turn, thread = Signal(THREAD_BITS), Signal(THREAD_BITS)
        enough = room >= 8  # a started entry never stops: places for all its beats
        with m.Switch(turn):
            for start in range(THREADS):
                with m.Case(start):
                    for offset in reversed(range(THREADS)):
                        t = (start + offset) % THREADS
                        with m.If(ready[t]):
                            m.d.comb += thread.eq(t)
        start = Signal()
        m.d.comb += [start.eq(Cat(ready).any() & enough), begun.eq(Mux(start, 1 << thread, 0))]
        with m.If(start):
            m.d.sync += turn.eq(thread + 1)
        slot = Array(next_)[thread]
        entry, drops = Signal(StoreIssue, name="entry"), Signal()
        m.d.comb += [entry.eq(Array(heads)[thread]), drops.eq(Array(Array(cancelled[t])[next_[t]] for t in range(THREADS))[thread])]

        beats = Signal(range(9))
        with m.If(entry.kind == StoreKind.DRAIN):
            m.d.comb += beats.eq(Array([4, 2, 8, 8])[entry.drain_format])
        with m.Else():
            m.d.comb += beats.eq(1)
        is_beat = start & ~drops & ((entry.kind == StoreKind.VECTOR) | (entry.kind == StoreKind.DRAIN))
        beat, b_thread, b_slot = Signal(3), Signal(THREAD_BITS), Signal(2)
        b_entry, a_entry, a_left = Signal(StoreIssue), Signal(StoreIssue), Signal(3)
        sends, last = Signal(), Signal()
        m.d.comb += [
            sends.eq(is_beat | active),
            beat.eq(Mux(active, a_beat, 0)),
            b_thread.eq(Mux(active, a_thread, thread)),
            b_slot.eq(Mux(active, a_slot, slot)),
            b_entry.eq(Mux(active, a_entry, entry)),
            last.eq(Mux(active, a_left == 1, beats == 1)),
        ]
        m.d.sync += [a_beat.eq(beat + 1), a_thread.eq(b_thread), a_slot.eq(b_slot), a_entry.eq(b_entry), active.eq(sends & ~last)]
        m.d.sync += a_left.eq(Mux(active, a_left - 1, beats - 1))
        other = start & (drops | (entry.kind == StoreKind.SCALAR) | (entry.kind == StoreKind.RAISE))
        for t in range(THREADS):
            m.d.comb += read_now[t].eq((sends & last & (b_thread == t)) | (other & (thread == t)))
            m.d.sync += self.st_read[t].eq(self.st_read[t] + read_now[t])

        # --- a beat: its lanes, and where its data comes from -------------------------------------------------------------------
        place_read = places.read_port(domain="comb")
        place, where = Signal(StoreAddress), Signal(Beat)
        m.d.comb += [place_read.addr.eq(Cat(b_slot, b_thread)), place.eq(place_read.data)]
        drains = b_entry.kind == StoreKind.DRAIN
        fp32, raw = drains & (b_entry.drain_format == DrainFormat.FP32.value), drains & (b_entry.drain_format == DrainFormat.RAW.value)
        half = Mux(fp32, beat[1], beat[0])
        base, t0, t1, t2 = Signal(18), Signal(18), Signal(18), Signal(18)
        with m.If(raw):
            m.d.comb += [base.eq(place.base + Cat(Const(0, 3), beat)), t0.eq(1), t1.eq(2), t2.eq(4)]
        with m.Elif(drains):
            rows = Mux(half, Cat(Const(0, 2), place.row_pitch), 0)
            columns = Mux(fp32 & beat[0], 2, 0)
            m.d.comb += [base.eq(place.base + rows + columns), t0.eq(1), t1.eq(place.row_pitch), t2.eq(Cat(Const(0, 1), place.row_pitch))]
        with m.Else():
            m.d.comb += [base.eq(place.base), t0.eq(place.t0), t1.eq(place.t1), t2.eq(place.t2)]
        strobe = Signal(64)
        for lane in range(LANES):
            l0, l1, l2 = lane & 1, (lane >> 1) & 1, lane >> 2
            total = base
            for bit, step in ((l0, t0), (l1, t1), (l2, t2)):
                total = total + step if bit else total
            m.d.comb += where.addr[lane].eq(total)
            row = lane >> 1
            inside = Mux(half, place.row_mask[4 + row], place.row_mask[row])
            for byte in range(8):
                wide = Mux(beat[0], place.column_mask[4 + 2 * l0 + byte // 4], place.column_mask[2 * l0 + byte // 4])
                narrow = place.column_mask[4 * l0 + byte // 2]
                kept = Mux(raw, 1, Mux(fp32, wide, narrow) & inside)
                m.d.comb += strobe[8 * lane + byte].eq(Mux(drains, kept, place.strobe[8 * lane + byte]))
            m.d.comb += where.enable[lane].eq(strobe.word_select(lane, 8).any())
        m.d.comb += [
            where.strobe.eq(strobe),
            where.tag.eq(Cat(b_slot, b_thread, last)),
            where.seq.eq(b_entry.seq),
            where.kind.eq(b_entry.kind),
            self.store_read.thread.eq(b_thread),
            self.store_read.reg.eq(b_entry.source),
            self.drain.valid.eq(sends & drains),
            self.drain.thread.eq(b_thread),
            self.drain.acc.eq(b_entry.source[:3]),
            self.drain.beat.eq(beat),
            self.drain.format.eq(b_entry.drain_format),
            self.drain.relu.eq(b_entry.relu),
        ]

        # --- ring ---------------------------------------------------------------------------------------------------------------
        m.submodules.beats = ring = memory.Memory(shape=Beat, depth=RING, init=[])
        m.submodules.data = bytes_ = memory.Memory(shape=512, depth=RING, init=[])
        ring_write, ring_read = ring.write_port(), ring.read_port(domain="comb")
        drain_write, vector_write, data_read = bytes_.write_port(), bytes_.write_port(), bytes_.read_port(domain="comb")
        at, out_at, full = Signal(range(RING)), Signal(range(RING)), Signal(RING)
        vector_next, vector_at = Signal(), Signal(range(RING))
        m.d.comb += [
            ring_write.en.eq(sends),
            ring_write.addr.eq(at),
            ring_write.data.eq(where),
            self.drain.tag.eq(at),
            drain_write.en.eq(self.drained.valid),
            drain_write.addr.eq(self.drained.tag),
            drain_write.data.eq(self.drained_data),
            vector_write.en.eq(vector_next),
            vector_write.addr.eq(vector_at),
            vector_write.data.eq(self.store_data),
            ring_read.addr.eq(out_at),
            data_read.addr.eq(out_at),
        ]
        m.d.sync += [vector_next.eq(sends & ~drains), vector_at.eq(at), at.eq(at + sends)]
        gone = self.st.valid & self.st.ready
        fills = Mux(self.drained.valid, 1 << self.drained.tag[:4], 0) | Mux(vector_next, 1 << vector_at, 0)
        m.d.sync += [
            full.eq((full | fills) & ~Mux(gone, 1 << out_at, 0)),
            out_at.eq(out_at + gone),
            room.eq(room - sends + gone),
        ]
        beat_out = ring_read.data
        m.d.comb += [
            self.st.valid.eq(full.bit_select(out_at, 1)),
            self.st.enable.eq(beat_out.enable),
            self.st.addr.eq(beat_out.addr),
            self.st.strobe.eq(beat_out.strobe),
            self.st.data.eq(data_read.data),
            self.st.tag.eq(beat_out.tag),
            self.store_beat.eq(gone),
        ]

        # --- scalar stores and raises -----------------------------------------------------------------------------------------
        scalar_seq = Signal(16)
        with m.If(self.ss.ready):
            m.d.sync += self.ss.valid.eq(0)
        with m.If(start & ~drops & (entry.kind == StoreKind.SCALAR)):
            m.d.sync += [
                self.ss.valid.eq(1),
                self.ss.addr.eq(place.base),
                self.ss.data.eq(entry.value),
                self.ss.strobe.eq(place.strobe[:8]),
                self.ss.tag.eq(Cat(slot, thread, Const(1, 1))),
                scalar_seq.eq(entry.seq),
            ]
        raise_slot, raise_seq = Signal(2), Signal(16)
        with m.If(self.raise_out.ready):
            m.d.sync += self.raise_out.valid.eq(0)
        with m.If(start & ~drops & (entry.kind == StoreKind.RAISE)):
            m.d.sync += [
                self.raise_out.valid.eq(1),
                self.raise_out.amount.eq(entry.value[:SEMAPHORE_BITS]),
                self.raise_out.semaphore.eq(entry.value[SEMAPHORE_BITS : SEMAPHORE_BITS + 6]),
                self.raise_thread.eq(thread),
                self.raise_pc.eq(entry.value[32 : 32 + PC_BITS]),
                raise_slot.eq(slot),
                raise_seq.eq(entry.seq),
            ]
        raised = self.raise_out.valid & self.raise_out.ready

        # --- ends ---------------------------------------------------------------------------------------------------------------
        ended = [
            (self.st.done.valid & self.st.done.tag[4], self.st.done.tag[:4]),
            (self.ss.done.valid, self.ss.done.tag[:4]),
            (raised, Cat(raise_slot, self.raise_thread)),
            (start & drops, Cat(slot, thread)),
        ]
        m.d.comb += written.eq(
            self._or(Mux(valid, 1 << number, 0) for valid, number in ended) | self._killed(occupied, started, begun, next_)
        )
        for t in range(THREADS):
            m.d.comb += self.idle[t].eq(occupied[t] == 0)
            with m.If(self.kill[t]):
                # What has not started is gone; its positions count as read, so that nobody waits for them.
                unstarted = Cat(occupied[t][s] & ~started[t][s] for s in range(SLOTS))
                m.d.sync += [next_[t].eq(tail[t]), self.st_read[t].eq(self.st_read[t] + sum(unstarted[s] for s in range(SLOTS)))]

        if self.trace_on:
            self._trace(m, gone, beat_out, data_read.data, scalar_seq, raised, raise_seq)
        return m

    def _killed(self, occupied, started, begun, next_) -> Cat:
        """Slots that a kill empties: those that have not started."""
        return Cat(self.kill[t] & occupied[t][s] & ~started[t][s] for t in range(THREADS) for s in range(SLOTS))

    @staticmethod
    def _or(values):
        total = Const(0)
        for value in values:
            total = total | value
        return total

    def _trace(self, m, gone, beat, value, scalar_seq, raised, raise_seq) -> None:
        wide, scalar, up = self.trace[0], self.trace[1], self.trace[2]
        m.d.comb += [
            wide.valid.eq(gone),
            wide.thread.eq(beat.tag[2:4]),
            wide.seq.eq(beat.seq),
            wide.kind.eq(beat.kind),
            wide.addr.eq(beat.addr),
            wide.strobe.eq(beat.strobe),
            wide.data.eq(value),
            scalar.valid.eq(self.ss.valid & self.ss.ready),
            scalar.thread.eq(self.ss.tag[2:4]),
            scalar.seq.eq(scalar_seq),
            scalar.kind.eq(StoreKind.SCALAR),
            scalar.addr[0].eq(self.ss.addr),
            scalar.strobe.eq(self.ss.strobe),
            scalar.data.eq(self.ss.data),
            up.valid.eq(raised),
            up.thread.eq(self.raise_thread),
            up.seq.eq(raise_seq),
            up.kind.eq(StoreKind.RAISE),
            up.data.eq(Cat(self.raise_out.amount, self.raise_out.semaphore)),
        ]

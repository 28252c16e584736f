"""The store unit: vector stores, drains, scalar stores and raises of four threads.

    store_issue, store_address -> queues -> beats -> SRAM st
                                       |-> scalar data -> SRAM ss
                                       \\-> raise -> semaphores

An entry keeps its slot, and its range of words, until the SRAM says that it is written (a raise: until it is taken).
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.config import NodeConfig
from golden.arch.memmap import SEMAPHORE_BITS, WORD_ADDRESS_BITS
from golden.arch.trace import SEQ_BITS
from rtl.common.host_ports import Raise
from rtl.core.interfaces import (
    PC_BITS,
    ST_POS_BITS,
    THREAD_BITS,
    THREADS,
    VQ_POS_BITS,
    Register,
    StoreAddressPort,
    StoreIssuePort,
    StoreKind,
    StoreSlots,
)
from rtl.core.matrix.unit import DrainReply, DrainRequest
from rtl.core.memory.store_beats import StoreBeats
from rtl.core.memory.store_queue import SLOTS, StoreQueue
from rtl.core.trace import TraceStore
from rtl.mem import ports

SCALARS = 4  # scalar stores between their start and the SRAM
Scalar = data.StructLayout({"addr": WORD_ADDRESS_BITS, "data": 64, "strobe": 8, "slot": 2, "thread": THREAD_BITS, "seq": SEQ_BITS})


class StoreUnit(wiring.Component):
    """Stores, drains and raises of four threads.

    Parameters
    ----------
    config: sizes.
    trace: with the port ``trace``.
    """

    def __init__(self, config: NodeConfig, trace: bool = False) -> None:
        if config.store_queue != SLOTS:
            raise ValueError(f"{config.name}: store_queue is {config.store_queue}, the store unit has {SLOTS} slots per thread")
        self.trace_on = trace
        members = {
            # From the scalar unit: an entry when it issues, its address later.
            "store_issue": In(StoreIssuePort),
            "store_address": In(StoreAddressPort),
            # State out: what the slots hold; store positions whose data has been read.
            "store_slots": Out(data.ArrayLayout(StoreSlots, THREADS)),
            "st_read": Out(data.ArrayLayout(ST_POS_BITS, THREADS)),
            # State of the vector and scalar units.
            "vq_head": In(data.ArrayLayout(VQ_POS_BITS, THREADS)),
            "simd_pending": In(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS)),
            "load_parity": In(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS)),
            "load_busy": In(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS)),
            "scalar_busy": In(data.ArrayLayout(isa.SCALAR_REGISTERS, THREADS)),
            "acc_busy": In(THREADS * isa.ACCUMULATORS),
            # To the vector unit: a register to read, a beat to drain; from flip-flops.
            "store_read": Out(Register),
            "store_data": In(512),
            "drain": Out(DrainRequest),
            "drained": In(DrainReply),
            "drained_data": In(512),
            # To the SRAM.
            "st": Out(ports.VectorStore),
            "ss": Out(ports.ScalarStore),
            # To the semaphores; thread and program counter of the raise, for its fault.
            "raise_out": Out(Raise),
            "raise_thread": Out(THREAD_BITS),
            "raise_pc": Out(PC_BITS),
            # Threads that drop what has not started, a pulse.
            "kill": In(THREADS),
            # State out: the thread's queue is empty, all it held is written.
            "idle": Out(THREADS, init=(1 << THREADS) - 1),
            # Event: the SRAM took a beat.
            "store_beat": Out(1),
        }
        if trace:
            # A beat of the 64-byte port, a scalar store, a raise.
            members["trace"] = Out(data.ArrayLayout(TraceStore, 3))
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.queue = queue = StoreQueue()
        m.submodules.beats = beats = StoreBeats(self.trace_on)
        for name in ("store_issue", "store_address", "kill", "vq_head", "acc_busy"):
            m.d.comb += getattr(queue, name).eq(getattr(self, name))
        for name in ("simd_pending", "load_parity", "load_busy", "scalar_busy"):
            m.d.comb += getattr(queue, name).eq(getattr(self, name))
        m.d.comb += [
            self.store_slots.eq(queue.store_slots),
            self.st_read.eq(queue.st_read),
            self.idle.eq(queue.idle),
            queue.room.eq(beats.room),
            beats.token.eq(queue.token),
            beats.beats.eq(queue.beats),
            self.store_read.eq(beats.store_read),
            beats.store_data.eq(self.store_data),
            self.drain.eq(beats.drain),
            beats.drained.eq(self.drained),
            beats.drained_data.eq(self.drained_data),
            self.store_beat.eq(beats.gone),
        ]
        wiring.connect(m, wiring.flipped(self.st), beats.st)
        scalar = self._scalar(m, queue)
        raised, raise_slot, raise_seq = self._raise(m, queue)

        ends = (
            (self.st.done.valid & self.st.done.tag[4], self.st.done.tag[:4]),
            (self.ss.done.valid, self.ss.done.tag[:4]),
            (raised, Cat(raise_slot, self.raise_thread)),
        )
        masks = [Signal(THREADS * SLOTS, name=f"written_{k}") for k in range(len(ends))]
        m.d.comb += [mask.eq(Mux(valid, 1 << slot, 0)) for mask, (valid, slot) in zip(masks, ends, strict=True)]
        m.d.comb += queue.written.eq(masks[0] | masks[1] | masks[2])
        if self.trace_on:
            self._trace(m, beats, scalar, raised, raise_seq)
        return m

    def _scalar(self, m: Module, queue: StoreQueue) -> Signal:
        """Scalar stores wait for the SRAM here; the one at the port."""
        m.submodules.scalars = scalars = memory.Memory(shape=Scalar, depth=SCALARS, init=[])
        into, out = scalars.write_port(), scalars.read_port(domain="comb")
        token, first, end, level = queue.token, Signal(range(SCALARS)), Signal(range(SCALARS)), Signal(range(SCALARS + 1))
        places = Signal(range(SCALARS + 1), init=SCALARS)
        taken, head = Signal(), Signal(Scalar)
        m.d.comb += [
            into.en.eq(token.valid & (token.issue.kind == StoreKind.SCALAR)),
            into.addr.eq(end),
            into.data.addr.eq(token.place.base),
            into.data.data.eq(token.issue.value),
            into.data.strobe.eq(token.place.strobe[:8]),
            into.data.slot.eq(token.slot),
            into.data.thread.eq(token.thread),
            into.data.seq.eq(token.issue.seq),
            out.addr.eq(first),
            head.eq(out.data),
            self.ss.valid.eq(level != 0),
            self.ss.addr.eq(head.addr),
            self.ss.data.eq(head.data),
            self.ss.strobe.eq(head.strobe),
            self.ss.tag.eq(Cat(head.slot, head.thread)),
            taken.eq(self.ss.valid & self.ss.ready),
            queue.scalar_free.eq(places != 0),
        ]
        m.d.sync += [
            end.eq(end + into.en),
            first.eq(first + taken),
            level.eq(level + into.en - taken),
            places.eq(places + taken - queue.scalar_starts),
        ]
        return head

    def _raise(self, m: Module, queue: StoreQueue) -> tuple[Signal, Signal, Signal]:
        """One raise at a time; whether it is taken, its slot, its number."""
        token, under_way, raised = queue.token, Signal(), Signal()
        slot, seq = Signal(2, name="raise_slot"), Signal(SEQ_BITS, name="raise_seq")
        m.d.comb += [raised.eq(self.raise_out.valid & self.raise_out.ready), queue.raise_free.eq(~under_way)]
        with m.If(queue.raise_starts):
            m.d.sync += under_way.eq(1)
        with m.Elif(raised):
            m.d.sync += under_way.eq(0)
        with m.If(token.valid & (token.issue.kind == StoreKind.RAISE)):
            m.d.sync += [
                self.raise_out.valid.eq(1),
                self.raise_out.amount.eq(token.issue.value[:SEMAPHORE_BITS]),
                self.raise_out.semaphore.eq(token.issue.value[SEMAPHORE_BITS : SEMAPHORE_BITS + 6]),
                self.raise_thread.eq(token.thread),
                self.raise_pc.eq(token.issue.value[32 : 32 + PC_BITS]),
                slot.eq(token.slot),
                seq.eq(token.issue.seq),
            ]
        with m.Elif(raised):
            m.d.sync += self.raise_out.valid.eq(0)
        return raised, slot, seq

    def _trace(self, m: Module, beats: StoreBeats, scalar: Signal, raised: Signal, raise_seq: Signal) -> None:
        wide, narrow, up = self.trace
        m.d.comb += [
            wide.valid.eq(beats.gone),
            wide.thread.eq(self.st.tag[2:4]),
            wide.seq.eq(beats.origin.seq),
            wide.kind.eq(beats.origin.kind),
            wide.addr.eq(self.st.addr),
            wide.strobe.eq(self.st.strobe),
            wide.data.eq(self.st.data),
            narrow.valid.eq(self.ss.valid & self.ss.ready),
            narrow.thread.eq(scalar.thread),
            narrow.seq.eq(scalar.seq),
            narrow.kind.eq(StoreKind.SCALAR),
            narrow.addr[0].eq(self.ss.addr),
            narrow.strobe.eq(self.ss.strobe),
            narrow.data.eq(self.ss.data),
            up.valid.eq(raised),
            up.thread.eq(self.raise_thread),
            up.seq.eq(raise_seq),
            up.kind.eq(StoreKind.RAISE),
            up.data.eq(Cat(self.raise_out.amount, self.raise_out.semaphore)),
        ]

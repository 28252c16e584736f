"""What answers do: words of a read go to SRAM, then its semaphore up; an acknowledgement counts; an error stops the thread that asked.

An answer to nothing that was asked is dropped. Every answer is taken as soon as the SRAM takes words: nothing here waits for the network.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.isa import THREADS
from golden.arch.memmap import Fault
from rtl.common.arbiter import lowest
from rtl.common.host_ports import Raise
from rtl.common.network_ports import NET_FAULT
from rtl.common.pending import Pending
from rtl.common.select import mark
from rtl.mem.ports import LineWrite
from rtl.noc.interface.layouts import CONFIRMED, POSTED, READ, READS, SEQUENCE, Opens, strobe
from rtl.noc.interface.rotate import rotated
from rtl.noc.layouts import PACKET, PacketKind

MOST_WRITES = 63
"""Writes of a thread that may wait for their acknowledgement."""
_INDEX = range(READS)
_DONE = data.StructLayout({"index": (READS - 1).bit_length(), "thread": 2, "raises": 1, "semaphore": 6})


class Arrivals(wiring.Component):
    """One answer a cycle."""

    answers: In(stream.Signature(PACKET))
    opens: In(Opens)
    write: Out(LineWrite)
    raise_: Out(Raise)
    # State: no read and no write of the thread waits for its answer.
    idle: Out(THREADS, init=(1 << THREADS) - 1)
    # Of an answer that refuses; of a semaphore that would overflow.
    refused: Out(NET_FAULT)
    overflow: Out(NET_FAULT)

    def elaborate(self, platform):
        m = Module()
        m.submodules.reads = reads = memory.Memory(shape=READ, depth=READS, init=[])
        m.submodules.under_way = under_way = Pending(_DONE, READS)
        # Of each entry: it is in use, by whom; its answer has not come.
        self._busy, self._due = Signal(READS), Signal(READS)
        self._owner = [Signal(2, name=f"owner{n}") for n in _INDEX]
        self._acks = [Signal(range(MOST_WRITES + 1), name=f"acks{t}") for t in range(THREADS)]
        self._freed = Signal(READS)

        packet, header = self.answers.payload, self.answers.payload.header
        sequence = Signal(SEQUENCE)
        index, thread, take = Signal(_INDEX), sequence.thread, Signal()
        read = reads.read_port(domain="comb")
        known, counted = Signal(), Signal()
        numbered = (sequence.entry != POSTED) & (sequence.entry <= READS)
        m.d.comb += [
            sequence.as_value().eq(header.sequence),
            index.eq(sequence.entry - 1),
            read.addr.eq(index),
            known.eq(numbered & self._due.bit_select(index, 1) & (read.data.thread == thread)),
            counted.eq((sequence.entry == CONFIRMED) & Cat(count != 0 for count in self._acks).bit_select(thread, 1)),
        ]
        brings = (header.kind == PacketKind.READ_DATA) & known
        errs = (header.kind == PacketKind.ERROR) & (known | counted | (sequence.entry == POSTED))
        room = (~self.write.valid | self.write.ready) & under_way.i.ready
        m.d.comb += [self.answers.ready.eq(room), take.eq(self.answers.valid & room)]
        self._store(m, take & brings, index, read.data, under_way)
        self._raise(m, under_way)

        confirms = take & counted & ((header.kind == PacketKind.ACK) | errs)
        refuses = take & errs
        entry = mark(index, READS)
        self._track(m, confirms, thread, Mux(refuses & known, entry, 0), Mux(take & known & (brings | errs), entry, 0))
        self._open(m, reads)
        m.d.sync += [
            self.refused.valid.eq(refuses),
            self.refused.thread.eq(thread),
            self.refused.cause.eq(Fault.NETWORK),
            # The global address: that of the request, at the place that answers.
            self.refused.operand.eq(Cat(packet.payload.word_select(1, 64)[:35], header.source_x, header.source_y)),
        ]
        return m

    def _store(self, m: Module, brings, index, read, under_way: Pending) -> None:
        """The words of an answer, at their place in the line here."""
        first, entry = read.local[:3], under_way.i.payload
        m.d.comb += [
            under_way.i.valid.eq(brings),
            entry.index.eq(index),
            entry.thread.eq(read.thread),
            entry.raises.eq(read.raises),
            entry.semaphore.eq(read.semaphore),
            under_way.done.eq(self.write.done.valid),
        ]
        with m.If(~self.write.valid | self.write.ready):
            m.d.sync += [
                self.write.valid.eq(brings),
                self.write.line.eq(read.local[3:]),
                self.write.strobe.eq(strobe(first, read.words)),
                self.write.data.eq(rotated(m, self.answers.payload.payload, first - read.first, "turned")),
            ]

    def _raise(self, m: Module, under_way: Pending) -> None:
        """The semaphore, when the words are in SRAM; then the entry is free."""
        raise_, entry, item, held = self.raise_, under_way.o.payload, Signal(_DONE), Signal()
        taken = held & (~raise_.valid | raise_.ready)
        m.d.comb += [
            under_way.o.ready.eq(~held | taken),
            raise_.semaphore.eq(item.semaphore),
            raise_.amount.eq(1),
            self._freed.eq(Mux(taken, mark(item.index, READS), 0)),
        ]
        with m.If(under_way.o.ready):
            m.d.sync += [held.eq(under_way.o.valid), raise_.valid.eq(under_way.o.valid & entry.raises), item.eq(entry)]
        m.d.sync += [
            self.overflow.valid.eq(taken & raise_.valid & raise_.overflow),
            self.overflow.thread.eq(item.thread),
            self.overflow.cause.eq(Fault.SEMAPHORE),
            self.overflow.operand.eq(item.semaphore),
        ]

    def _track(self, m: Module, confirms, thread, refused, answered) -> None:
        """What is under way: reads by entry, writes that wait for an acknowledgement by thread."""
        opens = self.opens
        entered = Mux(opens.read, mark(opens.entry - 1, READS), 0)
        m.d.sync += [
            self._busy.eq((self._busy | entered) & ~self._freed & ~refused),
            self._due.eq((self._due | entered) & ~answered),
        ]
        for t, count in enumerate(self._acks):
            up, down = opens.write & (opens.thread == t), confirms & (thread == t)
            m.d.sync += count.eq(count + up - down)
            mine = Cat(busy & (owner == t) for busy, owner in zip(self._busy, self._owner, strict=True))
            m.d.sync += self.idle[t].eq((count == 0) & ~mine.any())
            m.d.comb += opens.room[t].eq(count != MOST_WRITES)

    def _open(self, m: Module, reads: memory.Memory) -> None:
        """The entry that is offered, and what it holds when it is taken."""
        opens, into = self.opens, reads.write_port()
        free = lowest(~self._busy)
        for number in _INDEX:
            with m.If(free[number]):
                m.d.comb += opens.entry.eq(number + 1)
            with m.If(opens.read & free[number]):
                m.d.sync += self._owner[number].eq(opens.thread)
        m.d.comb += [
            opens.free.eq(free.any()),
            into.en.eq(opens.read),
            into.addr.eq(opens.entry - 1),
            into.data.eq(opens.what),
        ]

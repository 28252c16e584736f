"""What answers do: words of a read go to SRAM, then its semaphore up; an acknowledgement counts; an error, or words with wrong parity,
stops the thread that asked.

An answer to nothing that was asked is dropped and counted. Every answer is taken as soon as the SRAM takes words: nothing here waits for
the network.
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
from rtl.noc.drops import DROPS, count_drops
from rtl.noc.interface.layouts import CONFIRMED, POSTED, READ, READS, SEQUENCE, Opens
from rtl.noc.interface.rotate import rotated
from rtl.noc.layouts import RECEIVED, PacketKind

MOST_WRITES = 63
"""Writes of a thread that may wait for their acknowledgement."""
_ENTRIES = READS + 1
"""Entry 0 is no read."""
_DONE = data.StructLayout({"thread": 2, "raises": 1, "semaphore": 6})
"""Of an answer that has come: whose it is, and the semaphore that goes up when its words are in SRAM."""


class Arrivals(wiring.Component):
    """One answer a cycle."""

    answers: In(stream.Signature(RECEIVED))
    opens: In(Opens)
    write: Out(LineWrite)
    raise_: Out(Raise)
    # State: no read and no write of the thread waits for its answer.
    idle: Out(THREADS, init=(1 << THREADS) - 1)
    # Of an answer that refuses or brings words with wrong parity; of a semaphore that would overflow.
    refused: Out(NET_FAULT)
    overflow: Out(NET_FAULT)
    # Answers that nothing asked for.
    unasked: Out(DROPS)

    def elaborate(self, platform):
        m = Module()
        m.submodules.reads = reads = memory.Memory(shape=READ, depth=1 << 5, init=[])
        m.submodules.under_way = under_way = Pending(_DONE, READS)
        # Of each entry: its answer has not come. Of each thread: writes that wait for theirs; reads, until their words are in SRAM.
        self._due = Signal(_ENTRIES)
        self._acks = [Signal(range(MOST_WRITES + 1), name=f"acks{t}") for t in range(THREADS)]
        self._reads = [Signal(range(2 * READS + 2), name=f"reads{t}") for t in range(THREADS)]
        self._over = Signal(THREADS)

        packet, header = self.answers.payload, self.answers.payload.header
        sequence = Signal(SEQUENCE)
        thread, take = sequence.thread, Signal()
        read = reads.read_port(domain="comb")
        known, counted = Signal(), Signal()
        m.d.comb += [
            sequence.as_value().eq(header.sequence),
            read.addr.eq(sequence.entry),
            known.eq((sequence.entry <= READS) & self._due.bit_select(sequence.entry, 1) & (read.data.thread == thread)),
            counted.eq((sequence.entry == CONFIRMED) & Cat(count != 0 for count in self._acks).bit_select(thread, 1)),
        ]
        wrong, words = packet.wrong_payload, (header.kind == PacketKind.READ_DATA) & known
        brings = words & ~wrong
        errs = (words & wrong) | ((header.kind == PacketKind.ERROR) & (known | counted | (sequence.entry == POSTED)))
        room = (~self.write.valid | self.write.ready) & under_way.i.ready
        m.d.comb += [self.answers.ready.eq(room), take.eq(self.answers.valid & room)]
        self._store(m, take & brings, read.data, under_way)
        self._raise(m, under_way)

        confirms = take & counted & ((header.kind == PacketKind.ACK) | errs)
        refuses = take & errs
        count_drops(m, self.unasked, take & ~brings & ~errs & ~confirms)
        answered = Mux(take & known & (brings | errs), mark(sequence.entry, _ENTRIES), 0)
        self._track(m, confirms, refuses & known, thread, answered)
        self._open(m, reads)
        m.d.sync += [
            self.refused.valid.eq(refuses),
            self.refused.thread.eq(thread),
            self.refused.cause.eq(Fault.NETWORK),
            # The global address: that of the request, 0 where the answer's payload is wrong, at the place that answers.
            self.refused.operand.eq(Cat(Mux(wrong, 0, packet.payload.word_select(1, 64)[:35]), header.source_x, header.source_y)),
        ]
        return m

    def _store(self, m: Module, brings, read, under_way: Pending) -> None:
        """The words of an answer, at their place in the line here; its number is free for another read."""
        entry = under_way.i.payload
        m.d.comb += [
            under_way.i.valid.eq(brings),
            entry.thread.eq(read.thread),
            entry.raises.eq(read.raises),
            entry.semaphore.eq(read.semaphore),
            under_way.done.eq(self.write.done.valid),
        ]
        with m.If(~self.write.valid | self.write.ready):
            m.d.sync += [
                self.write.valid.eq(brings),
                self.write.line.eq(read.line),
                self.write.strobe.eq(read.strobe),
                self.write.data.eq(rotated(m, self.answers.payload.payload, read.turn, "turned")),
            ]

    def _raise(self, m: Module, under_way: Pending) -> None:
        """The semaphore, when the words are in SRAM; a cycle later it is known whether it overflowed, and the read is over."""
        raise_, entry, item, held = self.raise_, under_way.o.payload, Signal(_DONE), Signal()
        taken, told, gone = held & (~raise_.valid | raise_.ready), Signal(), Signal(_DONE)
        m.d.comb += [
            under_way.o.ready.eq(~held | taken),
            raise_.semaphore.eq(item.semaphore),
            raise_.amount.eq(1),
            self._over.eq(Mux(told, mark(gone.thread, THREADS), 0)),
        ]
        with m.If(under_way.o.ready):
            m.d.sync += [held.eq(under_way.o.valid), raise_.valid.eq(under_way.o.valid & entry.raises), item.eq(entry)]
        m.d.sync += [
            told.eq(taken),
            gone.eq(item),
            self.overflow.valid.eq(told & gone.raises & raise_.overflow),
            self.overflow.thread.eq(gone.thread),
            self.overflow.cause.eq(Fault.SEMAPHORE),
            self.overflow.operand.eq(gone.semaphore),
        ]

    def _track(self, m: Module, confirms, refused, thread, answered) -> None:
        """What is under way: reads by entry and by thread, writes that wait for an acknowledgement by thread."""
        opens = self.opens
        entered = Mux(opens.read, mark(opens.entry, _ENTRIES), 0)
        m.d.sync += self._due.eq((self._due | entered) & ~answered)
        for t, (acks, reads) in enumerate(zip(self._acks, self._reads, strict=True)):
            begins, ends = opens.thread == t, thread == t
            m.d.sync += [
                acks.eq(acks + (opens.write & begins) - (confirms & ends)),
                reads.eq(reads + (opens.read & begins) - (refused & ends) - self._over[t]),
                self.idle[t].eq((acks == 0) & (reads == 0)),
            ]
            m.d.comb += opens.room[t].eq(acks != MOST_WRITES)

    def _open(self, m: Module, reads: memory.Memory) -> None:
        """The entry that is offered, and what it holds when it is taken."""
        opens, into = self.opens, reads.write_port()
        free = lowest(~(self._due | 1))
        for number in range(_ENTRIES):
            with m.If(free[number]):
                m.d.comb += opens.entry.eq(number)
        m.d.comb += [
            opens.free.eq(free.any()),
            into.en.eq(opens.read),
            into.addr.eq(opens.entry),
            into.data.eq(opens.what),
        ]

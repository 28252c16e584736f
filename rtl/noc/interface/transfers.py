r"""The transfer engine: runs the lists of `rlist` beside the threads, a packet a cycle.

::

    commands --+-- lists --> [ask for a transfer] --> record --> TransferCheck, Pieces --+
               |                 ^                                                       v
               |                 +--- its line comes back from Fetch             puts and gets, in turn with the commands
               +-----------------------------------------------------------------------> to Fetch

The next transfer, of the same list or of the next one, is asked for and checked while the one before it runs. A list of a thread that
stops with a fault is dropped, as far as it has not been sent.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.isa import THREADS
from golden.arch.memmap import LINE_BITS, SEMAPHORE_BITS, Fault
from golden.arch.packet import PAYLOAD_BITS
from golden.arch.sram import LINE_WORDS
from rtl.common.host_ports import Place
from rtl.common.network_ports import COMMAND, FAULTS, NET_FAULT, Commands, NetOp
from rtl.common.stream import Queue
from rtl.noc.interface.transfer_parts import RECORD, Pieces, TransferCheck

LISTS = 4
"""Lists that wait."""
OPEN = 31
"""Lists of a thread that may be open: those that wait, the one that runs, and those whose last commands are under way in Fetch."""
LIST = data.StructLayout({"thread": 2, "slot": 2, "line": LINE_BITS, "count": SEMAPHORE_BITS})
"""So many transfers from a line of SRAM on."""
ASKED = data.StructLayout({"valid": 1, "line": PAYLOAD_BITS, "lost": LINE_WORDS})
"""The line that the engine asked for; one cycle."""
TOOK = data.StructLayout({"valid": 1, "thread": 2})


class Transfers(wiring.Component):
    """Between the core and Fetch.

    Parameters
    ----------
    sram_bytes : int
        Of this node.
    """

    def __init__(self, sram_bytes: int) -> None:
        self._sram_bytes = sram_bytes
        super().__init__(
            {
                "commands": In(Commands),
                "o": Out(Commands),
                "asked": In(ASKED),
                # The last command of a list of this thread has become a packet; one cycle.
                "ended": In(THREADS),
                # All that the interface finds, and what the engine does.
                "faults": In(data.ArrayLayout(NET_FAULT, FAULTS)),
                "fault": Out(NET_FAULT),
                # A list of this thread is accepted; one of its transfers has come from SRAM. One cycle each.
                "took": Out(TOOK).array(2),
                # State: no list of the thread is open.
                "idle": Out(THREADS, init=(1 << THREADS) - 1),
                # Own coordinates.
                "place": In(Place),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.lists = lists = Queue(LIST, LISTS)
        m.submodules.check = check = TransferCheck(self._sram_bytes)
        m.submodules.pieces = pieces = Pieces()
        wiring.connect(m, wiring.flipped(self.place), check.place)
        # What is left of the list whose transfers are asked for, and of the one of which a transfer runs: more than that one, if `more`.
        self._current, self._running, self._more = Signal(LIST), Signal(LIST), Signal()
        # A transfer runs; it stands; the next one may take its place.
        self._busy, self._passed, self._free = Signal(), Signal(), Signal()
        # The next transfer takes its place in the next cycle; lists that are dropped, of these two threads.
        self._starts, self._dropped, self._fails = Signal(), Signal(2), Signal()
        question, piece = (stream.Signature(COMMAND).create(path=(name,)) for name in ("question", "piece"))
        self._merge(m, lists, question, piece)
        self._ask(m, lists, check, pieces, question)
        self._run(m, check, pieces, piece)
        m.d.comb += [
            self.took[0].eq(Cat(lists.i.valid & lists.i.ready, lists.i.payload.thread)),
            self.took[1].eq(Cat(self.asked.valid, self._current.thread)),
        ]
        return m

    def _merge(self, m: Module, lists: Queue, question, piece) -> None:
        """Lists to the engine; other commands and those of the engine, questions first, to Fetch in turn."""
        command, item, turn = self.commands.payload, lists.i.payload, Signal()
        is_list, own = command.op == NetOp.LIST, question.valid | piece.valid
        asks = self.commands.valid & ~is_list
        mine = own & (turn | ~asks)
        engine = Mux(question.valid, question.payload.as_value(), piece.payload.as_value())
        m.d.comb += [
            item.thread.eq(command.thread),
            item.slot.eq(command.slot),
            item.line.eq(command.local[3:]),
            item.count.eq(command.amount),
            lists.i.valid.eq(self.commands.valid & is_list),
            self.o.valid.eq(asks | own),
            self.o.payload.eq(Mux(mine, engine, command.as_value())),
            question.ready.eq(self.o.ready & mine),
            piece.ready.eq(self.o.ready & mine & ~question.valid),
            self.commands.ready.eq(Mux(is_list, lists.i.ready, self.o.ready & ~mine)),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += turn.eq(~mine)
        for t in range(THREADS):
            count = Signal(range(OPEN + 1), name=f"open{t}")
            comes = lists.i.valid & lists.i.ready & (command.thread == t)
            drops = [self._dropped[n] & (each.thread == t) for n, each in enumerate((self._current, self._running))]
            m.d.sync += [count.eq(count + comes - self.ended[t] - drops[0] - drops[1]), self.idle[t].eq(count == 0)]

    def _hit(self, thread) -> Value:
        """Whether this thread stops in this cycle."""
        return Cat(fault.valid & (fault.thread == thread) for fault in self.faults).any()

    def _ask(self, m: Module, lists: Queue, check: TransferCheck, pieces: Pieces, question) -> None:
        """One transfer after another is asked for, checked, and handed to `_run`."""
        current, following, command = self._current, lists.o.payload, question.payload
        record, spoiled, checked, doomed = Signal(RECORD), Signal(), Signal(), Signal()
        here, able = Signal(RECORD), Signal()  # the record that is checked or starts; the one that is there may start
        m.d.comb += [
            here.eq(self.asked.line),
            able.eq(~doomed & ~self.asked.lost.any()),
            *(part.record.eq(here) for part in (check, pieces)),
            pieces.begin.eq(self._starts),
            command.op.eq(NetOp.LIST),
        ]
        m.d.sync += [doomed.eq(doomed | self._hit(current.thread)), self.fault.valid.eq(self._fails)]

        def ask(what, first: bool, empty: Value) -> None:
            # The first question frees the place in the store queue; that of an empty list does nothing else.
            m.d.comb += [
                command.thread.eq(what.thread),
                command.slot.eq(what.slot),
                command.local.eq(what.line << 3),
                command.words.eq(Mux(empty, 0, LINE_WORDS)),
                command.held.eq(first),
                command.last.eq(empty),
            ]

        def go_on() -> None:
            with m.If(self._starts):
                m.d.sync += [current.line.eq(current.line + 1), current.count.eq(current.count - 1)]
                m.next = "ASK"
                with m.If(current.count == 1):
                    m.next = "IDLE"

        def drop() -> None:
            m.d.comb += self._dropped[0].eq(1)
            m.next = "IDLE"

        with m.FSM():
            with m.State("IDLE"):
                empty = following.count == 0
                ask(following, True, empty)
                m.d.comb += [question.valid.eq(lists.o.valid), lists.o.ready.eq(question.ready)]
                with m.If(lists.o.valid & question.ready & ~empty):
                    m.d.sync += [current.eq(following), doomed.eq(self._hit(following.thread))]
                    m.next = "WAIT"
            with m.State("ASK"):
                ask(current, False, Const(0))
                m.d.comb += question.valid.eq(~doomed)
                with m.If(doomed):
                    drop()
                with m.Elif(question.ready):
                    m.next = "WAIT"
            with m.State("WAIT"):
                m.d.sync += [record.eq(self.asked.line), spoiled.eq(self.asked.lost.any()), checked.eq(check.begin)]
                with m.If(self.asked.valid):
                    m.d.comb += [check.begin.eq(self._free | self._passed), self._starts.eq(self._free & able)]
                    m.next = "HOLD"
                    go_on()
            with m.State("HOLD"):
                m.d.comb += [
                    here.eq(record),
                    able.eq(~doomed & ~spoiled),
                    check.begin.eq(~checked & (self._free | self._passed)),
                    self._starts.eq(self._free & able),
                ]
                m.d.sync += checked.eq(checked | check.begin)
                with m.If(doomed):
                    drop()
                with m.Elif(self._free & spoiled):
                    drop()
                    m.d.sync += [self.fault.valid.eq(1), self.fault.thread.eq(current.thread), self.fault.cause.eq(Fault.ECC)]
                    m.d.sync += self.fault.operand.eq(Cat(Const(0, 6), current.line))
                go_on()

    def _run(self, m: Module, check: TransferCheck, pieces: Pieces, piece) -> None:
        """The packets of a transfer, as soon as it is known to stand."""
        current, running, command = self._current, self._running, piece.payload
        reads, doomed, stands = Signal(), Signal(), Signal()
        record = pieces.record
        m.d.comb += [
            # The check is that of the transfer which runs, until it has passed.
            stands.eq(self._passed | (check.done & check.stands)),
            piece.valid.eq(self._busy & ~doomed & stands),
            pieces.taken.eq(piece.valid & piece.ready),
            self._free.eq(~self._busy | (pieces.taken & pieces.last)),
            self._more.eq(self._busy & (running.count != 1)),
            self._fails.eq(self._busy & ~doomed & ~self._passed & check.done & ~check.stands),
            self._dropped[1].eq(self._busy & (doomed | self._fails) & ~self._more),
            command.thread.eq(running.thread),
            command.slot.eq(running.slot),
            command.op.eq(Mux(reads, NetOp.GET, NetOp.PUT)),
            command.local.eq(pieces.local[3:]),
            command.words.eq(pieces.words),
            command.remote.eq(pieces.remote),
            command.semaphore.eq(pieces.remote.semaphore),
            command.raises.eq(pieces.remote.notify),
            command.last.eq(pieces.last & ~self._more),
        ]
        m.d.sync += [
            self._busy.eq(self._starts | (self._busy & ~self._free & ~doomed & ~self._fails)),
            self._passed.eq(~self._starts & self._busy & stands),
            doomed.eq(doomed | self._hit(running.thread)),
        ]
        with m.If(self._starts):
            m.d.sync += [running.eq(current), reads.eq(record.read[0]), doomed.eq(self._hit(current.thread))]
        with m.If(self._fails):
            m.d.sync += [self.fault.thread.eq(running.thread), self.fault.cause.eq(Fault.DESCRIPTOR)]
            m.d.sync += self.fault.operand.eq(Cat(Const(0, 6), running.line))

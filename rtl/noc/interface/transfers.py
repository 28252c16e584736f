r"""The transfer engine: runs the lists of `rlist` beside the threads, a packet a cycle.

::

    commands --+-- lists --> [ask for a transfer] --> TransferCheck --> Pieces --+
               |                 ^                                               v
               |                 +--- its line comes back from Fetch     puts and gets, in turn with the commands
               +---------------------------------------------------------------> to Fetch

A list of a thread that stops with a fault is dropped, as far as it has not been sent.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
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
        self._current, self._record, self._drops = Signal(LIST), Signal(RECORD), Signal()
        m.d.comb += [part.record.eq(self._record) for part in (check, pieces)]
        own = stream.Signature(COMMAND).create(path=("own",))
        self._merge(m, lists, own)
        self._run(m, lists, check, pieces, own)
        return m

    def _merge(self, m: Module, lists: Queue, own) -> None:
        """Lists to the engine; other commands and those of the engine to Fetch, in turn."""
        command, item, turn = self.commands.payload, lists.i.payload, Signal()
        is_list = command.op == NetOp.LIST
        asks = self.commands.valid & ~is_list
        mine = own.valid & (turn | ~asks)
        m.d.comb += [
            item.thread.eq(command.thread),
            item.slot.eq(command.slot),
            item.line.eq(command.local[3:]),
            item.count.eq(command.amount),
            lists.i.valid.eq(self.commands.valid & is_list),
            self.o.valid.eq(asks | own.valid),
            self.o.payload.eq(Mux(mine, own.payload.as_value(), command.as_value())),
            own.ready.eq(self.o.ready & mine),
            self.commands.ready.eq(Mux(is_list, lists.i.ready, self.o.ready & ~mine)),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += turn.eq(~mine)
        for t in range(THREADS):
            count = Signal(range(OPEN + 1), name=f"open{t}")
            comes = lists.i.valid & lists.i.ready & (command.thread == t)
            drops = self._drops & (self._current.thread == t)
            m.d.sync += [count.eq(count + comes - self.ended[t] - drops), self.idle[t].eq(count == 0)]

    def _run(self, m: Module, lists: Queue, check: TransferCheck, pieces: Pieces, own) -> None:
        current, record, own_command = self._current, self._record, own.payload
        first, doomed = Signal(), Signal()  # of its list; the list's thread has stopped
        hit = Cat(self.faults[n].valid & (self.faults[n].thread == current.thread) for n in range(FAULTS)).any()
        address = Cat(Const(0, 6), current.line)
        m.d.sync += [doomed.eq(doomed | hit), self.fault.valid.eq(0), self.fault.thread.eq(current.thread)]

        def drop(cause: Fault | None = None) -> None:
            m.d.comb += self._drops.eq(1)
            if cause is not None:
                m.d.sync += [self.fault.valid.eq(1), self.fault.cause.eq(cause), self.fault.operand.eq(address)]
            m.next = "IDLE"

        m.d.comb += [own_command.thread.eq(current.thread), own_command.slot.eq(current.slot)]
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += lists.o.ready.eq(1)
                with m.If(lists.o.valid):
                    m.d.sync += [current.eq(lists.o.payload), first.eq(1), doomed.eq(0)]
                    m.next = "ASK"
            with m.State("ASK"):
                # The first question frees the place in the store queue; that of an empty list does nothing else.
                m.d.comb += [
                    own.valid.eq(first | ~doomed),
                    own_command.op.eq(NetOp.LIST),
                    own_command.local.eq(current.line << 3),
                    own_command.words.eq(Mux(current.count == 0, 0, LINE_WORDS)),
                    own_command.held.eq(first),
                    own_command.last.eq(current.count == 0),
                ]
                with m.If(own.valid & own.ready):
                    m.d.sync += first.eq(0)
                    m.next = "WAIT"
                    with m.If(current.count == 0):
                        m.next = "IDLE"
                with m.Elif(~own.valid):
                    drop()
            with m.State("WAIT"):
                m.d.sync += record.eq(self.asked.line)
                with m.If(self.asked.valid):
                    m.next = "BEGIN"
                    with m.If(self.asked.lost.any()):
                        drop(Fault.ECC)
            with m.State("BEGIN"):
                m.d.comb += [check.begin.eq(1), pieces.begin.eq(1)]
                m.next = "RUN"
            with m.State("RUN"):
                m.d.comb += [
                    own.valid.eq(~doomed & check.done & check.stands),
                    pieces.taken.eq(own.valid & own.ready),
                    own_command.op.eq(Mux(record.read[0], NetOp.GET, NetOp.PUT)),
                    own_command.local.eq(pieces.local[3:]),
                    own_command.words.eq(pieces.words),
                    own_command.remote.eq(pieces.remote),
                    own_command.semaphore.eq(pieces.remote.semaphore),
                    own_command.raises.eq(pieces.remote.notify),
                    own_command.last.eq(pieces.last & (current.count == 1)),
                ]
                with m.If(doomed):
                    drop()
                with m.Elif(check.done & ~check.stands):
                    drop(Fault.DESCRIPTOR)
                with m.Elif(pieces.taken & pieces.last):
                    m.d.sync += [current.line.eq(current.line + 1), current.count.eq(current.count - 1)]
                    m.next = "ASK"
                    with m.If(current.count == 1):
                        m.next = "IDLE"

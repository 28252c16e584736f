r"""One hardware thread of the front end: where it is, what it waits for, what the debugger does with it.

::

              start, debug                          a group leaves
    IDLE, FAULTED ----> RUNNING <----> HALTED       (Dispatch) ----> hold: a control instruction waits ----> it ends
                           \---- hold DEAD: what was begun ends ----> FAULTED

``hold`` says why a running thread dispatches nothing. A waiting control instruction retires when it is over, the others with their group.
A HALTED thread executes only what the debugger injects.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.config import NodeConfig
from golden.arch.encoding import F0, F1, F2
from golden.arch.memmap import SEMAPHORE_BITS, WORD_ADDRESS_BITS, Fault, ThreadState
from golden.arch.packet import DebugOp
from golden.arch.trace import SEQ_BITS
from rtl.common.host_ports import STATUS, Debug, Start
from rtl.core.front.decode import Control, Hold
from rtl.core.front.dispatch import Context, Group
from rtl.core.front.fetch import WINDOW_BITS
from rtl.core.interfaces import (
    PC_BITS,
    ST_POS_BITS,
    THREAD_BITS,
    THREADS,
    VQ_POS_BITS,
    FaultEvent,
    Operand,
    PredicateWrite,
    ScalarHead,
    VectorHead,
)
from rtl.core.thread.loops import LOOP_BITS, Move, ProgramCounter
from rtl.core.thread.sync import Arrival, Wait

VQ_AHEAD = 64  # vector instructions that may be dispatched past the oldest queued scalar one
ST_AHEAD = 12  # stores past the oldest queued vector instruction
SETTLED = 7  # cycles after a dispatch from which on what was on its way to a queue is counted in it


class Thread(wiring.Component):
    """A thread.

    Parameters
    ----------
    config : sizes.
    number : which of the threads; it takes what is addressed to it.
    """

    def __init__(self, config: NodeConfig, number: int) -> None:
        self.config, self.number = config, number
        super().__init__(
            {
                # The windows that it wants; whether the one of its pc is here. State.
                "fetches": Out(1),
                "current": Out(WINDOW_BITS),
                "following": Out(WINDOW_BITS),
                "present": In(1),
                # It can dispatch; what dispatch must know of it; its group of this cycle, meaningful when valid.
                "able": Out(1),
                "context": Out(Context),
                "group": In(Group),
                # Its queues: free places, oldest entries, positions, parities of complete loads; the units hold nothing of it. State.
                "scalar_free": In(range(config.scalar_queue + 1)),
                "vector_free": In(range(config.vector_queue + 1)),
                "scalar_head": In(ScalarHead),
                "vector_head": In(VectorHead),
                "vq_head": In(VQ_POS_BITS),
                "st_read": In(ST_POS_BITS),
                "load_parity": In(isa.VECTOR_REGISTERS),
                "idle": In(1),
                # What happens to any thread; one cycle each.
                "predicates": In(data.ArrayLayout(PredicateWrite, 3)),
                "operand": In(Operand),
                "faults": In(data.ArrayLayout(FaultEvent, 2)),
                "start": In(Start),
                "debug": In(Debug),
                # A word that it read is lost, with the word's address; `lost_soon` comes a cycle before.
                "lost_soon": In(1),
                "lost": In(1),
                "lost_addr": In(WORD_ADDRESS_BITS),
                # Its wait on a semaphore and at a barrier, and the end of it (one cycle).
                "wait": Out(Wait),
                "granted": In(1),
                "arrival": Out(Arrival),
                "passed": In(1),
                # It would start another thread, and may do so in this cycle; another one starts this one, at that pc.
                "spawns": Out(1),
                "spawn_allowed": In(1),
                "spawn": Out(Start),
                "spawned": In(1),
                "spawned_pc": In(PC_BITS),
                # Threads that run, are halted or are about to be started by a packet; whether this one does.
                "others": In(THREADS),
                "busy": Out(1),
                # It came to rest; it started; what it has queued is dropped; it empties the instruction cache. One cycle each.
                "stops": Out(1),
                "starts": Out(1),
                "kill": Out(1),
                "flush": Out(1),
                # A waiting instruction is over (its number, pc and word: context); one cycle.
                "ends": Out(1),
                "status": Out(STATUS),
                # RUNNING; and that while a control instruction waits.
                "running": Out(1),
                "waiting": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.state = Signal(ThreadState)
        self.hold, self.then = Signal(Hold), Signal(Control)  # ``then``: what follows when all is done (Hold.DRAIN)
        self.word = Signal(32)  # of the waiting or injected instruction
        self.amount = Signal(SEMAPHORE_BITS)
        self.cause, self.fault_operand = Signal(4), Signal(64)
        self.halting, self.single, self.inject = Signal(), Signal(), Signal()
        self.break_on, self.break_pc, self.break_skip = Signal(), Signal(PC_BITS), Signal()
        self.dying = self.hold == Hold.DEAD
        m.submodules.counter = self.counter = ProgramCounter()
        self.pc = self.counter.pc

        # All that it began is done. A lost word is reported after the access looks complete: the thread may not end meanwhile.
        self.settled, self.empty = Signal(range(SETTLED + 1)), Signal()
        m.d.comb += self.empty.eq(self.idle & (self.settled == SETTLED) & ~self.lost_soon & ~self.lost)
        with m.If(self.settled != SETTLED):
            m.d.sync += self.settled.eq(self.settled + 1)

        self._able(m)
        self._context(m)
        self._dispatched(m)
        self._waits(m)
        self._number(m)
        self._predicates(m)
        # From here on, what stops or starts the thread overrides what it does by itself.
        self._faults(m)
        self._starts(m)
        self._debug(m)
        self._status(m)
        return m

    # --- towards dispatch ----------------------------------------------------------------------------------------------------

    def _able(self, m: Module) -> None:
        """Whether a group of any size can leave."""
        width = self.config.dispatch_width
        scalar, vector, context = self.scalar_head, self.vector_head, self.context
        vq_far = scalar.valid & ((context.vq_tail - scalar.vq_mark)[:VQ_POS_BITS] >= VQ_AHEAD - width)
        st_far = vector.valid & ((context.st_tail - vector.st_mark)[:ST_POS_BITS] >= ST_AHEAD - width)
        room = (self.scalar_free >= width) & (self.vector_free >= width) & ~vq_far & ~st_far
        self.at_break = self.break_on & (self.break_pc == self.pc) & ~self.break_skip
        fetched = self.present | (self.pc >= self.config.sram_bytes // 4)
        running = self.state == ThreadState.RUNNING
        runs = running & fetched & ~self.halting & ~self.at_break & (~self.single | self.empty)
        m.d.comb += [
            self.able.eq((self.hold == Hold.NONE) & room & ~self.kill & (runs | (self.inject & self.empty))),
            self.fetches.eq(running),
            self.current.eq(self.pc[3:]),
            self.following.eq(self.counter.following),
        ]

    def _context(self, m: Module) -> None:
        """Numbers, positions and predicates are registers of their own; the rest is the thread's state."""
        self.seq, self.true, self.pending = Signal(SEQ_BITS), Signal(8, init=1), Signal(8)
        self.vq_tail, self.st_tail, self.parity = Signal(VQ_POS_BITS), Signal(ST_POS_BITS), Signal(isa.VECTOR_REGISTERS)
        context = self.context
        m.d.comb += [
            context.pc.eq(self.pc),
            context.seq.eq(self.seq),
            context.true.eq(self.true),
            context.pending.eq(self.pending),
            context.vq_tail.eq(self.vq_tail),
            context.st_tail.eq(self.st_tail),
            context.vq_head.eq(self.vq_head),
            context.st_read.eq(self.st_read),
            context.parity.eq(self.parity),
            context.loaded.eq(self.load_parity),
            context.looping.eq(self.counter.looping),
            context.last.eq(self.counter.last),
            context.single.eq(self.single | self.inject),
            context.inject.eq(self.inject),
            context.word.eq(self.word),
            context.break_on.eq(self.break_on),
            context.break_pc.eq(self.break_pc),
        ]

    def _move(self, kind: Move, to, often=0) -> list:
        """The program counter's move of this cycle; the last one given counts."""
        return [self.counter.move.eq(kind), self.counter.to.eq(to), self.counter.often.eq(often)]

    def _die(self, cause, operand) -> list:
        """A fault: the thread waits for what it began, then stops."""
        return [self.hold.eq(Hold.DEAD), self.cause.eq(cause), self.fault_operand.eq(operand)]

    # --- what its group does to it -------------------------------------------------------------------------------------------

    def _dispatched(self, m: Module) -> None:
        group, word = self.group, self.group.word
        with m.If(group.valid):
            m.d.sync += [
                self.parity.eq(group.parity),
                self.vq_tail.eq(group.vq_tail),
                self.st_tail.eq(group.st_tail),
                self.settled.eq(0),
            ]
            with m.If(group.first):
                m.d.sync += [self.inject.eq(0), self.break_skip.eq(0)]
            with m.If(group.illegal):
                with m.If(group.outside):
                    m.d.sync += self._die(Fault.FETCH, Cat(Const(0, 2), self.pc))
                with m.Elif(group.lost):
                    m.d.sync += self._die(Fault.ECC, Cat(Const(0, 3), self.pc[1:]))
                with m.Else():
                    m.d.sync += self._die(Fault.ILLEGAL, word)
            with m.Elif(group.first & ~self.inject & ((group.control == Control.PLAIN) | (group.control == Control.LOGIC))):
                m.d.comb += self._move(Move.ADVANCE, (self.pc + group.count - 1)[:PC_BITS])
            with m.Switch(group.control):
                with m.Case(Control.BR, Control.CALL):
                    m.d.comb += self._move(Move.JUMP, group.target)
                with m.Case(Control.LOOPI):
                    m.d.comb += self._move(Move.LOOP, group.target, word[F2:])
                with m.Case(Control.LOGIC):
                    for k in range(1, 8):
                        with m.If(word[F0 : F0 + 3] == k):
                            m.d.sync += self.true[k].eq(group.logic)
                with m.Case(Control.JUMP):
                    m.d.sync += self.hold.eq(Hold.JUMP)
                with m.Case(Control.LOOP):
                    m.d.sync += [self.hold.eq(Hold.LOOP), self.word.eq(word)]
                with m.Case(Control.WAITR):
                    m.d.sync += [self.hold.eq(Hold.AMOUNT), self.word.eq(word)]
                with m.Case(Control.WAIT):
                    m.d.sync += [self.hold.eq(Hold.SEMAPHORE), self.word.eq(word), self.amount.eq(word[F2:])]
                with m.Case(Control.TJOIN):
                    m.d.sync += [self.hold.eq(Hold.JOIN), self.word.eq(word)]
                with m.Case(Control.HALT, Control.FENCE, Control.IFLUSH, Control.BARRIER, Control.TSTART, Control.TRAP):
                    m.d.sync += [self.hold.eq(Hold.DRAIN), self.then.eq(group.control), self.word.eq(word)]
        with m.If(self.counter.too_deep):
            m.d.sync += self._die(Fault.LOOP, isa.LOOP_DEPTH + 1)

    # --- a control instruction that waits ------------------------------------------------------------------------------------

    def _waits(self, m: Module) -> None:
        word, value = self.word, self.operand.value
        came = self.operand.valid & (self.operand.thread == self.number)
        other = word[F0 : F0 + THREAD_BITS]
        m.d.comb += [
            self.wait.valid.eq((self.hold == Hold.SEMAPHORE) & ~self.halting),
            self.wait.semaphore.eq(word[F0 : F0 + 6]),
            self.wait.amount.eq(self.amount),
            self.arrival.valid.eq(self.hold == Hold.BARRIER),
            self.arrival.barrier.eq(word[F0 : F0 + 3]),
            self.arrival.count.eq(word[F2 : F2 + 3]),
            self.spawns.eq((self.hold == Hold.DRAIN) & (self.then == Control.TSTART) & self.empty),
            self.spawn.thread.eq(other),
            self.spawn.pc.eq(self.pc + word[F1:].as_signed()),
        ]
        with m.Switch(self.hold):
            with m.Case(Hold.JUMP):
                with m.If(came):
                    with m.If(value[:2].any() | (value >= self.config.sram_bytes)):
                        m.d.sync += self._die(Mux(value[:2].any(), Fault.MISALIGNED, Fault.RANGE), value)
                    with m.Else():
                        m.d.sync += self.hold.eq(Hold.NONE)
                        m.d.comb += self._move(Move.JUMP, value[2:])
            with m.Case(Hold.LOOP):
                with m.If(came):
                    often = Mux(value[LOOP_BITS:].any(), (1 << LOOP_BITS) - 1, value[:LOOP_BITS])
                    m.d.comb += self._move(Move.LOOP, self.pc + word[F2:].as_signed(), often)
                    with m.If(~self.counter.too_deep):
                        m.d.sync += self.hold.eq(Hold.NONE)
            with m.Case(Hold.AMOUNT):
                with m.If(came):
                    m.d.sync += [self.amount.eq(value[:SEMAPHORE_BITS]), self.hold.eq(Hold.SEMAPHORE)]
            with m.Case(Hold.SEMAPHORE):
                m.d.comb += self.ends.eq(self.granted)
            with m.Case(Hold.BARRIER):
                m.d.comb += self.ends.eq(self.passed)
            with m.Case(Hold.JOIN):
                m.d.comb += self.ends.eq(~self.others.bit_select(other, 1) | (other == self.number))
            with m.Case(Hold.DRAIN):
                with m.If(self.empty):
                    self._drained(m, other)
        with m.If(self.ends):
            m.d.sync += self.hold.eq(Hold.NONE)
            with m.If(self.state == ThreadState.RUNNING):
                m.d.comb += self._move(Move.ADVANCE, self.pc)

    def _drained(self, m: Module, other) -> None:
        """All older instructions are done: ``then`` happens."""
        with m.Switch(self.then):
            with m.Case(Control.BARRIER):
                m.d.sync += self.hold.eq(Hold.BARRIER)
            with m.Case(Control.TRAP):
                m.d.sync += self._die(Fault.TRAP, self.word[F2:])
            with m.Case(Control.TSTART):
                with m.If(self.others.bit_select(other, 1)):
                    m.d.sync += self._die(Fault.BUSY, other)
                with m.Elif(self.spawn_allowed):
                    m.d.comb += [self.ends.eq(1), self.spawn.valid.eq(1)]
            with m.Case(Control.IFLUSH):
                m.d.comb += [self.ends.eq(1), self.flush.eq(1)]
            with m.Case(Control.HALT):
                m.d.sync += self.state.eq(ThreadState.IDLE)
                m.d.comb += [self.ends.eq(1), self.stops.eq(1)]
            with m.Default():
                m.d.comb += self.ends.eq(1)

    # --- numbers and predicates ----------------------------------------------------------------------------------------------

    def _number(self, m: Module) -> None:
        """A group's instructions are numbered as they leave, a waiting one as it ends."""
        self.retired = Signal(48)
        added = Signal(range(self.config.dispatch_width + 2))
        m.d.comb += added.eq(Mux(self.group.valid & ~self.group.waits, self.group.count, 0) + self.ends)
        m.d.sync += [self.seq.eq(self.seq + added), self.retired.eq(self.retired + added)]

    def _predicates(self, m: Module) -> None:
        done = Const(0, 8)
        for write in self.predicates:
            hit = write.valid & (write.thread == self.number)
            for k in range(1, 8):
                with m.If(hit & (write.index == k)):
                    m.d.sync += self.true[k].eq(write.value)
            done = done | Mux(hit, 1 << write.index, 0)
        m.d.sync += self.pending.eq(Mux(self.group.valid, self.group.pending, self.pending) & ~done)

    # --- stopping and starting -----------------------------------------------------------------------------------------------

    def _faults(self, m: Module) -> None:
        """Faults found late: what is queued is dropped. The first to come counts."""
        # The access is no longer known when its word turns out to be lost: pc stays where the thread has come to.
        with m.If(self.lost & ~self.dying):
            m.d.sync += [*self._die(Fault.ECC, Cat(Const(0, 3), self.lost_addr)), self.settled.eq(0)]
        hits = Signal(len(self.faults))
        for hit, fault in zip(hits, self.faults, strict=True):
            m.d.comb += hit.eq(fault.valid & (fault.thread == self.number))
            with m.If(hit & ~self.dying):
                m.d.sync += [*self._die(fault.cause, fault.operand), self.settled.eq(0)]
                m.d.comb += self._move(Move.JUMP, fault.pc)
        m.d.sync += self.kill.eq(hits.any() | self.lost)
        with m.If(self.dying & self.empty & ~self.kill):
            m.d.sync += [
                self.hold.eq(Hold.NONE),
                self.state.eq(ThreadState.FAULTED),
                self.inject.eq(0),
                self.single.eq(0),
                self.halting.eq(0),
            ]
            m.d.comb += self.stops.eq(1)

    def _starts(self, m: Module) -> None:
        """A start forgets everything but breakpoints."""
        packet = self.start.valid & (self.start.thread == self.number)
        m.d.sync += self.starts.eq(packet | self.spawned)
        with m.If(packet | self.spawned):
            m.d.comb += self._move(Move.RESTART, Mux(packet, self.start.pc, self.spawned_pc))
            m.d.sync += [
                self.state.eq(ThreadState.RUNNING),
                self.hold.eq(Hold.NONE),
                self.cause.eq(Fault.NONE),
                self.fault_operand.eq(0),
                self.seq.eq(0),
                self.retired.eq(0),
                self.true.eq(1),
                self.pending.eq(0),
                self.vq_tail.eq(self.vq_head),
                self.st_tail.eq(self.st_read),
                self.parity.eq(self.load_parity),
                self.halting.eq(0),
                self.single.eq(0),
                self.inject.eq(0),
                self.break_skip.eq(0),
            ]

    def _debug(self, m: Module) -> None:
        """Halts when everything begun is done; one instruction at a time for a step; an injected one leaves the thread halted."""
        running, halted = self.state == ThreadState.RUNNING, self.state == ThreadState.HALTED
        resting = (self.hold == Hold.NONE) | (self.hold == Hold.SEMAPHORE) | (self.hold == Hold.JOIN)
        halts = self.halting | (self.at_break & (self.hold == Hold.NONE))
        with m.If(running & halts & resting & self.empty & ~self.ends):
            m.d.sync += [self.state.eq(ThreadState.HALTED), self.hold.eq(Hold.NONE), self.halting.eq(0), self.single.eq(0)]
            m.d.comb += self.stops.eq(1)
        with m.If(running & self.single & self.group.valid & self.group.first):
            m.d.sync += self.halting.eq(1)
        injected = Signal()
        with m.If(self.inject & self.group.valid & self.group.first):
            m.d.sync += injected.eq(1)
        with m.If(injected & self.empty & (self.hold == Hold.NONE)):
            m.d.sync += injected.eq(0)
            with m.If(halted):  # else its end or its fault has been told
                m.d.comb += self.stops.eq(1)

        with m.If(self.debug.valid & (self.debug.thread == self.number)):
            with m.Switch(self.debug.op):
                with m.Case(DebugOp.HALT):
                    m.d.sync += self.halting.eq(running)
                with m.Case(DebugOp.RESUME, DebugOp.STEP):
                    with m.If(halted):
                        m.d.sync += [
                            self.state.eq(ThreadState.RUNNING),
                            self.single.eq(self.debug.op == DebugOp.STEP),
                            self.break_skip.eq(1),
                            self.halting.eq(0),
                        ]
                with m.Case(DebugOp.BREAK_SET):
                    m.d.sync += [self.break_on.eq(1), self.break_pc.eq(self.debug.value[2:])]
                with m.Case(DebugOp.BREAK_CLEAR):
                    m.d.sync += self.break_on.eq(0)
                with m.Case(DebugOp.INJECT):
                    with m.If(halted):
                        m.d.sync += [self.inject.eq(1), self.word.eq(self.debug.value[:32])]
                with m.Case(DebugOp.FLUSH):
                    m.d.comb += self.flush.eq(1)
                with m.Case(DebugOp.JUMP):
                    with m.If(halted):
                        m.d.comb += self._move(Move.JUMP, self.debug.value[2:])

    def _status(self, m: Module) -> None:
        hold, claimed = self.hold, self.start.claim & (self.start.thread == self.number)
        asleep = (hold == Hold.SEMAPHORE) | (hold == Hold.BARRIER) | (hold == Hold.JOIN) | (hold == Hold.DRAIN)
        status = self.status
        m.d.comb += [
            self.running.eq(self.state == ThreadState.RUNNING),
            self.waiting.eq(self.running & asleep),
            self.busy.eq(self.running | (self.state == ThreadState.HALTED) | claimed),
            status.state.eq(Mux(self.waiting, ThreadState.WAITING, self.state)),
            status.cause.eq(self.cause),
            status.pc.eq(Cat(Const(0, 2), self.pc)),
            status.operand.eq(self.fault_operand),
            status.retired.eq(self.retired),
            status.seq.eq(self.seq),
            status.debug.eq(self.break_on),
        ]

r"""The course of a thread: where it is, what its control instructions do, what it waits for.

::

              begin, debugger                       a group leaves
    IDLE, FAULTED ----> RUNNING <----> HALTED       (Dispatched) ----> hold: a control instruction waits ----> it ends
                           \---- hold DEAD: what was begun ends ----> FAULTED

``hold`` says why a running thread dispatches nothing. A waiting control instruction retires when it is over, the others with their group.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.classes import DRAINS, Flow
from golden.arch.config import NodeConfig
from golden.arch.encoding import F0, F1, F2
from golden.arch.memmap import SEMAPHORE_BITS, Fault, ThreadState
from rtl.core.groups import Dispatched, May, Supply, Where, told
from rtl.core.interfaces import THREAD_BITS, ScalarSteer
from rtl.core.thread.loops import LOOP_BITS, Move, ProgramCounter
from rtl.core.thread.parts import ArrivalPort, Begin, Doom, Hold, Orders, Rested, Room, Spawn, Stage, WaitPort


class Course(wiring.Component):
    """The course.

    Parameters
    ----------
    config : size of SRAM.
    number : of the thread.
    """

    dispatched: In(Dispatched)
    scalar_steer: In(ScalarSteer)
    rested: In(Rested)
    room: In(Room)
    doom: In(Doom)
    begin: In(Begin)
    orders: In(Orders)
    semaphore: Out(WaitPort)
    barrier: Out(ArrivalPort)
    spawn: Out(Spawn)
    supply: Out(Supply)
    where: Out(told(Where))
    stage: Out(Stage)
    may: Out(May)

    def __init__(self, config: NodeConfig, number: int) -> None:
        self._sram_bytes, self._number = config.sram_bytes, number
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.counter = self._counter = counter = ProgramCounter()
        self._then = Signal(Flow)  # what follows when all is done (Hold.DRAIN)
        self._amount = Signal(SEMAPHORE_BITS)
        m.d.comb += [
            counter.count.eq(self.dispatched.group.count),
            counter.at_last.eq(self.dispatched.group.at_last),
            self.where.state.pc.eq(counter.pc),
            self.where.state.looping.eq(counter.looping),
            self.where.state.last.eq(counter.last),
        ]
        self._able(m)
        self._dispatched(m)
        self._waits(m)
        self._ends(m)
        # From here on, what stops or starts the thread overrides what it does by itself.
        self._overridden(m)
        return m

    def _able(self, m: Module) -> None:
        stage, orders, empty, pc = self.stage, self.orders, self.rested.empty, self._counter.pc
        running = stage.state == ThreadState.RUNNING
        fetched = self.supply.present | (pc >= self._sram_bytes // 4)
        runs = running & fetched & ~orders.halting & ~orders.at_break & (~orders.single | empty)
        m.d.comb += [
            self.may.able.eq((stage.hold == Hold.NONE) & self.room.room & ~self.doom.kill & (runs | (orders.inject & empty))),
            self.supply.active.eq(running),
            self.supply.current.eq(pc[3:]),
            self.supply.following.eq(self._counter.following),
            self.spawn.alive.eq(running | (stage.state == ThreadState.HALTED)),
        ]

    def _move(self, kind: Move, to: Value, often: Value | int = 0) -> list:
        """The program counter's move of this cycle; the last one given counts."""
        return [self._counter.move.eq(kind), self._counter.to.eq(to), self._counter.often.eq(often)]

    def _fault(self, cause: Value | Fault, operand: Value | int) -> list:
        """The thread waits for what it began, then stops."""
        found = self.stage.found
        return [found.valid.eq(1), found.cause.eq(cause), found.operand.eq(operand)]

    # --- what its group does to it -------------------------------------------------------------------------------------------

    def _dispatched(self, m: Module) -> None:
        group, stage, counter = self.dispatched.group, self.stage, self._counter
        word, pc = group.word, counter.pc
        with m.If(group.valid):
            with m.If(group.illegal):
                with m.If(group.outside):
                    m.d.comb += self._fault(Fault.FETCH, Cat(Const(0, 2), pc))
                with m.Elif(group.lost):
                    m.d.comb += self._fault(Fault.ECC, Cat(Const(0, 3), pc[1:]))
                with m.Else():
                    m.d.comb += self._fault(Fault.ILLEGAL, word)
            with m.Elif(group.first & ~self.orders.inject & ((group.flow == Flow.PLAIN) | (group.flow == Flow.LOGIC))):
                m.d.comb += counter.move.eq(Move.ADVANCE)
            with m.Switch(group.flow):
                with m.Case(Flow.BR, Flow.CALL):
                    m.d.comb += self._move(Move.JUMP, group.target)
                with m.Case(Flow.LOOPI):
                    m.d.comb += self._move(Move.LOOP, group.target, word[F2:])
                with m.Case(Flow.JUMP):
                    m.d.sync += stage.hold.eq(Hold.JUMP)
                with m.Case(Flow.LOOP):
                    m.d.sync += [stage.hold.eq(Hold.LOOP), stage.word.eq(word)]
                with m.Case(Flow.WAITR):
                    m.d.sync += [stage.hold.eq(Hold.AMOUNT), stage.word.eq(word)]
                with m.Case(Flow.WAIT):
                    m.d.sync += [stage.hold.eq(Hold.SEMAPHORE), stage.word.eq(word), self._amount.eq(word[F2:])]
                with m.Case(Flow.TJOIN):
                    m.d.sync += [stage.hold.eq(Hold.JOIN), stage.word.eq(word)]
                with m.Case(*sorted(DRAINS)):
                    m.d.sync += [stage.hold.eq(Hold.DRAIN), self._then.eq(group.flow), stage.word.eq(word)]
        with m.If(counter.too_deep):
            m.d.comb += self._fault(Fault.LOOP, isa.LOOP_DEPTH + 1)

    # --- a control instruction that waits ------------------------------------------------------------------------------------

    def _waits(self, m: Module) -> None:
        stage, word = self.stage, self.stage.word
        operand = self.scalar_steer.operand
        came, value = operand.valid & (operand.thread == self._number), operand.value
        other = word[F0 : F0 + THREAD_BITS]
        drained = (stage.hold == Hold.DRAIN) & self.rested.empty
        m.d.comb += [
            self.semaphore.wait.valid.eq((stage.hold == Hold.SEMAPHORE) & ~self.orders.halting),
            self.semaphore.wait.semaphore.eq(word[F0 : F0 + 6]),
            self.semaphore.wait.amount.eq(self._amount),
            self.barrier.arrival.valid.eq(stage.hold == Hold.BARRIER),
            self.barrier.arrival.barrier.eq(word[F0 : F0 + 3]),
            self.barrier.arrival.count.eq(word[F2 : F2 + 3]),
            self.spawn.wants.eq(drained & (self._then == Flow.TSTART)),
            self.spawn.thread.eq(other),
            self.spawn.pc.eq(self._counter.pc + word[F1:].as_signed()),
        ]
        with m.Switch(stage.hold):
            with m.Case(Hold.JUMP):
                with m.If(came):
                    with m.If(value[:2].any() | (value >= self._sram_bytes)):
                        m.d.comb += self._fault(Mux(value[:2].any(), Fault.MISALIGNED, Fault.RANGE), value)
                    with m.Else():
                        m.d.sync += stage.hold.eq(Hold.NONE)
                        m.d.comb += self._move(Move.JUMP, value[2:])
            with m.Case(Hold.LOOP):
                with m.If(came):
                    often = Mux(value[LOOP_BITS:].any(), (1 << LOOP_BITS) - 1, value[:LOOP_BITS])
                    m.d.comb += self._move(Move.LOOP, self._counter.pc + word[F2:].as_signed(), often)
                    m.d.sync += stage.hold.eq(Hold.NONE)
            with m.Case(Hold.AMOUNT):
                with m.If(came):
                    m.d.sync += [self._amount.eq(value[:SEMAPHORE_BITS]), stage.hold.eq(Hold.SEMAPHORE)]
            with m.Case(Hold.SEMAPHORE):
                m.d.comb += stage.ends.eq(self.semaphore.granted)
            with m.Case(Hold.BARRIER):
                m.d.comb += stage.ends.eq(self.barrier.passed)
            with m.Case(Hold.JOIN):
                m.d.comb += stage.ends.eq(~self.spawn.busy.bit_select(other, 1) | (other == self._number))
            with m.Case(Hold.DRAIN):
                with m.If(self.rested.empty):
                    self._drained(m, other)

    def _drained(self, m: Module, other: Value) -> None:
        """All older instructions are done: ``then`` happens."""
        stage = self.stage
        with m.Switch(self._then):
            with m.Case(Flow.BARRIER):
                m.d.sync += stage.hold.eq(Hold.BARRIER)
            with m.Case(Flow.TRAP):
                m.d.comb += self._fault(Fault.TRAP, stage.word[F2:])
            with m.Case(Flow.TSTART):
                with m.If(self.spawn.busy.bit_select(other, 1)):
                    m.d.comb += self._fault(Fault.BUSY, other)
                with m.Elif(self.spawn.allowed):
                    m.d.comb += [stage.ends.eq(1), self.spawn.go.eq(1)]
            with m.Case(Flow.IFLUSH):
                m.d.comb += [stage.ends.eq(1), self.supply.flush.eq(1)]
            with m.Case(Flow.HALT):
                m.d.sync += stage.state.eq(ThreadState.IDLE)
                m.d.comb += [stage.ends.eq(1), stage.stops.eq(1)]
            with m.Default():
                m.d.comb += stage.ends.eq(1)

    def _ends(self, m: Module) -> None:
        stage = self.stage
        with m.If(stage.ends):
            m.d.sync += stage.hold.eq(Hold.NONE)
            with m.If(stage.state == ThreadState.RUNNING):
                m.d.comb += self._counter.move.eq(Move.NEXT)
        with m.If(stage.found.valid):
            m.d.sync += stage.hold.eq(Hold.DEAD)

    # --- stopping and starting -----------------------------------------------------------------------------------------------

    def _overridden(self, m: Module) -> None:
        stage, doom, begin, orders = self.stage, self.doom, self.begin, self.orders
        with m.If(doom.late):
            m.d.sync += stage.hold.eq(Hold.DEAD)
        with m.If(doom.back):
            m.d.comb += self._move(Move.JUMP, doom.pc)
        with m.If(doom.dead):
            m.d.sync += [stage.hold.eq(Hold.NONE), stage.state.eq(ThreadState.FAULTED)]
        with m.If(begin.valid):
            m.d.comb += self._move(Move.RESTART, begin.pc)
            m.d.sync += [stage.hold.eq(Hold.NONE), stage.state.eq(ThreadState.RUNNING)]
        with m.If(orders.halts):
            m.d.sync += [stage.hold.eq(Hold.NONE), stage.state.eq(ThreadState.HALTED)]
        with m.If(orders.resumes):
            m.d.sync += stage.state.eq(ThreadState.RUNNING)
        with m.If(orders.takes):
            m.d.sync += stage.word.eq(orders.word)
        with m.If(orders.jumps):
            m.d.comb += self._move(Move.JUMP, orders.pc)
        with m.If(doom.dead | orders.halts | orders.done):
            m.d.comb += stage.stops.eq(1)
        with m.If(orders.flush):
            m.d.comb += self.supply.flush.eq(1)

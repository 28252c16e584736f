"""The threads of a node under a debugger who knows them only by packets: the same on the RTL and on the simulator.

Values of registers pass through the 64 bytes at address 0, which are the debugger's. A thread has one breakpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from golden.arch.isa import THREADS
from golden.arch.memmap import LINE_BYTES, Status, ThreadState
from golden.arch.packet import DebugOp, Kind
from golden.asm import assemble, disassemble
from golden.host_blocking import BlockingHost
from golden.listing import trace_line
from golden.retire import Collector
from sim.engine.binding import Engine
from sim.jobs.debugger import Debugger, DebuggerError
from sim.jobs.host import Host
from sim.jobs.lockstep import decode_trace
from sim.jobs.program import Say, Work

REGISTERS = 32
_SCRATCH = 0
_AT_ONCE = LINE_BYTES // 8  # registers that pass at once
_RESTS = (ThreadState.IDLE, ThreadState.FAULTED)
_LONGEST = 4096  # cycles between two looks at how threads stand
_WORD = 2**64 - 1


class Threads:
    """A node whose threads stand before their first instruction when this has been made.

    Parameters
    ----------
    host : of the node.
    pass_time : lets so many cycles pass, where a machine does not go on by itself between packets.
    """

    def __init__(self, host: BlockingHost, work: Work, pass_time: Callable[[int], object] = lambda cycles: None) -> None:
        self.host, self._pass = host, pass_time
        self.interrupted: Callable[[], bool] = lambda: False
        host.write([(_SCRATCH, bytes(LINE_BYTES)), *work.memory])
        host.flush()
        for launch in work.launches:
            self.order(DebugOp.BREAK_SET, launch.thread, launch.pc)
        host.start(work.launches)
        started = [launch.thread for launch in work.launches]
        self.until(lambda stands: all(stands[thread].state is ThreadState.HALTED for thread in started))
        for thread in started:
            self.order(DebugOp.BREAK_CLEAR, thread)

    def order(self, op: DebugOp, thread: int, operand: int = 0) -> Status:
        """One order, done; how the thread stands then."""
        return self.host.do(self.host.session.debug(op, thread, operand))

    def stands(self) -> list[Status]:
        """How all threads stand."""
        return self.host.status()

    def until(self, holds: Callable[[list[Status]], bool]) -> bool:
        """Let the machine go on until something holds of its threads; False when before that nothing changes any more, or
        somebody interrupts.
        """
        before, cycles, same = None, 0, 0
        while not holds(stands := self.stands()):
            same = same + 1 if stands == before else 0
            if (same > 2 and cycles >= _LONGEST) or self.interrupted():
                return False
            before, cycles = stands, min(2 * cycles + 16, _LONGEST)
            self._pass(cycles)
        return True

    # --- registers and memory ------------------------------------------------------------------------------------------------

    def registers(self, thread: int) -> list[int]:
        """The scalar registers of a halted thread, 64 bits each."""
        found: list[int] = []
        for first in range(0, REGISTERS, _AT_ONCE):
            for index in range(_AT_ONCE):
                self._inject(thread, f"st.d x{first + index}, x0, {_SCRATCH + 8 * index}")
            line = self.host.read(_SCRATCH, LINE_BYTES)
            found += [int.from_bytes(line[8 * index :][:8], "little") for index in range(_AT_ONCE)]
        return found

    def set_register(self, thread: int, index: int, value: int) -> None:
        """A scalar register of a halted thread."""
        self.host.write([(_SCRATCH, (value & _WORD).to_bytes(8, "little"))])
        self._inject(thread, f"ld.d x{index}, x0, {_SCRATCH}")

    def _inject(self, thread: int, text: str) -> None:
        self.order(DebugOp.INJECT, thread, assemble(text).words[0])

    def write(self, address: int, data: bytes) -> None:
        """Memory; instructions, too."""
        self.host.write([(address, data)])
        self.host.flush()

    # --- time ----------------------------------------------------------------------------------------------------------------

    def step(self, thread: int) -> bool:
        """One instruction of a halted thread; while it waits, the others that are halted go on. False when it waits in vain."""
        before, going = self.stands()[thread], []
        self._post(DebugOp.STEP, thread)

        def over(stands: list[Status]) -> bool:
            state = stands[thread].state
            if state is ThreadState.WAITING and not going:
                going.extend(self._resume(other for other in range(THREADS) if stands[other].state is ThreadState.HALTED))
            return state is ThreadState.HALTED or state in _RESTS

        came, after = self.until(over), self.stands()[thread]
        if after.state is ThreadState.HALTED and (after.pc, after.retired) == (before.pc, before.retired):
            # The RTL halts a thread that waits where it waits, and a step of a wait waits. Nothing that waits so ends a loop.
            self.order(DebugOp.BREAK_SET, thread, after.pc + 4)
            self._resume([thread])
            came = self.until(over)
            self.order(DebugOp.BREAK_CLEAR, thread)
        self.halt(going if came else [*going, thread])
        return came

    def go_on(self, breakpoints: Iterable[int], thread: int | None = None) -> list[Status]:
        """All go on until the thread, or any, stands at a breakpoint, or rests (all of them); then all are halted; how they stand.

        DebuggerError for several breakpoints.
        """
        if len(stops := list(breakpoints)) > 1:
            raise DebuggerError("a thread has one breakpoint in hardware: take all others back")
        faulted = {t for t, status in enumerate(self.stands()) if status.state is ThreadState.FAULTED}
        looked = [t for t in range(THREADS) if t not in faulted] if thread is None else [thread]
        for each in range(THREADS):
            self.order(DebugOp.BREAK_SET if stops else DebugOp.BREAK_CLEAR, each, *stops)
        going = self._resume(t for t, status in enumerate(self.stands()) if status.state is ThreadState.HALTED)

        def stopped(stands: list[Status]) -> bool:
            states = [stands[t].state for t in looked]
            return ThreadState.HALTED in states or ThreadState.FAULTED in states or all(state in _RESTS for state in states)

        try:
            self.until(stopped)
        finally:
            self.halt(going)
            for each in range(THREADS):
                self.order(DebugOp.BREAK_CLEAR, each)
        return self.stands()

    def halt(self, threads: Iterable[int]) -> None:
        """Threads that run are halted before their next instruction; those that wait, when they no longer do."""
        for thread in threads:
            self._post(DebugOp.HALT, thread)
        self.until(lambda stands: all(status.state is not ThreadState.RUNNING for status in stands))

    def _resume(self, threads: Iterable[int]) -> list[int]:
        return [thread for thread in threads if self.order(DebugOp.RESUME, thread)]

    def _post(self, op: DebugOp, thread: int) -> None:
        """An order without an answer."""

        def script():
            yield [self.host.session.request(Kind.DEBUG, None, address=op, length=thread)]

        self.host.do(script())
        self.order(DebugOp.STATUS, thread)  # orders are obeyed one after another


class Commanded(Debugger):
    """The commands of a debugger on the RTL, which tells by its trace what each instruction did."""

    def __init__(self, work: Work, say: Say, engine: Engine) -> None:
        super().__init__(work, say)
        self.engine = engine
        self._vectors: dict[tuple[int, int], bytes] = {}
        self.threads = Threads(Host(engine), replace(work, trace=None), engine.run)
        self._collector = Collector(work.config.features)
        engine.options(tracing=True)
        engine.take_trace()

    def steps(self, count: int) -> None:
        for _ in range(count):
            if (status := self._status()).state in _RESTS:
                self.say(self.where())
                return
            if status.state is not ThreadState.HALTED:
                self.say(f"thread {self.thread} waits, and nobody else goes on")
                return
            came = self.threads.step(self.thread)
            self._told()
            if not came:
                self.say(f"thread {self.thread} waits, and nobody else goes on")
                return
            if self.changed():
                break
        self.say(f"next: {self.where()}" if self._status().state is ThreadState.HALTED else self.where())

    def go_on(self) -> None:
        if self.watched:
            raise DebuggerError("the RTL has no watchpoint: s N looks at the memory after each instruction")
        self.threads.go_on(self.breakpoints, self.thread)
        self._told()
        self.say(f"next: {self.where()}" if self._status().state is ThreadState.HALTED else self.where())

    def where(self) -> str:
        status = self._status()
        if status.state is ThreadState.IDLE:
            return f"thread {self.thread} has ended"
        word = int.from_bytes(self.read(status.pc, 4), "little")
        at = f"thread {self.thread} at {status.pc:#x} ({disassemble(word, status.pc)})"
        fault = f", {status.cause.name} with operand {status.operand:#x}" if status.state is ThreadState.FAULTED else ""
        return at if status.state is ThreadState.HALTED else f"{at} is {status.state.name}{fault}"

    def read(self, address: int, size: int) -> bytes:
        return self.threads.host.read(address, size)

    def registers(self) -> str:
        self._halted()
        found, status = self.threads.registers(self.thread), self._status()
        self.engine.take_trace()  # of instructions that are the debugger's own
        rows = ["  ".join(f"x{i:<2} {found[i]:016x}" for i in range(row, row + 4)) for row in range(0, REGISTERS, 4)]
        return "\n".join([*rows, f"pc {status.pc:#x}, {status.state.name}"])

    def vector(self, index: int) -> bytes:
        try:
            return self._vectors[self.thread, index]
        except KeyError:
            raise DebuggerError(f"v{index} was not written while the debugger looked: the RTL tells of writes alone") from None

    def _status(self) -> Status:
        return self.threads.stands()[self.thread]

    def _halted(self) -> None:
        if (state := self._status().state) is not ThreadState.HALTED:
            raise DebuggerError(f"thread {self.thread} is {state.name}: its registers are read while it is halted")

    def _told(self) -> None:
        """Say what retired since the last time, and remember vector registers."""
        for name, fields in decode_trace(self.engine.design, self.engine.take_trace()):
            self._collector.feed(name, fields)
        for record in self._collector.take():
            for letter, index, value in record.effects:
                if letter == "v":
                    self._vectors[record.thread, index] = value
            if record.thread == self.thread:
                self.say(trace_line(record, self.form))

"""A debugger of a person's own program: one command a line, the same on the simulator and on the RTL (sim/jobs/debug_packets.py)."""

from __future__ import annotations

from abc import ABC, abstractmethod

from golden.arch.memmap import ThreadState
from golden.arch.trace import Record
from golden.iss.errors import RuleError
from golden.iss.node import Simulator, describe_fault
from golden.iss.state import Thread
from golden.listing import FORMATS, HEX, accumulators, descriptor, registers, trace_line, values
from sim.jobs import memory
from sim.jobs.program import Say, Work, where

HELP = """s [n]      one instruction, or n          c          go on to a breakpoint or the end
b ADDRESS  breakpoint here, or none       t N        look at thread N
r          scalar registers, predicates   v N [F]    vector register N, as FP32 or in format F
a N        accumulator N                  d N        descriptor N
w          semaphores that are not 0      m ADDRESS [F]  64 bytes of memory, in format F
back       undo the thread's last instruction, and what others did since
watch ADDRESS [BYTES]  stop when memory there changes (8 bytes), or no more
q          leave                          h          this list (ADDRESS: a number or a label)"""
MOST = 10_000_000  # instructions at once
_RETIRED = 4
THREADS, VECTORS, ACCUMULATORS, DESCRIPTORS = 4, 32, 8, 8


class DebuggerError(ValueError):
    """A command of the debugger that it cannot do; one sentence."""


class Debugger(ABC):
    """Steps a program: the commands of ``HELP``, one line each. Who derives from it steps a machine and shows what is in it."""

    def __init__(self, work: Work, say: Say) -> None:
        self.program, self.config, self.say, self.form = work.program, work.config, say, work.trace or HEX
        self.thread = 0
        self.breakpoints: set[int] = set()
        self.watched: dict[tuple[int, int], bytes] = {}

    def command(self, line: str) -> bool:
        """Do one command; False to leave."""
        word, *rest = line.split() or ["s"]
        try:
            if word == "q":
                return False
            self._do(word, rest)
        except (ValueError, RuleError) as error:
            self.say(str(error))
        except KeyboardInterrupt:
            self.say(f"interrupted: {self.where()}")
        return True

    def _do(self, word: str, rest: list[str]) -> None:
        match word:
            case "s":
                self.steps(_number(rest, "a count of instructions", 1, MOST) if rest else 1)
            case "c":
                self.go_on()
            case "back":
                self.back()
            case "watch":
                self._watch(rest)
            case "b":
                self._break(self._address(rest, 4))
            case "t":
                self.thread = _number(rest, "a thread", 0, THREADS - 1)
                self.say(self.where())
            case "r":
                self.say(self.registers())
            case "v":
                index = _number(rest, "a vector register", 0, VECTORS - 1)
                self.say(values(self.vector(index), _form(rest[1:], "fp32")))
            case "a":
                self.say(self.accumulator(_number(rest, "an accumulator", 0, ACCUMULATORS - 1)))
            case "d":
                self.say(self.descriptor(_number(rest, "a descriptor", 0, DESCRIPTORS - 1)))
            case "w":
                self.say(self.semaphores())
            case "m":
                self.say(values(self.read(self._address(rest, 64), 64), _form(rest[1:], HEX)))
            case _:
                self.say(HELP)

    def _break(self, at: int) -> None:
        if at % 4:
            raise DebuggerError(f"no instruction lies at {at:#x}: an address of one is a multiple of 4")
        self.breakpoints ^= {at}
        self.say("breakpoints: " + (", ".join(f"{b:#x}" for b in sorted(self.breakpoints)) or "none"))

    def _watch(self, rest: list[str]) -> None:
        size = _number(rest[1:], "a count of bytes", 1, 64) if rest[1:] else 8
        at = self._address(rest, size)
        if self.watched.pop((at, size), None) is None:
            self.watched[at, size] = self.read(at, size)
        self.say("watched: " + (", ".join(f"{size} bytes at {at:#x}" for at, size in sorted(self.watched)) or "nothing"))

    def changed(self) -> bool:
        """Say what of the memory watched has changed since the last time; whether anything has."""
        found = False
        for (at, size), before in self.watched.items():
            after = self.read(at, size)
            if after != before:
                self.say(f"{size} bytes at {at:#x} were {_hex(before)}, are {_hex(after)}")
                self.watched[at, size], found = after, True
        return found

    def back(self) -> None:
        """Undo the last instruction of the thread looked at; DebuggerError where time has one direction."""
        raise DebuggerError("the RTL does not go back: the simulator does (leave --rtl out)")

    def _address(self, rest: list[str], size: int) -> int:
        if not rest:
            raise DebuggerError("an address is missing: a number or a label")
        at, end = memory.address(self.program, rest[0]), self.config.sram_bytes
        if not 0 <= at <= end - size:
            raise DebuggerError(f"{size} bytes at {at:#x} leave the {end} bytes of SRAM")
        return at

    @abstractmethod
    def steps(self, count: int) -> None:
        """So many instructions of the thread looked at; while it waits, the others go on."""

    @abstractmethod
    def go_on(self) -> None:
        """To the next breakpoint of the thread looked at, or to its end."""

    @abstractmethod
    def where(self) -> str:
        """Where the thread looked at is, or how it ended."""

    @abstractmethod
    def read(self, address: int, size: int) -> bytes:
        """Memory."""

    @abstractmethod
    def registers(self) -> str:
        """Scalar registers of the thread looked at, and what else there is to know of it."""

    @abstractmethod
    def vector(self, index: int) -> bytes:
        """64 bytes."""

    def accumulator(self, index: int) -> str:
        """An accumulator as text; DebuggerError where nobody can look into one."""
        raise DebuggerError("the RTL shows no accumulator: drain it (cst) and look at the memory")

    def descriptor(self, index: int) -> str:
        """A descriptor as text; DebuggerError where nobody can look into one."""
        raise DebuggerError("the RTL shows no descriptor: the simulator does (leave --rtl out)")

    def semaphores(self) -> str:
        """Those that are not 0; DebuggerError where nobody can look at them."""
        raise DebuggerError("the RTL shows no semaphores: the simulator does (leave --rtl out)")


class Simulated(Debugger):
    """On the instruction-set simulator."""

    def __init__(self, work: Work, say: Say) -> None:
        super().__init__(work, say)
        self.work = work
        self.turns = bytearray()
        """Whose turn it was, from the beginning: thread, and ``_RETIRED`` when an instruction retired. They make the run again."""
        self._begin()

    def _begin(self) -> None:
        self.node = self.work.node()
        self.simulator = Simulator(self.node, strict=True)

    def _turn(self, thread: Thread) -> Record | None:
        """One instruction of a thread, remembered."""
        record = self.simulator.step(thread)
        self.turns.append(thread.index | (_RETIRED if record else 0))
        return record

    def back(self) -> None:
        at = self.turns.rfind(self.thread | _RETIRED)
        if at < 0:
            raise DebuggerError(f"thread {self.thread} stands at its beginning")
        turns = self.turns[:at]
        self.turns.clear()
        self._begin()
        for turn in turns:
            self._turn(self.node.threads[turn & ~_RETIRED])
        self.watched = {(at, size): self.read(at, size) for at, size in self.watched}
        self.say(f"next: {self.where()}")

    def steps(self, count: int) -> None:
        self._steps(count, stop=False)

    def go_on(self) -> None:
        self._steps(MOST, stop=True)

    def where(self) -> str:
        thread = self.node.threads[self.thread]
        return where(self.node, thread) if thread.runs else f"thread {thread.index} is {thread.state.name}"

    def read(self, address: int, size: int) -> bytes:
        return self.node.read(address, size)

    def registers(self) -> str:
        return registers(self.node.threads[self.thread])

    def vector(self, index: int) -> bytes:
        return self.node.threads[self.thread].v[index].tobytes()

    def accumulator(self, index: int) -> str:
        return accumulators(self.node.threads[self.thread], index)

    def descriptor(self, index: int) -> str:
        return descriptor(self.node.threads[self.thread], index)

    def semaphores(self) -> str:
        raised = [f"{i}: {count}" for i, count in enumerate(self.node.semaphores) if count]
        return "semaphores: " + (", ".join(raised) or "all 0")

    def _steps(self, count: int, stop: bool) -> None:
        thread = self.node.threads[self.thread]
        for i in range(count):
            if not thread.runs:
                faulted = thread.state is ThreadState.FAULTED
                self.say(f"thread {thread.index}: {describe_fault(self.node, thread)}" if faulted else f"thread {thread.index} has ended")
                return
            if stop and i and thread.pc in self.breakpoints:
                break
            if not self._advance():
                self.say(f"thread {thread.index} waits for {thread.waits}, and nobody else goes on")
                return
            if self.changed():
                break
        self.say(f"next: {where(self.node, thread)}" if thread.runs else f"thread {thread.index} has ended")

    def _advance(self) -> bool:
        """One instruction of the thread looked at; while it waits, the others go on."""
        thread = self.node.threads[self.thread]
        for _ in range(1_000_000):
            record = self._turn(thread)
            if record:
                self.say(trace_line(record, self.form))
                return True
            if not thread.runs:
                return True
            if not any(self._turn(t) for t in self.node.threads if t is not thread and t.runs):
                return False
        return False


def _number(rest: list[str], what: str, low: int, high: int) -> int:
    try:
        value = int(rest[0], 0)
    except (IndexError, ValueError):
        value = None
    if value is None or not low <= value <= high:
        given = f"{rest[0]!r} is not" if rest else "there is no number of"
        raise DebuggerError(f"{given} {what}: {low} to {high}")
    return value


def _hex(data: bytes) -> str:
    """As a number, the highest byte first."""
    return f"{int.from_bytes(data, 'little'):#0{2 * len(data) + 2}x}"


def _form(rest: list[str], default: str) -> str:
    form = rest[0] if rest else default
    if form not in (HEX, *FORMATS):
        raise DebuggerError(f"no format {form!r}: there are {', '.join((HEX, *FORMATS))}")
    return form

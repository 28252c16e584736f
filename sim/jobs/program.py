"""A person's own program: assembled, listed, stepped on the instruction-set simulator, run on the RTL.

A program starts where its labels say: ``start`` (or its first instruction) on thread 0, ``start1`` to ``start3`` on the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from golden.arch.config import NodeConfig
from golden.arch.memmap import LINE_BYTES, ThreadState
from golden.asm import Program, assemble, disassemble
from golden.iss.errors import RuleError
from golden.iss.node import Simulator, describe_fault
from golden.iss.races import Races
from golden.iss.state import Node, Thread
from golden.kernels.job import Launch
from golden.listing import FORMATS, HEX, accumulators, descriptor, registers, trace_line, values
from golden.lockstep import Difference
from sim.events.recorder import Wish
from sim.events.simulated import simulated
from sim.files import content
from sim.jobs import memory
from sim.jobs.memory import Dump, Load

Say = Callable[[str], None]
AGREE = (
    "Both run a program that keeps the rules of docs/isa.md (Rules between instructions) alike: if this one does, the mistake is in the "
    "hardware or in the simulator, not in the program; --record FILE and --waves FILE show what the hardware did."
)
START_ARGS = LINE_BYTES // 8  # a start packet's payload is a line


def read_program(path: str, config: NodeConfig) -> Program:
    """Assemble a file; ValueError in one sentence when it is no program or does not fit the SRAM, OSError when it cannot be read."""
    try:
        text = content(path).decode()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text in UTF-8, so no assembly text either") from None
    program = assemble(text, source=path, features=config.features)
    if not program.words:
        raise ValueError(f"{path} holds no instruction")
    if program.end > config.sram_bytes:
        raise ValueError(f"{path} ends at {program.end:#x}, past the {config.sram_bytes} bytes of SRAM of {config.name}")
    return program


def launches(program: Program, args: Iterable[int]) -> list[Launch]:
    """The threads that a program starts; ValueError for arguments that a start packet cannot carry."""
    args = tuple(args)
    if len(args) > START_ARGS:
        raise ValueError(f"{len(args)} arguments are too many: a start sets x1 to x{START_ARGS}")
    for value in args:
        if not -(1 << 63) <= value < 1 << 64:
            raise ValueError(f"the argument {value} does not fit a register of 64 bits")
    first = Launch(0, program.labels.get("start", program.origin), args)
    return [first, *(Launch(t, program.labels[f"start{t}"]) for t in (1, 2, 3) if f"start{t}" in program.labels)]


@dataclass(frozen=True)
class Work:
    """A program with what it starts from, and what of it is shown: retired instructions in ``trace``'s form, memory in the end."""

    program: Program
    config: NodeConfig
    args: tuple[int, ...] = ()
    loads: tuple[Load, ...] = ()
    dumps: tuple[Dump, ...] = ()
    trace: str | None = None

    def __post_init__(self) -> None:
        memory.check(self.program, self.dumps, self.config)
        memory.image(self.program, self.loads, self.config)
        launches(self.program, self.args)

    @property
    def launches(self) -> list[Launch]:
        return launches(self.program, self.args)

    @property
    def memory(self) -> list[tuple[int, bytes]]:
        return memory.image(self.program, self.loads, self.config)

    def node(self) -> Node:
        """A simulated node with the memory loaded and the threads started."""
        node = Node(self.config)
        for at, data in self.memory:
            node.write(at, data)
        for launch in self.launches:
            node.threads[launch.thread].start(launch.pc, launch.args)
        return node


def simulate(work: Work, say: Say, kept: Wish | None = None, source: str | None = None) -> bool:
    """Run on the instruction-set simulator; True when every thread ended by itself. An interruption is passed on with where it came.

    ``kept``: the events that are kept of the run; ``source``: where the program stands, for races, which are looked for when it is given.
    """
    node = work.node()
    if source is not None:
        return _raced(work, node, say, kept, source)
    return _simulated(work, Simulator(node, strict=True), say, kept)


def _raced(work: Work, node: Node, say: Say, kept: Wish | None, source: str) -> bool:
    """The same, and every race is told: False when there is one."""
    races = Races(node)
    try:
        ended = _simulated(work, Simulator(node, strict=True, races=races), say, kept)
    finally:  # a thread that waits for ever may be what a race did
        for race in races.found:
            say(race.told(work.program, source))
    if not races.found:
        say("no races: all accesses of different threads to the same bytes are ordered")
    return ended and not races.found


def _simulated(work: Work, simulator: Simulator, say: Say, kept: Wish | None) -> bool:
    node, retired = simulator.node, 0
    try:
        with simulated(kept, work.config) as taker:
            for record in simulator.run():
                retired += 1
                if taker:
                    taker.add(record)
                if work.trace:
                    say(trace_line(record, work.trace))
    except KeyboardInterrupt:
        stand = "; ".join(where(node, thread) for thread in node.threads if thread.runs)
        raise KeyboardInterrupt(f"after {retired} instructions: {stand}") from None
    for thread in node.threads:
        if thread.state is ThreadState.FAULTED:
            say(describe_fault(node, thread))
    memory.show(work.program, work.dumps, node.read, say)
    ended = all(thread.state is ThreadState.IDLE for thread in node.threads)
    if ended:
        say(f"{retired} instructions, all threads ended")
    return ended


def where(node: Node, thread: Thread) -> str:
    """Where a thread is: its pc, the instruction there, and what that waits for."""
    if thread.pc + 4 > node.config.sram_bytes:
        return f"thread {thread.index} at {thread.pc:#x}, past SRAM"
    word = int.from_bytes(node.read(thread.pc, 4), "little")
    waits = f" waits for {thread.waits}" if thread.waits else ""
    return f"thread {thread.index} at {thread.pc:#x} ({disassemble(word, thread.pc)}){waits}"


HELP = """s [n]      one instruction, or n          c          go on to a breakpoint or the end
b ADDRESS  breakpoint here, or none       t N        look at thread N
r          scalar registers, predicates   v N [F]    vector register N, as FP32 or in format F
a N        accumulator N                  d N        descriptor N
w          semaphores that are not 0      m ADDRESS [F]  64 bytes of memory, in format F
q          leave                          h          this list (ADDRESS: a number or a label)"""


class DebuggerError(ValueError):
    """A command of the debugger that it cannot do; one sentence."""


class Debugger:
    """Steps a program: the commands of ``HELP``, one line each."""

    def __init__(self, work: Work, say: Say) -> None:
        self.program, self.say, self.form = work.program, say, work.trace or HEX
        self.node = work.node()
        self.simulator = Simulator(self.node, strict=True)
        self.thread = self.node.threads[0]
        self.breakpoints: set[int] = set()

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
            self.say(f"interrupted: {where(self.node, self.thread)}")
        return True

    def _do(self, word: str, rest: list[str]) -> None:
        node, thread = self.node, self.thread
        match word:
            case "s":
                self._steps(_number(rest, "a count of instructions", 1, 10_000_000) if rest else 1, stop=False)
            case "c":
                self._steps(10_000_000, stop=True)
            case "b":
                at = self._address(rest, 4)
                if at % 4:
                    raise DebuggerError(f"no instruction lies at {at:#x}: an address of one is a multiple of 4")
                self.breakpoints ^= {at}
                self.say("breakpoints: " + (", ".join(f"{b:#x}" for b in sorted(self.breakpoints)) or "none"))
            case "t":
                self.thread = node.threads[_number(rest, "a thread", 0, len(node.threads) - 1)]
                self.say(where(node, self.thread) if self.thread.runs else f"thread {self.thread.index} is {self.thread.state.name}")
            case "r":
                self.say(registers(thread))
            case "v":
                index = _number(rest, "a vector register", 0, len(thread.v) - 1)
                self.say(values(thread.v[index].tobytes(), _form(rest[1:], "fp32")))
            case "a":
                self.say(accumulators(thread, _number(rest, "an accumulator", 0, len(thread.c) - 1)))
            case "d":
                self.say(descriptor(thread, _number(rest, "a descriptor", 0, len(thread.inner) - 1)))
            case "w":
                raised = [f"{i}: {count}" for i, count in enumerate(node.semaphores) if count]
                self.say("semaphores: " + (", ".join(raised) or "all 0"))
            case "m":
                self.say(values(node.read(self._address(rest, 64), 64), _form(rest[1:], HEX)))
            case _:
                self.say(HELP)

    def _address(self, rest: list[str], size: int) -> int:
        if not rest:
            raise DebuggerError("an address is missing: a number or a label")
        at, end = memory.address(self.program, rest[0]), self.node.config.sram_bytes
        if not 0 <= at <= end - size:
            raise DebuggerError(f"{size} bytes at {at:#x} leave the {end} bytes of SRAM")
        return at

    def _steps(self, count: int, stop: bool) -> None:
        for i in range(count):
            if not self.thread.runs:
                fault = describe_fault(self.node, self.thread) if self.thread.state is ThreadState.FAULTED else "has ended"
                self.say(f"thread {self.thread.index}: {fault}")
                return
            if stop and i and self.thread.pc in self.breakpoints:
                break
            if not self._advance():
                self.say(f"thread {self.thread.index} waits for {self.thread.waits}, and nobody else goes on")
                return
        self.say(f"next: {where(self.node, self.thread)}" if self.thread.runs else f"thread {self.thread.index} has ended")

    def _advance(self) -> bool:
        """One instruction of the thread looked at; while it waits, the others go on."""
        for _ in range(1_000_000):
            record = self.simulator.step(self.thread)
            if record:
                self.say(trace_line(record, self.form))
                return True
            if not self.thread.runs:
                return True
            if not any(self.simulator.step(t) for t in self.node.threads if t is not self.thread and t.runs):
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


def _form(rest: list[str], default: str) -> str:
    form = rest[0] if rest else default
    if form not in (HEX, *FORMATS):
        raise DebuggerError(f"no format {form!r}: there are {', '.join((HEX, *FORMATS))}")
    return form


def run_rtl(work: Work, say: Say, record: Wish | None = None) -> bool:
    """Run on the RTL, every retired instruction compared with the simulator; True when every thread ended by itself.

    ``record``: what is kept of the run.
    """
    from sim.jobs.lockstep import run_lockstep

    last: list[bytes] = []
    tell = (lambda record: say(trace_line(record, work.trace))) if work.trace else None
    try:
        result = run_lockstep(
            work.config, work.memory, work.launches, strict=True, on_record=tell, on_memory=last.append, record=record
        )
    except Difference as found:
        raise Difference(f"{found}\n{AGREE}", found.place, found.cycle) from None
    say(f"{result.retired} instructions in {result.cycles} cycles, equal to the instruction-set simulator")
    for text in result.faults:
        say(text)
    if last[0]:
        memory.show(work.program, work.dumps, lambda at, size: last[0][at : at + size], say)
    elif work.dumps:
        say("memory is not shown after a fault: what a faulting thread leaves there is not defined")
    return not result.faults

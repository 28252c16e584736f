"""A person's own program: assembled, listed, run on the instruction-set simulator and on the RTL.

A program starts where its labels say: ``start`` (or its first instruction) on thread 0, ``start1`` to ``start3`` on the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from golden.arch.config import NodeConfig
from golden.arch.memmap import LINE_BYTES, ThreadState
from golden.asm import Program, assemble, disassemble
from golden.iss.node import Simulator, describe_fault
from golden.iss.races import Races
from golden.iss.state import Node, Thread
from golden.kernels.job import Launch
from golden.listing import trace_line
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

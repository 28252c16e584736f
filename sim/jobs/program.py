"""A person's own program: assembled, listed, stepped on the instruction-set simulator, run on the RTL.

A program starts where its labels say: ``start`` (or its first instruction) on thread 0, ``start1`` to ``start3`` on the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from golden.arch.config import NodeConfig, get_config
from golden.arch.memmap import LINE_BYTES, ThreadState
from golden.asm import Program, assemble, disassemble
from golden.iss.node import Simulator, describe_fault
from golden.iss.state import Node, Thread
from golden.kernels.job import Launch
from golden.listing import registers, trace_line

Say = Callable[[str], None]
START_ARGS = LINE_BYTES // 8  # a start packet's payload is a line


def read_program(path: str, config: NodeConfig) -> Program:
    """Assemble a file; ValueError in one sentence when it is no program or does not fit the SRAM, OSError when it cannot be read."""
    try:
        text = Path(path).read_text(encoding="utf-8")
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


def simulate(program: Program, config: NodeConfig, args: Iterable[int], say: Say, trace: bool) -> bool:
    """Run on the instruction-set simulator; True when every thread ended by itself."""
    node = _loaded(program, config, args)
    simulator = Simulator(node, strict=True)
    for record in simulator.run():
        if trace:
            say(trace_line(record))
    for thread in node.threads:
        if thread.state is ThreadState.FAULTED:
            say(describe_fault(node, thread))
    return _ended(node.threads)


def _loaded(program: Program, config: NodeConfig, args: Iterable[int]) -> Node:
    node = Node(config)
    node.write(program.origin, program.image)
    for launch in launches(program, args):
        node.threads[launch.thread].start(launch.pc, launch.args)
    return node


def _ended(threads: list[Thread]) -> bool:
    return all(thread.state is ThreadState.IDLE for thread in threads)


HELP = """s [n]      one instruction, or n          c          go on to a breakpoint or the end
b ADDRESS  breakpoint here, or none       t N        look at thread N
r          scalar registers, predicates   v N        vector register N as FP32
m ADDRESS  64 bytes of memory             q          leave"""


class Debugger:
    """Steps a program: the commands of ``HELP``, one line each."""

    def __init__(self, program: Program, config: NodeConfig, args: Iterable[int], say: Say) -> None:
        self.program, self.say = program, say
        self.node = _loaded(program, config, args)
        self.simulator = Simulator(self.node, strict=True)
        self.thread = self.node.threads[0]
        self.breakpoints: set[int] = set()

    def command(self, line: str) -> bool:
        """Do one command; False to leave."""
        word, *rest = line.split() or ["s"]
        try:
            match word:
                case "q":
                    return False
                case "s":
                    self._steps(int(rest[0]) if rest else 1, stop=False)
                case "c":
                    self._steps(10_000_000, stop=True)
                case "b":
                    self.breakpoints ^= {self._address(rest[0])}
                    self.say("breakpoints: " + (", ".join(f"{b:#x}" for b in sorted(self.breakpoints)) or "none"))
                case "t":
                    self.thread = self.node.threads[int(rest[0])]
                case "r":
                    self.say(registers(self.thread))
                case "v":
                    self.say(" ".join(f"{value:.6g}" for value in self.thread.v[int(rest[0])].view("<f4")))
                case "m":
                    self.say(self.node.read(self._address(rest[0]), 64).hex(" ", 8))
                case _:
                    self.say(HELP)
        except (IndexError, ValueError) as error:
            self.say(f"{error}\n{HELP}")
        return True

    def _address(self, text: str) -> int:
        return self.program.labels[text] if text in self.program.labels else int(text, 0)

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
        word = int.from_bytes(self.node.read(self.thread.pc, 4), "little")
        self.say(f"next t{self.thread.index} {self.thread.pc:06x}  {disassemble(word, self.thread.pc)}")

    def _advance(self) -> bool:
        """One instruction of the thread looked at; while it waits, the others go on."""
        for _ in range(1_000_000):
            record = self.simulator.step(self.thread)
            if record:
                self.say(trace_line(record))
                return True
            if not self.thread.runs:
                return True
            if not any(self.simulator.step(t) for t in self.node.threads if t is not self.thread and t.runs):
                return False
        return False


def run_rtl(program: Program, config: str, args: Iterable[int], say: Say, trace: bool, waves: Path | None = None) -> bool:
    """Run on the RTL, every retired instruction compared with the simulator; True when every thread ended by itself."""
    from sim.jobs.lockstep import run_lockstep

    started = launches(program, args)
    memory = [(program.origin, program.image)]
    result = run_lockstep(
        get_config(config), memory, started, strict=True, on_record=(lambda r: say(trace_line(r))) if trace else None, waves=waves
    )
    say(f"{result.retired} instructions in {result.cycles} cycles, equal to the instruction-set simulator")
    for text in result.faults:
        say(text)
    return not result.faults

"""Accesses of two threads to the same bytes, one of them a write, that nothing orders (docs/isa.md, *Rules between instructions*).

Every thread has a vector clock: how much of each thread's course is known to have happened before it goes on. A raise, a barrier, a start
and an end hand a thread's clock on; a wait, the way through the barrier, the started thread and a join take it over. A wait takes over
what all raises before it have handed on, so a race is missed where fewer raises would have been enough; what is reported is a race. What
packets read and write is not watched, and neither is what is fetched as code.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.arch import isa
from golden.arch.classes import Flow, Port
from golden.arch.encoding import Insn
from golden.arch.memmap import SEMAPHORES
from golden.arch.trace import Effect
from golden.asm import Program, disassemble
from golden.iss.state import MASK64, Node, Thread, piece_bytes

MOST = 20
"""Races that are kept, one of each pair of instructions."""


@dataclass(frozen=True)
class Access:
    """An instruction that reads or writes memory."""

    thread: int
    pc: int
    word: int
    writes: bool


@dataclass(frozen=True)
class Race:
    """Two accesses to a byte; ``first`` came first in this run."""

    first: Access
    second: Access
    address: int

    def told(self, program: Program | None = None, source: str = "") -> str:
        """A sentence; with lines of the program's text."""
        one, other = (_place(access, program, source) for access in (self.first, self.second))
        verbs = ["writes" if access.writes else "reads" for access in (self.first, self.second)]
        return f"race at {self.address:#x}: {one} {verbs[0]} it, {other} {verbs[1]} it, and nothing orders the two"


def _place(access: Access, program: Program | None, source: str) -> str:
    at = (access.pc - program.origin) // 4 if program else -1
    line = f", {source}:{program.lines[at][0]}" if program and 0 <= at < len(program.lines) else ""
    return f"thread {access.thread} at {access.pc:#x} ({disassemble(access.word, access.pc)}{line})"


class Races:
    """Watches the threads of a node, which a host has started or will start; ``found`` are the races so far."""

    def __init__(self, node: Node) -> None:
        self.node, self.found = node, list[Race]()
        threads, size = isa.THREADS, node.config.sram_bytes
        self._clock = np.eye(threads, dtype=np.int64)
        self._raised = np.zeros((SEMAPHORES, threads), np.int64)
        self._met = np.zeros((threads, threads), np.int64)  # what those that came to a thread's barrier with it had known
        self._ended = np.zeros((threads, threads), np.int64)
        # By byte: clock of the newest write and of each thread's newest read, 0 for none; which access it was.
        self._writer = np.zeros(size, np.int8)
        self._written, self._write = np.zeros(size, np.int64), np.zeros(size, np.int32)
        self._read_at, self._read = np.zeros((threads, size), np.int64), np.zeros((threads, size), np.int32)
        self._accesses: list[Access] = []
        self._numbers: dict[Access, int] = {}
        self._pairs: set[tuple[Access, Access]] = set()

    def before(self, thread: Thread, insn: Insn, fields: dict[str, int], pc: int, word: int) -> None:
        """An instruction is about to be executed: what it reads. It may still wait; what it reads then is read again."""
        if insn.port is Port.SLOAD:
            at = thread.x[fields["ra"]] + (0 if insn.post else fields["imm"]) & MASK64
            self._reads(thread, np.arange(at, at + (1 << insn.size)), pc, word)
        elif insn.port is Port.VLOAD:
            addresses, keep = piece_bytes(thread.inner[fields["d"]], fields["tile"], insn.pieces, insn.piece)
            self._reads(thread, addresses[keep], pc, word)
        elif insn.flow is Flow.BARRIER:
            self._arrives(thread, fields["s"])

    def after(self, thread: Thread, insn: Insn, fields: dict[str, int], pc: int, word: int, effects: Iterable[Effect]) -> None:
        """It was executed: what it wrote, and whom it let go on."""
        t, clock = thread.index, self._clock
        for letter, address, image in effects:
            if letter == "m":
                self._writes(thread, address, len(image), pc, word)
            elif letter == "s":
                self._raised[address] = np.maximum(self._raised[address], clock[t])
                clock[t, t] += 1
        match insn.flow:
            case Flow.WAIT | Flow.WAITR:
                clock[t] = np.maximum(clock[t], self._raised[fields["s"]])
            case Flow.BARRIER:
                clock[t] = np.maximum(clock[t], self._met[t])
                clock[t, t] += 1
            case Flow.TSTART:
                other = fields["t"]
                clock[other] = np.maximum(clock[other], clock[t])
                clock[other, other] += 1
                clock[t, t] += 1
            case Flow.HALT:
                self._ended[t] = clock[t]
                clock[t, t] += 1
            case Flow.TJOIN:
                clock[t] = np.maximum(clock[t], self._ended[fields["t"]])

    def _arrives(self, thread: Thread, barrier: int) -> None:
        """Everybody who waits at the barrier will know what this thread knows, and the other way round."""
        if thread.index in self.node.passed:
            return
        there = self.node.barriers[barrier] | {thread.index}
        known = np.max([self._clock[t] for t in there], axis=0)
        for t in there:
            self._met[t] = known

    # --- accesses ------------------------------------------------------------------------------------------------------------

    def _number(self, access: Access) -> int:
        if access not in self._numbers:
            self._numbers[access] = len(self._accesses)
            self._accesses.append(access)
        return self._numbers[access]

    def _reads(self, thread: Thread, addresses: NDArray[np.int64], pc: int, word: int) -> None:
        if not len(addresses) or addresses.max() >= self.node.config.sram_bytes:
            return  # it faults
        t, mine = thread.index, Access(thread.index, pc, word, False)
        self._against_write(t, mine, addresses)
        self._read_at[t, addresses], self._read[t, addresses] = self._clock[t, t], self._number(mine)

    def _writes(self, thread: Thread, address: int, size: int, pc: int, word: int) -> None:
        t, mine, where = thread.index, Access(thread.index, pc, word, True), slice(address, address + size)
        self._against_write(t, mine, np.arange(address, address + size))
        for u in range(isa.THREADS):
            late = np.flatnonzero(self._read_at[u, where] > self._clock[t, u])
            if u != t and len(late):
                self._report(self._accesses[self._read[u, address + late[0]]], mine, address + int(late[0]))
        self._writer[where], self._written[where], self._write[where] = t, self._clock[t, t], self._number(mine)

    def _against_write(self, t: int, mine: Access, addresses: NDArray[np.int64]) -> None:
        writer = self._writer[addresses]
        late = np.flatnonzero((writer != t) & (self._written[addresses] > self._clock[t, writer]))
        if len(late):
            at = int(addresses[late[0]])
            self._report(self._accesses[self._write[at]], mine, at)

    def _report(self, first: Access, second: Access, address: int) -> None:
        if (first, second) not in self._pairs and len(self.found) < MOST:
            self._pairs.add((first, second))
            self.found.append(Race(first, second, address))

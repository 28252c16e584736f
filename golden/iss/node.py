"""Fetch, decode, execute: threads of one node in program order, a trace record per instruction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from golden.arch import isa
from golden.arch.encoding import Insn, Kind, pred_of
from golden.arch.memmap import ADDRESS_BITS, Fault, ThreadState
from golden.arch.trace import Effect, Record
from golden.asm import disassemble
from golden.iss.semantics import SEMANTICS, Semantics
from golden.iss.state import Blocked, FaultStop, Node, Thread


class HangError(RuntimeError):
    """Nobody can go on; the text says what every thread waits for."""


class UndefinedRead(RuntimeError):
    """An instruction reads a register that nobody wrote."""


@dataclass(frozen=True)
class _Decoded:
    """A word taken apart once: its record, what it does, its fields, and the registers that it reads."""

    insn: Insn
    execute: Semantics
    pred: int
    fields: dict[str, int]
    reads: tuple[str, ...]


# The (row, half row) pairs of an accumulator that a load of a part writes.
_PARTS = {
    "cld.f32": lambda quarter: frozenset((4 * (quarter >> 1) + row, quarter & 1) for row in range(4)),
    "cld.raw": lambda row: frozenset({(row, 0), (row, 1)}),
}
_LETTERS = {Kind.X: "x", Kind.V: "v", Kind.C: "c", Kind.D: "d"}


@lru_cache(maxsize=1 << 16)
def _decode(word: int, features: frozenset[str]) -> _Decoded | None:
    insn = isa.lookup(word, features)
    if insn is None:
        return None
    fields = insn.decode(word)
    return _Decoded(insn, SEMANTICS[insn.mnemonic], pred_of(word), fields, _reads(insn, fields))


def _reads(insn: Insn, fields: dict[str, int]) -> tuple[str, ...]:
    """Registers whose contents matter: x ^ x is a zero whatever x holds, and a part of an accumulator is loaded without reading it."""
    if insn.mnemonic in ("xor", "vxor") and fields.get("ra", fields.get("va")) == fields.get("rb", fields.get("vb")):
        return ()
    written = {Kind.D} if insn.mnemonic == "setd" else {Kind.C} if fields.get("first") or insn.mnemonic.startswith("cld.") else set()
    return tuple(
        f"{_LETTERS[op.kind]}{fields[op.name]}" for op in insn.operands if op.kind in _LETTERS and op.reads and op.kind not in written
    )


class Simulator:
    """Runs a node.

    Parameters
    ----------
    node : the state to run on.
    strict : raise UndefinedRead when an instruction reads a register that was never written since this simulator was made.
    """

    def __init__(self, node: Node, strict: bool = False) -> None:
        self.node, self.strict = node, strict
        if strict:
            for thread in node.threads:
                thread.forget()

    def step(self, thread: Thread) -> Record | None:
        """Execute one instruction of a running thread; None when it waits or stopped with a fault (nothing retired)."""
        node, pc = self.node, thread.pc
        if pc + 4 > node.config.sram_bytes or pc % 4:
            return self._fault(thread, Fault.FETCH, pc)
        if pc & ~7 in node.lost:
            return self._fault(thread, Fault.ECC, pc & ~7)
        word = int.from_bytes(node.sram[pc : pc + 4].tobytes(), "little")
        decoded = _decode(word, node.config.features)
        if decoded is None:
            return self._fault(thread, Fault.ILLEGAL, word)
        executed = thread.p[decoded.pred]
        effects = []
        thread.pc = (pc + 4) % (1 << ADDRESS_BITS)
        if executed:
            if self.strict:
                self._check_reads(thread, decoded, pc, word)
            try:
                effects = decoded.execute(node, thread, {**decoded.fields, "pc": pc, "word": word})
            except FaultStop as stop:
                thread.pc = pc
                return self._fault(thread, stop.cause, stop.operand)
            except Blocked as blocked:
                thread.pc, thread.state, thread.waits = pc, ThreadState.WAITING, str(blocked)
                return None
            thread.pc %= 1 << ADDRESS_BITS
            if thread.unwritten:
                self._note_writes(thread, decoded, effects)
        if thread.state is ThreadState.WAITING:
            thread.state, thread.waits = ThreadState.RUNNING, ""
        self._loop_back(thread, pc)
        record = Record(thread.index, thread.seq, pc, word, executed, effects)
        thread.seq = (thread.seq + 1) % (1 << 16)
        thread.retired += 1
        return record

    def inject(self, thread: Thread, word: int) -> Record | None:
        """Execute a debugger's instruction; pc, loops and, but for what it stores, memory stay as they are."""
        pc, loops, kept = thread.pc, thread.loops, self.node.read(thread.pc, 4)
        self.node.write(pc, word.to_bytes(4, "little"))
        thread.loops = []
        record = Simulator.step(self, thread)
        self.node.write(pc, kept)
        thread.pc, thread.loops = pc, loops
        return record

    @staticmethod
    def _loop_back(thread: Thread, pc: int) -> None:
        """After the last instruction of a loop: again from its start, or on."""
        while thread.loops and pc == thread.loops[-1].last and thread.pc == pc + 4:
            loop = thread.loops[-1]
            if loop.left > 1:
                loop.left -= 1
                thread.pc = loop.start
                return
            thread.loops.pop()

    @staticmethod
    def _fault(thread: Thread, cause: Fault, operand: int) -> None:
        thread.state, thread.cause, thread.operand, thread.waits = ThreadState.FAULTED, cause, operand, ""

    @staticmethod
    def _check_reads(thread: Thread, decoded: _Decoded, pc: int, word: int) -> None:
        for name in decoded.reads:
            if name in thread.unwritten:
                text = disassemble(word, pc)
                raise UndefinedRead(f"thread {thread.index} at {pc:#x}: {text} reads {name}, which nobody wrote")

    @staticmethod
    def _note_writes(thread: Thread, decoded: _Decoded, effects: list[Effect]) -> None:
        """Registers written are defined from now on; an accumulator loaded in parts, when all its rows and halves are."""
        for letter, index, _ in effects:
            name = f"{letter}{index}"
            if letter == "c" and decoded.insn.mnemonic in _PARTS and name in thread.unwritten:
                parts = _PARTS[decoded.insn.mnemonic](decoded.fields["imm"])
                thread.parts[index] = thread.parts.get(index, frozenset()) | parts
                if len(thread.parts[index]) < 16:
                    continue
            thread.unwritten.discard(name)

    def run(self, limit: int = 10_000_000) -> Iterable[Record]:
        """Records until every thread is idle or faulted: threads take turns, one instruction each.

        Raises
        ------
        HangError
            When every running thread waits, or ``limit`` instructions retired.
        """
        retired = 0
        while any(thread.runs for thread in self.node.threads):
            progress = False
            for thread in self.node.threads:
                if not thread.runs:
                    continue
                record = self.step(thread)
                progress |= record is not None or not thread.runs
                if record is not None:
                    retired += 1
                    yield record
            if not progress:
                waiting = [f"thread {t.index} at {t.pc:#x} waits for {t.waits}" for t in self.node.threads if t.runs]
                # A thread that stopped may be the one that the others wait for.
                stopped = [describe_fault(self.node, t) for t in self.node.threads if t.state is ThreadState.FAULTED]
                raise HangError("; ".join([*waiting, *stopped]))
            if retired >= limit:
                where = ", ".join(f"thread {t.index} at {t.pc:#x}" for t in self.node.threads if t.runs)
                raise HangError(f"{limit} instructions retired and the program goes on: {where}")

    def finish(self, limit: int = 10_000_000) -> int:
        """Run to the end; instructions retired."""
        return sum(1 for _ in self.run(limit))


def describe_fault(node: Node, thread: Thread) -> str:
    """One sentence about a thread that stopped."""
    word = int.from_bytes(node.sram[thread.pc : thread.pc + 4].tobytes(), "little")
    where = f"at pc {thread.pc:#x} ({disassemble(word, thread.pc)})"
    return f"thread {thread.index} stopped with {thread.cause.name} {where}, operand {thread.operand:#x}"

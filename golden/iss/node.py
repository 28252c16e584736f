"""Fetch, decode, execute: threads of one node in program order, a trace record per instruction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from golden.arch import isa
from golden.arch.classes import DRAINS
from golden.arch.encoding import Insn, pred_of
from golden.arch.memmap import ADDRESS_BITS, Fault, ThreadState
from golden.arch.trace import Record
from golden.asm import disassemble
from golden.iss.interface import Interface
from golden.iss.races import Races
from golden.iss.rules import Rules
from golden.iss.semantics import FEATURES, SEMANTICS, Meaning
from golden.iss.state import Blocked, FaultStop, Node, Thread


class HangError(RuntimeError):
    """Nobody can go on; the text says what every thread waits for."""


@dataclass(frozen=True)
class _Decoded:
    """A word taken apart once: its record, what it does, its fields."""

    insn: Insn
    execute: Meaning
    pred: int
    fields: dict[str, int]


@lru_cache(maxsize=1 << 16)
def _decode(word: int, features: frozenset[str]) -> _Decoded | None:
    insn = isa.lookup(word, features)
    if insn is None:
        return None
    fields = insn.decode(word)
    return _Decoded(insn, SEMANTICS[insn.mnemonic], pred_of(word), fields)


class Simulator:
    """Runs a node.

    Parameters
    ----------
    node : the state to run on.
    strict : raise RuleError when the program breaks a rule of docs/isa.md, such as reading a register that was not written since this
        simulator was made.
    races : who watches for accesses that nothing orders.

    Raises
    ------
    ValueError
        When the node has a part whose instructions are not known here.
    """

    def __init__(self, node: Node, strict: bool = False, races: Races | None = None) -> None:
        if unknown := node.config.features & frozenset(isa.FEATURES) - FEATURES:
            raise ValueError(f"the simulator does not know the instructions of {', '.join(sorted(unknown))}, which {node.config.name} has")
        self.node = node
        if "network" in node.config.features and node.interface is None:
            node.interface = Interface(node)
        self.watchers = [*([Rules(node)] if strict else []), *([races] if races else [])]

    def step(self, thread: Thread) -> Record | None:
        """Execute one instruction of a running thread; None when it waits or stopped with a fault (nothing retired).

        Raises
        ------
        RuleError
            When the program breaks a rule: in every mode one whose instruction was stored to and not flushed, the others when strict.
        """
        node, pc = self.node, thread.pc
        if pc + 4 > node.config.sram_bytes or pc % 4:
            return self._fault(thread, Fault.FETCH, pc)
        if pc & ~7 in node.lost:
            return self._fault(thread, Fault.ECC, pc & ~7)
        node.code.fetch(thread.index, pc)
        word = int.from_bytes(node.sram[pc : pc + 4].tobytes(), "little")
        decoded = _decode(word, node.config.features)
        if decoded is None:
            return self._fault(thread, Fault.ILLEGAL, word)
        insn, executed = decoded.insn, thread.p[decoded.pred]
        effects = []
        thread.pc = (pc + 4) % (1 << ADDRESS_BITS)
        if executed:
            for watcher in self.watchers:
                watcher.before(thread, insn, decoded.fields, pc, word)
            try:
                if insn.flow in DRAINS and node.interface:
                    node.interface.settle(thread)
                effects = decoded.execute(node, thread, {**decoded.fields, "pc": pc, "word": word})
            except FaultStop as stop:
                thread.pc = pc
                return self._fault(thread, stop.cause, stop.operand)
            except Blocked as blocked:
                thread.pc, thread.state, thread.waits = pc, ThreadState.WAITING, str(blocked)
                return None
            thread.pc %= 1 << ADDRESS_BITS
            if insn.store:
                node.code.store(thread.index, pc, effects)
            for watcher in self.watchers:
                watcher.after(thread, insn, decoded.fields, pc, word, effects)
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

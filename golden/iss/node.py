"""Fetch, decode, execute: threads of one node in program order, a trace record per instruction."""

from __future__ import annotations

from collections.abc import Iterable

from golden.arch import isa
from golden.arch.encoding import Kind, pred_of
from golden.arch.memmap import Fault, ThreadState
from golden.arch.trace import Record
from golden.asm import disassemble
from golden.iss.semantics import SEMANTICS
from golden.iss.state import Blocked, FaultStop, Node, Thread


class HangError(RuntimeError):
    """Nobody can go on; the text says what every thread waits for."""


class UndefinedRead(RuntimeError):
    """An instruction reads a register that nobody wrote."""


class Simulator:
    """Runs a node.

    Parameters
    ----------
    node : the state to run on.
    strict : raise UndefinedRead when an instruction reads a register that was never written since ``forget``.
    """

    def __init__(self, node: Node, strict: bool = False) -> None:
        self.node, self.strict = node, strict
        if strict:
            for thread in node.threads:
                thread.unwritten = {
                    f"{letter}{i}" for letter, count in (("x", 32), ("v", 32), ("c", 8), ("d", 8)) for i in range(count)
                } - {"x0"}

    def step(self, thread: Thread) -> Record | None:
        """Execute one instruction of a running thread; None when it waits or stopped with a fault (nothing retired)."""
        node, pc = self.node, thread.pc
        if pc + 4 > node.config.sram_bytes or pc % 4:
            return self._fault(thread, Fault.FETCH, pc)
        word = int.from_bytes(node.sram[pc : pc + 4].tobytes(), "little")
        insn = isa.lookup(word, node.config.features)
        if insn is None:
            return self._fault(thread, Fault.ILLEGAL, word)
        executed = thread.p[pred_of(word)]
        effects = []
        if executed:
            operands = {**insn.decode(word), "pc": pc, "word": word}
            if self.strict:
                self._check_reads(thread, insn, operands)
            thread.pc = pc + 4
            try:
                effects = SEMANTICS[insn.mnemonic](node, thread, operands)
            except FaultStop as stop:
                thread.pc = pc
                return self._fault(thread, stop.cause, stop.operand)
            except Blocked as blocked:
                thread.pc, thread.state, thread.waits = pc, ThreadState.WAITING, str(blocked)
                return None
            for letter, index, _ in effects:
                thread.unwritten.discard(f"{letter}{index}")
        else:
            thread.pc = pc + 4
        if thread.state is ThreadState.WAITING:
            thread.state, thread.waits = ThreadState.RUNNING, ""
        self._loop_back(thread, pc)
        record = Record(thread.index, thread.seq, pc, word, executed, effects)
        thread.seq = (thread.seq + 1) % (1 << 16)
        thread.retired += 1
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
    def _check_reads(thread: Thread, insn, operands: dict[str, int]) -> None:
        if insn.mnemonic in ("xor", "vxor") and operands.get("ra", operands.get("va")) == operands.get("rb", operands.get("vb")):
            return  # x ^ x is how a program makes a zero
        letters = {Kind.X: "x", Kind.V: "v", Kind.C: "c", Kind.D: "d"}
        for op in insn.operands:
            name = f"{letters.get(op.kind, '')}{operands[op.name]}"
            defines = insn.mnemonic == "setd" and op.kind is Kind.D or operands.get("first") and op.kind is Kind.C
            if op.kind in letters and op.reads and not defines and name in thread.unwritten:
                text = disassemble(operands["word"], operands["pc"])
                raise UndefinedRead(f"thread {thread.index} at {operands['pc']:#x}: {text} reads {name}, which nobody wrote")

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
                raise HangError("; ".join(f"thread {t.index} at {t.pc:#x} waits for {t.waits}" for t in self.node.threads if t.runs))
            if retired >= limit:
                raise HangError(f"{limit} instructions retired and the program goes on")

    def finish(self, limit: int = 10_000_000) -> int:
        """Run to the end; instructions retired."""
        return sum(1 for _ in self.run(limit))


def describe_fault(node: Node, thread: Thread) -> str:
    """One sentence about a thread that stopped."""
    word = int.from_bytes(node.sram[thread.pc : thread.pc + 4].tobytes(), "little")
    where = f"at pc {thread.pc:#x} ({disassemble(word, thread.pc)})"
    return f"thread {thread.index} stopped with {thread.cause.name} {where}, operand {thread.operand:#x}"

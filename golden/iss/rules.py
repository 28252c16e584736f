"""What a program may not do although the machine does something then (docs/isa.md, "Rules between instructions").

``Rules`` watches a run instruction by instruction and reports the first breach.
"""

from __future__ import annotations

from golden.arch import isa
from golden.arch.classes import ENDS_NO_BODY, MATRIX_LOADS, Alu, DescriptorUse, Flow, Matrix, Port
from golden.arch.encoding import F0, Insn, OperandKind
from golden.arch.memmap import Csr
from golden.arch.simd_ops import SIMD_OPS, SimdOp
from golden.arch.trace import Effect
from golden.asm import disassemble
from golden.iss.errors import RuleError, UndefinedRead
from golden.iss.state import Loop, Node, Thread

_LETTERS = {OperandKind.X: "x", OperandKind.V: "v", OperandKind.C: "c", OperandKind.D: "d"}


def reads(insn: Insn, fields: dict[str, int]) -> tuple[str, ...]:
    """Registers whose contents matter: x ^ x is a zero whatever x holds, and a part of an accumulator is loaded without reading it."""
    if _is_xor(insn) and len({fields[op.name] for op in insn.reads}) == 1:
        return ()
    written = {OperandKind.D} if insn.descriptor is DescriptorUse.SET else set()
    if insn.matrix in MATRIX_LOADS or fields.get("first"):
        written.add(OperandKind.C)
    return tuple(f"{_LETTERS[op.kind]}{fields[op.name]}" for op in insn.reads if op.kind in _LETTERS and op.kind not in written)


def _raises_flags(insn: Insn) -> bool:
    return insn.port is Port.DRAIN or insn.port is Port.SIMD and bool(SIMD_OPS[SimdOp(insn.simd_op)].flags)


def _is_xor(insn: Insn) -> bool:
    return insn.alu is Alu.XOR and insn.sources[1] is not None or insn.simd_op == SimdOp.XOR


def _parts(insn: Insn, fields: dict[str, int]) -> frozenset[tuple[int, int]]:
    """The (row, half row) pairs of an accumulator that an instruction writes."""
    match insn.matrix:
        case Matrix.LOAD_QUARTER:
            row, half = 4 * (fields["imm"] >> 1), fields["imm"] & 1
            return frozenset((row + i, half) for i in range(4))
        case Matrix.LOAD_RAW:
            return frozenset({(fields["imm"], 0), (fields["imm"], 1)})
    return frozenset((row, half) for row in range(8) for half in range(2))


class Rules:
    """Watches the threads of a node."""

    def __init__(self, node: Node) -> None:
        # By thread: an instruction whose FP flags may come late, and one that names FP_FLAGS and may be overtaken.
        self.unsettled: dict[int, str] = {}
        self.named: dict[int, str] = {}
        for thread in node.threads:
            thread.forget()

    def before(self, thread: Thread, insn: Insn, fields: dict[str, int], pc: int, word: int) -> None:
        """An instruction whose predicate is true is about to be executed; RuleError when it may not be."""
        for name in reads(insn, fields):
            if name in thread.unwritten:
                raise UndefinedRead(f"{_where(thread, pc, word)} reads {name}, which nobody wrote")
        loop = thread.loops[-1] if thread.loops else None
        if loop and pc == loop.last and insn.flow in ENDS_NO_BODY:
            raise RuleError(f"{_where(thread, pc, word)} is the last instruction of a loop's body, which may be no control instruction")
        if insn.flow is Flow.BARRIER and not 1 <= fields["imm"] <= isa.THREADS:
            raise RuleError(f"thread {thread.index} at {pc:#x}: a barrier of {fields['imm']} threads; it is for 1 to {isa.THREADS}")
        if insn.port is Port.CSR and fields["csr"] == Csr.FP_FLAGS and thread.index in self.unsettled:
            late = self.unsettled[thread.index]
            raise RuleError(f"{_where(thread, pc, word)} names FP_FLAGS while {late} may still raise some: put a fence before it")
        if _raises_flags(insn) and thread.index in self.named:
            early = self.named[thread.index]
            raise RuleError(f"{_where(thread, pc, word)} may raise FP flags before {early} names FP_FLAGS: put a fence between them")

    def after(self, thread: Thread, insn: Insn, fields: dict[str, int], pc: int, word: int, effects: list[Effect]) -> None:
        """It was executed, and had these effects; RuleError when it left a loop's body."""
        self._note_writes(thread, insn, fields, effects)
        if insn.flow in (Flow.FENCE, Flow.IFLUSH, Flow.BARRIER, Flow.TSTART):
            self.unsettled.pop(thread.index, None)
            self.named.pop(thread.index, None)
        elif _raises_flags(insn):
            self.unsettled[thread.index] = f"{disassemble(word, pc)} at {pc:#x}"
        elif insn.port is Port.CSR and fields["csr"] == Csr.FP_FLAGS:
            self.named[thread.index] = f"{disassemble(word, pc)} at {pc:#x}"
        call = insn.flow is Flow.CALL or insn.flow is Flow.JUMP and insn.writing(OperandKind.X, F0)
        if insn.flow in ENDS_NO_BODY and not call:
            self._check_leaving(thread, insn, pc, word)

    @staticmethod
    def _check_leaving(thread: Thread, insn: Insn, pc: int, word: int) -> None:
        for loop in reversed(thread.loops):
            if _inside(loop, pc) and not _inside(loop, thread.pc):
                if insn.flow in (Flow.LOOP, Flow.LOOPI) and thread.pc == loop.last + 4:
                    raise RuleError(
                        f"{_where(thread, pc, word)} runs zero times, and ends together with the loop around it at {loop.last:#x}: "
                        "two loops may end together only if the inner one runs at least once"
                    )
                raise RuleError(f"{_where(thread, pc, word)} leaves the body of the loop from {loop.start:#x} to {loop.last:#x}")

    @staticmethod
    def _note_writes(thread: Thread, insn: Insn, fields: dict[str, int], effects: list[Effect]) -> None:
        """Registers written are defined from now on; an accumulator loaded in parts, when all its rows and halves are."""
        for letter, index, _ in effects if thread.unwritten else ():
            name = f"{letter}{index}"
            if letter == "c" and name in thread.unwritten:
                thread.parts[index] = thread.parts.get(index, frozenset()) | _parts(insn, fields)
                if len(thread.parts[index]) < 16:
                    continue
            thread.unwritten.discard(name)


def _inside(loop: Loop, pc: int) -> bool:
    return loop.start <= pc <= loop.last


def _where(thread: Thread, pc: int, word: int) -> str:
    return f"thread {thread.index} at {pc:#x}: {disassemble(word, pc)}"

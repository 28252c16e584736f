"""Rules of loops that can be seen in the text: how a body may end, and how it may be left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from golden.arch.classes import ENDS_NO_BODY, Flow
from golden.arch.encoding import Insn
from golden.asm.text import Line, Mistake, mistake


@dataclass(frozen=True)
class Placed:
    """An instruction that was encoded: its line, its record, its operands."""

    line: Line
    insn: Insn
    fields: dict[str, int]

    @property
    def target(self) -> int:
        """The address that a loop or branch names."""
        return self.line.address + 4 * self.fields["target"]


def broken_rules(placed: list[Placed]) -> list[Mistake]:
    """A mistake for every loop that ends as it may not, and every branch that leaves a body, the innermost one."""
    return list({(m.line, m.column): m for m in _all(placed)}.values())


def _all(placed: list[Placed]) -> Iterator[Mistake]:
    by_address = {p.line.address: p for p in placed}
    loops = [p for p in placed if p.insn.flow in (Flow.LOOP, Flow.LOOPI) and p.fields["target"] > 1]
    for loop in loops:
        for p in placed:
            if loop.line.address < p.line.address < loop.target:
                yield from _inside(loop, p)
        last = by_address.get(loop.target - 4)
        if last and last.insn.flow in ENDS_NO_BODY:
            text = f"{last.insn.mnemonic} is the last instruction of the body of the loop in line {loop.line.number}, "
            yield mistake(last.line, last.line.mnemonic, f"{text}which may be no control instruction")


def _inside(loop: Placed, p: Placed) -> Iterator[Mistake]:
    where = f"the loop in line {loop.line.number}"
    if p.insn.flow is Flow.BR and not loop.line.address < p.target < loop.target:
        yield mistake(p.line, p.line.mnemonic, f"br leaves the body of {where}, which only a call may do")
    if p.insn.flow in (Flow.LOOP, Flow.LOOPI):
        if p.target > loop.target:
            yield mistake(p.line, p.line.mnemonic, f"{p.insn.mnemonic} begins in the body of {where} and ends after it")
        elif p.target == loop.target and p.insn.flow is Flow.LOOPI and p.fields["imm"] == 0:
            text = f"{p.insn.mnemonic} ends together with {where} and runs zero times: it must run at least once"
            yield mistake(p.line, p.line.mnemonic, text)

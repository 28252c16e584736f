"""Functional coverage: what retired instructions exercised, out of all that the instruction table names.

A point is an instruction, a choice, flag or tile of one, a port with a predicate that holds or not, or a fault's cause.

Benches run in processes of their own. With ``COVERAGE_FOLDER`` in the environment, every run that RTL and simulator agree on leaves its
points there, one a line (``keep``); ``make regress`` joins them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

from golden.arch import isa
from golden.arch.classes import Flow
from golden.arch.encoding import Insn, OperandKind, opcode_of, pred_of
from golden.arch.memmap import Fault
from golden.arch.trace import Record

FOLDER = "COVERAGE_FOLDER"


class Coverage:
    """Points by count."""

    def __init__(self) -> None:
        self.points: Counter[str] = Counter()

    def add(self, record: Record) -> None:
        """A retired instruction."""
        insn = isa.BY_OPCODE[opcode_of(record.word)]
        if not record.executed:
            self.points[f"{insn.port.name} predicated off"] += 1
            return
        self.points[insn.mnemonic] += 1
        if pred_of(record.word):
            self.points[f"{insn.port.name} under a predicate"] += 1
        for op in insn.operands:
            value = op.get(record.word)
            if op.kind is OperandKind.CHOICE:
                self.points[f"{insn.mnemonic} {op.choices[value]}"] += 1
            elif op.kind is OperandKind.FLAG and value:
                self.points[f"{insn.mnemonic} {op.name}"] += 1
            elif op.kind is OperandKind.TILE:
                self.points[f"{insn.mnemonic} tile [{value >> 2},{value & 3}]"] += 1

    def fault(self, cause: Fault) -> None:
        """A thread that stopped on both."""
        self.points[f"fault {cause.name}"] += 1

    def keep(self) -> None:
        """Leave the points where ``make regress`` finds them, if it asked."""
        if folder := os.environ.get(FOLDER):
            path = Path(folder) / f"points-{os.getpid()}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a") as file:
                file.writelines(f"{point}\n" for point in self.points)


@cache
def universe(features: frozenset[str]) -> frozenset[str]:
    """Every point that a node with these features has."""
    points: set[str] = set()
    table = [insn for insn in isa.TABLE if insn.feature in features]
    for insn in table:
        # A trap ends its thread: it never retires, its fault is a point of its own.
        points |= set() if insn.flow is Flow.TRAP else {insn.mnemonic, *_details(insn)}
    points |= {f"{insn.port.name} {how}" for insn in table for how in ("under a predicate", "predicated off")}
    causes = {name for insn in table for name in insn.faults} | {"ILLEGAL", "FETCH", "TRAP", "BUSY"}
    return frozenset(points | {f"fault {name}" for name in causes})


def _details(insn: Insn) -> Iterable[str]:
    for op in insn.operands:
        if op.kind is OperandKind.CHOICE:
            yield from (f"{insn.mnemonic} {choice}" for choice in op.choices)
        elif op.kind is OperandKind.FLAG:
            yield f"{insn.mnemonic} {op.name}"
        elif op.kind is OperandKind.TILE:
            yield from (f"{insn.mnemonic} tile [{row},{column}]" for row in range(2) for column in range(4))


def missing(points: Collection[str], features: frozenset[str]) -> list[str]:
    """Points of the features that nothing exercised, in order of name."""
    return sorted(universe(features) - set(points))

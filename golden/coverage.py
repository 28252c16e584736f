"""Functional coverage: what retired instructions exercised, out of all that the instruction table names.

The definition is ``GROUPS`` and ``universe``: groups of points, each point a text. ``Coverage`` finds the same texts in what retires.

Benches run in processes of their own. With ``COVERAGE_FOLDER`` in the environment, every run that RTL and simulator agree on leaves its
points there, one a line (``keep``); ``make regress`` joins them.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import cache, lru_cache
from itertools import combinations, combinations_with_replacement, product
from pathlib import Path

from golden.arch import isa
from golden.arch.classes import Flow
from golden.arch.config import BANKS
from golden.arch.encoding import Insn, OperandKind, opcode_of, pred_of
from golden.arch.memmap import Fault
from golden.arch.packet import CHANNELS, PortId
from golden.arch.sram import LANES
from golden.arch.trace import Record
from golden.noc.routing import XY

FOLDER = "COVERAGE_FOLDER"


GROUPS = {
    "instructions": "every instruction, and every choice, flag and tile of its operands (formats, storage orders, roundings, steps)",
    "predicates": "every port with an instruction whose predicate holds, and with one whose predicate does not",
    "threads": "every port used by every thread",
    "hazards": "a register that one port writes and another reads, or writes again, in the next instruction or up to NEAR later",
    "faults": "every cause that stops a thread",
    "pairs": "every two threads that dispatch in one cycle, and every two ports of instructions that two threads dispatch in one",
    "banks": "every bank of the SRAM read and written; who keeps a bank from whom; lanes of a vector access on one bank; every port's turn",
    "router": "every turn of a router on every channel, alone and as a copy, with credit left and after the last one was taken",
}
NEAR = 4
_FILES = {OperandKind.X: "x", OperandKind.V: "v", OperandKind.P: "p", OperandKind.C: "c", OperandKind.D: "d"}
_ZEROS = (("x", 0), ("p", 0))  # registers that nobody writes


class Coverage:
    """Points by count."""

    def __init__(self) -> None:
        self.points: Counter[str] = Counter()
        self._before: dict[int, list[tuple[str, frozenset[tuple[str, int]]]]] = {}  # by thread, newest first: port, registers written

    def add(self, record: Record) -> None:
        """A retired instruction; those of a thread come in its program's order."""
        insn = isa.BY_OPCODE[opcode_of(record.word)]
        reads, writes = _registers(record.word)
        before = self._before.setdefault(record.thread, [])
        if not record.seq:
            before.clear()
        if record.executed:
            self._executed(insn, record)
            self.points.update(_met(before, insn.port.name, reads, writes))
        else:
            self.points[f"{insn.port.name} predicated off"] += 1
        before.insert(0, (insn.port.name, writes if record.executed else frozenset()))
        del before[NEAR:]

    def _executed(self, insn: Insn, record: Record) -> None:
        self.points[insn.mnemonic] += 1
        self.points[f"thread {record.thread} on {insn.port.name}"] += 1
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

    def together(self, records: Mapping[int, Iterable[Record]], dispatched: Mapping[tuple[int, int], int]) -> None:
        """Records of each thread, and the cycles in which they were dispatched, by thread and number, as far as they are known."""
        cycles = defaultdict(lambda: defaultdict(set))
        for thread, retired in records.items():
            for record in retired:
                if (cycle := dispatched.get((thread, record.seq))) is not None:
                    cycles[cycle][thread].add(isa.BY_OPCODE[opcode_of(record.word)].port.name)
        for by_thread in cycles.values():
            for (a, first), (b, second) in combinations(sorted(by_thread.items()), 2):
                self.points[f"threads {a} and {b}"] += 1
                self.points.update(_pair(*ports) for ports in product(first, second))

    def fault(self, cause: Fault) -> None:
        """A thread that stopped on both."""
        self.points[f"fault {cause.name}"] += 1

    def keep(self) -> None:
        """Leave the points where ``make regress`` finds them, if it asked."""
        keep(self.points)


def keep(points: Iterable[str]) -> None:
    """Leave points where ``make regress`` finds them, if it asked."""
    if folder := os.environ.get(FOLDER):
        path = Path(folder) / f"points-{os.getpid()}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.writelines(f"{point}\n" for point in points)


def _pair(first: str, second: str) -> str:
    return "{} with {} of another thread".format(*sorted((first, second)))


def _back_to_first(came: PortId, left: PortId, channel: int, copied: bool) -> bool:
    """A copy that has begun on the second dimension of its channel's order is never on the first again (golden.noc.routing.branches)."""
    columns, rows = {PortId.WEST, PortId.EAST}, {PortId.NORTH, PortId.SOUTH}
    first, second = (columns, rows) if channel & 1 == XY else (rows, columns)
    return copied and came in second and left in first


def turn(came: PortId, left: PortId, channel: int, copied: bool, waited: bool) -> str:
    """A packet, or a copy of one, that a router passed from a port to another; ``waited``: the one before it took the last credit."""
    how, when = "copy" if copied else "alone", "after the last credit" if waited else "with credit"
    return f"{came.name} to {left.name}, channel {channel}, {how}, {when}"


def bank(number: int, how: str) -> str:
    """A bank that is ``read`` or ``written``."""
    return f"bank {number} {how}"


def conflict(holder: str, loser: str) -> str:
    """A port asks for a bank that another one, or another lane of it, has in that cycle."""
    return f"{holder} keeps a bank from {loser}"


def crowd(port: str, lanes: int) -> str:
    """So many lanes of a vector access, a gather or a scatter among them, on one bank."""
    return f"{lanes} lanes of {port} on one bank"


def turn_of(port: str) -> str:
    """A port that has waited so long that it goes first."""
    return f"turn of {port}"


def _banks() -> set[str]:
    """The points of an SRAM."""
    lines, stores, loads = ("mw", "mr", "fill"), ("st", "ss"), ("sl", "l0", "l1")
    points = {bank(number, how) for number in range(BANKS) for how in ("read", "written")}
    points |= {crowd(port, lanes) for port in ("l0", "l1", "st") for lanes in range(2, LANES + 1)}
    points |= {turn_of(port) for port in ("lr", *stores, *loads)}
    # Lines and stores are a step ahead of loads, and loads keep nothing from them.
    met = {*product(lines + stores, lines + stores + loads), *product(loads, loads)}
    one_lane = {*product(("mr", "fill"), repeat=2), *((port, port) for port in ("mw", "ss", "sl"))}
    return points | {conflict(*two) for two in met - one_lane}


@lru_cache(maxsize=1 << 14)
def _registers(word: int) -> tuple[frozenset[tuple[str, int]], frozenset[tuple[str, int]]]:
    """Registers that a word reads and writes, as (file, number)."""
    insn = isa.BY_OPCODE[opcode_of(word)]
    reads, writes = ({(_FILES[op.kind], op.get(word)) for op in ops if op.kind in _FILES} for ops in (insn.reads, insn.writes))
    reads.add(("p", pred_of(word)))
    return frozenset(reads - set(_ZEROS)), frozenset(writes - set(_ZEROS))


def _met(before: list[tuple[str, frozenset[tuple[str, int]]]], port: str, reads: Collection, writes: Collection) -> Iterable[str]:
    """Hazards between an instruction and those before it; of several writers of a register the newest."""
    for registers, how in ((reads, "read"), (writes, "written again")):
        for register in registers:
            for distance, (writer, written) in enumerate(before):
                if register in written:
                    yield _hazard(register[0], writer, port, how, distance == 0)
                    break


def _hazard(file: str, writer: str, port: str, how: str, following: bool) -> str:
    return f"{file} of {writer} {how} by {port} {'next' if following else 'soon'}"


@cache
def groups(features: frozenset[str]) -> dict[str, frozenset[str]]:
    """Every point that a node with these features has, by the names of ``GROUPS``."""
    table = [insn for insn in isa.TABLE if insn.feature in features]
    # A trap ends its thread: it never retires, its fault is a point of its own.
    retiring = [insn for insn in table if insn.flow is not Flow.TRAP]
    ports = {insn.port.name for insn in retiring}
    points: dict[str, set[str]] = {name: set() for name in GROUPS}
    for insn in retiring:
        points["instructions"] |= {insn.mnemonic, *_details(insn)}
    points["predicates"] = {f"{insn.port.name} {how}" for insn in table for how in ("under a predicate", "predicated off")}
    points["threads"] = {f"thread {thread} on {port}" for thread in range(isa.THREADS) for port in ports}
    readers, writers = defaultdict(set), defaultdict(set)
    for insn in retiring:
        for op, known in [*((op, readers) for op in insn.reads), *((op, writers) for op in insn.writes)]:
            if op.kind in _FILES:
                known[_FILES[op.kind]].add(insn.port.name)
        readers["p"].add(insn.port.name)
    for file, known in writers.items():
        for following in (True, False):
            points["hazards"] |= {_hazard(file, writer, port, "read", following) for writer in known for port in readers[file]}
            points["hazards"] |= {_hazard(file, writer, port, "written again", following) for writer in known for port in known}
    points["pairs"] = {f"threads {a} and {b}" for a, b in combinations(range(isa.THREADS), 2)}
    points["pairs"] |= {_pair(*two) for two in combinations_with_replacement(ports, 2)}
    turns = product(PortId, PortId, range(CHANNELS), (False, True), (False, True))
    points["banks"] = _banks()
    points["router"] = {turn(*how) for how in turns if how[0] != how[1] and not _back_to_first(*how[:4])}
    causes = {name for insn in table for name in insn.faults} | {"ILLEGAL", "FETCH", "TRAP", "BUSY"}
    points["faults"] = {f"fault {name}" for name in causes}
    return {name: frozenset(found) for name, found in points.items()}


def universe(features: frozenset[str]) -> frozenset[str]:
    """The points of all groups."""
    return frozenset().union(*groups(features).values())


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

"""Where the cycles of the matrix unit go, line of the program by line: every cycle in which a thread runs is charged to one instruction.

A step's cycle is the step's. A cycle that waits for a load, a drain or a SIMD result is charged to the vector instruction that waits, or
of several to that of the lowest thread; one in which everybody waits to the control instruction that waits longest; one in which no vector
instruction is queued to the next instruction that leaves decode.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from golden.arch.classes import Queue
from golden.arch.isa import THREADS
from golden.arch.trace import Slot
from sim.events.causes import IDLE, cause
from sim.events.instructions import Course, Life

_WAITS = {"load": "load", "drain": "store", "simd": ""}
"""Causes that the heads of the vector queues tell, and the stall of an instruction that has one."""


@dataclass
class Spot:
    """An instruction of the program: how often it left decode, and cycles by cause."""

    pc: int
    text: str
    count: int = 0
    cycles: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.cycles.total()


def spots(course: Course) -> tuple[dict[int, Spot], Counter[str]]:
    """By address; and cycles that nobody can be charged with, because what waited left the window."""
    found: dict[int, Spot] = {}
    nobody: Counter[str] = Counter()
    for life in course.lives:
        spot = found.setdefault(life.pc, Spot(life.pc, life.text))
        spot.count += course.first <= life.begun < course.last
    blame = _Blame(course)
    for cycle, told in course.cycles.items():
        why = cause(told)
        if why == IDLE:
            continue
        life = blame.of(cycle, why)
        if life is None:
            nobody[why] += 1
        else:
            found.setdefault(life.pc, Spot(life.pc, life.text)).cycles[why] += 1
    return dict(sorted(found.items())), nobody


class _Blame:
    """Who is charged with a cycle."""

    def __init__(self, course: Course) -> None:
        self.steps: dict[int, Life] = {}
        self.heads: dict[int, list[tuple[str, Life]]] = defaultdict(list)
        self.held: list[Life] = []
        self.out: list[list[Life]] = [[] for _ in range(THREADS)]
        for life in course.lives:
            issued = next((first for name, first in life.stages if name == "I"), None)
            if life.slot is Slot.MATRIX:
                self.steps[issued] = life
            if life.insn and life.insn.queue is Queue.VECTOR:
                self._queued(life, issued, course)
            if life.stages[0][0] == "W":
                self.held.append(life)
            self.out[life.thread].append(life)
        self.begun = [[life.begun for life in lives] for lives in self.out]

    def _queued(self, life: Life, issued: int | None, course: Course) -> None:
        """While it is the oldest of its queue, its stall; else that it is there."""
        for reason, first, last in life.stalls:
            for cycle in range(first, last):
                self.heads[cycle].append((reason, life))
        for cycle in range(life.begun, min(life.done if issued is None else issued, course.last)):
            self.heads[cycle].append(("queued", life))
        if issued is not None:
            self.heads[issued].append(("issues", life))

    def of(self, cycle: int, why: str) -> Life | None:
        if why == "step":
            return self.steps.get(cycle)
        if why == "synchronisation":
            return min((life for life in self.held if life.begun <= cycle <= life.done), key=lambda life: life.begun, default=None)
        if why in _WAITS:
            waiting = [life for reason, life in self.heads.get(cycle, []) if _WAITS[why] in ("", reason)]
            return min(waiting, key=lambda life: (life.thread, life.begun), default=None)
        following = [self.out[t][at] for t in range(THREADS) if (at := bisect_left(self.begun[t], cycle)) < len(self.out[t])]
        return min(following, key=lambda life: life.begun, default=None)

"""Pieces of a step placed over the threads of a node: who runs what in which order, and the semaphores between them.

The placement is list scheduling over a small model of the machine: a thread runs one piece at a time, the matrix pipe serves the threads
by priority, the SIMD pipe serves them alike. Whenever a thread is free it takes the first piece that is ready: slices of the batch from
the oldest to the youngest, of a slice what most waits for, links of chains last. So the stages of the slices follow each other like
those of a pipeline: the matrix unit works on a later slice, or on a chain, while an older one is in the SIMD pipe.

A thread tells another how far it has come by one counting semaphore for each pair, raised behind a piece for which the other waits, and
only where what the other knows already does not say it. All semaphores are back at 0 when all is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from golden.arch.isa import THREADS
from golden.kernels.work import Work, work
from golden.workloads.graph import Step
from golden.workloads.pieces import Piece, cut, dependencies

T = TypeVar("T")
CALL = 45
"""Cycles of a call beside its work: arguments, descriptors, the first loads, the last store."""
SIMD_RATE = 0.6
"""SIMD operations a cycle of one thread alone, whose results are far apart."""
INSTRUCTION = 0.65
"""Cycles of the SIMD pipe that an instruction is worth where loads and stores are most of the work."""
SHORT = 48
"""Cycles of the matrix pipe of a piece that goes before all others."""
LEVELS = 4
"""Priorities of the matrix pipe."""


@dataclass
class Placement:
    """Pieces, by their number, on threads.

    Attributes
    ----------
    threads : what each runs, in order.
    waits : before a piece: semaphores, 1 of each.
    raises : behind a piece: semaphores.
    levels : priority of each piece in the matrix pipe, the highest 3.
    """

    threads: list[list[int]]
    waits: dict[int, list[int]] = field(default_factory=dict)
    raises: dict[int, list[int]] = field(default_factory=dict)
    levels: dict[int, int] = field(default_factory=dict)
    known: dict[int, list[int]] = field(default_factory=dict)
    """How many pieces of each thread are done when a piece begins."""

    @cached_property
    def places(self) -> dict[int, tuple[int, int]]:
        """Thread of each piece, and its place among the thread's pieces."""
        return {number: (thread, at) for thread, order in enumerate(self.threads) for at, number in enumerate(order)}

    def before(self, one: int, two: int) -> bool:
        """Whether a piece is done for sure when another one begins."""
        thread, at = self.places[one]
        return at < self.known[two][thread]


    def then(self, after: Placement) -> Placement:
        """The same, and when all of it is done another one, whose pieces are numbered on."""
        done = [len(order) for order in self.threads]
        first = sum(done)

        def on(mapping: Mapping[int, T]) -> dict[int, T]:
            return {first + number: value for number, value in mapping.items()}

        threads = [one + [first + number for number in two] for one, two in zip(self.threads, after.threads, strict=True)]
        known = {number: [a + b for a, b in zip(done, known, strict=True)] for number, known in on(after.known).items()}
        return Placement(
            threads, self.waits | on(after.waits), self.raises | on(after.raises), self.levels | on(after.levels), self.known | known
        )


def semaphore(by: int, for_: int) -> int:
    """What a thread raises for another."""
    return THREADS * by + for_


def cut_best(step: Step, threads: int) -> list[Piece]:
    """The pieces of a step, with as many chains as the model finds best."""

    def cycles(pieces: Sequence[Piece]) -> float:
        needs = dependencies(pieces)
        model = _Model(pieces, needs, _ages(needs), threads)
        model.run()
        return model.cycles

    return min((cut(step, threads, chains) for chains in range(threads // 2 + 1)), key=cycles)


def place(pieces: Sequence[Piece], threads: int) -> Placement:
    """Pieces in the order of a step on so many threads."""
    needs = dependencies(pieces)
    ages = _ages(needs)
    if threads == 1:
        order = list(range(len(pieces)))
        return Placement([order], known={number: [number] for number in order})
    begun = _Model(pieces, needs, ages, threads).run()
    made = Placement([[] for _ in range(threads)], levels=_levels(pieces, needs))
    for number, thread in begun:
        made.threads[thread].append(number)
    _synchronise(made, needs, begun)
    return made


def pinned(pieces: Sequence[Piece], on: Sequence[int], threads: int) -> Placement:
    """Pieces in the order of a step, each on the thread that is said."""
    needs = dependencies(pieces)
    made = Placement([[] for _ in range(threads)], levels=_levels(pieces, needs))
    for number, thread in enumerate(on):
        made.threads[thread].append(number)
    _synchronise(made, needs, list(enumerate(on)))
    return made


def _ages(needs: Sequence[set[int]]) -> list[int]:
    """The slice that a piece belongs to: one without a predecessor begins a slice, every other belongs to the youngest that it needs."""
    ages: list[int] = []
    roots = 0
    for needed in needs:
        ages.append(max((ages[number] for number in needed), default=roots))
        roots += not needed
    return ages


def _levels(pieces: Sequence[Piece], needs: Sequence[set[int]]) -> dict[int, int]:
    """What is short in the matrix pipe before all others, because much waits for it, and what nobody waits for behind all; of a call's
    pieces the first before the last, so that they are done one after another. A chain has time until its last link."""
    needed = set().union(*needs)
    alike = Counter(piece.of for piece in pieces)
    seen: Counter[int] = Counter()
    levels = {}
    for number, piece in enumerate(pieces):
        long = work(piece.kernel).matrix > SHORT
        levels[number] = LEVELS - 1 - LEVELS * seen[piece.of] // alike[piece.of] if long else LEVELS - 1
        if piece.chain:
            levels[number] = 1
        if number not in needed:
            levels[number] = 0
        seen[piece.of] += 1
    return levels


def _synchronise(made: Placement, needs: Sequence[set[int]], begun: Sequence[tuple[int, int]]) -> None:
    """Waits and raises, from the pieces in an order in which each comes behind what it needs."""
    count = len(made.threads)
    place = made.places
    knows = [[0] * count for _ in range(count)]  # by thread: pieces of every thread that are done when its next one begins
    for number, thread in begun:
        mine = knows[thread]
        mine[thread] = place[number][1]
        # What one piece waits for may have waited for others itself: the last to begin are asked first.
        for needed in sorted(needs[number], key=lambda needed: (sum(made.known[needed]), place[needed][1]), reverse=True):
            other, at = place[needed]
            if at < mine[other]:
                continue
            made.waits.setdefault(number, []).append(semaphore(other, thread))
            made.raises.setdefault(needed, []).append(semaphore(other, thread))
            knows[thread] = mine = [max(pair) for pair in zip(mine, made.known[needed], strict=True)]
            mine[other] = at + 1
        made.known[number] = list(mine)


class _Model:
    """The machine, as far as the placement must know it."""

    def __init__(self, pieces: Sequence[Piece], needs: Sequence[set[int]], ages: Sequence[int], threads: int) -> None:
        self.pieces, self.needs, self.ages, self.threads = pieces, needs, ages, threads
        self.last = {piece.chain: number for number, piece in enumerate(pieces) if piece.chain}
        self.work = [work(piece.kernel) for piece in pieces]
        self.cycles = 0.0
        self.paths = self._paths()

    def _paths(self) -> list[float]:
        """Of each piece the cycles from its begin to the end of all that waits for it, if nothing stood in the way."""
        alone = [CALL + _alone(work) / (1 if work.matrix >= work.simd else SIMD_RATE) for work in self.work]
        paths = list(alone)
        for number in reversed(range(len(paths))):
            for needed in self.needs[number]:
                paths[needed] = max(paths[needed], alone[needed] + paths[number])
        return paths

    def run(self) -> list[tuple[int, int]]:
        """(piece, thread) in the order in which they begin; ``cycles`` is when all is done."""
        now, done, begun = 0.0, {}, []  # done: when each was
        waiting = list(range(len(self.needs)))
        running: dict[int, _Running] = {}
        on: dict[int, int] = {}
        holds: dict[int, str] = {}  # whose accumulators hold a chain
        while waiting or running:
            ready = [n for n in waiting if all(m in done for m in self.needs[n])]
            for number in sorted(ready, key=lambda n: (bool(self.pieces[n].chain), self.ages[n], -self.paths[n], n)):
                free = [thread for thread in range(self.threads) if thread not in running and self._may(number, thread, holds)]
                if not free:
                    continue
                thread = max(free, key=lambda thread: (sum(on[m] == thread for m in self.needs[number]), -thread))
                on[number] = thread
                if chain := self.pieces[number].chain:
                    holds[thread] = chain
                waiting.remove(number)
                begun.append((number, thread))
                running[thread] = _Running(number, self.ages[number], CALL, self.work[number])
            span = min(one.left / rate for one, rate in self._rates(running) if rate)
            for one, rate in list(self._rates(running)):
                one.pass_(span, rate)
            now += span
            for thread, one in list(running.items()):
                if one.over:
                    done[one.number] = now
                    if self.last.get(holds.get(thread)) == one.number:
                        del holds[thread]
                    del running[thread]
        self.cycles = now
        return begun

    def _may(self, number: int, thread: int, holds: Mapping[int, str]) -> bool:
        """Whether a thread's accumulators are free for a piece, or hold its chain."""
        chain = self.pieces[number].chain
        if chain in holds.values():
            return holds.get(thread) == chain
        return thread not in holds or not self.work[number].matrix

    @staticmethod
    def _rates(running: dict[int, _Running]) -> list[tuple[_Running, float]]:
        """How fast each goes on: the call itself at 1, the oldest in the matrix pipe at 1, those in the SIMD pipe alike."""
        matrix = [one for one in running.values() if one.pipe == "matrix"]
        first = min(matrix, key=lambda one: (one.age, one.number)) if matrix else None
        simd = [one for one in running.values() if one.pipe == "simd"]
        rates = []
        for one in running.values():
            if one.pipe == "matrix":
                rates.append((one, 1.0 if one is first else 0.0))
            else:
                rates.append((one, min(SIMD_RATE, 1 / len(simd)) if one in simd else 1.0))
        return rates


def _alone(work: Work) -> float:
    """What a piece takes of the pipe that it works in."""
    return float(work.matrix if work.matrix >= work.simd else max(work.simd, INSTRUCTION * work.instructions))


@dataclass(eq=False)
class _Running:
    """A piece under way: what is left of its call, then of its work."""

    number: int
    age: int
    call: float
    work: Work

    def __post_init__(self) -> None:
        self.rest = _alone(self.work)

    @property
    def pipe(self) -> str:
        return "none" if self.call > 0 else "matrix" if self.work.matrix >= self.work.simd else "simd"

    @property
    def left(self) -> float:
        return self.call if self.call > 0 else self.rest

    @property
    def over(self) -> bool:
        return self.call <= 0 and self.rest <= 1e-9

    def pass_(self, span: float, rate: float) -> None:
        if self.call > 0:
            self.call = self.call - span if self.call - span > 1e-9 else 0.0
        else:
            self.rest -= span * rate

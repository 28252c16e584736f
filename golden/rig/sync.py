"""What the threads of a random program do together: messages, barriers, shared tokens.

One order of all such events holds for every thread, and in it a raise stands before the wait that it serves; a thread that waits for the
first event not done yet can therefore always go on. A semaphore of a message has one thread that raises and one that waits, so that
its count says which messages have come. A token's holder waits for nothing else.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence

from golden.rig.memory import LINES, SCRATCH, Layout
from golden.rig.snippets import Snippet, Writer

PAIR_SEMAPHORES = 2  # of each ordered pair of threads, from semaphore 0
FIRST_POOL, POOLS = 40, 4  # semaphores of tokens that any thread takes
PAIR_BARRIER = 1  # barrier 0 is everyone's; these and the next are for pairs


class Conductor:
    """Fills the writers with private snippets and events in one order; ``numbers`` of the snippets."""

    def __init__(self, writers: Sequence[Writer], layout: Layout, rng: random.Random, numbers: Iterator[int]) -> None:
        self.writers, self.layout, self.rng, self.numbers = writers, layout, rng, numbers
        self.line = 0
        self.pools = {FIRST_POOL + i: rng.randint(1, 3) for i in range(POOLS)}

    def compose(self) -> None:
        """Write until every thread has its length."""
        while self.go_on():
            pass

    def go_on(self) -> bool:
        """Write an event or a private snippet, unless every thread has its length."""
        unfinished = [w for w in self.writers if w.size < w.length]
        if not unfinished:
            return False
        if self.rng.random() < 0.12:
            self._event()
        else:
            writer = self.rng.choice(unfinished)
            writer.snippets.append(writer.grow(self.numbers))
        return True

    def _event(self) -> None:
        kinds = [self._token]
        if len(self.writers) > 1:
            kinds += [self._message, self._message, self._message, self._barrier, self._barrier]
        self.rng.choice(kinds)()

    def add(self, number: int, name: str, writer: Writer, lines: list[str]) -> None:
        """A thread's part of an event."""
        writer.size += len(lines)
        writer.left -= len(lines)
        writer.snippets.append(Snippet(number, name, lines))

    def _fresh_line(self) -> int | None:
        if self.line == LINES:
            return None
        self.line += 1
        return self.layout.line(self.line - 1)

    def write(self, writer: Writer, address: int) -> list[str]:
        """64 bytes at an address from one thread."""
        if self.rng.random() < 0.5:
            return [*writer.scratch(address), f"vst.c {writer.v()}, d{SCRATCH}"]
        sizes = [(size, self.rng.choice("bhwd")) for size in range(0, 64, 8)]
        chosen = self.rng.sample(sizes, self.rng.randint(1, 8))
        return [f"li64 x25, {address}", *(f"st.{size} {writer.x()}, x25, {at}" for at, size in chosen)]

    def read(self, writer: Writer, address: int) -> list[str]:
        if self.rng.random() < 0.5:
            return [*writer.scratch(address), f"vld.c {writer.v()}, d{SCRATCH}"]
        return [f"li64 x25, {address}"] + [f"ld.d {writer.x()}, x25, {8 * self.rng.randrange(8)}" for _ in range(self.rng.randint(1, 4))]

    def _semaphore(self, source: Writer, target: Writer) -> int:
        return PAIR_SEMAPHORES * (4 * source.thread + target.thread) + self.rng.randrange(PAIR_SEMAPHORES)

    def _raise(self, writer: Writer, semaphore: int, amount: int) -> list[str]:
        first = self.rng.randrange(amount)
        return [f"raise {semaphore}, {part}" for part in (first, amount - first) if part or self.rng.random() < 0.2]

    def _wait(self, writer: Writer, semaphore: int, amount: int) -> list[str]:
        if self.rng.random() < 0.3:  # waitr takes the low 16 bits
            return [f"li64 x25, {amount + self.rng.choice((0, 1 << 16, 1 << 40))}", f"waitr {semaphore}, x25"]
        first = self.rng.randrange(amount + 1)
        return [f"wait {semaphore}, {part}" for part in (first, amount - first) if part or self.rng.random() < 0.2]

    def _message(self) -> None:
        """A line from one thread to another; sometimes the other writes it anew and answers."""
        address = self._fresh_line()
        if address is None:
            return self._token()
        source, target = self.rng.sample(list(self.writers), 2)
        number, amount, semaphore = next(self.numbers), self.rng.choice((1, 1, 2, 7, 1000)), self._semaphore(source, target)
        here = [*self.write(source, address), *self._raise(source, semaphore, amount)]
        there = [*self._wait(target, semaphore, amount), *self.read(target, address)]
        if self.rng.random() < 0.4:
            answer = self._semaphore(target, source)
            there += [*self.write(target, address), *self._raise(target, answer, 1)]
            here += [*self._wait(source, answer, 1), *self.read(source, address)]
        self.add(number, f"message to {target.thread}", source, here)
        self.add(number, f"message from {source.thread}", target, there)
        return None

    def _barrier(self) -> None:
        """Each of a set of threads writes a line, and after the barrier reads another's."""
        group, barrier = list(self.writers), 0
        if len(group) > 2 and self.rng.random() < 0.5:
            group = sorted(self.rng.sample(group, 2), key=lambda w: w.thread)
            pairs = list(itertools.combinations(range(4), 2))
            barrier = PAIR_BARRIER + pairs.index((group[0].thread, group[1].thread))
        lines = [self._fresh_line() for _ in group]
        number = next(self.numbers)
        for i, writer in enumerate(group):
            mine, other = lines[i], lines[(i + 1) % len(group)]
            before = self.write(writer, mine) if mine is not None else []
            after = self.read(writer, other) if other is not None else []
            self.add(number, f"barrier {barrier}", writer, [*before, f"barrier {barrier}, {len(group)}", *after])

    def _token(self) -> None:
        """Some of a pool's tokens, held during a private instruction or two."""
        pool = self.rng.choice(list(self.pools))
        amount = self.rng.randint(1, self.pools[pool])
        writer = self.rng.choice(list(self.writers))
        work = writer.any_of(writer.alu, self.rng.randint(0, 3))
        self.add(next(self.numbers), f"token {pool}", writer, [f"wait {pool}, {amount}", *work, f"raise {pool}, {amount}"])

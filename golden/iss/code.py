"""Lines of instructions that a node may hold, and what was stored into them meanwhile."""

from __future__ import annotations

from collections.abc import Iterable

from golden.arch.trace import Effect
from golden.iss.errors import StaleCode

_LINE = 6  # log2 of the bytes of a line
_AHEAD = 3  # lines that may be fetched when an instruction of the first of them is


class Code:
    """What was fetched since the instruction cache was last emptied, and stored to since it was fetched.

    A line counts as held from the first instruction of it, or of the two lines before it, that a thread came to.
    """

    def __init__(self) -> None:
        self.lines: set[int] = set()
        self.stored: dict[int, tuple[int, int]] = {}  # by address of the instruction: thread and pc of the store

    def fetch(self, thread: int, pc: int) -> None:
        """A thread comes to the instruction at ``pc``.

        Raises
        ------
        StaleCode
            When it was stored to since it was fetched, and not flushed.
        """
        if pc in self.stored:
            by, at = self.stored[pc]
            raise StaleCode(
                f"thread {thread} runs the instruction at {pc:#x}, which the store at {at:#x} of thread {by} wrote: "
                "it stored to code that was not flushed; put an iflush between them"
            )
        self.lines.update(range(pc >> _LINE, (pc >> _LINE) + _AHEAD))

    def store(self, thread: int, pc: int, effects: Iterable[Effect]) -> None:
        """The instruction at ``pc`` wrote memory."""
        for letter, address, image in effects:
            if letter == "m" and not self.lines.isdisjoint(range(address >> _LINE, (address + len(image) - 1 >> _LINE) + 1)):
                words = range(address & ~3, address + len(image), 4)
                self.stored |= {word: (thread, pc) for word in words if word >> _LINE in self.lines}

    def overwrite(self, address: int, size: int) -> None:
        """A host wrote these bytes: what threads stored there is gone. Its own flush is its own care."""
        if self.stored:
            for word in range(address & ~3, address + size, 4):
                self.stored.pop(word, None)

    def flush(self) -> None:
        """The cache, and what threads hold of it, is emptied."""
        self.lines.clear()
        self.stored.clear()

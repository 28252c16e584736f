"""The retire trace: what RTL and instruction-set simulator both say of every instruction.

A record belongs to (thread, seq): ``seq`` counts the thread's instructions from 0 in program order, modulo 2^16 in hardware. It holds
pc, word, whether the predicate was true, the destinations with their new values, and the bytes stored. Effects are small tuples::

    ("x", index, value)          scalar register, 64 bits
    ("p", index, value)          predicate
    ("v", index, bytes)          vector register, 64 bytes
    ("c", index, digest)         accumulator, 64-bit digest of its 64 raw words (docs/numerics.md)
    ("d", index, base)           descriptor: word address of its inner position after a setd or a step
    ("m", address, bytes)        bytes written to memory, in ascending address order, adjacent bytes merged
    ("s", semaphore, amount)     raise

"""

from __future__ import annotations

from dataclasses import dataclass, field

SEQ_BITS = 16
Effect = tuple[str, int, int | bytes]


@dataclass
class Record:
    """One retired instruction."""

    thread: int
    seq: int
    pc: int
    word: int
    executed: bool
    effects: list[Effect] = field(default_factory=list)

    def canonical(self) -> tuple[int, int, int, int, bool, tuple[Effect, ...]]:
        """Everything, effects sorted: two records are the same instruction with the same result iff these are equal."""
        return self.thread, self.seq, self.pc, self.word, self.executed, tuple(sorted(self.effects, key=lambda e: (e[0], e[1])))


def merge_bytes(pieces: list[tuple[int, int]]) -> list[Effect]:
    """``("m", address, bytes)`` effects from (byte address, byte value) pairs, ascending, adjacent bytes merged."""
    effects: list[Effect] = []
    start, run = None, bytearray()
    for address, value in sorted(pieces):
        if start is not None and address == start + len(run):
            run.append(value)
        else:
            if start is not None:
                effects.append(("m", start, bytes(run)))
            start, run = address, bytearray([value])
    if start is not None:
        effects.append(("m", start, bytes(run)))
    return effects

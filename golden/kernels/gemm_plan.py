"""How a product is divided among threads: into panels of rows or of columns, each walked in 2x2 tiles or as one block of up to 2x4.

Every division is costed by rules of the machine and the cheapest is taken. A thread alone needs, for a block, its steps, but at least a few
cycles for each load of a tile, whose registers come round soon, and what it takes from a block's last step until its accumulators are free
again. It begins when its start packet has come, one thread behind the other. All together need the steps of the matrix unit, or the
drains, or the loads, whichever are most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from golden.arch.classes import Format
from golden.arch.isa import THREADS, VECTOR_REGISTERS
from golden.kernels.gemm import HALF, Gemm
from golden.kernels.gemm_link import K_STEP, Link, links
from golden.kernels.kernel import Part, bounds

TILE = 8
START = 34
"""Cycles of a part before its first step and behind its last drain."""
LATENCY = 12
"""Cycles from a load to its step and from there to the next load of its register."""
TURN = 17
"""Cycles of a block however few steps it has: descriptors, loads and drains one behind the other."""
BETWEEN = 3
"""Cycles from a block to the next."""
PACKET = 14
"""Cycles from a thread's start to the next one's."""
LOAD = 0.75
"""Cycles of a gather when two ports bring what they can."""
SPARE = 1 / 64
"""What counts a cycle that a thread needs alone, or a load, when something else is the limit."""


@dataclass(frozen=True)
class Plan:
    """A division and what it is thought to cost, in cycles."""

    parts: tuple[Part, ...]
    cycles: float


def plan(gemm: Gemm) -> Plan:
    """The cheapest division."""
    found = []
    for threads in range(1, THREADS + 1):
        for axis in gemm.axes():
            for grain in (axis.grain, TILE):
                at = bounds(getattr(gemm, axis.extent), grain, threads)
                if len(at) - 1 == threads:
                    found.append(_costed(gemm, tuple(map(_cheaper, gemm.cut(replace(axis, grain=grain), at)))))
    return min(found, key=lambda plan: (plan.cycles, len(plan.parts)))


def _cheaper(part: Part) -> Part:
    """The same panel as one block where that is cheaper for its thread."""
    gemm = part.kernel
    whole = links(gemm, [0, gemm.k])
    return replace(part, kernel=whole[0].kernel) if whole and alone(whole[0].kernel) < alone(gemm) else part


def _costed(gemm: Gemm, parts: tuple[Part, ...]) -> Plan:
    rows, columns, depth = _extents(gemm)
    loads = sum(_loads(part.kernel) for part in parts)
    together = START + TILE + max(rows * columns * depth, _drain(gemm) * rows * columns, LOAD * loads)
    longest = max(PACKET * thread + alone(part.kernel) for thread, part in enumerate(parts))
    return Plan(parts, max(together, longest) + SPARE * (longest + loads))


def alone(kernel: Gemm | Link) -> float:
    """Cycles of a part whose thread has the machine to itself."""
    gemm = kernel.gemm if isinstance(kernel, Link) else kernel
    rows, columns, depth = _extents(gemm)
    if isinstance(kernel, Link):
        registers = rows + columns
        step = max(rows * columns, LATENCY / (VECTOR_REGISTERS // registers), registers / 2)
        return START + depth * step + _drain(gemm) * rows * columns
    loads = -(-depth // 2) if gemm.short else depth
    total, last = 0.0, 1
    for tall, count in ((2, rows // 2), (1, rows % 2)):
        for wide, many in ((2, columns // 2), (1, columns % 2)):
            if count * many:
                waits = loads * LATENCY / (HALF // (tall + wide))
                total += count * many * (max(tall * wide * depth, waits, TURN) + BETWEEN)
                last = tall * wide
    return START + total + _drain(gemm) * last


def _loads(kernel: Gemm | Link) -> int:
    """Gathers of a part: of each block the tiles of both factors, for every step or, with eight bits, every two."""
    gemm = kernel.gemm if isinstance(kernel, Link) else kernel
    rows, columns, depth = _extents(gemm)
    down, right = (1, 1) if isinstance(kernel, Link) else (-(-rows // 2), -(-columns // 2))
    return (rows * right + columns * down) * (-(-depth // 2) if gemm.short else depth)


def _extents(gemm: Gemm) -> tuple[int, int, int]:
    """Tiles down and right, and steps of a tile."""
    return -(-gemm.m // TILE), -(-gemm.n // TILE), -(-gemm.k // K_STEP)


def _drain(gemm: Gemm) -> int:
    """Cycles of a tile's drain."""
    return Format[gemm.out.upper()].beats

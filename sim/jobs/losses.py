"""The largest losses of a profile, and what would remove them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sim.events.causes import REMEDIES


@dataclass(frozen=True)
class Loss:
    """Cycles of a kernel in which the matrix unit took no step for one cause; ``share`` of the cycles of all kernels."""

    kernel: str
    cause: str
    cycles: int
    share: float


def losses(rows: list[dict[str, Any]], most: int = 3) -> list[Loss]:
    """The largest first, at most so many, of kernels as ``sim.jobs.profile`` has them; none of 0 cycles."""
    every = sum(row["cycles"] for row in rows)
    found = [
        Loss(row["name"], cause, cycles, cycles / every)
        for row in rows
        for cause, cycles in row["causes"].items()
        if cause in REMEDIES and cycles
    ]
    return sorted(found, key=lambda loss: -loss.cycles)[:most]


def told(loss: Loss) -> str:
    """A sentence: where, how much, and what helps."""
    return f"{loss.kernel} loses {loss.cycles} cycles ({loss.share:.1%} of all) to {loss.cause}: {REMEDIES[loss.cause]}"

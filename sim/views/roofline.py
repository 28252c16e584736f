"""A roofline of kernels: how many matrix steps a kernel takes per vector access, and per cycle.

The roofs are the machine's: a step a cycle, and two vector accesses a cycle (golden.arch.isa.THREADS share both). Both figures are
counted, so a kernel lies below the roofs or the counters are wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sim.files import whole

ACCESSES = 2
"""Vector accesses that the machine can begin in a cycle."""


class RoofError(AssertionError):
    """A kernel above a roof: a bug in the counters."""


def point(row: dict[str, Any]) -> tuple[float, float] | None:
    """Steps per access, steps per cycle; None for a kernel without steps or accesses, which has no place in the plot."""
    steps, accesses, cycles = row["causes"]["step"], row["accesses"], row["cycles"]
    if not steps or not accesses:
        return None
    if steps > cycles or accesses > ACCESSES * cycles:
        raise RoofError(f"{row['name']}: {steps} steps and {accesses} accesses in {cycles} cycles are more than the machine can begin")
    return steps / accesses, steps / cycles


def plot_roofline(path: Path, rows: list[dict[str, Any]], title: str) -> None:
    """The kernels that have steps, as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import FixedLocator

    points = {row["name"]: place for row in rows if (place := point(row))}
    figure, axes = pyplot.subplots(figsize=(9, 5.5), layout="constrained")
    across = np.geomspace(0.05, 50, 200)
    axes.plot(across, np.minimum(1, ACCESSES * across), color="#1f4e8c", linewidth=2, label="1 step, 2 accesses a cycle")
    colours = pyplot.get_cmap("tab20").colors
    for number, (name, (x, y)) in enumerate(points.items()):
        axes.scatter([x], [y], s=60, color=colours[number % len(colours)], zorder=3, label=f"{name}: {y:.0%} of the peak")
    axes.set(xscale="log", yscale="log", ylim=(0.01, 1.5), xlim=(0.05, 50), title=f"{title}: roofline of the matrix unit")
    axes.set(xlabel="matrix steps per vector load, store or drain", ylabel="matrix steps per cycle")
    for axis, places in ((axes.xaxis, (0.1, 0.5, 1, 5, 10)), (axes.yaxis, (0.01, 0.1, 0.25, 0.5, 1))):
        axis.set_major_locator(FixedLocator(places))
        axis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize="small", loc="lower right")
    with whole(path) as partial:
        figure.savefig(partial, dpi=120, format="png")
    pyplot.close(figure)

"""Pictures of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.files import whole

AROUND = 10  # steps on each side that the mean of a loss takes in


def mean_around(values: NDArray[np.float64], most: int = AROUND) -> NDArray[np.float64]:
    """The mean of each value and its neighbours, as many on one side as on the other: ``most``, fewer near the ends."""
    count = len(values)
    sides = np.minimum(np.minimum(np.arange(count), np.arange(count)[::-1]), most)
    return np.array([values[i - side : i + side + 1].mean() for i, side in enumerate(sides)])


def plot_loss(path: Path, loss: list[float], title: str) -> None:
    """The loss of every step and its mean around it, as PNG; steps whose loss is NaN or Inf are left out."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    steps, values = np.arange(1, len(loss) + 1), np.array(loss, np.float64)
    steps, values = steps[np.isfinite(values)], values[np.isfinite(values)]
    figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    axes.plot(steps, values, color="#b8c4d6", linewidth=1, label="each step")
    dot = "o" if len(values) == 1 else None  # a line through one point is nothing
    axes.plot(steps, mean_around(values), color="#1f4e8c", linewidth=2, marker=dot, label=f"mean of up to {AROUND} steps on each side")
    axes.set(xlabel="step", ylabel="cross-entropy (nats)", title=title, ylim=(0, None))
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axes.grid(alpha=0.3)
    axes.legend()
    with whole(path) as partial:
        figure.savefig(partial, dpi=120, format="png")
    pyplot.close(figure)


def plot_causes(path: Path, rows: list[dict[str, Any]], causes: list[str], title: str) -> None:
    """One bar per kernel: cycles of the matrix unit by cause, as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = [row["name"] for row in rows]
    figure, axes = pyplot.subplots(figsize=(9, 0.5 * len(rows) + 1.8), layout="constrained")
    left = np.zeros(len(rows))
    colours = ["#1f4e8c", "#d9822b", "#b83b5e", "#6a8d3c", "#8a8f98", "#c9ccd1"]
    for cause, colour in zip(causes, colours, strict=True):
        width = np.array([row["causes"][cause] for row in rows])
        axes.barh(names, width, left=left, color=colour, label=cause)
        left += width
    axes.invert_yaxis()
    axes.set(xlabel="cycles", title=title)
    figure.legend(ncols=len(causes), fontsize="small", loc="outside lower center")
    with whole(path) as partial:
        figure.savefig(partial, dpi=120, format="png")
    pyplot.close(figure)


def plot_loads(path: Path, rows: list[dict[str, Any]], saturation: float, longest: float, title: str) -> None:
    """Latency and throughput over the load, as PNG; latencies of several times the `longest` are cut off."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    loads = [row["rate"] for row in rows]
    figure, (above, below) = pyplot.subplots(2, 1, figsize=(8, 7), sharex=True, layout="constrained")
    for name, label, colour in (("p99_latency", "99 % of the packets", "#b8c4d6"), ("mean_latency", "mean", "#1f4e8c")):
        above.plot(loads, [row[name] for row in rows], color=colour, marker="o", markersize=3, label=label)
    above.axhline(longest, color="#8a8f98", linestyle=":", label=f"{longest:g} cycles")
    above.set(ylabel="latency (cycles)", ylim=(0, 2 * longest), title=title)
    below.plot(loads, [row["offered"] for row in rows], color="#c9ccd1", linewidth=4, label="offered")
    below.plot(loads, [row["accepted"] for row in rows], color="#1f4e8c", marker="o", markersize=3, label="accepted")
    below.set(xlabel="load (packets per sending node and cycle)", ylabel="arrivals per sending node and cycle", ylim=(0, None))
    below.set_xlim(0, None)
    for axes in (above, below):
        axes.axvline(saturation, color="#d9822b", linestyle="--", label=f"saturation {saturation:g}")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    with whole(path) as partial:
        figure.savefig(partial, dpi=120, format="png")
    pyplot.close(figure)

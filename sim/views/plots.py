"""Pictures of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sim.files import whole


def plot_loss(path: Path, loss: list[float], title: str) -> None:
    """The loss of every step and its running mean over 20 steps, as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    steps = np.arange(1, len(loss) + 1)
    figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    axes.plot(steps, loss, color="#b8c4d6", linewidth=1, label="each step")
    width = min(20, len(loss))
    mean = np.convolve(loss, np.ones(width) / width, "valid")
    axes.plot(steps[width - 1 :], mean, color="#1f4e8c", linewidth=2, label=f"mean of {width} steps")
    axes.set(xlabel="step", ylabel="cross-entropy (nats)", title=title, ylim=(0, None))
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
    axes.legend(ncols=len(causes), fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.18))
    with whole(path) as partial:
        figure.savefig(partial, dpi=120, format="png")
    pyplot.close(figure)

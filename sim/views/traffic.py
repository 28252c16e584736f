"""What a network carried as pictures: how busy each link of a mesh was, by class, and how late packets came."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.arch.mesh import MeshConfig
from sim.events.packets import Link, percentile
from sim.files import whole

LABELLED = 6  # columns and rows up to which a link's share is written beside it
_SIDE, _SHORT = 0.13, 0.24  # of a link's arrow: beside the line between two nodes; what is left out at each end
_COLOURS = ("#1f4e8c", "#d9822b")


def plot_heat(path: Path, mesh: MeshConfig, shares: Mapping[str, Mapping[Link, float]], title: str) -> None:
    """A mesh for each class that carried anything, every link in the colour of its packets a cycle; PNG, or SVG where the name says so."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    shown = {name: links for name, links in shares.items() if any(links.values())} or dict(list(shares.items())[:1])
    colours = ScalarMappable(Normalize(0, max((share for links in shown.values() for share in links.values()), default=0) or 1), "YlOrRd")
    outside = 0.8 if any(end not in mesh.places for links in shown.values() for link in links for end in link) else 0
    wide, high = (max(3.2, 0.8 * (size + 2 * outside)) for size in (mesh.columns, mesh.rows))
    figure, every = pyplot.subplots(1, len(shown), figsize=(wide * len(shown) + 1.5, high + 1), layout="constrained", squeeze=False)
    for axes, (name, links) in zip(every[0], shown.items(), strict=True):
        _mesh(axes, mesh)
        for link, share in links.items():
            if share:
                _arrow(axes, link, share, colours, mesh)
        limits = {"xlim": (0.5 - outside, mesh.columns + 0.5 + outside), "ylim": (mesh.rows + 0.5 + outside, 0.5 - outside)}
        axes.set(title=name, aspect="equal", **limits)
        axes.set_xticks(range(1, mesh.columns + 1))
        axes.set_yticks(range(1, mesh.rows + 1))
        axes.tick_params(length=0, labelsize="small")
        for side in axes.spines.values():
            side.set_visible(False)
    figure.colorbar(colours, ax=list(every[0]), label="packets a cycle", shrink=0.8)
    figure.suptitle(title)
    _save(figure, path)


def _mesh(axes: Any, mesh: MeshConfig) -> None:
    from matplotlib.patches import Rectangle

    for x, y in mesh.places:
        dead = (x, y) in mesh.dead
        look = {"facecolor": "#495057" if dead else "#eef2f8", "edgecolor": "#8a8f98", "zorder": 1}
        axes.add_patch(Rectangle((x - 0.22, y - 0.22), 0.44, 0.44, **look))
        if mesh.columns <= LABELLED and mesh.rows <= LABELLED:
            axes.text(x, y, "dead" if dead else f"{x},{y}", ha="center", va="center", fontsize=7, color="white" if dead else "black")


def _arrow(axes: Any, link: Link, share: float, colours: Any, mesh: MeshConfig) -> None:
    """From near the sender to near the receiver, on its right-hand side, so that the two directions stand side by side."""
    (x0, y0), (x1, y1) = link
    along, beside = np.array((x1 - x0, y1 - y0)), np.array((y0 - y1, x1 - x0)) * _SIDE
    begin, end = np.array((x0, y0)) + along * _SHORT + beside, np.array((x1, y1)) - along * _SHORT + beside
    look = {"arrowstyle": "-|>", "color": colours.to_rgba(share), "linewidth": 3, "mutation_scale": 10, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, begin, arrowprops=look, zorder=2)
    if mesh.columns <= LABELLED and mesh.rows <= LABELLED:
        at = (begin + end) / 2 + beside * 1.1
        axes.text(*at, f"{share:.2f}".lstrip("0"), ha="center", va="center", fontsize=6, rotation=90 if x0 == x1 else 0, zorder=3)


def plot_latencies(path: Path, counts: Mapping[str, NDArray[Any]], title: str) -> None:
    """How many packets took how many cycles, by class, with the median and what 99 % are within; PNG or SVG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = {name: each for name, each in counts.items() if each.sum()}
    most = max((percentile(each, 0.999) for each in shown.values()), default=0) + 2
    figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    for (name, each), colour in zip(shown.items(), _COLOURS, strict=False):
        middle, late = percentile(each, 0.5), percentile(each, 0.99)
        label = f"{each.sum()} {name}: half within {middle} cycles, 99 % within {late}, all within {np.flatnonzero(each)[-1]}"
        axes.stairs(each[:most] / each.sum(), np.arange(len(each[:most]) + 1) - 0.5, fill=True, alpha=0.4, color=colour, label=label)
        axes.axvline(middle, color=colour, linewidth=1)
        axes.axvline(late, color=colour, linewidth=1, linestyle="--")
    axes.set_title(title, wrap=True)
    axes.set(xlabel="cycles (line: median, dashed: 99 %)", ylabel="share of the packets", xlim=(0, most), ylim=(0, None))
    axes.grid(alpha=0.3)
    if shown:
        axes.legend(fontsize="small")
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    from matplotlib import pyplot

    with whole(path) as partial:
        figure.savefig(partial, dpi=120, format="svg" if path.suffix == ".svg" else "png")
    pyplot.close(figure)

"""Some cycles of waves as a picture, for people without a viewer: the signals of the save files, by group, values by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import pywellen

from golden.arch.formats import FLOAT_FORMATS
from golden.asm import Program
from sim.files import whole
from sim.views.wave_numbers import numbers
from sim.views.waves import WavesError, bias, chosen, clock, cycle_length, forms_of, kind, signals, tables

CYCLES, BEFORE = 48, 16
"""Of a picture, and of these before the cycle for which people look."""
_WIDE, _HIGH = 0.3, 0.2  # inches of a cycle, of a signal
_LETTERS = 5  # that fit into a cycle


def draw(picture: Path, path: Path, program: Program | None = None, focus: int | None = None) -> tuple[int, int]:
    """Draw the cycles around ``focus``, or from the first in which anything but the clock changes; first and last cycle drawn.

    WavesError when the file holds nothing of that cycle.
    """
    scope, widths = signals(path)
    variables = {variable.full_name: variable for variable in pywellen.Waveform(str(path)).all_vars()}
    groups = [(title, [name.removeprefix(f"{scope}.") for name in names]) for title, names in chosen(scope, widths) if title != "clock"]
    shown = {name: variables[f"{scope}.{name}"] for _, names in groups for name in names}
    length = cycle_length(path)
    begun, end = _span(path, shown.values(), length)
    if focus is not None and not begun <= focus <= end:
        raise WavesError(f"{path} holds cycles {begun} to {end}: {focus} lies outside")
    start = _moves(shown.values(), begun, length) - 2 if focus is None else focus - BEFORE
    first = max(begun, min(start, end - CYCLES + 1))
    last = min(end, first + CYCLES - 1)
    known = tables(program)
    of_bias = bias(path, scope)

    def text(name: str, value: int) -> str:
        """A value of a signal in words: its meaning, an address in bytes, numbers of the first format, else digits."""
        what, forms = kind(name), forms_of(name)
        if forms:
            return numbers(value, widths[f"{scope}.{name}"], forms[0], of_bias if FLOAT_FORMATS[forms[0]].has_bias else None)
        return known.get(what or "", {}).get(value, f"{4 * value:#x}" if what == "pc" else f"{value:x}")

    lanes = [(title, {name: _runs(shown[name], (first, last, length), partial(text, name)) for name in names}) for title, names in groups]
    _plot(picture, lanes, {name: widths[f"{scope}.{name}"] for name in shown}, (first, last), focus, path.name)
    return first, last


def _span(path: Path, variables: Iterable[Any], length: int) -> tuple[int, int]:
    """First and last cycle that the clock, or without one any of these signals, says something of."""
    times = [time for time, _ in clock(path)]
    times = times or [variable.tv[at][0] for variable in variables if len(variable.tv) for at in (0, len(variable.tv) - 1)]
    if not times:
        raise WavesError(f"{path} holds no cycle")
    return min(times) // length, max(times) // length


def _moves(variables: Iterable[Any], begun: int, length: int) -> int:
    """The first cycle after the begin in which one of these changes."""
    later = [variable.tv[1][0] // length for variable in variables if len(variable.tv) > 1]
    return min((cycle for cycle in later if cycle > begun), default=begun)


def _runs(variable: Any, span: tuple[int, int, int], text: Callable[[int], str]) -> list[tuple[int, int, int | None, str]]:
    """(cycle, cycle after the last, value, text) of each time that a signal stands; ``span``: first and last cycle, length of one."""
    first, last, length = span

    def value(cycle: int) -> int | None:
        found = variable.signal.value_at(length * cycle)
        return int(found) if found is not None and str(found).isdecimal() else None

    found = []
    for number, cycles in groupby(range(first, last + 1), key=value):
        held = list(cycles)
        found.append((held[0], held[-1] + 1, number, "x" if number is None else text(number)))
    return found


def _plot(
    picture: Path, lanes: list[tuple[str, dict[str, list]]], widths: Mapping[str, int], span: tuple[int, int], focus: int | None, title: str
) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    first, last = span
    rows = sum(1 + len(names) for _, names in lanes)
    figure, axes = pyplot.subplots(figsize=(3.2 + _WIDE * (last - first + 1), 0.9 + _HIGH * rows), layout="constrained")
    ticks, y = [], 0
    for group, names in lanes:
        axes.text(first, y, group, fontsize=8, weight="bold", va="center")
        ticks.append((y, ""))
        for name, runs in names.items():
            y += 1
            ticks.append((y, name))
            (_level if widths[name] == 1 else _values)(axes, y, runs)
        y += 1
    if focus is not None:
        axes.axvspan(focus, focus + 1, color="#f3d9a4", zorder=0)
    axes.set(xlim=(first, last + 1), ylim=(y - 0.4, -0.8), title=f"{title}: cycles {first} to {last}")
    axes.set_yticks([at for at, _ in ticks], [name for _, name in ticks], fontsize=6.5, family="monospace")
    axes.set_xticks(range(-(-first // 4) * 4, last + 2, 4))
    axes.tick_params(axis="x", labelsize=7, top=True, labeltop=True)
    axes.grid(axis="x", alpha=0.25)
    with whole(picture) as unfinished:
        figure.savefig(unfinished, dpi=110, format="svg" if picture.suffix == ".svg" else "png")
    pyplot.close(figure)


def _level(axes: Any, y: float, runs: list[tuple[int, int, int | None, str]]) -> None:
    """A bit: a line that is high or low; grey where it is unknown."""
    for begin, end, value, _ in runs:
        if value is None:
            axes.fill_between([begin, end], y + 0.35, y - 0.35, color="#c9ccd1", linewidth=0)
        elif value:
            axes.fill_between([begin, end], y + 0.35, y - 0.35, color="#7fb069", linewidth=0)
        axes.plot([begin, end], [y + 0.35 - 0.7 * bool(value)] * 2, color="#2f5d1e", linewidth=0.9)
    for begin, *_ in runs[1:]:
        axes.plot([begin, begin], [y + 0.35, y - 0.35], color="#2f5d1e", linewidth=0.9)


def _values(axes: Any, y: float, runs: list[tuple[int, int, int | None, str]]) -> None:
    """A word: a box as long as it stands, with as much of its text as fits."""
    for begin, end, value, text in runs:
        colour = "#c9ccd1" if value is None else "#eef3fa" if value else "#ffffff"
        axes.fill_between([begin, end], y + 0.38, y - 0.38, facecolor=colour, edgecolor="#1f4e8c", linewidth=0.6)
        room = int(_LETTERS * (end - begin))
        fitting = text if len(text) <= room else text[: room - 1] + "…" if room > 2 else ""
        axes.text(begin + 0.12, y, fitting, fontsize=5.8, family="monospace", va="center", clip_on=True)

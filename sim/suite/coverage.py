"""What the benches exercised: instructions and faults (golden.coverage), lines and bits of the Verilog (Verilator's counts).

A bench's run leaves ``<design>.<run>.dat`` in a folder, a point a line: ``C '<key>' <count>``. The runs of a design are joined, a point
counts when any run reached it, and a share is over all designs' points.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from golden.coverage import groups, missing, universe

# Verilator's pages: a line is a basic block or a branch of one, a toggle is one edge of one bit.
_KINDS = {"v_line": "line", "v_branch": "line", "v_toggle": "toggle"}
_POINT = re.compile(r"^C '(?P<key>.*\x01page\x02(?P<page>\w+)/.*)' (?P<count>\d+)$")


def report(folder: Path, features: frozenset[str]) -> dict[str, Any]:
    """functional, line, toggle (percent; None where nothing was counted), groups of functional points (name, percent, of), missing
    (functional points), designs (name, line, toggle).
    """
    points = {line for file in folder.glob("points-*.txt") for line in file.read_text().splitlines()}
    left = missing(points, features)
    total = len(universe(features))
    designs = {name: _join(files) for name, files in sorted(_runs(folder).items())}
    return {
        "functional": round(100 * (total - len(left)) / total, 2) if points else None,
        "line": _share(designs.values(), "line"),
        "toggle": _share(designs.values(), "toggle"),
        "groups": [
            {"name": name, "percent": round(100 * len(known & points) / len(known), 2), "of": len(known)}
            for name, known in groups(features).items()
            if points
        ],
        "missing": left,
        "designs": [{"name": name, **{kind: _share([found], kind) for kind in ("line", "toggle")}} for name, found in designs.items()],
    }


def _runs(folder: Path) -> dict[str, list[Path]]:
    runs = defaultdict(list)
    for file in folder.glob("*.dat"):
        runs[file.name.split(".")[0]].append(file)
    return runs


def _join(files: Iterable[Path]) -> dict[str, dict[str, bool]]:
    """kind -> point -> whether a run reached it."""
    found: dict[str, dict[str, bool]] = {"line": {}, "toggle": {}}
    for file in files:
        with file.open() as lines:
            for line in lines:
                point = _POINT.match(line)
                if point and (kind := _KINDS.get(point["page"])):
                    kept = found[kind]
                    kept[point["key"]] = kept.get(point["key"], False) or point["count"] != "0"
    return found


def _share(designs: Iterable[dict[str, dict[str, bool]]], kind: str) -> float | None:
    reached = total = 0
    for found in designs:
        reached += sum(found[kind].values())
        total += len(found[kind])
    return round(100 * reached / total, 2) if total else None

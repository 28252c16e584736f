"""What the newest results say of the machine itself, for the trend of a regression: cycles, speed, timing, area.

The results are those of ``make bench``, ``make sim`` and ``make timing``; one that is older than a source of the machine is of another one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sim.suite.journal import source_files

GEMM = {"kernel": "gemm", "shape": "128x128x128", "format": "bf16", "transpose": "nn"}


def _gemm(report: Mapping[str, Any]) -> float:
    return next(row["cycles"] for row in report["rows"] if GEMM.items() <= row.items())


def _step(report: Mapping[str, Any]) -> float:
    return report["cycles"] / report["steps"]


# By its name in the trend: the results, and the figure in their report.
FIGURES: dict[str, tuple[str, Callable[[Mapping[str, Any]], float]]] = {
    "cycles of GEMM 128^3": ("bench", _gemm),
    "cycles of a step": ("sim", _step),
    "kHz": ("sim", lambda report: report["sim_khz"]),
    "worst ps": ("timing", lambda report: max(unit["worst_ps"] for unit in report["units"])),
    "area, um2": ("timing", lambda report: sum(unit["count"] * unit["area_um2"] for unit in report["units"])),
}


def machine(root: Path) -> dict[str, float | None]:
    """Each figure, None where there is no result that says it of these sources."""
    changed = max((path.stat().st_mtime for path in source_files(root, ("golden", "rtl", "sim"))), default=0.0)
    return {name: _read(root / "build" / result / "report.json", changed, figure) for name, (result, figure) in FIGURES.items()}


def _read(path: Path, changed: float, figure: Callable[[Mapping[str, Any]], float]) -> float | None:
    try:
        if path.stat().st_mtime < changed:
            return None
        return round(figure(json.loads(path.read_text())), 1)
    except (OSError, ValueError, KeyError, TypeError, StopIteration, ZeroDivisionError):
        return None  # not there, of another workload or engine, or half of it

"""Two profiles side by side: what became faster or slower, and by which cause."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.events.causes import CAUSES
from sim.files import content

SAME = ("workload", "config", "batch", "seed")


class CompareError(ValueError):
    """A file that is no profile, or two profiles without a row in common; one sentence."""


@dataclass(frozen=True)
class Change:
    """A row of both: its cycles before and after, and the difference of each cause, the largest first."""

    name: str
    before: int
    after: int
    causes: dict[str, int]

    @property
    def ratio(self) -> float | None:
        """After / before; None where there was nothing before."""
        return self.after / self.before if self.before else None

    @property
    def why(self) -> str:
        """The causes that changed."""
        return ", ".join(f"{cause} {change:+d}" for cause, change in self.causes.items() if change) or "nothing changed"


def read_profile(path: Path | str) -> dict[str, Any]:
    """A report that ``python -m sim profile`` wrote; CompareError when it is none."""
    try:
        report = json.loads(content(path))
        rows(report)
    except (ValueError, KeyError, TypeError):
        raise CompareError(f"{path} is no report of python -m sim profile (build/profile/report.json)") from None
    return report


def rows(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Its rows by name: kernels, and the step as a whole."""
    found = {row["name"]: row for row in [*report["phases"], *report["kernels"], report["step"]]}
    for row in found.values():
        if set(row["causes"]) != set(CAUSES) or not isinstance(row["cycles"], int):
            raise KeyError(row["name"])
    return found


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What is not the same of the two runs, a sentence each."""
    return [f"{name}: {before.get(name)} before, {after.get(name)} after" for name in SAME if before.get(name) != after.get(name)]


def compare(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """Rows that both have, in the order of the first; CompareError when there is none."""
    one, other = rows(before), rows(after)
    changes = []
    for name in one:
        if name in other:
            change = {cause: other[name]["causes"][cause] - one[name]["causes"][cause] for cause in CAUSES}
            ordered = dict(sorted(change.items(), key=lambda item: -abs(item[1])))
            changes.append(Change(name, one[name]["cycles"], other[name]["cycles"], ordered))
    if not changes:
        raise CompareError(f"the profiles have no row in common: {', '.join(one)} before, {', '.join(other)} after")
    return changes


def only(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Rows that one of them has alone, a sentence each."""
    one, other = rows(before), rows(after)
    gone = [f"{name} ({one[name]['cycles']} cycles) is gone" for name in one if name not in other]
    return gone + [f"{name} ({other[name]['cycles']} cycles) is there only after" for name in other if name not in one]

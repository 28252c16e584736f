"""The program with the cycles that it cost, line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from sim.events.causes import CAUSES
from sim.events.file import About
from sim.events.hotspots import Spot
from sim.events.instructions import Course
from sim.events.threads import ACCOUNT, accounts

MOST = 5  # lines that are named first


def annotated(found: Mapping[int, Spot], nobody: Counter[str], about: About, course: Course) -> Iterator[str]:
    """The costliest instructions; cycles by label and how threads stood; then all that ran, in the order of the program, by cause."""
    total = sum(spot.total for spot in found.values()) + nobody.total()
    share = 100 / max(1, total)
    yield f"{about.title}: {total} cycles in which a thread runs"
    for spot in sorted(found.values(), key=lambda spot: -spot.total)[:MOST]:
        if spot.total:
            yield f"  {spot.total * share:5.1f} %  {spot.pc:06x} {spot.text} ({about.region(spot.pc)}): {_causes(spot.cycles)}"
    if nobody:
        yield f"  {nobody.total() * share:5.1f} %  of instructions outside the window: {_causes(nobody)}"
    for label, cycles in _regions(found, about).items():
        yield f"{label}: {cycles.total()} cycles: {_causes(cycles)}"
    yield from _threads(course)
    names = {address: name for name, address in about.labels.items()}
    yield f"{'cycles':>8} {'times':>7}  " + " ".join(f"{cause[:9]:>9}" for cause in CAUSES)
    for spot in found.values():
        if spot.pc in names:
            yield f"{names[spot.pc]}:"
        line = about.code.get(spot.pc, (0, 0, ""))[1]
        causes = " ".join(f"{spot.cycles[cause] or '':>9}" for cause in CAUSES)
        yield f"{spot.total or '':>8} {spot.count:>7}  {causes}  {spot.pc:06x} {spot.text}" + (f"  ; line {line}" if line else "")


def _regions(found: Mapping[int, Spot], about: About) -> dict[str, Counter[str]]:
    """Cycles by label, of labels that cost some, in the order of the program."""
    regions: dict[str, Counter[str]] = {}
    for spot in found.values():
        if spot.total:
            regions.setdefault(about.region(spot.pc), Counter()).update(spot.cycles)
    return regions


def _threads(course: Course) -> Iterator[str]:
    """Of each thread that ran, its cycles by what it did or why it did nothing."""
    for thread, cycles in accounts(course).items():
        shown = ", ".join(f"{count} {ACCOUNT[how]}" for how, count in cycles.most_common())
        yield f"thread {thread} runs for {cycles.total()} cycles: {shown}"


def _causes(cycles: Counter[str]) -> str:
    return ", ".join(f"{cause} {count}" for cause, count in cycles.most_common())

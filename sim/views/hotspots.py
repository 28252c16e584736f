"""The program with the cycles that it cost, line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from sim.events.causes import CAUSES
from sim.events.file import About
from sim.events.hotspots import Spot

MOST = 5  # lines that are named first


def annotated(found: Mapping[int, Spot], nobody: Counter[str], about: About) -> Iterator[str]:
    """The costliest instructions, then all that ran, in the order of the program, with cycles by cause."""
    total = sum(spot.total for spot in found.values()) + nobody.total()
    share = 100 / max(1, total)
    yield f"{about.title}: {total} cycles in which a thread runs"
    for spot in sorted(found.values(), key=lambda spot: -spot.total)[:MOST]:
        if spot.total:
            yield f"  {spot.total * share:5.1f} %  {spot.pc:06x} {spot.text} ({about.region(spot.pc)}): {_causes(spot.cycles)}"
    if nobody:
        yield f"  {nobody.total() * share:5.1f} %  of instructions outside the window: {_causes(nobody)}"
    names = {address: name for name, address in about.labels.items()}
    yield f"{'cycles':>8} {'times':>7}  " + " ".join(f"{cause[:9]:>9}" for cause in CAUSES)
    for spot in found.values():
        if spot.pc in names:
            yield f"{names[spot.pc]}:"
        line = about.code.get(spot.pc, (0, 0, ""))[1]
        causes = " ".join(f"{spot.cycles[cause] or '':>9}" for cause in CAUSES)
        yield f"{spot.total or '':>8} {spot.count:>7}  {causes}  {spot.pc:06x} {spot.text}" + (f"  ; line {line}" if line else "")


def _causes(cycles: Counter[str]) -> str:
    return ", ".join(f"{cause} {count}" for cause, count in cycles.most_common())

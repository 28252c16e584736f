"""What each thread did in every cycle of a window: it dispatched, or why it did not."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import Any

from sim.events.instructions import STANDS, Course

DISPATCHES = "dispatches"
ACCOUNT = {DISPATCHES: "it dispatches", **STANDS, "ready": "it may dispatch, and another thread does or nothing has come"}
"""Where a thread's cycle can stand: exactly one each."""


def accounts(course: Course) -> dict[int, Counter[str]]:
    """By thread that ran: cycles of ``ACCOUNT`` without those in which it did not run; they add up to the cycles in which it ran."""
    found = {}
    for thread, spans in enumerate(course.stands):
        left = sorted({life.begun for life in course.lives if life.thread == thread and life.stages[0][0] != "W"})
        cycles: Counter[str] = Counter()
        for how, first, last in spans:
            out = bisect_left(left, last) - bisect_left(left, first) if how == "ready" else 0
            cycles.update({how: last - first - out, DISPATCHES: out})
        del cycles["idle"]
        if cycles := +cycles:
            found[thread] = cycles
    return found


def rows(course: Course) -> list[dict[str, Any]]:
    """The same for a report: a thread's cycles in all, and by every name of ``ACCOUNT`` but ``idle``."""
    names = [name for name in ACCOUNT if name != "idle"]
    found = accounts(course).items()
    return [{"thread": thread, "cycles": cycles.total(), **{name: cycles[name] for name in names}} for thread, cycles in found]

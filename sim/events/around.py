"""The window around something that only a first run can find."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from golden.asm import Program
from sim.events.file import EventsError, Recording
from sim.events.recorder import Wish

AROUND = (800, 400)
"""Cycles kept before and after it."""
_FOREVER = 1 << 62


def around(wish: Wish, cycle: int) -> Wish:
    """The same of the cycles around one."""
    before, after = AROUND
    return replace(wish, first=max(0, cycle - before), last=cycle + after, focus=cycle)


def around_pc(wish: Wish, program: Program, pc: int, run: Callable[[Wish], object]) -> Wish:
    """The same of the cycles around the first in which the instruction at an address leaves decode, on the first node that is shown.

    ``run`` runs all once and keeps what its argument wishes for. EventsError when no such instruction leaves decode.
    """
    with tempfile.TemporaryDirectory() as folder:
        whole = replace(wish, events=Path(folder) / "first.events", waves=None, scopes=(), first=0, last=_FOREVER)
        run(whole)
        recording = Recording(whole.events)
        first, last = recording.window()
        for event in recording.events(first, last, wish.shown[0], frozenset({"dispatch", "ended"})):
            if 4 * event.fields["pc"] == pc:
                return around(wish, event.cycle)
    place = f"at {pc:#x}" if program.origin <= pc < program.end else f"at {pc:#x}, where no instruction of the program lies,"
    raise EventsError(f"nothing {place} left decode in the {last - first} cycles of the run")

"""The state of a node at a cycle as text: threads, what is under way, registers as far as they were written in what was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from golden.arch.isa import THREADS
from golden.listing import effect
from sim.events.causes import cause
from sim.events.file import About
from sim.events.instructions import STAGES, STALLS, STANDS, Course, Life
from sim.events.packets import sentence


def state(course: Course, about: About, cycle: int) -> Iterator[str]:
    """Lines about a cycle of a course that begins where the recording does."""
    yield f"{about.title}: cycle {cycle}, {cycle - about.window[0]} cycles after the first that was recorded"
    told = course.cycles.get(cycle)
    if not course.cycles:
        yield "what units do in a cycle was not told"
    elif told is None:
        yield "nothing runs or moves in this cycle"
    else:
        moves = [f"{told[name]} {what}" for name, what in _MOVES.items() if told[name]]
        yield f"matrix unit: {cause(told)}; " + (", ".join(moves) or "nothing retires or moves")
    yield from (sentence(event, about) for event in course.packets if event.cycle == cycle)
    for thread in range(THREADS):
        yield from _thread(course, about, cycle, thread)


_MOVES = {
    "retired_front": "ended in the front end",
    "retired_scalar": "scalar instructions finished",
    "retired_vector_memory": "vector accesses sent",
    "simd_issue": "SIMD operation issued",
    "store_beat": "store beat taken",
    "conflicts": "lanes asked a bank in vain",
    "packet_in": "packet came",
    "packet_out": "packet left",
    "fetch_miss": "line of instructions asked for",
}


def _thread(course: Course, about: About, cycle: int, thread: int) -> Iterator[str]:
    how = next((STANDS[how] for how, first, last in course.stands[thread] if first <= cycle < last), STANDS["idle"])
    lives = [life for life in course.lives if life.thread == thread and life.begun <= cycle]
    last = f"last out of decode: {_at(lives[-1], about)}" if lives else ""
    yield f"thread {thread}: " + "; ".join(filter(None, [how if course.cycles or not lives else "", last]))
    for life in lives:
        if cycle <= life.done:
            stage, stall = life.stage(cycle), life.stall(cycle)
            since = next(first for name, first in reversed(life.stages) if name == stage)
            yield f"    {_at(life, about)}: {STAGES[stage]}, since cycle {since}" + (f"; {STALLS[stall]}" if stall else "")
    for kind, written in groupby(_registers(lives, cycle), key=lambda text: text[0]):
        yield "    written so far: " + ("\n" + 20 * " " if kind == "v" else "  ").join(written)


def _registers(lives: list[Life], cycle: int) -> list[str]:
    """Last values of registers that an instruction wrote which is over."""
    last = {(letter, index): value for life in lives if life.done <= cycle for letter, index, value in life.effects if letter in "xpvcd"}
    return [effect(letter, index, value) for (letter, index), value in sorted(last.items(), key=lambda item: item[0])]


def _at(life: Life, about: About) -> str:
    return f"{life.pc:#x} {life.text} (#{life.seq}, {about.region(life.pc)})"

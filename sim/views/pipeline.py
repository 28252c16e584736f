"""A pipeline as text: a line per instruction, a column per cycle."""

from __future__ import annotations

from collections.abc import Iterator

from sim.events.instructions import STAGES, STALLS, STANDS, Course, Life

WIDEST = 160  # columns of cycles in a terminal
_STALLED = {"op": "o", "room": "r", "load": "l", "simd": "v", "store": "s", "turn": "t"}
_STANDS = {"idle": " ", "waits": "w", "fetch": "f", "full": "q", "ready": "-"}

if set(_STALLED) != set(STALLS) or set(_STANDS) != set(STANDS):
    raise ValueError("sim/views/pipeline.py: a stall or a stand has no letter")


def drawing(course: Course, thread: int | None = None) -> Iterator[str]:
    """The window: a ruler, how each thread stood, then instructions in the order of dispatch; one thread's or all."""
    first, last = course.first, course.last
    left = 3 + 7 + 34
    tens = range(-(-first // 10) * 10, last, 10)
    yield " " * (left + (-first) % 10) + "".join(f"{cycle:<10}" for cycle in tens).rstrip()
    yield " " * left + "".join("." if cycle % 10 else "|" for cycle in range(first, last))
    for number, spans in enumerate(course.stands):
        if thread in (None, number):
            row = [" "] * (last - first)
            for how, begin, end in spans:
                row[begin - first : end - first] = _STANDS[how] * (end - begin)
            if any(how != "idle" for how, _, _ in spans):
                yield f"t{number} dispatch".ljust(left) + "".join(row).rstrip()
    for life in course.lives:
        if thread in (None, life.thread):
            yield f"t{life.thread} {life.pc:06x} {life.text[:33]:33} " + _row(life, first, last)


def _row(life: Life, first: int, last: int) -> str:
    row = "".join(
        _STALLED[stall] if (stall := life.stall(cycle)) else life.stage(cycle) or " "
        for cycle in range(max(first, life.begun), min(last, life.done + 1))
    )
    return " " * max(0, life.begun - first) + row


def legend(course: Course) -> Iterator[str]:
    """What the letters of a drawing mean, those that occur in it."""
    used = {name for life in course.lives for name, _ in life.stages} | {reason for life in course.lives for reason, _, _ in life.stalls}
    stands = {how for spans in course.stands for how, _, _ in spans} - {"idle"}
    yield "stages: " + ", ".join(f"{letter} {what}" for letter, what in STAGES.items() if letter in used)
    for name, what in STALLS.items():
        if name in used:
            yield f"the oldest of a queue waits: {_STALLED[name]} {what}"
    for name, what in STANDS.items():
        if name in stands:
            yield f"a thread's dispatch: {_STANDS[name]} {what}"

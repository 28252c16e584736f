"""A run on one axis of time, as a trace in Chrome's JSON format, which ui.perfetto.dev opens.

A cycle is drawn as a microsecond, the format's unit: half a nanosecond would be rounded. Tracks: for each thread the place in the program
(label) with what holds it below, the slots in which instructions issue, why the matrix unit takes no step, loads and stores under way, the
node's links, and counters; the same for every node.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from golden.arch.isa import THREADS
from golden.arch.packet import PortId
from golden.arch.trace import Slot
from sim.events.causes import cause
from sim.events.file import About
from sim.events.instructions import STALLS, STANDS, Course, Life
from sim.events.packets import kind_of, said_of
from sim.files import whole

Entry = dict[str, Any]
_THREADS, _UNITS, _MEMORY, _LINKS, _COUNTERS = 1, 2, 3, 4, 5
_GROUPS = {_THREADS: "threads", _UNITS: "units", _MEMORY: "memory", _LINKS: "links", _COUNTERS: "counters"}
_PORTS = {
    "mesh": {"hop": "to the {}", "entry": "from outside, in the {}"},
    "alone": {"hop": "to the host", "entry": "from the host"},
}
_SLOTS = {Slot.SCALAR: "scalar", Slot.SECOND: "scalar, second slot", Slot.SIMD: "SIMD", Slot.MATRIX: "matrix"}
_CAUSES = len(_SLOTS)
_SAMPLE = 16  # cycles that a value of a counter's track is the mean of
_TRACKS = {
    "instructions a cycle": ("retired_front", "retired_scalar", "retired_vector_memory", "simd_issue", "matrix_step"),
    "bank conflicts a cycle": ("conflicts",),
    "packets in a cycle": ("packet_in",),
    "packets out a cycle": ("packet_out",),
}


def write_timeline(path: Path, nodes: Sequence[tuple[Course, About]]) -> int:
    """A window of so many nodes as a file; how many entries it has."""
    entries = []
    for number, (course, about) in enumerate(nodes):
        name = f"{about.title.rpartition(' ')[2]} " if len(nodes) > 1 else ""
        for entry in _node(course, about, name):
            entry["pid"] += number * (len(_GROUPS) + 1)
            if entry["name"] == "process_sort_index":
                entry["args"]["sort_index"] = entry["pid"]
            entries.append(entry)
    about = nodes[0][1]
    title = about.title if len(nodes) == 1 else about.title.rpartition(", node ")[0]
    about_it = {"title": title, "configuration": about.config, "unit": "1 us on the axis is 1 cycle"}
    with whole(path) as partial:
        partial.write_text(json.dumps({"traceEvents": entries, "displayTimeUnit": "ns", "otherData": about_it}))
    return len(entries)


def _node(course: Course, about: About, name: str) -> Iterator[Entry]:
    yield from _named(name)
    yield from _regions(course, about)
    for part in (_held, _slots, _causes, _memory, _counters):
        yield from part(course)
    yield from _links(course, about)


def _named(node: str) -> Iterator[Entry]:
    """Names of the tracks, in the order in which they stand."""
    for group, name in _GROUPS.items():
        yield {"ph": "M", "name": "process_name", "pid": group, "tid": 0, "args": {"name": node + name}}
        yield {"ph": "M", "name": "process_sort_index", "pid": group, "tid": 0, "args": {"sort_index": group}}
    tracks = [(_THREADS, 2 * thread, f"thread {thread}") for thread in range(THREADS)]
    tracks += [(_THREADS, 2 * thread + 1, f"thread {thread} is held") for thread in range(THREADS)]
    tracks += [(_UNITS, slot, name) for slot, name in _SLOTS.items()]
    tracks.append((_UNITS, _CAUSES, "why no matrix step"))
    for group, track, name in tracks:
        yield from _track(group, track, name)


def _track(group: int, track: int, name: str) -> Iterator[Entry]:
    yield {"ph": "M", "name": "thread_name", "pid": group, "tid": int(track), "args": {"name": name}}
    yield {"ph": "M", "name": "thread_sort_index", "pid": group, "tid": int(track), "args": {"sort_index": int(track)}}


def _links(course: Course, about: About) -> Iterator[Entry]:
    """Packets on the node's links, a track for each that carries one: a packet takes a cycle."""
    names, named = _PORTS["mesh" if about.mesh[0] else "alone"], set()
    for event in course.packets:
        track = 2 * event.number + (event.kind == "entry")
        if track not in named:
            named.add(track)
            yield from _track(_LINKS, track, names[event.kind].format(PortId(event.number).name.lower()))
        yield _span(_LINKS, track, kind_of(event), event.cycle, event.cycle + 1, **said_of(event))


def _span(group: int, track: int, name: str, first: int, last: int, **more: Any) -> Entry:
    """A span from cycle ``first`` to before ``last``."""
    return {"ph": "X", "pid": group, "tid": int(track), "name": name, "ts": first, "dur": last - first, "args": more}


def _regions(course: Course, about: About) -> Iterator[Entry]:
    """Where in the program each thread's dispatch is: from its first instruction behind a label to the first behind another."""
    for thread in range(THREADS):
        name, since, until = "", 0, course.first
        for life in course.lives:
            if life.thread != thread:
                continue
            at, here = min(max(life.begun, course.first), course.last), about.region(life.pc)
            if here != name:
                if name and at > since:
                    yield _span(_THREADS, 2 * thread, name, since, at)
                name, since = here, at
            until = min(max(until, life.done + 1 if life.stages[0][0] == "W" else life.begun + 1), course.last)
        if name and until > since:
            yield _span(_THREADS, 2 * thread, name, since, until)


def _held(course: Course) -> Iterator[Entry]:
    """What keeps a thread from dispatching."""
    for thread, stands in enumerate(course.stands):
        for how, first, last in stands:
            if how in ("waits", "fetch", "full"):
                yield _span(_THREADS, 2 * thread + 1, how, first, last, meaning=STANDS[how])


def _slots(course: Course) -> Iterator[Entry]:
    for life in course.lives:
        issued = next((first for name, first in life.stages if name == "I"), None)
        if life.slot is not None and issued is not None and course.first <= issued < course.last:
            yield _span(_UNITS, life.slot, life.text.split()[0], issued, issued + 1, **_about(life))


def _causes(course: Course) -> Iterator[Entry]:
    name, since, before = "", 0, None
    for cycle in [*sorted(course.cycles), None]:
        here = cause(course.cycles[cycle]) if cycle is not None else ""
        if here != name or (before is not None and cycle != before + 1):
            if name not in ("", "step"):
                yield _span(_UNITS, _CAUSES, name, since, before + 1)
            name, since = here, cycle
        before = cycle


def _memory(course: Course) -> Iterator[Entry]:
    """Loads and stores under way, many at once: each is a pair of entries that an id joins."""
    for number, life in enumerate(course.lives):
        for stage, what in (("M", "load"), ("S", "store")):
            first = next((begun for name, begun in life.stages if name == stage), None)
            if first is not None and first < course.last and life.done >= course.first:
                common = {"pid": _MEMORY, "tid": 0, "cat": f"{what}s of thread {life.thread}", "id": number, "name": life.text.split()[0]}
                yield {**common, "ph": "b", "ts": first, "args": _about(life)}
                yield {**common, "ph": "e", "ts": life.done + 1}


def _counters(course: Course) -> Iterator[Entry]:
    """Means of so many cycles."""
    for first in range(course.first, course.last, _SAMPLE):
        told = [course.cycles[cycle] for cycle in range(first, min(first + _SAMPLE, course.last)) if cycle in course.cycles]
        for name, fields in _TRACKS.items():
            mean = sum(one[field] for one in told for field in fields) / _SAMPLE
            yield {"ph": "C", "pid": _COUNTERS, "tid": 0, "name": name, "ts": first, "args": {"value": mean}}


def _about(life: Life) -> dict[str, Any]:
    waited = {STALLS[reason]: f"{last - first} cycles" for reason, first, last in life.stalls}
    return {"instruction": life.text, "pc": f"{life.pc:#x}", "thread": life.thread, "number": life.seq, **waited}

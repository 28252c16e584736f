"""From events to the lives of instructions: when each was in which stage, what it waited for, what it read and wrote.

    course = follow(recording, first, last)
    for life in course.lives: life.thread, life.text, life.stages, life.stalls, ...

Cycles are those in which things happened: what the trace tells a cycle later is counted back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from golden.arch import isa
from golden.arch.classes import Port, Queue
from golden.arch.config import get_config
from golden.arch.encoding import Insn
from golden.arch.isa import THREADS
from golden.arch.trace import AFTER, SEQ_BITS, STORE_KINDS, Effect, Slot
from golden.retire import Collector
from sim.events.file import About, Event, Recording

BEFORE = 512
"""Cycles before a window from which instructions are followed, so that those under way when it begins are whole."""
ORDER = ("dispatch", "ended", "issue", "load", "lane", "scalar", "vector", "matrix", "store", "network", "hop", "entry", "cycle")
"""Of what is told in one cycle: an instruction's dispatch before all else of it, how things stand last."""
STAGES = {
    "D": "leaves decode",
    "W": "holds its thread until what it waits for has come",
    "Q": "in its queue",
    "I": "issues",
    "X": "executes",
    "M": "its data, or its product, is on the way",
    "S": "stores, until the last beat is taken",
}
"""Stages of a life, in order."""
STALLS = {
    "op": "a scalar register it needs is under way",
    "room": "a queue of the memory unit is full, or older users of its register are not done",
    "load": "a load it takes has not come",
    "simd": "the result of a SIMD operation it takes is due",
    "store": "a store or drain has not read what it overwrites",
    "turn": "another thread has the slot",
}
"""Why the oldest instruction of a queue does not issue."""
STANDS = {
    "idle": "the thread does not run",
    "waits": "a control instruction holds it",
    "fetch": "its instructions are not in the window of the cache",
    "full": "a queue is full, or the front end waits for a value",
    "ready": "it may dispatch",
}
"""How a thread stands towards dispatch in a cycle."""


@dataclass
class Life:
    """One instruction.

    Attributes
    ----------
    stages : (name of ``STAGES``, first cycle), in order; the last one ends at ``done``.
    stalls : (reason of ``STALLS``, first cycle, the one after the last).
    sources : (register, value if it is known) of what it reads.
    producers : lives that made them.
    """

    thread: int
    seq: int
    pc: int
    word: int
    text: str
    insn: Insn | None
    executed: bool
    stages: list[tuple[str, int]]
    done: int
    slot: Slot | None = None
    stalls: list[tuple[str, int, int]] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    sources: list[tuple[str, int | bytes | None]] = field(default_factory=list)
    producers: list[Life] = field(default_factory=list)
    whole: bool = False

    @property
    def begun(self) -> int:
        return self.stages[0][1]

    def stage(self, cycle: int) -> str:
        """Where it is in a cycle; "" before and after its life."""
        if not self.begun <= cycle <= self.done:
            return ""
        return [name for name, first in self.stages if first <= cycle][-1]

    def stall(self, cycle: int) -> str:
        """What it waits for in a cycle, or ""."""
        return next((reason for reason, first, last in self.stalls if first <= cycle < last), "")


@dataclass
class Course:
    """What a node did in a window.

    Attributes
    ----------
    lives : in the order of dispatch.
    stands : by thread, (how of ``STANDS``, first cycle, the one after the last).
    cycles : fields of each record of golden.arch.trace.CYCLE, by cycle.
    network : (cycle, event of NetworkEvent, number).
    packets : what is told of packets that cross the node's links.
    """

    first: int
    last: int
    lives: list[Life] = field(default_factory=list)
    stands: list[list[tuple[str, int, int]]] = field(default_factory=lambda: [[] for _ in range(THREADS)])
    cycles: dict[int, dict[str, Any]] = field(default_factory=dict)
    network: list[tuple[int, int, int]] = field(default_factory=list)
    packets: list[Event] = field(default_factory=list)


def follow(recording: Recording, first: int, last: int, node: int = 0) -> Course:
    """Lives that touch the cycles from ``first`` to before ``last``, and how the threads stood in them."""
    follower = _Follower(recording.about.of(node))
    follower.read(recording.events(first - BEFORE, last + BEFORE, node))
    course = Course(first, last, network=[item for item in follower.network if first <= item[0] < last])
    course.packets = [event for event in follower.packets if first <= event.cycle < last]
    course.lives = [life for life in follower.lives if life.begun < last and life.done >= first]
    course.cycles = {cycle: told for cycle, told in follower.cycles.items() if first <= cycle < last}
    course.stands = [
        [(how, max(begin, first), min(end, last)) for how, begin, end in each if begin < last and end > first] for each in follower.stands
    ]
    return course


class _Follower:
    """Reads events in order; results of instructions whose dispatch was not seen are passed over."""

    def __init__(self, about: About) -> None:
        self.about, self.features = about, get_config(about.config).features
        self.collector = Collector(self.features)
        self.lives: list[Life] = []
        self.stands: list[list[tuple[str, int, int]]] = [[] for _ in range(THREADS)]
        self.cycles: dict[int, dict[str, Any]] = {}
        self.network: list[tuple[int, int, int]] = []
        self.packets: list[Event] = []
        self._next = [0] * THREADS
        self._latest: dict[tuple[int, int], Life] = {}
        self._unjoined: list[deque[Life]] = [deque() for _ in range(THREADS)]
        self._queues: dict[tuple[Queue, int], deque[Life]] = {
            (queue, thread): deque() for queue in (Queue.SCALAR, Queue.VECTOR) for thread in range(THREADS)
        }
        self._issued: set[tuple[Queue, int]] = set()
        self._known: list[dict[str, tuple[int | bytes, Life]]] = [{} for _ in range(THREADS)]

    def read(self, events: Iterable[Event]) -> None:
        cycle = None
        for cycle, told in groupby(events, key=lambda event: event.cycle):
            self._issued.clear()
            for event in sorted(told, key=lambda event: ORDER.index(event.kind)):
                getattr(self, f"_{event.kind}")(cycle - (event.kind in AFTER), event.number, event.fields)
        if cycle is not None:
            for thread in range(THREADS):
                self._settle(thread, cycle)
        for life in self.lives:  # of who tells no pipeline, nothing stays in a queue
            while life.stages[-1][1] > life.done:
                life.stages.pop()

    # --- one method per kind of port -----------------------------------------------------------------------------------------

    def _dispatch(self, cycle: int, _number: int, told: dict[str, Any]) -> None:
        life = self._begin(cycle, told, "D")
        if told["executed"] and life.insn and life.insn.queue is not Queue.NONE:
            life.stages.append(("Q", cycle + 1))
            self._queues[life.insn.queue, life.thread].append(life)

    def _ended(self, cycle: int, _number: int, told: dict[str, Any]) -> None:
        thread = told["thread"]
        stood = self.stands[thread]
        held = stood[-1][1] if stood and stood[-1][0] == "waits" and stood[-1][2] >= cycle - 1 else cycle
        life = self._begin(held, told, "W")
        life.done = cycle
        life.whole = True

    def _begin(self, cycle: int, told: dict[str, Any], stage: str) -> Life:
        thread, seq, pc, word = told["thread"], told["seq"], 4 * told["pc"], told["word"]
        insn = isa.lookup(word, self.features)
        life = Life(thread, seq, pc, word, self.about.text(pc, word), insn, bool(told["executed"]), [(stage, cycle)], cycle)
        if seq != self._next[thread]:
            self._settle(thread, cycle)
            self._forget(thread)
        self._next[thread] = (seq + 1) % (1 << SEQ_BITS)
        self.lives.append(life)
        self._latest[thread, seq] = life
        self._unjoined[thread].append(life)
        if life.insn:
            self.collector.feed("dispatch", told)
        self._close(thread)
        return life

    def _forget(self, thread: int) -> None:
        """It was started again: of what it did before nothing more comes."""
        for key in [key for key in self.collector.open if key[0] == thread]:
            del self.collector.open[key]
        for key in [key for key in self.collector.loads if key[0] == thread]:
            del self.collector.loads[key]
        for parts in (self.collector.order[thread], self._unjoined[thread], self._known[thread]):
            parts.clear()
        for queue in (Queue.SCALAR, Queue.VECTOR):
            self._queues[queue, thread].clear()

    def _issue(self, cycle: int, number: int, told: dict[str, Any]) -> None:
        queue = Queue.SCALAR if number <= Slot.SECOND else Queue.VECTOR
        waiting = self._queues[queue, told["thread"]]
        if not any(life.seq == told["seq"] for life in waiting):
            return
        while waiting[0].seq != told["seq"]:  # what a fault dropped
            waiting.popleft()
        life = waiting.popleft()
        life.slot = Slot(number)
        if life.stages[-1] == ("Q", cycle):
            life.stages.pop()
        life.stages += [("I", cycle), ("X", cycle + 1), *([("M", cycle + 2)] if life.insn.port is Port.VLOAD else [])]
        life.done = max(life.done, cycle + 1)
        self._issued.add((queue, told["thread"]))

    def _result(self, kind: str, cycle: int, number: int, told: dict[str, Any]) -> None:
        life = self._latest.get((told["thread"], told["seq"]))
        if life is None or (told["thread"], told["seq"]) not in self.collector.open:
            return
        life.done = max(life.done, cycle)
        self.collector.feed(f"{kind}__{number}", told)
        self._close(told["thread"])

    def _scalar(self, cycle: int, number: int, told: dict[str, Any]) -> None:
        life = self._latest.get((told["thread"], told["seq"]))
        if life and cycle > life.stages[-1][1] and life.stages[-1][0] == "X":
            life.stages.append(("M", life.stages[-1][1] + 1))
        self._result("scalar", cycle, number, told)

    def _vector(self, cycle: int, number: int, told: dict[str, Any]) -> None:
        self._result("vector", cycle, number, told)

    def _matrix(self, cycle: int, number: int, told: dict[str, Any]) -> None:
        self._result("matrix", cycle, number, told)

    def _load(self, cycle: int, number: int, told: dict[str, Any]) -> None:
        if (told["thread"], told["seq"]) in self.collector.open:
            self.collector.feed(f"load__{number}", told)

    def _lane(self, cycle: int, number: int, told: dict[str, Any]) -> None:
        if load := self.collector.loads.get((told["thread"], told["reg"])):
            life = self._latest[told["thread"], load[0].record.seq]
            life.done = max(life.done, cycle)
            self.collector.feed(f"lane__{number}", told)
            self._close(told["thread"])

    def _store(self, cycle: int, number: int, told: dict[str, Any]) -> None:
        life = self._latest.get((told["thread"], told["seq"]))
        if life and life.slot is not None and life.stages[-1][0] == "X" and STORE_KINDS[told["kind"]] != "NET":
            life.stages.append(("S", life.stages[-1][1] + 1))
        self._result("store", cycle, number, told)

    def _network(self, cycle: int, number: int, told: dict[str, Any]) -> None:
        self.network.append((cycle, number, told["number"]))

    def _hop(self, cycle: int, number: int, told: dict[str, Any]) -> None:
        self.packets.append(Event(cycle, "hop", number, told))

    def _entry(self, cycle: int, number: int, told: dict[str, Any]) -> None:
        self.packets.append(Event(cycle, "entry", number, told))

    def _cycle(self, cycle: int, _number: int, told: dict[str, Any]) -> None:
        self.cycles[cycle] = told
        for thread in range(THREADS):
            self._stand(thread, cycle, told)
            for queue, name, reason in ((Queue.SCALAR, "scalar", _scalar_stall), (Queue.VECTOR, "vector", _vector_stall)):
                waiting = self._queues[queue, thread]
                head = told[name][thread]
                if waiting and head["valid"] and (queue, thread) not in self._issued and waiting[0].begun < cycle:
                    _extend(waiting[0].stalls, reason(head), cycle)

    def _stand(self, thread: int, cycle: int, told: dict[str, Any]) -> None:
        def bit(name: str) -> int:
            return told[name] >> thread & 1

        how = "ready"
        if not bit("running"):
            how = "idle"
        elif bit("waiting"):
            how = "waits"
        elif not bit("able"):
            how = "full"
        elif not bit("present"):
            how = "fetch"
        _extend(self.stands[thread], how, cycle)

    # --- what instructions read and wrote ------------------------------------------------------------------------------------

    def _close(self, thread: int) -> None:
        """Take over the effects of complete records, in program order."""
        items, lives, known = self.collector.order[thread], self._unjoined[thread], self._known[thread]
        while lives and (lives[0].insn is None or (items and items[0].complete)):
            life = lives.popleft()
            if life.insn is None:
                continue
            record = items.pop(0).record
            life.effects, life.whole = list(record.effects), True
            values = life.insn.decode(life.word)
            for operand in life.insn.reads if record.executed else ():
                name = f"{operand.kind.name.lower()}{values[operand.name]}"
                value, maker = known.get(name, (None, None))
                life.sources.append((name, value))
                if maker and maker not in life.producers:
                    life.producers.append(maker)
            for letter, index, value in record.effects:
                if letter in "xpvcd":
                    known[f"{letter}{index}"] = value, life

    def _settle(self, thread: int, cycle: int) -> None:
        """Nothing more comes of what is incomplete: it was under way until here."""
        items = iter(self.collector.order[thread])
        for life in self._unjoined[thread]:
            item = next(items) if life.insn else None
            if item and item.complete:
                life.effects, life.whole = list(item.record.effects), True
            else:
                life.done = max(life.done, cycle)


def _scalar_stall(head: dict[str, int]) -> str:
    return "op" if not head["operands"] else "turn" if head["able"] else "room"


def _vector_stall(head: dict[str, int]) -> str:
    return "load" if not head["loaded"] else "simd" if not head["made"] else "store" if not head["read"] else "turn"


def _extend(spans: list[tuple[str, int, int]], what: str, cycle: int) -> None:
    """A cycle more of what the last span is, or a new one."""
    if spans and spans[-1][0] == what and spans[-1][2] == cycle:
        spans[-1] = (what, spans[-1][1], cycle + 1)
    else:
        spans.append((what, cycle, cycle + 1))


__all__ = ["BEFORE", "STAGES", "STALLS", "STANDS", "Course", "Life", "follow"]

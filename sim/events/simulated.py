"""Events of the instruction-set simulator: the same kinds as the RTL tells, without cycles. An instruction takes the place of one.

What belongs to a pipeline (issue, lanes, the state of a cycle) the simulator does not know, and does not tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from golden.arch import isa, trace
from golden.arch.classes import Queue
from golden.arch.config import NodeConfig
from golden.arch.trace import AFTER, LANES, SCALAR_KINDS, SEQ_BITS, STORE_KINDS, Effect, Record
from golden.retire import promised
from sim.engine.ports import described, words
from sim.events.file import About, EventsError, Writer
from sim.events.recorder import CHUNK, Wish, placed
from sim.files import whole

KINDS = {
    "dispatch": trace.DISPATCH,
    "scalar": trace.SCALAR,
    "vector": trace.VECTOR,
    "matrix": trace.MATRIX,
    "store": trace.STORE,
}
Told = tuple[str, dict[str, Any]]
"""What a port would say: its kind and its fields."""


def told(record: Record, features: frozenset[str]) -> Iterator[Told]:
    """What the RTL's ports say of an instruction, in the order in which golden.retire takes it."""
    insn = isa.lookup(record.word, features)
    of = {"valid": 1, "thread": record.thread, "seq": record.seq % (1 << SEQ_BITS)}
    ends_in_decode = insn is None or insn.queue is Queue.NONE
    result = next((int(value) for letter, _, value in record.effects if letter == "p" and ends_in_decode), 0)
    yield "dispatch", {**of, "pc": record.pc // 4, "word": record.word, "executed": int(record.executed), "result": result}
    for letter, index, value in record.effects:
        match letter:
            case "v":
                yield "vector", {**of, "index": index, "data": int.from_bytes(value, "little")}
            case "p" if ends_in_decode:
                pass
            case "p" if insn.queue is Queue.VECTOR:
                yield "vector", {**of, "index": index, "is_predicate": 1, "data": int(value)}
            case "c":
                yield "matrix", {**of, "index": index, "digest": value}
            case "s":
                yield "store", {**of, "kind": STORE_KINDS.index("RAISE"), "data": index << 16 | value}
            case "x" | "p" | "d":
                yield "scalar", {**of, "kind": SCALAR_KINDS.index(letter), "index": index, "value": int(value)}
    if record.executed and insn:
        beats = promised(insn, insn.decode(record.word))[1]
        yield from (("store", {**of, **beat}) for beat in _beats(record.effects, beats))


def _beats(effects: Iterable[Effect], count: int) -> Iterator[dict[str, Any]]:
    """The bytes written, in so many beats of eight words."""
    written: dict[int, dict[int, int]] = {}
    for letter, address, value in effects:
        if letter == "m":
            for at, byte in enumerate(value, address):
                written.setdefault(at // 8, {})[at % 8] = byte
    left = list(written.items())
    for _ in range(count):
        beat, left = left[:LANES], left[LANES:]
        strobe = sum(1 << 8 * lane + byte for lane, (_, held) in enumerate(beat) for byte in held)
        data = sum(value << 64 * lane + 8 * byte for lane, (_, held) in enumerate(beat) for byte, value in held.items())
        yield {"kind": STORE_KINDS.index("VECTOR"), "addr": [at for at, _ in beat], "strobe": strobe, "data": data}


class Simulated:
    """Takes records as they retire; what the wish's window holds of them goes to the file."""

    def __init__(self, writer: Writer, wish: Wish, config: NodeConfig) -> None:
        self.writer, self.wish, self.features = writer, wish, config.features
        self.count, self.first, self._records = 0, wish.first, []
        self._ports = {kind: (number, layout, words(described(kind, layout))) for number, (kind, layout) in enumerate(KINDS.items())}

    def add(self, record: Record) -> None:
        """The next instruction."""
        if self.wish.first <= self.count < self.wish.end:
            for kind, fields in told(record, self.features):
                number, layout, size = self._ports[kind]
                value, cycle = layout.pack(fields), self.count + (kind in AFTER)
                self._records += [number, cycle & 0xFFFFFFFF, cycle >> 32, *(value >> 32 * i & 0xFFFFFFFF for i in range(size))]
        self.count += 1
        if self.count % CHUNK == 0:
            self.flush()

    def flush(self) -> None:
        """Write what has been taken."""
        if self._records:
            # What is told a cycle later belongs to the instruction before.
            self.writer.add(0, self.first, self.count + 1, np.array(self._records, np.uint32))
        self.first, self._records = self.count, []


@contextmanager
def simulated(wish: Wish | None, config: NodeConfig) -> Iterator[Simulated | None]:
    """Somebody who takes the records of a run, as wished; EventsError when it ends before the window begins."""
    if wish is None:
        yield None
        return
    with whole(wish.events) as partial:
        about = About(wish.title, config.name, [described(kind, layout) for kind, layout in KINDS.items()])
        placed(about, wish.program)
        taker = Simulated(Writer(partial, about), wish, config)
        failed = None
        try:
            yield taker
        except Exception as error:  # what the events are for
            failed = error
        if taker.count <= wish.first:
            taker.writer.close()
            raise failed or EventsError(f"the run has {taker.count} instructions: the window {wish.first}:{wish.end} begins behind its end")
        taker.flush()
        about.window = wish.first, min(wish.end, taker.count)
        taker.writer.close()
    if failed:
        raise failed

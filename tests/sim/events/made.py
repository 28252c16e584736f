"""Files of events made by hand, without a design: records of golden.arch.trace's layouts in the cycles that a test says."""

from pathlib import Path
from typing import Any

import numpy as np

from golden.arch import trace
from golden.asm import assemble
from sim.engine.ports import described, words
from sim.events.file import About, Recording, Writer
from sim.events.recorder import placed

KINDS = {
    "dispatch": (trace.DISPATCH, 4),
    "ended": (trace.DISPATCH, 4),
    "issue": (trace.ISSUE, 4),
    "scalar": (trace.SCALAR, 3),
    "vector": (trace.VECTOR, 1),
    "matrix": (trace.MATRIX, 1),
    "load": (trace.LOAD, 2),
    "lane": (trace.LANE, 16),
    "store": (trace.STORE, 3),
    "cycle": (trace.CYCLE, 1),
}
Told = tuple[int, str, dict[str, Any]]
"""Cycle, kind and number of a port (``issue 2``), fields."""


PORTS = [described(kind, layout, number) for kind, (layout, count) in KINDS.items() for number in range(count)]
NAMES = [f"{kind} {number}" for kind, (_, count) in KINDS.items() for number in range(count)]


def record(told: Told, origin: int = 0) -> list[int]:
    """A record's words, as the engine gives them."""
    cycle, name, fields = told
    number = NAMES.index(name if " " in name else f"{name} 0")
    value = KINDS[name.split()[0]][0].pack({"valid": 1, **fields})
    cycle += origin
    return [number, cycle & 0xFFFFFFFF, cycle >> 32, *(value >> 32 * i & 0xFFFFFFFF for i in range(words(PORTS[number])))]


def made(path: Path, told: list[Told], window: tuple[int, int] = (0, 100), source: str = "", chunk: int = 10, origin: int = 7) -> Recording:
    """A file that holds these records, in chunks of so many cycles."""
    about = About("a test", "tiny", PORTS, origin=origin, window=window)
    placed(about, assemble(source) if source else None)
    writer = Writer(path, about)
    for first in range(window[0], window[1], chunk):
        inside = sorted((one for one in told if first <= one[0] < first + chunk), key=lambda one: one[0])
        flat = [word for one in inside for word in record(one, origin)]
        writer.add(0, first, min(first + chunk, window[1]), np.array(flat, np.uint32))
    writer.close()
    return Recording(path)


def head(**which: int) -> list[dict[str, int]]:
    """Heads of four queues, of which thread 0's is ``which``."""
    return [which, {}, {}, {}]


SOURCE = """start:  ld.d x2, x0, 0x80
        mul x3, x2, x2
        nop
        halt
"""
WORDS = assemble(SOURCE).words


def dispatch(cycle: int, seq: int, place: int = 0, **more: int) -> Told:
    """An instruction of ``SOURCE`` leaves decode; told in ``cycle``."""
    return cycle, f"dispatch {place}", {"thread": 0, "seq": seq, "pc": 0x40 + seq, "word": WORDS[seq], "executed": 1, **more}


def course() -> list[Told]:
    """``SOURCE`` on thread 0: a load of 5 cycles, a multiplication that waits for it, and the end of the thread."""
    running = [(cycle, "cycle", {"running": 1, "able": 1, "present": 1}) for cycle in range(11, 14)]
    waits = {"running": 1, "waiting": 1, "scalar": head(valid=1)}
    turn = {"running": 1, "waiting": 1, "scalar": head(valid=1, operands=1, able=1)}
    return [
        *running,
        dispatch(14, 0, 0),
        dispatch(14, 1, 1),
        dispatch(14, 2, 2),
        (14, "cycle", {"running": 1, "able": 1, "present": 1}),
        (15, "cycle", {"running": 1, "waiting": 1, "scalar": head(valid=1, operands=1, able=1)}),
        (16, "issue 0", {"seq": 0}),
        (16, "cycle", turn),
        *[(cycle, "cycle", waits) for cycle in range(17, 22)],
        (21, "scalar 2", {"seq": 0, "kind": 3, "index": 2, "value": 6}),
        (22, "cycle", turn),
        (23, "issue 0", {"seq": 1}),
        (23, "cycle", turn),
        *[(cycle, "cycle", {"running": 1, "waiting": 1}) for cycle in range(24, 33)],
        (30, "scalar 2", {"seq": 1, "kind": 0, "index": 3, "value": 36}),
        (32, "ended 0", {"seq": 3, "pc": 0x43, "word": WORDS[3], "executed": 1}),
    ]

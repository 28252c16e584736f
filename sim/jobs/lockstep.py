"""The engine's RTL against the instruction-set simulator: runs a program and leaves the comparison to golden.lockstep."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.arch.bits import Layout
from golden.arch.config import NodeConfig
from golden.arch.memmap import ThreadState
from golden.arch.trace import Record
from golden.host import HostError
from golden.kernels.job import Launch
from golden.lockstep import Difference, Result, Run, compare
from golden.retire import Collector
from sim.compile.elaborate import Design
from sim.engine import ports
from sim.engine.binding import Engine
from sim.events.recorder import Wish, recording
from sim.jobs import machine
from sim.jobs.host import Host

AFTERWARDS = 64
"""Cycles in which the last stores of threads that have ended are told."""
LIMIT = 5_000_000  # cycles: a minute, and as much trace as memory should hold


def events(design: Design, words: NDArray[np.uint32]) -> Iterable[tuple[int, str, dict[str, Any]]]:
    """(cycle, port name without ``trace__``, fields) of each record of ``Engine.take_trace``, in the order of cycles."""
    traced = ports.told_ports(design)
    layouts = [Layout.described(port["name"], port["fields"]) for port in traced]
    at = 0
    while at < len(words):
        port, layout = traced[words[at]], layouts[words[at]]
        size = ports.words(port)
        value = int.from_bytes(words[at + 3 : at + 3 + size].tobytes(), "little")
        cycle = int(words[at + 1]) | int(words[at + 2]) << 32
        at += 3 + size
        yield cycle, port["name"].removeprefix("trace__"), layout.unpack(value)


def decode_trace(design: Design, words: NDArray[np.uint32]) -> Iterable[tuple[str, dict[str, Any]]]:
    """The same without cycles."""
    return ((name, fields) for _, name, fields in events(design, words))


def run_lockstep(
    config: NodeConfig,
    memory: Sequence[tuple[int, bytes]],
    launches: Sequence[Launch],
    strict: bool = False,
    on_record: Callable[[Record], None] | None = None,
    engine: Engine | None = None,
    on_memory: Callable[[bytes], None] | None = None,
    record: Wish | None = None,
) -> Result:
    """Run on both and compare every record, and the whole SRAM at the end, which ``on_memory`` gets (nothing of it after a fault).

    ``record``: what is kept of the RTL's run, also when they differ.

    Raises
    ------
    Difference
        At the first record or byte that differs, or when the threads end differently.
    """
    own = engine or machine.engine(config.name, trace=True, waved=bool(record and record.waves))
    try:
        run = _run_rtl(own, config, memory, launches, record)
    finally:
        if engine is None:
            own.close()
    try:
        result = compare(config, memory, launches, run, strict, on_record)
    except Difference as found:
        found.cycle = run.dispatched.get(found.place) if found.place else None
        raise
    result.coverage.keep()
    if on_memory:
        on_memory(run.image)
    return result


def _run_rtl(
    engine: Engine, config: NodeConfig, memory: Sequence[tuple[int, bytes]], launches: Sequence[Launch], record: Wish | None
) -> Run:
    host = Host(engine, limit=LIMIT)
    host.write([*_blank(config, memory), *memory])
    host.flush()
    before, trace = engine.cycle, []
    with recording(engine, record, [trace]):
        host.start(launches)
        statuses = dict(host.wait_any(len(launches)))
        cycles = engine.cycle - before
        engine.run(AFTERWARDS)
    collector, dispatched = Collector(config.features), {}
    for cycle, name, fields in events(engine.design, np.concatenate(trace)):
        if name.startswith("dispatch"):
            dispatched[fields["thread"], fields["seq"]] = cycle - before
        collector.feed(name, fields)
    stopped = frozenset(t for t, status in statuses.items() if status.state is ThreadState.FAULTED)
    collector.finish(stopped)
    # Nothing is compared with the memory that a fault leaves, and a lost word has no value.
    image = b"" if stopped else host.read(0, config.sram_bytes)
    return Run(collector.complete(), statuses, image, cycles, dispatched=dispatched)


def _blank(config: NodeConfig, memory: Sequence[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Zeros over everything: an engine may have run before."""
    return [(0, bytes(config.sram_bytes))]


__all__ = ["Difference", "HostError", "Result", "run_lockstep"]

"""RTL against the instruction-set simulator, retired instruction by retired instruction.

The RTL runs first and leaves its trace; the simulator then executes each thread in program order and every record is compared. From
the RTL the simulator takes only what depends on time: reads of counters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.arch import isa
from golden.arch.config import NodeConfig
from golden.arch.memmap import ThreadState
from golden.arch.trace import Record
from golden.iss.node import Simulator, describe_fault
from golden.iss.state import Node, Thread
from golden.kernels.job import Launch
from golden.listing import trace_line
from golden.retire import Collector
from sim.build.elaborate import Design
from sim.engine.binding import Engine, trace_ports
from sim.jobs import machine
from sim.jobs.host import Host, HostError, Status

_HISTORY = 10


class Difference(AssertionError):
    """RTL and simulator disagree: the first record that differs on each side, and the instructions before it."""


@dataclass
class Result:
    """A run in which both agreed."""

    retired: int = 0
    cycles: int = 0
    faults: list[str] = field(default_factory=list)
    mnemonics: set[str] = field(default_factory=set)


def decode_trace(design: Design, words: NDArray[np.uint32]) -> Iterable[tuple[str, dict[str, Any]]]:
    """(port name without ``trace__``, fields) of each record of ``Engine.take_trace``, in the order of cycles."""
    ports = trace_ports(design)
    at = 0
    while at < len(words):
        port = ports[words[at]]
        size = -(-port["width"] // 32)
        value = int.from_bytes(words[at + 4 : at + 4 + size].tobytes(), "little")
        at += 4 + size
        yield port["name"].removeprefix("trace__"), _fields(port["fields"], value)


def _fields(layout: Sequence[dict[str, Any]], value: int) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for entry in layout:
        part = (value >> entry["offset"]) & ((1 << entry["width"]) - 1)
        inner = entry.get("fields") or []
        if inner and all(str(item["name"]).isdigit() for item in inner):
            result[entry["name"]] = [(part >> item["offset"]) & ((1 << item["width"]) - 1) for item in inner]
        else:
            result[entry["name"]] = part
    return result


def feed(collector: Collector, events: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Trace port events into a collector."""
    for name, fields in events:
        kind, _, number = name.partition("__")
        fields.pop("valid")
        match kind:
            case "dispatch":
                collector.dispatch(**{**fields, "pc": 4 * fields["pc"]})
            case "scalar":
                collector.scalar(**fields)
            case "vector":
                collector.vector(**fields)
            case "matrix":
                collector.matrix(**fields)
            case "load":
                collector.load(**fields)
            case "lane":
                collector.lane(int(number) % 8, **fields)
            case "store":
                collector.store(**fields)
            case _:
                raise ValueError(f"no trace port {name}")


def run_lockstep(
    config: NodeConfig,
    memory: Sequence[tuple[int, bytes]],
    launches: Sequence[Launch],
    strict: bool = False,
    on_record: Callable[[Record], None] | None = None,
    waves: Path | None = None,
    engine: Engine | None = None,
) -> Result:
    """Run on both and compare every record, and the whole SRAM at the end.

    Raises
    ------
    Difference
        At the first record or byte that differs, or when the threads end differently.
    """
    own = engine or machine.engine(config.name, trace=True, waves=waves is not None)
    try:
        if waves:
            own.waves(waves)
        records, statuses, image, cycles = _run_rtl(own, config, memory, launches)
    finally:
        if engine is None:
            own.close()
    return _compare(config, memory, launches, strict, on_record, records, statuses, image, cycles)


def _run_rtl(
    engine: Engine, config: NodeConfig, memory: Sequence[tuple[int, bytes]], launches: Sequence[Launch]
) -> tuple[dict[int, list[Record]], dict[int, Status], bytes, int]:
    host = Host(engine)
    host.write([*_blank(config, memory), *memory])
    host.flush()
    engine.take_trace()
    engine.trace(True)
    before = engine.cycle
    host.start(launches)
    statuses = dict(host.wait_any(len(launches)))
    cycles = engine.cycle - before
    engine.run(64)
    engine.trace(False)
    collector = Collector(config.features)
    feed(collector, decode_trace(engine.design, engine.take_trace()))
    stopped = frozenset(t for t, status in statuses.items() if status.state is ThreadState.FAULTED)
    collector.finish(stopped)
    records = {t: [item.record for item in items if item.complete] for t, items in collector.order.items()}
    return records, statuses, host.read(0, config.sram_bytes), cycles


def _blank(config: NodeConfig, memory: Sequence[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Zeros over everything: an engine may have run before."""
    return [(0, bytes(config.sram_bytes))]


def _compare(
    config: NodeConfig,
    memory: Sequence[tuple[int, bytes]],
    launches: Sequence[Launch],
    strict: bool,
    on_record: Callable[[Record], None] | None,
    records: dict[int, list[Record]],
    statuses: dict[int, Status],
    image: bytes,
    cycles: int,
) -> Result:
    result = Result(cycles=cycles)
    by_number = {(t, record.seq): record for t, items in records.items() for record in items}

    def external(thread: Thread, _csr: int) -> int:
        record = by_number.get((thread.index, thread.seq))
        return next((int(value) for letter, _, value in record.effects if letter == "x"), 0) if record else 0

    node = Node(config, external)
    for address, part in memory:
        node.write(address, part)
    simulator = Simulator(node, strict)
    for launch in launches:
        node.threads[launch.thread].start(launch.pc, launch.args)
    history: dict[int, list[Record]] = {t: [] for t in range(isa.THREADS)}
    seen = {t: 0 for t in range(isa.THREADS)}
    for record in simulator.run():
        t = record.thread
        faulted = t in statuses and statuses[t].state is ThreadState.FAULTED
        other = by_number.get((t, record.seq)) if faulted else records[t][seen[t]] if seen[t] < len(records[t]) else None
        if other is None and faulted:
            continue  # an older instruction that the fault dropped
        seen[t] += 1
        if other is None or other.canonical() != record.canonical():
            raise Difference(_difference(history[t], record, other))
        history[t] = [*history[t][-_HISTORY + 1 :], record]
        result.retired += 1
        result.mnemonics.add(isa.BY_OPCODE[record.word & 0x1FF].mnemonic)
        if on_record:
            on_record(record)
    for t, items in records.items():
        faulted = t in statuses and statuses[t].state is ThreadState.FAULTED
        if seen[t] != len(items) and not faulted:
            counts = f"{len(items)} instructions on the RTL, {seen[t]} on the simulator"
            raise Difference(f"thread {t} retired {counts}; next on the RTL: {trace_line(items[seen[t]])}")
    _compare_ends(node, statuses, result)
    if not result.faults:
        ours, theirs = np.frombuffer(image, np.uint8), node.sram
        if (wrong := np.flatnonzero(ours != theirs)).size:
            at = int(wrong[0])
            raise Difference(
                f"SRAM differs in {wrong.size} bytes, first at {at:#x}: "
                f"{ours[at]:#04x} on the RTL, {theirs[at]:#04x} on the simulator"
            )
    if not result.retired:
        raise Difference("no instruction retired, so nothing was compared")
    return result


def _difference(history: list[Record], expected: Record, got: Record | None) -> str:
    before = "\n".join(f"    {trace_line(record)}" for record in history)
    rtl = trace_line(got) if got else "nothing"
    return f"RTL and simulator differ on thread {expected.thread}\n{before}\n  RTL: {rtl}\n  ISS: {trace_line(expected)}"


def _compare_ends(node: Node, statuses: dict[int, Status], result: Result) -> None:
    for t, status in statuses.items():
        thread = node.threads[t]
        rtl = (status.state, status.cause, status.pc if status.state is ThreadState.FAULTED else 0, status.operand if status.cause else 0)
        iss = (thread.state, thread.cause, thread.pc if thread.state is ThreadState.FAULTED else 0, thread.operand if thread.cause else 0)
        if rtl != iss:
            raise Difference(f"thread {t} ended as {rtl} on the RTL, as {iss} on the simulator")
        if thread.state is ThreadState.FAULTED:
            result.faults.append(describe_fault(node, thread))


__all__ = ["Difference", "HostError", "Result", "run_lockstep"]

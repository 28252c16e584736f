"""A mesh on the RTL against the simulated mesh: every thread of every node retires the same instructions with the same results.

Between nodes no order is compared: a program whose result depends on it lacks a semaphore. From the RTL the simulator takes only reads of
counters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from golden.arch.config import NodeConfig
from golden.arch.memmap import ThreadState
from golden.arch.mesh import MeshConfig, Place
from golden.arch.trace import Record
from golden.iss.mesh import Mesh
from golden.iss.state import Node, Thread
from golden.kernels.job import Launch
from golden.listing import trace_line
from golden.lockstep import Difference, Result, Run, compare_ends, compare_memory
from golden.retire import Collector
from sim.engine.binding import Engine
from sim.jobs import machine
from sim.jobs.host import MeshEdge
from sim.jobs.lockstep import AFTERWARDS, LIMIT, decode_trace


@dataclass(frozen=True)
class Part:
    """What a node begins with: memory, and threads that are started."""

    memory: Sequence[tuple[int, bytes]]
    launches: Sequence[Launch]


def run_lockstep(
    mesh: MeshConfig,
    config: NodeConfig,
    parts: Mapping[Place, Part],
    seed: int = 0,
    on_record: Callable[[Place, Record], None] | None = None,
    waves: Path | None = None,
) -> tuple[Result, Mapping[Place, bytes]]:
    """Run on both, each live node its part; what was compared, and the memory of each node (none of one where a thread stopped).

    Raises
    ------
    Difference
        At the first record or byte that differs, or when threads end differently.
    HangError
        When nothing moves any more on the simulator.
    """
    with machine.mesh_engine(mesh, config.name, trace=True, waves=waves) as engine:
        runs = _run_rtl(engine, mesh, config, parts)
    result = Result(cycles=max(run.cycles for run in runs.values()))
    records: dict[tuple[Place, int], list[Record]] = {}

    def keep(place: Place, record: Record) -> None:
        records.setdefault((place, record.thread), []).append(record)
        result.retired += 1
        result.coverage.add(record)
        if on_record:
            on_record(place, record)

    simulated = Mesh(mesh, config, seed, strict=True, on_record=keep)
    for place, node in simulated.nodes.items():
        node.external = _counters(runs[place])
        for at, data in parts[place].memory:
            node.write(at, data)
        for launch in parts[place].launches:
            node.threads[launch.thread].start(launch.pc, launch.args)
    simulated.run()
    for place, node in simulated.nodes.items():
        try:
            ran = {thread for at, thread in records if at == place} | {launch.thread for launch in parts[place].launches}
            _compare(node, runs[place], {thread: records.get((place, thread), []) for thread in ran}, result)
        except Difference as difference:
            raise Difference(f"node {place[0]},{place[1]}: {difference}") from None
    result.coverage.keep()
    return result, {place: run.image for place, run in runs.items()}


def _run_rtl(engine: Engine, mesh: MeshConfig, config: NodeConfig, parts: Mapping[Place, Part]) -> dict[Place, Run]:
    """What each node did; its memory was zero before."""
    edge = MeshEdge(engine, mesh, mesh.edges[-1], limit=LIMIT)
    edge.load({place: parts[place].memory for place in edge.hosts})
    hosts = edge.hosts
    engine.options(tracing=True)
    before = engine.cycle
    for place, host in hosts.items():
        host.start(parts[place].launches)
    statuses = {place: dict(host.wait_any(len(parts[place].launches))) for place, host in hosts.items()}
    cycles = engine.cycle - before
    engine.run(AFTERWARDS)
    engine.options(tracing=False)
    runs = {}
    for number, (place, host) in enumerate(hosts.items()):
        collector = Collector(config.features)
        for name, fields in decode_trace(engine.design, engine.take_trace(number)):
            collector.feed(name, fields)
        stopped = frozenset(t for t, status in statuses[place].items() if status.state is ThreadState.FAULTED)
        collector.finish(stopped)
        image = b"" if stopped else host.read(0, config.sram_bytes)
        runs[place] = Run(collector.complete(), statuses[place], image, cycles)
    return runs


def _counters(run: Run) -> Callable[[Thread, int], int]:
    """Answers of reads that depend on time: what the RTL read."""
    found = {(t, record.seq): record for t, records in run.records.items() for record in records}

    def read(thread: Thread, _csr: int) -> int:
        record = found.get((thread.index, thread.seq))
        return next((int(value) for letter, _, value in record.effects if letter == "x"), 0) if record else 0

    return read


def _compare(node: Node, run: Run, expected: Mapping[int, Sequence[Record]], result: Result) -> None:
    for thread, records in expected.items():
        own = run.records.get(thread, [])
        if run.faulted(thread):  # what was younger than the fault, or older and dropped by it, is on one side alone
            known = {record.seq: record for record in own}
            pairs = [(known[record.seq], record) for record in records if record.seq in known]
        elif len(own) != len(records):
            raise Difference(f"thread {thread} retired {len(own)} instructions on the RTL, {len(records)} on the simulator")
        else:
            pairs = list(zip(own, records, strict=True))
        for got, wanted in pairs:
            if got.canonical() != wanted.canonical():
                raise Difference(f"RTL and simulator differ on thread {thread}\n  RTL: {trace_line(got)}\n  ISS: {trace_line(wanted)}")
    compare_ends(node, run.statuses, result)
    if run.image:
        compare_memory(node, run.image)

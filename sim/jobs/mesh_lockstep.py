"""A mesh on the RTL against the simulated mesh: every thread of every node retires the same instructions with the same results.

Between nodes no order is compared: a program whose result depends on it lacks a semaphore. From the RTL the simulator takes only reads of
counters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from golden.arch.config import NodeConfig
from golden.arch.memmap import Counter, ThreadState
from golden.arch.mesh import MeshConfig, Place
from golden.arch.trace import Record
from golden.coverage import Coverage
from golden.dram import Dram
from golden.host import HostError
from golden.host_blocking import BlockingHost
from golden.iss.mesh import Mesh
from golden.iss.state import Node, Thread
from golden.kernels.job import Launch
from golden.listing import trace_line
from golden.lockstep import Difference, Result, Run, compare_ends, compare_memory
from golden.retire import Collector
from sim.engine.binding import Engine
from sim.engine.flips import Flip, apply
from sim.jobs import machine
from sim.jobs.dram import EngineDram, Pace
from sim.jobs.host import MeshEdge
from sim.jobs.lockstep import AFTERWARDS, LIMIT, decode_trace


@dataclass(frozen=True)
class Around:
    """What there is beside the tiles.

    Attributes
    ----------
    waves, shown : a file for waves, and the nodes in them (the first when none is named).
    drams, pace : edge ports with memory behind them, which is compared too, and how fast it is.
    flips : wrong bits on links, counted from the starts of the threads on. The simulator knows nothing of them: what they did is told, and
        where a node ends otherwise than without them, that too.
    """

    waves: Path | None = None
    shown: Sequence[Place] = ()
    drams: Sequence[Place] = ()
    pace: Pace = Pace()
    flips: Sequence[Flip] = ()


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
    around: Around | None = None,
) -> tuple[Result, Mapping[Place, bytes]]:
    """Run on both, each live node its part; what was compared, and the memory of each node (none of one where a thread stopped).

    Raises
    ------
    Difference
        At the first record or byte that differs, or when threads end differently; not where a wrong bit can be the cause.
    HostError, HangError
        When nothing moves any more on the RTL, or on the simulator.
    """
    around = around or Around()
    used = {mesh.edges[-1], *around.drams}
    with machine.mesh_engine(mesh, config.name, trace=True, waves=around.waves, shown=around.shown, used=used) as engine:
        behind = {place: EngineDram(engine, mesh, place, around.pace) for place in around.drams}
        edge = MeshEdge(engine, mesh, mesh.edges[-1], limit=LIMIT)
        edge.load({place: part.memory for place, part in parts.items()})
        for flip in around.flips:
            apply(engine, mesh, flip)
        try:
            runs = _run_rtl(engine, edge, config, parts)
        except HostError as error:
            raise HostError("\n".join([str(error), *_wrong(edge.hosts)])) from None
        effects = _effects(edge, around.flips) if around.flips else []
        contents = {place: dram.contents() for place, dram in behind.items()}
    result = Result(cycles=max(run.cycles for run in runs.values()), faults=effects)
    records: dict[tuple[Place, int], list[Record]] = {}
    coverages: dict[Place, Coverage] = defaultdict(Coverage)  # hazards are between instructions of one node

    def keep(place: Place, record: Record) -> None:
        records.setdefault((place, record.thread), []).append(record)
        result.retired += 1
        coverages[place].add(record)
        if on_record:
            on_record(place, record)

    simulated = Mesh(mesh, config, seed, strict=True, on_record=keep)
    for place, node in simulated.nodes.items():
        node.external = _counters(runs[place])
        for at, data in parts[place].memory:
            node.write(at, data)
        for launch in parts[place].launches:
            node.threads[launch.thread].start(launch.pc, launch.args)
    for place in around.drams:
        simulated.attach_dram(place, Dram())
    simulated.run()
    allowed = _Allowed(result.faults) if effects and effects != [NOT_ONE] else nullcontext()
    for place in around.drams:
        with allowed:
            _compare_dram(place, contents[place], simulated.drams[place].contents())
    for place, node in simulated.nodes.items():
        own = Result(coverage=result.coverage)
        ran = {thread for at, thread in records if at == place} | {launch.thread for launch in parts[place].launches}
        with allowed:
            try:
                _compare(node, runs[place], {thread: records.get((place, thread), []) for thread in ran}, own)
            except Difference as difference:
                raise Difference(f"node {place[0]},{place[1]}: {difference}") from None
            result.faults += [f"node {place[0]},{place[1]} {text}" for text in own.faults]
    if not around.flips:
        for coverage in coverages.values():
            result.coverage.points.update(coverage.points)
        result.coverage.keep()
    return result, {place: run.image for place, run in runs.items()}


NOT_ONE = "no packet that is counted got a wrong bit: fewer went that way"


class _Allowed(AbstractContextManager):
    """What differs from a run without wrong bits, told instead of raised."""

    def __init__(self, told: list[str]) -> None:
        self.told = told

    def __exit__(self, _kind, error, _trace) -> bool:
        if isinstance(error, Difference):
            self.told.append(f"with the wrong bits, {error}")
        return isinstance(error, Difference)


def _effects(edge: MeshEdge, flips: Sequence[Flip]) -> list[str]:
    """What wrong bits did: who counted packets, and which threads stopped, those too that had ended when their packet was refused."""
    stopped = [
        f"node {x},{y} thread {thread} stopped: {host.describe(status)}"
        for (x, y), host in edge.hosts.items()
        for thread, status in enumerate(host.status())
        if status.state is ThreadState.FAULTED
    ]
    outside = any(flip.target in edge.mesh.edges for flip in flips)
    return [*_wrong(edge.hosts), *stopped] or ([] if outside else [NOT_ONE])


def _wrong(hosts: Mapping[Place, BlockingHost]) -> list[str]:
    """Nodes to which wrong packets came."""
    counts = ((place, host.counters()[Counter.PARITY_ERRORS]) for place, host in hosts.items())
    return [f"node {x},{y} counts {count} packet{'s' * (count > 1)} with wrong parity" for (x, y), count in counts if count]


def _run_rtl(engine: Engine, edge: MeshEdge, config: NodeConfig, parts: Mapping[Place, Part]) -> dict[Place, Run]:
    """What each node did; programs and data are there."""
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


def _compare_dram(place: Place, got: Mapping[int, bytes], expected: Mapping[int, bytes]) -> None:
    for address in sorted({*got, *expected}):
        if got.get(address) != expected.get(address):
            shown = [line.hex(" ", 8) if line else "never written" for line in (got.get(address), expected.get(address))]
            at = f"line {address:#x} behind {place[0]},{place[1]}"
            raise Difference(f"RTL and simulator differ in {at}\n  RTL: {shown[0]}\n  ISS: {shown[1]}")


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

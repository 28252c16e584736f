"""What nodes of a mesh reach between them: block transfers, a remote read, an all-reduce, in cycles of the traced RTL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.arch.config import NodeConfig, get_config
from golden.arch.global_address import global_address
from golden.arch.mesh import MeshConfig, Place
from golden.arch.packet import CHANNELS, PortId
from golden.arch.trace import NetworkEvent
from golden.arch.transfer import Transfer
from golden.asm import Program, assemble
from golden.host_blocking import BlockingHost
from golden.kernels.allreduce import AllReduce, Placed
from golden.kernels.job import Launch
from golden.workloads.mesh import MeshLayout
from golden.workloads.shards import default
from golden.workloads.workload import named
from sim.engine.binding import LINK_PARTS, Engine
from sim.jobs import machine
from sim.jobs.host import MeshEdge
from sim.jobs.lockstep import events

Row = dict[str, Any]
BLOCKS = (4096, 8192)
SLACK = 24
"""Cycles beside one per line that a transfer may take, from when the engine has its description to the semaphore's last change."""
RATE = 0.95
ALLREDUCE = 500
"""Cycles in which the gradients of digits-mlp are wanted to be summed on four nodes."""
WORKLOAD = "digits-mlp"
_LIST, _FROM, _TO, _TOLD = 0x1000, 0x2000, 0x6000, 0x80
_SEMAPHORE = 5
_QUIET = 300  # cycles in which the last packets arrive


@dataclass(frozen=True)
class Seen:
    """What the network interfaces did: (cycle, event, number), by node."""

    told: list[list[tuple[int, NetworkEvent, int]]]

    def cycles(self, node: int, event: NetworkEvent, number: int | None = None) -> list[int]:
        """When an event happened on a node."""
        return [cycle for cycle, which, of in self.told[node] if which is event and number in (None, of)]


class Bench:
    """A mesh of traced tiles with a host at an edge."""

    def __init__(self, mesh: MeshConfig, config: str) -> None:
        if len(mesh.live) < 2:
            raise ValueError(f"a mesh of {mesh.columns}x{mesh.rows} has no two nodes that could send each other anything")
        self.mesh, self.config = mesh, get_config(config)
        self.engine: Engine = machine.mesh_engine(mesh, config, trace=True)
        self.edge = MeshEdge(self.engine, mesh, mesh.edges[-1])
        self.hosts = self.edge.hosts

    def load(self, place: Place, program: Program, *memory: tuple[int, bytes]) -> None:
        """Write a node's program and memory; nothing of it is in the instruction cache."""
        host = self.hosts[place]
        host.write([(program.origin, program.image), *memory])
        host.flush()

    def run(self, launches: dict[Place, Launch]) -> tuple[Seen, NDArray[np.uint32]]:
        """Start threads, wait for their ends and for packets that are under way; events, and the links of every cycle."""
        self.engine.options(tracing=True, recording=True)
        first = self.engine.cycle
        for place, launch in launches.items():
            self.hosts[place].start([launch])
        for place in launches:
            self.hosts[place].wait(1)
        self.engine.run(_QUIET)
        self.engine.options(tracing=False, recording=False)
        told = []
        for node in range(len(self.mesh.live)):
            told.append([])
            for cycle, name, fields in events(self.engine.design, self.engine.take_trace(node)):
                if name.startswith("network"):
                    told[-1].append((cycle - first, NetworkEvent(int(name.rpartition("__")[2])), fields["number"]))
        return Seen(told), self.engine.take_links()


def words(host: BlockingHost, address: int, count: int) -> list[int]:
    """Words of 64 bits from a node's memory."""
    return [int(word) for word in np.frombuffer(host.read(address, 8 * count), "<u8")]


# --- two neighbours ----------------------------------------------------------------------------------------------------------------

_MOVE = "start: rlist x1, x2\n halt\n"
_READ = f"""
start:  li    x9, 2                     ; once to fill the instruction cache
again:  csrr  x10, 2
        rget  x3, x4, 8, {_SEMAPHORE + 1}
        wait  {_SEMAPHORE + 1}, 1
        csrr  x11, 2
        sub   x12, x11, x10
        st.d  x12, x0, {_TOLD}
        addi  x9, x9, -1
        pnei  p1, x9, 0
        (p1) br again
        halt
"""


def block(bench: Bench, size: int, read: int, data: bytes) -> Row:
    """A block from the first node to the second by one transfer, or back."""
    here, there = bench.mesh.live[:2]
    source, program = (there if read else here), assemble(_MOVE)
    at, to = (_TO, _FROM) if read else (_FROM, _TO)
    transfer = Transfer(at, global_address(there, to, _SEMAPHORE), 1, size, read=read)
    bench.load(here, program, (_LIST, transfer.pack()))
    bench.hosts[source].write([(_FROM, data[:size])])
    bench.hosts[here if read else there].write([(_TO, bytes(size))])
    seen, links = bench.run({here: Launch(0, program.labels["start"], (_LIST, 1))})
    (taken,), (known,) = seen.cycles(0, NetworkEvent.LIST), seen.cycles(0, NetworkEvent.TRANSFER)
    raised = seen.cycles(0 if read else 1, NetworkEvent.RAISED, _SEMAPHORE)
    side = (PortId.WEST if there[0] > here[0] else PortId.NORTH) if read else (PortId.EAST if there[0] > here[0] else PortId.SOUTH)
    control = links[:, 1 if read else 0, side, LINK_PARTS.index("control_out")] & ((1 << CHANNELS) - 1)
    sent = np.flatnonzero(control)[: len(raised)]
    span, last = int(sent[-1] - sent[0]) + 1, raised[-1] + 1
    right = bench.hosts[here if read else there].read(_TO, size) == data[:size]
    return {
        "measure": f"block of {size} B {'from' if read else 'to'} the neighbour",
        "cycles": last - known,
        "wanted": size // 64 + SLACK if not read else None,
        "from_list": last - taken,
        "packets": len(raised),
        "bytes_per_cycle": size / span,
        "wanted_rate": RATE * 64,
        "mismatches": int(not right) + int(len(raised) != size // 64),
    }


def remote_read(bench: Bench, data: bytes) -> Row:
    """64 bytes of the second node, as a thread of the first sees it: from the instruction before to the one after its wait."""
    here, there = bench.mesh.live[:2]
    program = assemble(_READ)
    bench.load(here, program)
    bench.hosts[there].write([(_FROM, data[:64])])
    args = (0, 0, _TO, global_address(there, _FROM))
    bench.run({here: Launch(0, program.labels["start"], args)})
    (cycles,) = words(bench.hosts[here], _TOLD, 1)
    return {"measure": "read of 64 B", "cycles": cycles, "mismatches": int(bench.hosts[here].read(_TO, 64) != data[:64])}


# --- all nodes -----------------------------------------------------------------------------------------------------------------------


def load(bench: Bench, size: int, data: bytes) -> Row:
    """One image into every node from an edge: as multicasts, where nothing is dead, and an own one for each."""
    live, cycles, wrong = bench.mesh.live, [], 0
    for images in ([data[:size]] * len(live), [bytes([number]) + data[1:size] for number in range(len(live))]):
        began = bench.engine.cycle
        bench.edge.load({place: [(_TO, image)] for place, image in zip(live, images, strict=True)})
        cycles.append(bench.engine.cycle - began)
        wrong += sum(bench.hosts[place].read(_TO, size) != image for place, image in zip(live, images, strict=True))
    return {"measure": f"load of {size} B into {len(live)} nodes", "cycles": cycles[0], "one_by_one": cycles[1], "mismatches": wrong}


# --- all-reduce --------------------------------------------------------------------------------------------------------------------

_TWICE = f"""
start:  call  x31, reduce
        csrr  x21, 2
        li    x22, 4095                 ; to the end of this window of the clock
        or    x22, x21, x22
        sub   x22, x22, x21
        loop  begin, x22
        nop
begin:  csrr  x21, 2
        call  x31, reduce
        csrr  x22, 2
        st.d  x21, x0, {_TOLD}
        st.d  x22, x0, {_TOLD + 8}
        halt
"""
"""Once to fill the instruction cache; then all nodes begin in the same cycle of their common clock, or nearly."""


class Reduction:
    """The all-reduce of a workload's gradients, alone, with values of its own."""

    def __init__(self, mesh: MeshConfig, config: NodeConfig, seed: int) -> None:
        shards = default(len(mesh.live))
        self.reduce: AllReduce = MeshLayout(named(WORKLOAD), mesh, config.with_network(), None, None, shards).reduce
        lines = sum(self.reduce.lines)
        starts = np.cumsum([0, *self.reduce.lines])
        self.tables = 0x1800
        self.buffer = self.tables + max(sum(_up(size) for size in self.reduce.table_bytes(node)) for node in range(len(mesh.live)))
        self.leaves = self.buffer + max(_up(self.reduce.buffer_bytes(node)) for node in range(len(mesh.live)))
        if self.leaves + 64 * lines > config.sram_bytes:
            raise ValueError(f"the gradients of {WORKLOAD} do not fit the SRAM of {config.name} on {len(mesh.live)} nodes")
        self.lines = lines
        self.placed = [Placed(self.buffer, lambda gradient, shard: self.leaves + 64 * int(starts[gradient]))] * len(mesh.live)
        rng = np.random.default_rng(seed)
        # A leaf has two parts where the first run's sum replaces it: the second run adds sums to sums.
        self.values = {leaf.shard: rng.standard_normal(16 * lines).astype(np.float32) for leaf in self.reduce.leaves}

    def expected(self) -> NDArray[np.float32]:
        """The sum of two runs, by the tree in NumPy."""
        sums = dict(self.values)
        for _ in range(2):
            for into, added in self.reduce.adds:
                sums[into] = sums[into] + sums[added]
            sums = dict.fromkeys(sums, sums[0])
        return sums[0]


def _up(size: int) -> int:
    return -(-size // 64) * 64


def allreduce(bench: Bench, seed: int) -> Row:
    """An all-reduce of a workload's gradients, from when the last node begins to when the last one has all sums.

    ``skew``: cycles between the first beginning and the last.
    """
    made = Reduction(bench.mesh, bench.config, seed)
    reduce, launches = made.reduce, {}
    for node, place in enumerate(bench.mesh.live):
        tables = reduce.tables(node, made.placed)
        starts = [made.tables + sum(_up(len(table)) for table in tables[:t]) for t in range(len(tables))]
        program = assemble(_TWICE + reduce.text(node, "reduce"), names={f"reduce_table{t}": at for t, at in enumerate(starts)})
        (leaf,) = reduce.own(node)
        bench.load(place, program, *zip(starts, tables, strict=True), (made.leaves, made.values[leaf.shard].tobytes()))
        launches[place] = Launch(0, program.labels["start"])
    bench.run(launches)
    expected, wrong, times = made.expected(), 0, []
    for place in bench.mesh.live:
        host = bench.hosts[place]
        wrong += int((np.frombuffer(host.read(made.leaves, 64 * made.lines), np.float32) != expected).sum())
        times.append(words(host, _TOLD, 2))
    begun, ended = zip(*times, strict=True)
    return {
        "measure": f"all-reduce of {made.lines} lines on {len(bench.mesh.live)} nodes",
        "cycles": max(ended) - max(begun),
        "skew": max(begun) - min(begun),
        "wanted": ALLREDUCE if (bench.mesh.columns, bench.mesh.rows) == (2, 2) else None,
        "mismatches": wrong,
    }


def figures(mesh: MeshConfig, config: str = "d1", seed: int = 0, say: Callable[[str], None] = print) -> list[Row]:
    """All rows, every result compared."""
    data = np.random.default_rng(seed).bytes(max(BLOCKS))
    bench = Bench(mesh, config)
    with bench.engine:
        todo: Iterable[Callable[[], Row]] = (
            *(lambda size=size, read=read: block(bench, size, read, data) for read in (0, 1) for size in BLOCKS),
            lambda: remote_read(bench, data),
            lambda: load(bench, max(BLOCKS), data),
            lambda: allreduce(bench, seed),
        )
        rows = []
        for measure in todo:
            rows.append(measure())
            say(sentence(rows[-1]))
    return rows


def sentence(row: Row) -> str:
    """A row as a person reads it."""
    parts: Sequence[str] = [f"{row['measure']}: {row['cycles']} cycles"]
    if row.get("wanted"):
        parts = [f"{parts[0]} (wanted {row['wanted']})"]
    if "from_list" in row:
        parts = [*parts, f"{row['from_list']} from the list's acceptance", f"{row['bytes_per_cycle']:.1f} B a cycle"]
    if "one_by_one" in row:
        parts = [*parts, f"{row['one_by_one']} with an image of its own for each"]
    return ", ".join([*parts, f"{row['mismatches']} mismatches"])

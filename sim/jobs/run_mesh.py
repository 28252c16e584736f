"""One kernel on random data on every node of a mesh at once: outputs checked, and how fast the engine is."""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping
from typing import Any

from golden.arch.mesh import MeshConfig, Place
from golden.host_blocking import BlockingHost, together
from golden.kernels.job import Job
from sim.engine.binding import Engine
from sim.events.recorder import Wish, recording
from sim.jobs import machine
from sim.jobs.host import MeshEdge

IDLE = 100
"""Cycles in which nothing moves, for the idle figure."""
_MEGABYTE = 1 << 10  # of what the system counts in kilobytes


def nearest_hosts(engine: Engine, mesh: MeshConfig) -> Mapping[Place, BlockingHost]:
    """A host for every node, at the edge port that is nearest to it: programs come in from all sides."""
    found, edges = {}, {}
    for x, y in mesh.live:
        place = min(mesh.edges, key=lambda edge: (abs(edge[0] - x) + abs(edge[1] - y), edge))
        if place not in edges:
            edges[place] = MeshEdge(engine, mesh, place)
        found[x, y] = edges[place].hosts[x, y]
    return found


def run_everywhere(
    mesh: MeshConfig, job: Job, config: str = "d1", record: Wish | None = None
) -> dict[str, Any]:
    """Load, start, wait, compare; the figures of ``python -m sim run --mesh``. No node is skipped in any cycle.

    ``record``: what is kept from the first start to the last end.
    """
    traced, waved = bool(record and record.events), bool(record and record.waves)
    with machine.mesh_engine(mesh, config, trace=traced, waved=waved) as engine:
        booted, hosts = engine.cycle, nearest_hosts(engine, mesh)
        image = [(job.program.origin, job.program.image), *job.inputs]
        together((host, host.session.write(image)) for host in hosts.values())
        for host in hosts.values():
            host.flush()
        first, began = engine.cycle, time.perf_counter()
        with recording(engine, record):
            for host in hosts.values():
                host.start(job.launches)
            for host in hosts.values():
                host.wait(len(job.launches))
        cycles, seconds = engine.cycle - first, time.perf_counter() - began
        mismatches = compared = 0
        for output, matrix in job.outputs.items():
            read = together((host, host.session.read(matrix.address, matrix.size)) for host in hosts.values())
            for got in read:
                mismatches += int((matrix.unpack(got) != job.expected[output]).sum())
                compared += job.expected[output].size
        began = time.perf_counter()
        engine.run(IDLE)
        idle = time.perf_counter() - began
    return {
        "mesh": f"{mesh.columns}x{mesh.rows}", "nodes": len(mesh.live), "boot_cycles": booted, "cycles": cycles,
        "mismatches": mismatches, "compared": compared, "hz": cycles / seconds,
        "idle_hz": IDLE / idle, "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MEGABYTE,
    }  # fmt: skip

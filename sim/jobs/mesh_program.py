"""A person's own program on every node of a mesh, simulated or on the RTL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from golden.arch.memmap import ThreadState
from golden.arch.mesh import MeshConfig, Place
from golden.arch.trace import Record
from golden.dram import Dram
from golden.iss.mesh import Mesh
from golden.listing import trace_line
from sim.jobs import memory
from sim.jobs.program import Say, Work, where

if TYPE_CHECKING:
    from sim.jobs.mesh_lockstep import Around

SHOWN = 8  # threads that an interruption names


def simulate(work: Work, mesh: MeshConfig, say: Say, seed: int = 0, drams: Sequence[Place] = ()) -> bool:
    """Run on the instruction-set simulator, threads started on every node; True when every thread of every node ended by itself.

    Raises
    ------
    HangError
        When nothing moves any more: what every thread of every node waits for.
    KeyboardInterrupt
        With where the threads are.
    """

    def tell(place: Place, record: Record) -> None:
        say(f"{place[0]},{place[1]} {trace_line(record, work.trace)}")

    machine = Mesh(mesh, work.config, seed, strict=True, on_record=tell if work.trace else None)
    for place in drams:
        machine.attach_dram(place, Dram())
    for node in machine.nodes.values():
        for at, data in work.memory:
            node.write(at, data)
        for launch in work.launches:
            node.threads[launch.thread].start(launch.pc, launch.args)
    try:
        retired = machine.run()
    except KeyboardInterrupt:
        stand = [f"node {x},{y} {where(node, t)}" for (x, y), node in machine.nodes.items() for t in node.threads if t.runs]
        more = f"; and {len(stand) - SHOWN} threads more" if len(stand) > SHOWN else ""
        raise KeyboardInterrupt(f"after {machine.retired} instructions: {'; '.join(stand[:SHOWN])}{more}") from None
    if stopped := machine.describe():
        say(stopped)
    for (x, y), node in machine.nodes.items():
        if work.dumps:
            say(f"node {x},{y}")
        memory.show(work.program, work.dumps, node.read, say)
    ended = all(thread.state is ThreadState.IDLE for node in machine.nodes.values() for thread in node.threads)
    if ended:
        say(f"{retired} instructions on {len(mesh.live)} nodes, all threads ended")
    return ended


def run_rtl(work: Work, mesh: MeshConfig, say: Say, seed: int = 0, around: Around | None = None) -> bool:
    """Run on the RTL, threads started on every node, and compare every retired instruction; True when all ended by themselves and no bit
    was made wrong.

    Raises
    ------
    golden.lockstep.Difference, HangError
        When the two disagree; when nothing moves any more.
    """
    from sim.jobs.mesh_lockstep import Part, run_lockstep

    def tell(place: Place, record: Record) -> None:
        say(f"{place[0]},{place[1]} {trace_line(record, work.trace)}")

    parts = dict.fromkeys(mesh.live, Part(work.memory, work.launches))
    result, images = run_lockstep(mesh, work.config, parts, seed, tell if work.trace else None, around)
    equal = "what wrong bits did:" if around and around.flips else "equal to the instruction-set simulator"
    say(f"{result.retired} instructions on {len(mesh.live)} nodes in {result.cycles} cycles, {equal}")
    for text in result.faults:
        say(text)
    for (x, y), image in images.items():
        if work.dumps:
            say(f"node {x},{y}" if image else f"node {x},{y}: memory is not shown after a fault")
        if image:
            memory.show(work.program, work.dumps, lambda at, size, image=image: image[at : at + size], say)
    return not result.faults

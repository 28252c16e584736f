"""Runs a few lines on nodes of a fresh mesh: every node that is named starts thread 0 at its label, with these x1, x2, ..."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from golden.arch.global_address import global_address
from golden.arch.memmap import ThreadState
from golden.arch.mesh import MeshConfig, Place, parse
from golden.asm import assemble
from golden.iss.mesh import Mesh
from golden.iss.state import Thread
from tests.golden.iss.bench import TINY

A, B, C, D = (1, 1), (2, 1), (1, 2), (2, 2)
Started = tuple[str, Sequence[int]]


def loaded(text: str, starts: Mapping[Place, Started], seed: int = 0, mesh: str | MeshConfig = "2x1", strict: bool = True) -> Mesh:
    """The mesh, ready to run."""
    machine = Mesh(parse(mesh) if isinstance(mesh, str) else mesh, TINY, seed, strict)
    program = assemble(text)
    for node in machine.nodes.values():
        node.write(program.origin, program.image)
    for place, (label, args) in starts.items():
        machine.nodes[place].threads[0].start(program.labels[label], tuple(args))
    return machine


def run(text: str, starts: Mapping[Place, Started], seed: int = 0, mesh: str | MeshConfig = "2x1") -> Mesh:
    """The mesh after every thread has come to rest."""
    machine = loaded(text, starts, seed, mesh)
    machine.run(100_000)
    return machine


def thread(machine: Mesh, place: Place) -> Thread:
    return machine.nodes[place].threads[0]


def ended(machine: Mesh) -> bool:
    """Whether every thread of every node ended by itself."""
    return all(thread.state is ThreadState.IDLE for node in machine.nodes.values() for thread in node.threads)


def word(machine: Mesh, place: Place, address: int) -> int:
    return int.from_bytes(machine.nodes[place].read(address, 8), "little")


to = global_address

"""The nodes that train, each with its host: in the C++ engine or on the instruction-set simulator."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from golden.arch.config import get_config
from golden.arch.mesh import MeshConfig, Place
from golden.host_blocking import BlockingHost
from golden.iss.host import MeshEdge
from golden.iss.mesh import Mesh
from sim.jobs import machine
from sim.jobs.host import Host


class Machine(Protocol):
    """Nodes and their hosts.

    Attributes
    ----------
    name : what runs them, as sentences call it.
    cycle : cycles simulated so far; None of a machine without time.
    """

    name: str
    hosts: Mapping[Place, BlockingHost]

    @property
    def cycle(self) -> int | None: ...

    def close(self) -> None: ...


class OneNode:
    """A node in the engine."""

    name = "the RTL"

    def __init__(self, mesh: MeshConfig, config: str, waves: Path | None) -> None:
        self._engine = machine.engine(config, waves=waves)
        self.hosts: Mapping[Place, BlockingHost] = {mesh.live[0]: Host(self._engine)}

    @property
    def cycle(self) -> int:
        return self._engine.cycle

    def close(self) -> None:
        self._engine.close()


class Simulated:
    """A mesh on the simulator."""

    name, cycle = "the simulator", None

    def __init__(self, mesh: MeshConfig, config: str, seed: int) -> None:
        edge = mesh.edges[-1]  # the west side's last: every mesh has one
        self.hosts: Mapping[Place, BlockingHost] = MeshEdge(Mesh(mesh, get_config(config), seed, strict=True), edge).hosts

    def close(self) -> None:
        """Nothing is held."""

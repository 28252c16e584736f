"""A mesh of routers in Python: the rules of one, wired as `golden.arch.mesh` says. Slow; what the fast engine is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from golden.arch.mesh import OPPOSITE, STEP, MeshConfig, Place
from golden.arch.packet import PortId
from golden.noc.router import PORTS, Router, Shown
from golden.noc.routing import Entry

AtNode = tuple[int, int, int]
"""What the node's end of a link shows: control word, body, credits."""


class Mesh:
    """Call `step` once a cycle with what the nodes show; `shown` is what the routers show, by place."""

    def __init__(self, mesh: MeshConfig, tables: Mapping[Place, Sequence[Entry]] | None = None) -> None:
        self.config = mesh
        self.routers = {}
        for place in mesh.live:
            # Nobody is at the edge ports.
            closed = frozenset(port for port in STEP if mesh.neighbour(place, port) not in mesh.places)
            self.routers[place] = Router(place, (tables or {}).get(place, ()), closed)
        nothing = Shown((0,) * PORTS, (None,) * PORTS, (0,) * PORTS)
        self.shown = {place: nothing for place in mesh.live}

    def step(self, nodes: Mapping[Place, AtNode]) -> None:
        """One cycle of every router."""
        after = {}
        for place, router in self.routers.items():
            controls, bodies, credits = [0] * PORTS, [0] * PORTS, [0] * PORTS
            controls[PortId.NODE], bodies[PortId.NODE], credits[PortId.NODE] = nodes[place]
            for port in STEP:
                other = self.config.neighbour(place, port)
                if other in self.routers:
                    there = self.shown[other]
                    controls[port], credits[port] = there.controls[OPPOSITE[port]], there.credits[OPPOSITE[port]]
                    bodies[port] = there.bodies[OPPOSITE[port]]
            after[place] = router.step(controls, bodies, credits)
        self.shown = after

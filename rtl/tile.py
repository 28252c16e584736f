"""A tile: a node behind its router. No logic of its own.

::

      north east south west
         |    |    |    |     i, o
        +-+----+----+----+-+
        |      Router      |--- node's port --- Node
        +------------------+
"""

from amaranth.hdl import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from golden.arch.mesh import STEP
from golden.arch.packet import COORD_BITS, PortId
from rtl.common.host_ports import Activity, Edges
from rtl.core.trace import trace_signature
from rtl.noc.layouts import Link
from rtl.noc.router import ENTRY_PORT, ERROR_BITS, Router
from rtl.node import Node


class Tile(wiring.Component):
    """One tile.

    Parameters
    ----------
    config : NodeConfig
        Sizes and features; the network among them.
    trace : bool
        With the trace ports; nothing else changes.

    Raises ValueError for a configuration without the network.
    """

    def __init__(self, config: NodeConfig, trace: bool = False) -> None:
        if not config.networked:
            raise ValueError(f"{config.name} as a tile: its features lack network")
        self.config, self.trace_on = config, trace
        members = {
            # From and to the neighbours: north, east, south, west.
            "i": In(Link).array(len(STEP)),
            "o": Out(Link).array(len(STEP)),
            # Own coordinates, a bit per neighbour that is not there, where the edges are: steady from three cycles before any packet on.
            "x": In(COORD_BITS),
            "y": In(COORD_BITS),
            "closed": In(len(STEP)),
            "edges": In(Edges),
            # As in Router.
            "entry": In(ENTRY_PORT),
            "parity_errors": Out(data.ArrayLayout(ERROR_BITS, len(PortId))),
            # As in Node.
            "activity": Out(Activity),
        }
        if trace:
            members["trace"] = Out(trace_signature(config))
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        m.submodules.node = node = Node(self.config, self.trace_on)
        m.submodules.router = router = Router()
        for port in STEP:
            wiring.connect(m, wiring.flipped(self.i[port]), router.i[port])
            wiring.connect(m, router.o[port], wiring.flipped(self.o[port]))
        wiring.connect(m, wiring.flipped(self.edges), node.edges)
        wiring.connect(m, node.tx, router.i[PortId.NODE])
        wiring.connect(m, router.o[PortId.NODE], node.rx)
        wiring.connect(m, wiring.flipped(self.entry), router.entry)
        wiring.connect(m, node.activity, wiring.flipped(self.activity))
        m.d.comb += [
            *(part.eq(value) for place in (router, node.home) for part, value in ((place.x, self.x), (place.y, self.y))),
            node.credits.eq(router.credits),
            router.closed.eq(self.closed),
            self.parity_errors.eq(router.parity_errors),
        ]
        if self.trace_on:
            wiring.connect(m, node.trace, wiring.flipped(self.trace))
        return m

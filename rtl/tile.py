"""A tile: a node behind its router, and the exceptions of the node's own packets. What it knows of itself boot packets have told it.

::

      north east south west
         |    |    |    |     i, o; Nowhere instead, where no neighbour is
        +-+----+----+----+-+
        |      Router      |--- node's port --- Node
        +------------------+
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from golden.arch.mesh import STEP
from golden.arch.packet import PortId
from golden.arch.route_table import DEPARTURES, ENTRIES
from rtl.common.host_ports import Activity
from rtl.core.trace import node_trace
from rtl.noc.departure import TABLE, Here
from rtl.noc.drops import DROPS
from rtl.noc.layouts import Link
from rtl.noc.nowhere import Nowhere
from rtl.noc.router import ERROR_BITS, Router
from rtl.node import Node


class Tile(wiring.Component):
    """One tile.

    Parameters
    ----------
    config : NodeConfig
        Sizes and features; the network among them.
    trace : bool
        With the trace ports; nothing else changes.
    node : type
        What is behind the router.

    Raises ValueError for a configuration without the network.
    """

    def __init__(self, config: NodeConfig, trace: bool = False, node: type[Node] = Node) -> None:
        if not config.networked:
            raise ValueError(f"{config.name} as a tile: its features lack network")
        self.config, self.trace_on, self.node = config, trace, node
        members = {
            # From and to the neighbours: north, east, south, west.
            "i": In(Link).array(len(STEP)),
            "o": Out(Link).array(len(STEP)),
            # As in Router.
            "parity_errors": Out(data.ArrayLayout(ERROR_BITS, len(PortId))),
            # As in Node.
            "dropped": Out(DROPS),
            "unasked": Out(DROPS),
            "activity": Out(Activity),
        }
        if trace:
            members["trace"] = Out(node_trace(config))
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        m.submodules.node = node = self.node(self.config, self.trace_on)
        m.submodules.router = router = Router()
        m.submodules.nowhere = nowhere = Nowhere()
        for port in STEP:
            self._neighbour(m, router, nowhere, port)
        table, here, told, entry = Signal(TABLE), Here.create(path=("here",)), node.identity, node.entry
        wiring.connect(m, here, node.here, nowhere.here)
        for place in range(DEPARTURES):
            with m.If(entry.valid & (entry.index == ENTRIES + place)):
                m.d.sync += table[place].eq(entry.entry)
        wiring.connect(m, node.tx, router.i[PortId.NODE])
        wiring.connect(m, router.o[PortId.NODE], node.rx)
        wiring.connect(m, entry, router.entry)
        wiring.connect(m, node.activity, wiring.flipped(self.activity))
        m.d.comb += [
            *(there.eq(own) for part in (router, here.place) for there, own in ((part.x, told.place.x), (part.y, told.place.y))),
            here.edges.east.eq(told.edges.east),
            here.edges.south.eq(told.edges.south),
            here.table.eq(table),
            node.credits.eq(router.credits),
            nowhere.closed.eq(told.closed),
            self.parity_errors.eq(router.parity_errors),
            self.dropped.eq(node.dropped),
            self.unasked.eq(node.unasked),
        ]
        if self.trace_on:
            wiring.connect(m, node.trace, wiring.flipped(self.trace))
        return m

    def _neighbour(self, m: Module, router: Router, nowhere: Nowhere, port: PortId) -> None:
        """A port's links to the neighbour, or to nowhere: nothing comes from a neighbour that is missing."""
        into, out = router.i[port], router.o[port]
        m.d.comb += [
            into.control.eq(self.i[port].control.as_value() | nowhere.enters[port].as_value()),
            into.body.eq(self.i[port].body.as_value() | Mux(nowhere.port[port], nowhere.body.as_value(), 0)),
            nowhere.returned[port].eq(into.credit),
            self.i[port].credit.eq(into.credit),
            self.o[port].control.eq(out.control),
            self.o[port].body.eq(out.body),
            out.credit.eq(self.o[port].credit | nowhere.credit[port]),
            nowhere.control[port].eq(out.control),
            nowhere.header[port].eq(out.body.header),
        ]

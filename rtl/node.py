"""A node: core, SRAM, endpoint, wired. Its only door is the link."""

from amaranth.hdl import Cat, Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from golden.arch.packet import PortId
from golden.arch.trace import NetworkEvent
from rtl.common.delay import delay
from rtl.common.host_ports import Activity
from rtl.core.core import Core
from rtl.core.trace import node_trace
from rtl.mem.ports import LineRead, LineWrite
from rtl.mem.sram import SRAM
from rtl.noc.credits import COUNT
from rtl.noc.departure import Here
from rtl.noc.drops import DROPS
from rtl.noc.endpoint import Endpoint, Identity
from rtl.noc.interface import NetworkInterface
from rtl.noc.layouts import Link
from rtl.noc.router import ENTRY_PORT
from rtl.noc.share import LineShare, RaiseShare


class Node(wiring.Component):
    """One node.

    Parameters
    ----------
    config : NodeConfig
        Sizes and features.
    trace : bool
        With the trace ports; nothing else changes.
    """

    def __init__(self, config: NodeConfig, trace: bool = False) -> None:
        self.config, self.trace_on = config, trace
        members = {
            # From and to the neighbour, or the host at the edge.
            "rx": In(Link),
            "tx": Out(Link),
            "activity": Out(Activity),
            # As in Endpoint, and in Arrivals of a networked node.
            "dropped": Out(DROPS),
            "unasked": Out(DROPS),
        }
        if config.networked:
            # Where the node is, and how its packets set out; steady.
            members["here"] = In(Here)
            # As in Endpoint.
            members["identity"] = Out(Identity)
            members["entry"] = Out(ENTRY_PORT)
            # Credits of the router's outputs.
            members["credits"] = In(data.ArrayLayout(COUNT, len(PortId)))
        if trace:
            members["trace"] = Out(node_trace(config))
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = core = Core(self.config, self.trace_on)
        m.submodules.sram = sram = SRAM(rows=self.config.sram_rows)
        m.submodules.endpoint = endpoint = Endpoint(self.config)
        wiring.connect(m, wiring.flipped(self.rx), endpoint.rx)
        wiring.connect(m, endpoint.tx, wiring.flipped(self.tx))
        for name in ("l0", "l1", "st", "sl", "ss", "fill"):
            wiring.connect(m, getattr(core, name), getattr(sram, name))
        wiring.connect(m, core.inject, sram.inject)
        for name in ("uncorrectable", "corrected", "conflicts"):
            wiring.connect(m, getattr(sram, name), getattr(core, name))
        for name in ("start", "debug", "poke", "line", "link_events"):
            wiring.connect(m, getattr(endpoint, name), getattr(core, name))
        wiring.connect(m, core.status, endpoint.status)
        wiring.connect(m, core.activity, wiring.flipped(self.activity))
        m.d.comb += self.dropped.eq(endpoint.dropped)
        if self.config.networked:
            self._network(m, core, sram, endpoint)
        else:
            for name, other in (("write", sram.mw), ("read", sram.mr), ("raise_", core.raise_), ("place", core.place)):
                wiring.connect(m, getattr(endpoint, name), other)
            m.d.comb += self.unasked.eq(endpoint.unasked)
        if self.trace_on:
            for name in core.trace.signature.members:
                wiring.connect(m, getattr(core.trace, name), wiring.flipped(getattr(self.trace, name)))
        return m

    def _network(self, m: Module, core: Core, sram: SRAM, endpoint: Endpoint) -> None:
        """The network interface, which shares the link, the SRAM's line ports and the semaphores with the endpoint."""
        m.submodules.network = network = NetworkInterface(self.config)
        m.submodules.write_share = write = LineShare(LineWrite)
        m.submodules.read_share = read = LineShare(LineRead)
        m.submodules.raise_share = raises = RaiseShare()
        for number, part in enumerate((network, endpoint)):
            wiring.connect(m, part.write, write.user[number])
            wiring.connect(m, part.read, read.user[number])
            wiring.connect(m, part.raise_, raises.user[number])
        wiring.connect(m, write.o, sram.mw)
        wiring.connect(m, read.o, sram.mr)
        wiring.connect(m, raises.o, core.raise_)
        wiring.connect(m, wiring.flipped(self.here), endpoint.here, network.here)
        wiring.connect(m, endpoint.place, core.place)
        wiring.connect(m, endpoint.answers, network.answers)
        for ask, packets in zip(endpoint.asks, network.requests, strict=True):
            wiring.connect(m, packets, ask)
        wiring.connect(m, core.commands, network.commands)
        wiring.connect(m, network.handed, core.handed)
        wiring.connect(m, network.steer, core.net_steer)
        for name in ("identity", "entry"):
            wiring.connect(m, getattr(endpoint, name), wiring.flipped(getattr(self, name)))
        m.d.comb += [
            network.link.eq(endpoint.credits),
            network.router.eq(self.credits),
            self.unasked.eq(network.unasked),
        ]
        if self.trace_on:
            record, up = self.trace.network.record, raises.o
            taken = delay(m, up.valid & up.ready, 1, "raise_taken")
            m.d.comb += [
                *(record[event].eq(Cat(told.valid, told.thread)) for event, told in enumerate(network.took)),
                record[NetworkEvent.RAISED].eq(Cat(taken & ~up.overflow, delay(m, up.semaphore, 1, "raised"))),
            ]

"""A node: core, SRAM, endpoint, wired. Its only door is the link."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from rtl.common.host_ports import Activity, Place
from rtl.core.core import Core
from rtl.core.trace import trace_signature
from rtl.mem.sram import SRAM
from rtl.noc.endpoint import Endpoint
from rtl.noc.layouts import Link


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
        }
        if config.networked:
            # Where the node is until a boot packet says otherwise; steady.
            members["home"] = In(Place)
        if trace:
            members["trace"] = Out(trace_signature(config))
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
        wiring.connect(m, endpoint.write, sram.mw)
        wiring.connect(m, endpoint.read, sram.mr)
        wiring.connect(m, core.inject, sram.inject)
        for name in ("uncorrectable", "corrected", "conflicts"):
            wiring.connect(m, getattr(sram, name), getattr(core, name))
        for name in ("start", "debug", "poke", "raise_", "line", "place", "link_events"):
            wiring.connect(m, getattr(endpoint, name), getattr(core, name))
        wiring.connect(m, core.status, endpoint.status)
        wiring.connect(m, core.activity, wiring.flipped(self.activity))
        if self.config.networked:
            wiring.connect(m, wiring.flipped(self.home), endpoint.home)
            m.d.comb += endpoint.answers.ready.eq(1)
        if self.trace_on:
            wiring.connect(m, core.trace, wiring.flipped(self.trace))
        return m

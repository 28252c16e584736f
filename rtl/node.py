"""A node: core, SRAM, endpoint, wired. Its only door is the link."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from golden.arch.isa import THREADS
from rtl.common.host_ports import Place
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
            # An instruction or a packet moved; valid always. For whoever waits for a machine that hangs.
            "activity": Out(1),
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
        for name in ("uncorrectable", "corrected"):
            wiring.connect(m, getattr(sram, name), getattr(core, name))
        for name in ("start", "debug", "poke", "raise_"):
            wiring.connect(m, getattr(endpoint, name), getattr(core, name))
        m.d.comb += [
            endpoint.status.eq(core.status.state),
            endpoint.stopped.eq(core.status.stopped),
            core.line.line.eq(endpoint.counter_line),
            core.place.x.eq(endpoint.x),
            core.place.y.eq(endpoint.y),
            core.conflicts.count.eq(sram.conflicts),
            *(sram.inject[t].eq(core.inject.bits[t]) for t in range(THREADS)),
            core.link_events.packet_in.eq(endpoint.packet_in),
            core.link_events.packet_out.eq(endpoint.packet_out),
            core.link_events.parity_errors.eq(endpoint.parity_errors),
            core.link_events.first_start.eq(endpoint.first_start),
            self.activity.eq(core.activity.busy),
            *(endpoint.counters[i].eq(core.line.values[i]) for i in range(8)),
        ]
        if self.config.networked:
            wiring.connect(m, wiring.flipped(self.home), endpoint.home)
            m.d.comb += endpoint.answers.ready.eq(1)
        if self.trace_on:
            wiring.connect(m, core.trace, wiring.flipped(self.trace))
        return m

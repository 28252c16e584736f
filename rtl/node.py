"""A node: core, SRAM, endpoint, wired. Its only door is the link."""

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from golden.arch.isa import THREADS
from rtl.core.core import Core, trace_signature
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
        wiring.connect(m, sram.uncorrectable, core.lost)
        for name in ("start", "debug", "poke", "raise_"):
            wiring.connect(m, getattr(endpoint, name), getattr(core, name))
        m.d.comb += [
            endpoint.status.eq(core.status),
            endpoint.stopped.eq(core.stopped),
            core.counter_line.eq(endpoint.counter_line),
            core.node.eq(Cat(endpoint.x, endpoint.y)),
            core.conflicts.eq(sram.conflicts),
            core.corrected.eq(sram.corrected.count),
            *(sram.inject[t].eq(core.ecc_inject[t]) for t in range(THREADS)),
            core.packet_in.eq(endpoint.packet_in),
            core.packet_out.eq(endpoint.packet_out),
            core.first_start.eq(endpoint.first_start),
            self.activity.eq(core.activity | endpoint.packet_in | endpoint.packet_out),
        ]
        for i in range(8):
            m.d.comb += endpoint.counters[i].eq(core.counter_values[i])
        if self.trace_on:
            wiring.connect(m, core.trace, wiring.flipped(self.trace))
        return m

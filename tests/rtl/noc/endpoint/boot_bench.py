"""Tiles without a core: a large mesh of them is compiled and booted in a minute."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring

from golden.arch.config import get_config
from rtl.noc.endpoint import Endpoint
from rtl.node import Node
from rtl.tile import Tile
from sim.compile.elaborate import Design, elaborate_once
from sim.jobs import machine


class Idle(Node):
    """A node that can say who it is, and not much more."""

    def elaborate(self, platform):
        m = Module()
        m.submodules.endpoint = endpoint = Endpoint(self.config)
        wiring.connect(m, wiring.flipped(self.rx), endpoint.rx)
        wiring.connect(m, endpoint.tx, wiring.flipped(self.tx))
        wiring.connect(m, wiring.flipped(self.here), endpoint.here)
        wiring.connect(m, endpoint.identity, wiring.flipped(self.identity))
        wiring.connect(m, endpoint.entry, wiring.flipped(self.entry))
        m.d.comb += [
            self.dropped.eq(endpoint.dropped),
            endpoint.answers.ready.eq(1),
            self.activity.busy.eq(endpoint.link_events.packet_in.valid | endpoint.link_events.packet_out.valid),
        ]
        return m


def bench_design() -> Design:
    """The tile's Verilog."""
    config = get_config("tiny").with_network()
    sources = (*machine.SOURCES, "tests/rtl/noc/endpoint")
    return elaborate_once(lambda: Tile(config, node=Idle), sources, top="idle_tile", config="tiny", parameters={})

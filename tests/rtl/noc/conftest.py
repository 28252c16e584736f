"""A node without a core: the endpoint, an SRAM and semaphores, threads that are always idle. Packets in, packets out."""

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig, get_config
from rtl.common.host_ports import Activity
from rtl.core.thread.sync import Semaphores
from rtl.mem.sram import SRAM
from rtl.noc.drops import DROPS
from rtl.noc.endpoint import Endpoint
from rtl.noc.layouts import Link
from sim.compile.elaborate import elaborate
from sim.engine.binding import Engine


class EndpointBench(wiring.Component):
    """What the engine and a cocotb bench expect of a node, without threads."""

    rx: In(Link)
    tx: Out(Link)
    # A packet came or went.
    activity: Out(Activity)
    # As in Endpoint.
    dropped: Out(DROPS)
    unasked: Out(DROPS)

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.endpoint = endpoint = Endpoint(self.config)
        m.submodules.sram = sram = SRAM(rows=self.config.sram_rows)
        wiring.connect(m, wiring.flipped(self.rx), endpoint.rx)
        wiring.connect(m, endpoint.tx, wiring.flipped(self.tx))
        wiring.connect(m, endpoint.write, sram.mw)
        wiring.connect(m, endpoint.read, sram.mr)
        m.submodules.semaphores = semaphores = Semaphores()
        wiring.connect(m, endpoint.raise_, semaphores.net_raise)
        m.d.comb += [
            endpoint.poke.ready.eq(1),
            self.dropped.eq(endpoint.dropped),
            self.unasked.eq(endpoint.unasked),
            self.activity.busy.eq(endpoint.link_events.packet_in.valid | endpoint.link_events.packet_out.valid),
        ]
        return m


@pytest.fixture(scope="session")
def endpoint_design():
    """The bench as Verilog, in the tiny configuration."""
    return elaborate(EndpointBench(get_config("tiny")), top="endpoint_bench", config="tiny")


@pytest.fixture
def engine(endpoint_design):
    """The bench in the engine, fresh from reset."""
    with Engine(endpoint_design) as engine:
        yield engine

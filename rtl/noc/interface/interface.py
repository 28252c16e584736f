"""The parts of the network interface, wired."""

from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from golden.arch.packet import PortId
from rtl.common.host_ports import Raise
from rtl.common.network_ports import Commands, Handed, NetSteer
from rtl.mem.ports import LineRead, LineWrite
from rtl.noc.credits import COUNT
from rtl.noc.departure import Here
from rtl.noc.drops import DROPS
from rtl.noc.interface.arrivals import Arrivals
from rtl.noc.interface.fetch import Fetch
from rtl.noc.interface.packets import Packets
from rtl.noc.interface.route_queues import RouteQueues
from rtl.noc.interface.transfers import TOOK, Transfers
from rtl.noc.layouts import RECEIVED, ROUTED, ROUTES


class NetworkInterface(wiring.Component):
    """Commands in, packets out; answers in. No logic of its own.

    Parameters
    ----------
    config : NodeConfig
        Whose SRAM bounds transfers.
    """

    # From and to the core.
    commands: In(Commands)
    handed: Out(Handed)
    steer: Out(NetSteer)
    # As in Transfers.
    took: Out(TOOK).array(2)
    # As in Arrivals.
    unasked: Out(DROPS)
    # SRAM and semaphores.
    read: Out(LineRead)
    write: Out(LineWrite)
    raise_: Out(Raise)
    # To the link, a stream per route, and from it.
    requests: Out(stream.Signature(ROUTED)).array(ROUTES)
    answers: In(stream.Signature(RECEIVED))
    # Own surroundings, credits of the link and of the router's outputs.
    here: In(Here)
    link: In(COUNT)
    router: In(data.ArrayLayout(COUNT, len(PortId)))

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.transfers = transfers = Transfers(self.config.sram_bytes)
        m.submodules.fetch = fetch = Fetch()
        m.submodules.packets = packets = Packets()
        m.submodules.queues = queues = RouteQueues()
        m.submodules.arrivals = arrivals = Arrivals()
        me = wiring.flipped(self)
        wiring.connect(m, me.commands, transfers.commands)
        wiring.connect(m, transfers.o, fetch.commands)
        wiring.connect(m, fetch.read, me.read)
        wiring.connect(m, fetch.o, packets.i)
        wiring.connect(m, packets.o, queues.i)
        wiring.connect(m, packets.handed, me.handed)
        wiring.connect(m, packets.opens, arrivals.opens)
        for r in range(ROUTES):
            wiring.connect(m, queues.o[r], wiring.flipped(self.requests[r]))
        wiring.connect(m, me.here, queues.here)
        wiring.connect(m, me.here.place, packets.place, transfers.place)
        wiring.connect(m, me.here.edges, packets.edges)
        wiring.connect(m, me.answers, arrivals.answers)
        wiring.connect(m, arrivals.write, me.write)
        wiring.connect(m, arrivals.raise_, me.raise_)
        faults = (packets.fault, arrivals.refused, arrivals.overflow, transfers.fault)
        m.d.comb += [
            transfers.asked.eq(packets.asked),
            transfers.ended.eq(packets.ended),
            transfers.faults.eq(self.steer.fault),
            self.steer.idle.eq(arrivals.idle & transfers.idle),
            *(self.steer.fault[n].eq(found) for n, found in enumerate(faults)),
            *(here.eq(there) for here, there in zip(self.took, transfers.took, strict=True)),
            self.unasked.eq(arrivals.unasked),
            queues.link.eq(self.link),
            queues.router.eq(self.router),
        ]
        return m

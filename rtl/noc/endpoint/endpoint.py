"""The parts of the endpoint, wired."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from rtl.common.host_ports import CounterLine, Debug, LinkEvents, Place, Poke, Raise, Start, ThreadStatus
from rtl.mem.ports import LineRead, LineWrite
from rtl.noc.endpoint.answers import Answers
from rtl.noc.endpoint.check import Check
from rtl.noc.endpoint.raises import Raises
from rtl.noc.endpoint.reads import Reads
from rtl.noc.endpoint.serve import Serve
from rtl.noc.endpoint.threads import Threads
from rtl.noc.endpoint.writes import Writes
from rtl.noc.layouts import Link
from rtl.noc.link import LinkReceiver, LinkSender


class Endpoint(wiring.Component):
    """Packets in, packets out. No logic of its own.

    Parameters
    ----------
    config : NodeConfig
        Sizes that the identity line shows and that bound a packet's address.
    """

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        super().__init__(
            {
                # From and to the router's node port, or the edge of a machine of one node.
                "rx": In(Link),
                "tx": Out(Link),
                "write": Out(LineWrite),
                "read": Out(LineRead),
                # A thread starts, after its x1..x8 were poked. Only a thread that rests (IDLE or FAULTED) is started.
                "start": Out(Start),
                "debug": Out(Debug),
                "poke": Out(Poke),
                "raise_": Out(Raise),
                "status": In(ThreadStatus),
                "line": Out(CounterLine),
                # From a boot packet; 1, 1 after reset.
                "place": Out(Place),
                "link_events": Out(LinkEvents),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver = receiver = LinkReceiver()
        m.submodules.sender = sender = LinkSender()
        m.submodules.check = check = Check(self.config)
        m.submodules.serve = serve = Serve(self.config)
        m.submodules.reads = reads = Reads()
        m.submodules.writes = writes = Writes()
        m.submodules.raises = raises = Raises()
        m.submodules.threads = threads = Threads()
        sources = (threads, reads, raises, serve)
        m.submodules.answers = answers = Answers(len(sources))
        wiring.connect(m, wiring.flipped(self.rx), receiver.link)
        wiring.connect(m, receiver.packet, check.i)
        wiring.connect(m, check.o, serve.request)
        wiring.connect(m, serve.load, reads.i)
        wiring.connect(m, serve.store, writes.i)
        wiring.connect(m, serve.effect, raises.packet)
        wiring.connect(m, serve.asks, threads.asks)
        wiring.connect(m, writes.completed, raises.completed)
        for number, source in enumerate(sources):
            wiring.connect(m, source.answer, answers.i[number])
        wiring.connect(m, answers.o, sender.packet)
        wiring.connect(m, sender.link, wiring.flipped(self.tx))
        wiring.connect(m, reads.read, wiring.flipped(self.read))
        wiring.connect(m, writes.write, wiring.flipped(self.write))
        wiring.connect(m, raises.raise_, wiring.flipped(self.raise_))
        wiring.connect(m, reads.own, writes.other)
        wiring.connect(m, writes.own, reads.other)
        for name in ("start", "debug", "poke", "line"):
            wiring.connect(m, getattr(serve, name), wiring.flipped(getattr(self, name)))
        wiring.connect(m, serve.booted, check.booted)
        wiring.connect(m, serve.place, check.place, answers.place, wiring.flipped(self.place))
        wiring.connect(m, wiring.flipped(self.status), serve.status, threads.status)
        for speaker, name in ((check, "packet_in"), (answers, "packet_out"), (serve, "first_start")):
            wiring.connect(m, getattr(speaker, name), wiring.flipped(getattr(self.link_events, name)))
        return m

"""The parts of the endpoint, wired."""

from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import memmap
from golden.arch.config import NodeConfig
from golden.arch.isa import THREADS
from rtl.common.host_ports import STATUS, Debug, Place, Poke, Raise, Start
from rtl.mem.ports import LineRead, LineWrite
from rtl.noc.endpoint.answers import Answers
from rtl.noc.endpoint.check import Check
from rtl.noc.endpoint.raises import Raises
from rtl.noc.endpoint.reads import Reads
from rtl.noc.endpoint.serve import Serve
from rtl.noc.endpoint.threads import Threads
from rtl.noc.endpoint.writes import Writes
from rtl.noc.layouts import PACKET, Link
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
        members = {
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
            # State of every thread, and who came to rest (halt, fault, debugger) in this cycle.
            "status": In(data.ArrayLayout(STATUS, THREADS)),
            "stopped": In(THREADS),
            # Line of eight counters to read, and their values two cycles later.
            "counter_line": Out(range(memmap.COUNTER_LINES)),
            "counters": In(data.ArrayLayout(64, 8)),
            # Own coordinates, from a boot packet; 1, 1 after reset.
            "x": Out(5, init=1),
            "y": Out(5, init=1),
            # A start packet was accepted while no thread ran; one cycle.
            "first_start": Out(1),
            # Events for the counters: a packet came, went, one cycle each; packets dropped for wrong parity.
            "packet_in": Out(1),
            "packet_out": Out(1),
            "parity_errors": Out(2),
        }
        if config.networked:
            # The answers to what the node asks of others; taken whatever becomes of requests.
            members["answers"] = Out(stream.Signature(PACKET))
            # Where the node is until a boot packet says otherwise; steady.
            members["home"] = In(Place)
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        networked = self.config.networked
        m.submodules.receiver = receiver = LinkReceiver(responses=networked)
        m.submodules.sender = sender = LinkSender(routed=networked)
        m.submodules.check = check = Check(self.config)
        m.submodules.serve = serve = Serve(self.config)
        m.submodules.reads = reads = Reads()
        m.submodules.writes = writes = Writes()
        m.submodules.raises = raises = Raises()
        m.submodules.threads = threads = Threads()
        sources = (threads, reads, raises, serve)
        m.submodules.answers = answers = Answers(len(sources))
        wiring.connect(m, wiring.flipped(self.rx), receiver.link)
        wiring.connect(m, receiver.requests, check.i)
        wiring.connect(m, check.o, serve.request)
        wiring.connect(m, serve.load, reads.i)
        wiring.connect(m, serve.store, writes.i)
        wiring.connect(m, serve.effect, raises.packet)
        wiring.connect(m, serve.asks, threads.asks)
        wiring.connect(m, writes.completed, raises.completed)
        for number, source in enumerate(sources):
            wiring.connect(m, source.answer, answers.i[number])
        wiring.connect(m, answers.o, sender.packets[0])
        wiring.connect(m, sender.link, wiring.flipped(self.tx))
        wiring.connect(m, reads.read, wiring.flipped(self.read))
        wiring.connect(m, writes.write, wiring.flipped(self.write))
        wiring.connect(m, raises.raise_, wiring.flipped(self.raise_))
        for name in ("start", "debug", "poke"):
            wiring.connect(m, getattr(serve, name), wiring.flipped(getattr(self, name)))
        m.d.comb += [
            check.x.eq(serve.x),
            check.y.eq(serve.y),
            check.booted.eq(serve.booted),
            reads.after.eq(writes.free),
            writes.after.eq(reads.free),
            serve.status.eq(self.status),
            serve.counters.eq(self.counters),
            threads.status.eq(self.status),
            threads.stopped.eq(self.stopped),
            answers.x.eq(serve.x),
            answers.y.eq(serve.y),
            self.counter_line.eq(serve.counter_line),
            self.x.eq(serve.x),
            self.y.eq(serve.y),
            self.first_start.eq(serve.first_start),
            self.packet_in.eq(receiver.came),
            self.packet_out.eq(sender.link.control.valid.any()),
            self.parity_errors.eq(receiver.parity_errors),
        ]
        if networked:
            wiring.connect(m, receiver.responses, wiring.flipped(self.answers))
            wiring.connect(m, wiring.flipped(self.home), serve.home)
            m.d.comb += [sender.x.eq(serve.x), sender.y.eq(serve.y)]
        return m

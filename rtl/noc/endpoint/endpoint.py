"""The parts of the endpoint, wired."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from rtl.common.host_ports import CounterLine, Debug, LinkEvents, Place, Poke, Raise, Start, ThreadStatus
from rtl.mem.ports import LineRead, LineWrite
from rtl.noc.credits import COUNT
from rtl.noc.departure import Departing, Here
from rtl.noc.drops import DROPS, count_drops
from rtl.noc.endpoint.answers import Answers
from rtl.noc.endpoint.boot import Boot, Identity
from rtl.noc.endpoint.check import Check
from rtl.noc.endpoint.raises import Raises
from rtl.noc.endpoint.reads import DEPTH, NETWORKED_DEPTH, Reads
from rtl.noc.endpoint.serve import Serve
from rtl.noc.endpoint.threads import Threads
from rtl.noc.endpoint.writes import Writes
from rtl.noc.layouts import RECEIVED, ROUTED, ROUTES, Link
from rtl.noc.link import LinkReceiver, LinkSender
from rtl.noc.router import ENTRY_PORT


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
            "status": In(ThreadStatus),
            "line": Out(CounterLine),
            # Own coordinates, from the last boot packet; 1, 1 after reset.
            "place": Out(Place),
            "link_events": Out(LinkEvents),
            # As in Check.
            "dropped": Out(DROPS),
        }
        if config.networked:
            # The answers to what the node asks of others; taken whatever becomes of requests.
            members["answers"] = Out(stream.Signature(RECEIVED))
            # What it asks, a stream per route, and the credits of the link for it.
            members["asks"] = In(stream.Signature(ROUTED)).array(ROUTES)
            members["credits"] = Out(COUNT)
            # Where the node is, and how its packets set out; steady.
            members["here"] = In(Here)
            # What boot packets say: who the node is, and entries of tables.
            members["identity"] = Out(Identity)
            members["entry"] = Out(ENTRY_PORT)
        else:
            # Answers: a node that asks nobody drops them.
            members["unasked"] = Out(DROPS)
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        networked = self.config.networked
        m.submodules.receiver = receiver = LinkReceiver(responses=networked)
        m.submodules.sender = sender = LinkSender(sources=4 if networked else 1, routed=networked)
        m.submodules.check = check = Check(self.config)
        m.submodules.serve = serve = Serve(self.config)
        m.submodules.reads = reads = Reads(NETWORKED_DEPTH if networked else DEPTH)
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
        wiring.connect(m, sender.link, wiring.flipped(self.tx))
        wiring.connect(m, reads.read, wiring.flipped(self.read))
        wiring.connect(m, writes.write, wiring.flipped(self.write))
        wiring.connect(m, raises.raise_, wiring.flipped(self.raise_))
        wiring.connect(m, reads.own, writes.other)
        wiring.connect(m, writes.own, reads.other)
        for name in ("start", "debug", "poke", "line"):
            wiring.connect(m, getattr(serve, name), wiring.flipped(getattr(self, name)))
        wiring.connect(m, serve.booted, check.booted)
        wiring.connect(m, wiring.flipped(self.status), serve.status, threads.status)
        for speaker, name in ((receiver, "packet_in"), (sender, "packet_out"), (serve, "first_start")):
            wiring.connect(m, getattr(speaker, name), wiring.flipped(getattr(self.link_events, name)))
        m.d.comb += [self.link_events.parity_errors.eq(receiver.parity_errors), self.dropped.eq(check.dropped)]
        if networked:
            wiring.connect(m, receiver.responses, wiring.flipped(self.answers))
            m.submodules.departing = departing = Departing()
            wiring.connect(m, answers.o, departing.i)
            wiring.connect(m, departing.o, sender.packets[0])
            wiring.connect(m, wiring.flipped(self.here), departing.here)
            m.submodules.boot = boot = Boot()
            wiring.connect(m, serve.boot, boot.request)
            wiring.connect(m, boot.onward, sender.packets[len(self.asks) + 1])
            wiring.connect(m, boot.entry, wiring.flipped(self.entry))
            wiring.connect(m, boot.identity, wiring.flipped(self.identity))
            wiring.connect(m, boot.identity.place, serve.place, check.place, answers.place, wiring.flipped(self.place))
            for number, source in enumerate(self.asks, 1):
                wiring.connect(m, wiring.flipped(source), sender.packets[number])
            m.d.comb += [self.credits.eq(sender.credits), check.known.eq(boot.identity.known)]
        else:
            count_drops(m, self.unasked, receiver.unasked.valid)
            wiring.connect(m, answers.o, sender.packets[0])
            wiring.connect(m, serve.place, check.place, answers.place, wiring.flipped(self.place))
        return m

r"""Serves one request at a time: passes it to the part that does what it asks for, or answers it.

::

    request --+-- dropped: a response that nobody waits for
              +-- refused, BOOT without a router ---------------------+
              +-- BOOT ------------------------> Boot                 |
              +-- WRITE, READ of SRAM, RAISE --> store, load, effect  |  done when the next part takes it
              +-- READ of a control line ------> ControlLines --------+--> answer
              +-- START -----------------------> Starter -------------+
              +-- DEBUG -----------------------> Debugger ------------+
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from golden.arch.isa import THREADS
from golden.arch.memmap import ThreadState
from golden.arch.packet import FLAG_RESPONSE, SEQUENCE_NOTIFY
from rtl.common.host_ports import CounterLine, Debug, Event, Place, Poke, Start, ThreadStatus
from rtl.common.select import by_mark, by_number
from rtl.common.stream import SkidBuffer
from rtl.noc.endpoint.check import CHECKED
from rtl.noc.endpoint.control_lines import ControlLines
from rtl.noc.endpoint.debugger import Debugger
from rtl.noc.endpoint.layouts import ANSWER, EFFECT, LOAD, REPLY, STORE, refusal, return_address
from rtl.noc.endpoint.starter import Starter
from rtl.noc.endpoint.threads import Asks
from rtl.noc.layouts import PACKET, PacketKind


class Serve(wiring.Component):
    """Requests in, what they ask for out.

    Parameters
    ----------
    config : NodeConfig
        Sizes that the identity line shows and that bound a packet's address.
    """

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        members = {
            "request": In(stream.Signature(CHECKED)),
            # What SRAM and semaphores have to do with it.
            "load": Out(stream.Signature(LOAD)),
            "store": Out(stream.Signature(STORE)),
            "effect": Out(stream.Signature(EFFECT)),
            # Answers that need neither.
            "answer": Out(stream.Signature(ANSWER)),
            "asks": Out(Asks),
            # As in Endpoint.
            "start": Out(Start),
            "debug": Out(Debug),
            "poke": Out(Poke),
            "status": In(ThreadStatus),
            "line": Out(CounterLine),
            "first_start": Out(Event),
            # As in Check.
            "booted": Out(Event),
            # Own coordinates: of a node without a router those of the last boot packet, 1, 1 after reset.
            "place": In(Place) if config.networked else Out(Place),
        }
        if config.networked:
            # Boot packets.
            members["boot"] = Out(stream.Signature(PACKET))
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        request, packet = self.request, self.request.payload.packet
        target, header = self.request.payload.target, packet.header
        m.submodules.lines = lines = ControlLines(self.config)
        m.submodules.starter = starter = Starter()
        m.submodules.debugger = debugger = Debugger()
        m.submodules.answers = answers = SkidBuffer(ANSWER)
        wiring.connect(m, answers.o, wiring.flipped(self.answer))
        self._fields(m)
        self._threads(m, lines, starter, debugger)
        wiring.connect(m, starter.start, wiring.flipped(self.start))
        wiring.connect(m, starter.poke, wiring.flipped(self.poke))
        wiring.connect(m, starter.first_start, wiring.flipped(self.first_start))
        wiring.connect(m, debugger.debug, wiring.flipped(self.debug))
        wiring.connect(m, lines.line, wiring.flipped(self.line))

        # What is answered here: refusals, and a boot packet that wants an answer and can be given one.
        says, own, acknowledges = Signal(), Signal(REPLY), Signal()
        m.d.comb += [
            own.kind.eq(Mux(target.refused, PacketKind.ERROR, PacketKind.ACK)),
            own.payload.eq(Mux(target.refused, refusal(request.payload.cause, header.address), 0)),
            says.eq(request.valid & (target.refused | acknowledges)),
            self.booted.valid.eq(request.valid & target.boot & request.ready),
        ]
        taken = [target.dropped, target.refused & answers.i.ready]
        served = {"store": self.store, "load": self.load, "effect": self.effect}
        served |= {"lines": lines.request, "starter": starter.request, "debugger": debugger.request}
        if self.config.networked:
            served["boot"] = self.boot
            wiring.connect(m, wiring.flipped(self.place), lines.place)
            m.d.comb += self.boot.payload.eq(packet)
        else:
            taken.append(target.boot & (answers.i.ready | ~self._responds))
            wiring.connect(m, self.place, lines.place)
            m.d.comb += acknowledges.eq(target.boot & self._responds)
            with m.If(self.booted.valid):
                m.d.sync += Cat(self.place.x, self.place.y).eq(packet.payload[:10])
        for name, part in served.items():
            m.d.comb += part.valid.eq(request.valid & target[name])
            taken.append(target[name] & part.ready)
        m.d.comb += request.ready.eq(Cat(taken).any())

        # At most one of them has something to say.
        parts = (lines, starter, debugger)
        replying = Cat(says, *(part.reply.valid for part in parts))
        reply = by_mark(m, replying, [own, *(part.reply.payload for part in parts)], "reply")
        m.d.comb += [
            answers.i.valid.eq(replying.any()),
            answers.i.payload.to.eq(return_address(packet)),
            answers.i.payload.kind.eq(reply.kind),
            answers.i.payload.payload.eq(reply.payload),
            *(part.reply.ready.eq(answers.i.ready) for part in parts),
            *(part.request.payload.eq(packet) for part in parts),
        ]
        return m

    @property
    def _responds(self):
        return (self.request.payload.packet.header.flags & FLAG_RESPONSE).any()

    def _threads(self, m, lines: ControlLines, starter: Starter, debugger: Debugger) -> None:
        """What the parts need to know of the request's thread, or of the one whose status line it reads; what they tell Threads."""
        packet, asks = self.request.payload.packet, self.asks
        thread, statuses = packet.header.length[:2], [self.status.state[t] for t in range(THREADS)]
        which = Mux(packet.header.kind == PacketKind.READ, packet.header.address[6:8], thread)
        shown = by_number(m, which, statuses, "shown")

        def rests(status):
            return (status.state == ThreadState.IDLE) | (status.state == ThreadState.FAULTED)

        m.d.comb += [
            *(part.shown.eq(shown) for part in (lines, debugger)),
            *(part.resting.eq(rests(shown)) for part in (starter, debugger)),
            *(part.unsettled.eq(asks.unsettled.bit_select(thread, 1)) for part in (starter, debugger)),
            starter.idle.eq(Cat(map(rests, statuses)).all()),
            debugger.asked.eq(asks.asked.bit_select(thread, 1)),
            debugger.injecting.eq(asks.injecting.bit_select(thread, 1)),
            asks.thread.eq(thread),
            asks.to.eq(return_address(packet)),
            asks.end.eq(starter.begun & self._responds),
            asks.still.eq(debugger.still),
            asks.inject.eq(debugger.inject),
        ]

    def _fields(self, m) -> None:
        """What WRITE, READ and RAISE say, in the words of the parts that serve them."""
        item, header = self.request.payload.packet, self.request.payload.packet.header
        address, to = header.address, return_address(item)
        load, store, effect = self.load.payload, self.store.payload, self.effect.payload
        m.d.comb += [
            load.line.eq(address[6:]),
            load.word.eq(address[3:6]),
            load.strobe.eq(store.strobe),
            load.to.eq(to),
            store.line.eq(address[6:]),
            store.word.eq(address[3:6]),
            store.strobe.eq(((1 << header.length[:4]) - 1) << address[3:6]),
            store.data.eq(item.payload),
            store.to.eq(to),
            store.respond.eq(self._responds),
            store.notify.eq((header.sequence & SEQUENCE_NOTIFY).any()),
            effect.to.eq(to),
            effect.respond.eq(self._responds),
            effect.raises.eq(1),
            effect.amount.eq(address),
            effect.address.eq(address),
        ]

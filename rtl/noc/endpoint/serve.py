r"""Serves one request at a time: passes it on, or answers it.

::

    SERVE -----> WRITE, READ, RAISE, BOOT, whatever is refused or dropped: done when the next part takes it
      |--------> LOOK, LOOKED, CONTROL           a control line
      |--------> OBEY (, STATUS)                 a debug command, then the status when nothing is to be waited for
      \--------> CLAIM, POKE, START, STARTED     x1..x8, then the thread starts; BUSY when it does not rest
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import memmap
from golden.arch.config import NodeConfig
from golden.arch.isa import THREADS
from golden.arch.memmap import ControlLine, Fault, ThreadState
from golden.arch.packet import FLAG_RESPONSE, SEQUENCE_NOTIFY, DebugOp
from rtl.common.host_ports import STATUS, Debug, Poke, Start
from rtl.noc.endpoint.check import Check
from rtl.noc.endpoint.layouts import ANSWER, EFFECT, LOAD, STORE, refusal, return_address, status_line
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
        super().__init__(
            {
                "packet": In(stream.Signature(PACKET)),
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
                "status": In(data.ArrayLayout(STATUS, THREADS)),
                "counter_group": Out(range(memmap.COUNTER_LINES)),
                "counters": In(data.ArrayLayout(64, 8)),
                "x": Out(5, init=1),
                "y": Out(5, init=1),
                "accepted": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        packet, item, header = self.packet, self.packet.payload, self.packet.payload.header
        address, payload = header.address, item.payload
        thread, op, line = header.length[:2], address[:4], address[6:16]
        responds = (header.flags & FLAG_RESPONSE).any()
        m.submodules.check = check = Check(self.config)
        m.d.comb += [check.request.eq(item), check.x.eq(self.x), check.y.eq(self.y)]

        # Answers leave through a register.
        answer = Signal(ANSWER)
        answers, place = Signal(), Signal()
        m.d.comb += [place.eq(~self.answer.valid | self.answer.ready), answer.to.eq(return_address(item))]
        with m.If(place):
            m.d.sync += [self.answer.valid.eq(answers), self.answer.payload.eq(answer)]

        def say(kind: PacketKind, words=0) -> None:
            """Answers the request, which is then done."""
            m.d.comb += [answers.eq(1), answer.kind.eq(kind), answer.payload.eq(words), packet.ready.eq(place)]

        # The thread of the request, or of the status line that it reads.
        shown, state = Signal(STATUS), Signal(3)
        which = Mux(header.kind == PacketKind.READ, line[:2], thread)
        for t in range(THREADS):
            with m.If(which == t):
                m.d.comb += shown.eq(self.status[t])
        m.d.comb += state.eq(shown.state)
        resting = (state == ThreadState.IDLE) | (state == ThreadState.FAULTED)
        halted = state == ThreadState.HALTED
        idle = Cat((self.status[t].state == ThreadState.IDLE) | (self.status[t].state == ThreadState.FAULTED) for t in range(THREADS))
        asked, injecting, unsettled = (x.bit_select(thread, 1) for x in (self.asks.asked, self.asks.injecting, self.asks.unsettled))

        self._fields(m)
        poked = Signal(range(9))
        waiting = Signal()  # for the thread to come to rest: Threads answers
        m.d.comb += [
            self.asks.thread.eq(thread),
            self.asks.to.eq(return_address(item)),
            self.debug.thread.eq(thread),
            self.debug.op.eq(op),
            self.debug.value.eq(payload[:64]),
            self.start.thread.eq(thread),
            self.start.pc.eq(address[2 : memmap.ADDRESS_BITS]),
            self.poke.thread.eq(thread),
        ]
        m.d.sync += self.accepted.eq(0)

        with m.FSM():
            with m.State("SERVE"):
                with m.If(~packet.valid):
                    pass
                with m.Elif(item.channel[1] | header.kind[4]):
                    # A response to a request that this node cannot have sent. Answered it is not, else answers would depend on answers.
                    m.d.comb += packet.ready.eq(1)
                with m.Elif(check.cause.any()):
                    say(PacketKind.ERROR, refusal(check.cause, address))
                with m.Else():
                    with m.Switch(header.kind):
                        with m.Case(PacketKind.WRITE):
                            m.d.comb += [self.store.valid.eq(1), packet.ready.eq(self.store.ready)]
                        with m.Case(PacketKind.RAISE):
                            m.d.comb += [self.effect.valid.eq(1), packet.ready.eq(self.effect.ready)]
                        with m.Case(PacketKind.READ):
                            with m.If(check.control):
                                m.d.sync += self.counter_group.eq(line)
                                m.next = "LOOK"
                            with m.Else():
                                m.d.comb += [self.load.valid.eq(1), packet.ready.eq(self.load.ready)]
                        with m.Case(PacketKind.START):
                            m.d.sync += self.start.claim.eq(1)
                            m.next = "CLAIM"
                        with m.Case(PacketKind.BOOT):
                            with m.If(responds):
                                say(PacketKind.ACK)
                            with m.Else():
                                m.d.comb += packet.ready.eq(1)
                            with m.If(packet.ready):
                                m.d.sync += [self.x.eq(payload[:5]), self.y.eq(payload[5:10])]
                        with m.Case(PacketKind.DEBUG):
                            moves = (op == DebugOp.STEP) | (op == DebugOp.INJECT)
                            # A thread that runs, or one that executes an injected instruction, comes to rest later.
                            waits = responds & (moves | ((op == DebugOp.HALT) & ~resting & (~halted | injecting)))
                            needs = moves | (op == DebugOp.JUMP)
                            busy = (needs & ~halted) | ((needs | (op == DebugOp.RESUME)) & halted & injecting) | (waits & asked)
                            with m.If(unsettled):
                                pass  # answers about the thread go first
                            with m.Elif(busy):
                                say(PacketKind.ERROR, refusal(Const(Fault.BUSY, 4), address))
                            with m.Elif(op == DebugOp.STATUS):
                                say(PacketKind.STATUS, status_line(shown))
                            with m.Else():
                                m.d.comb += [self.asks.still.eq(waits), self.asks.inject.eq(op == DebugOp.INJECT)]
                                # Were RESUME passed on to a thread that a breakpoint stops in this cycle, that stop would be lost.
                                m.d.sync += [self.debug.valid.eq((op != DebugOp.RESUME) | halted), waiting.eq(waits)]
                                m.next = "OBEY"
            with m.State("LOOK"):
                m.next = "LOOKED"
            with m.State("LOOKED"):
                m.next = "CONTROL"
            with m.State("CONTROL"):
                identity = (memmap.VERSION, self.config.sram_bytes, self.x, self.y, THREADS)
                words = Signal(512)
                with m.If(line >= ControlLine.COUNTERS):
                    m.d.comb += words.eq(self.counters.as_value())
                with m.Elif(line >= ControlLine.STATUS):
                    m.d.comb += words.eq(status_line(shown))
                with m.Else():
                    for index, word in enumerate(identity):
                        m.d.comb += words.word_select(index, 64).eq(word)
                say(PacketKind.READ_DATA, words)
                with m.If(place):
                    m.next = "SERVE"
            with m.State("OBEY"):
                m.d.sync += self.debug.valid.eq(0)
                with m.If(responds & ~waiting):
                    m.next = "STATUS"
                with m.Else():
                    m.d.comb += packet.ready.eq(1)
                    m.next = "SERVE"
            with m.State("STATUS"):
                say(PacketKind.STATUS, status_line(shown))
                with m.If(place):
                    m.next = "SERVE"
            with m.State("CLAIM"):
                # From this cycle on no other thread starts this one.
                with m.If(resting):
                    m.d.sync += [
                        self.accepted.eq(idle.all()),
                        self.poke.valid.eq(1),
                        self.poke.index.eq(1),
                        self.poke.value.eq(payload[:64]),
                        poked.eq(1),
                    ]
                    m.next = "POKE"
                with m.Else():
                    m.d.sync += self.start.claim.eq(0)
                    m.next = "BUSY"
            with m.State("BUSY"):
                say(PacketKind.ERROR, refusal(Const(Fault.BUSY, 4), address))
                with m.If(place):
                    m.next = "SERVE"
            with m.State("POKE"):
                with m.If(self.poke.ready):
                    m.d.sync += [
                        self.poke.valid.eq(poked != 8),
                        self.poke.index.eq(poked + 1),
                        self.poke.value.eq(payload.word_select(poked[:3], 64)),
                        poked.eq(poked + 1),
                    ]
                    with m.If(poked == 8):
                        m.next = "START"
            with m.State("START"):
                # The answer about the thread's last run goes first.
                with m.If(~unsettled):
                    m.d.sync += self.start.valid.eq(1)
                    m.next = "STARTED"
            with m.State("STARTED"):
                m.d.sync += [self.start.valid.eq(0), self.start.claim.eq(0)]
                m.d.comb += [self.asks.end.eq(responds), packet.ready.eq(1)]
                m.next = "SERVE"
        return m

    def _fields(self, m) -> None:
        """What WRITE, READ and RAISE say, in the words of the parts that serve them."""
        item, header = self.packet.payload, self.packet.payload.header
        address, to = header.address, return_address(item)
        responds = (header.flags & FLAG_RESPONSE).any()
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
            store.respond.eq(responds),
            store.notify.eq((header.sequence & SEQUENCE_NOTIFY).any()),
            effect.to.eq(to),
            effect.respond.eq(responds),
            effect.raises.eq(1),
            effect.amount.eq(address),
            effect.address.eq(address),
        ]

"""STARTs: the thread is claimed, x1 to x8 are written, then it starts; BUSY when it does not rest."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import ADDRESS_BITS
from rtl.common.host_ports import Event, Poke, Start
from rtl.noc.endpoint.layouts import REPLY, busy
from rtl.noc.layouts import PACKET

_GIVEN = 8
"""Registers that a start packet sets, x1 first."""


class Starter(wiring.Component):
    """One START at a time."""

    request: In(stream.Signature(PACKET))
    reply: Out(stream.Signature(REPLY))
    # The request's thread rests; no thread runs.
    resting: In(1)
    idle: In(1)
    # Answers about the thread's last run are not on their way yet.
    unsettled: In(1)
    # The asker waits for the thread's end from now on, if it wants an answer; one cycle.
    begun: Out(1)
    # As in Endpoint.
    start: Out(Start)
    poke: Out(Poke)
    first_start: Out(Event)

    def elaborate(self, platform):
        m = Module()
        request, payload = self.request, self.request.payload.payload
        header = request.payload.header
        thread, poked = header.length[:2], Signal(range(_GIVEN + 1))
        m.d.comb += [
            self.start.thread.eq(thread),
            self.start.pc.eq(header.address[2:ADDRESS_BITS]),
            self.poke.thread.eq(thread),
        ]
        m.d.sync += self.first_start.valid.eq(0)
        with m.FSM():
            with m.State("ASK"):
                with m.If(request.valid):
                    m.d.sync += self.start.claim.eq(1)
                    m.next = "CLAIM"
            with m.State("CLAIM"):
                # From this cycle on no other thread starts this one.
                with m.If(self.resting):
                    m.d.sync += [
                        self.first_start.valid.eq(self.idle),
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
                m.d.comb += [*busy(self.reply, header.address), request.ready.eq(self.reply.ready)]
                with m.If(self.reply.ready):
                    m.next = "ASK"
            with m.State("POKE"):
                with m.If(self.poke.ready):
                    m.d.sync += [
                        self.poke.valid.eq(poked != _GIVEN),
                        self.poke.index.eq(poked + 1),
                        self.poke.value.eq(payload.word_select(poked[:3], 64)),
                        poked.eq(poked + 1),
                    ]
                    with m.If(poked == _GIVEN):
                        m.next = "START"
            with m.State("START"):
                # The answer about the thread's last run goes first.
                with m.If(~self.unsettled):
                    m.d.sync += self.start.valid.eq(1)
                    m.next = "STARTED"
            with m.State("STARTED"):
                m.d.sync += [self.start.valid.eq(0), self.start.claim.eq(0)]
                m.d.comb += [self.begun.eq(1), request.ready.eq(1)]
                m.next = "ASK"
        return m

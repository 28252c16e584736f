"""DEBUG requests: a command for the core, then the thread's status when nothing is to be waited for.

A command that does not fit the thread's state is refused with BUSY. Whoever waits for a thread to come to rest is remembered, and answered,
by Threads.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import ThreadState
from golden.arch.packet import FLAG_RESPONSE, DebugOp
from rtl.common.host_ports import STATUS, Debug
from rtl.noc.endpoint.layouts import REPLY, busy, status_line
from rtl.noc.layouts import PACKET, PacketKind


class Debugger(wiring.Component):
    """One DEBUG request at a time."""

    request: In(stream.Signature(PACKET))
    reply: Out(stream.Signature(REPLY))
    # Of the request's thread: its status, whether it rests, and what Threads says about it.
    shown: In(STATUS)
    resting: In(1)
    asked: In(1)
    injecting: In(1)
    unsettled: In(1)
    # The asker waits for the thread to be still; it executes an injected instruction. One cycle each.
    still: Out(1)
    inject: Out(1)
    # As in Endpoint.
    debug: Out(Debug)

    def elaborate(self, platform):
        m = Module()
        request, header = self.request, self.request.payload.header
        op, responds = header.address[:4], (header.flags & FLAG_RESPONSE).any()
        halted = self.shown.state == ThreadState.HALTED
        moves = (op == DebugOp.STEP) | (op == DebugOp.INJECT)
        needs = moves | (op == DebugOp.JUMP)
        waits, misfit, waiting = Signal(), Signal(), Signal()
        m.d.comb += [
            # A thread that runs, or one that executes an injected instruction, comes to rest later.
            waits.eq(responds & (moves | ((op == DebugOp.HALT) & ~self.resting & (~halted | self.injecting)))),
            misfit.eq(
                (needs & ~halted) | ((needs | (op == DebugOp.RESUME)) & halted & self.injecting) | (waits & self.asked)
            ),
            self.debug.thread.eq(header.length[:2]),
            self.debug.op.eq(op),
            self.debug.value.eq(request.payload.payload[:64]),
        ]

        def status() -> list:
            return [
                self.reply.valid.eq(1),
                self.reply.payload.kind.eq(PacketKind.STATUS),
                self.reply.payload.payload.eq(status_line(self.shown)),
                request.ready.eq(self.reply.ready),
            ]

        with m.FSM():
            with m.State("ASK"):
                with m.If(~request.valid | self.unsettled):
                    pass  # answers about the thread go first
                with m.Elif(misfit):
                    m.d.comb += [*busy(self.reply, header.address), request.ready.eq(self.reply.ready)]
                with m.Elif(op == DebugOp.STATUS):
                    m.d.comb += status()
                with m.Else():
                    m.d.comb += [self.still.eq(waits), self.inject.eq(op == DebugOp.INJECT)]
                    # Were RESUME passed on to a thread that a breakpoint stops in this cycle, that stop would be lost.
                    m.d.sync += [self.debug.valid.eq((op != DebugOp.RESUME) | halted), waiting.eq(waits)]
                    m.next = "OBEY"
            with m.State("OBEY"):
                m.d.sync += self.debug.valid.eq(0)
                with m.If(responds & ~waiting):
                    m.next = "STATUS"
                with m.Else():
                    m.d.comb += request.ready.eq(1)
                    m.next = "ASK"
            with m.State("STATUS"):
                m.d.comb += status()
                with m.If(self.reply.ready):
                    m.next = "ASK"
        return m

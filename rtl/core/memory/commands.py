"""Network instructions on their way to the network interface, in the order in which the store queues start them."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.encoding import F0, F2, F3
from rtl.common.network_ports import COMMAND, Commands, NetOp
from rtl.common.stream import Queue
from rtl.core.interfaces import StoreKind
from rtl.core.memory.store_queue import NET_PLACES, NetStarts, Tokens

SEMAPHORE_BITS = 6


class NetCommands(wiring.Component):
    """Makes commands of store-queue entries."""

    tokens: In(Tokens)
    starts: In(NetStarts)
    commands: Out(Commands)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.queue = queue = Queue(COMMAND, NET_PLACES)
        wiring.connect(m, queue.o, wiring.flipped(self.commands))
        left, room, token = Signal(range(NET_PLACES + 1), init=NET_PLACES), self.starts.room, self.tokens.token
        m.d.comb += room.eq(left - self.starts.count)
        m.d.sync += left.eq(room + (queue.o.valid & queue.o.ready))
        at, place, word, command = token.at, token.place, token.issue.value[:32], queue.i.payload
        raises = command.op == NetOp.RAISE
        m.d.comb += [
            queue.i.valid.eq(at.valid & (token.issue.kind == StoreKind.NET)),
            command.op.eq(word),
            command.thread.eq(at.thread),
            command.slot.eq(at.slot),
            command.held.eq(1),
            command.raises.eq(1),
            command.local.eq(place.base),
            command.words.eq(word[F2 : F2 + 4]),
            command.remote.eq(place.strobe),
            command.ack.eq(word[F2 + 4]),
            command.fixed.eq(word[F3]),
            command.amount.eq(Mux(raises, place.base, place.strobe)),
        ]
        with m.If(raises):
            m.d.comb += command.semaphore.eq(word[F0 : F0 + SEMAPHORE_BITS])
        with m.Else():
            m.d.comb += command.semaphore.eq(word[F2 + 4 : F2 + 4 + SEMAPHORE_BITS])
        return m

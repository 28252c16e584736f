"""What is wrong with a request, whatever the threads do (`golden.arch.refusal.refusal` in hardware), and who serves it."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import memmap
from golden.arch.boot import NEXT_NODE
from golden.arch.config import NodeConfig
from golden.arch.isa import THREADS
from golden.arch.memmap import ControlLine, Fault
from golden.arch.packet import COORD_BITS, SEQUENCE_NOTIFY, WITH_PAYLOAD, DebugOp
from rtl.common.host_ports import Event, Place
from rtl.common.stream import SkidBuffer
from rtl.noc.drops import DROPS, count_drops
from rtl.noc.layouts import PACKET, RECEIVED, PacketKind

TARGET = data.StructLayout(
    dict.fromkeys(("dropped", "refused", "boot", "store", "load", "effect", "lines", "starter", "debugger"), 1)
)
"""Who has to do with a request, one of them: it is dropped, refused, or done by a part of Serve."""
CHECKED = data.StructLayout({"packet": PACKET, "target": TARGET, "cause": 4})
"""A packet, where it goes, and why it is refused if it is."""


class Check(wiring.Component):
    """One packet a cycle, shown a cycle later; ready is a flip-flop. Behind a boot packet nothing passes until it is obeyed.

    Parameters
    ----------
    config : NodeConfig
        Whose SRAM bounds addresses.
    """

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(RECEIVED)),
                "o": Out(stream.Signature(CHECKED)),
                # Own coordinates; a boot packet is obeyed, they are its in the next cycle.
                "place": In(Place),
                "booted": In(Event),
                # Answers among requests, and what came before a networked node knew who it is: dropped.
                "dropped": Out(DROPS),
            }
            # The node knows who it is: it drops all but boot packets before.
            | ({"known": In(1)} if config.networked else {})
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.buffer = buffer = SkidBuffer(CHECKED)
        wiring.connect(m, buffer.o, wiring.flipped(self.o))
        request, header = self.i.payload, self.i.payload.header
        kind, address, length, tag = header.kind, header.address, header.length, header.tag
        control, cause, target = Signal(), Signal(4), Signal(TARGET)  # control: its address is that of a control line that exists
        networked, routed = self.config.networked, Cat(request.x, request.y) != Cat(*(Const(c, COORD_BITS) for c in NEXT_NODE))

        line = address[6:16]
        m.d.comb += control.eq(
            (address[16:] == memmap.CONTROL_BASE >> 16)
            & (
                (line == ControlLine.IDENTITY)
                | ((line >= ControlLine.STATUS) & (line < ControlLine.STATUS + THREADS))
                | ((line >= ControlLine.COUNTERS) & (line < ControlLine.COUNTERS + memmap.COUNTER_LINES))
            )
        )
        in_sram = address < self.config.sram_bytes
        fits = (length != 0) & (length <= 8 - address[3:6])
        words = Signal(4)  # WRITE and READ
        m.d.comb += words.eq(Mux(address[:3].any(), Fault.MISALIGNED, Mux(fits & (in_sram | control), Fault.NONE, Fault.RANGE)))

        pc, at = Signal(64), Signal(4)  # where a thread starts, jumps or breaks
        m.d.comb += [
            pc.eq(Mux(kind == PacketKind.START, address, request.payload[:64])),
            at.eq(Mux(pc[:2].any(), Fault.MISALIGNED, Mux(pc < self.config.sram_bytes, Fault.NONE, Fault.RANGE))),
        ]
        no_thread, no_semaphore = length >= THREADS, tag >= memmap.SEMAPHORES
        jumps = (address == DebugOp.JUMP) | (address == DebugOp.BREAK_SET)

        with m.Switch(kind):
            with m.Case(PacketKind.WRITE):
                with m.If(words.any()):
                    m.d.comb += cause.eq(words)
                with m.Elif(control | ((header.sequence & SEQUENCE_NOTIFY).any() & no_semaphore)):
                    m.d.comb += cause.eq(Fault.RANGE)
            with m.Case(PacketKind.READ):
                m.d.comb += cause.eq(words)
            with m.Case(PacketKind.RAISE):
                with m.If(no_semaphore | address[memmap.SEMAPHORE_BITS :].any()):
                    m.d.comb += cause.eq(Fault.RANGE)
            with m.Case(PacketKind.START):
                m.d.comb += cause.eq(Mux(no_thread, Fault.RANGE, at))
            with m.Case(PacketKind.DEBUG):
                with m.If(address > max(DebugOp)):
                    m.d.comb += cause.eq(Fault.ILLEGAL)
                with m.Elif(no_thread):
                    m.d.comb += cause.eq(Fault.RANGE)
                with m.Elif(jumps):
                    m.d.comb += cause.eq(at)
            with m.Case(PacketKind.BOOT):
                if networked:
                    m.d.comb += cause.eq(Mux(routed, Fault.ILLEGAL, Fault.NONE))
            with m.Default():
                m.d.comb += cause.eq(Fault.ILLEGAL)
        with m.If(request.wrong_payload & Cat(kind == says for says in WITH_PAYLOAD).any()):
            m.d.comb += cause.eq(Fault.ECC)
        here_x = (request.x <= self.place.x) & (request.far_x >= self.place.x)
        here_y = (request.y <= self.place.y) & (request.far_y >= self.place.y)
        with m.If((kind != PacketKind.BOOT) & ~(here_x & here_y)):
            m.d.comb += cause.eq(Fault.RANGE)

        # A response to a request that this node cannot have sent is dropped: were it answered, answers would depend on answers.
        early = ~self.known & ((kind != PacketKind.BOOT) | routed) if networked else Const(0)
        drops = kind[4] | early
        with m.If(request.channel[1] | drops | (request.wrong_payload & (kind == PacketKind.BOOT))):
            m.d.comb += target.dropped.eq(1)
        with m.Elif(cause.any()):
            m.d.comb += target.refused.eq(1)
        with m.Else():
            m.d.comb += [
                target.boot.eq(kind == PacketKind.BOOT),
                target.store.eq(kind == PacketKind.WRITE),
                target.load.eq((kind == PacketKind.READ) & ~control),
                target.lines.eq((kind == PacketKind.READ) & control),
                target.effect.eq(kind == PacketKind.RAISE),
                target.starter.eq(kind == PacketKind.START),
                target.debugger.eq(kind == PacketKind.DEBUG),
            ]
        count_drops(m, self.dropped, self.i.valid & self.i.ready & drops)
        moving = Signal()
        m.d.comb += [
            buffer.i.valid.eq(self.i.valid & ~moving),
            self.i.ready.eq(buffer.i.ready & ~moving),
            *(buffer.i.payload.packet[name].eq(request[name]) for name, _ in PACKET),
            buffer.i.payload.target.eq(target),
            buffer.i.payload.cause.eq(cause),
        ]
        with m.If(self.booted.valid):
            m.d.sync += moving.eq(0)
        with m.Elif(self.i.valid & self.i.ready & target.boot):
            m.d.sync += moving.eq(1)
        return m

"""What is wrong with a request, whatever the threads do: `golden.arch.refusal.refusal` in hardware."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch import memmap
from golden.arch.config import NodeConfig
from golden.arch.isa import THREADS
from golden.arch.memmap import ControlLine, Fault
from golden.arch.packet import SEQUENCE_NOTIFY, DebugOp
from rtl.noc.layouts import PACKET, PacketKind


class Check(wiring.Component):
    """Combinational.

    Parameters
    ----------
    config : NodeConfig
        Whose SRAM bounds addresses.
    """

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        super().__init__(
            {
                "request": In(PACKET),
                # Own coordinates.
                "x": In(5),
                "y": In(5),
                # Why the request is refused; NONE when it is not.
                "cause": Out(4),
                # Its address is that of a control line that exists.
                "control": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        header = self.request.header
        kind, address, length, tag = header.kind, header.address, header.length, header.tag

        line = address[6:16]
        m.d.comb += self.control.eq(
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
        m.d.comb += words.eq(Mux(address[:3].any(), Fault.MISALIGNED, Mux(fits & (in_sram | self.control), Fault.NONE, Fault.RANGE)))

        pc, at = Signal(64), Signal(4)  # where a thread starts, jumps or breaks
        m.d.comb += [
            pc.eq(Mux(kind == PacketKind.START, address, self.request.payload[:64])),
            at.eq(Mux(pc[:2].any(), Fault.MISALIGNED, Mux(pc < self.config.sram_bytes, Fault.NONE, Fault.RANGE))),
        ]
        no_thread, no_semaphore = length >= THREADS, tag >= memmap.SEMAPHORES
        jumps = (address == DebugOp.JUMP) | (address == DebugOp.BREAK_SET)

        with m.Switch(kind):
            with m.Case(PacketKind.WRITE):
                with m.If(words.any()):
                    m.d.comb += self.cause.eq(words)
                with m.Elif(self.control | ((header.sequence & SEQUENCE_NOTIFY).any() & no_semaphore)):
                    m.d.comb += self.cause.eq(Fault.RANGE)
            with m.Case(PacketKind.READ):
                m.d.comb += self.cause.eq(words)
            with m.Case(PacketKind.RAISE):
                with m.If(no_semaphore | address[memmap.SEMAPHORE_BITS :].any()):
                    m.d.comb += self.cause.eq(Fault.RANGE)
            with m.Case(PacketKind.START):
                m.d.comb += self.cause.eq(Mux(no_thread, Fault.RANGE, at))
            with m.Case(PacketKind.DEBUG):
                with m.If(address > max(DebugOp)):
                    m.d.comb += self.cause.eq(Fault.ILLEGAL)
                with m.Elif(no_thread):
                    m.d.comb += self.cause.eq(Fault.RANGE)
                with m.Elif(jumps):
                    m.d.comb += self.cause.eq(at)
            with m.Case(PacketKind.BOOT):
                pass
            with m.Default():
                m.d.comb += self.cause.eq(Fault.ILLEGAL)
        elsewhere = (self.request.x != self.x) | (self.request.y != self.y)
        with m.If(elsewhere & (kind != PacketKind.BOOT)):
            m.d.comb += self.cause.eq(Fault.RANGE)
        return m

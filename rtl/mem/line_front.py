"""Lines from their ports to step 1: queues of the mesh and of instruction fills, and which of them reads next."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import LINE_BITS
from golden.arch.sram import BANKS, LINE_WORDS, MESH_TAG_BITS
from rtl.mem import ports
from rtl.mem.banking import line_banks
from rtl.mem.intake import accept
from rtl.mem.queue import RequestQueue
from rtl.mem.stages import LineReadSlot, LineStore, LineWriteSlot, SweepStep
from rtl.mem.turns import FILL_PATIENCE, Patience


class LineFront(wiring.Component):
    """Queues of lines. Mesh reads and fills share one line read a slot.

    A fill takes it where the mesh has none; one that has waited FILL_PATIENCE cycles goes before the mesh, but never
    twice in a row.
    """

    # Requests, taken in a cycle with valid and ready.
    mw: In(ports.LineWriteRequest)
    mr: In(ports.LineReadRequest)
    fill: In(ports.FillRequest)
    # While it is active the ports take nothing from the next cycle on.
    sweep: In(SweepStep)
    # What step 1 may grant in this cycle: the oldest mesh write; the oldest line read, a fill where `fills` is high. Masks
    # of banks are zero where there is none.
    mw_valid: Out(1)
    mw_banks: Out(BANKS)
    lr_valid: Out(1)
    fills: Out(1)
    mr_banks: Out(BANKS)
    fill_banks: Out(BANKS)
    # Tag of the oldest mesh write; with mw_valid.
    mw_tag: Out(MESH_TAG_BITS)
    # Granted in this cycle; only with the valid bit.
    mw_take: In(1)
    lr_take: In(1)
    # What was granted in the cycle before (flip-flops).
    write: Out(LineWriteSlot)
    read: Out(LineReadSlot)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.mw = mw = RequestQueue(LINE_BITS, LineStore, words=LINE_WORDS, banks_of=line_banks)
        m.submodules.mr = mr = RequestQueue(LINE_BITS, MESH_TAG_BITS, banks_of=line_banks)
        m.submodules.fill = fill = RequestQueue(LINE_BITS, 0, banks_of=line_banks)
        for queue, port in ((mw, self.mw), (mr, self.mr), (fill, self.fill)):
            accept(m, port, [queue], self.sweep.active)
            m.d.comb += [queue.active.eq(1), queue.addr.eq(port.line)]
        m.d.comb += [
            mw.info.strobe.eq(self.mw.strobe),
            mw.info.tag.eq(self.mw.tag),
            mr.info.eq(self.mr.tag),
            *(mw.data[offset].eq(self.mw.data.word_select(offset, 64)) for offset in range(LINE_WORDS)),
        ]

        overtook = Signal()  # the last line read was a fill that a mesh read had to let pass: the mesh is next
        m.submodules.patience = patience = Patience(FILL_PATIENCE)
        with m.If(self.lr_take):
            m.d.sync += overtook.eq(self.fills & mr.valid)
        m.d.comb += [
            patience.waiting.eq(fill.valid),
            patience.take.eq(fill.take),
            self.fills.eq(fill.valid & (~mr.valid | (patience.over & ~overtook))),
            self.mw_valid.eq(mw.valid),
            self.mw_banks.eq(mw.banks),
            self.mw_tag.eq(mw.head_info.tag),
            self.lr_valid.eq(mr.valid | fill.valid),
            self.mr_banks.eq(mr.banks),
            self.fill_banks.eq(fill.banks),
            mw.take.eq(self.mw_take),
            mr.take.eq(self.lr_take & ~self.fills),
            fill.take.eq(self.lr_take & self.fills),
        ]
        self._slot(m, mw, mr, fill)
        return m

    def _slot(self, m: Module, mw: RequestQueue, mr: RequestQueue, fill: RequestQueue) -> None:
        """What the grants of this cycle do in the next slot. Only the valid bits are reset."""

        def after(port: Signal, value) -> None:
            register = Signal(len(port), name=f"slot_{port.name}", reset_less=True)
            m.d.sync += register.eq(value)
            m.d.comb += port.eq(register)

        write, read = self.write, self.read
        m.d.sync += [write.write.eq(Mux(self.mw_take, mw.head_info.strobe, 0)), read.valid.eq(self.lr_take), read.fill.eq(self.fills)]
        after(write.line, mw.head_addr)
        after(write.banks, mw.banks)
        for offset in range(LINE_WORDS):
            after(write.word[offset], mw.head_data[offset])
        after(read.tag, mr.head_info)
        after(read.line, Mux(self.fills, fill.head_addr, mr.head_addr))
        after(read.banks, Mux(self.fills, fill.banks, mr.banks))

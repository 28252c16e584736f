"""Beats of stores: where each goes, its data, and the ring in which they wait for the SRAM in the order of their starts.

    S1  token; the register is asked for          S2  addresses and bytes -> ring; a register's value -> ring; the accumulator is asked for
                                                        DRAIN_LATENCY, NARROW_LATENCY after S2: a drain's bytes -> ring

A beat takes its place at S1, so registers and drains leave in the order of their starts. Lane l of a beat writes word
base + l0 t0 + l1 t1 + l2 t2, l0 to l2 the bits of l; the lanes of a drain's beat are those of rtl.core.matrix.accumulators.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import WORD_ADDRESS_BITS
from golden.arch.sram import LANES, STORE_TAG_BITS
from golden.arch.trace import SEQ_BITS
from rtl.common.delay import delay
from rtl.core.decoded import DrainFormat, drains_bytes
from rtl.core.interfaces import StoreData, StoreEvents, StoreKind
from rtl.core.memory.store_queue import BEAT_PLACES, BeatStarts, Tokens
from rtl.core.operations import Drains
from rtl.core.trace import TraceStore
from rtl.mem import ports

Where = data.StructLayout(
    {
        "enable": LANES,
        "addr": data.ArrayLayout(WORD_ADDRESS_BITS, LANES),
        "strobe": 64,
        "tag": STORE_TAG_BITS,
    }
)
Origin = data.StructLayout({"seq": SEQ_BITS, "kind": StoreKind})
"""What only the trace tells of a beat."""


class StoreBeats(wiring.Component):
    """From tokens to the SRAM's store port.

    Parameters
    ----------
    trace: keep each beat's origin.
    """

    def __init__(self, trace: bool = False) -> None:
        self.trace_on = trace
        members = {
            # Of scalar stores and raises nothing is done here.
            "tokens": In(Tokens),
            "starts": In(BeatStarts),
            "data": Out(StoreData),
            "drains": Out(Drains),
            # Tags: slot, thread, and at bit 4 whether the beat is its entry's last.
            "st": Out(ports.VectorStore),
            "events": Out(StoreEvents),
        }
        if trace:
            members["trace"] = Out(TraceStore)  # a beat that the SRAM takes
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        token = self.tokens.token
        issue, at, drain = token.issue, Signal(range(BEAT_PLACES)), self.drains.request
        drains = issue.kind == StoreKind.DRAIN
        sends = token.at.valid & (drains | (issue.kind == StoreKind.VECTOR))
        m.d.comb += [
            self.data.read.thread.eq(token.at.thread),
            self.data.read.reg.eq(issue.source),
        ]
        m.d.sync += [
            drain.valid.eq(token.at.valid & drains),
            drain.thread.eq(token.at.thread),
            drain.acc.eq(issue.source[:3]),
            drain.beat.eq(token.at.beat),
            drain.format.eq(issue.drain_format),
            drain.relu.eq(issue.relu),
            drain.bias.eq(token.place.bias),
            drain.stochastic.eq(issue.stochastic),
            drain.seed.eq(token.place.seed),
            drain.counter.eq(token.place.strobe),
            drain.tile.eq(issue.tile),
            drain.tag.eq(at),
            drain.rows.eq(self._rows(token)),
            drain.columns.eq(token.place.column_mask),
        ]
        m.d.sync += at.eq(at + sends)
        there = Signal()  # S2 holds a beat
        vector, place_at = Signal(), Signal(range(BEAT_PLACES))
        m.d.sync += [there.eq(sends), vector.eq(~drains), place_at.eq(at)]
        first, taken = Signal(range(BEAT_PLACES)), Signal()
        m.d.comb += [taken.eq(self.st.valid & self.st.ready), self.events.beat.eq(taken)]
        m.d.sync += first.eq(first + taken)
        self._ring(m, self._place(m, token), there, vector, place_at, first, taken)
        if self.trace_on:
            self._trace(m, sends, at, first)
        return m

    def _ring(self, m: Module, where: Signal, there: Signal, vector: Signal, place_at: Signal, first: Signal, taken: Signal) -> None:
        """Places and bytes of the beats that wait for the SRAM, the first at its port."""
        m.submodules.places = places = memory.Memory(shape=Where, depth=BEAT_PLACES, init=[])
        m.submodules.bytes = bytes_ = memory.Memory(shape=512, depth=BEAT_PLACES, init=[])
        into, out = places.write_port(), places.read_port(domain="comb")
        shown, full = bytes_.read_port(domain="comb"), Signal(BEAT_PLACES)
        drains = self.drains
        fills = []
        for k, (valid, address, data_) in enumerate((
            (there & vector, place_at, self.data.data),
            (drains.reply.valid, drains.reply.tag, drains.data),
            (drains.narrow_reply.valid, drains.narrow_reply.tag, drains.narrow_data),
        )):
            port, fill = bytes_.write_port(), Signal(BEAT_PLACES, name=f"fills_{k}")
            m.d.comb += [port.en.eq(valid), port.addr.eq(address), port.data.eq(data_), fill.eq(Mux(port.en, 1 << port.addr, 0))]
            fills.append(fill)
        m.d.comb += [
            into.en.eq(there),
            into.addr.eq(place_at),
            into.data.eq(where),
            out.addr.eq(first),
            shown.addr.eq(first),
            self.st.valid.eq(full.bit_select(first, 1)),
            self.st.enable.eq(out.data.enable),
            self.st.addr.eq(out.data.addr),
            self.st.strobe.eq(out.data.strobe),
            self.st.tag.eq(out.data.tag),
            self.st.data.eq(shown.data),
        ]
        left, room = Signal(range(BEAT_PLACES + 1), init=BEAT_PLACES), Signal(range(BEAT_PLACES + 1))
        m.d.sync += [
            full.eq((full & ~Mux(taken, 1 << first, 0)) | fills[0] | fills[1] | fills[2]),
            left.eq(room + taken),
        ]
        m.d.comb += [room.eq(left - self.starts.count), self.starts.room.eq(room)]

    def _trace(self, m: Module, sends: Value, at: Signal, first: Signal) -> None:
        """Origins of the beats in the ring."""
        m.submodules.origins = origins = memory.Memory(shape=Origin, depth=BEAT_PLACES, init=[])
        note, read, issue, record = origins.write_port(), origins.read_port(domain="comb"), self.tokens.token.issue, self.trace
        m.d.comb += [
            note.en.eq(sends),
            note.addr.eq(at),
            note.data.seq.eq(issue.seq),
            note.data.kind.eq(issue.kind),
            read.addr.eq(first),
            record.valid.eq(self.events.beat),
            record.thread.eq(self.st.tag[2:4]),
            record.seq.eq(read.data.seq),
            record.kind.eq(read.data.kind),
            record.addr.eq(self.st.addr),
            record.strobe.eq(self.st.strobe),
            record.data.eq(self.st.data),
        ]

    @staticmethod
    def _half(token: Signal) -> Value:
        """A drain's beat has rows 4 to 7, not 0 to 3."""
        return Mux(token.issue.drain_format == DrainFormat.FP32.value, token.at.beat[1], token.at.beat[0])

    def _rows(self, token: Signal) -> Value:
        """Which of the four rows of a drain's beat are stored."""
        return Mux(self._half(token), token.place.row_mask[4:], token.place.row_mask[:4])

    def _place(self, m: Module, token: Signal) -> Signal:
        """Lanes of the token of the previous cycle."""
        issue, place, beat = token.issue, token.place, token.at.beat
        drains = issue.kind == StoreKind.DRAIN
        fp32, raw = drains & (issue.drain_format == DrainFormat.FP32.value), drains & (issue.drain_format == DrainFormat.RAW.value)
        byte_wide = drains_bytes(issue.drain_format, 1)
        # Of FP32 the columns from 4g on, two words further.
        half = self._half(token)
        ahead, steps, kept = Signal(WORD_ADDRESS_BITS), [Signal(WORD_ADDRESS_BITS, name=f"t{k}") for k in range(3)], Signal(64)
        with m.If(raw):
            m.d.comb += [ahead.eq(Cat(Const(0, 3), beat)), steps[0].eq(1), steps[1].eq(2), steps[2].eq(4)]
        with m.Elif(drains):
            pitch = place.row_pitch
            m.d.comb += [
                ahead.eq(Mux(half, Cat(Const(0, 2), pitch), 0) + Mux(fp32 & beat[0], 2, 0)),
                steps[0].eq(1),
                steps[1].eq(pitch),
                steps[2].eq(Cat(Const(0, 1), pitch)),
            ]
        with m.Else():
            m.d.comb += [ahead.eq(0), steps[0].eq(place.t0), steps[1].eq(place.t1), steps[2].eq(place.t2)]
        rows = self._rows(token)
        wide = Mux(beat[0], place.column_mask[4:], place.column_mask[:4])  # FP32: four columns of four bytes a row
        with m.If(raw):
            m.d.comb += kept.eq(~Const(0, 64))
        with m.Elif(drains):
            for byte in range(64):
                single = place.column_mask[byte % 16] if byte % 16 < 8 else 0
                column = Mux(fp32, wide[byte % 16 // 4], Mux(byte_wide, single, place.column_mask[byte % 16 // 2]))
                m.d.comb += kept[byte].eq(rows[byte // 16] & column)
        with m.Else():
            m.d.comb += kept.eq(place.strobe)

        def register(name: str, value) -> Signal:
            return delay(m, value, ("s2",), name, reset_less=True)

        def word(value):
            return value[:WORD_ADDRESS_BITS]

        base = register("base", word(place.base + ahead))
        t0, t1, t2 = (register(f"t{k}", step) for k, step in enumerate(steps))
        t01 = register("t01", word(steps[0] + steps[1]))
        strobe = register("strobe", kept)
        tag = register("tag", Cat(token.at.slot, token.at.thread, token.at.last))
        where = Signal(Where)
        upper = Signal(WORD_ADDRESS_BITS)
        m.d.comb += [upper.eq(base + t2), where.strobe.eq(strobe), where.tag.eq(tag)]
        for lane in range(LANES):
            m.d.comb += [
                where.addr[lane].eq((upper if lane & 4 else base) + (Const(0), t0, t1, t01)[lane & 3]),
                where.enable[lane].eq(strobe[8 * lane : 8 * lane + 8].any()),
            ]
        return where

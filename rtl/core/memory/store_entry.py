"""What a store becomes: an entry of the store queue in the cycle of issue, its address in the next.

One store a cycle. An entry carries the loads that are under way, because a store must not overtake an older load, and a
*stream*: equal for two stores only if words that both write lie in equal lanes for both, where the order of each lane
suffices. That is known from the address alone when a store writes consecutive words, and from the rows of the descriptor
(same setd, same row and column modulo the lanes) when it writes rows that do not overlap; otherwise the stream is a number
that no other store in the queue has. Combinational.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.encoding import F0, F2
from golden.arch.formats import BIAS_BITS
from golden.arch.memmap import ADDRESS_BITS, SEMAPHORE_BITS
from rtl.common.network_ports import NetOp
from rtl.core.access import Execute, net_op
from rtl.core.decoded import DrainFormat, drains_bytes
from rtl.core.interfaces import NOWHERE_HIGH, NOWHERE_LOW, ScalarEntry, StoreAddress, StoreIssue, StoreKind
from rtl.core.memory.address import DrainAddress, Gather
from rtl.core.memory.descriptors import Descriptor
from rtl.core.memory.generations import GENERATION_BITS

# The two highest bits of a stream. LINE: place in the line; scalar stores have a bit of their own there, as one port keeps
# their order. ROWS: descriptor, setd, and row and column as far as they choose the lane.
STREAM_LINE, STREAM_ROWS8, STREAM_ROWS4, STREAM_UNIQUE = range(4)
_UNIQUE_BITS = 10
_SCALAR = 1 << 3


class StoreEntry(wiring.Component):
    """The entry of the instruction that issues."""

    q: In(ScalarEntry)
    # Value of the register that a scalar store writes.
    source: In(64)
    # Vector and scalar registers with a load under way, or about to be by the older instruction of the pair.
    loads: In(isa.VECTOR_REGISTERS)
    scalar_loads: In(isa.SCALAR_REGISTERS)
    entry: Out(StoreIssue)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        q, c, out = self.q, self.q.row, self.entry
        m.d.comb += [
            out.seq.eq(q.seq),
            out.source.eq(Mux(c.drain, q.word[F0 : F0 + 3], q.word[F0 : F0 + 5])),
            out.vq.eq(q.vq),
            out.parity.eq(q.parity),
            out.loads.eq(self.loads),
            out.scalar_loads.eq(self.scalar_loads),
            out.drain_format.eq(c.drain_format),
            out.relu.eq(q.word[F2 + 3]),
            out.stochastic.eq(c.stochastic),
            out.tile.eq(q.word[F2 : F2 + 3]),
        ]
        with m.If(c.drain):
            m.d.comb += out.kind.eq(StoreKind.DRAIN)
        with m.Elif(c.sstore):
            m.d.comb += out.kind.eq(StoreKind.SCALAR)
        with m.Elif(c.sync):
            m.d.comb += out.kind.eq(StoreKind.RAISE)
        with m.Elif(c.net):
            m.d.comb += out.kind.eq(StoreKind.NET)
        with m.Else():
            m.d.comb += out.kind.eq(StoreKind.VECTOR)
        # A scalar store's data is repeated at every place that it may have in its word: the address is not known yet.
        with m.If(c.sync):
            m.d.comb += out.value.eq(Cat(q.word[F2 : F2 + 10], Const(0, 6), q.word[F0 : F0 + 6], Const(0, 10), q.pc))
        with m.Elif(c.net):
            m.d.comb += out.value.eq(q.word)
        with m.Else():
            with m.Switch(c.size):
                for size in range(4):
                    with m.Case(size):
                        m.d.comb += out.value.eq(self.source[: 8 << size].replicate(8 >> size))
        return m


class StorePlace(wiring.Component):
    """The address of the store in the execute stage.

    Parameters
    ----------
    words: words of SRAM.
    """

    x: In(Execute)
    descriptor: In(Descriptor)
    generation: In(GENERATION_BITS)
    # Of the thread.
    bias: In(BIAS_BITS)
    seed: In(64)
    # Byte address of a scalar store; what the slot found for a vector store.
    address: In(64)
    gather: In(Gather)
    # It shall not happen: the range becomes empty.
    cancel: In(1)
    place: Out(StoreAddress)
    # Rows of a drain with words outside SRAM; first word of every row, and which words of a row count.
    outside: Out(8)
    starts: Out(data.ArrayLayout(18, 8))
    word_mask: Out(8)

    def __init__(self, words: int) -> None:
        self._words = words
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        q, c, out, gather = self.x.q, self.x.q.row, self.place, self.gather
        geometry = self.descriptor.geometry
        m.submodules.drain = drain = DrainAddress(self._words)
        m.d.comb += [
            drain.geometry.eq(geometry),
            drain.position.eq(self.descriptor.inner),
            drain.tile.eq(q.word[F2 : F2 + 3]),
            drain.kind.eq(c.drain_format),
            self.outside.eq(drain.outside),
            self.starts.eq(drain.starts),
            self.word_mask.eq(drain.word_mask),
        ]

        # --- stream ---
        number = Signal(_UNIQUE_BITS)
        m.d.sync += number.eq(number + 1)
        column_bytes = Signal(17)
        with m.Switch(geometry.elem):
            for places in range(4):
                with m.Case(places):
                    m.d.comb += column_bytes.eq(Cat(Const(0, places), geometry.columns))
        # A drain counts columns in its own elements; where the descriptor steps by others, extents do not bound a row.
        same_size = ~c.drain | (geometry.elem == Mux(drains_bytes(c.drain_format, 1), 0, Mux(drains_bytes(c.drain_format, 2), 1, 2)))
        apart = same_size & (column_bytes <= Cat(Const(0, 3), geometry.row_pitch))
        raw = c.drain_format == DrainFormat.RAW.value
        base, row = Mux(c.drain, drain.base, gather.base), Mux(c.drain, drain.row, gather.row)
        descriptor = Cat(self.generation, q.names.d)
        m.d.comb += out.stream.eq(Cat(number, Const(STREAM_UNIQUE, 2)))
        with m.If(c.sstore):
            m.d.comb += out.stream.eq(Cat(Const(_SCALAR, 10), Const(STREAM_LINE, 2)))
        with m.Elif((c.vstore & (c.pieces == 0)) | (c.drain & raw)):
            m.d.comb += out.stream.eq(Cat(base[:3], Const(0, 7), Const(STREAM_LINE, 2)))
        with m.Elif(apart & ((c.vstore & (c.pieces == 2)) | c.drain)):
            m.d.comb += out.stream.eq(Cat(base[0], row[:2], descriptor, Const(STREAM_ROWS4, 2)))
        with m.Elif(apart & c.vstore & (c.pieces == 3)):
            m.d.comb += out.stream.eq(Cat(row, descriptor, Const(STREAM_ROWS8, 2)))

        # --- place ---
        with m.If(c.vstore):
            m.d.comb += [
                *(out[name].eq(gather[name]) for name in ("base", "t0", "t1", "t2", "enable", "low", "high")),
                out.strobe.eq(gather.keep),
            ]
        with m.Elif(c.drain):
            m.d.comb += [
                out.base.eq(drain.base),
                out.t0.eq(1),
                out.t1.eq(Mux(raw, 2, drain.pitch)),
                out.t2.eq(Mux(raw, 4, Cat(Const(0, 1), drain.pitch))),
                out.row_mask.eq(drain.row_mask),
                out.column_mask.eq(drain.column_mask),
                out.row_pitch.eq(drain.pitch),
                out.bias.eq(self.bias),
                out.strobe.eq(self.x.a),
                out.seed.eq(self.seed),
                out.low.eq(drain.low),
                out.high.eq(drain.high),
            ]
        with m.Elif(c.sstore):
            word = self.address[3:ADDRESS_BITS]
            strobe = Signal(8, name="strobe_low")
            with m.Switch(c.size):
                for size in range(4):
                    with m.Case(size):
                        m.d.comb += strobe.eq((1 << (1 << size)) - 1)
            for bit in range(3):
                moved = Signal(8, name=f"strobe_{bit}")
                m.d.comb += moved.eq(Mux(self.address[bit], Cat(Const(0, 1 << bit), strobe)[:8], strobe))
                strobe = moved
            m.d.comb += [out.base.eq(word), out.enable.eq(1), out.strobe.eq(strobe), out.low.eq(word), out.high.eq(word)]
        with m.Elif(c.net):
            raises, word, words = net_op(q) == NetOp.RAISE, self.x.a[3:ADDRESS_BITS], q.word[F2 : F2 + 4]
            m.d.comb += [
                out.base.eq(Mux(raises, self.x.b[:SEMAPHORE_BITS], word)),
                out.strobe.eq(Mux(raises, self.x.a, self.x.b)),
                out.low.eq(word),
                out.high.eq(word + words - 1),
            ]
        # What a put or a multicast reads must not change before it has; others read nothing.
        reads = (net_op(q) == NetOp.PUT) | (net_op(q) == NetOp.CAST)
        with m.If(self.cancel | c.sync | (c.net & ~reads)):
            m.d.comb += [out.low.eq(NOWHERE_LOW), out.high.eq(NOWHERE_HIGH)]
        return m

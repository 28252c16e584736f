"""The instruction cache: direct-mapped lines of 64 bytes; a look-up takes a cycle."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from golden.arch.memmap import LINE_BITS
from golden.arch.sram import LINE_WORDS
from rtl.core.front.parts import Came, Flush, Found, Lookup, Miss, Probe


class Cache(wiring.Component):
    """Tags, lines, and which words of a line are lost.

    Parameters
    ----------
    config : ``icache_lines``, and the SRAM's size: lines past it do not exist.
    """

    lookup: In(Lookup)
    flush: In(Flush)
    came: In(Came)
    probe: In(Probe)
    found: Out(Found)
    miss: Out(Miss)

    def __init__(self, config: NodeConfig) -> None:
        self._lines, self._exist = config.icache_lines, config.sram_bytes // 64
        self._index_bits = (config.icache_lines - 1).bit_length()
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lookup, found, came, probe, flush = self.lookup, self.found, self.came, self.probe, self.flush.all
        index = slice(0, self._index_bits)
        tag = slice(self._index_bits, LINE_BITS)
        tag_bits = LINE_BITS - self._index_bits
        m.submodules.cache = cache = memory.Memory(shape=512, depth=self._lines, init=[])
        m.submodules.tags = tags = memory.Memory(shape=tag_bits, depth=self._lines, init=[])
        # Lost words of each line. The SRAM tells them a cycle after the line, in time: a line can be read from the cycle after its
        # return on, and has come out of the cache a cycle later.
        m.submodules.spoiled = spoiled = memory.Memory(shape=LINE_WORDS, depth=self._lines, init=[])
        live, was_live, first = Signal(self._lines), Signal(), Signal()

        # --- the look-up, and what came of that of the previous cycle ---
        wanted, line = lookup.window[1:], found.window[1:]
        data, named = cache.read_port(domain="sync"), tags.read_port(domain="sync")
        lost = spoiled.read_port(domain="comb")
        m.d.comb += [
            data.addr.eq(wanted[index]),
            named.addr.eq(wanted[index]),
            data.en.eq(1),
            named.en.eq(1),
            lost.addr.eq(line[index]),
            found.hit.eq(found.busy & was_live & (named.data == line[tag]) & ~flush),
            found.words.eq(Mux(found.window[0], data.data[256:], data.data[:256])),
            found.lost.eq(Mux(found.window[0], lost.data[LINE_WORDS // 2 :], lost.data[: LINE_WORDS // 2])),
            self.miss.valid.eq(found.busy & ~found.hit & (line < self._exist) & ~flush),
            self.miss.line.eq(line),
            self.miss.first.eq(first),
        ]
        m.d.sync += [
            found.busy.eq(lookup.valid & ~flush),
            found.thread.eq(lookup.thread),
            found.window.eq(lookup.window),
            first.eq(lookup.first),
            # Sampled with the reads: a line that is being filled in the same cycle is not there yet.
            was_live.eq(live.bit_select(wanted[index], 1)),
        ]

        # --- fills ---
        for store, value, enable in ((cache, came.data, came.valid), (tags, came.line[tag], came.valid), (spoiled, came.lost, came.told)):
            write = store.write_port()
            m.d.comb += [write.addr.eq(came.line[index]), write.data.eq(value), write.en.eq(enable)]
        with m.If(came.valid & came.counts & ~flush):
            m.d.sync += live.eq(live | (1 << came.line[index]))
        with m.If(flush):
            m.d.sync += live.eq(0)
        probed = tags.read_port(domain="comb")
        m.d.comb += [
            probed.addr.eq(probe.line[index]),
            probe.there.eq(live.bit_select(probe.line[index], 1) & (probed.data == probe.line[tag])),
        ]
        return m

"""What the memory reports: corrected and lost words, and lanes that lost arbitration."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import WORD_ADDRESS_BITS
from golden.arch.sram import CHECK_BITS, LANES, LINE_WORDS
from rtl.mem.body import READS
from rtl.mem.ecc import Classifier
from rtl.mem.ports import Corrected, Source, Uncorrectable


def count_ones(m: Module, mask: Value, name: str) -> Signal:
    """Number of ones of up to 32 bits, by adding neighbouring fields of doubling width."""
    fields = Signal(32, name=f"{name}_bits")
    m.d.comb += fields.eq(mask)
    for width, keep in ((1, 0x55555555), (2, 0x33333333), (4, 0x0F0F0F0F), (8, 0x00FF00FF), (16, 0x0000FFFF)):
        total = Signal(32, name=f"{name}_by{2 * width}")
        m.d.comb += total.eq((fields & keep) + (fields[width:] & keep))
        fields = total
    return fields[:6]


def first_address(mask: Value, addresses: list[Value]) -> Value:
    """Address of the lowest bit set in `mask`."""
    chosen = addresses[-1]
    for index in reversed(range(len(addresses) - 1)):
        chosen = Mux(mask[index], addresses[index], chosen)
    return chosen


class Status(wiring.Component):
    """Error reports, two cycles after a word's correction at the earliest (the syndromes arrive a stage after it)."""

    def __init__(self, tables: bool):
        self._tables = tables
        super().__init__({
            # Words that returned: which, their syndromes, word addresses.
            "valid": In(READS),
            "syndrome": In(CHECK_BITS).array(READS),
            "addr": In(WORD_ADDRESS_BITS).array(READS),
            # Threads of the vector lanes and of the scalar load.
            "thread": In(2).array(2 * LANES + 1),
            # Of those, words that were read for a partial store, per lane of L1 and for the scalar load; line for a
            # fill.
            "for_store": In(LANES + 1),
            "for_fill": In(1),
            # Combinational: words that are lost.
            "lost": Out(READS),
            "corrected": Out(Corrected),
            "uncorrectable": Out(Uncorrectable),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.classifier = classifier = Classifier(READS, self._tables)
        m.d.comb += [classifier.valid.eq(self.valid), self.lost.eq(classifier.uncorrectable)]
        for index in range(READS):
            m.d.comb += classifier.syndrome[index].eq(self.syndrome[index])
        addresses = [self.addr[index] for index in range(READS)]

        found = Signal(READS)
        m.d.comb += found.eq(classifier.corrected)
        m.d.sync += [
            self.corrected.valid.eq(found.any()),
            self.corrected.count.eq(count_ones(m, found, "corrected")),
        ]
        with m.If(found.any()):
            m.d.sync += self.corrected.addr.eq(first_address(found, addresses))

        # One report waits per group of lanes; one group reports in a cycle, the first goes first.
        groups = {
            "l0": (0, LANES),
            "l1": (LANES, LANES),
            "sl": (2 * LANES, 1),
            "line": (2 * LANES + 1, LINE_WORDS),
        }
        pending = Signal(len(groups))
        lost_in = Signal(len(groups))
        sent = Signal(len(groups))
        m.d.comb += sent.eq(pending & ~(pending - 1)[: len(groups)])
        m.d.sync += [pending.eq((pending & ~sent) | lost_in), self.uncorrectable.valid.eq(pending.any())]
        for number, (name, (start, count)) in enumerate(groups.items()):
            lost = Signal(count, name=f"lost_{name}")
            addr = Signal(WORD_ADDRESS_BITS, name=f"addr_{name}", reset_less=True)
            source = Signal(Source, name=f"source_{name}", reset_less=True)
            thread = Signal(2, name=f"thread_{name}", reset_less=True)
            m.d.comb += [lost.eq(classifier.uncorrectable[start : start + count]), lost_in[number].eq(lost.any())]
            kinds, threads = {
                "l0": ([Source.L0] * LANES, self.thread[:LANES]),
                "l1": (
                    [Mux(self.for_store[lane], Source.ST, Source.L1) for lane in range(LANES)],
                    [Mux(self.for_store[lane], 0, self.thread[LANES + lane]) for lane in range(LANES)],
                ),
                "sl": (
                    [Mux(self.for_store[LANES], Source.SS, Source.SL)],
                    [Mux(self.for_store[LANES], 0, self.thread[2 * LANES])],
                ),
                "line": ([Mux(self.for_fill, Source.FILL, Source.MR)] * LINE_WORDS, [0] * LINE_WORDS),
            }[name]
            with m.If(lost.any() & (~pending[number] | sent[number])):
                m.d.sync += [
                    addr.eq(first_address(lost, addresses[start : start + count])),
                    source.eq(first_address(lost, kinds)),
                    thread.eq(first_address(lost, list(threads))),
                ]
            with m.If(sent[number]):
                m.d.sync += [
                    self.uncorrectable.addr.eq(addr),
                    self.uncorrectable.source.eq(source),
                    self.uncorrectable.thread.eq(thread),
                ]
        return m

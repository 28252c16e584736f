"""Control registers of csrr and csrw (golden.arch.memmap.Csr): one set per thread, and the counters behind them.

A thread starts with zeros. csrw writes at the end of its execute stage; csrr reads in its own, so the two keep program order.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import CSR_BITS, CSRS, FP_MODE, READ_ONLY_CSRS, Counter, Csr
from rtl.common.host_ports import COUNTER_BITS, Place
from rtl.core.interfaces import THREADS, CsrAccess, Life, MatrixEvents, Settings, VectorEvents
from rtl.mem.ports import Inject

CounterRead = wiring.Signature(
    {
        # Control registers -> counters: the counter that a csrr may need (a flip-flop), its answer in the same cycle; CYCLES.
        "index": Out(range(len(Counter))),
        "value": In(COUNTER_BITS),
        "cycles": In(COUNTER_BITS),
        # Every counter to 0; one cycle.
        "clear": Out(1),
    }
)


class CsrFile(wiring.Component):
    """The registers; reading is split over two cycles, `number` to a flip-flop and the choice."""

    access: In(CsrAccess)
    # Registers of a thread that starts become 0.
    life: In(Life)
    # FP flags to set.
    vector_events: In(VectorEvents)
    matrix_events: In(MatrixEvents)
    place: In(Place)
    read: Out(CounterRead)
    settings: Out(Settings)
    inject: Out(Inject)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        access, settings = self.access, self.settings
        flags = [Signal(CSR_BITS[Csr.FP_FLAGS], name=f"flags_{t}") for t in range(THREADS)]
        files = {
            Csr.PRIORITY: [settings.priority[t] for t in range(THREADS)],
            Csr.FP_MODE: [settings.fp_mode[t] for t in range(THREADS)],
            Csr.FP_FLAGS: flags,
            Csr.SEED: [settings.seed[t] for t in range(THREADS)],
            Csr.ECC_INJECT: list(self.inject.bits),
        }
        known = {False: CSRS - {Csr.COUNTER_CLEAR}, True: CSRS - READ_ONLY_CSRS}  # by direction
        legal = Signal()
        with m.If(access.is_write):
            m.d.comb += legal.eq(access.number.matches(*sorted(map(int, known[True]))))
        with m.Else():
            m.d.comb += legal.eq(access.number.matches(*sorted(map(int, known[False]))))
        m.d.comb += access.illegal.eq(~legal)

        spread = [Signal(CSR_BITS[Csr.FP_MODE], name=f"fp_mode_{t}") for t in range(THREADS)]
        for word, mode in zip(spread, settings.fp_mode, strict=True):
            m.d.comb += [word[field.lo : field.lo + field.width].eq(mode[field.name]) for field in FP_MODE]
        shown = files | {Csr.FP_MODE: spread}

        # --- write ---
        writes = access.commit & access.is_write
        m.d.comb += self.read.clear.eq(writes & (access.number == Csr.COUNTER_CLEAR))
        m.d.sync += [flags[t].eq(flags[t] | self.vector_events.flags[t] | self.matrix_events.flags[t]) for t in range(THREADS)]
        for t in range(THREADS):
            with m.If(writes & (access.thread == t)):
                with m.Switch(access.number):
                    for csr, registers in files.items():
                        with m.Case(csr):
                            m.d.sync += registers[t].eq(_kept(csr, access.data))
            with m.If(self.life.starts[t]):
                m.d.sync += [registers[t].eq(0) for registers in files.values()]

        # --- read ---
        thread_value, is_counter, is_cycle = Signal(64), Signal(), Signal()
        with m.Switch(access.number):
            with m.Case(Csr.THREAD):
                m.d.sync += thread_value.eq(access.thread)
            with m.Case(Csr.NODE):
                m.d.sync += thread_value.eq(Cat(self.place.x, self.place.y))
            for csr, registers in shown.items():
                with m.Case(csr):
                    with m.Switch(access.thread):
                        for t in range(THREADS):
                            with m.Case(t):
                                m.d.sync += thread_value.eq(registers[t])
        m.d.sync += [
            is_counter.eq(access.number >= Csr.COUNTER),
            is_cycle.eq(access.number == Csr.CYCLE),
            self.read.index.eq(access.number - Csr.COUNTER),
        ]
        m.d.comb += access.value.eq(Mux(is_counter, self.read.value, Mux(is_cycle, self.read.cycles, Cat(thread_value))))
        return m


def _kept(csr: Csr, value: Value) -> Value:
    """What a register keeps of the value that a csrw brings."""
    return Cat(value[field.lo : field.lo + field.width] for field in FP_MODE) if csr is Csr.FP_MODE else value

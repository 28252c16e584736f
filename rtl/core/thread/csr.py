"""Control registers of csrr and csrw (golden.arch.memmap.Csr): one set per thread, and the counters behind them.

A thread starts with zeros. csrw writes at the end of its execute stage; csrr reads in its own, so the two keep program order.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import CSR_BITS, CSRS, READ_ONLY_CSRS, Counter, Csr
from rtl.core.interfaces import THREAD_BITS, THREADS

NODE_BITS = 10
NUMBER_BITS = 10


class CsrFile(wiring.Component):
    """The registers; reading is split over two cycles, `number` to a flip-flop and the choice."""

    # An access by a thread: a csrr (read) or csrw (write) of this register.
    thread: In(THREAD_BITS)
    number: In(NUMBER_BITS)
    is_write: In(1)
    # The access is valid; writes happen only then.
    commit: In(1)
    data: In(64)
    # The register does not exist, or not for this direction; combinational.
    illegal: Out(1)
    # Value of the register read in the previous cycle.
    value: Out(64)
    # y << 5 | x of the node.
    node: In(NODE_BITS)
    # The counter that `value` may need: index (a flip-flop) and its answer in the same cycle.
    counter_index: Out(range(len(Counter)))
    counter_value: In(48)
    cycles: In(48)
    # Pulse: clear the counters.
    clear_counters: Out(1)
    # Threads that start, a pulse: their registers become 0.
    starts: In(THREADS)
    # Flags to set, per thread.
    set_flags: In(data.ArrayLayout(CSR_BITS[Csr.FP_FLAGS], THREADS))
    # State, per thread.
    priority: Out(data.ArrayLayout(CSR_BITS[Csr.PRIORITY], THREADS))
    fp_mode: Out(data.ArrayLayout(CSR_BITS[Csr.FP_MODE], THREADS))
    seed: Out(data.ArrayLayout(CSR_BITS[Csr.SEED], THREADS))
    ecc_inject: Out(data.ArrayLayout(CSR_BITS[Csr.ECC_INJECT], THREADS))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        flags = [Signal(CSR_BITS[Csr.FP_FLAGS], name=f"flags_{t}") for t in range(THREADS)]
        files = {
            Csr.PRIORITY: [self.priority[t] for t in range(THREADS)],
            Csr.FP_MODE: [self.fp_mode[t] for t in range(THREADS)],
            Csr.FP_FLAGS: flags,
            Csr.SEED: [self.seed[t] for t in range(THREADS)],
            Csr.ECC_INJECT: [self.ecc_inject[t] for t in range(THREADS)],
        }
        known = {False: CSRS - {Csr.COUNTER_CLEAR}, True: CSRS - READ_ONLY_CSRS}  # by direction
        legal = Signal()
        with m.If(self.is_write):
            m.d.comb += legal.eq(self.number.matches(*sorted(map(int, known[True]))))
        with m.Else():
            m.d.comb += legal.eq(self.number.matches(*sorted(map(int, known[False]))))
        m.d.comb += self.illegal.eq(~legal)

        # --- write ---
        writes = self.commit & self.is_write
        m.d.comb += self.clear_counters.eq(writes & (self.number == Csr.COUNTER_CLEAR))
        m.d.sync += [flags[t].eq(flags[t] | self.set_flags[t]) for t in range(THREADS)]
        for t in range(THREADS):
            with m.If(writes & (self.thread == t)):
                with m.Switch(self.number):
                    for csr, registers in files.items():
                        with m.Case(csr):
                            m.d.sync += registers[t].eq(self.data)
            with m.If(self.starts[t]):
                m.d.sync += [registers[t].eq(0) for registers in files.values()]

        # --- read ---
        thread_value, is_counter, is_cycle = Signal(64), Signal(), Signal()
        with m.Switch(self.number):
            with m.Case(Csr.THREAD):
                m.d.sync += thread_value.eq(self.thread)
            with m.Case(Csr.NODE):
                m.d.sync += thread_value.eq(self.node)
            for csr, registers in files.items():
                with m.Case(csr):
                    with m.Switch(self.thread):
                        for t in range(THREADS):
                            with m.Case(t):
                                m.d.sync += thread_value.eq(registers[t])
        m.d.sync += [
            is_counter.eq(self.number >= Csr.COUNTER),
            is_cycle.eq(self.number == Csr.CYCLE),
            self.counter_index.eq(self.number - Csr.COUNTER),
        ]
        m.d.comb += self.value.eq(
            Mux(is_counter, self.counter_value, Mux(is_cycle, self.cycles, Cat(thread_value)))
        )
        return m

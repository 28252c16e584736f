"""One in-order request queue: a ring of four and a *current* register with the bank mask already decoded.

Every lane of a wide port and every narrow port is one such queue; a lane advances on its own grant and waits for
nobody. Rule kept: what arbitration reads (valid, bank mask, payload) are flip-flops.
"""

from collections.abc import Callable

from amaranth.hdl import Cat, Module, Mux, Shape, ShapeLike, Signal, Value
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.sram import BANKS
from rtl.common.invariant import always
from rtl.mem.banking import word_banks

DEPTH = 4


class RequestQueue(wiring.Component):
    """Queue of requests to the banks, `DEPTH` deep beside the current one.

    Parameters
    ----------
    addr_width: bits of the address.
    info: shape of what travels along untouched.
    words: 64-bit data words that travel along (0 for loads).
    banks_of: circuit from address to bank number and 64-bit bank mask (`word_banks` or `line_banks`).
    """

    def __init__(
        self,
        addr_width: int,
        info: ShapeLike,
        words: int = 0,
        banks_of: Callable[[Module, Value, Value], tuple[Signal, Signal]] = word_banks,
    ):
        # A simulator moves an entry as one word.
        if addr_width + Shape.cast(info).width + 1 > 64:
            raise ValueError(f"address {addr_width} and info {Shape.cast(info).width} do not fit an entry of 63 bits")
        self._entry = data.StructLayout({"addr": addr_width, "info": info, "active": 1})
        self._words = words
        self._banks_of = banks_of
        super().__init__({
            # Put a request in; only in a cycle after one in which `room` was high.
            "push": In(1),
            # The request occupies a bank; one that does not is granted without conflict.
            "active": In(1),
            "addr": In(addr_width),
            "info": In(info),
            "data": In(64).array(words),
            # Combinational: another request fits in the next cycle, whatever is granted in this one.
            "room": Out(1),
            # The current request is finished: the next one takes its place.
            "take": In(1),
            # The current request, flip-flops. `banks` is zero when there is none or it is not active.
            "valid": Out(1),
            "banks": Out(BANKS),
            # The same as a number (of a line: its first bank), and whether there is one.
            "number": Out(range(BANKS)),
            "present": Out(1),
            "head_addr": Out(addr_width),
            "head_info": Out(info),
            "head_data": Out(64).array(words),
            # Replace word 0 of the current request (a merged partial store).
            "merge": In(1),
            "merged": In(64),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        entry_in = Cat(self.addr, self.info, self.active)
        m.submodules.ring = ring = memory.Memory(shape=self._entry, depth=DEPTH, init=[])
        write, read = ring.write_port(), ring.read_port(domain="comb")
        rings = [memory.Memory(shape=64, depth=DEPTH, init=[]) for _ in range(self._words)]
        write_at = Signal(range(DEPTH))
        read_at = Signal(range(DEPTH))
        waiting = Signal(range(DEPTH + 1))

        advance = Signal()
        from_ring = Signal()
        to_ring = Signal()
        m.d.comb += [
            advance.eq(self.take | ~self.valid),
            from_ring.eq(advance & waiting.any()),
            to_ring.eq(self.push & ~(advance & ~waiting.any())),
            # waiting + push <= DEPTH - 1: grants of this cycle come too late to count
            self.room.eq(Mux(self.push, waiting < DEPTH - 1, waiting < DEPTH)),
            write.addr.eq(write_at),
            write.data.eq(entry_in),
            write.en.eq(to_ring),
            read.addr.eq(read_at),
        ]
        m.d.sync += [
            write_at.eq(write_at + to_ring),
            read_at.eq(read_at + from_ring),
            waiting.eq(waiting + to_ring - from_ring),
        ]

        always(m, waiting <= DEPTH, "a queue of requests holds more than its ring")
        always(m, ~to_ring | from_ring | (waiting != DEPTH), "a request comes to a full queue")
        always(m, ~self.take | self.valid, "a request that is not there is granted")

        entry = Signal(self._entry)
        m.d.comb += entry.eq(Mux(waiting.any(), read.data, entry_in))
        present = waiting.any() | self.push
        occupies = Signal()
        m.d.comb += occupies.eq(present & entry.active)
        number, banks = self._banks_of(m, entry.addr, occupies)
        # Only `valid` is reset: while it is low the others take in what an empty queue offers, no bank.
        current = {
            "banks": (self.banks, banks),
            "number": (self.number, number),
            "present": (self.present, occupies),
            "addr": (self.head_addr, entry.addr),
            "info": (self.head_info, entry.info),
        }
        registers = {name: self._without_reset(m, port, name) for name, (port, _) in current.items()}
        with m.If(advance):
            m.d.sync += self.valid.eq(present)
            m.d.sync += [registers[name].eq(value) for name, (_, value) in current.items()]
        head_data = [self._without_reset(m, self.head_data[index], f"data{index}") for index in range(self._words)]
        for index, words in enumerate(rings):
            m.submodules[f"data{index}"] = words
            write, read = words.write_port(), words.read_port(domain="comb")
            m.d.comb += [
                write.addr.eq(write_at),
                write.data.eq(self.data[index]),
                write.en.eq(to_ring),
                read.addr.eq(read_at),
            ]
            with m.If(advance):
                m.d.sync += head_data[index].eq(Mux(waiting.any(), read.data, self.data[index]))
        if self._words:
            with m.If(self.merge):
                m.d.sync += head_data[0].eq(self.merged)
        return m

    @staticmethod
    def _without_reset(m: Module, port: Value, name: str) -> Signal:
        """A register without reset behind an output."""
        register = Signal(port.shape(), name=f"current_{name}", reset_less=True)
        m.d.comb += port.eq(register)
        return register

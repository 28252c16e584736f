"""One in-order request queue: a ring of four and a *current* register with the bank mask already decoded.

Every lane of a wide port and every narrow port is one such queue; a lane advances on its own grant and waits for
nobody. Rule kept: what arbitration reads (valid, bank mask, payload) are flip-flops.
"""

from collections.abc import Callable

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.sram import BANKS
from rtl.mem.banking import word_banks
from rtl.mem.conflict import Claim

DEPTH = 4


class RequestQueue(wiring.Component):
    """Queue of requests to the banks, `DEPTH` deep beside the current one.

    Parameters
    ----------
    addr_width: bits of the address.
    info_width: bits that travel along untouched.
    words: 64-bit data words that travel along (0 for loads).
    banks_of: circuit from address to bank number and 64-bit bank mask (`word_banks` or `line_banks`).
    """

    def __init__(
        self,
        addr_width: int,
        info_width: int,
        words: int = 0,
        banks_of: Callable[[Module, Value, Value], tuple[Signal, Signal]] = word_banks,
    ):
        if addr_width + info_width + 1 > 64:
            raise ValueError(f"address {addr_width} and info {info_width} do not fit an entry of 63 bits")
        self._words = words
        self._banks_of = banks_of
        super().__init__({
            # Put a request in; only in a cycle after one in which `room` was high.
            "push": In(1),
            # The request occupies a bank; one that does not is granted without conflict.
            "active": In(1),
            "addr": In(addr_width),
            "info": In(info_width),
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
            "head_info": Out(info_width),
            "head_data": Out(64).array(words),
            # Replace word 0 of the current request (a merged partial store).
            "merge": In(1),
            "merged": In(64),
        })

    @property
    def claim(self) -> Claim:
        """What the current request wants, for the arbiters."""
        return Claim(self.banks, self.number, self.present)

    def elaborate(self, platform) -> Module:
        m = Module()
        entry_in = Cat(self.addr, self.info, self.active)
        width = len(entry_in)
        m.submodules.ring = ring = memory.Memory(shape=width, depth=DEPTH, init=[])
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

        entry = Signal(width)
        m.d.comb += entry.eq(Mux(waiting.any(), read.data, entry_in))
        addr = entry[: len(self.addr)]
        info = entry[len(self.addr) : width - 1]
        present = waiting.any() | self.push
        occupies = Signal()
        m.d.comb += occupies.eq(present & entry[width - 1])
        number, banks = self._banks_of(m, addr, occupies)
        # Only `valid` is reset: while it is low the others take in what an empty queue offers, no bank.
        current = [
            self._without_reset(m, port) for port in (self.banks, self.number, self.present, self.head_addr, self.head_info)
        ]
        with m.If(advance):
            m.d.sync += self.valid.eq(present)
            m.d.sync += [
                register.eq(value)
                for register, value in zip(current, (banks, number, occupies, addr, info), strict=True)
            ]
        head_data = [self._without_reset(m, self.head_data[index]) for index in range(self._words)]
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
    def _without_reset(m: Module, port: Signal) -> Signal:
        """A register without reset behind an output."""
        register = Signal(len(port), name=f"current_{port.name}", reset_less=True)
        m.d.comb += port.eq(register)
        return register

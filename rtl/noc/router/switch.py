"""The payload's way through a router, a cycle behind its control word."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.packet import CHANNELS
from rtl.noc.router.layouts import DEPTH, PORTS, SELECT, SLOT, SLOTS


def _number(one_hot):
    """The position of the one bit of four."""
    return Cat(one_hot[1] | one_hot[3], one_hot[2] | one_hot[3])


def _ports(width: int) -> dict[str, wiring.Member]:
    """Of a part of the switch that moves so many bits, and of the whole."""
    return {
        # A cycle after its control word.
        "i": In(width).array(PORTS),
        # Decided in the cycle of the control word.
        "slots": In(SLOTS),
        "select": In(SELECT),
        # Two cycles after the decision, from flip-flops.
        "o": Out(width).array(PORTS),
    }


class Slice(wiring.Component):
    """Some bits of the payloads: their places, and the crossbar with an input for every channel of every port.

    What the control words decided is kept here for a cycle: every slice has a copy of its own, for the sake of fan-out.

    Parameters
    ----------
    width : int
        Bits.
    gates : bool
        The crossbar as gates, which a circuit wants; else as branches, of which a simulation takes one.
    """

    def __init__(self, width: int, gates: bool = False) -> None:
        self.width, self.gates = width, gates
        super().__init__(_ports(width))

    def elaborate(self, platform):
        m = Module()
        values = []
        for p in range(PORTS):
            for v in range(CHANNELS):
                decided, slot = self.slots[p][v], Signal(SLOT, name=f"slot_copy_{p}_{v}")
                m.d.sync += slot.eq(decided)
                m.submodules[f"places{p}_{v}"] = places = memory.Memory(shape=self.width, depth=DEPTH, init=[])
                write, read = places.write_port(), places.read_port(domain="comb")
                value = Signal(self.width, name=f"value{p}_{v}")
                m.d.comb += [
                    write.en.eq(slot.write.any()),
                    write.addr.eq(_number(slot.write)),
                    write.data.eq(self.i[p]),
                    read.addr.eq(_number(slot.read)),
                    value.eq(Mux(slot.bypass, self.i[p], read.data)),
                ]
                values.append((p, v, value))
        for o in range(PORTS):
            select = Signal(SELECT.elem_shape, name=f"select_copy_{o}")
            m.d.sync += select.eq(self.select[o])
            mine = [(select[p][v], value) for p, v, value in values if p != o]
            if self.gates:
                with m.If(select.as_value().any()):
                    m.d.sync += self.o[o].eq(reduce(or_, (Mux(chosen, value, 0) for chosen, value in mine)))
            else:
                for chosen, value in mine:
                    with m.If(chosen):
                        m.d.sync += self.o[o].eq(value)
        return m


class Switch(wiring.Component):
    """Slices side by side, with the ports of one.

    Parameters
    ----------
    width : int
        Bits of a payload with everything that travels beside it.
    slices : int
        How many; changes no bit and no cycle. A circuit wants some 60 bits in each, a simulation one slice.
    gates : bool
        As in Slice.
    """

    def __init__(self, width: int, slices: int, gates: bool = False) -> None:
        self.width, self.slices, self.gates = width, slices, gates
        super().__init__(_ports(width))

    def elaborate(self, platform):
        m = Module()
        step = -(-self.width // self.slices)
        parts = []
        for n, low in enumerate(range(0, self.width, step)):
            m.submodules[f"slice{n}"] = part = Slice(min(step, self.width - low), self.gates)
            m.d.comb += [part.slots.eq(self.slots), part.select.eq(self.select)]
            m.d.comb += [part.i[p].eq(self.i[p][low : low + part.width]) for p in range(PORTS)]
            parts.append(part)
        m.d.comb += [self.o[p].eq(Cat(part.o[p] for part in parts)) for p in range(PORTS)]
        return m

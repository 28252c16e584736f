"""Who may use an output: least recently granted of the ports, and of the channels of each port, both at once."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.packet import CHANNELS
from rtl.common.invariant import always, at_most_one


class LeastRecent(wiring.Component):
    """Grants the requester whose last turn is longest ago; after reset the lower index counts as longer ago.

    Parameters
    ----------
    count : int
        Requesters.
    gates : bool
        As a circuit wants it; else what a simulation leaves out while nobody asks stands behind branches.
    """

    def __init__(self, count: int, gates: bool = False) -> None:
        self.count, self.gates = count, gates
        super().__init__(
            {
                "request": In(count),
                # One-hot, zero without a request; combinational.
                "grant": Out(count),
                # Who had its turn in this cycle (one-hot or zero): goes to the back of the order.
                "served": In(count),
            }
        )
        # before[i, j], i < j: i goes before j. An attribute so that proofs see it.
        self.before = {(i, j): Signal(init=1, name=f"before_{i}_{j}") for j in range(count) for i in range(j)}

    def elaborate(self, platform):
        m = Module()
        before = self.before
        granted = []
        for i in range(self.count):
            ahead = [self.request[j] & (before[j, i] if j < i else ~before[i, j]) for j in range(self.count) if j != i]
            granted.append(self.request[i] & ~Cat(*ahead).any())
        # Of a branch with 0 on one side Verilator makes an AND, and computes the other.
        m.d.comb += self.grant.eq(Cat(granted) if self.gates else Mux(self.request.any(), Cat(granted), self.request))
        at_most_one(m, self.grant, "two are granted at once")
        always(m, self.grant.any() == self.request.any(), "some ask and none is granted: the order goes in a circle")
        with m.If(1 if self.gates else self.served.any()):
            for i, j in before:
                m.d.sync += before[i, j].eq(before[i, j] & ~self.served[i] | self.served[j])
        return m


class Arbiter(wiring.Component):
    """Arbitrates one output among the channels of its inputs.

    Parameters
    ----------
    inputs : int
        Ports that may ask for the output.
    gates : bool
        As in LeastRecent.
    """

    def __init__(self, inputs: int, gates: bool = False) -> None:
        self.inputs, self.gates = inputs, gates
        matrix = data.ArrayLayout(CHANNELS, inputs)
        super().__init__(
            {
                # Who asks, with credit for its channel.
                "request": In(matrix),
                # One of those that ask; combinational.
                "grant": Out(matrix),
            }
        )
        # Attributes so that proofs see their orders.
        self.ports, self.channels = LeastRecent(inputs, gates), [LeastRecent(CHANNELS, gates) for _ in range(inputs)]

    def elaborate(self, platform):
        m = Module()
        m.submodules.ports = ports = self.ports
        m.d.comb += ports.served.eq(ports.grant)
        for p in range(self.inputs):
            m.submodules[f"channels{p}"] = channels = self.channels[p]
            m.d.comb += [
                ports.request[p].eq(self.request[p].any()),
                channels.request.eq(self.request[p]),
                self.grant[p].eq(channels.grant & ports.grant[p].replicate(CHANNELS)),
                channels.served.eq(self.grant[p]),
            ]
        return m

"""An output of a router: who uses it, with what credit, and the control word that leaves."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.packet import CHANNELS
from rtl.common.select import by_branch, by_mark
from rtl.noc.credits import COUNT, Credits
from rtl.noc.layouts import CONTROL
from rtl.noc.router.arbiter import Arbiter
from rtl.noc.router.layouts import CARRIED, WORD


class RouterOutput(wiring.Component):
    """Arbiter, credits, and the flip-flops of the control word.

    Parameters
    ----------
    inputs : int
        Ports that may ask for this output: all but its own.
    gates : bool
        As a circuit wants it, not as a simulation does.
    """

    def __init__(self, inputs: int, gates: bool = False) -> None:
        self.inputs, self.gates = inputs, gates
        matrix = data.ArrayLayout(CHANNELS, inputs)
        super().__init__(
            {
                # Channels whose first word asks for this output, and their first words.
                "want": In(matrix),
                "heads": In(data.ArrayLayout(data.ArrayLayout(WORD, CHANNELS), inputs)),
                # Whose first word leaves, one-hot or zero; combinational.
                "grant": Out(matrix),
                # The link.
                "control": Out(CONTROL),
                "credit": In(CHANNELS),
                # Nobody is at the other end: what is sent there is lost, and its credit comes back by itself.
                "closed": In(1),
                # Credits that this output holds.
                "count": Out(COUNT),
            }
        )
        self.arbiter, self.credits = Arbiter(inputs, gates), Credits()  # attributes so that proofs see their state

    def elaborate(self, platform):
        m = Module()
        m.submodules.arbiter = arbiter = self.arbiter
        m.submodules.credits = credits = self.credits
        channels = Cat(reduce(or_, (arbiter.grant[p][v] for p in range(self.inputs))) for v in range(CHANNELS))
        places = [(p, v) for p in range(self.inputs) for v in range(CHANNELS)]
        select = by_mark if self.gates else by_branch
        word = select(m, arbiter.grant, [self.heads[p][v] for p, v in places], "word")
        m.d.comb += [
            *(arbiter.request[p].eq(self.want[p] & credits.ok) for p in range(self.inputs)),
            self.grant.eq(arbiter.grant),
            credits.take.eq(channels),
            credits.give.eq(Mux(self.closed, self.control.valid, self.credit)),
            self.count.eq(credits.count),
        ]
        m.d.sync += [
            self.control.valid.eq(channels),
            *(self.control[name].eq(word[name]) for name in ("out", *CARRIED)),
        ]
        return m

"""An input of a router: a buffer per channel behind one link."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.packet import CHANNELS
from golden.arch.route_table import ENTRIES
from rtl.noc.layouts import CONTROL
from rtl.noc.router.fifo import Fifo
from rtl.noc.router.layouts import CARRIED, ENTRY, HEAD, PORTS, SLOT
from rtl.noc.router.lookahead import NEAR, LookAhead


class RouterInput(wiring.Component):
    """Looks ahead once for the word that comes, and offers the first word of every channel.

    Parameters
    ----------
    gates : bool
        As a circuit wants it, not as a simulation does.
    """

    # The link.
    control: In(CONTROL)
    credit: Out(CHANNELS)
    # What looking ahead needs.
    x: In(NEAR)
    y: In(NEAR)
    table: In(data.ArrayLayout(ENTRY, ENTRIES))
    detours: In(1)
    # Per channel: the ports that its first word asks for, that word, the ports by which it leaves; combinational.
    want: Out(data.ArrayLayout(PORTS, CHANNELS))
    heads: Out(data.ArrayLayout(HEAD, CHANNELS))
    granted: In(data.ArrayLayout(PORTS, CHANNELS))
    slots: Out(data.ArrayLayout(SLOT, CHANNELS))

    def __init__(self, gates: bool = False) -> None:
        super().__init__()
        self.lookahead, self.fifos = LookAhead(gates), [Fifo() for _ in range(CHANNELS)]  # attributes so that proofs see them

    def elaborate(self, platform):
        m = Module()
        m.submodules.lookahead = lookahead = self.lookahead
        word = Signal(HEAD)
        m.d.comb += [
            lookahead.control.eq(self.control),
            lookahead.x.eq(self.x),
            lookahead.y.eq(self.y),
            lookahead.table.eq(self.table),
            lookahead.detours.eq(self.detours),
            word.onward.eq(lookahead.onward),
            *(word[name].eq(self.control[name]) for name in CARRIED),
        ]
        for v, fifo in enumerate(self.fifos):
            m.submodules[f"fifo{v}"] = fifo
            m.d.comb += [
                fifo.valid.eq(self.control.valid[v]),
                fifo.out.eq(self.control.out),
                fifo.word.eq(word),
                fifo.granted.eq(self.granted[v]),
                self.want[v].eq(fifo.want),
                self.heads[v].eq(fifo.head),
                self.slots[v].eq(fifo.slot),
            ]
            m.d.sync += self.credit[v].eq(fifo.gone)
        return m

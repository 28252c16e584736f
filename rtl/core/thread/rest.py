"""Whether all that a thread began is done."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from rtl.common.network_ports import NetSteer
from rtl.core.groups import Dispatched
from rtl.core.interfaces import StoreProgress, scalar_progress, vector_progress
from rtl.core.thread.parts import Doom, Rested
from rtl.mem.ports import Uncorrectable

SETTLED = 7  # cycles after a dispatch from which on what was on its way to a queue is counted in it


class Rest(wiring.Component):
    """The units hold nothing of the thread, nothing is on its way to them, the network owes it no answer, no lost word is about to be told.

    Parameters
    ----------
    config : sizes of the queues.
    number : of the thread.
    """

    def __init__(self, config: NodeConfig, number: int) -> None:
        self._number = number
        super().__init__(
            {
                "dispatched": In(Dispatched),
                "scalar_progress": In(scalar_progress(config)),
                "vector_progress": In(vector_progress(config)),
                "store_progress": In(StoreProgress),
                "uncorrectable": In(Uncorrectable),
                "net_steer": In(NetSteer),
                "doom": In(Doom),
                "rested": Out(Rested),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        number, settled = self._number, Signal(range(SETTLED + 1))
        idle = self.scalar_progress.idle[number] & self.vector_progress.idle[number] & self.store_progress.idle[number]
        # A lost word is reported after the access looks complete: the thread may not end meanwhile.
        told = self.uncorrectable.soon[number] | self.uncorrectable.valid[number]
        answered = self.net_steer.idle[number]
        m.d.comb += self.rested.empty.eq(idle & answered & (settled == SETTLED) & ~told)
        with m.If(self.dispatched.group.valid | self.doom.late):
            m.d.sync += settled.eq(0)
        with m.Elif(settled != SETTLED):
            m.d.sync += settled.eq(settled + 1)
        return m

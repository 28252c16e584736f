r"""The door of the front end: what leaves for the queues each cycle.

::

    threads --(turn)--> Turns: choose one --> Dispatch: up to 8 of its instructions --> scalar and vector queues
       |  ^                                      |   ^
       |  \------------------(group)-------------/   \--- window of its pc
       \--- supply: Fetch --------------------------------/

One thread a cycle dispatches up to ``dispatch_width`` instructions in program order. Control instructions stand alone in a group and end
here; predicates are resolved here; everything else goes to a queue with its tags (rtl/core/interfaces.py).
"""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from rtl.core.front.dispatch import Dispatch
from rtl.core.front.fetch.unit import Fetch
from rtl.core.front.turns import Turns
from rtl.core.front.watch import Watch
from rtl.core.groups import Dispatched, Supply, Turn
from rtl.core.interfaces import THREADS, FrontEvents, Settings, scalar_pushes, vector_pushes
from rtl.core.trace import TraceDispatch, records
from rtl.mem import ports


class FrontEnd(wiring.Component):
    """Fetch, dispatch.

    Parameters
    ----------
    config : sizes.
    trace : with the trace port.
    """

    def __init__(self, config: NodeConfig, trace: bool = False) -> None:
        self._config, self._trace_on = config, trace
        members = {
            # Each thread's turn in dispatch, and its windows.
            "turn": In(Turn).array(THREADS),
            "dispatched": Out(Dispatched).array(THREADS),
            "supply": In(Supply).array(THREADS),
            # To the queues.
            "scalar": Out(scalar_pushes(config)),
            "vector": Out(vector_pushes(config)),
            "settings": In(Settings),
            "fill": Out(ports.Fill),
            "events": Out(FrontEvents),
        }
        if trace:
            # A group's instructions in program order.
            members["trace"] = Out(records(TraceDispatch, config.dispatch_width))
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.turns = turns = Turns()
        m.submodules.fetch = fetch = Fetch(self._config)
        m.submodules.dispatch = dispatch = Dispatch(self._config)
        m.submodules.watch = watch = Watch(self._config, self._trace_on)
        for t in range(THREADS):
            wiring.connect(m, wiring.flipped(self.turn[t]), turns.turn[t])
            wiring.connect(m, turns.dispatched[t], wiring.flipped(self.dispatched[t]))
            wiring.connect(m, wiring.flipped(self.supply[t]), fetch.supply[t])
        wiring.connect(m, turns.chosen, dispatch.chosen, fetch.chosen, watch.chosen)
        wiring.connect(m, fetch.window, dispatch.window)
        wiring.connect(m, wiring.flipped(self.settings), dispatch.settings)
        wiring.connect(m, dispatch.dispatched, turns.group, watch.dispatched)
        wiring.connect(m, dispatch.scalar, wiring.flipped(self.scalar), watch.scalar)
        wiring.connect(m, dispatch.vector, wiring.flipped(self.vector), watch.vector)
        wiring.connect(m, fetch.fill, wiring.flipped(self.fill))
        wiring.connect(m, fetch.events, watch.fetch_events)
        wiring.connect(m, watch.events, wiring.flipped(self.events))
        wiring.connect(m, dispatch.left, watch.left)
        if self._trace_on:
            wiring.connect(m, watch.trace, wiring.flipped(self.trace))
        return m

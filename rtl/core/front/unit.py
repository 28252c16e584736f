r"""The door of the front end: what leaves for the queues each cycle.

::

    threads --(turn)--> Turns: choose two --> two Dispatch: up to 4 instructions each --> scalar and vector queues
       |  ^                                      |   ^   \---- Tags
       |  \------------------(groups)------------/   \--- windows of their pcs
       \--- supply: Fetch --------------------------------/

``dispatch_threads`` threads a cycle dispatch up to ``dispatch_width`` instructions each, in program order. Control instructions stand alone
in a group and end here; predicates are resolved here; everything else goes to a queue with its tags (rtl/core/interfaces.py).
"""

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from rtl.core.front.dispatch import Dispatch
from rtl.core.front.fetch.unit import Fetch
from rtl.core.front.tags import Tags
from rtl.core.front.turns import Turns
from rtl.core.front.watch import Watch
from rtl.core.groups import Dispatched, Supply, Turn
from rtl.core.interfaces import THREADS, FrontEvents, Settings, scalar_pushes, vector_pushes
from rtl.core.trace import FrontThreads, TraceDispatch, records
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
            "scalar": Out(scalar_pushes(config)).array(config.dispatch_threads),
            "vector": Out(vector_pushes(config)).array(config.dispatch_threads),
            "settings": In(Settings),
            "fill": Out(ports.Fill),
            "events": Out(FrontEvents),
        }
        if trace:
            # Instructions of each group in program order; how the threads stand.
            members["trace"] = Out(records(TraceDispatch, config.dispatch_threads * config.dispatch_width))
            members["trace_threads"] = Out(records(FrontThreads))
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.turns = turns = Turns(self._config)
        m.submodules.fetch = fetch = Fetch(self._config)
        m.submodules.tags = tags = Tags(self._config)
        m.submodules.watch = watch = Watch(self._config, self._trace_on)
        for t in range(THREADS):
            wiring.connect(m, wiring.flipped(self.turn[t]), turns.turn[t])
            wiring.connect(m, turns.dispatched[t], wiring.flipped(self.dispatched[t]))
            wiring.connect(m, wiring.flipped(self.supply[t]), fetch.supply[t])
        for k in range(self._config.dispatch_threads):
            m.submodules[f"dispatch_{k}"] = dispatch = Dispatch(self._config)
            wiring.connect(m, turns.chosen[k], dispatch.chosen, fetch.chosen[k], tags.chosen[k], watch.chosen[k])
            wiring.connect(m, fetch.window[k], dispatch.window)
            wiring.connect(m, wiring.flipped(self.settings), dispatch.settings)
            for mine, port in zip(dispatch.tagged, tags.slot[k], strict=True):
                wiring.connect(m, mine, port)
            wiring.connect(m, dispatch.dispatched, turns.group[k], watch.dispatched[k])
            wiring.connect(m, dispatch.scalar, wiring.flipped(self.scalar[k]), watch.scalar[k])
            wiring.connect(m, dispatch.vector, wiring.flipped(self.vector[k]), watch.vector[k])
            wiring.connect(m, dispatch.left, watch.left[k])
        wiring.connect(m, fetch.fill, wiring.flipped(self.fill))
        wiring.connect(m, fetch.events, watch.fetch_events)
        wiring.connect(m, watch.events, wiring.flipped(self.events))
        if self._trace_on:
            wiring.connect(m, watch.trace, wiring.flipped(self.trace))
            m.d.comb += [
                self.trace_threads.record[0].present.eq(Cat(supply.present for supply in self.supply)),
                self.trace_threads.record[0].able.eq(Cat(turn.may.able for turn in self.turn)),
            ]
        return m

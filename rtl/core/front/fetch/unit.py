r"""Instruction supply: a direct-mapped cache filled from SRAM, and per thread the last few 32-byte windows fetched.

::

    Windows: wanted windows (pc, then the predicted next) -> choose a thread -> Cache (1 cycle) -> windows of the thread
                                                                                 \-> miss: Filler: this line, then the next one

A window is 8 instructions, aligned.
"""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from rtl.core.front.fetch.cache import Cache
from rtl.core.front.fetch.filler import Filler
from rtl.core.front.fetch.windows import Windows
from rtl.core.front.parts import Chosen, FetchEvents, Window
from rtl.core.groups import Supply
from rtl.core.interfaces import THREADS
from rtl.mem import ports


class Fetch(wiring.Component):
    """Windows for four threads.

    Parameters
    ----------
    config : ``icache_lines``, the SRAM's size, and how many threads dispatch in a cycle.
    """

    def __init__(self, config: NodeConfig) -> None:
        self._config = config
        super().__init__(
            {
                "supply": In(Supply).array(THREADS),
                "chosen": In(Chosen).array(config.dispatch_threads),
                "window": Out(Window).array(config.dispatch_threads),
                "fill": Out(ports.Fill),
                "events": Out(FetchEvents),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.windows = windows = Windows(self._config)
        m.submodules.cache = cache = Cache(self._config)
        m.submodules.filler = filler = Filler(self._config)
        for mine, port in zip(self.supply, windows.supply, strict=True):
            wiring.connect(m, wiring.flipped(mine), port)
        for k in range(self._config.dispatch_threads):
            wiring.connect(m, wiring.flipped(self.chosen[k]), windows.chosen[k])
            wiring.connect(m, windows.window[k], wiring.flipped(self.window[k]))
        wiring.connect(m, windows.lookup, cache.lookup)
        wiring.connect(m, cache.found, windows.found)
        wiring.connect(m, windows.flush, cache.flush, filler.flush)
        wiring.connect(m, cache.miss, filler.miss)
        wiring.connect(m, filler.probe, cache.probe)
        wiring.connect(m, filler.came, cache.came)
        wiring.connect(m, filler.fill, wiring.flipped(self.fill))
        wiring.connect(m, filler.events, wiring.flipped(self.events))
        return m

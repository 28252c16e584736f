"""Watches a design's trace ports and hands what they say to golden.retire, port by port in the manifest's order."""

import cocotb
from cocotb.triggers import RisingEdge

from golden.retire import Collector
from tb.bind import Port, Ports


class TraceMonitor:
    """Feeds `collector` with the ports whose names begin with `prefix`; `count`: events so far. A port's lowest bit is its valid."""

    def __init__(self, ports: Ports, collector: Collector, prefix: str = "trace__") -> None:
        self.collector = collector
        self.count = 0
        self._prefix = prefix
        self._ports = [port for port in ports if port.name.startswith(prefix) and port.direction == "output"]
        for port in self._ports:
            assert port.layout and port.layout["valid"].lo == 0, f"{port.name} has no valid"
        cocotb.start_soon(self._run(RisingEdge(ports.clock.handle)))

    async def _run(self, edge: RisingEdge) -> None:
        while True:
            await edge
            for port in self._ports:
                word = port.get()
                if word & 1:
                    self._see(port, word)

    def _see(self, port: Port, word: int) -> None:
        self.count += 1
        self.collector.feed(port.name.removeprefix(self._prefix), port.fields(word))

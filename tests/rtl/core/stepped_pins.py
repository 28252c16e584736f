"""Pins of a cocotb bench, stepped a cycle a call, so that a bench of tests.rtl.core.packing.Stepped plays on them too."""

from typing import Any

from cocotb.task import resume

from tb.bind import Ports
from tb.clock import cycles


class Pins:
    """The unit's pins, a cycle a call, for callers that are no coroutines (tests.rtl.core.packing.Stepped)."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._outputs = [port for port in ports if port.direction == "output"]
        self._inputs = [port for port in ports if port.direction == "input" and port not in (ports.clock, ports.reset)]

    @resume
    async def cycle(self, inputs: dict[str, Any]) -> dict[str, int]:
        """Applies inputs (0 where missing); returns what the outputs show at the end of the cycle."""
        for port in self._inputs:
            port.set(inputs.get(port.name, 0))
        await cycles(self._ports, 1)
        return {port.name: port.get() for port in self._outputs}

    def read(self, out: dict[str, int], name: str) -> Any:
        """An output as dictionaries and lists."""
        port = self._ports[name]
        return out[name] if port.layout is None else port.fields(out[name])

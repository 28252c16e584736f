"""Pins of a cocotb bench, stepped a cycle a call, so that a bench of tests.rtl.core.packing.Stepped plays on them too."""

from typing import Any

from cocotb.task import resume

from tb.bind import Ports
from tb.clock import cycles


def lists(value: Any) -> Any:
    """Arrays, which a manifest spells as fields "0", "1" and so on, as lists."""
    if not isinstance(value, dict):
        return value
    parts = {name: lists(part) for name, part in value.items()}
    return list(parts.values()) if "0" in parts else parts


def fields(value: Any) -> Any:
    """The inverse of `lists`; keys that are numbers become names."""
    if isinstance(value, dict):
        return {str(name): fields(part) for name, part in value.items()}
    if isinstance(value, list):
        return {str(index): fields(part) for index, part in enumerate(value)}
    return value


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
            port.set(fields(inputs.get(port.name, 0)))
        await cycles(self._ports, 1)
        return {port.name: port.get() for port in self._outputs}

    def read(self, out: dict[str, int], name: str) -> Any:
        """An output as dictionaries and lists."""
        port = self._ports[name]
        return out[name] if port.layout is None else lists(port.fields(out[name]))

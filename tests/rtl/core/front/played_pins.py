"""Pins of a cocotb bench that look like Amaranth's component and simulator, so that played.py plays on both.

    dut, ctx = Pins(ports), Context()
    ctx.set(dut.vector_progress.head[2].valid, 1); ctx.get(dut.trace.record[0].word); ctx.send()

What is set is sent once a cycle, whole ports at a time; what is read is read once a cycle.
"""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from golden.arch import bits
from tb.bind import Port, Ports


class Pins:
    """A port, part of one, or all of them: fields and elements by name and number."""

    def __init__(self, ports: Ports, path: tuple[str, ...] = ()) -> None:
        self._ports, self._path = ports, path
        self._parts: dict[str, Pins] = {}
        self.port, self.offset, self.width, self.layout = _find(ports, path)

    def __getattr__(self, name: str) -> "Pins":
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str | int) -> "Pins":
        if (part := self._parts.get(str(name))) is None:
            part = self._parts[str(name)] = Pins(self._ports, (*self._path, str(name)))
        return part

    def __iter__(self) -> Iterator["Pins"]:
        if self.port is not None:
            return iter([self[field.name] for field in self.layout or ()])
        first = len(self._path)  # ports of their own: the names go on with numbers
        paths = [port.name.split("__") for port in self._ports]
        numbers = {path[first] for path in paths if tuple(path[:first]) == self._path and len(path) > first}
        return iter([self[number] for number in sorted(numbers, key=int)])


def _find(ports: Ports, path: tuple[str, ...]) -> tuple[Port | None, int, int, Any]:
    """The port that a path leads into, with offset, width and fields of the part; no port for a prefix of ports' names."""
    names = {port.name: port for port in ports}
    for count in range(len(path), 0, -1):
        port = names.get("__".join(path[:count]))
        if port is None:
            continue
        offset, width, layout = 0, port.width, port.layout
        for name in path[count:]:
            field = next((entry for entry in layout or () if entry.name == name), None)
            if field is None:
                raise AttributeError(f"{port.name} has no part {'.'.join(path[count:])}")
            offset, width, layout = offset + field.lo, field.width, field.parts
        return port, offset, width, layout
    return None, 0, 0, None


class Context:
    """Gets and sets pins; `send` ends a cycle's sets, and what was read is forgotten."""

    def __init__(self) -> None:
        self._read: dict[str, int] = {}
        self._driven: dict[str, int] = {}
        self._changed: dict[str, Port] = {}

    def get(self, pins: Pins) -> Any:
        """A number, or a struct's fields as attributes."""
        port = pins.port
        word = self._read.get(port.name)
        if word is None:
            word = self._read[port.name] = port.get()
        value = word >> pins.offset & (1 << pins.width) - 1
        if not pins.layout:
            return value
        fields = {field.name: bits.decode(value >> field.lo, field.width) for field in pins.layout}
        return SimpleNamespace(**fields)

    def set(self, pins: Pins, value: int) -> None:
        """Drives part of an input from the next cycle on."""
        port, value = pins.port, int(value)
        if not 0 <= value < 1 << pins.width:
            raise ValueError(f"{port.name}: {value} does not fit {pins.width} bits")
        mask = (1 << pins.width) - 1 << pins.offset
        self._driven[port.name] = self._driven.get(port.name, 0) & ~mask | value << pins.offset
        self._changed[port.name] = port

    def send(self) -> None:
        for name, port in self._changed.items():
            port.set(self._driven[name])
        self._changed.clear()
        self._read.clear()

"""A manifest becomes handles: ports by name, payloads as dictionaries of named fields.

    ports = bind(dut)
    ports.i__payload.set({"kind": 3, "data": 7})       a struct-shaped port by fields
    ports["i__valid"].set(1)                           any port by number
    ports.o__payload.get(), ports.o__payload.fields()  as a number, as a dictionary

`bind` compares the design with its manifest first: a port that is missing or has another width is a sentence, not a
surprise in the middle of a test.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from golden.arch import bits
from golden.arch.bits import Field, Layout


def manifest() -> dict[str, Any]:
    """The manifest of the design under test."""
    return json.loads(Path(os.environ["TB_MANIFEST"]).read_text())


def parameters() -> dict[str, Any]:
    """What the launching test passed to this bench."""
    return json.loads(os.environ["TB_PARAMETERS"])


class Port:
    """One port: `handle` is cocotb's, `name`, `width`, `direction`, `signed` are the manifest's; `layout` has its fields, or is None."""

    def __init__(self, handle: Any, entry: Mapping[str, Any]) -> None:
        self.handle = handle
        self.name: str = entry["name"]
        self.width: int = entry["width"]
        self.direction: str = entry["direction"]
        self.signed: bool = entry["signed"]
        self.layout = Layout.described(self.name, entry["fields"]) if entry.get("fields") else None

    def get(self) -> int:
        """The port as a number, with its sign if it has one."""
        return bits.decode(int(self.handle.value), self.width, self.signed)

    def set(self, value: int | Mapping[str, Any] | Sequence[Any]) -> None:
        """Drives an input with a number, named fields or a list; takes effect after the current clock edge."""
        if self.direction != "input":
            raise ValueError(f"{self.name} is an output of the design; a bench cannot drive it")
        if isinstance(value, (Mapping, Sequence)):
            self.handle.value = self._record().pack(value)
        else:
            self.handle.value = bits.encode(value, self.width, self.signed, self.name)

    def fields(self, word: int | None = None) -> Any:
        """A number that `get` gave, or a struct-shaped port as it is, as a dictionary; an array as a list."""
        return self._record().unpack(int(self.handle.value) if word is None else word)

    def _record(self) -> Layout:
        if self.layout is None:
            raise ValueError(f"{self.name} has no fields: it is a plain number of {self.width} bits")
        return self.layout


class Bundle:
    """Ports that belong together as one port, the first in the lowest bits; a port `prefix__x` is the field `x`."""

    def __init__(self, ports: Sequence[Port], prefix: str) -> None:
        self._ports = {port.name.removeprefix(f"{prefix}__"): port for port in ports}
        fields, lo = [], 0
        for name, port in self._ports.items():
            fields.append(Field(name, port.width, lo, port.signed))
            lo += port.width
        self.layout, self.width = Layout(prefix, fields), lo

    def get(self) -> int:
        """All fields as one number."""
        return self.layout.pack({name: port.get() for name, port in self._ports.items()})

    def set(self, values: Mapping[str, Any]) -> None:
        """Drives the named fields; the others keep their values."""
        for name, value in values.items():
            self._ports[self.layout[name].name].set(value)

    def fields(self, word: int | None = None) -> dict[str, int]:
        """The fields of a number that `get` gave, or of the ports as they are."""
        return self.layout.unpack(self.get() if word is None else word)


class Ports:
    """All ports of a design, as attributes or by name; `clock` and `reset` are Ports or None."""

    def __init__(self, handles: Any, description: Mapping[str, Any]) -> None:
        self._ports: dict[str, Port] = {}
        for entry in description["ports"]:
            name = entry["name"]
            handle = getattr(handles, name, None)
            if handle is None:
                raise ValueError(f"the manifest of {description['top']} has a port {name}, the design has not")
            if len(handle) != entry["width"]:
                raise ValueError(f"{name} is {len(handle)} bits wide, its manifest says {entry['width']}")
            self._ports[name] = Port(handle, entry)
        self.clock = self._ports.get(description["clock"])
        self.reset = self._ports.get(description["reset"])

    def __getitem__(self, name: str) -> Port:
        if name not in self._ports:
            raise KeyError(f"no port {name!r} among {', '.join(self._ports)}")
        return self._ports[name]

    def __getattr__(self, name: str) -> Port:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __iter__(self):
        return iter(self._ports.values())

    def payload(self, name: str) -> Port | Bundle:
        """What the stream `name` moves: the port `name__payload`, or every port `name__...` that goes the way of `name__valid`."""
        if f"{name}__payload" in self._ports:
            return self._ports[f"{name}__payload"]
        valid = self[f"{name}__valid"]
        beside = [port for port in self if port.name.startswith(f"{name}__") and port is not valid]
        return Bundle([port for port in beside if port.direction == valid.direction], name)


def bind(dut: Any) -> Ports:
    """The ports of the design under test; every input is set to 0. ValueError when it is not the manifest's design."""
    ports = Ports(dut, manifest())
    for port in ports:
        if port.direction == "input":
            port.set(0)
    return ports

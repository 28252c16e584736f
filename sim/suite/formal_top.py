"""What a proof is: a part among free inputs, with assumptions on them and named assertions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from amaranth.hdl import Assert, Elaboratable, Module, Signal


@dataclass(frozen=True)
class Proof:
    """A part's properties: `make` builds the top round the part of a module (None: the one that is built)."""

    part: str
    properties: tuple[str, ...]
    make: Callable[[ModuleType | None], Elaboratable]
    bound: int
    induction: int


@dataclass(frozen=True)
class Fault:
    """`old` becomes `new` in the text of `module`; `property` of `part` must fail."""

    part: str
    property: str
    name: str
    module: str
    old: str
    new: str


class Top(Elaboratable):
    """Collects free inputs; subclasses add a part and assertions in `body`."""

    def __init__(self, module: ModuleType | None) -> None:
        self.module = module
        self.ports: list[Signal] = []
        self.m = Module()
        self.started = Signal()
        self.m.d.sync += self.started.eq(1)
        self.body(self.m)

    def free(self, shape: int, name: str) -> Signal:
        signal = Signal(shape, name=name)
        self.ports.append(signal)
        return signal

    def claim(self, name: str, holds) -> None:
        self.m.d.comb += Assert(holds, name)

    def elaborate(self, platform):
        return self.m

    def body(self, m: Module) -> None:
        raise NotImplementedError


def at_most_one(bits):
    return (bits & (bits - 1)) == 0

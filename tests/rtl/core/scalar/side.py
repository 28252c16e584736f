"""The scalar unit with the address units and the control registers, wired to each other as in the core."""

from amaranth.hdl import Module
from amaranth.lib import wiring

from golden.arch.config import NodeConfig
from rtl.core.memory.address_units import AddressUnits
from rtl.core.scalar.unit import ScalarUnit
from rtl.core.thread.control import EVENTS, ControlUnit
from tests.rtl.core.through import through

_SCALAR = ("progress", "life", "poke", "steer", "trace")
_ADDRESSES = ("load_begins", "stores", "l0", "l1", "sl")
_CONTROL = ("line", "place", *(name for name in EVENTS if name != "scalar_events"))
_BOTH = ("vector_progress", "store_progress")


class ScalarSide(wiring.Component):
    """The units; their interfaces to the rest of the core, and what the control registers and counters take in."""

    def __init__(self, config: NodeConfig) -> None:
        self.scalar, self.addresses, self.control = ScalarUnit(config, trace=True), AddressUnits(config), ControlUnit()
        super().__init__(
            {name: self.scalar.signature.members[name] for name in ("pushes", *_SCALAR, *_BOTH)}
            | {name: self.addresses.signature.members[name] for name in _ADDRESSES}
            | {name: self.control.signature.members[name] for name in _CONTROL}
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.scalar, m.submodules.addresses = scalar, addresses = self.scalar, self.addresses
        m.submodules.control = control = self.control
        wiring.connect(m, scalar.accesses, addresses.accesses)
        wiring.connect(m, addresses.room, scalar.room)
        wiring.connect(m, scalar.progress, addresses.scalar_progress, wiring.flipped(self.progress))
        for name in _BOTH:
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(scalar, name), getattr(addresses, name))
        for name in ("pushes", *_SCALAR[1:]):
            through(m, getattr(self, name), getattr(scalar, name))
        for name in _ADDRESSES:
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(addresses, name))
        wiring.connect(m, wiring.flipped(self.sl).ret, scalar.loaded)
        wiring.connect(m, scalar.csr, control.access)
        wiring.connect(m, scalar.events, control.scalar_events)
        wiring.connect(m, control.settings, scalar.settings)
        for name in _CONTROL:
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(control, name))
        return m

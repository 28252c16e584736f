"""The memory unit: address units, load queues, and stores.

    scalar unit --I, X--> address units --> load queues -----------------------> SRAM l0, l1, sl
                                       \\--> store queue -> beats, scalars, raises -> SRAM st, ss; semaphores
"""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from rtl.common.host_ports import Place
from rtl.common.network_ports import Commands, Handed
from rtl.core.access import Accesses, Room
from rtl.core.interfaces import (
    Life,
    LoadBegins,
    Settings,
    StoreData,
    StoreEvents,
    StoreProgress,
    StoreSteer,
    scalar_progress,
    vector_progress,
)
from rtl.core.memory.address_units import AddressUnits
from rtl.core.memory.store import StoreUnit
from rtl.core.operations import Drains
from rtl.core.trace import TraceStore, records
from rtl.mem import ports


class MemoryUnit(wiring.Component):
    """Loads and stores of four threads.

    Parameters
    ----------
    config: sizes.
    trace: with the trace port.
    """

    def __init__(self, config: NodeConfig, trace: bool = False) -> None:
        self._config, self._trace = config, trace
        members = {
            "accesses": In(Accesses),
            "room": Out(Room),
            "scalar_progress": In(scalar_progress(config)),
            "vector_progress": In(vector_progress(config)),
            "progress": Out(StoreProgress),
            "life": In(Life),
            "load_begins": Out(LoadBegins),
            "store_data": Out(StoreData),
            "drains": Out(Drains),
            "steer": Out(StoreSteer),
            # Own coordinates; network instructions, as in StoreUnit.
            "place": In(Place),
            "settings": In(Settings),
            "commands": Out(Commands),
            "handed": In(Handed),
            "events": Out(StoreEvents),
            "l0": Out(ports.VectorLoad),
            "l1": Out(ports.VectorLoad),
            "sl": Out(ports.ScalarLoad),
            "st": Out(ports.VectorStore),
            "ss": Out(ports.ScalarStore),
        }
        if trace:
            # A beat of the 64-byte store port, a scalar store, a raise.
            members["trace"] = Out(records(TraceStore, 3))
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.addresses = addresses = AddressUnits(self._config)
        m.submodules.stores = stores = StoreUnit(self._config, self._trace)
        wiring.connect(m, addresses.stores, stores.requests)
        wiring.connect(m, stores.progress, addresses.store_progress, wiring.flipped(self.progress))
        for name in ("scalar_progress", "vector_progress"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(addresses, name), getattr(stores, name))
        wiring.connect(m, wiring.flipped(self.accesses), addresses.accesses)
        wiring.connect(m, wiring.flipped(self.life), stores.life)
        wiring.connect(m, stores.data, wiring.flipped(self.store_data))
        wiring.connect(m, wiring.flipped(self.place), addresses.place)
        wiring.connect(m, wiring.flipped(self.settings), addresses.settings)
        wiring.connect(m, wiring.flipped(self.handed), stores.handed)
        for name in ("room", "load_begins", "l0", "l1", "sl"):
            wiring.connect(m, getattr(addresses, name), wiring.flipped(getattr(self, name)))
        for name in ("drains", "steer", "events", "commands", "st", "ss", *(["trace"] if self._trace else [])):
            wiring.connect(m, getattr(stores, name), wiring.flipped(getattr(self, name)))
        return m

"""The address units: descriptors, two gathers a cycle, and the way of loads and stores into their queues."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.classes import Step
from golden.arch.config import NodeConfig
from golden.arch.encoding import F0
from rtl.common.host_ports import Place
from rtl.common.select import by_number
from rtl.core.access import ISSUE_SLOTS, Accesses, Room
from rtl.core.interfaces import (
    NOWHERE_HIGH,
    NOWHERE_LOW,
    STORE_SLOTS,
    LoadBegins,
    Settings,
    StoreProgress,
    StoreRequests,
    scalar_progress,
    vector_progress,
)
from rtl.core.memory.descriptors import Descriptor, DescriptorFile
from rtl.core.memory.generations import GENERATION_BITS, Generations
from rtl.core.memory.load_queue import VectorLoadQueues
from rtl.core.memory.outside import FirstOutside
from rtl.core.memory.scalar_loads import ScalarLoads
from rtl.core.memory.slot import AddressSlot
from rtl.core.memory.store_entry import StoreEntry, StorePlace
from rtl.mem import ports


class AddressUnits(wiring.Component):
    """The units.

    Parameters
    ----------
    config: sizes.
    """

    def __init__(self, config: NodeConfig) -> None:
        self._words = config.sram_words
        super().__init__({
            "accesses": In(Accesses),
            "room": Out(Room),
            "scalar_progress": In(scalar_progress(config)),
            "vector_progress": In(vector_progress(config)),
            "store_progress": In(StoreProgress),
            # Own coordinates.
            "place": In(Place),
            "settings": In(Settings),
            "load_begins": Out(LoadBegins),
            "stores": Out(StoreRequests),
            "l0": Out(ports.VectorLoad),
            "l1": Out(ports.VectorLoad),
            "sl": Out(ports.ScalarLoad),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.descriptors = file = DescriptorFile()
        m.submodules.generations = generations = Generations()
        m.submodules.loads = loads = VectorLoadQueues()
        m.submodules.scalar_loads = scalar_loads = ScalarLoads()
        issued = self.accesses.issued
        wiring.connect(m, wiring.flipped(issued), generations.issued)
        for part in (generations, loads, scalar_loads):
            wiring.connect(m, wiring.flipped(self.store_progress), part.store_progress)
        for name in ("l0", "l1"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(loads, name))
        wiring.connect(m, wiring.flipped(self.sl), scalar_loads.sl)
        occupied = [slots.occupied for slots in self.store_progress.slots]
        m.d.comb += [
            self.room.one_load.eq(loads.room_one),
            self.room.two_loads.eq(loads.room_two),
            self.room.scalar_load.eq(scalar_loads.room),
            self.room.store.eq(Cat(~slots.all() for slots in occupied)),
            self.room.worn.eq(generations.worn),
        ]
        self._issue(m)
        # From I to X; store slots of the thread that were in use at issue hold its older stores.
        older = Signal(STORE_SLOTS)
        m.d.sync += older.eq(by_number(m, issued.thread, occupied, "older_now"))
        m.d.comb += [loads.older.eq(older), scalar_loads.older.eq(older)]
        slots = []
        for k, q in enumerate(issued.slot):
            m.submodules[f"slot_{k}"] = slot = AddressSlot(self._words)
            wiring.connect(m, wiring.flipped(self.place), slot.place)
            slots.append(slot)
            descriptor = Signal(Descriptor, name=f"descriptor_{k}")
            m.d.comb += [file.read_index[k].eq(Cat(q.names.d, issued.thread)), slot.descriptor.eq(descriptor)]
            m.d.sync += descriptor.eq(file.read[k])
            self._execute(m, k, slot, file, loads)
        self._one_of(m, slots, generations, scalar_loads)
        return m

    def _issue(self, m: Module) -> None:
        """I: loads make their register busy, a store gets its entry. At most one of the pair is a store; a load that goes with it is the
        older of the two."""
        issued, source = self.accesses.issued, self.accesses.source
        registers = [Signal(32, name=f"register_{k}") for k in range(ISSUE_SLOTS)]
        for k, (q, begin) in enumerate(zip(issued.slot, self.load_begins.begin, strict=True)):
            m.d.comb += [
                registers[k].eq(1 << q.word[F0 : F0 + 5]),
                begin.valid.eq(issued.go[k] & q.row.vload),
                begin.thread.eq(issued.thread),
                begin.reg.eq(q.word[F0 : F0 + 5]),
                begin.seq.eq(q.seq),
            ]
        m.submodules.entry = entry = StoreEntry()
        first, second = issued.slot
        second_stores = issued.go[1] & second.row.store
        busy = by_number(m, issued.thread, list(self.vector_progress.load_busy), "busy_now")
        pending = by_number(m, issued.thread, list(self.scalar_progress.busy), "pending_now")
        with m.If(second_stores):
            m.d.comb += [entry.q.eq(second), entry.source.eq(source[1])]
        with m.Else():
            m.d.comb += [entry.q.eq(first), entry.source.eq(source[0])]
        m.d.comb += [
            entry.loads.eq(busy | Mux(second_stores & first.row.vload, registers[0], 0)),
            entry.scalar_loads.eq(pending | Mux(second_stores & first.row.sload, registers[0], 0)),
            self.stores.issue.valid.eq(second_stores | (issued.go[0] & first.row.store)),
            self.stores.issue.thread.eq(issued.thread),
            self.stores.issue.store.eq(entry.entry),
        ]

    def _execute(self, m: Module, k: int, slot: AddressSlot, file: DescriptorFile, loads: VectorLoadQueues) -> None:
        """X: one slot's descriptor and vector load."""
        accesses, x, request, span = self.accesses, self.accesses.slot[k], loads.request[k], loads.range[k]
        q, c, done = x.q, x.q.row, accesses.done[k]
        m.d.comb += [
            slot.x.eq(x),
            slot.address.eq(accesses.address[k]),
            accesses.fault[k].eq(slot.fault),
            accesses.image[k].eq(slot.image),
            accesses.moved[k].eq(slot.after.inner.base),
            file.write[k].eq(done & q.names.changes_d),
            file.write_outer[k].eq(c.setd | (q.names.step == Step.OUTER)),
            file.write_geometry[k].eq(c.setd),
            file.write_index[k].eq(Cat(q.names.d, accesses.thread)),
            file.value[k].eq(slot.after),
            # A vector load enters its queue whatever happens.
            loads.push[k].eq(x.valid & c.vload),
            request.reg.eq(q.word[F0 : F0 + 5]),
            request.enable.eq(Mux(done, slot.gather.enable, 0)),
            request.addr.eq(slot.lanes),
            request.keep.eq(slot.gather.keep),
            span.thread.eq(accesses.thread),
            span.low.eq(Mux(done, slot.gather.low, NOWHERE_LOW)),
            span.high.eq(Mux(done, slot.gather.high, NOWHERE_HIGH)),
        ]

    def _one_of(self, m: Module, slots: list[AddressSlot], generations: Generations, scalar_loads: ScalarLoads) -> None:
        """X: what only one of the pair has: a store's place, a scalar load, the fault that is reported."""
        accesses = self.accesses
        generation = [Signal(GENERATION_BITS, name=f"generation_{k}") for k in range(ISSUE_SLOTS)]
        m.d.sync += [held.eq(now) for held, now in zip(generation, generations.generation, strict=True)]

        def second(flag: str) -> Value:
            return accesses.slot[1].valid & accesses.slot[1].q.row[flag]

        m.submodules.place = place = StorePlace(self._words)
        for k, condition in enumerate((m.If(~second("store")), m.Else())):
            with condition:
                x = accesses.slot[k]
                m.d.comb += [
                    place.x.eq(x),
                    place.descriptor.eq(slots[k].descriptor),
                    place.generation.eq(generation[k]),
                    place.address.eq(accesses.address[k]),
                    place.gather.eq(slots[k].gather),
                    place.cancel.eq(~accesses.done[k]),
                    self.stores.address.valid.eq(x.valid & x.q.row.store),
                ]
        mode = by_number(m, accesses.thread, list(self.settings.fp_mode), "mode_now")
        m.d.comb += [
            place.bias.eq(mode.result),
            place.seed.eq(by_number(m, accesses.thread, list(self.settings.seed), "seed_now")),
            *(slot.drain_outside.eq(place.outside) for slot in slots),
        ]
        m.d.comb += [
            self.stores.address.thread.eq(accesses.thread),
            self.stores.address.cancel.eq(place.cancel),
            self.stores.address.store.eq(place.place),
            scalar_loads.thread.eq(accesses.thread),
        ]
        for k, condition in enumerate((m.If(~second("sload")), m.Else())):
            with condition:
                x = accesses.slot[k]
                m.d.comb += [
                    scalar_loads.push.eq(x.q.row.sload & accesses.done[k]),
                    scalar_loads.x.eq(x),
                    scalar_loads.address.eq(accesses.address[k]),
                ]
        self._report(m, slots, place)

    def _report(self, m: Module, slots: list[AddressSlot], place: StorePlace) -> None:
        """The cycle after X: the first byte outside SRAM."""
        m.submodules.first_outside = first = FirstOutside(self._words)
        faulty = self.accesses.faulty
        m.d.comb += [first.valid.eq(faulty.any()), first.word_mask.eq(place.word_mask), self.accesses.outside.eq(first.byte)]
        for k, condition in enumerate((m.If(faulty[0]), m.Else())):
            with condition:
                m.d.comb += [
                    first.drain.eq(self.accesses.slot[k].q.row.drain),
                    first.outside.eq(slots[k].outside),
                    first.places.eq(slots[k].lanes),
                ]
        with m.If(first.drain):
            m.d.comb += [first.outside.eq(place.outside), first.places.eq(place.starts)]

"""How a component is cut into units: nothing is left out, and every input knows what drives it."""

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from rtl.fp.adder import Adder, Body
from sim.suite.timing_units import Unit, class_name, silicon, units_of

pytestmark = pytest.mark.fast


class Early(wiring.Component):
    """A register, and logic behind it that leaves the component."""

    a: In(16)
    o: Out(16)

    def elaborate(self, platform):
        m = Module()
        held = Signal(16)
        m.d.sync += held.eq(self.a)
        m.d.comb += self.o.eq(held + held.rotate_left(3))
        return m


class Late(wiring.Component):
    """Logic before a register."""

    a: In(16)
    o: Out(16)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.o.eq(self.a + self.a.rotate_left(5))
        return m


class Extra(wiring.Component):
    """What somebody adds later."""

    a: In(16)
    o: Out(1)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.o.eq(self.a.xor())
        return m


class Whole(wiring.Component):
    """Components, storage and some logic of its own. `extra`: with one more component."""

    i: In(16)
    o: Out(16)
    p: Out(1)

    def __init__(self, extra: bool = False):
        self._extra = extra
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.early = early = Early()
        m.submodules.late_0 = first = Late()
        m.submodules.late_1 = second = Late()
        m.submodules.store = store = memory.Memory(shape=16, depth=256, init=[])
        write, read = store.write_port(), store.read_port()
        m.d.comb += [
            early.a.eq(self.i),
            first.a.eq(early.o),
            second.a.eq(first.o ^ early.o),
            write.data.eq(second.o),
            write.addr.eq(first.o),
            write.en.eq(1),
            read.addr.eq(early.o),
            self.o.eq(read.data),
        ]
        if self._extra:
            m.submodules.extra = extra = Extra()
            m.d.comb += [extra.a.eq(second.o), self.p.eq(extra.o)]
        return m


def cut(extra: bool = False, **sizes) -> tuple[dict[str, Unit], list[str]]:
    units, storage = units_of(lambda: Whole(extra), **(sizes or {"limit": 10, "crumb": 4}))
    return {unit.name: unit for unit in units}, storage


def test_a_heavy_component_is_opened_and_its_rest_is_a_unit():
    units, storage = cut()
    assert {name: (unit.count, unit.parts) for name, unit in units.items()} == {
        "whole": (1, ["node"]),
        "early": (1, ["node/early"]),
        "late": (2, ["node/late_0"]),
    }
    assert storage == ["storage node 256 x 16 (1)"]


def test_every_input_knows_all_that_drives_it():
    units, _ = cut()
    # The first of the two stands behind `early`, the second behind the logic of the whole. Bit 16 is the reset.
    assert units["late"].sources[:16] == [{("early", bit), ("whole", bit)} for bit in range(16)]
    assert units["early"].sources == [set()] * 17
    assert sorted(units["whole"].sources, key=str) == sorted([{(name, bit)} for name in ("early", "late") for bit in range(16)], key=str)


def test_a_light_component_is_one_unit_with_all_its_parts():
    units, storage = cut(limit=10_000, crumb=4)
    assert list(units) == ["whole"]
    assert units["whole"].parts == ["node", "node/early", "node/late_0", "node/late_1"]
    assert len(storage) == 1


@pytest.mark.parametrize("sizes", ({"limit": 10, "crumb": 4}, {"limit": 10_000, "crumb": 4}, {"limit": 10, "crumb": 1_000}))
def test_a_component_that_is_added_is_in_exactly_one_unit(sizes):
    before = [part for unit in cut(**sizes)[0].values() for part in unit.parts]
    after = [part for unit in cut(True, **sizes)[0].values() for part in unit.parts]
    assert sorted(after) == sorted([*before, "node/extra"])


def test_every_register_of_the_component_is_in_the_text_of_a_unit():
    units, _ = cut(True)
    flip_flops = {name: unit.text.count("cell $dff") for name, unit in units.items()}
    assert flip_flops == {"whole": 0, "early": 1, "late": 1, "extra": 1}


def test_silicon_has_gates_and_afterwards_nothing_has_changed():
    with silicon():
        assert Adder(8).body is Body.SYNTHESIS
    assert Adder(8).body is Body.SIMULATION


def test_names_of_classes():
    assert [class_name(made) for made in (Early(), Adder(4))] == ["early", "adder"]

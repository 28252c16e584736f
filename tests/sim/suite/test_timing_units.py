"""How a component is cut into units: nothing is left out, and every input knows what drives it."""

import json

import pytest
from amaranth.hdl import Instance, Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from rtl.common.clock_gate import gated_domain
from rtl.fp.adder import Adder
from sim.suite import timing_silicon
from sim.suite.timing_units import Cut, class_name, cut

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


STORE = {"part": "whole", "count": 1, "depth": 256, "width": 16, "reads": 1, "writes": 1}


def cut_whole(extra: bool = False, **sizes) -> Cut:
    return cut({"whole": lambda: Whole(extra)}, **(sizes or {"limit": 10, "crumb": 4}))


def by_name(made: Cut) -> dict:
    return {unit.name: unit for unit in made.units}


def test_a_heavy_component_is_opened_and_its_rest_is_a_unit():
    made = cut_whole()
    assert {unit.name: (unit.count, unit.parts) for unit in made.units} == {
        "whole": (1, ["whole"]),
        "early": (1, ["whole/early"]),
        "late": (2, ["whole/late_0"]),
    }
    assert (made.storage, made.uncovered) == ([STORE], [])


def test_every_input_knows_all_that_drives_it():
    units = by_name(cut_whole())
    # The first of the two stands behind `early`, the second behind the logic of the whole. Bit 16 is the reset.
    assert units["late"].sources[:16] == [{("early", bit), ("whole", bit)} for bit in range(16)]
    assert units["early"].sources == [set()] * 17
    assert sorted(units["whole"].sources, key=str) == sorted([{(name, bit)} for name in ("early", "late") for bit in range(16)], key=str)


def test_a_light_component_is_one_unit_with_all_its_parts():
    made = cut_whole(limit=10_000, crumb=4)
    assert [(unit.name, unit.parts) for unit in made.units] == [("whole", ["whole", "whole/early", "whole/late_0", "whole/late_1"])]
    assert made.storage == [STORE]


class Readers(wiring.Component):
    """A component beside a memory of 256 bits whose words several ports choose. `given`: the memory is a table."""

    i: In(16)
    o: Out(16)

    def __init__(self, ports: int, given: bool = False):
        self._ports, self._given = ports, given
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.late = late = Late()
        m.submodules.store = store = memory.Memory(shape=16, depth=16, init=range(16) if self._given else [])
        m.d.comb += [late.a.eq(self.i), self.o.eq(late.o)]
        if not self._given:
            write = store.write_port()
            m.d.comb += [write.data.eq(self.i), write.addr.eq(self.i[:4]), write.en.eq(1)]
        for _ in range(self._ports):
            read, held = store.read_port(domain="comb"), Signal(16)
            m.d.comb += read.addr.eq(late.o[:4])
            m.d.sync += held.eq(held ^ read.data)
        return m


@pytest.mark.parametrize(("ports", "given", "opened"), [(1, False, False), (6, False, True), (6, True, False)])
def test_what_chooses_a_memorys_words_weighs_for_every_port(ports, given, opened):
    """A port is 16 * 16 bits of choice; of a table that is given an eighth is left."""
    units = by_name(cut({"whole": lambda: Readers(ports, given)}, limit=1_200, crumb=4))
    assert sorted(units) == (["late", "readers"] if opened else ["readers"])


def test_equal_pieces_of_two_tops_are_one_unit():
    made = cut({"one": Late, "other": Late, "more": Extra}, limit=10, crumb=4)
    assert [(unit.name, unit.count, unit.parts) for unit in made.units] == [("late", 2, ["one"]), ("extra", 1, ["more"])]


def test_a_cut_is_the_same_after_it_was_kept_as_json():
    made = cut_whole()
    assert Cut.from_json(json.loads(json.dumps(made.as_json()))) == made


@pytest.mark.parametrize("sizes", ({"limit": 10, "crumb": 4}, {"limit": 10_000, "crumb": 4}, {"limit": 10, "crumb": 1_000}))
def test_a_component_that_is_added_is_in_exactly_one_unit(sizes):
    before = [part for unit in cut_whole(**sizes).units for part in unit.parts]
    after = [part for unit in cut_whole(True, **sizes).units for part in unit.parts]
    assert sorted(after) == sorted([*before, "whole/extra"])


def test_every_register_of_the_component_is_in_the_text_of_a_unit():
    flip_flops = {unit.name: unit.text.count("cell $dff") for unit in cut_whole(True).units}
    assert flip_flops == {"whole": 0, "early": 1, "late": 1, "extra": 1}


class Planted(wiring.Component):
    """A component of which no unit can be made, and a register behind it."""

    a: In(4)
    o: Out(4)

    def elaborate(self, platform):
        m = Module()
        inside = Signal(4)
        m.submodules.foreign = Instance("foreign_adder", i_a=self.a, o_q=inside)
        m.d.sync += self.o.eq(inside)
        return m


def test_a_component_that_no_unit_can_hold_is_uncovered():
    made = cut({"whole": Planted})
    assert made.uncovered == ["whole: foreign_adder, which is no logic of this design"]


def test_a_path_that_leaves_by_a_port_is_uncovered():
    """The sum of Early leaves behind its register: whoever hears the port has the rest of the path."""
    assert cut({"whole": Early}).uncovered == ["path out of whole by o"]


def test_a_port_that_is_only_watched_is_not_in_silicon():
    """A port is watched by its name, not by a part of it."""
    assert cut({"whole": Early}, watched=("o",)).uncovered == []
    assert cut({"whole": Early}, watched=("out",)).uncovered == ["path out of whole by o"]


class Gated(wiring.Component):
    """Logic that does nothing but stop a clock."""

    a: In(16)
    o: Out(16)

    def elaborate(self, platform):
        m = Module()
        gated_domain(m, "gated", self.a.xor())
        m.d.gated += self.o.eq(self.a)
        return m


def test_the_path_to_a_clock_gate_stays():
    made = cut({"whole": Gated})
    assert len(made.uncovered) == 0
    assert "connect \\out { \\o [15:0] \\gated_enable [0] }" in made.units[0].text


class Lanes(wiring.Component):
    """Two lanes, each behind logic of its own. `fixed`: the first one hears a constant."""

    a: In(16)
    o: Out(16).array(2)

    def __init__(self, fixed: bool = False):
        self._fixed = fixed
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.before = before = Early()
        m.submodules.lane_0 = first = Late()
        m.submodules.lane_1 = second = Late()
        m.d.comb += [before.a.eq(self.a), second.a.eq(before.o), self.o[0].eq(first.o), self.o[1].eq(second.o)]
        if not self._fixed:
            m.d.comb += first.a.eq(self.a)
        return m


def test_a_lane_stands_for_others_with_all_that_drives_them(monkeypatch):
    """The second of equal lanes is not elaborated; what drives it is timed all the same."""
    monkeypatch.setattr(timing_silicon, "REPEATED", ("Late",))
    elaborated = []
    whole = Late.elaborate
    monkeypatch.setattr(Late, "elaborate", lambda self, platform: elaborated.append(self) or whole(self, platform))
    made = cut({"whole": Lanes}, limit=10, crumb=4)
    units = by_name(made)
    assert len(elaborated) == 1
    assert {name: (unit.count, unit.parts) for name, unit in units.items()} == {
        "early": (1, ["whole/before"]),
        "late": (2, ["whole/lane_0"]),
    }
    assert units["late"].sources[:16] == [{("early", bit)} for bit in range(16)]
    assert made.uncovered == []


@pytest.mark.parametrize("sizes", [{"limit": 10, "crumb": 1_000}, {"limit": 10_000, "crumb": 4}])
def test_what_a_lane_hears_is_timed_however_light_lanes_are(sizes, monkeypatch):
    monkeypatch.setattr(timing_silicon, "REPEATED", ("Late",))
    made = cut({"whole": Lanes}, **sizes)
    units = by_name(made)
    assert units["late"].count == 2 and units["late"].sources[:16] == [{("lanes", bit)} for bit in range(16)]
    assert made.uncovered == []


def test_a_lane_that_cannot_stand_for_another_one_is_uncovered(monkeypatch):
    monkeypatch.setattr(timing_silicon, "REPEATED", ("Late",))
    made = cut({"whole": lambda: Lanes(fixed=True)}, limit=10, crumb=4)
    assert made.uncovered == ["input of a late for which whole/lane_0 stands, which does not hear its own"]


class Bundle(wiring.Component):
    """A register that leaves as a part of a wider signal; the other part is a constant, or it leaves under a condition."""

    a: In(8)
    o: Out(16)

    def __init__(self, condition: bool):
        self._condition = condition
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        held = Signal(8)
        m.d.sync += held.eq(self.a)
        m.d.comb += self.o[:8].eq(held)
        if self._condition:
            with m.If(self.a[0]):
                m.d.comb += self.o[8:].eq(held)
        return m


class Bundled(wiring.Component):
    """A bundle and who takes it in."""

    a: In(8)
    o: Out(16)

    def elaborate(self, platform):
        m = Module()
        m.submodules.bundle = bundle = Bundle(condition=True)
        m.d.comb += bundle.a.eq(self.a)
        m.d.sync += self.o.eq(bundle.o)
        return m


def test_an_output_that_is_put_together_has_the_names_of_its_registers():
    units = by_name(cut({"whole": Bundled}, limit=10, crumb=4))
    assert units["bundle"].outputs == [f"held[{bit}]" for bit in range(8)] + [""] * 8


@pytest.mark.parametrize(("condition", "uncovered"), [(False, []), (True, ["path out of whole by o"])])
def test_a_port_that_is_put_together_from_registers_is_no_path(condition, uncovered):
    assert cut({"whole": lambda: Bundle(condition)}).uncovered == uncovered


def test_names_of_classes():
    assert [class_name(kind) for kind in (Early, Adder)] == ["early", "adder"]

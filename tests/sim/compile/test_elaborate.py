"""Component to Verilog and manifest."""

import hashlib
import json
import os
import re
import subprocess
import sys

import pytest
from amaranth.hdl import Instance, Module, Signal, signed
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from sim.compile import cache
from sim.compile.elaborate import BuildError, _yosys, elaborate, elaborate_once


class Pair(data.Struct):
    kind: 3
    shift: signed(5)


class Store(wiring.Component):
    """A memory with given first content behind a stream."""

    def __init__(self, init):
        super().__init__({"i": In(stream.Signature(Pair)), "lane": In(4).array(2), "o": Out(signed(8))})
        self.init = init

    def elaborate(self, platform):
        m = Module()
        m.submodules.store = store = memory.Memory(shape=signed(8), depth=16, init=self.init)
        read, write = store.read_port(), store.write_port()
        m.d.comb += [
            read.addr.eq(self.lane[0]),
            write.addr.eq(self.lane[1]),
            write.en.eq(self.i.valid),
            write.data.eq(self.i.payload.shift),
            self.o.eq(read.data),
            self.i.ready.eq(1),
        ]
        return m


class Wire(wiring.Component):
    a: In(4)
    b: Out(4)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.b.eq(self.a)
        return m


def port(design, name):
    return next(entry for entry in design.manifest["ports"] if entry["name"] == name)


def test_manifest_describes_ports_with_path_sign_and_fields():
    design = elaborate(Store([]), config="tiny", parameters={"depth": 16})
    assert port(design, "lane__1") == {
        "name": "lane__1", "path": ["lane", 1], "direction": "input", "width": 4, "signed": False,
    }
    assert port(design, "i__payload")["fields"] == [
        {"name": "kind", "offset": 0, "width": 3, "signed": False},
        {"name": "shift", "offset": 3, "width": 5, "signed": True},
    ]
    assert (port(design, "i__ready")["direction"], port(design, "o")["signed"]) == ("output", True)
    manifest = design.manifest
    assert (manifest["top"], manifest["config"], manifest["parameters"]) == ("Store", "tiny", {"depth": 16})
    assert (manifest["clock"], manifest["reset"]) == ("clk", "rst")
    assert manifest["verilog_sha256"] == design.sha256


def test_a_combinational_design_has_no_clock():
    manifest = elaborate(Wire()).manifest
    assert (manifest["clock"], manifest["reset"]) == (None, None)


def test_the_same_design_gives_the_same_bytes_and_another_gives_others():
    assert elaborate(Store([])) == elaborate(Store([]))
    assert elaborate(Store([])).sha256 != elaborate(Store([1])).sha256


HASHED = """
from golden.arch.config import get_config
from amaranth.back import rtlil
from rtl.mem.sram import SRAM
from sim.compile import merge
import hashlib
text = merge.shrink(rtlil.convert(SRAM(256), name="unit", emit_src=False), "unit")
print(hashlib.sha256(text.encode()).hexdigest())
"""


def test_the_order_of_sets_is_in_no_design():
    def drawn(number):
        environment = {**os.environ, "PYTHONHASHSEED": str(number)}
        return subprocess.run([sys.executable, "-c", HASHED], cwd=cache.ROOT, env=environment, capture_output=True, text=True, check=True)

    assert drawn(1).stdout == drawn(2).stdout


def test_verilog_names_no_source_file():
    assert str(cache.ROOT) not in elaborate(Store([])).verilog.read_text()


def test_only_a_memory_that_starts_as_zeros_loses_its_content():
    assert "initial" not in elaborate(Store([])).verilog.read_text()
    content = elaborate(Store([0, 3])).verilog.read_text()
    assert len(re.findall(r"\[\d+\] = 8'h", content)) == 16 and "[1] = 8'h03" in content


def test_an_operation_with_a_constant_stays_one_operation():
    class Mask(Wire):
        def elaborate(self, platform):
            m = Module()
            m.d.comb += self.b.eq(self.a & 0b0101)
            return m

    assert re.search(r"a & 4'h5", elaborate(Mask()).verilog.read_text())


def test_named_signals_are_kept_on_request():
    class Named(Wire):
        def elaborate(self, platform):
            m = Module()
            middle = Signal(4, name="middle_of_it")
            m.d.comb += [middle.eq(self.a), self.b.eq(middle)]
            return m

    assert "middle_of_it" in elaborate(Named(), names=True).verilog.read_text()
    assert "middle_of_it" not in elaborate(Named()).verilog.read_text()


def test_what_yosys_says_is_passed_on(tmp_path):
    (tmp_path / "design.il").write_text("nonsense\n")
    with pytest.raises(BuildError, match="(?s)Yosys failed.*ERROR"):
        _yosys("read_rtlil design.il", tmp_path)


def test_the_manifest_is_plain_json():
    assert json.loads(elaborate(Wire()).manifest_file.read_text())["ports"][0]["name"] in ("a", "b")


def test_unchanged_sources_are_elaborated_once_and_a_changed_one_again(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "ROOT", tmp_path)
    monkeypatch.setattr(cache, "BUILD", tmp_path / "build")
    source = tmp_path / "rtl" / "part.py"
    source.parent.mkdir()
    made = []

    def make():
        made.append(source.read_text())
        return Store([len(made)])

    def get(config="tiny"):
        return elaborate_once(make, ["rtl"], top="store", config=config, parameters={})

    source.write_text("a = 1\n")
    first = get()
    assert get() == first and made == ["a = 1\n"]
    source.write_text("a = 2\n")
    second = get()
    assert made == ["a = 1\n", "a = 2\n"] and second.sha256 != first.sha256
    assert get("d1").manifest["config"] == "d1" and len(made) == 3


class Twice(wiring.Component):
    """Two instances of a design of its own, one behind the other."""

    i: In(8)
    o: Out(8)

    def elaborate(self, platform):
        m = Module()
        middle = Signal(8)
        for name, source, target in (("first", self.i, middle), ("second", middle, self.o)):
            m.submodules[name] = Instance("Inverter", i_i=source, o_o=target)
        return m


class Inverter(wiring.Component):
    i: In(8)
    o: Out(8)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(~self.i)
        return m


def test_a_design_may_be_a_part_of_another():
    part = elaborate(Inverter())
    whole = elaborate(Twice(), parts=[part])
    text = whole.verilog.read_text()
    assert text.endswith(part.verilog.read_text()) and text.count("module Inverter(") == 1 and text.count("  Inverter first (") == 1
    assert hashlib.sha256(text.encode()).hexdigest() == whole.sha256 == whole.manifest["verilog_sha256"]
    assert elaborate(Twice(), parts=[part, part]).sha256 != whole.sha256

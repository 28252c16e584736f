"""Names that are words: what is spelled anew, and that the circuit does not change."""

import re

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from sim.compile.batch import Batch
from sim.compile.elaborate import elaborate
from sim.compile.plain import plain

ITEM = data.StructLayout({"kind": 3, "place": data.ArrayLayout(4, 2)})


class Part(wiring.Component):
    """Keeps items in a memory; the names of its signals are twice there, or those of fields."""

    item: In(ITEM)
    at: In(2)
    got: Out(ITEM)

    def elaborate(self, platform):
        m = Module()
        m.submodules.kept = kept = memory.Memory(shape=ITEM, depth=4, init=[])
        write, read = kept.write_port(), kept.read_port(domain="comb")
        held = [Signal(ITEM, name="held") for _ in range(3)]
        m.d.sync += [late.eq(early) for early, late in zip([self.item, *held], held, strict=False)]
        m.d.comb += [write.en.eq(1), write.addr.eq(self.at), write.data.eq(held[-1]), read.addr.eq(self.at), self.got.eq(read.data)]
        return m


class Two(wiring.Component):
    """One behind the other."""

    item: In(ITEM)
    at: In(2)
    got: Out(ITEM)

    def elaborate(self, platform):
        m = Module()
        m.submodules.first, m.submodules.second = first, second = Part(), Part()
        for part, item in ((first, self.item), (second, first.got)):
            m.d.comb += [part.item.eq(item), part.at.eq(self.at)]
        m.d.comb += self.got.eq(second.got)
        return m


def declared(text: str) -> list[str]:
    """Signals, memories and instances, module by module."""
    return [name for pair in re.findall(r"^  (?:wire|memory) .*\\(\S+)$|^  cell \S+ \\(\S+)$", text, re.MULTILINE) for name in pair if name]


@pytest.fixture(scope="module")
def before() -> str:
    return rtlil.convert(Two(), name="two", emit_src=False)


def test_every_name_is_a_word(before):
    assert any("$" in name for name in declared(before)) and any("." in name for name in declared(before))
    assert all(re.fullmatch(r"\w+", name) for name in declared(plain(before)))


def test_names_stay_apart(before):
    """As many in each module as before."""
    for old, new in zip(before.split("\nmodule ")[1:], plain(before).split("\nmodule ")[1:], strict=True):
        assert len(set(declared(old))) == len(set(declared(new)))


def test_words_stay(before):
    assert {name for name in declared(before) if re.fullmatch(r"\w+", name)} <= set(declared(plain(before)))


def test_what_they_become():
    signals = "  wire width 1 \\r$7\n  wire width 1 \\r\n  wire width 2 \\s[3].t.u\n"
    text = f"module \\a.b\n{signals}  cell \\c.d \\i$1\n    connect \\p$0 \\r$7 [0]\n  end\nend\n"
    text += "module \\c.d\n  wire width 1 input 0 \\p$0\nend\n"
    got = plain(text)
    assert got.splitlines()[0] == "module \\a__b" and declared(got) == ["r_2", "r", "s_3__t__u", "i", "p"]
    assert "  cell \\c__d \\i\n    connect \\p \\r_2 [0]\n" in got


def test_the_verilog_has_no_escaped_name_and_the_same_ports():
    made = elaborate(Two(), names=True)
    text = made.verilog.read_text()
    assert "\\" not in text and "held__place" in text
    assert made.manifest["ports"] == elaborate(Two()).manifest["ports"]


@pytest.mark.rtl
def test_the_circuit_does_not_change(seed, monkeypatch):
    """Both forms, step by step."""
    import numpy as np

    from sim.compile import batch

    values = np.random.default_rng(seed)
    plainly = Batch(Two())
    monkeypatch.setattr(batch, "elaborate", lambda component: elaborate(component, names=True))
    named = Batch(Two())
    inputs = {"item": values.integers(0, 1 << ITEM.size, 200), "at": values.integers(0, 4, 200)}
    assert (plainly.run(inputs)["got"] == named.run(inputs)["got"]).all()

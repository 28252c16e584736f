"""Waves of a window: when they begin and end, what a cycle is in them, and how signals are called; of a small design."""

import pytest
import pywellen
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.noc.layouts import Link
from sim.compile.elaborate import elaborate
from sim.compile.verilator import wave_format
from sim.engine.binding import Engine
from sim.events.recorder import Wish, recording
from sim.events.scopes import ScopeError

pytestmark = pytest.mark.rtl
ITEM = data.StructLayout({"low": 4, "high": 4})


class Counting(wiring.Component):
    """Counts cycles since reset, in a record too; its link is at rest."""

    rx: In(Link)
    tx: Out(Link)

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = Module()
        twice = Signal(16)
        inner.d.sync += twice.eq(twice + 2)
        count, held = Signal(16), Signal(ITEM)
        m.d.sync += [count.eq(count + 1), held.eq(count[:8])]
        m.d.comb += self.tx.body.eq(Cat(held.as_value(), twice))
        return m


@pytest.fixture(scope="module")
def engine():
    with Engine(elaborate(Counting(), top="counting", names=True), waves=True) as engine:
        yield engine


def values(path, name: str) -> dict[int, int]:
    """What a signal that changes in every cycle becomes in each, by the number that its time says."""
    wave = pywellen.Waveform(str(path))
    (signal,) = [variable for variable in wave.all_vars() if variable.full_name.endswith(f"counting.{name}")]
    assert all(time % 500 == 0 for time, _ in signal.tv)
    return {time // 500: int(value) for time, value in signal.tv}


def test_a_window_begins_and_ends_where_it_should(engine, tmp_path):
    path = tmp_path / f"w.{wave_format()}"
    with recording(engine, Wish(waves=path, first=5, last=12)):
        begun = engine.cycle
        engine.run(40)
    got = values(path, "count")
    assert list(got) == list(range(5, 12))
    assert {count - cycle for cycle, count in got.items()} == {got[5] - 5} and abs(got[5] - 5 - begun) <= 1
    assert [path.name for path in tmp_path.iterdir()] == [path.name]


def test_a_second_window_is_a_file_of_its_own(engine, tmp_path):
    for number in (1, 2):
        with recording(engine, Wish(waves=tmp_path / f"{number}.{wave_format()}", last=4)):
            engine.run(10)
    first, second = (values(tmp_path / f"{number}.{wave_format()}", "count") for number in (1, 2))
    assert [second[cycle] - first[cycle] for cycle in range(4)] == [10] * 4


def test_no_name_needs_more_than_letters(engine, tmp_path):
    path = tmp_path / f"w.{wave_format()}"
    with recording(engine, Wish(waves=path, last=4)):
        engine.run(10)
    names = [variable.name for variable in pywellen.Waveform(str(path)).all_vars()]
    assert {"count", "held", "held__low", "held__high"} <= set(names)
    assert not [name for name in names if not name.replace("_", "a").isalnum()]


def test_a_scope_alone(engine, tmp_path):
    path = tmp_path / f"w.{wave_format()}"
    with recording(engine, Wish(waves=path, last=4, scopes=("inner",))):
        engine.run(10)
    names = {variable.full_name.partition(".")[2] for variable in pywellen.Waveform(str(path)).all_vars()}
    assert "counting.inner.twice" in names and "counting.clk" in names and "counting.count" not in names
    values(path, "inner.twice")


def test_a_scope_that_is_not_there(engine, tmp_path):
    with pytest.raises(ScopeError, match="there is no scope 'iner': near ones are inner"):
        with recording(engine, Wish(waves=tmp_path / "w.vcd", scopes=("iner",))):
            engine.run(10)
    assert not list(tmp_path.iterdir())

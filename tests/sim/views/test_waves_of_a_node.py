"""Waves of a real node: one command leads from a planted mistake to a file that opens at it, in which every group has its signals."""

import re
import time
from pathlib import Path

import pytest

from golden.arch.isa import THREADS
from golden.asm import assemble
from sim.compile.verilator import wave_format
from sim.jobs import machine
from sim.views.waves import GROUPS, chosen, signals, tables
from tests.sim.views import gtkwave
from tests.system.test_debugging import programs

pytestmark = [pytest.mark.system, pytest.mark.slow]
SECONDS = 60


@pytest.fixture(scope="module", autouse=True)
def built():
    """Nobody waits for a build while time is taken."""
    machine.engine("tiny", trace=True, waved=True).close()


def test_from_a_mistake_to_waves_at_its_cycle(say, tmp_path, artifacts):
    (tmp_path / "sum.s").write_text(programs()["sum.s"])
    begun = time.perf_counter()
    said = say(f"rtl sum.s --config tiny --waves {tmp_path / 'w.fst'} --cycles difference")
    took = time.perf_counter() - begun
    assert said.status == 2 and "RTL and simulator differ on thread 1" in said.err and took <= SECONDS
    cycle = int(re.search(r"the difference is in cycle (\d+)", said.out)[1])
    waves = tmp_path / f"w.{wave_format()}"
    assert f"  gtkwave {waves} {waves.with_suffix('.gtkw')}\n  surfer {waves}" in said.out
    scope, widths = signals(waves)
    assert [title for title, _ in chosen(scope, widths)] == [title for title, _ in GROUPS]
    assert not [name for name in widths if not re.fullmatch(r"[\w.]+(\.\[\d+\])?", name)]
    saved = [line for line in waves.with_suffix(".gtkw").read_text().splitlines() if line.startswith(scope)]
    added = [line.split()[1] for line in waves.with_suffix(".sucl").read_text().splitlines() if line.startswith("variable_add")]
    assert {re.sub(r"\[\d+:0\]$", "", line) for line in saved} == set(added) <= set(widths)
    assert waves.with_suffix(".sucl").read_text().endswith(f"goto_time {500 * cycle}ps\n")
    if gtkwave.THERE:
        values = gtkwave.shown(waves, 500 * cycle, artifacts / "gtkwave.png")
        instructions = tables(assemble(programs()["sum.s"]))["pc"].values()
        assert len(values["pc[18:0]"]) == THREADS and set(values["pc[18:0]"][:2]) <= set(instructions), values["pc[18:0]"]


def test_a_scope_alone_is_smaller(say, tmp_path):
    (tmp_path / "sum.s").write_text(programs()["sum.s"].replace("wait 3, 1", "wait 3, 2"))
    for name, more in (("all", ""), ("some", " --scope core.vector.issue")):
        assert say(f"rtl sum.s --config tiny --waves {name}.vcd --pc start1{more}").status == 0
    sizes = {path.stem: path.stat().st_size for path in tmp_path.glob(f"*.{wave_format()}")}
    assert sizes["some"] < sizes["all"] / 20
    said = say("rtl sum.s --config tiny --waves none.vcd --scope core.vektor")
    assert said.status == 2 and "there is no scope 'core.vektor': near ones are core.vector" in said.err
    assert not [path for path in Path(tmp_path).iterdir() if path.stem == "none"]

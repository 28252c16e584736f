"""A design without its start values: what reset sets is known, what nobody sets is drawn, a table stays."""

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import Out

from sim.compile import random_state, verilator
from sim.compile.elaborate import elaborate


class Three(wiring.Component):
    """A register that reset sets, one that nothing sets, a table."""

    reset: Out(8)
    never: Out(64)
    table: Out(8)

    def elaborate(self, platform):
        m = Module()
        never = Signal(64, reset_less=True, init=5)
        m.submodules.words = words = memory.Memory(shape=8, depth=4, init=[7, 7, 7, 7])
        port = words.read_port(domain="comb")
        at = Signal(2)
        m.d.comb += port.addr.eq(at)
        m.d.sync += [at.eq(at + 1), self.reset.eq(self.reset), never.eq(never)]
        m.d.comb += [self.never.eq(never), self.table.eq(port.data)]
        return m


BENCH = '''"""Reads the three."""

import cocotb

from tb.bind import bind
from tb.clock import start


@cocotb.test()
async def reads(dut):
    ports = bind(dut)
    await start(ports)
    print("found", ports["reset"].get(), ports["never"].get(), ports["table"].get())
'''


@pytest.mark.rtl
def test_what_nobody_sets_is_drawn(tmp_path):
    (tmp_path / "cocotb_reads.py").write_text(BENCH)
    design = elaborate(Three())
    found = {}
    for name, seed in (("plain", None), ("drawn", 1), ("again", 1), ("other", 2)):
        drawn = seed is not None
        model = verilator.build_cocotb(
            random_state.without_start_values(design) if drawn else design, flags=random_state.FLAGS if drawn else ()
        )
        plusargs = random_state.plusargs(seed) if drawn else ()
        verilator.run_cocotb(model, tmp_path / "cocotb_reads.py", results=tmp_path / name, seed=1, plusargs=plusargs)
        found[name] = next(line.split("found ")[1] for line in (tmp_path / name / "run.log").read_text().splitlines() if "found " in line)
    assert found["plain"] == "0 5 7"
    reset, never, table = zip(*(found[name].split() for name in ("drawn", "again", "other")), strict=True)
    assert set(reset) == {"0"} and set(table) == {"7"}
    assert never[0] == never[1] != never[2] and "5" not in never

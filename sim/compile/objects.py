"""C++ becomes objects, and objects a program or a shared object. An object is compiled once for all that the compiler would read.

    linked(tools, compiled(tools, {"main.cpp": "-O2"}, flags, versions), "program", [])

An object's key is its source, every file of the working folder that it includes, the flags, and what stands for the rest (versions of
the compiler and of Verilator, whose headers are outside the folder). Names are relative to the folder, so no path of the machine is in a
key or reaches the compiler: a folder may have any name.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from sim.compile import cache

JOBS = min(2, os.cpu_count() or 1)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"\n]+)"', re.MULTILINE)


class BuildError(Exception):
    """A tool refused its input; the message holds what the tool said."""


class Tools:
    """Calls tools in one folder, several at once, and keeps what they say in its log; a context that ends those it leaves behind."""

    def __init__(self, folder: Path, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder, self.log = folder, log
        self.environment = {**os.environ, **(environment or {}), "LC_ALL": "C"}
        self._running: set[subprocess.Popen] = set()
        self._lock = Lock()

    def __enter__(self) -> Tools:
        return self

    def __exit__(self, *_: object) -> None:
        for process in list(self._running):
            process.kill()

    def call(self, command: Sequence[str]) -> None:
        """BuildError with the tail of what the tool said when it fails."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        process = subprocess.Popen(command, cwd=self.folder, env=self.environment, text=True, errors="replace", **pipes)
        self._running.add(process)
        said, _ = process.communicate()
        self._running.discard(process)
        with self._lock, open(self.log, "a") as log:
            log.write(f"{' '.join(command)}\n{said}")
        if process.returncode:
            ended = f"signal {-process.returncode}" if process.returncode < 0 else f"status {process.returncode}"
            tail = "\n".join(said.splitlines()[-30:])
            raise BuildError(f"{Path(command[0]).name} failed with {ended}:\n{tail}")


def compiled(tools: Tools, units: Mapping[str, str], flags: Sequence[str], versions: Iterable[str]) -> list[Path]:
    """Objects of `units`, names of sources that the compiler finds from the folder.

    Parameters
    ----------
    units: each with its level of optimisation, such as "-O2".
    flags: of all units; a precompiled header `*__pch.h` in the folder is made for them when several are to be compiled.
    """
    versions = tuple(versions)
    keys = {unit: cache.digest(*versions, *flags, level, *_reads(tools.folder, unit)) for unit, level in units.items()}
    missing = [unit for unit, key in keys.items() if not cache.present("objects", key)]

    def precompiled(header: Path, level: str) -> None:
        said = f'#include "{header.name}"'.encode()
        waiting = [path for path in (tools.folder / unit for unit in missing if units[unit] == level) if path.is_file()]
        if sum(said in path.read_bytes() for path in waiting) > 1:
            folder = header.with_suffix(".h.gch")  # g++ takes the one whose flags fit
            folder.mkdir(exist_ok=True)
            tools.call(["g++", *flags, level, "-x", "c++-header", header.name, "-o", f"{folder.name}/{level.strip('-')}"])

    def compile_unit(unit: str) -> Path:
        def fill(folder: Path) -> None:
            tools.call(["g++", *flags, units[unit], "-c", unit, "-o", str(folder / "unit.o")])

        return cache.folder("objects", keys[unit], fill, quiet=True) / "unit.o"

    with ThreadPoolExecutor(JOBS) as pool, tools:
        for header in tools.folder.glob("*__pch.h"):
            list(pool.map(lambda level, header=header: precompiled(header, level), sorted(set(units.values()))))
        return list(pool.map(compile_unit, units))


def linked(tools: Tools, objects: Iterable[Path], output: str, link: Sequence[str]) -> None:
    """Links objects to the file `output` in the folder."""
    tools.call(["g++", *map(str, objects), *link, "-o", output])


def _reads(folder: Path, unit: str) -> list[bytes]:
    """Name and content of the unit and of every file of the folder that it includes, in an order of their own."""
    found: dict[str, bytes] = {}
    ahead = [unit]
    while ahead:
        name = ahead.pop()
        path = folder / name
        if name in found or not path.is_file():
            continue
        found[name] = path.read_bytes()
        ahead += _INCLUDE.findall(found[name].decode(errors="replace"))
    return [part for name in sorted(found) for part in (name.encode(), found[name])]

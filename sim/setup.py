"""Prepares the machine: checks the tools that pip cannot install, then makes .venv from requirements.lock.

Runs before anything is installed, so it uses the standard library only:

    python3 sim/setup.py            (what every verb of the Makefile does first)

Rules: what is missing is one sentence naming the Debian packages, with a non-zero exit status. A finished environment
carries the hash of the lock file it was made from; an environment without that mark was interrupted and is made anew;
one with another hash is brought up to date in place. Two setups at once wait for each other.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST, NEWEST = (3, 11), (3, 13)  # that requirements.lock has wheels for
TOOLS = ("g++",)  # each is also the name of its Debian package
HEADERS = {"zlib.h": "zlib1g-dev", "lz4.h": "liblz4-dev"}  # that waves in FST are compiled with, and their Debian packages


def missing(version: tuple[int, int], has_tool, has_module) -> str | None:
    """One sentence about what this machine lacks, or None. `has_tool(name)` and `has_module(name)` answer yes or no."""
    if not OLDEST <= version <= NEWEST:
        oldest, newest, found = (".".join(map(str, numbers)) for numbers in (OLDEST, NEWEST, version))
        return f"This project runs on Python {oldest} to {newest}, not {found}: install one of these, with its venv module."
    packages = [tool for tool in TOOLS if not has_tool(tool)]
    if not (has_module("venv") and has_module("ensurepip")):  # Debian ships both in python3-venv
        packages.append("python3-venv")
    if not packages:
        return None
    names = packages[0] if len(packages) == 1 else ", ".join(packages[:-1]) + " and " + packages[-1]
    return f"Missing on this machine: {names}; install with `sudo apt install {' '.join(packages)}`."


def waves(has_header) -> str | None:
    """One sentence about what waves in FST lack here, or None; without it they are VCD. `has_header(name)` answers yes or no."""
    packages = [package for header, package in HEADERS.items() if not has_header(header)]
    if not packages:
        return None
    return f"setup: waves will be VCD; for FST, which is smaller and opens sooner, `sudo apt install {' '.join(packages)}`."


def compiles(header: str) -> bool:
    """Whether the compiler finds a header."""
    command = ["g++", "-x", "c++", "-fsyntax-only", "-"]
    return subprocess.run(command, input=f"#include <{header}>\n", text=True, capture_output=True, check=False).returncode == 0


def wanted(lock: Path) -> str:
    """The mark of an environment made from `lock`."""
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def runs(venv: Path) -> bool:
    """Whether the environment's Python still starts (it does not after the one it was made from is removed)."""
    python = venv / "bin" / "python"
    return python.exists() and subprocess.run([str(python), "-c", ""], check=False).returncode == 0


def install(lock: Path, venv: Path) -> bool:
    """Makes `venv` hold exactly the versions in `lock`; returns False when it already did."""
    mark = venv / "installed-from"
    if installed(lock, venv):
        return False
    say(f"setup: installing the {lock.name} versions into {venv.name} (a few minutes the first time)")
    if not (mark.is_file() and runs(venv)):
        shutil.rmtree(venv, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    mark.unlink(missing_ok=True)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--only-binary", ":all:", "-r", str(lock)], check=True)
    partial = mark.with_suffix(".partial")
    partial.write_text(wanted(lock) + "\n")
    os.replace(partial, mark)
    return True


def installed(lock: Path, venv: Path) -> bool:
    """Whether `venv` works and holds what `lock` says; it may have been made with another Python of those that are served."""
    mark = venv / "installed-from"
    return mark.is_file() and mark.read_text().strip() == wanted(lock) and runs(venv)


def say(text: str) -> None:
    """Prints, where there is anything to print to: a closed or full standard output is no reason not to install."""
    try:
        print(text, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def main() -> int:
    """The exit status, 0 when the environment is ready and the tree can be written."""
    lock, venv, build = ROOT / "requirements.lock", ROOT / ".venv", ROOT / "build"
    problem = missing(sys.version_info[:2], shutil.which, importlib.util.find_spec)
    if problem:
        print(problem, file=sys.stderr)
        return 1
    try:
        build.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=build):  # every verb writes there
            pass
        if installed(lock, venv):
            return 0
        with open(build / "setup.lock", "w") as lock_file:
            fcntl.flock(lock_file, fcntl.LOCK_EX)
            if install(lock, venv) and (lacking := waves(compiles)):
                say(lacking)
    except OSError as error:
        name = build if error.filename is None or Path(error.filename).parent == build else error.filename
        print(f"setup: {name}: {error.strerror}; copy the tree to a place that this user may write to.", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"setup: `{' '.join(map(str, error.cmd))}` failed; its messages are above.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; the next run starts the environment anew.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

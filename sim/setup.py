"""Prepares the machine: checks the tools that pip cannot install, then makes .venv from requirements.lock.

Runs before anything is installed, so it uses the standard library only:

    python3.11 sim/setup.py            (what every verb of the Makefile does first)

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
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = (3, 11)
TOOLS = ("g++", "make", "perl")  # each is also the name of its Debian package


def missing(version: tuple[int, int], has_tool, has_module) -> str | None:
    """One sentence about what this machine lacks, or None. `has_tool(name)` and `has_module(name)` answer yes or no."""
    if version != PYTHON:
        return (
            f"This project runs on Python {PYTHON[0]}.{PYTHON[1]}, not {version[0]}.{version[1]}: "
            "install the Debian packages python3.11 and python3-venv."
        )
    packages = [tool for tool in TOOLS if not has_tool(tool)]
    if not (has_module("venv") and has_module("ensurepip")):  # Debian ships both in python3-venv
        packages.append("python3-venv")
    if not packages:
        return None
    names = packages[0] if len(packages) == 1 else ", ".join(packages[:-1]) + " and " + packages[-1]
    return f"Missing on this machine: {names}; install with `sudo apt install {' '.join(packages)}`."


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
    goal = wanted(lock)
    found = mark.read_text().strip() if mark.is_file() and runs(venv) else None
    if found == goal:
        return False
    print(f"setup: installing the {lock.name} versions into {venv.name} (a few minutes the first time)", flush=True)
    if found is None:
        shutil.rmtree(venv, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    mark.unlink(missing_ok=True)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--only-binary", ":all:", "-r", str(lock)], check=True)
    partial = mark.with_suffix(".partial")
    partial.write_text(goal + "\n")
    os.replace(partial, mark)
    return True


def main() -> int:
    problem = missing(sys.version_info[:2], shutil.which, importlib.util.find_spec)
    if problem:
        print(problem, file=sys.stderr)
        return 1
    (ROOT / "build").mkdir(exist_ok=True)
    with open(ROOT / "build" / "setup.lock", "w") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        try:
            install(ROOT / "requirements.lock", ROOT / ".venv")
        except subprocess.CalledProcessError as error:
            print(f"setup: `{' '.join(map(str, error.cmd))}` failed; its messages are above.", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("setup: interrupted; the next run starts the environment anew.", file=sys.stderr)
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Every command of `make help` and of `python -m sim --help`, in places where commands of others fail: it works, or says one sentence.

The tree is a copy; what would take long is interrupted after a while, which must be told in one sentence too.
"""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from sim.commands import COMMANDS
from sim.compile import cache
from sim.files import of_the_project
from tests.sim.events.made import course
from tests.sim.events.made import made as recorded
from tests.sim.jobs.test_compare import report

NOBODY = 65534
SECONDS = 4.0  # until a long command is interrupted
LIMIT = 120.0  # that a short one may take

MAKE = {
    "help": "",
    "setup": "",
    "sim": "ENGINE=golden STEPS=1 BATCH=8",
    "test": "ARGS='-n 0 tests/sim/views'",
    "regress": None,
    "waves": "TEST=tests/sim/views/test_plots.py",
    "profile": None,
    "bench": None,
    "formal": None,
    "timing": "",
    "lint": None,
    "verilog": None,
    "docs": "",
    "clean": "",
}
"""What follows each verb; None for a verb that is interrupted."""

SIM = {
    "train": "--engine golden --steps 1 --batch 8",
    "run": None,
    "asm": "{file}",
    "disasm": "{words}",
    "iss": "{file} --trace",
    "rtl": None,
    "debug": "{file}",
    "pipeline": "{events}",
    "timeline": "{events} --output t.json",
    "inspect": "{events} --at 5",
    "hotspots": "{events}",
    "traffic": "{events}",
    "compare": "{profile} {profile}",
    "accuracy": None,
    "bench": None,
    "cost": None,
    "profile": None,
    "routes": "--mesh 4x4 --dead 2,2",
    "noc": None,
    "waves": None,
    "verilog": None,
    "regress": "--tests tests/sim/views --coverage no",
    "mutate": None,
    "shrink": None,
    "random": None,
    "litmus": None,
    "times": "",
    "timing": "",
    "formal": None,
    "docs": "--check",
}
"""The same of each command."""

LONG = {("sim", "run"): "gemm --config tiny", ("sim", "rtl"): "{file} --config tiny", ("sim", "mutate"): "router"}
"""What follows a command that is interrupted, where something must."""


@dataclass
class Place:
    """Where a command runs: the folder's name, whether it can be written, as whom, and with what around."""

    folder: str = "tree"
    writable: bool = True
    user: int | None = None
    without: tuple[str, ...] = ()
    closed: bool = False


PLACES = {
    "a folder with an odd name": Place(folder="my chips (2) ü"),
    "no HOME": Place(without=("HOME",)),
    "standard output closed": Place(closed=True),
}
if os.getuid():
    PLACES["a read-only tree"] = Place(writable=False)
else:  # nothing is read-only for root
    PLACES["a read-only tree"] = Place(writable=False, user=NOBODY)
    PLACES["another user"] = Place(user=NOBODY)


CASES = [(kind, name, arguments) for kind, lines in (("make", MAKE), ("sim", SIM)) for name, arguments in lines.items()]
QUICK = [("make", "help"), ("make", "sim"), ("make", "clean"), ("sim", "train"), ("sim", "iss"), ("sim", "disasm"), ("sim", "verilog")]


def test_nothing_is_left_out():
    verbs = re.findall(r"^(\w+):.*## \S", (cache.ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(verbs) == set(MAKE) and set(COMMANDS) == set(SIM)


def environment(folder: Path) -> None:
    """What is installed here, with an interpreter that every user may start."""
    real, python = (cache.ROOT / ".venv").resolve(), Path(sys.executable).resolve()
    if not all(parent.stat().st_mode & stat.S_IXOTH for parent in python.parents):
        python = Path("/usr/bin") / f"python{sys.version_info.major}.{sys.version_info.minor}"
    (folder / "bin").mkdir(parents=True)
    for path in (real / "bin").iterdir():
        if not path.name.startswith("python"):
            (folder / "bin" / path.name).symlink_to(path)
    (folder / "bin" / "python").symlink_to(python)
    (folder / "pyvenv.cfg").write_text(f"home = {python.parent}\n")
    (folder / "lib").symlink_to(real / "lib")
    shutil.copyfile(real / "installed-from", folder / "installed-from")


@pytest.fixture(scope="module")
def trees():
    """tree(place) gives a copy of the project that others may read, in a folder of that name; one for all cases of a place."""
    above = Path(tempfile.mkdtemp())
    above.chmod(0o755)
    made: dict[str, Path] = {}

    def tree(name: str) -> Path:
        if name not in made:
            place = PLACES[name]
            root = made[name] = above / str(len(made)) / place.folder
            for path in of_the_project(cache.ROOT):
                copy = root / path.relative_to(cache.ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
            environment(root / ".venv")
            (root / "fine.s").write_text("li x1, 5\nhalt\n")
            (root / "words").write_bytes(b"\1\0\0\0")
            recorded(root / "a.events", course())
            (root / "p.json").write_text(json.dumps(report()))
            if not place.writable:
                subprocess.run(["chmod", "-R", "a-w", root], check=True)
            elif place.user:
                subprocess.run(["chown", "-R", f"{place.user}:{place.user}", root.parent], check=True)
        return made[name]

    yield tree
    subprocess.run(["chmod", "-R", "u+w", above], check=True)
    shutil.rmtree(above)


def run(tree: Path, place: Place, kind: str, name: str, arguments: str | None) -> subprocess.CompletedProcess:
    """What a person's shell gets: a long command is interrupted as Ctrl-C does it, the whole group at once."""
    long, given = arguments is None, LONG.get((kind, name), "") if arguments is None else arguments
    given = given.format(file="fine.s", words="words", events="a.events", profile="p.json")
    line = f"make {name} {given}" if kind == "make" else f".venv/bin/python -m sim {name} {given}"
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(tree.parent), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    for variable in place.without:
        del environment[variable]
    settings = {"user": place.user, "group": place.user, "extra_groups": []} if place.user else {}
    process = subprocess.Popen(
        ["sh", "-c", f"exec {line}" + (" >&-" if place.closed else "")],
        cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # it is ignored in what a shell starts in the background
        **settings,
    )  # fmt: skip
    try:
        out, err = process.communicate(timeout=SECONDS if long else LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGINT)
        try:
            out, err = process.communicate(timeout=LIMIT)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    return subprocess.CompletedProcess(line, process.returncode, out, err)


def check(said: subprocess.CompletedProcess) -> None:
    """It worked, or one line says why not; what make adds and what a build tells of its progress is not that line."""
    assert "Traceback" not in said.stdout + said.stderr, said
    lines = [line for line in said.stderr.splitlines() if not line.startswith(("make: ", "make[", "build: "))]
    told = len(lines) == 1 or (not lines and "make: " in said.stderr) or "KeyboardInterrupt" in said.stdout
    assert said.returncode == 0 or told, said


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("kind", "name"), QUICK)
def test_a_short_command_works_or_says_why_not(kind, name, place, trees):
    arguments = next(given for other, called, given in CASES if (other, called) == (kind, name))
    check(run(trees(place), PLACES[place], kind, name, arguments))


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("kind", "name", "arguments"), CASES, ids=[f"{kind} {name}" for kind, name, _ in CASES])
def test_every_command_works_or_says_why_not(kind, name, arguments, place, trees):
    check(run(trees(place), PLACES[place], kind, name, arguments))

"""Names of signals come from the source text, and Verilog is the same bytes wherever it is written."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from amaranth.hdl import Signal
from amaranth.lib.wiring import Out, Signature

from sim.compile import cache, naming
from sim.jobs import machine
from sim.setup import NEWEST, OLDEST
from tests.sim.compile.parts import digests

SITE = Path(pytest.__file__).parents[1]  # where the tests find what is installed
# Writes the Verilog of a node into a folder that is empty before, and prints what it holds: as machine.design does, which needs NumPy.
# Yosys is started by the Python of the tests, which has it installed.
WRITE = f"""from types import SimpleNamespace
from golden.arch.config import get_config
from rtl.node import Node
from sim.compile import elaborate
elaborate.sys = SimpleNamespace(executable={sys.executable!r})
make = lambda: Node(get_config("tiny"), trace=True)
print(elaborate.elaborate_once(make, ("rtl", "golden/arch"), top="node", config="tiny", parameters={{"trace": True}}).sha256)"""
# Prints the hashes of the text of parts.
PRINT = """from tests.sim.compile.parts import digests
print(digests())"""


class Place:
    pass


def made(make):
    return make()


def test_a_signal_is_named_after_what_it_is_assigned_to():
    alone = Signal()
    place = Place()
    place.held = Signal(8)
    first, (second, place.third) = Signal(), (Signal(), Signal(2))
    annotated: Signal = Signal()
    either = Signal() if alone.name else None
    other = None if alone.name is None else Signal()
    (walrus := Signal())
    signals = (alone, place.held, first, second, place.third, annotated, either, other, walrus)
    assert [signal.name for signal in signals] == "alone held first second third annotated either other walrus".split()
    port = Signature({"valid": Out(1)}).create()
    assert port.valid.name == "port__valid"
    wide = Signal(
        shape=made(lambda: 8),
    )
    assert wide.name == "wide"


def test_a_signal_that_is_not_assigned_has_no_name_of_a_neighbour():
    several = [Signal() for _ in range(2)]
    both = Signal() | Signal()
    inner = made(lambda: Signal())
    assert {signal.name for signal in (*several, *both.operands, inner)} == {"$signal"}


def test_a_source_that_is_not_there_gives_no_name():
    scope = {"Signal": Signal}
    exec(compile("typed = Signal()", "<typed in>", "exec"), scope)
    assert scope["typed"].name == "$signal"
    with pytest.raises(naming.tracer.NameNotFound):
        exec(compile("typed = find(1)", "<typed in>", "exec"), {"find": naming.assigned_name})


def pythons():
    """Interpreters that the lock file serves, on PATH or kept by pyenv, beside the one that runs the tests."""
    versions = [f"python{OLDEST[0]}.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1)]
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    folders += sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/*/bin"))
    found = {}
    for path in (folder / name for folder in folders for name in versions if name != f"python3.{sys.version_info.minor}"):
        if path.name not in found and path.is_file() and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
            found[path.name] = path
    return found


def told(python, program, seed, **more):
    """What a program prints under another Python, with another order of hashes: Amaranth and what it needs are plain Python."""
    environment = {**os.environ, "PYTHONPATH": f"{cache.ROOT}{os.pathsep}{SITE}", "PYTHONHASHSEED": str(seed), **more}
    said = subprocess.run([python, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    return said.stdout.strip()


def written(python, folder, seed):
    """The hash of the Verilog that another Python writes."""
    sha256 = told(python, WRITE, seed, **{cache.SHARED: str(folder)})
    (verilog,) = folder.glob("verilog/*/design.v")
    assert hashlib.sha256(verilog.read_bytes()).hexdigest() == sha256
    return sha256


def test_every_signal_of_an_interface_has_its_name():
    names = set(re.findall(r"\\?\$signature\S*", machine.design("tiny", trace=True).verilog.read_text()))
    assert not names, f"signals of an interface without its name: {sorted(names)[:5]}"


def test_the_text_of_parts_of_a_tile_does_not_depend_on_the_order_of_hashes():
    assert told(sys.executable, PRINT, seed=77) == str(digests())


@pytest.mark.slow
def test_the_verilog_of_a_node_does_not_depend_on_the_order_of_hashes(tmp_path):
    assert written(sys.executable, tmp_path, seed=77) == machine.design("tiny", trace=True).sha256


@pytest.mark.slow
def test_the_verilog_of_a_node_is_the_same_under_every_python(tmp_path, record_property):
    expected = machine.design("tiny", trace=True).sha256
    for name, python in pythons().items():
        record_property("python", name)
        (tmp_path / name).mkdir()
        assert written(python, tmp_path / name, seed=1) == expected, name

"""docs/debugging.md, command by command: each says what the page shows.

``.venv/bin/python -m tests.system.test_debugging`` writes anew what the page shows, after a change of the hardware's timing.
"""

import contextlib
import io
import os
import re
import shlex
import tempfile
from pathlib import Path

import pytest

from golden.arch.mesh import parse
from sim.events.file import Recording
from sim.jobs import machine
from sim.main import main

pytestmark = pytest.mark.system
PAGE = Path(__file__).resolve().parents[2] / "docs" / "debugging.md"
BLOCK = r"```console\n(.*?)```"


def commands() -> list[tuple[str, str]]:
    """Each command of the page with what it shows below it."""
    parts = re.split(r"^\$ (.*)\n", "".join(re.findall(BLOCK, PAGE.read_text(), re.DOTALL)), flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def programs() -> dict[str, str]:
    """The programs of the page, by the names of their files."""
    return dict(re.findall(r"```asm (\S+)\n(.*?)```", PAGE.read_text(), re.DOTALL))


def put_there() -> None:
    """The programs into files."""
    for name, text in programs().items():
        Path(name).write_text(text)


def said(line: str) -> str:
    """What a command says, without spaces at the ends of lines; `sed` is played."""
    if change := re.fullmatch(r"sed -i 's/(.*)/(.*)/' (\S+)", line):
        old, new, file = change.groups()
        assert old in Path(file).read_text()
        Path(file).write_text(Path(file).read_text().replace(old, new))
        return ""
    assert line.startswith("sim ")
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        main(shlex.split(line)[1:])
    return "".join(f"{each.rstrip()}\n" for each in (out.getvalue() + errors.getvalue()).splitlines())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the programs in it; the machines are built, or found, before anybody listens."""
    with machine.engine("tiny", trace=True), machine.mesh_engine(parse("2x2"), "tiny", trace=True):
        monkeypatch.chdir(tmp_path)
    put_there()


def test_the_page_shows_what_its_commands_say(folder):
    shown = commands()
    assert len(shown) >= 7
    for line, expected in shown:
        assert said(line) == expected, f"{line}: .venv/bin/python -m tests.system.test_debugging writes the page anew"


def test_a_window_around_the_first_difference(folder):
    told = said("sim rtl sum.s --config tiny --record d.events --cycles difference")
    (cycle,) = map(int, re.findall(r"^the difference is in cycle (\d+): once more", told))
    assert told.count("RTL and simulator differ on thread 1") == 1
    first, last = Recording("d.events").window()
    assert first == 0 and cycle < last < cycle + 500  # the run ends before the window does
    Path("sum.s").write_text(programs()["sum.s"].replace("wait 3, 1", "wait 3, 2"))
    told = said("sim rtl sum.s --config tiny --record e.events --cycles difference")
    assert "there is no difference, so nothing was kept" in told and not Path("e.events").exists()


def write() -> None:
    """What the page shows, anew."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        put_there()
        shown = iter([f"$ {line}\n{said(line)}" for line, _ in commands()])
    counts = [block.count("\n$ ") + block.startswith("$ ") for block in re.findall(BLOCK, PAGE.read_text(), re.DOTALL)]
    texts = iter(["".join(next(shown) for _ in range(count)) for count in counts])
    PAGE.write_text(re.sub(BLOCK, lambda _: f"```console\n{next(texts)}```", PAGE.read_text(), flags=re.DOTALL))


if __name__ == "__main__":
    write()

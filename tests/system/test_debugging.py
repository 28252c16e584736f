"""docs/debugging.md, command by command: each says what the page shows."""

import re
import shlex
from pathlib import Path

import pytest

from sim.jobs import machine
from sim.main import main

pytestmark = pytest.mark.system
PAGE = Path(__file__).resolve().parents[2] / "docs" / "debugging.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


def commands() -> list[tuple[str, str]]:
    """Each command of the page with what it shows below it."""
    parts = re.split(r"^\$ (.*)\n", "".join(blocks("console")), flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def said(line: str, capsys) -> str:
    """What a command says, without spaces at the ends of lines; `sed` is played."""
    if change := re.fullmatch(r"sed -i 's/(.*)/(.*)/' (\S+)", line):
        old, new, file = change.groups()
        assert old in Path(file).read_text()
        Path(file).write_text(Path(file).read_text().replace(old, new))
        return ""
    assert line.startswith("sim ")
    main(shlex.split(line)[1:])
    streams = capsys.readouterr()
    return "".join(f"{each.rstrip()}\n" for each in (streams.out + streams.err).splitlines())


def test_the_page_shows_what_its_commands_say(tmp_path, monkeypatch, capsys):
    with machine.engine("tiny", trace=True):  # built, or found, before anybody listens
        capsys.readouterr()
    monkeypatch.chdir(tmp_path)
    (program,) = blocks("asm")
    Path("sum.s").write_text(program)
    shown = commands()
    assert len(shown) >= 7
    for line, expected in shown:
        assert said(line, capsys) == expected, line

"""``python -m sim`` as a person sees it: its status and what it says, in a folder of the test's own."""

import shlex
from dataclasses import dataclass
from itertools import count

import pytest

from sim.compile import cache
from sim.main import main


@dataclass(frozen=True)
class Said:
    """A command's exit status and its two streams, without what it told of builds: that is of this machine's past, not of the command."""

    status: int
    out: str
    err: str


@pytest.fixture
def say(tmp_path, monkeypatch, capsys):
    """say("run gemm --m 0") runs the command in this process, in the test's folder."""
    monkeypatch.chdir(tmp_path)

    def run(line: str) -> Said:
        capsys.readouterr()
        try:
            status = main(shlex.split(line))
        except SystemExit as ended:  # argparse
            status = ended.code
        out, err = capsys.readouterr()
        return Said(status, out, "".join(line for line in err.splitlines(keepends=True) if not line.startswith("build: ")))

    return run


@pytest.fixture
def ctrl_c(monkeypatch):
    """ctrl_c(module, line): Ctrl-C comes when the module tells that line of a trace."""

    def at(module, line: int) -> None:
        told = count(1)

        def trace_line(record, form):
            if next(told) == line:
                raise KeyboardInterrupt
            return ""

        monkeypatch.setattr(module, "trace_line", trace_line)

    return at


@pytest.fixture
def no_build(monkeypatch):
    """Fails whoever begins to build: what is wrong must be told before."""

    def refuse(kind, key, fill, what="", base=None, quiet=False):
        pytest.fail(f"a build began: {what or kind}")

    monkeypatch.setattr(cache, "folder", refuse)

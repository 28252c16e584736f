"""A tool that a build needs and the machine lacks: one sentence with the Debian package, before anything is built."""

import shutil

import pytest

from sim.setup import TOOLS

BUILDING = ["run gemm", "rtl fine.s", "train --steps 1", "bench", "cost", "profile", "waves"]


@pytest.fixture
def path_without(tmp_path, monkeypatch):
    """path_without("g++") leaves a PATH that has the other tools."""

    def limit(*lacking: str) -> None:
        tools = tmp_path / "bin"
        tools.mkdir()
        for tool in set(TOOLS) - set(lacking):
            (tools / tool).symlink_to(shutil.which(tool))
        monkeypatch.setenv("PATH", str(tools))

    return limit


@pytest.mark.parametrize("tool", TOOLS)
def test_a_missing_tool_is_named_with_its_package(tool, path_without, say, no_build):
    path_without(tool)
    said = say("run gemm --config tiny")
    assert said.status == 2
    assert said.err == f"python -m sim run: Missing on this machine: {tool}; install with `sudo apt install {tool}`.\n"


@pytest.mark.parametrize("line", BUILDING)
def test_every_command_that_builds_asks(line, path_without, say, tmp_path, no_build):
    (tmp_path / "fine.s").write_text("halt\n")
    path_without("g++")
    said = say(f"{line} --config tiny")
    assert said.status == 2 and said.err.endswith("Missing on this machine: g++; install with `sudo apt install g++`.\n")
    assert said.err.count("\n") == 1 and not (tmp_path / "build").exists()


@pytest.mark.parametrize("line", ["asm fine.s", "iss fine.s", "train --engine golden --steps 1 --batch 8"])
def test_what_builds_nothing_needs_none(line, path_without, say, tmp_path, no_build):
    (tmp_path / "fine.s").write_text("halt\n")
    path_without(*TOOLS)
    assert say(line).status == 0

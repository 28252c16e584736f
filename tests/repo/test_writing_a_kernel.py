"""The example of docs/writing-a-kernel.md runs as it stands there."""

import re
from pathlib import Path

import pytest

from golden.asm import assemble, disassemble
from sim.main import main

PAGE = Path(__file__).resolve().parents[2] / "docs" / "writing-a-kernel.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    monkeypatch.setattr("sys.argv", ["double.py", "iss"])


def run(folder: Path, program: str, host: str) -> dict:
    """The two files in a folder, the host executed there; its names."""
    (folder / "double.s").write_text(program)
    names: dict = {}
    exec(compile(host, "double.py", "exec"), names)
    return names


def test_the_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (program,), (host,) = blocks("asm"), blocks("python")
    assert run(tmp_path, program, host)["got"].tolist() == [2.0 * i for i in range(100)]


def test_a_broken_example_fails(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (program,), (host,) = blocks("asm"), blocks("python")
    with pytest.raises(RuntimeError, match="vfadd v2, v1, v3 reads v3, which nobody wrote"):
        run(tmp_path, program.replace("vfadd v2, v1, v1", "vfadd v2, v1, v3"), host)
    with pytest.raises(AssertionError):
        run(tmp_path, program.replace("vfadd", "vfmul"), host)


def test_the_example_of_data_doubles_and_adds(tmp_path, capsys):
    (text,) = blocks("asm data")
    (tmp_path / "data.s").write_text(text)
    assert main(["iss", str(tmp_path / "data.s"), "--config", "tiny", "--dump", "numbers,16:fp32"]) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith(": 5 -2 2003 3.25")


def test_it_is_thirty_lines():
    lines = [line for block in (*blocks("asm"), *blocks("python")) for line in block.splitlines() if line.strip()]
    assert len(lines) <= 30, len(lines)


def test_instructions_in_the_text_exist():
    page = re.sub(r"```.*?```", "", PAGE.read_text(), flags=re.DOTALL)
    found = [text for text in re.findall(r"`([a-z0-9.]+ [vcdx]\d[^`]*)`", page)]
    assert len(found) >= 5
    for text in found:
        if "number" not in text:
            assert disassemble(assemble(text).words[0]).split()[0] in (text.split()[0], "addi")

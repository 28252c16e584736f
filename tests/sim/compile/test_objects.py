"""An object's key is what the compiler reads, and nothing else."""

import pytest

from sim.compile import cache, objects
from sim.compile.objects import BuildError, Tools


@pytest.fixture
def work(tmp_path, monkeypatch):
    """work(main.cpp=..., one.h=...) writes sources and builds the program; how many objects were compiled."""
    monkeypatch.setenv(cache.SHARED, str(tmp_path / "store"))
    number = 0

    def build(files, level="-O0", versions=("1",)):
        nonlocal number
        number += 1
        folder = tmp_path / f"work {number}"
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
        before = len(list((tmp_path / "store").glob("objects/*/unit.o")))
        with Tools(folder, folder / "log") as tools:
            made = objects.compiled(tools, {name: level for name in files if name.endswith(".cpp")}, ["-I."], versions)
            objects.linked(tools, made, "program", [])
        assert (folder / "program").is_file()
        return len(list((tmp_path / "store").glob("objects/*/unit.o"))) - before

    return build


FILES = {
    "main.cpp": '#include "one.h"\nint other();\nint main() { return ONE + other(); }\n',
    "other.cpp": "int other() { return 2; }\n",
    "one.h": '#include "deep.h"\n',
    "deep.h": "#define ONE 1\n",
    "unread.h": "\n",
}


def test_what_did_not_change_is_not_compiled_again(work):
    assert work(FILES) == 2
    assert work(FILES) == 0
    assert work({**FILES, "unread.h": "#define UNREAD\n"}) == 0
    assert work({**FILES, "deep.h": "#define ONE 3\n"}) == 1
    assert work({**FILES, "other.cpp": "int other() { return 4; }\n"}) == 1


def test_levels_and_versions_are_part_of_the_key(work):
    assert work(FILES) == 2
    assert work(FILES, level="-O1") == 2
    assert work(FILES, versions=("2",)) == 2


def test_a_common_header_is_compiled_once_before(work):
    assert work({**{f"{n}.cpp": f'#include "a__pch.h"\nint f{n}() {{ return ONE; }}\n' for n in "xy"},
                 "main.cpp": "int main() {}\n", "a__pch.h": "#define ONE 1\n"}) == 3


def test_a_failed_link_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv(cache.SHARED, str(tmp_path / "store"))
    (tmp_path / "main.cpp").write_text("int nowhere();\nint main() { return nowhere(); }\n")
    with Tools(tmp_path, tmp_path / "log") as tools, pytest.raises(BuildError, match="undefined reference to `nowhere"):
        objects.linked(tools, objects.compiled(tools, {"main.cpp": "-O0"}, [], []), "program", [])
    assert "g++" in (tmp_path / "log").read_text()

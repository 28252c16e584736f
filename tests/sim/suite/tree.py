"""A small tree of tests for regressions, and who hears what a person is shown."""

import shutil
import textwrap
from pathlib import Path

from sim.compile import cache

WRONG_WITH_WAVES = """
@pytest.mark.rtl
def test_wrong_with_waves(artifacts, request):
    if request.config.getoption("waves"):
        artifacts.mkdir(parents=True)
        (artifacts / "a.vcd").write_text("$end")
    raise KeyError("wrong")
"""


class Told:
    """What a person is shown."""

    def __init__(self):
        self.notes, self.states = [], []

    def note(self, text):
        self.notes.append(text)

    def state(self, done, failed, running, left):
        self.states.append((done, failed, running, left))


def plant(folder: Path, tests: dict[str, str]) -> None:
    """Files of tests by their names, with the settings and the conftest.py of this project."""
    shutil.copy(cache.ROOT / "pyproject.toml", folder)
    (folder / "tests").mkdir()
    shutil.copy(cache.ROOT / "tests" / "conftest.py", folder / "tests")
    for name, text in tests.items():
        (folder / "tests" / f"test_{name}.py").write_text(f'"""{name}"""\n' + textwrap.dedent(text))

"""The folder of a regression that runs: what a killed one had done by then is in it, for the next one that goes on."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sim.compile import cache
from sim.files import hold

COUNTED = "coverage"  # what the tests count, in the folder of the run
PARTS, KINDS = ("golden", "rtl", "sim", "tb", "tests"), (".py", ".cpp", ".h", ".s", ".txt", ".csv")  # sources
ROWS, TESTS = "rows.jsonl", "tests.json"  # in the folder of an order


class RegressError(RuntimeError):
    """Nothing was tested; one sentence."""


@contextmanager
def opened(folder: Path, same: dict[str, Any], resume: bool, root: Path) -> Iterator[tuple[Path, Callable[[], None]]]:
    """The run's own folder, empty unless a run is resumed, nobody else's for as long; and what says that nobody will go on with it.

    It stays when that has not been said and tests have ended: `resume` is for runs that ask for the `same` of the sources below `root`.
    """
    began = folder / "began.json"
    if resume and not began.exists():
        raise RegressError(f"there is no run to go on with in {folder}: leave out --resume (make: RESUME)")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        held = hold(folder)
    except BlockingIOError:
        raise RegressError(f"another regression runs in this checkout and writes {folder}: wait for its end") from None
    over = []
    try:
        wanted = {**same, "sources": sources(root)}
        if resume and (before := json.loads(began.read_text())) != wanted:
            changed = [name for name in wanted if before.get(name) != wanted[name]]
            raise RegressError(f"the run in {folder} began with other {', '.join(changed)}: begin anew, without --resume (make: RESUME)")
        if not resume:
            _clear(folder)
        (folder / COUNTED).mkdir(exist_ok=True)
        began.write_text(json.dumps(wanted))
        yield folder, lambda: over.append(folder)
    finally:
        if over or not resume and not any(folder.glob(f"*/{ROWS}")):
            shutil.rmtree(folder)
        os.close(held)


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def source_files(root: Path, parts: Iterable[str] = PARTS) -> list[Path]:
    """The sources below these folders of a checkout."""
    return [path for part in parts for path in sorted((root / part).rglob("*")) if path.suffix in KINDS]


def sources(root: Path) -> str:
    """Stands for every source file: what was tested before a change was something else."""
    return cache.digest(*(path.read_bytes() for path in source_files(root)))


class Rows:
    """Appends lines that are on disk when the call returns."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / ROWS

    def begins(self, name: str) -> None:
        self.ended({"begins": name})

    def ended(self, row: dict[str, Any]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(row) + "\n")


def read_rows(folder: Path) -> tuple[list[dict[str, Any]], str]:
    """Rows of an order's folder, and the test that had begun and not ended, if one had."""
    rows, begun = [], ""
    path = folder / ROWS
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:  # cut by a kill
            break
        begun = row.get("begins", "")
        if not begun:
            rows.append(row)
    return rows, begun

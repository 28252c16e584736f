"""Files and sets of files that are complete or not there, and whether one can be written: asked before the work and not after it."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

RUNS = "runs"
PARTIAL = ".partial"
MOST_BYTES = 1 << 26  # of a file that a command reads: many times what the SRAM of a node holds
YOUNG = 2.0  # seconds in which a folder may stand before its run has locked it


@contextmanager
def whole(path: Path | str) -> Iterator[Path]:
    """A name beside ``path`` to write to; renamed to ``path`` after the body, removed when the body ends with an exception.

    The name is of this call alone, so that two processes may write the same file: the later one stays. An error of the system names
    ``path``.
    """
    path = Path(path)
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}{PARTIAL}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and (error.filename is None or str(error.filename) == str(partial)):
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from None
        raise


def check_writable(path: Path | str) -> None:
    """OSError that names ``path`` when no file can be written there; leaves nothing behind."""
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():  # /dev/null, say: ``whole`` would put a file in its place
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def content(path: Path | str) -> bytes:
    """What a file holds; ValueError in one sentence when that is more than MOST_BYTES (a device may have no end), OSError when it cannot be
    read.
    """
    with open(path, "rb") as file:
        found = file.read(MOST_BYTES + 1)
    if len(found) > MOST_BYTES:
        raise ValueError(f"{path} holds more than {MOST_BYTES} bytes, which is too much for any node")
    return found


def of_the_project(root: Path) -> list[Path]:
    """Files below ``root`` that git knows, those of the project; all files where there is no git to ask."""
    asked = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True, check=False) if shutil.which("git") else None
    if asked is None or asked.returncode:
        return sorted(path for path in root.rglob("*") if path.is_file())
    known = [root / os.fsdecode(name) for name in asked.stdout.split(b"\0") if name]
    return sorted(path for path in known if path.is_file())


# --- the results of a run ------------------------------------------------------------------------------------------------------
# A run writes into build/runs/<time-pid-name>.partial, which loses that ending when all is there; then a link that is named after what
# the run does (build/sim, build/bench) is turned to it in one step. Whoever reads through the link sees all of one run. A run holds a
# lock on its folder while it lives, so that the next one can tell what a killed run left behind, and remove it.


class Results:
    """Where a run writes (``folder``), until ``finish`` makes it the newest; ``told`` is then the sentence that says so."""

    def __init__(self, folder: Path, latest: Path) -> None:
        self.folder, self.latest = folder, latest
        self.finished: Path | None = None
        self.told = ""

    def finish(self) -> Path:
        """Give the folder its name and turn the link ``latest`` to it; the finished folder."""
        final = self.folder.with_name(self.folder.name.removesuffix(PARTIAL))
        os.rename(self.folder, final)
        self.folder = self.finished = final
        before = self.latest.resolve().name if self.latest.is_symlink() and self.latest.exists() else None
        _name_newest(self.latest, final)
        self.told = f"{self.latest} names {final}" + (f"; the run before it is kept in {final.with_name(before)}" if before else "")
        return final


@contextmanager
def results(latest: Path | str, name: str) -> Iterator[Results]:
    """A folder for the results of one run beside ``latest``, a link that names the newest finished one.

    What is not finished when the body ends is removed, and ``latest`` names what it named. OSError, before any work, when nothing can be
    written there.
    """
    latest = Path(latest)
    runs = latest.parent / RUNS
    try:
        _remove_dead(runs)
        folder = runs / f"{_now()}-{os.getpid()}-{name}{PARTIAL}"
        folder.mkdir(parents=True)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(latest)) from None
    held = hold(folder)
    run = Results(folder, latest)
    try:
        yield run
    except OSError as error:
        if error.filename is None or not Path(error.filename).is_relative_to(folder):
            raise
        lost = f"{error.strerror}; the results of this run are lost, {latest} is as it was"
        raise OSError(error.errno, lost, str(latest / Path(error.filename).relative_to(folder))) from None
    finally:
        if run.finished is None:
            shutil.rmtree(folder, ignore_errors=True)
            _remove_empty(runs, latest.parent)
        os.close(held)


def _now() -> str:
    return datetime.now().strftime("%Y%m%d-%H%M%S-%f")


def _remove_empty(*folders: Path) -> None:
    try:
        for folder in folders:
            folder.rmdir()
    except OSError:
        return


def hold(folder: Path) -> int:
    """A file descriptor whose life is the claim on the folder; BlockingIOError when another process has it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _remove_dead(runs: Path) -> None:
    for left in runs.glob(f"*{PARTIAL}"):
        try:
            if time.time() - left.lstat().st_mtime < YOUNG:
                continue
            if left.is_symlink():
                left.unlink()
                continue
            os.close(hold(left))
        except OSError:  # alive, or another has removed it
            continue
        shutil.rmtree(left, ignore_errors=True)


def _name_newest(latest: Path, folder: Path) -> None:
    if latest.is_dir() and not latest.is_symlink():  # a folder of results that no link can replace
        os.rename(latest, folder.with_name(f"{_now()}-{os.getpid()}-before"))
    link = folder.with_name(f"{latest.name}-{uuid.uuid4().hex[:8]}{PARTIAL}")  # among the runs, where the next one clears up
    link.symlink_to(os.path.relpath(folder, latest.parent), target_is_directory=True)
    try:
        os.replace(link, latest)
    except BaseException:
        link.unlink(missing_ok=True)
        raise

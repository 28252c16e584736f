"""Build folders named by content: build/<kind>/<hash>/, made once, whole or not at all.

The rule: a folder exists under its final name only when everything in it is finished. It is filled under a temporary
name and renamed; a lock per folder makes a second process wait instead of building the same thing twice; an
interrupted build leaves only a temporary folder, which the next one removes.
"""

import fcntl
import hashlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"


def digest(*parts: str | bytes) -> str:
    """Twenty hexadecimal digits that stand for the parts and their boundaries."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "little"))
        total.update(data)
    return total.hexdigest()[:20]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock file `path` (made if need be) for as long as the body runs; other processes wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def progress(what: str, first: float = 5.0, every: float = 15.0) -> Iterator[None]:
    """Prints that `what` is under way once it has taken `first` seconds, then again `every` so many seconds."""
    done = threading.Event()
    start = time.monotonic()

    def tell() -> None:
        wait = first
        while not done.wait(wait):
            print(f"build: {what}: {time.monotonic() - start:.0f} s so far", file=sys.stderr, flush=True)
            wait = every

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def folder(kind: str, key: str, fill: Callable[[Path], None], what: str = "", base: Path | None = None) -> Path:
    """Returns <base>/<kind>/<key>, after `fill(temporary folder)` has made its content if it was not there.

    `base` is build/ unless given. `what` is what the progress line says. An exception in `fill` removes the temporary
    folder and is passed on; the next call tries again.
    """
    parent = (base or BUILD) / kind
    final = parent / key
    if final.is_dir():
        return final
    with locked(parent / f"{key}.lock"):
        if final.is_dir():
            return final
        partial = parent / f"{key}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            with progress(what or f"{kind}/{key}"):
                fill(partial)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        os.replace(partial, final)
    return final

"""Build folders named by content: <store>/<kind>/<hash>/, made once, whole or not at all, and made again when damaged.

The rules. A folder exists under its final name only when everything in it is finished. It is filled under a temporary name, then gets
the list of its files with their sizes, then is renamed; nothing is written into it later. Whoever uses a folder compares it with its
list: what does not fit (a cut, empty or missing file) is built again. A lock per folder makes a second process wait instead of building
the same thing twice; an interrupted build leaves only a temporary folder, which the next one removes.

The store is build/ below the checkout, or the folder that OPEN_D1_CACHE names, which several checkouts may share. No key holds a path of
the machine, so a moved or copied checkout finds what it had.
"""

import fcntl
import hashlib
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from sim.compile.stages import Spent, Stages, measured, total

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
SHARED = "OPEN_D1_CACHE"
LIST = "files.json"
WORTH_TELLING = 5.0  # seconds


def store() -> Path:
    """Where build folders are."""
    shared = os.environ.get(SHARED)
    return Path(shared).absolute() if shared else BUILD


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


def forecast(what: str, after: str = "", base: Path | None = None) -> str:
    """What building took here the last time, stage by stage, and what is built from it `after`; "" when nothing is worth telling."""
    known = times(base)
    if what not in known:
        return f"{what}, then {after}: not built here before, a matter of minutes" if after else ""
    parts = [(name, known[name]) for name in (what, after) if name in known]
    all_in_all = total(total(taken) for _, taken in parts).seconds
    if all_in_all < WORTH_TELLING:
        return ""
    told = [f"{name}: {total(taken).seconds:.0f} s here last time ({_listed(taken)})" for name, taken in parts]
    return "; then ".join(told) + (f"; {all_in_all:.0f} s in all" if len(parts) > 1 else "")


def _listed(taken: Stages) -> str:
    return ", ".join(f"{name} {spent.seconds:.0f}" for name, spent in taken.items())


@contextmanager
def progress(what: str, first: float = WORTH_TELLING, every: float = 15.0) -> Iterator[None]:
    """Prints that `what` is under way once it has taken `first` seconds, then again `every` so many seconds."""
    done = threading.Event()
    start = time.monotonic()

    def tell() -> None:
        wait = first
        while not done.wait(wait):
            _tell(f"build: {what}: {time.monotonic() - start:.0f} s so far")
            wait = every

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def complete(folder: Path) -> bool:
    """Whether the folder holds what its list says, each file with its size."""
    try:
        files = json.loads((folder / LIST).read_text())
        return all((folder / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError, AttributeError):
        return False


def present(kind: str, key: str) -> bool:
    """Whether `folder` would find it."""
    return complete(store() / kind / key)


def folder(
    kind: str,
    key: str,
    fill: Callable[[Path], None],
    what: str = "",
    after: str = "",
    base: Path | None = None,
    quiet: bool = False,
) -> Path:
    """Returns <base>/<kind>/<key>, after `fill(temporary folder)` has made its content if it was not there or is damaged.

    `base` is the store unless given. `what` is what the progress line says, and the name under which the time it took is remembered;
    what it took the last time is said before, with that of the build that will come `after` it. Nothing of this when `quiet`. An
    exception in `fill` removes the temporary folder and is passed on; the next call tries again.
    """
    base = base or store()
    parent = base / kind
    final = parent / key
    if complete(final):
        return final
    with locked(parent / f"{key}.lock"):
        if complete(final):
            return final
        partial = parent / f"{key}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        if not quiet and (told := forecast(what, after, base)):
            _tell(f"build: {told}")
        try:
            with measured() as taken, nullcontext() if quiet else progress(what or f"{kind}/{key}"):
                fill(partial)
            _list(partial)
        except BaseException as error:
            shutil.rmtree(partial, ignore_errors=True)
            if what and isinstance(error, KeyboardInterrupt) and not error.args:
                raise KeyboardInterrupt(f"while {what}, which the next command begins anew") from None
            raise
        _put(partial, final)
        if what and not quiet:
            _remember(base, what, taken)
    return final


def _list(folder: Path) -> None:
    found = {str(path.relative_to(folder)): path.stat().st_size for path in sorted(folder.rglob("*")) if path.is_file()}
    (folder / LIST).write_text(json.dumps(found, indent=1) + "\n")


def _put(partial: Path, final: Path) -> None:
    damaged = final.with_name(f"{final.name}.damaged")
    shutil.rmtree(damaged, ignore_errors=True)
    if final.exists():
        os.rename(final, damaged)  # whoever has its files open keeps them
    os.replace(partial, final)
    shutil.rmtree(damaged, ignore_errors=True)


def times(base: Path | None = None) -> dict[str, Stages]:
    """What each thing took to build here the last time."""
    try:
        known = json.loads(((base or store()) / "times.json").read_text())
        return {what: {name: Spent(*map(float, spent)) for name, spent in taken.items()} for what, taken in known.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _remember(base: Path, what: str, taken: Stages) -> None:
    path = base / "times.json"
    with locked(path.with_suffix(".lock")):
        known = times(base) | {what: {name: spent for name, spent in taken.items() if spent.seconds >= 0.05}}
        rows = {what: {name: [round(s.seconds, 1), round(s.processor, 1)] for name, s in known[what].items()} for what in sorted(known)}
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(rows, indent=1) + "\n")
        os.replace(partial, path)

"""Faults planted in the golden model: one expression of one module changed, and the tests of its package run until one fails.

A change swaps a comparison, an operator or a truth value, or adds one to an integer. Annotations, decorators and what is raised have none,
nor has a table of data, a list or tuple of more than 32 numbers and nothing else: such a table is derived, and most faults of a package
would stand in it. golden/arch/special_tables.py is compared, as a text, with what computes it
(`tests/golden/numerics/test_special.py::test_tables_are_what_the_generator_computes`).
The change is made where Python reads the module's source, in the process that runs the tests; no file is written.
"""

from __future__ import annotations

import ast
import json
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, as_completed
from dataclasses import asdict, dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

from sim.compile import cache
from sim.suite.farm import Local
from sim.suite.journal import read_rows
from sim.suite.mutants import ROWS

BEFORE = ["numpy", "hypothesis"]  # nothing of golden: its modules are read with their faults
PATIENCE, AT_LEAST = 4, 60.0  # tests of a fault may take so many times what they take without one, or so many seconds
_PAIRS = [
    (ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.In, ast.NotIn), (ast.Is, ast.IsNot),
    (ast.Add, ast.Sub), (ast.LShift, ast.RShift), (ast.BitAnd, ast.BitOr), (ast.And, ast.Or), (ast.Mult, ast.FloorDiv),
]  # fmt: skip
_SWAPPED = {**dict(_PAIRS), **{second: first for first, second in _PAIRS}, ast.BitXor: ast.BitOr, ast.Mod: ast.FloorDiv}
_NO_PLACE = ("annotation", "returns", "decorator_list")
_SAID = (ast.Raise, ast.JoinedStr)
_OF_TABLE = (ast.List, ast.Tuple, ast.Constant, ast.UnaryOp, ast.unaryop, ast.expr_context)
_TABLE = 32  # numbers: a list of more is a table of data


@dataclass(frozen=True)
class Fault:
    """The change of expression ``site`` of a file; ``place`` is the expression before and after."""

    number: int
    mode: str
    place: str
    source: str
    file: str
    site: int


def packages() -> dict[str, list[str]]:
    """The parts of golden that have tests of their own, as golden.<package> -> files and folders of tests."""
    found = {}
    for folder in sorted((cache.ROOT / "golden").iterdir()):
        tests = cache.ROOT / "tests" / "golden"
        files = [tests / folder.name] if (tests / folder.name).is_dir() else sorted(tests.glob(f"test_{folder.name}*.py"))
        if folder.is_dir() and files:
            found[f"golden.{folder.name}"] = [file.relative_to(cache.ROOT).as_posix() for file in files]
    return found


def _places(node: ast.AST) -> Iterator[ast.AST]:
    """What may change below a node, in the order of the text."""
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if field not in _NO_PLACE and isinstance(child, ast.AST) and not isinstance(child, _SAID) and not _is_table(child):
                if _change_of(child):
                    yield child
                yield from _places(child)


def _is_table(node: ast.AST) -> bool:
    """Whether it is a list of numbers, or of lists of them, too long to be anything but derived data."""
    if not isinstance(node, ast.List | ast.Tuple):
        return False
    parts = list(ast.walk(node))
    numbers = sum(isinstance(part, ast.Constant) and isinstance(part.value, int | float) for part in parts)
    return numbers > _TABLE and all(isinstance(part, _OF_TABLE) for part in parts)


def _change_of(node: ast.AST) -> Callable[[], None] | None:
    """What changes a node in its place."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPPED:
        return lambda: node.ops.__setitem__(0, _SWAPPED[type(node.ops[0])]())
    if isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp) and type(node.op) in _SWAPPED:
        return lambda: setattr(node, "op", _SWAPPED[type(node.op)]())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return lambda: setattr(node, "operand", ast.copy_location(ast.UnaryOp(ast.Not(), node.operand), node))
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return lambda: setattr(node, "value", not node.value if isinstance(node.value, bool) else node.value + 1)
    return None


def faults(package: str, count: int, seed: int) -> list[Fault]:
    """So many faults of a package's modules, drawn from all; fewer when it has not so many places."""
    sites = []
    for path in sorted((cache.ROOT / package.replace(".", "/")).rglob("*.py")):
        for site, node in enumerate(_places(ast.parse(path.read_text()))):
            sites.append((path.relative_to(cache.ROOT).as_posix(), site, node))
    drawn = sorted(random.Random(f"{package} {seed}").sample(range(len(sites)), min(count, len(sites))))
    found = []
    for number, (file, site, node) in enumerate((sites[at] for at in drawn), 1):
        before = ast.unparse(node)
        _change_of(node)()
        place = f"{before} -> {ast.unparse(node)}"
        found.append(Fault(number, type(node).__name__.lower(), place, f"{file}:{node.lineno}", file, site))
    return found


def plant(file: str, site: int, root: Path) -> None:
    """From here on Python reads that module with the fault. RuntimeError when it has read it already."""
    target = (root / file).resolve()
    module = file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    if module in sys.modules:
        raise RuntimeError(f"{module} was imported before its fault was planted")
    read = SourceFileLoader.get_code

    def get_code(loader: SourceFileLoader, name: str) -> Any:
        if Path(loader.path).resolve() != target:
            return read(loader, name)
        tree = ast.parse(target.read_text())
        for number, node in enumerate(_places(tree)):
            if number == site:
                _change_of(node)()
                break
        return compile(ast.fix_missing_locations(tree), loader.path, "exec")

    SourceFileLoader.get_code = get_code


def _first(tests: list[str], file: str) -> list[str]:
    """The files of these tests, those that are named after the module before the others."""
    files = []
    for path in (cache.ROOT / test for test in tests):
        files += sorted(path.rglob("test_*.py")) if path.is_dir() else [path]
    name = Path(file).stem
    return [path.relative_to(cache.ROOT).as_posix() for path in sorted(files, key=lambda path: not path.stem.startswith(f"test_{name}"))]


def _killer(folder: Path, code: int) -> str:
    """The test that saw the fault, nothing when all passed."""
    rows, begun = read_rows(folder)
    failed = [row["name"] for row in rows if not row["passed"]]
    return failed[0] if failed else (begun or f"pytest (status {code})") if code else ""


def hunt(folder: Path, package: str, count: int, seed: int, tell: Callable[[int, int], None], jobs: int = 2) -> None:
    """Run the package's tests on each fault until one fails; a line of JSON for each in mutants.jsonl: the fault, killed_by, wall_s.
    ``tell`` hears how many of how many have been.

    ValueError when the tests fail without a fault.
    """
    tests = packages()[package]
    with Local(jobs, before=BEFORE) as farm:

        def run(number: int, tests: list[str], limit: float, **fault: Any) -> Future[int]:
            (place := folder / f"fault-{number}").mkdir()
            return farm.submit({"tests": tests, "seed": seed, "folder": str(place), "limit": limit, "first": True, **fault})

        start = time.monotonic()
        if failed := _killer(folder / "fault-0", run(0, tests, 3600.0).result()):
            raise ValueError(f"{failed} fails without a fault: nothing can be said of the faults")
        limit = max(AT_LEAST, PATIENCE * (time.monotonic() - start))
        running = {}
        for fault in faults(package, count, seed):
            running[run(fault.number, _first(tests, fault.file), limit, fault=[fault.file, fault.site])] = fault
        for done, future in enumerate(as_completed(running), 1):
            fault, code = running[future], future.result()
            place = folder / f"fault-{fault.number}"
            spent = round(sum(row["wall_s"] for row in read_rows(place)[0]), 2)
            with (folder / ROWS).open("a") as file:
                file.write(json.dumps({**asdict(fault), "killed_by": _killer(place, code), "wall_s": spent}) + "\n")
            shutil.rmtree(place)
            tell(done, len(running))

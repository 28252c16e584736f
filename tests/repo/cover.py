"""Which test covers a source file that has no test of its own name: cover.txt, and what makes it wrong.

A test covers a file when it reaches it: by what it imports, what that imports, and so on, with the fixtures of its folder, the files that
it launches, and the modules that it runs as programs.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from sim.files import of_the_project

ROOT = Path(__file__).resolve().parents[2]
LIST = "tests/repo/cover.txt"
SOURCES = ("golden", "rtl", "sim", "tb")
KNOWN = frozenset(str(path.relative_to(ROOT)) for path in of_the_project(ROOT) if path.suffix == ".py")


def parse(text: str) -> dict[str, str]:
    """{source: test} of a list that names a test and, indented below it, what it covers."""
    covered: dict[str, str] = {}
    test = ""
    for line in filter(str.strip, text.splitlines()):
        if line[0].isspace():
            covered[line.strip()] = test
        else:
            test = line.strip()
    return covered


def named(source: str, known: frozenset[str]) -> bool:
    """Whether a test has the file's name: a/b/x.py has tests/a/b/test_x.py, or test_x_more.py, where no longer source name fits."""
    folder, _, name = source.rpartition("/")
    stem = name.removesuffix(".py").strip("_")
    siblings = {other.rpartition("/")[2].removesuffix(".py") for other in known if other.rpartition("/")[0] == folder}
    for test in known:
        place, _, file = test.rpartition("/")
        words = file.removesuffix(".py").split("_")
        if place == f"tests/{folder}" and words[0] in ("test", "cocotb"):
            stems = ["_".join(words[1:count]) for count in range(2, len(words) + 1)]
            if stem in stems and not any(longer in siblings for longer in stems if len(longer) > len(stem)):
                return True
    return False


def modules(name: str, known: frozenset[str]) -> Iterator[str]:
    """Files that an import of a dotted name runs: the module, or its package, and the packages around it."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        stem = "/".join(parts[:count])
        yield from (file for file in (f"{stem}.py", f"{stem}/__init__.py") if file in known)


@cache
def uses(file: str) -> frozenset[str]:
    """Files that a file runs: imports, those of a package that imports its whole folder; of a test, fixtures, files it names, programs."""
    text, found = (ROOT / file).read_text(), set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {module for alias in node.names for module in modules(alias.name, KNOWN)}
        elif isinstance(node, ast.ImportFrom):
            found |= {module for alias in node.names for module in modules(f"{node.module}.{alias.name}", KNOWN)}
    folder = file.rpartition("/")[0]
    if "import_module(f\"{__name__}." in text:
        found |= {other for other in KNOWN if other.rpartition("/")[0] == folder}
    if file.startswith("tests/"):
        for program in re.findall(r"""-m[", ]+((?:golden|sim)[a-z.]*)""", text):
            found |= {*modules(program, KNOWN), *modules(f"{program}.__main__", KNOWN)}
        found |= {f"{folder}/{name}" for name in map(Path, text.replace('"', " ").split()) if f"{folder}/{name}" in KNOWN}
        while folder:
            found |= {f"{folder}/conftest.py"} & KNOWN
            folder = folder.rpartition("/")[0]
    return frozenset(found)


def reached(test: str) -> set[str]:
    """Every file that a test runs."""
    todo, found = [test], {test}
    while todo:
        new = uses(todo.pop()) - found
        found |= new
        todo += new
    return found


def wrong(covered: Mapping[str, str], known: frozenset[str]) -> Iterator[str]:
    """A sentence for everything that a list gets wrong."""
    sources = {file for file in known if file.split("/")[0] in SOURCES and not file.endswith("__init__.py")}
    for source in sorted(sources - covered.keys()):
        if not named(source, known):
            yield f"no test has the name of {source}: write one, or list it in {LIST} under the test that covers it"
    for source, test in covered.items():
        if source not in sources:
            yield f"{source} does not exist: take it off {LIST}"
        elif named(source, known):
            yield f"{source} has a test of its own name: take it off {LIST}"
        elif test not in known or not test.rpartition("/")[2].startswith("test_"):
            yield f"{test or 'nothing'}, which {LIST} gives to {source}, is no test: name one that covers it"
        elif source not in reached(test):
            yield f"{test} does not reach {source}, which {LIST} gives to it: name a test that does"

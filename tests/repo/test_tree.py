"""Rules of the tree: tests mirror it, nothing is skipped or suppressed, no path of a machine, one idea per file."""

import ast
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.files import of_the_project
from tests.repo import cover

ROOT = Path(__file__).resolve().parents[2]
GENERATED = {".git", ".venv", "build", "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis"}
LONGEST = 500  # lines, rows of numbers not counted; a longer file holds two ideas

LONGEST_FUNCTION = 100  # lines of one function, from its def on

# What may stand in no Python file of the project. Written in two halves, so that this file may.
FORBIDDEN = {
    "a test that does not run": r"(mark|pytest|unittest)\.(importor)?(sk" r"ip|xf" r"ail)|\bsk" r"ip=True",
    "a test that cannot fail": r"\bassert Tr" r"ue\b",
    "a suppression comment": r"#\s*(no" r"qa|type:\s*ig" r"nore|pylint:|fmt:\s*off)",
    "a note to oneself": r"#\s*(TO" r"DO|FIX" r"ME|XX" r"X)\b",
}
MACHINE_PATHS = [r"/ho" r"me/\w+", r"/ro" r"ot/\w+", r"/wo" r"rk/\w+", r"/Us" r"ers/\w+"]


def files(*suffixes: str) -> Iterator[Path]:
    """Files of the project with one of these suffixes (all when none is given), generated ones left out."""
    for path in of_the_project(ROOT):
        if not GENERATED & set(path.relative_to(ROOT).parts) and (not suffixes or path.name.endswith(suffixes)):
            yield path


def here(path: Path) -> str:
    return str(path.relative_to(ROOT))


def matches(text: str, pattern: str) -> list[int]:
    return [number for number, line in enumerate(text.splitlines(), 1) if re.search(pattern, line)]


def mirrored(test: Path, text: str, known: set[str]) -> bool:
    """Whether a/b/ of tests/a/b/test_x.py is a folder of the tree and x.py is in it, or the test is about all of a.b.

    tests/arch is about golden/arch. A longer name may follow the file's: test_x_faults.py is about x.py too.
    """
    parts = list(test.relative_to(ROOT / "tests").parts)
    if parts[0] == "arch":
        parts.insert(0, "golden")
    words = parts.pop().removesuffix(".py").split("_")[1:]
    stems = ["/".join([*parts, "_".join(words[:count])]) for count in range(1, len(words) + 1)]
    named = any(f"{stem}.py" in known or f"{stem}/__init__.py" in known for stem in stems)
    return named or ("/".join([*parts, "__init__.py"]) in known and ".".join(parts) in text)


@pytest.mark.parametrize(("name", "pattern"), FORBIDDEN.items(), ids=FORBIDDEN)
def test_no_file_holds(name, pattern):
    found = [f"{here(path)}:{line}" for path in files(".py") for line in matches(path.read_text(), pattern)]
    assert not found, f"{name}: {', '.join(found)}"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a test that does not run", "@pytest.mark.sk" "ip(reason='slow')"),
        ("a test that cannot fail", "    assert Tr" "ue"),
        ("a suppression comment", "import numpy  # no" "qa"),
        ("a note to oneself", "# TO" "DO: later"),
    ],
)
def test_a_planted_line_is_found(name, line):
    assert matches(line, FORBIDDEN[name]) == [1]


def test_no_file_names_a_path_of_a_machine():
    patterns = [*MACHINE_PATHS, re.escape(str(ROOT)) + r"\b"]
    text = (".py", ".md", ".toml", ".lock", ".mk", ".cpp", ".h", ".s", ".json", "Makefile", "run", ".gitignore")
    found = [
        f"{here(path)}:{line}"
        for path in files(*text)
        for pattern in patterns
        for line in matches(path.read_text(), pattern)
    ]
    assert not found, ", ".join(found)


def test_tests_mirror_the_tree():
    known = {here(path) for path in files(".py")}
    tests = [
        path
        for path in files(".py")
        if path.is_relative_to(ROOT / "tests")
        and path.parent != ROOT / "tests"
        and path.name.startswith(("test_", "cocotb_"))
        and path.relative_to(ROOT / "tests").parts[0] not in ("repo", "system")
    ]
    fixtures = {path.parent: path.read_text() for path in files("conftest.py")}
    lost = [here(path) for path in tests if not mirrored(path, path.read_text() + fixtures.get(path.parent, ""), known)]
    assert not lost, f"no source file for: {', '.join(lost)}"


def test_a_test_without_a_source_is_found():
    known = {"rtl/common/__init__.py", "rtl/common/stream.py", "golden/arch/isa.py"}
    assert mirrored(ROOT / "tests/rtl/common/test_stream_rules.py", "", known)
    assert mirrored(ROOT / "tests/arch/test_isa.py", "", known)
    assert mirrored(ROOT / "tests/rtl/common/test_throughput.py", "from rtl.common import stream", known)
    assert not mirrored(ROOT / "tests/rtl/common/test_queue.py", "", known)
    assert not mirrored(ROOT / "tests/rtl/core/test_stream.py", "from rtl.core import stream", known)


def test_every_source_is_named_or_covered():
    found = list(cover.wrong(cover.parse((ROOT / cover.LIST).read_text()), cover.KNOWN))
    assert not found, "; ".join(found)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda covered: covered.pop("rtl/core/core.py"), "no test has the name of rtl/core/core.py: write one"),
        (lambda covered: covered.update({"rtl/node.py": "tests/rtl/test_node.py"}), "rtl/node.py has a test of its own name"),
        (lambda covered: covered.update({"rtl/gone.py": "tests/rtl/test_node.py"}), "rtl/gone.py does not exist"),
        (lambda covered: covered.update({"rtl/core/core.py": "tests/rtl/test_nod.py"}), "tests/rtl/test_nod.py, which .* is no test"),
        (lambda covered: covered.update({"rtl/core/core.py": "tests/rtl/conftest.py"}), "tests/rtl/conftest.py, which .* is no test"),
        (lambda covered: covered.update({"rtl/core/core.py": "tests/golden/test_asm.py"}), "test_asm.py does not reach rtl/core/core.py"),
    ],
)
def test_a_planted_mistake_in_the_list_is_one_sentence(change, sentence):
    covered = cover.parse((ROOT / cover.LIST).read_text())
    before = set(cover.wrong(covered, cover.KNOWN))
    change(covered)
    [found] = set(cover.wrong(covered, cover.KNOWN)) - before
    assert re.search(sentence, found), found


def test_tests_are_no_package():
    assert not [here(path) for path in files("__init__.py") if path.is_relative_to(ROOT / "tests")]


def test_every_cocotb_file_has_a_launcher():
    alone = [
        here(path)
        for path in files(".py")
        if path.name.startswith("cocotb_")
        and not any(path.name in launcher.read_text() for launcher in path.parent.glob("test_*.py"))
    ]
    assert not alone, f"no test launches: {', '.join(alone)}"


def test_every_module_says_what_it_is():
    silent = [here(path) for path in files(".py") if not ast.get_docstring(ast.parse(path.read_text()))]
    assert not silent, f"no module docstring: {', '.join(silent)}"


def test_no_file_is_longer_than_one_idea():
    row = re.compile(r"[\s\d.,()+-]*")
    counts = {
        here(path): sum(not row.fullmatch(line) or not line for line in path.read_text().splitlines())
        for path in files(".py")
    }
    long = {name: count for name, count in counts.items() if count > LONGEST}
    assert not long, f"longer than {LONGEST} lines: {long}"


def functions(source: str) -> Iterator[tuple[int, int, str]]:
    """(lines, first line, name) of every function, methods and inner ones included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.end_lineno - node.lineno + 1, node.lineno, node.name


def test_no_function_is_too_long_to_read():
    """Prints the longest of each part; pytest -s shows it."""
    longest: dict[str, tuple[int, str]] = {}
    for path in files(".py"):
        for lines, at, name in functions(path.read_text()):
            part = here(path).split("/")[0]
            longest[part] = max(longest.get(part, (0, "")), (lines, f"{here(path)}:{at} {name}"))
    print(*(f"{part}: {lines} lines, {where}" for part, (lines, where) in longest.items()), sep="\n")
    long = [f"{where} has {lines} lines" for lines, where in longest.values() if lines > LONGEST_FUNCTION]
    assert not long, f"longer than {LONGEST_FUNCTION} lines: {', '.join(long)}"


def test_a_long_function_is_found():
    assert list(functions("class A:\n    def f(self):\n" + "        pass\n" * 101)) == [(102, 2, "f")]


def test_the_lock_holds_every_dependency_and_no_place():
    lock = (ROOT / "requirements.lock").read_text()
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)$", lock, re.MULTILINE))
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert set(wanted) <= set(pinned)
    others = [line for line in lock.splitlines() if not re.fullmatch(r"#.*|[\w.-]+==\S+", line)]
    assert not others, f"neither a comment nor name==version: {others}"


def test_ci_runs_what_a_person_runs():
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_every_verb_of_the_makefile_runs_something_that_exists():
    from sim.commands import COMMANDS

    makefile = (ROOT / "Makefile").read_text()
    called = set(re.findall(r"\$\(RUN\) (\w+)", makefile))
    assert called and called <= set(COMMANDS), f"no such command: {called - set(COMMANDS)}"


def test_a_verb_passes_on_what_was_given_and_no_variable_of_make_itself():
    def options(*given: str) -> dict[str, list[str]]:
        asked = ["make", "-n", "sim", "regress", "waves", "profile", "bench", "verilog", *given]
        said = subprocess.run(asked, cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True).stdout
        return {verb: rest.split() for verb, rest in re.findall(r"^\.venv/bin/python -m sim (\w+)(.*)$", said, re.MULTILINE)}

    verbs = dict.fromkeys(("train", "waves", "profile", "bench", "verilog"), [])
    assert options() == {**verbs, "regress": ["--jobs", "'2'"]}
    assert options("PC=start")["waves"] == ["--pc", "'start'"]


def test_the_makefile_lists_its_verbs():
    makefile = (ROOT / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())
    explained = set(re.findall(r"^(\w+):.*## \S", makefile, re.MULTILINE))
    assert phony == explained == set(re.findall(r"^(\w+):(?!=)", makefile, re.MULTILINE))

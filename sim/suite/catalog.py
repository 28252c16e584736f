"""What can be run: every test by name, with its tags; which of them a pattern or a tag means.

A test's name is pytest's, ``tests/golden/test_asm.py::test_labels[far]``, or ``proof/<part>`` for a part of the network with its proofs
and planted faults. Tags are pytest's marks and ``proof``; a test that takes its random choices from the seed of the run is ``seeded``.
"""

from __future__ import annotations

import ast
import difflib
import fnmatch
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

PROOF = "proof/"
SEEDED = "seeded"
TAGS = {
    "fast": "plain Python or Amaranth's simulator, seconds",
    "rtl": "builds a Verilator model of one unit",
    "system": "whole programs on a node or mesh",
    "slow": "not in `make test`",
    "proof": "a part of the network, proved for all inputs",
    SEEDED: "takes its random choices from the seed: run once for each",
}


@dataclass(frozen=True)
class Case:
    """Something that passes or fails."""

    name: str
    tags: frozenset[str] = frozenset()

    @property
    def file(self) -> str:
        """What one process runs together."""
        return self.name if self.name.startswith(PROOF) else self.name.split("::")[0]

    @property
    def seeded(self) -> bool:
        return SEEDED in self.tags


def files(root: Path) -> list[str]:
    """Files that hold tests, in order of their names."""
    return sorted(str(path.relative_to(root)) for path in (root / "tests").rglob("test_*.py"))


def proofs() -> list[Case]:
    """Parts of the network that are proved."""
    from sim.suite.formal import PROOFS

    return [Case(PROOF + proof.part, frozenset({"proof", "slow"})) for proof in PROOFS]


def means(pattern: str, name: str) -> bool:
    """Whether a pattern names a test (behind ``::``), a file or a folder above it; * and ? stand for anything, brackets for themselves."""
    plain = pattern.rstrip("/").replace("[", "[[]")
    below = name.startswith((f"{pattern.rstrip('/')}/", f"{pattern}::", f"{pattern}["))
    return below or fnmatch.fnmatchcase(name, plain) or any(fnmatch.fnmatchcase(name, f"{plain}{more}*") for more in ("::", "[", "/"))


def reach(pattern: str, file: str) -> bool:
    """Whether a pattern may mean tests of a file, whose tests are not known yet."""
    return means(pattern.split("::")[0], file)


def select(patterns: Sequence[str], names: Iterable[str], meant: Callable[[str, str], bool] = means) -> list[str]:
    """Names that a pattern means, all without patterns. ValueError with near names for a pattern that means none."""
    known = list(names)
    for pattern in patterns:
        if not any(meant(pattern, name) for name in known):
            near = near_names(pattern, known)
            raise ValueError(f"no test is called {pattern}" + (f": did you mean {' or '.join(near)}?" if near else ""))
    return [name for name in known if not patterns or any(meant(pattern, name) for pattern in patterns)]


def near_names(pattern: str, names: Iterable[str], most: int = 3) -> list[str]:
    """Names that look like a mistyped one: as a whole, or in the last part of their path; folders of names where none does."""
    known = list(dict.fromkeys(names))
    whole = difflib.get_close_matches(pattern, known, most, 0.8)
    last = {name.rsplit("::")[-1].rsplit("/")[-1]: name for name in reversed(known)}
    plain = pattern.rsplit("::")[-1].rstrip("/").rsplit("/")[-1]
    ends = [last[name] for name in difflib.get_close_matches(plain, last, most, 0.7)]
    folders = dict.fromkeys(str(folder) for name in known for folder in PurePosixPath(name.split("::")[0]).parents)
    return list(dict.fromkeys([*whole, *ends]))[:most] or difflib.get_close_matches(pattern.rstrip("/"), folders, 1, 0.8)


def tagged(expression: str, tags: frozenset[str]) -> bool:
    """Whether tags fit an expression of their names with ``and``, ``or``, ``not`` and brackets. ValueError when it is none."""

    def value(node: ast.expr) -> bool:
        match node:
            case ast.Name(id=name) if name in TAGS:
                return name in tags
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not value(operand)
            case ast.BoolOp(op=op, values=values):
                found = [value(each) for each in values]
                return all(found) if isinstance(op, ast.And) else any(found)
        raise ValueError(f"{expression!r} is no expression of tags ({', '.join(TAGS)}; and, or, not)")

    try:
        parsed = ast.parse(expression, mode="eval")
    except SyntaxError:
        raise ValueError(f"{expression!r} is no expression of tags ({', '.join(TAGS)}; and, or, not)") from None
    return value(parsed.body)

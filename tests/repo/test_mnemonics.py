"""No reader asks what an instruction is by its spelling: the fields of its record say it (golden/arch/isa, golden/arch/classes.py).

The table itself and the assembler's text spell; the reference binds a function to a mnemonic, which is no question.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from golden.arch.isa import BY_MNEMONIC
from sim.files import of_the_project

ROOT = Path(__file__).resolve().parents[2]
READERS = ("golden", "rtl", "sim", "tb")
SPELL = ("golden/arch/isa", "golden/asm")
TAKES_APART = {"startswith", "endswith", "removeprefix", "removesuffix", "partition", "rpartition", "split", "rsplit", "find", "index"}


def strings(node: ast.AST) -> set[str]:
    return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def spelled(node: ast.AST) -> bool:
    """Whether an expression is about a mnemonic by its name."""
    return any("mnemonic" in (getattr(part, "id", "") + getattr(part, "attr", "")).lower() for part in ast.walk(node))


def questions(source: str) -> Iterator[tuple[int, str]]:
    """(line, expression) of every comparison of a mnemonic with a string, and of everything that takes a mnemonic apart."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            texts = set().union(*map(strings, sides))
            if texts & BY_MNEMONIC.keys() or (texts and any(map(spelled, sides))):
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in TAKES_APART and spelled(node.func.value):
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice | ast.Constant) and spelled(node.value):
            if isinstance(node.slice, ast.Slice) or isinstance(node.slice.value, int):
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Match):
            for case in node.cases:
                if strings(case.pattern) & BY_MNEMONIC.keys() or (strings(case.pattern) and spelled(node.subject)):
                    yield case.pattern.lineno, ast.unparse(case.pattern)


def test_no_mnemonic_is_compared_with_a_string():
    found = []
    for path in of_the_project(ROOT):
        place = path.relative_to(ROOT)
        if path.suffix == ".py" and place.parts[0] in READERS and not str(place).startswith(SPELL):
            found += [f"{place}:{line}: {text}" for line, text in questions(path.read_text())]
    assert not found, f"ask a field of the record instead of its spelling: {'; '.join(found)}"


@pytest.mark.parametrize(
    "source",
    [
        'insn.mnemonic == "halt"',
        'name in ("vld.c", "vst.c")',
        'insn.mnemonic.startswith("drain")',
        "insn.mnemonic[:2] in names",
        'insn.mnemonic.split(".")[1]',
        'match insn.mnemonic:\n    case "halt" | "trap":\n        pass',
    ],
)
def test_a_planted_question_is_found(source):
    assert list(questions(source))


@pytest.mark.parametrize(
    "source",
    ["SEMANTICS[insn.mnemonic]", "insn.port is Port.DRAIN", "isa.BY_MNEMONIC['halt']", 'print(f"{insn.mnemonic} ends")'],
)
def test_other_uses_are_none(source):
    assert not list(questions(source))

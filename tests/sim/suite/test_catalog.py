"""Names, patterns and tags of tests; what a mistyped one is told."""

import pytest

from sim.compile.cache import ROOT
from sim.suite import catalog
from sim.suite.catalog import Case, means, near_names, reach, select, tagged

NAMES = ["tests/a/test_asm.py::test_labels[far]", "tests/a/test_asm.py::test_words", "tests/b/test_disasm.py::test_words", "proof/FIFO"]


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("tests/a/test_asm.py::test_labels[far]", [0]),
        ("tests/a/test_asm.py::test_labels", [0]),
        ("tests/a/test_asm.py", [0, 1]),
        ("tests/a", [0, 1]),
        ("tests/a/", [0, 1]),
        ("tests/*/test_*asm.py", [0, 1, 2]),
        ("*::test_words", [1, 2]),
        ("*::*far?", [0]),
        ("proof/*", [3]),
        ("tests/a/test_as", []),
        ("test_words", []),
    ],
)
def test_what_a_pattern_means(pattern, meant):
    assert [number for number, name in enumerate(NAMES) if means(pattern, name)] == meant
    files = {Case(name).file for name in NAMES}
    assert {file for file in files if reach(pattern, file)} >= {Case(NAMES[number]).file for number in meant}


def test_all_without_patterns_and_each_once_with_several():
    assert select([], NAMES) == NAMES
    assert select(["*words", "tests/a", "proof/FIFO"], NAMES) == NAMES


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("tests/c/speed.py", []),
        ("tests/a/test_asn.py", ["tests/a/test_asm.py", "tests/b/test_disasm.py"]),
        ("test_asm.py", ["tests/a/test_asm.py", "tests/b/test_disasm.py"]),
        ("tests/b/test_asm.py", ["tests/a/test_asm.py", "tests/b/test_disasm.py"]),
        ("proof/fifo", []),
    ],
)
def test_near_names(typed, near):
    assert near_names(typed, [Case(name).file for name in NAMES]) == near


def test_an_unknown_pattern_is_one_sentence_with_near_names():
    with pytest.raises(ValueError, match=r"^no test is called test_word: did you mean tests/a/test_asm.py::test_words\?$"):
        select(["tests/a", "test_word"], NAMES)
    with pytest.raises(ValueError, match=r"^no test is called tests/rtl/nco: did you mean tests/rtl/noc\?$"):
        select(["tests/rtl/nco"], ["tests/rtl/noc/test_link.py", "tests/rtl/mem/test_sram.py", "proof/fifo"])
    with pytest.raises(ValueError, match="^no test is called xyz$"):
        select(["xyz"], NAMES)


@pytest.mark.parametrize(
    ("expression", "fits"),
    [("rtl", True), ("slow", False), ("not slow", True), ("rtl and slow", False), ("rtl or slow", True), ("not (rtl or slow)", False)],
)
def test_tags(expression, fits):
    assert tagged(expression, frozenset({"rtl", "seeded"})) is fits


@pytest.mark.parametrize("expression", ["quick", "rtl slow", "rtl + slow", "", "rtl()"])
def test_what_is_no_expression_of_tags_is_one_sentence(expression):
    with pytest.raises(ValueError, match=r"is no expression of tags \(fast, rtl, .*; and, or, not\)$"):
        tagged(expression, frozenset())


def test_this_file_and_every_proof_are_known():
    assert "tests/sim/suite/test_catalog.py" in catalog.files(ROOT) and "tests/conftest.py" not in catalog.files(ROOT)
    assert Case("proof/FIFO", frozenset({"proof", "slow"})) in catalog.proofs()
    assert not Case("proof/FIFO").seeded and Case("x", frozenset({"seeded"})).seeded

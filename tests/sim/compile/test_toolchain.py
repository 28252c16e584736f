"""Choosing and repairing Verilator."""

import pytest

from sim.compile import toolchain

MAKEFILE = "AR = /somewhere/ar\nPERL =\nCFG_CXXFLAGS_PCH_I = \nOPT_FAST = -Os\n"


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Verilator 5.036 2025-04-27 rev v5.036", (5, 36)),
        ("Verilator 5.006 2023-01-22 rev (Debian 5.006-3)", (5, 6)),
        ("command not found", None),
    ],
)
def test_version_is_read(text, version):
    assert toolchain.version_of(text) == version


def test_debians_own_is_too_old():
    assert toolchain.version_of("Verilator 5.006 2023-01-22") < toolchain.OLDEST


def test_repair_replaces_settings_and_nothing_else():
    fixed = toolchain.repair(MAKEFILE, {"AR": "ar", "PERL": "perl", "CFG_CXXFLAGS_PCH_I": "-include"})
    assert fixed == "AR = ar\nPERL = perl\nCFG_CXXFLAGS_PCH_I = -include\nOPT_FAST = -Os\n"


def test_repair_replaces_a_setting_that_a_later_line_sets_again():
    assert toolchain.repair("CXX = /a/c++\nCXX = c++\n", {"CXX": "g++"}) == "CXX = g++\nCXX = g++\n"


def test_repair_refuses_a_makefile_that_it_does_not_know():
    with pytest.raises(toolchain.ToolError, match="no line that sets LINK"):
        toolchain.repair(MAKEFILE, {"LINK": "g++"})


def test_the_verilator_in_use_has_its_headers():
    assert (toolchain.verilator().root / "include" / "verilated.h").is_file()

"""Choosing Verilator."""

import pytest

from sim.compile import toolchain


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


def test_the_verilator_in_use_has_its_headers():
    assert (toolchain.verilator().root / "include" / "verilated.h").is_file()

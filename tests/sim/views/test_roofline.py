"""Kernels under their roofs."""

import pytest

from sim.views.roofline import RoofError, plot_roofline, point


def row(steps: int, accesses: int, cycles: int) -> dict:
    return {"name": "k", "cycles": cycles, "accesses": accesses, "causes": {"step": steps}}


def test_where_a_kernel_stands():
    assert point(row(50, 25, 100)) == (2.0, 0.5)


def test_a_kernel_without_steps_has_no_place():
    assert point(row(0, 25, 100)) is None and point(row(5, 0, 100)) is None


@pytest.mark.parametrize("above", [row(101, 25, 100), row(50, 201, 100)])
def test_a_kernel_above_a_roof_is_a_bug(above):
    with pytest.raises(RoofError, match="k: .* in 100 cycles are more than the machine can begin"):
        point(above)


def test_a_picture_is_made(tmp_path):
    plot_roofline(tmp_path / "r.png", [row(50, 25, 100), row(0, 3, 4)], "a test")
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")

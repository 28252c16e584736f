"""Seeds by name."""

from tb.seed import derive


def test_seeds_depend_on_both_and_on_nothing_else():
    # sha256("1/source"), first eight bytes little-endian: the value that every machine must get.
    assert derive(1, "source") == 0x3e63878a43557d99
    assert len({derive(seed, name) for seed in range(50) for name in ("source", "sink")}) == 100

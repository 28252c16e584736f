"""The collector stands still for a while, and only then."""

import gc

import pytest

from sim.compile.garbage import uncollected


@pytest.mark.parametrize("collects", [True, False])
def test_the_collector_goes_on_as_before(collects):
    before = gc.isenabled()
    try:
        gc.enable() if collects else gc.disable()
        with uncollected():
            assert not gc.isenabled()
            with uncollected():
                assert not gc.isenabled()
            assert not gc.isenabled()
        assert gc.isenabled() is collects
        with pytest.raises(ValueError, match="fails"), uncollected():
            raise ValueError("fails")
        assert gc.isenabled() is collects
    finally:
        gc.enable() if before else gc.disable()

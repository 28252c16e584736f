"""The router under every pattern crossed with every kind of back-pressure, its throughput asserted."""

import pytest

from rtl.noc.router import Router


@pytest.mark.rtl
def test_every_pattern_under_every_back_pressure(bench):
    assert len(bench(Router(), "cocotb_router.py")) == 61

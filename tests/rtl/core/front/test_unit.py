"""The front end against the instruction-set simulator: random programs of all threads, on a back end that is played."""

import pytest

from golden.rig.faults import FAULTS
from tests.rtl.core.front.played import CONFIG
from tests.rtl.core.front.side import FrontSide


@pytest.mark.rtl
def test_programs_under_cocotb(bench):
    assert len(bench(FrontSide(CONFIG), "cocotb_unit.py", config="tiny")) == 45 + 2 * len(FAULTS)

"""The silicon form of components: gates inside the context, and nothing changed after it."""

import pytest

from rtl.fp.adder import Adder, Body
from rtl.noc.layouts import BODY
from rtl.noc.router import Router
from sim.suite.timing_silicon import silicon


@pytest.mark.fast
def test_silicon_has_gates_and_afterwards_nothing_has_changed():
    with silicon():
        assert Adder(8).body is Body.SYNTHESIS and Router().gates
        assert 50 <= BODY.size / Router().slices <= 70
    assert not Router().gates and Router().slices == 1
    assert Adder(8).body is Body.SIMULATION

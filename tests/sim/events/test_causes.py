"""The cause of a cycle out of its record."""

from golden.arch.memmap import Counter
from sim.events.causes import CAUSES, IDLE, cause


def test_every_bit_has_the_name_of_its_counter():
    for name, counter in CAUSES.items():
        if name != "step":
            assert cause({"matrix_step": 0, "matrix_wait": 1 << counter - Counter.MATRIX_WAIT_LOAD}) == name
    assert cause({"matrix_step": 1, "matrix_wait": 0}) == "step"
    assert cause({"matrix_step": 0, "matrix_wait": 1 << Counter.MATRIX_IDLE - Counter.MATRIX_WAIT_LOAD}) == IDLE

"""The matrix unit under Verilator: random steps, loads and drains of all threads against golden numerics.

The lanes' synthesis body is held against golden in tests/rtl/fp/test_dot.py; this file is about what the unit adds:
operand layouts of every storage order and format, loads and drains of every beat, order, and latencies.
"""

import pytest

from rtl.core import operations
from rtl.core.matrix.unit import MatrixUnit


@pytest.mark.rtl
def test_unit_equals_golden(bench):
    latencies = {
        name: getattr(operations, name) for name in ("STEP_TO_DRAIN", "DRAIN_TO_STEP", "DRAIN_LATENCY", "NARROW_LATENCY", "DIGEST_LATENCY")
    }
    passed = bench(MatrixUnit(trace=True, gated=True), "cocotb_unit.py", parameters=latencies)
    assert len(passed) == 19

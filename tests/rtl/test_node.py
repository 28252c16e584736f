"""A whole node in Verilator under cocotb: packets in, packets out, its trace in lockstep with the simulator."""

import pytest

from golden.rig.faults import FAULTS
from sim.jobs import machine


@pytest.mark.rtl
def test_a_node_under_cocotb(bench, request):
    # Lines and bits are counted in the units' benches: a node that counts them compiles for a quarter of an hour.
    option = request.config.getoption
    node = machine.design("tiny", trace=True, names=option("waves"), assertions=option("random_state"))
    passed = bench(node, "cocotb_node.py", parameters={"config": "tiny"}, counted=False)
    assert len(passed) == 18 + len(FAULTS)

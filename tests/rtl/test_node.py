"""A whole node in Verilator under cocotb: packets in, packets out, its trace in lockstep with the simulator."""

import pytest

from golden.arch.config import get_config
from rtl.node import Node


@pytest.mark.rtl
def test_a_node_under_cocotb(bench):
    # Lines and bits are counted in the units' benches: a node that counts them compiles for a quarter of an hour.
    node = Node(get_config("tiny"), trace=True)
    passed = bench(node, "cocotb_node.py", config="tiny", parameters={"config": "tiny"}, counted=False)
    assert len(passed) == 28

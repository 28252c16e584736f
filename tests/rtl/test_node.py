"""A whole node in Verilator under cocotb: packets in, packets out, its trace in lockstep with the simulator."""

import pytest

from golden.arch.config import get_config
from rtl.node import Node


@pytest.mark.rtl
def test_a_node_under_cocotb(bench):
    passed = bench(Node(get_config("tiny"), trace=True), "cocotb_node.py", config="tiny", parameters={"config": "tiny"})
    assert len(passed) == 24

"""Stream buffers: behaviour under cocotb for every buffer, messages for bad parameters."""

import pytest
from amaranth.hdl import signed
from amaranth.lib import data

from rtl.common.stream import Buffer, Queue, SkidBuffer


class Item(data.Struct):
    number: 8
    sign: signed(4)


BUFFERS = {
    "buffer": (lambda: Buffer(Item), 1),
    "skid": (lambda: SkidBuffer(Item), 2),
    "queue2": (lambda: Queue(Item, 2), 2),
    "queue5": (lambda: Queue(Item, 5), 5),
    "queue16": (lambda: Queue(Item, 16), 16),
}


@pytest.mark.rtl
@pytest.mark.parametrize("name", BUFFERS)
def test_buffer_keeps_the_stream_rules(bench, name):
    make, capacity = BUFFERS[name]
    passed = bench(make(), "cocotb_stream.py", parameters={"capacity": capacity})
    assert len(passed) == 28


def test_queue_refuses_a_depth_below_two():
    with pytest.raises(ValueError, match="at least 2 entries, not 1"):
        Queue(8, 1)

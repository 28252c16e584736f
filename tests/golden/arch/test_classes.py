"""Every value of an instruction's properties is another number, from 0 on: two names of one number would be one instruction to the RTL."""

from enum import IntEnum

import pytest

from golden.arch import classes
from golden.arch.classes import Alu, Compare, DescriptorUse, Flow, Logic, Matrix, Port, Queue, Reduce, Step

ENUMS = {Flow: 16, Queue: 3, Port: 14, Alu: 15, Compare: 3, Logic: 4, DescriptorUse: 5, Step: 4, Matrix: 5, Reduce: 3}


@pytest.mark.parametrize(("of", "count"), ENUMS.items(), ids=lambda value: getattr(value, "__name__", None))
def test_values_count_from_zero(of, count):
    assert [int(value) for value in of.__members__.values()] == list(range(count))


def test_every_enum_is_counted():
    found = {of for of in vars(classes).values() if isinstance(of, type) and issubclass(of, IntEnum) and of.__module__ == classes.__name__}
    assert found - set(ENUMS) == {classes._Format, classes.Format}


def test_instructions_that_leave_decode_alone_by_hand():
    assert Flow.PLAIN not in classes.ENDS_GROUP and len(classes.ENDS_GROUP) == 15
    late = {"HALT", "TRAP", "FENCE", "IFLUSH", "WAIT", "WAITR", "BARRIER", "TSTART", "TJOIN"}
    assert {flow.name for flow in classes.RETIRES_LATE} == late
    assert {flow.name for flow in classes.DRAINS} == late - {"WAIT", "WAITR", "TJOIN"}
    assert {port.name for port, queue in classes.QUEUES.items() if queue is Queue.VECTOR} == {"SIMD", "MATRIX"}
    assert [port.name for port, queue in classes.QUEUES.items() if queue is Queue.NONE] == ["FRONT"]

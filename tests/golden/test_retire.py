"""What the trace ports say becomes records, or an error when it contradicts itself."""

import pytest

from golden.arch.config import get_config
from golden.asm import assemble
from golden.retire import Collector, TraceError

FEATURES = get_config("tiny").features


def word(text: str) -> int:
    return assemble(text).words[0]


def dispatched(text: str, seq: int = 0) -> Collector:
    collector = Collector(FEATURES)
    event = {"valid": 1, "thread": 1, "seq": seq, "pc": 0x40, "word": word(text), "executed": 1, "result": 0}
    collector.feed("dispatch__0", event)
    return collector


def test_a_record_is_complete_when_its_result_has_come():
    collector = dispatched("addi x3, x4, 5")
    assert collector.complete()[1] == [] == collector.take()
    collector.feed("scalar__2", {"valid": 1, "thread": 1, "seq": 0, "kind": 0, "index": 3, "value": 9})
    [record] = collector.complete()[1]
    assert (record.pc, record.effects) == (0x100, [("x", 3, 9)])
    collector.finish()
    assert collector.take() == [record] and collector.complete()[1] == []


def test_a_vector_load_is_its_lanes_whatever_their_order():
    collector = dispatched("vld.c v5, d1")
    collector.feed("load__0", {"valid": 1, "thread": 1, "seq": 0, "reg": 5})
    for lane in (3, 0, 7, 6, 1, 2, 4, 5):
        collector.feed(f"lane__{8 + lane}", {"valid": 1, "thread": 1, "reg": 5, "data": lane})
    [record] = collector.complete()[1]
    assert record.effects == [("v", 5, b"".join(lane.to_bytes(8, "little") for lane in range(8)))]


def test_a_result_that_never_came():
    with pytest.raises(TraceError, match="thread 1 seq 0 at pc 0x100: never complete"):
        dispatched("addi x3, x4, 5").finish()
    dispatched("addi x3, x4, 5").finish(frozenset({1}))


@pytest.mark.parametrize("index, seq", [(4, 0), (3, 1)])
def test_a_result_that_nobody_promised(index, seq):
    collector = dispatched("addi x3, x4, 5")
    with pytest.raises(TraceError, match="does not promise|no instruction of that number"):
        collector.feed("scalar__0", {"valid": 1, "thread": 1, "seq": seq, "kind": int(index == 4), "index": index, "value": 9})


def test_a_port_that_does_not_exist():
    with pytest.raises(ValueError, match="no trace port matrox"):
        Collector(FEATURES).feed("matrox", {"valid": 1})

"""What is kept of the simulator: joined again it is what retired, and every view of instructions works on it."""

import numpy as np
import pytest

from golden.arch.config import get_config
from golden.asm import assemble
from golden.iss.node import Simulator
from golden.iss.state import Node
from golden.kernels.job import random_job
from golden.retire import Collector
from sim.events.file import EventsError, Recording
from sim.events.instructions import follow
from sim.events.recorder import Wish
from sim.events.simulated import KINDS, simulated, told
from sim.jobs.program import Work, simulate

CONFIG = get_config("tiny")
SOURCE = """start:  li x1, 5
        plti p1, x1, 6
        por p2, p1, p1
        (p2) addi x2, x1, 1
        pgei p3, x1, 6
        (p3) addi x2, x1, 2
        raise 3, 2
        st.d x2, x0, 0x80
        ld.h x3, x0, 0x80
        halt
start1: wait 3, 2
        halt
"""


def work() -> Work:
    return Work(assemble(SOURCE), CONFIG)


def records(kind: str) -> list:
    """Of a program with everything scalar, or of a kernel with loads, steps, SIMD operations and drains."""
    if kind == "program":
        node = work().node()
    else:
        job = random_job(CONFIG, kind, np.random.default_rng(1))
        node = Node(CONFIG)
        for at, part in [(job.program.origin, job.program.image), *job.inputs]:
            node.write(at, part)
        for launch in job.launches:
            node.threads[launch.thread].start(launch.pc, launch.args)
    return list(Simulator(node, strict=False).run())


@pytest.mark.parametrize("kind", ["program", "gemm", "softmax", "relu-backward"])
def test_what_is_told_is_what_retired(kind):
    collector, retired = Collector(CONFIG.features), records(kind)
    for record in retired:
        for name, fields in told(record, CONFIG.features):
            collector.feed(f"{name}__record__0", KINDS[name].unpack(KINDS[name].pack(fields)))
    collector.finish()
    joined = [record for records in collector.complete().values() for record in records]
    by_place = {(record.thread, record.seq): record.canonical() for record in retired}
    assert {(record.thread, record.seq): record.canonical() for record in joined} == by_place and len(by_place) > 10


@pytest.fixture
def plain() -> Work:
    return work()


def test_a_run_is_read_back_in_the_order_of_its_instructions(tmp_path, plain):
    assert simulate(plain, lambda _: None, Wish(tmp_path / "a.events", title="a test", program=plain.program))
    recording = Recording(tmp_path / "a.events")
    lives = follow(recording, *recording.window()).lives
    assert recording.window() == (0, len(lives)) and [life.begun for life in lives] == list(range(len(lives)))
    added = next(life for life in lives if life.text.endswith("addi x2, x1, 1"))
    assert added.effects == [("x", 2, 6)] and ("x1", 5) in added.sources and all(life.whole for life in lives)


def test_a_window_of_instructions(tmp_path, plain):
    simulate(plain, lambda _: None, Wish(tmp_path / "a.events", first=3, last=6))
    recording = Recording(tmp_path / "a.events")
    assert recording.window() == (3, 6) and len(follow(recording, 3, 6).lives) == 3


def test_a_window_behind_the_end_is_told(tmp_path, plain):
    with pytest.raises(EventsError, match=r"the run has 12 instructions: the window 50:100050 begins behind its end"):
        simulate(plain, lambda _: None, Wish(tmp_path / "a.events", first=50))
    assert not list(tmp_path.iterdir())


def test_who_wishes_for_nothing_gets_nothing():
    with simulated(None, CONFIG) as taker:
        assert taker is None

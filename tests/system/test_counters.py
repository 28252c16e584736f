"""What the counters count, against the instructions that the simulator executes."""

import pytest

from golden.arch.config import get_config
from golden.arch.isa import THREADS
from golden.arch.memmap import Counter
from golden.asm import assemble
from golden.iss.node import Simulator
from golden.iss.state import Node
from golden.kernels.job import Launch
from sim.jobs.host import Host

pytestmark = pytest.mark.system
MEETINGS = "\n".join(["start:", *["        barrier 0, 4"] * 8, "        addi x1, x1, 1", "        halt"])


def test_threads_that_end_their_waiting_together_all_count(engine):
    program = assemble(MEETINGS)
    launches = [Launch(thread, program.origin, (0,)) for thread in range(THREADS)]
    node = Node(get_config("tiny"))
    node.write(program.origin, program.image)
    for launch in launches:
        node.threads[launch.thread].start(launch.pc, launch.args)
    executed = sum(1 for _ in Simulator(node).run())
    host = Host(engine)
    host.write([(program.origin, program.image)])
    before = host.counters()
    host.run(launches)
    after = host.counters()
    assert sum(after[c] - before[c] for c in (Counter.RETIRED_FRONT, Counter.RETIRED_SCALAR)) == executed == 10 * THREADS

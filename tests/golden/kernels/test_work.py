"""What a text asks of the pipes, against what the simulator executes."""

import pytest

from golden.arch import isa
from golden.arch.classes import Port
from golden.arch.config import CONFIGS
from golden.arch.isa import lookup
from golden.iss.node import Simulator
from golden.iss.state import Node
from golden.kernels import KERNELS
from golden.kernels.job import make_job, named
from golden.kernels.work import Work, work, work_of
from tests.golden.kernels.bench import shapes

TINY = CONFIGS["tiny"]


def executed(kernel, rng) -> Work:
    """Counted as it runs, without the call and the end."""
    job = make_job(TINY, kernel, kernel.example(rng))
    node = Node(TINY)
    for address, image in [(job.program.origin, job.program.image), *job.inputs]:
        node.write(address, image)
    [launch] = job.launches
    node.threads[0].start(launch.pc, launch.args)
    insns = [lookup(record.word, TINY.features) for record in Simulator(node).run()]
    end = next(i for i, insn in enumerate(insns) if insn.mnemonic == "call") + 1
    insns = insns[end:-1]
    simd = sum(2 if insn.special else 1 for insn in insns if insn.port is Port.SIMD)
    return Work(sum(insn.port is Port.MATRIX for insn in insns), simd, len(insns))


@pytest.mark.parametrize("name", sorted(KERNELS))
def test_every_kernel_asks_what_it_executes(name, rng):
    for given in list(shapes(name, rng, 40))[::9]:
        kernel = named(name, **given)
        assert work(kernel) == executed(kernel, rng), given


def test_loops_multiply_and_end_together():
    text = "x: li x30, 20\n  loop end, x30\n vfadd v1, v2, v3\n loopi end, 3\n step.bf16 c0, v1, v2\n vexp2 v1, v1\nend: jr x31\n"
    assert work_of(text) == Work(matrix=60, simd=20 + 120, instructions=1 + 1 + 40 + 120 + 1)
    text = "x: li x27, 5\nagain:\n addi x27, x27, -1\n pnei p1, x27, 0\n"
    text += " loopi end, 3\n step.bf16 c0, v1, v2\nend:\n vfadd v1, v2, v3\n (p1) br again\n jr x31\n"
    assert work_of(text) == Work(matrix=15, simd=5, instructions=1 + 5 * (2 + 1 + 3 + 1 + 1) + 1)
    assert {"li", "loop", "loopi", "vexp2"} <= isa.BY_MNEMONIC.keys()

"""Random programs executed by the reference, thread by thread or in any order."""

import random
from collections.abc import Callable

from golden.arch.config import CONFIGS, NodeConfig
from golden.iss.node import Simulator
from golden.iss.state import Node
from golden.rig import Rig, RigJob
from golden.rig.reduce import loaded

TINY = CONFIGS["tiny"]
LIMIT = 50_000


def failing(fails: Callable[[RigJob], bool], length: int, **settings: int) -> Rig:
    """The program of the lowest seed that fails: what a seed draws changes with the table of instructions."""
    return next(rig for rig in (Rig(seed, TINY, length, **settings) for seed in range(100)) if fails(rig.job(rig.numbers())))


def load(job: RigJob, config: NodeConfig = TINY) -> Simulator:
    return loaded(job, config)


def finish(job: RigJob, config: NodeConfig = TINY) -> tuple[Node, list]:
    simulator = load(job, config)
    records = list(simulator.run(LIMIT))
    return simulator.node, records


def shuffled(job: RigJob, rng: random.Random) -> Node:
    """The same job, a random thread at a time, in runs of up to 40 instructions."""
    simulator = load(job)
    while runs := [t for t in simulator.node.threads if t.runs]:
        thread = rng.choice(runs)
        for _ in range(rng.randint(1, 40)):
            if thread.runs and simulator.step(thread) is None:
                break
    return simulator.node


def end_state(node: Node) -> list:
    threads = [(t.state, t.cause, t.operand, t.x, t.p, t.v.tobytes(), [c.raw().tobytes() for c in t.c], t.inner) for t in node.threads]
    return [*threads, node.semaphores[:40], node.sram.tobytes()]

"""Races: pairs of accesses that nothing orders are found, and ordered ones are none; kernels and random programs have none."""

import random

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.arch.descriptor import Descriptor
from golden.asm import assemble
from golden.iss.node import Simulator
from golden.iss.races import MOST, Races
from golden.iss.state import Node
from golden.kernels import KERNELS
from golden.kernels.job import Launch, named, random_job
from golden.litmus import FENCED, NOTHING, TABLE, WORD, disturbed
from golden.rig import Rig
from golden.workloads.workload import named as workload

TINY = CONFIGS["tiny"]
SETD = "".join(
    f"li64 x8, {low}\nli64 x9, {high}\nsetd d{d}, x8, x9\n"
    for d, (low, high) in enumerate(image.pack() for image in (Descriptor(base=0x4000 // 8, rows=8, columns=8, row_pitch=8),))
)


def races(memory, launches, config=TINY):
    node = Node(config)
    for address, image in memory:
        node.write(address, image)
    for launch in launches:
        node.threads[launch.thread].start(launch.pc, launch.args)
    found = Races(node)
    Simulator(node, races=found).finish()
    return found.found


def of(*threads):
    """Races of threads that start together, and the program."""
    program = assemble("".join(f"start{t}:\n{text}\nhalt\n" for t, text in enumerate(threads)))
    node = Node(TINY)
    node.write(program.origin, program.image)
    for t in range(len(threads)):
        node.threads[t].start(program.labels[f"start{t}"], ())
    found = Races(node)
    Simulator(node, races=found).finish()
    return found.found, program


WRITE, READ = "st.d x10, x0, 128", "ld.w x20, x0, 132"
VECTOR = {"vld.g8 v1, d0": ("vld.g8 v1, d0", "st.b x10, x1, 64"), "vst.g8 v1, d0": ("vst.g8 v1, d0", "ld.d x10, x1, 448")}


@pytest.mark.parametrize(("one", "other"), [(WRITE, READ), (READ, WRITE), (WRITE, WRITE)])
def test_both_instructions_are_told(one, other):
    (race,), program = of(one, f"nop\n{other}")
    assert {race.first.thread, race.second.thread} == {0, 1} and race.address in (128, 132)
    text = race.told(program, "race.s")
    verbs = {"st.d": "writes", "ld.w": "reads"}
    assert text.startswith(f"race at {race.address:#x}: thread ")
    assert f"thread 0 at 0x100 ({one}, race.s:2) {verbs[one[:4]]} it" in text
    assert f"thread 1 at 0x10c ({other}, race.s:6) {verbs[other[:4]]} it" in text and "nothing orders the two" in text


@pytest.mark.parametrize("line", VECTOR)
def test_the_bytes_of_a_vector_access_count(line):
    vector, scalar = VECTOR[line]
    for offset, expected in ((0, 1), (16, 0)):
        at = scalar.rsplit(" ", 1)
        text = f"li64 x1, 0x4000\naddi x1, x1, {offset}\n{at[0]} {at[1]}"
        assert len(of(f"{SETD}{vector}", text)[0]) == expected, offset


ORDERED = {
    "semaphore": (f"{WRITE}\nraise 3, 1", f"wait 3, 1\n{READ}"),
    "waitr": (f"{READ}\nraise 3, 1", f"li x5, 1\nwaitr 3, x5\n{WRITE}"),
    "by way of a third": (f"{WRITE}\nraise 3, 1", "wait 3, 1\nraise 4, 1", f"wait 4, 1\n{READ}"),
    "barrier": (f"{WRITE}\nbarrier 1, 2", f"barrier 1, 2\n{READ}"),
    "barrier of three": (f"{WRITE}\nbarrier 1, 3", "nop\nnop\nbarrier 1, 3", f"barrier 1, 3\n{READ}"),
    "start": (f"br go\nthere:\n{READ}\nhalt\ngo:\n{WRITE}\ntstart 1, there\ntjoin 1",),
    "join": (f"br go\nthere:\n{WRITE}\nhalt\ngo:\ntstart 1, there\ntjoin 1\n{READ}",),
    "other bytes": (WRITE, "ld.d x20, x0, 136"),
    "reads": (READ, READ),
}
RACY = {
    "after the raise": (f"raise 3, 1\n{WRITE}", f"wait 3, 1\nnop\n{READ}"),
    "before the wait": (f"{WRITE}\nraise 3, 1", f"{READ}\nwait 3, 1"),
    "another semaphore": (f"{WRITE}\nraise 3, 1\nraise 4, 1", f"nop\nnop\nnop\nnop\nraise 5, 1\n{READ}"),
    "after the barrier": (f"barrier 1, 2\n{WRITE}", f"barrier 1, 2\n{READ}"),
    "after the start": (f"br go\nthere:\n{READ}\nhalt\ngo:\ntstart 1, there\n{WRITE}\ntjoin 1",),
    "a fence alone": (f"{WRITE}\nfence", f"fence\n{READ}"),
    "the older of two writes": (f"{WRITE}\nraise 3, 1\n{WRITE}", f"wait 3, 1\n{READ}"),
}


@pytest.mark.parametrize("name", ORDERED)
def test_what_is_ordered_is_no_race(name):
    assert of(*ORDERED[name])[0] == []


@pytest.mark.parametrize("name", RACY)
def test_what_is_not_is_one(name):
    assert len(of(*RACY[name])[0]) == 1


def test_a_pair_is_told_once_and_not_more_than_can_be_read():
    assert len(of(f"loopi e, 9\n{WRITE}\nnop\ne:", f"loopi e2, 9\n{READ}\nnop\ne2:")[0]) == 2  # each of the two came first once
    many = "\n".join(f"st.d x10, x0, {128 + 8 * k}" for k in range(30))
    assert len(of(many, many)[0]) == MOST


@pytest.mark.parametrize("each", [each for each in TABLE if len(each.threads) > 1], ids=lambda each: each.name)
def test_litmus_programs_race_where_their_rule_promises_nothing_of_other_threads(each):
    run = disturbed(each, random.Random(5))
    assert bool(races(run.memory, run.launches)) == (each.rule in (NOTHING, WORD, FENCED))


def test_random_programs_have_none():
    for seed in range(12):
        job = Rig(seed, TINY, 60, 4).job()
        assert races(job.inputs, job.launches) == [], seed


@pytest.mark.parametrize("name", sorted(KERNELS))
@pytest.mark.parametrize("threads", [2, 4])
def test_kernels_have_none(name, threads):
    job = random_job(TINY, name, np.random.default_rng(3), threads if named(name).axes() else None)
    assert races([(job.program.origin, job.program.image), *job.inputs], job.launches) == []


@pytest.mark.parametrize("name", ["digits-linear", "digits-mlp"])
def test_a_training_step_on_four_threads_has_none(name):
    model = workload(name)
    layout = model.layout(TINY, 32, threads=4)
    inputs = next(iter(model.training(32, 1)))
    memory = [*layout.initial(layout.step.state(model.initial(layout.step, 32))), *layout.inputs(inputs)]
    launches = [layout.train] if isinstance(layout.train, Launch) else layout.train
    assert len(launches) > 1 and races(memory, launches) == []

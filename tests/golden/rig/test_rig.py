"""Random programs: legal, repeatable, with one result whatever the threads' order, and made of every instruction."""

import pytest

from golden.arch.config import NodeConfig
from golden.arch.memmap import PROGRAM_BASE, ThreadState
from golden.coverage import Coverage, groups
from golden.iss.node import HangError
from golden.rig import Rig, RigJob, instructions, shrink
from golden.rig.memory import REGION, TABLE, Layout
from tests.golden.rig.runs import LIMIT, TINY, failing, load

SEEDS = 200


@pytest.fixture(scope="module")
def campaign():
    """Coverage and (seed, what went wrong) of the seeds; what threads wrote is checked on the way."""
    coverage, wrong = Coverage(), []
    for seed in range(SEEDS):
        rig = Rig(seed, TINY, 60)
        simulator = load(rig.job())
        retired = 0
        for record in simulator.run(LIMIT):
            coverage.add(record)
            retired += 1
            wrong += [(seed, record) for effect in record.effects if effect[0] == "m" and not owns(rig, record.thread, effect)]
        wrong += [(seed, t.cause) for t in simulator.node.threads if t.state is not ThreadState.IDLE]
        wrong += [(seed, "too long")] if retired > 4 * (6 * 60 + 250) else []
    return coverage, wrong


def owns(rig: Rig, thread: int, effect: tuple) -> bool:
    """Whether a store lies in the thread's part, in the lines of messages, or in the program (a patch)."""
    _, address, image = effect
    layout = Layout(TINY.sram_bytes)
    mine = layout.region(thread) <= address and address + len(image) <= layout.region(thread) + REGION
    return mine or PROGRAM_BASE <= address < TINY.sram_bytes - 4 * (REGION + TABLE)


def test_programs_run_to_the_end_without_a_fault_and_write_what_is_theirs(campaign):
    _, wrong = campaign
    assert not wrong, wrong[:3]


def test_every_instruction_choice_flag_and_tile_is_exercised(campaign):
    coverage, _ = campaign
    points = set(coverage.points)
    # A raise that a predicate might hold back would leave its wait without an end; these jobs have no faults.
    known = groups(TINY.features)
    assert (known["instructions"] | known["predicates"] | known["threads"]) - points == {"SYNC under a predicate"}
    assert len(known["hazards"] & points) > len(known["hazards"]) / 3
    steppers = ("vld.c", "vld.g8", "vld.g16", "vld.g32", "vst.g8", "drain.bf16", "drain.raw")
    wanted = {f"{m} {step}" for m in steppers for step in ("stay", "inner", "outer")}
    wanted |= {f"{m} tile [{r},{c}]" for m in ("vld.g8", "vst.g16", "drain.f32") for r in range(2) for c in range(4)}
    wanted |= {"step.bf16 first", "step.bf16 at", "step.bf16 bt", "drain.f32 relu", "drain.bf16 relu"}
    wanted |= {f"{unit} {how}" for unit in ("ALU", "VLOAD", "SIMD", "MATRIX") for how in ("predicated off", "under a predicate")}
    assert wanted <= points, sorted(wanted - points)


def test_a_seed_gives_the_same_job_twice_and_another_seed_another():
    one, two = Rig(5, TINY, 80).job(), Rig(5, TINY, 80).job()
    assert (one.text, one.inputs, one.launches) == (two.text, two.inputs, two.launches)
    assert Rig(6, TINY, 80).job().text != one.text
    assert sum(instructions(one.program).values()) == len(one.program.words) - one.text.count(".word")


def test_shrinking_keeps_the_failure_and_little_else():
    def fails(job: RigJob) -> bool:
        return "vrecip" in job.text

    rig = failing(fails, 100)
    small = shrink(rig, fails)
    assert fails(small) and small.text.count("; ") < 10
    with pytest.raises(ValueError, match=f"rig: seed {rig.seed} does not fail"):
        shrink(rig, lambda job: False)


def test_a_program_that_hangs_is_found():
    """The limit of the campaign can fail: a thread that waits for ever raises HangError."""
    job = Rig(4, TINY, 20, threads=1).job()
    simulator = load(job)
    simulator.node.write(job.program.origin, (0x020 | 63 << 12 | 1 << 22).to_bytes(4, "little"))
    with pytest.raises(HangError, match="semaphore 63"):
        list(simulator.run(LIMIT))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"length": 0}, "a length of 0 instructions does not exist: 1 to 3000"),
        ({"threads": 5}, "5 threads, a node has 1 to 4"),
        ({"fault": "NETWORK"}, "no fault 'NETWORK': there are random, ILLEGAL"),
    ],
)
def test_what_does_not_exist_is_one_sentence(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        Rig(0, TINY, **options)


def test_a_program_that_does_not_fit_is_one_sentence():
    small = NodeConfig("small", sram_rows=96, icache_lines=16)
    with pytest.raises(ValueError, match=r"rig: the program needs \d+ bytes, \d+ of the 49152 bytes of SRAM are left in small"):
        Rig(0, small, 2000).job()

"""The node against the instruction-set simulator, retired instruction by retired instruction."""

import pytest

from golden.arch.config import get_config
from golden.arch.descriptor import Descriptor
from golden.arch.trace import Record
from golden.asm import assemble
from golden.coverage import groups
from golden.iss import node
from golden.kernels.job import Launch
from golden.rig import Rig
from golden.rig.steer import wanted
from sim.jobs import machine
from sim.jobs.lockstep import Difference, run_lockstep
from sim.jobs.random_program import check
from tests.golden.iss.faults import FAULTS, REGISTERS

pytestmark = pytest.mark.system

CONFIG = get_config("tiny")

_FILLED, _OUT = (Descriptor(base=base // 8, row_pitch=8, rows=64, columns=64, inner=8).pack() for base in (0x400, 0x800))
FP_IMAGES = dict(zip(("low", "high", "out_low", "out_high"), (*_FILLED, *_OUT), strict=True))

PROGRAMS = {
    "scalar": """
        li x1, 7
        li64 x2, 0x123456789abcdef0
        add x3, x1, x2
        mul x4, x3, x3
        srai x5, x4, 13
        st.d x4, x0, 0x80
        ld.w x6, x0, 0x84
        sub x7, x6, x5
        halt
    """,
    "loops": """
        li x1, 0
        li x2, 3
        loop outer, x2
        loopi inner, 5
        addi x1, x1, 1
inner:  addi x1, x1, 100
outer:  st.d x1, x0, 0x80
        halt
    """,
    "predicates": """
        li x1, 5
        plti p1, x1, 6
        pgei p2, x1, 6
        (p1) addi x2, x1, 1
        (p2) addi x2, x1, 2
        (p1) raise 3, 2
        (p2) raise 3, 1
        wait 3, 2
        por p3, p1, p2
        (p3) br on
        trap 1
on:     (p2) br off
        call x31, sub
        halt
off:    trap 2
sub:    addi x3, x2, 9
        jr x31
    """,
    "semaphores": """
start:  li x1, 40
        st.d x1, x0, 0x80
        raise 3, 2
        wait 4, 1
        ld.d x2, x0, 0x88
        halt
start1: wait 3, 2
        ld.d x1, x0, 0x80
        addi x1, x1, 2
        st.d x1, x0, 0x88
        raise 4, 1
        halt
    """,
    # Biases and seeds change between those that use them, and again before these can have begun.
    "FP state": """
        li x2, 0x400
        li64 x1, 0x4041424344454647
        li64 x3, 0x0103050709020406
        loopi filled, 64
        add x1, x1, x3
        stp.d x1, x2, 8
filled: li64 x4, {low}
        li64 x5, {high}
        setd d0, x4, x5
        li64 x4, {out_low}
        li64 x5, {out_high}
        setd d1, x4, x5
        li64 x6, 0x070a14
        li64 x7, 0x0f1409
        li64 x8, 0x123456789abcdef
        li64 x9, 0xfedcba9876543210
        loopi again, 3
        vld.c v1, d0
        vld.c v2, d0[1,0], inner
        csrw x6, 4
        step.143.152 c0, v1, v2, first
        csrw x7, 4
        step.152.143 c1, v1, v2, first, ah
        csrw x6, 4
        step.143.143 c0, v1, v2, at, bh
        csrw x7, 4
        vwiden.c152 v3, v1, 3
        vwiden.c143 v4, v2, 1
        csrw x6, 4
        vwiden.shp v5, v1, 1
        csrw x8, 6
        vnarrow.c143.sr v6, v3, v4, v1
        csrw x9, 6
        vnarrow.bf16.sr v7, v3, v4, v2
        csrw x8, 6
        vnarrow.shp.sr v8, v4, v3, v1
        csrw x7, 4
        vnarrow.c152 v9, v5, v4
        drain.c143.sr c0, d1, x9
        csrw x9, 6
        drain.shp.sr c1, d1[1,0], x9
        csrw x6, 4
        drain.c152 c0, d1[0,1]
        csrw x7, 4
        drain.c152 c1, d1[0,2], inner
        csrw x8, 6
again:  halt
    """.format(**FP_IMAGES),
}


def launches(program):
    first = Launch(0, program.labels.get("start", program.origin))
    return [first, *(Launch(t, program.labels[f"start{t}"]) for t in (1, 2, 3) if f"start{t}" in program.labels)]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_written_program(name):
    program = assemble(PROGRAMS[name], source=name)
    result = run_lockstep(CONFIG, [(program.origin, program.image)], launches(program))
    assert result.retired > 5 and not result.faults


@pytest.mark.parametrize(
    "text, cause",
    [
        (".word 0", "ILLEGAL"),
        ("trap 77", "TRAP"),
        ("li x1, 3\nld.d x2, x1, 0", "MISALIGNED"),
        ("li64 x1, 0x140000\nld.d x2, x1, 0", "RANGE"),
        ("li x1, -1\nsetd d0, x0, x1", "DESCRIPTOR"),
        ("a: loopi e, 2\n loopi e, 2\n loopi e, 2\n loopi e, 2\n loopi e, 2\n nop\ne: halt", "LOOP"),
        ("raise 5, 1000\n" * 66, "SEMAPHORE"),
        ("li x1, 64\ncsrw x1, 4", "BIAS"),
    ],
)
def test_a_fault_stops_its_thread_and_no_other(text, cause):
    program = assemble(f"start: nop\n{text}\nhalt\nstart1: li x1, 9\nst.d x1, x0, 0x80\nhalt\n")
    result = run_lockstep(CONFIG, [(program.origin, program.image)], launches(program))
    assert len(result.faults) == 1 and cause in result.faults[0]


def test_every_fault_has_the_cause_the_pc_and_the_operand_of_the_simulator():
    """Another thread counts to 300 and stores meanwhile."""
    registers = "".join(f"li64 x{number}, {value:#x}\n" for number, value in REGISTERS.items())
    with machine.engine("tiny", trace=True) as engine:
        for text, cause, operand in FAULTS:
            program = assemble(
                f"start: {registers}{text}\nhalt\nstart1: loopi more, 300\naddi x1, x1, 1\nmore: st.d x1, x0, 0x80\nhalt\n", source=text
            )
            records: list[Record] = []
            result = run_lockstep(CONFIG, [(program.origin, program.image)], launches(program), on_record=records.append, engine=engine)
            assert len(result.faults) == (cause is not None), text
            assert all(cause.name in fault and f"{operand:#x}" in fault for fault in result.faults), (text, result.faults)
            assert sum(record.thread == 1 for record in records) == 303, text


def test_random_programs_on_four_threads(seed):
    points = set()
    with machine.engine("tiny", trace=True) as engine:
        for number in range(100 * seed, 100 * seed + 100):
            rig = Rig(number, CONFIG, 150, wanted=wanted(points, CONFIG.features, number))
            points.update(check(rig, engine).coverage.points)
    assert points >= groups(CONFIG.features)["hazards"]


def test_a_wrong_record_is_found(monkeypatch):
    program = assemble(PROGRAMS["scalar"])
    monkeypatch.setattr(node, "_decode", node._decode.__wrapped__)  # what it keeps of earlier runs is right
    monkeypatch.setitem(node.SEMANTICS, "sub", node.SEMANTICS["add"])
    with pytest.raises(Difference, match="RTL and simulator differ on thread 0"):
        run_lockstep(CONFIG, [(program.origin, program.image)], launches(program))

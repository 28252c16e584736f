"""A program on every node of a simulated mesh, from the command line: output, trace per node, dumps, hangs."""

import re

import pytest

from golden.arch.global_address import global_address
from sim.jobs import mesh_lockstep, mesh_program
from sim.main import main

pytestmark = pytest.mark.mesh

SEND = """
start:  csrr x1, 1              ; y << 5 | x
        peqi p1, x1, 33
        (p1) br first
        wait 5, 1
        ld.d x3, x0, 0x80
        halt
first:  st.d x1, x0, 0x80
        li   x4, 0x80
        li   x5, 1 << 11 | 5 << 5 | 1       ; notifies, semaphore 5, row 1
        slli x5, x5, 40
        li   x6, 2                          ; column 2
        slli x6, x6, 35
        or   x5, x5, x6
        addi x5, x5, 0x80
        rput x4, x5, 1
        halt
"""
CHANGED = 34  # the NODE register of node 2,1


def _changed(name, fields):
    return name, fields | {"value": 35} if fields.get("value") == CHANGED else fields


OPPOSITE = """
start:  csrr x1, 1
        li   x2, 4 << 5 | 4
        sub  x2, x2, x1             ; the place opposite in a mesh of 3x3
        slli x2, x2, 35
        st.d x1, x0, 0x80
        li   x4, 0x80
        li   x5, 1 << 6 | 5         ; notifies, semaphore 5
        slli x5, x5, 45
        or   x5, x5, x2
        addi x5, x5, 0x88
        rput x4, x5, 1
        wait 5, 1
        ld.d x6, x0, 0x88
        addi x7, x2, 0x80
        li   x8, 0x90
        rget x8, x7, 1, 6
        wait 6, 1
        ld.d x9, x0, 0x90
        addi x7, x7, 0x20
        rput x4, x7, 1, ack, fixed
        fence
        li   x10, 3
        rraise 7, x7, x10
        wait 7, 3
        halt
"""
BEHIND = """
start:  csrr x1, 1
        li   x2, 0x80
        st.d x1, x2, 0
        slli x3, x1, 20             ; a megabyte for each node
        li   x4, 1 << 5 | 0         ; the edge port 0,1
        slli x4, x4, 35
        or   x4, x4, x3
        rput x2, x4, 1, ack
        fence
        li   x5, 0x90
        csrr x10, 2
        rget x5, x4, 1, 6
        wait 6, 1
        csrr x11, 2
        sub  x11, x11, x10
        st.d x11, x0, 0x98
        ld.d x6, x0, 0x90
        li   x7, 0x400
        li   x8, 0x100              ; the program goes out in four rows of 32 bytes and comes back
        st.d x8, x7, 0
        li   x9, 0x1000
        add  x8, x4, x9
        st.d x8, x7, 8
        li64 x8, 32 << 32 | 4
        st.d x8, x7, 16
        li64 x8, 128 << 32 | 32
        st.d x8, x7, 24
        st.d x0, x7, 32
        li   x8, 0x800
        st.d x8, x7, 64
        add  x8, x4, x9
        st.d x8, x7, 72
        ld.d x8, x7, 16
        st.d x8, x7, 80
        ld.d x8, x7, 24
        st.d x8, x7, 88
        li   x8, 1
        st.d x8, x7, 96
        li   x9, 2
        rlist x7, x9
        fence
        li   x12, 0x820
        ld.d x12, x12, 0
        halt
"""
HANG = "start: csrr x1, 1\nwait 7, 3\nhalt\n"


@pytest.fixture
def ran(tmp_path, capsys):
    def run(text, *options, command="iss"):
        file = tmp_path / "program.s"
        file.write_text(text)
        code = main([command, str(file), "--config", "tiny", *options])
        return code, capsys.readouterr()

    return run


def test_every_node_runs_it(ran):
    code, said = ran(SEND, "--mesh", "2x1", "--dump", "0x80,8:u64", "--seed", "3")
    assert code == 0 and said.out.splitlines() == [
        "node 1,1", "000080: 33", "node 2,1", "000080: 33", "19 instructions on 2 nodes, all threads ended",
    ]  # fmt: skip


def test_the_trace_names_the_node_and_is_that_of_a_node(ran):
    """Whatever the seed, each node retires the same."""
    traces = []
    for seed in "12":
        code, said = ran(SEND, "--mesh", "2x1", "--trace", "--seed", seed)
        lines = said.out.splitlines()[:-1]
        traces.append({node: [line for line in lines if line.startswith(node)] for node in ("1,1", "2,1")})
        assert code == 0 and sum(map(len, traces[-1].values())) == len(lines) == 19
    assert traces[0] == traces[1]
    assert traces[0]["2,1"][4].endswith("x3=0x21"), traces[0]["2,1"][4]


def test_a_dead_node_does_not_run(ran):
    code, said = ran(SEND, "--mesh", "2x1", "--dead", "2,1")
    assert code == 1 and "node 1,1 thread 0 stopped with NETWORK" in said.out


def test_a_hang_is_told_by_node(ran):
    code, said = ran(HANG, "--mesh", "1x2")
    assert code == 2
    assert said.err.splitlines() == [
        "python -m sim iss: nothing moves any more:",
        "  node 1,1 thread 0 at 0x104 waits for semaphore 7 to reach 3 (it is 0)",
        "  node 1,2 thread 0 at 0x104 waits for semaphore 7 to reach 3 (it is 0)",
    ]


def test_ctrl_c_is_told_with_where_the_threads_are(ran, ctrl_c):
    ctrl_c(mesh_program, 40)
    code, said = ran("start: nop\nhere: br here\n", "--mesh", "3x3", "--trace")
    named = r"node \d,\d thread 0 at 0x10[04] \((nop|br 0x104)\)"
    assert code == 130 and re.fullmatch(rf"interrupted after \d+ instructions: ({named}; ){{8}}and 1 threads more\n", said.err), said.err


@pytest.mark.rtl
def test_the_rtl_does_what_the_simulator_does(ran):
    code, said = ran(SEND, "--mesh", "2x1", "--dump", "0x80,8:u64", command="rtl")
    first, *dump = said.out.splitlines()
    assert code == 0 and dump == ["node 1,1", "000080: 33", "node 2,1", "000080: 33"]
    assert first.startswith("19 instructions on 2 nodes in ") and first.endswith("equal to the instruction-set simulator")


CAST = """
start:  csrr x1, 1              ; y << 5 | x: words at 0x80 + 8 * x, a line for each row
        andi x2, x1, 31
        slli x3, x2, 3
        sub  x4, x1, x2
        slli x4, x4, 1
        add  x3, x3, x4
        addi x3, x3, 0x80
        li   x2, 1000
        add  x2, x1, x2
        st.d x2, x3, 0
        li   x5, {rows} << 5 | {columns}     ; everybody: from 1,1 to the last, notifying semaphore 5
        slli x5, x5, 12
        li   x6, 1 << 11 | 5 << 5 | 1
        or   x5, x5, x6
        slli x5, x5, 5
        addi x5, x5, 1
        slli x5, x5, 35
        add  x5, x5, x3
        rcast x3, x5, 1
        wait 5, {others}
        halt
"""


@pytest.mark.parametrize("command", ["iss", pytest.param("rtl", marks=pytest.mark.rtl)])
@pytest.mark.parametrize("columns, rows", [(2, 1), (2, 2), (3, 2)])
def test_every_node_tells_all_others(ran, columns, rows, command):
    text = CAST.format(columns=columns, rows=rows, others=columns * rows - 1)
    dump = f"0x80,{64 * (rows + 1)}:u64"
    code, said = ran(text, "--mesh", f"{columns}x{rows}", "--dump", dump, command=command)
    words = [f"{1000 + 32 * y + x}" for y in range(1, rows + 1) for x in range(1, columns + 1)]
    assert code == 0, said.err
    for word in words:
        assert len(re.findall(rf"\b{word}\b", said.out)) == columns * rows, said.out


@pytest.mark.rtl
def test_round_a_dead_node_on_the_rtl(ran):
    """Between 1,2 and 3,2, and between 2,1 and 2,3, no dimension order leads; the first node then asks the dead one."""
    code, said = ran(OPPOSITE, "--mesh", "3x3", "--dead", "2,2", "--dump", "0x88,8:u64", command="rtl")
    first, *dump = said.out.splitlines()
    assert code == 0 and first.endswith("equal to the instruction-set simulator"), said
    opposite = {f"node {x},{y}": f"000088: {4 - y << 5 | 4 - x}" for y in (1, 2, 3) for x in (1, 2, 3) if (x, y) != (2, 2)}
    assert dict(zip(dump[::2], dump[1::2], strict=True)) == opposite
    asks = SEND.replace("(p1) br first", "(p1) br first\n halt").replace("rput x4, x5, 1", "rput x4, x5, 1, ack\n fence")
    code, said = ran(asks, "--mesh", "2x2", "--dead", "2,1", command="rtl")
    assert code == 1 and "node 1,1 thread 0 stopped with NETWORK at pc 0x140 (fence)" in said.out, said


@pytest.mark.rtl
@pytest.mark.parametrize("place", [(2, 0), (0, 1), (2, 9), (31, 1), (9, 9)], ids=str)
def test_whoever_writes_where_nobody_is_is_told(ran, place):
    """At edge ports without a host, and beyond them; both nodes are, on the simulator too."""
    asks = f"start: li x4, 0x80\n li64 x5, {global_address(place, 0x80)}\n rput x4, x5, 1, ack\n fence\n halt\n"
    code, said = ran(asks, "--mesh", "2x1", command="rtl")
    assert code == 1 and f"NETWORK at pc 0x114 (fence), operand {global_address(place, 0x80):#x}" in said.out, said
    assert [line.partition(" thread 0 stopped")[0] for line in said.out.splitlines()[1:]] == ["node 1,1", "node 2,1"]


@pytest.mark.rtl
@pytest.mark.parametrize("latency", [0, 300])
def test_memory_behind_an_edge_holds_the_same_on_the_rtl(ran, latency):
    """Both nodes write and read it, one word and by a list; a read of the near node takes so many cycles beside the memory's own."""
    code, said = ran(BEHIND, "--mesh", "2x1", "--dram", "0,1", "--dram-pace", "64", str(latency), "--dump", "0x98,8:u64", command="rtl")
    first, *dump = said.out.splitlines()
    assert code == 0 and first.endswith("equal to the instruction-set simulator"), said
    assert dump == ["node 1,1", f"000098: {latency + NEAR}", "node 2,1", f"000098: {latency + NEAR + 2}"]


NEAR = 28
"""Cycles from before the `rget` to after the `wait` at the node beside the port."""


ASKS = SEND.replace("rput x4, x5, 1", "rput x4, x5, 1, ack\n fence")
"""The first node waits for the answer, which is NETWORK when the word is wrong; the link carries the start of 2,1 before the word."""
WRONG = ("--mesh", "2x1", "--flip", "1,1-2,1:2:100")


@pytest.mark.rtl
def test_a_wrong_bit_is_told_and_counted_and_stops_the_sender(ran):
    code, said = ran(ASKS.replace("wait 5, 1", "halt"), *WRONG, command="rtl")
    first, *told = said.out.splitlines()
    assert code == 1 and not said.err and first.endswith(" cycles, what wrong bits did:")
    assert told[:2] == [
        "node 2,1 counts 1 packet with wrong parity",
        "node 1,1 thread 0 stopped: FAULTED at pc 0x13c (fence), NETWORK with operand 0x11000000080, 12 instructions retired",
    ]
    assert told[-1].startswith("with the wrong bits, node 2,1: SRAM differs in 1 bytes, first at 0x80"), told


@pytest.mark.rtl
def test_a_wrong_bit_that_others_wait_for_is_told_with_who_waits(ran):
    code, said = ran(ASKS, *WRONG, command="rtl")
    assert code == 2
    for line in (
        "node 1,1 thread 0: FAULTED at pc 0x13c (fence), NETWORK with operand 0x11000000080, 12 instructions retired",
        "node 2,1 thread 0: WAITING at pc 0x10c (wait 5, 1), 3 instructions retired",
        "node 2,1 counts 1 packet with wrong parity",
    ):
        assert line in map(str.strip, said.err.splitlines()), said.err


@pytest.mark.rtl
def test_a_wrong_bit_that_nobody_saw_excuses_nothing(ran, monkeypatch):
    never = ("--mesh", "2x1", "--flip", "1,1-2,1:1000000:100")
    code, said = ran(SEND, *never, command="rtl")
    assert code == 1 and said.out.splitlines()[1:] == [mesh_lockstep.NOT_ONE]
    decode = mesh_lockstep.decode_trace
    monkeypatch.setattr(mesh_lockstep, "decode_trace", lambda design, words: (_changed(*event) for event in decode(design, words)))
    code, said = ran(SEND, *never, command="rtl")
    assert code == 2 and "node 2,1: RTL and simulator differ on thread 0" in said.err


@pytest.mark.rtl
def test_a_wrong_record_is_found(ran, monkeypatch):
    """One result of a scalar instruction is another in the RTL's trace of the second node."""
    decode = mesh_lockstep.decode_trace
    monkeypatch.setattr(mesh_lockstep, "decode_trace", lambda design, words: (_changed(*event) for event in decode(design, words)))
    code, said = ran(SEND, "--mesh", "2x1", command="rtl")
    assert code == 2 and "node 2,1: RTL and simulator differ on thread 0" in said.err

"""Nodes of a simulated mesh: what each network instruction does, which order holds and which does not, refusals, hangs."""

from dataclasses import replace

import numpy as np
import pytest

from golden.arch.global_address import cast_address
from golden.arch.memmap import Fault, ThreadState
from golden.arch.mesh import MeshConfig
from golden.arch.packet import Kind
from golden.arch.transfer import Transfer
from golden.iss.node import HangError
from tests.golden.iss.mesh_bench import A, B, C, D, ended, loaded, run, thread, to, word

SEEDS = range(40)
SRAM = 131072
TABLE, BASE = 0x8000, 0x10000

# --- what each does ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("words", "here", "there"), [(1, 0x1000, 0x2038), (8, 0x1000, 0x2040), (3, 0x1028, 0x2000), (2, 0x1000, 0x2030)])
def test_rput_writes_words_to_their_place_in_the_line(words, here, there):
    """Whatever the offsets in the lines on both sides; the words around stay."""
    machine = loaded(f"a: rput x1, x2, {words}\nhalt", {A: ("a", (here, to(B, there)))})
    machine.nodes[A].write(here, bytes(range(1, 1 + 8 * words)))
    machine.nodes[B].write(0x1FC0, b"\xff" * 0x100)
    machine.run()
    expected = bytearray(b"\xff" * 0x100)
    expected[there - 0x1FC0 :][: 8 * words] = range(1, 1 + 8 * words)
    expected = b"\xff" * (there - 0x1FC0) + bytes(range(1, 1 + 8 * words)) + b"\xff" * (0x20C0 - there - 8 * words)
    assert machine.nodes[B].read(0x1FC0, 0x100) == expected and ended(machine)
    assert machine.nodes[B].semaphores == [0] * 64


@pytest.mark.parametrize(("words", "here", "there"), [(1, 0x1000, 0x2038), (8, 0x1000, 0x2040), (3, 0x1028, 0x2000)])
def test_rget_reads_words_and_then_raises_its_semaphore(words, here, there):
    machine = loaded(f"a: rget x1, x2, {words}, 9\nwait 9, 1\nld.d x3, x1, 0\nhalt", {A: ("a", (here, to(B, there)))})
    machine.nodes[B].write(there, bytes(range(1, 1 + 8 * words)))
    machine.nodes[A].write(0x1000, b"\xff" * 0x80)
    machine.run()
    expected = bytearray(b"\xff" * 0x80)
    expected[here - 0x1000 : here - 0x1000 + 8 * words] = range(1, 1 + 8 * words)
    assert machine.nodes[A].read(0x1000, 0x80) == expected and ended(machine)
    assert thread(machine, A).x[3] == 0x0807060504030201


def test_rget_reads_a_control_line():
    """IDENTITY of the other node: word 2 its x, word 3 its y."""
    text = "a: rget x1, x2, 2, 0\nwait 0, 1\nld.d x3, x1, 0\nld.d x4, x1, 8\nhalt"
    machine = run(text, {A: ("a", (0x1000, to(D, 0x1F0010)))}, mesh="2x2")
    assert (thread(machine, A).x[3], thread(machine, A).x[4]) == D


def test_rraise_adds_the_low_16_bits_at_the_other_node():
    machine = run("a: rraise 7, x1, x2\nhalt", {A: ("a", (to(B, 0), 0x50003))})
    assert machine.nodes[B].semaphores[7] == 3 and machine.nodes[A].semaphores[7] == 0


def test_a_node_knows_its_place():
    machine = run("a: csrr x9, 1\nhalt", {place: ("a", ()) for place in (A, B, C, D)}, mesh="2x2")
    assert [thread(machine, place).x[9] for place in (A, B, C, D)] == [33, 34, 65, 66]


@pytest.mark.parametrize("read", [0, 1])
def test_rlist_moves_strided_blocks_both_ways(read):
    """Two transfers of 3 rows of 40 bytes; every packet is told: 2 a row whose lines break it, here at 0x20 + 40 > 64."""
    semaphore_at = A if read else B
    rows = [Transfer(0x4000 + 0x1000 * i, to(B, 0x6020 + 0x1000 * i, 11), 3, 40, 0x40, 0x80, read).pack() for i in range(2)]
    machine = loaded("a: rlist x1, x2\nfence\nli x3, 1\nhalt", {A: ("a", (0x1000, 2))}, seed=3)
    machine.nodes[A].write(0x1000, b"".join(rows))
    source, target = (B, A) if read else (A, B)
    data = bytes(i % 251 for i in range(0x4000))
    machine.nodes[source].write(0x4000, data)
    machine.run()
    for i in range(2):
        for row in range(3):
            here, there = 0x4000 + 0x1000 * i + 0x40 * row, 0x6020 + 0x1000 * i + 0x80 * row
            start, end = (there, here) if read else (here, there)
            assert machine.nodes[target].read(end, 40) == data[start - 0x4000 :][:40]
    assert machine.nodes[semaphore_at].semaphores[11] == 12 and ended(machine)


def test_rcast_writes_to_every_other_node_of_a_rectangle():
    machine = loaded("a: rcast x1, x2, 8\nhalt", {C: ("a", (0x1000, cast_address(A, D, 0x2000, 4)))}, mesh="3x2")
    machine.nodes[C].write(0x1000, bytes(range(64)))
    machine.run()
    got = {place: node.read(0x2000, 64) == bytes(range(64)) and node.semaphores[4] == 1 for place, node in machine.nodes.items()}
    assert got == {A: True, B: True, (3, 1): False, C: False, D: True, (3, 2): False}


def test_more_reads_than_the_table_holds():
    text = "a: li x4, 0\nloopi end, 100\nrget x1, x2, 1, 0\naddi x1, x1, 8\naddi x4, x4, 1\nend: waitr 0, x4\nhalt"
    machine = loaded(text, {A: ("a", (0x4000, to(B, 0x2000)))})
    machine.nodes[B].write(0x2000, bytes([7]))
    machine.run()
    assert machine.nodes[A].read(0x4000, 800) == bytes([7, 0, 0, 0, 0, 0, 0, 0]) * 100


# --- order ---------------------------------------------------------------------------------------------------------------------------

DATA_THEN_FLAG = """
a:      {put}
        {flag}
        halt
b:      wait 3, 1
        ld.d x9, x0, 0x80
        halt
"""


def seen(put: str, flag: str, address: int, mesh: str = "2x2") -> set[int]:
    """What node D can read after the flag, over all seeds; node A sends 42 to its address 0x80."""
    found = set()
    for seed in SEEDS:
        text = DATA_THEN_FLAG.format(put=put, flag=flag)
        machine = loaded(text, {A: ("a", (0x1000, address, to(D, 0), 1)), D: ("b", ())}, seed, mesh)
        machine.nodes[A].write(0x1000, bytes([42]))
        machine.run()
        assert ended(machine)
        found.add(thread(machine, D).x[9])
    return found


def test_a_write_that_notifies_is_there():
    assert seen("rput x1, x2, 1", "nop", to(D, 0x80, 3)) == {42}


def test_an_acknowledged_write_is_there():
    assert seen("rput x1, x2, 1, ack\nfence", "rraise 3, x3, x4", to(D, 0x80)) == {42}


def test_a_raise_after_a_fixed_write_comes_after_it():
    assert seen("rput x1, x2, 1, fixed", "rraise 3, x3, x4", to(D, 0x80)) == {42}


def test_a_raise_after_another_write_may_come_before_it():
    """The write may take the other channel."""
    assert seen("rput x1, x2, 1", "rraise 3, x3, x4", to(D, 0x80)) == {0, 42}


def test_halt_and_barrier_wait_for_answers_too():
    assert seen("rput x1, x2, 1, ack\nbarrier 0, 1", "rraise 3, x3, x4", to(D, 0x80)) == {42}


@pytest.mark.parametrize(("fixed", "last"), [(", fixed", {2}), ("", {1, 2})])
def test_two_writes_to_one_place(fixed, last):
    """Fixed ones arrive in order, others in any."""
    found = set()
    for seed in SEEDS:
        text = f"a: rput x1, x2, 1{fixed}\nrput x3, x2, 1{fixed}\nhalt"
        machine = loaded(text, {A: ("a", (0x1000, to(D, 0x80), 0x1008))}, seed, "2x2")
        machine.nodes[A].write(0x1000, bytes([1, 0, 0, 0, 0, 0, 0, 0, 2]))
        machine.run()
        found.add(word(machine, D, 0x80))
    assert found == last


def test_writes_of_two_nodes_come_in_any_order():
    found = set()
    for seed in SEEDS:
        text = "a: li x4, 1\nst.d x4, x1, 0\nrput x1, x2, 1, fixed\nhalt\nb: li x4, 2\nst.d x4, x1, 0\nrput x1, x2, 1, fixed\nhalt"
        machine = run(text, {A: ("a", (0x1000, to(D, 0x80))), B: ("b", (0x1000, to(D, 0x80)))}, seed, "2x2")
        found.add(word(machine, D, 0x80))
    assert found == {1, 2}


def test_what_is_sent_is_what_older_stores_left():
    """An older store is sent, a younger one is not."""
    for seed in SEEDS:
        text = "a: st.d x3, x1, 0\nrput x1, x2, 1\nst.d x0, x1, 0\nhalt"
        machine = run(text, {A: ("a", (0x1000, to(B, 0x80), 77))}, seed)
        assert word(machine, B, 0x80) == 77


def test_what_a_node_was_told_it_can_pass_on():
    """A writes to B and then raises C, which then raises B: with ack and fence B finds the data."""
    text = """
a:      rput x1, x2, 1, ack
        fence
        rraise 1, x3, x4
        halt
c:      wait 1, 1
        rraise 3, x1, x2
        halt
b:      wait 3, 1
        ld.d x9, x0, 0x80
        halt
    """
    for seed in SEEDS:
        starts = {A: ("a", (0x1000, to(B, 0x80), to(C, 0), 1)), C: ("c", (to(B, 0), 1)), B: ("b", ())}
        machine = loaded(text, starts, seed, "2x2")
        machine.nodes[A].write(0x1000, bytes([42]))
        machine.run()
        assert thread(machine, B).x[9] == 42 and ended(machine)


# --- refusals ------------------------------------------------------------------------------------------------------------------------

HERE, THERE = 0x1000, to(B, 0x2000)


@pytest.mark.parametrize(
    ("text", "args", "cause", "operand"),
    [
        ("rput x1, x2, 1", (HERE + 4, THERE), Fault.MISALIGNED, HERE + 4),
        ("rput x1, x2, 2", (HERE + 56, THERE), Fault.RANGE, HERE + 56),
        ("rput x1, x2, 1", (SRAM, THERE), Fault.RANGE, SRAM),
        (".word 0x000411c0", (HERE, THERE), Fault.RANGE, HERE),  # no word at all
        (".word 0x024411c0", (HERE, THERE), Fault.RANGE, HERE),  # nine
        ("rput x1, x2, 1", (HERE, THERE + 4), Fault.MISALIGNED, THERE + 4),
        ("rput x1, x2, 2", (HERE, THERE + 56), Fault.RANGE, THERE + 56),
        ("rput x1, x2, 1", (HERE, THERE | 1 << 52), Fault.RANGE, THERE | 1 << 52),
        ("rput x1, x2, 1", (HERE, to(A, 0x2000)), Fault.RANGE, to(A, 0x2000)),
        ("rget x1, x2, 1, 0", (HERE + 4, THERE), Fault.MISALIGNED, HERE + 4),
        ("rget x1, x2, 1, 0", (HERE, to(A, 0)), Fault.RANGE, to(A, 0)),
        ("rraise 0, x1, x2", (to(A, 0), 1), Fault.RANGE, to(A, 0)),
        ("rlist x1, x2", (HERE + 8, 1), Fault.MISALIGNED, HERE + 8),
        ("rlist x1, x2", (SRAM - 64, 2), Fault.RANGE, SRAM - 64),
        ("rcast x1, x2, 1", (HERE, cast_address(A, B, 0) | 1 << 62), Fault.RANGE, cast_address(A, B, 0) | 1 << 62),
        ("rcast x1, x2, 1", (HERE, cast_address(B, A, 0)), Fault.RANGE, cast_address(B, A, 0)),  # corners the other way round
        ("rcast x1, x2, 2", (HERE, cast_address(A, B, 56)), Fault.RANGE, cast_address(A, B, 56)),
        ("rcast x1, x2, 1", (HERE, cast_address(A, B, 4)), Fault.MISALIGNED, cast_address(A, B, 4)),
        ("rcast x1, x2, 1", (HERE + 4, cast_address(A, B, 8)), Fault.MISALIGNED, HERE + 4),
    ],
)
def test_what_is_refused_before_it_is_sent(text, args, cause, operand):
    machine = run(f"a: {text}\nli x9, 1\nhalt", {A: ("a", args)})
    stopped = thread(machine, A)
    assert (stopped.state, stopped.cause, stopped.operand, stopped.pc) == (ThreadState.FAULTED, cause, operand, 0x100)


@pytest.mark.parametrize(
    ("text", "args", "operand"),
    [
        ("rput x1, x2, 1, ack", (HERE, to(B, SRAM)), to(B, SRAM)),
        ("rput x1, x2, 1", (HERE, to(B, SRAM)), to(B, SRAM)),
        ("rput x1, x2, 1", (HERE, to((2, 2), 0x80)), to((2, 2), 0x80)),  # no such row
        ("rput x1, x2, 1", (HERE, to((0, 1), 0x80)), to((0, 1), 0x80)),  # nobody sits there
        ("rget x1, x2, 1, 0", (HERE, to(B, 0x1E0000)), to(B, 0x1E0000)),
        ("rcast x1, x2, 1", (HERE, cast_address(A, B, SRAM)), to(B, SRAM)),
        ("rcast x1, x2, 1", (HERE, cast_address(B, (2, 2), 0x80)), to(B, 0x80)),  # it leaves the mesh
        ("rcast x1, x2, 1", (HERE, cast_address((0, 1), B, 0x80)), to((0, 1), 0x80)),
        ("rraise 0, x2, x3", (0, to((7, 7), 0), 5), to((7, 7), 5)),
    ],
)
@pytest.mark.parametrize("after", ["halt", "wait 9, 1", "fence\nhalt"])
def test_what_another_node_refuses_stops_the_sender_whenever_it_comes(text, args, operand, after):
    machine = run(f"a: {text}\n{after}", {A: ("a", args)})
    stopped = thread(machine, A)
    assert (stopped.state, stopped.cause, stopped.operand) == (ThreadState.FAULTED, Fault.NETWORK, operand)
    machine.nodes[A].raise_semaphore(9, 1)
    machine.nodes[A].take(machine.nodes[A].threads[1], 9, 1)  # it does not stand in the queue of the semaphore any more


@pytest.mark.parametrize(
    ("text", "kind", "operand"),
    [
        ("rput x1, x2, 1", Kind.WRITE, to(B, 0x2000)),
        ("rput x1, x2, 1, ack", Kind.WRITE, to(B, 0x2000)),
        ("rcast x1, x3, 1", Kind.WRITE, to(B, 0x2000)),
        ("rget x1, x2, 1, 9", Kind.READ_DATA, to(B, 0)),
    ],
)
@pytest.mark.parametrize("after", ["halt", "wait 9, 1", "fence\nhalt"])
def test_a_wrong_payload_bit_between_two_nodes_stops_the_thread_that_sends_or_asks(text, kind, operand, after):
    """Nothing is written on either side; the network goes on, and the same again without the bit is done."""
    args = (0x1000, to(B, 0x2000), cast_address(B, B, 0x2000))
    machine = loaded(f"a: {text}\n{after}\nhalt", {A: ("a", args)})
    here, there = machine.nodes[A], machine.nodes[B]
    here.write(0x1000, bytes(range(8)))
    there.write(0x2000, bytes(range(8, 16)))
    send, wrong = machine.network.send, [True]

    def carried(packet, **more):
        send(replace(packet, wrong_payload=wrong[0] and packet.kind == kind), **more)

    machine.network.send = carried
    machine.run()
    stopped = thread(machine, A)
    assert (stopped.state, stopped.cause, stopped.operand) == (ThreadState.FAULTED, Fault.NETWORK, operand)
    assert here.read(0x1000, 8) == bytes(range(8)) and there.read(0x2000, 8) == bytes(range(8, 16)) and not here.semaphores[9]
    wrong[0] = False
    here.raise_semaphore(9, 1)
    stopped.start(0x100, args)
    machine.run()
    assert ended(machine) and here.read(0x1000, 8) == there.read(0x2000, 8)


@pytest.mark.parametrize(
    ("text", "kind"), [("rget x1, x2, 1, 9", Kind.READ), ("rput x1, x2, 1, ack", Kind.ACK), ("rraise 5, x2, x1", Kind.RAISE)]
)
def test_a_wrong_bit_in_a_payload_that_says_nothing_changes_nothing(text, kind):
    machine = loaded(f"a: {text}\nfence\nhalt", {A: ("a", (0x1000, to(B, 0x2000)))})
    send = machine.network.send
    machine.network.send = lambda packet, **more: send(replace(packet, wrong_payload=packet.kind == kind), **more)
    machine.run()
    assert ended(machine)


def test_a_thread_that_stopped_at_a_barrier_does_not_count_there():
    for seed in SEEDS:  # the refusal comes before the barrier or after it
        machine = run("a: rput x1, x2, 1\nbarrier 2, 2\nhalt", {A: ("a", (HERE, to((9, 9), 0)))}, seed)
        node = machine.nodes[A]
        assert thread(machine, A).cause is Fault.NETWORK and node.barriers == [set()] * 8 and node.passed == set()


def test_a_semaphore_that_overflows_elsewhere_stops_the_sender():
    machine = run("a: rraise 1, x1, x2\nrraise 1, x1, x2\nfence\nhalt", {A: ("a", (to(B, 0), 0xFFFF))})
    assert thread(machine, A).cause is Fault.NETWORK and thread(machine, A).operand == to(B, 0xFFFF)
    assert machine.nodes[B].semaphores[1] == 0xFFFF


def test_a_semaphore_that_overflows_here_stops_the_reader():
    machine = loaded("a: rget x1, x2, 1, 5\nfence\nhalt", {A: ("a", (HERE, THERE))})
    machine.nodes[A].semaphores[5] = 0xFFFF
    machine.run()
    assert (thread(machine, A).cause, thread(machine, A).operand) == (Fault.SEMAPHORE, 5)


def test_a_transfer_that_is_none_stops_its_thread_after_those_before_it():
    machine = loaded("a: rlist x1, x2\nfence\nhalt", {A: ("a", (HERE, 2))})
    machine.nodes[A].write(HERE, Transfer(0x4000, to(B, 0x80, 1), 1, 8).pack() + Transfer(0x4004, to(B, 0x80, 1), 1, 8).pack())
    machine.run()
    assert (thread(machine, A).cause, thread(machine, A).operand) == (Fault.DESCRIPTOR, HERE + 64)
    assert machine.nodes[B].semaphores[1] == 1


def test_a_fault_of_one_run_does_not_reach_the_next():
    """Started again after a refusal, the thread's fence waits for nothing old."""
    machine = run("a: rput x1, x2, 1, ack\nfence\nhalt\nagain: fence\nhalt", {A: ("a", (HERE, to(B, SRAM)))})
    node = machine.nodes[A]
    assert node.interface.open == [0] * 4
    node.threads[0].start(0x10C)
    machine.run()
    assert node.threads[0].state is ThreadState.IDLE


def test_a_hang_names_what_every_thread_of_every_node_waits_for():
    machine = loaded("a: wait 3, 2\nhalt\nb: rput x1, x2, 1\nbarrier 1, 2\nhalt", {A: ("a", ()), B: ("b", (HERE, to((9, 9), 0)))})
    machine.nodes[B].threads[2].start(0x10C, ())
    with pytest.raises(HangError) as hang:
        machine.run()
    assert str(hang.value).splitlines() == [
        "nothing moves any more:",
        "  node 1,1 thread 0 at 0x100 waits for semaphore 3 to reach 2 (it is 0)",
        "  node 2,1 thread 0 stopped with NETWORK at pc 0x10c (barrier 1, 2), operand 0x94800000000",
        "  node 2,1 thread 2 at 0x10c waits for barrier 1: 1 of 2 threads have come",
    ]


# --- meshes with something dead --------------------------------------------------------------------------------------------------------


def test_everybody_reaches_everybody_round_dead_nodes():
    """Every node writes its number to a slot of every other, over routes that are intact."""
    mesh = MeshConfig(3, 3, frozenset({(2, 2)}), frozenset({frozenset({(1, 1), (2, 1)})}))
    places = mesh.live
    text = "a: st.d x3, x1, 0\nloop end, x4\nldp.d x5, x2, 8\nrput x1, x5, 1, ack\nend: fence\nhalt"
    starts = {place: ("a", (0x1000, 0x2000, i + 1, len(places) - 1)) for i, place in enumerate(places)}
    machine = loaded(text, starts, 5, mesh)
    for i, place in enumerate(places):
        machine.nodes[place].write(0x2000, b"".join(to(other, 0x3000 + 8 * i).to_bytes(8, "little") for other in places if other != place))
    machine.run()
    assert ended(machine)
    for i, place in enumerate(places):
        assert [word(machine, place, 0x3000 + 8 * j) for j in range(len(places))] == [0 if i == j else j + 1 for j in range(len(places))]


def test_a_dead_node_answers_nobody():
    mesh = MeshConfig(3, 1, frozenset({(3, 1)}))
    machine = run("a: rput x1, x2, 1, ack\nfence\nhalt", {A: ("a", (HERE, to((3, 1), 0)))}, mesh=mesh)
    assert thread(machine, A).cause is Fault.NETWORK and thread(machine, A).operand == to((3, 1), 0)


# --- random transfers ------------------------------------------------------------------------------------------------------------------


def test_random_writes_and_reads_move_what_a_list_of_bytes_says(rng):
    """Every node writes into a place of its own at each other (fixed: the last write stays) and reads what nobody writes."""
    places = [A, B, C, D]
    for seed in range(4):
        memory = {place: bytearray(rng.integers(0, 256, 0x4000, np.uint8).tobytes()) for place in places}
        given = {place: bytes(image) for place, image in memory.items()}
        text, tables = ["none: halt"], {}
        for number, place in enumerate(places):
            text += [f"start{number}: li x20, {TABLE} / 64", "slli x20, x20, 6"]
            tables[place], reads = [], 0
            for _ in range(60):
                other = places[(number + int(rng.integers(1, 4))) % 4]
                words = int(rng.integers(1, 9))
                here, there = (int(rng.integers(0, 9 - words)) * 8 + 64 * int(line) for line in rng.integers(0, 16, 2))
                read = bool(rng.integers(2))
                text += ["ldp.d x1, x20, 8", "ldp.d x2, x20, 8", f"rget x1, x2, {words}, 6" if read else f"rput x1, x2, {words}, fixed"]
                if read:  # from the constant part there to a line of its own here
                    here += 0x2000 - here // 64 * 64 + 64 * reads
                    reads += 1
                    tables[place] += [BASE + here, to(other, BASE + there)]
                    memory[place][here : here + 8 * words] = given[other][there : there + 8 * words]
                else:  # from the constant part here
                    there += 0x1000 + 0x400 * number
                    tables[place] += [BASE + here, to(other, BASE + there)]
                    memory[other][there : there + 8 * words] = given[place][here : here + 8 * words]
            text += [f"li x3, {reads}", "waitr 6, x3", "fence", "halt"]
        machine = loaded("\n".join(text), {place: (f"start{i}", ()) for i, place in enumerate(places)}, seed, "2x2")
        for place, node in machine.nodes.items():
            node.write(TABLE, b"".join(value.to_bytes(8, "little") for value in tables[place]))
            node.write(BASE, given[place])
        machine.run()
        assert ended(machine), machine.describe()
        for place, node in machine.nodes.items():
            assert node.read(BASE, 0x4000) == memory[place], f"node {place}, seed {seed}"

"""Meshes of tiles in the engine: link for link and cycle for cycle what the same mesh is as one design.

All are ``tiny`` with its trace.
"""

from contextlib import nullcontext

import numpy as np
import pytest

from golden.arch.global_address import cast_address, global_address
from golden.arch.memmap import Counter, Fault, ThreadState
from golden.arch.mesh import MeshConfig
from golden.arch.packet import BODY, DebugOp, Kind, Packet, PortId
from golden.asm import assemble
from golden.host import Refused
from golden.kernels.job import Launch
from sim.compile.verilator import build_cocotb, run_cocotb
from sim.engine.binding import Engine
from sim.engine.flips import Flip, apply
from sim.engine.topology import tiles
from sim.jobs import machine
from sim.jobs.host import MeshEdge
from tests.rtl.mesh_model import LARGER, MESH, TILE_WIRES, mesh_design
from tests.sim.engine.mesh_traffic import BEGIN, BOOT, boot, packets

pytestmark = [pytest.mark.rtl, pytest.mark.mesh]
CYCLES = 3000
HERE, THERE = (1, 1), (2, 1)


def run(seed, threads=1, mesh=MESH):
    """Links of every cycle, and what each edge received."""
    with Engine(machine.tile_design("tiny", trace=True), tiles(mesh), threads=threads) as engine:
        engine.options(recording=True)
        begin(engine, mesh, seed)
        engine.run(CYCLES - BEGIN)
        return engine.take_links(), [[Packet.decode(*words) for words in engine.take(edge)] for edge in range(len(mesh.edges))]


def begin(engine, mesh, seed):
    """The mesh is booted, and every host has its packets."""
    engine.run(BOOT)
    for edge, place in enumerate(mesh.edges):
        engine.send(edge, [packet.encode() for packet in boot(mesh, place)])
    engine.run(BEGIN - BOOT)
    [came] = [came for edge in range(len(mesh.edges)) if (came := engine.take(edge))]
    assert {Packet.decode(*words).kind for words in came} == {Kind.BOOT}
    for edge, place in enumerate(mesh.edges):
        engine.send(edge, [packet.encode() for packet in packets(mesh, place, seed)])


@pytest.mark.parametrize("mesh", [MESH, pytest.param(LARGER, marks=pytest.mark.slow)], ids=lambda mesh: f"{mesh.columns}x{mesh.rows}")
def test_every_link_in_every_cycle_is_that_of_one_design_under_cocotb(artifacts, seed, mesh):
    links, received = run(seed, mesh=mesh)
    assert sum(packet.kind == Kind.HALTED for packet in received[0]) == len(mesh.live)
    artifacts.mkdir(parents=True, exist_ok=True)
    np.save(artifacts / "links.npy", links)
    model = build_cocotb(mesh_design(mesh), public=TILE_WIRES, apart=machine.TILE)
    parameters = {"seed": seed, "columns": mesh.columns, "rows": mesh.rows, "links": str(artifacts / "links.npy")}
    assert run_cocotb(model, "tests/sim/engine/cocotb_mesh_links.py", results=artifacts / "cocotb", seed=seed, parameters=parameters)


def test_threads_change_nothing(seed):
    links, received = run(seed)
    again, received_again = run(seed, threads=3)
    assert np.array_equal(links, again) and received == received_again


@pytest.mark.parametrize("edge", [(0, 1), (4, 2), (2, 0), (3, 3)], ids=str)
def test_a_host_at_an_edge_reaches_every_node(edge):
    mesh = MeshConfig(3, 2)
    port = MeshEdge(machine.mesh_engine(mesh, "tiny", trace=True), mesh, edge)
    for number, (node, host) in enumerate(port.hosts.items()):
        identity = host.do(host.session.identity())
        assert (identity["x"], identity["y"]) == node
        host.write([(0x1000, bytes([number + 1]) * 200)])
    for number, host in enumerate(port.hosts.values()):
        assert host.read(0x1000, 200) == bytes([number + 1]) * 200
    assert port.engine.topology.nodes == len(mesh.live)


@pytest.mark.parametrize("edge", [(0, 2), (2, 0)], ids=str)
def test_a_load_takes_the_time_of_one_node(edge):
    """8 KB to six nodes, and a byte that each has for its own."""
    mesh, image = MeshConfig(3, 2), np.random.default_rng(1).bytes(8192)
    port = MeshEdge(machine.mesh_engine(mesh, "tiny", trace=True), mesh, edge)
    before = port.engine.cycle
    port.load({place: [(0x1000, image), (0x4000, bytes([number]))] for number, place in enumerate(mesh.live)})
    assert port.engine.cycle - before < 8192 // 64 + 100 * len(mesh.live)
    for number, host in enumerate(port.hosts.values()):
        assert host.read(0x1000, 8192) == image and host.read(0x4000, 1) == bytes([number])


@pytest.mark.parametrize("edge", [(2, 0), (4, 2)], ids=str)
def test_every_edge_reaches_every_node_round_what_is_dead(edge):
    """The node in the middle is, and a link: hosts ask by a route that leads there, nodes answer by one that leads back."""
    mesh = MeshConfig(3, 3, frozenset({(2, 2)}), frozenset({frozenset({(1, 1), (2, 1)})}))
    port = MeshEdge(machine.mesh_engine(mesh, "tiny", trace=True), mesh, edge)
    for number, host in enumerate(port.hosts.values()):
        host.write([(0x1000, bytes([number + 1]) * 200)])
    for number, host in enumerate(port.hosts.values()):
        assert host.read(0x1000, 200) == bytes([number + 1]) * 200


@pytest.mark.parametrize("bit", [0, 76, 77, 588, 589, 596], ids=str)
def test_a_wrong_bit_on_a_link_costs_one_packet(bit):
    """Of ten writes the third is dropped by its node, or refused to the host where only its payload is wrong; it is counted there and
    where it came into the node's router, and all else goes on."""
    with machine.mesh_engine(MESH, "tiny", trace=True) as engine:
        hosts = MeshEdge(engine, MESH).hosts
        apply(engine, MESH, Flip((1, 1), (2, 1), 3, bit))
        line = bytes(range(1, 65))
        refused = pytest.raises(Refused, match="refused a packet for address 0x1080: ECC")
        with refused if bit >= BODY["payload"].lo else nullcontext():
            hosts[2, 1].write([(0x1000, 10 * line)])
        assert hosts[2, 1].read(0x1000, 640) == 2 * line + bytes(64) + 7 * line
        assert [host.counters()[Counter.PARITY_ERRORS] for host in hosts.values()] == [0, 1]
        errors = [engine.get(node, "parity_errors") for node in range(2)]
        assert errors == [0, 1 << 16 * PortId.WEST]
        hosts[1, 1].write([(0x1000, line)])
        assert hosts[1, 1].read(0x1000, 64) == line


@pytest.mark.parametrize("bit", [77, 300, 588, 589, 596], ids=str)
@pytest.mark.parametrize(
    ("text", "wire", "at"),
    [
        ("rput x1, x2, 8", (HERE, THERE), 0x2000),
        ("rput x1, x2, 8, ack", (HERE, THERE), 0x2000),
        ("rcast x1, x3, 8", (HERE, THERE), 0x2000),
        ("rget x1, x2, 8, 9", (THERE, HERE), 0),
    ],
    ids=lambda value: value.replace(" ", "") if isinstance(value, str) else "",
)
def test_a_wrong_payload_bit_between_two_nodes_stops_the_thread_that_sends_or_asks(text, wire, at, bit):
    """Nothing is written on either side, the packet is counted where it came in, and the same again, without the bit, is done."""
    program = assemble(f"start: {text}\nwait 9, 1\nhalt")
    args = (0x1000, global_address(THERE, 0x2000), cast_address(THERE, THERE, 0x2000))
    here, there = bytes(range(64)), bytes(range(64, 128))
    with machine.mesh_engine(MESH, "tiny", trace=True) as engine:
        hosts = MeshEdge(engine, MESH).hosts
        hosts[HERE].write([(program.origin, program.image), (0x1000, here)])
        hosts[THERE].write([(0x2000, there)])
        apply(engine, MESH, Flip(*wire, 1, bit))
        hosts[HERE].start([Launch(0, program.origin, args)])
        [(_, status)] = hosts[HERE].wait_any(1)
        assert (status.state, status.cause, status.operand) == (ThreadState.FAULTED, Fault.NETWORK, global_address(THERE, at))
        assert hosts[HERE].read(0x1000, 64) == here and hosts[THERE].read(0x2000, 64) == there
        assert [hosts[place].counters()[Counter.PARITY_ERRORS] for place in (wire[1], wire[0])] == [1, 0]
        hosts[HERE].do(hosts[HERE].session.raise_semaphore(9, 1))
        hosts[HERE].start([Launch(0, program.origin, args)])
        assert hosts[HERE].wait(1)[0][1].state is ThreadState.IDLE
        assert hosts[HERE].read(0x1000, 64) == hosts[THERE].read(0x2000, 64)


def test_a_mesh_goes_on_from_its_checkpoint(tmp_path, seed):
    """Packets on links, in buffers and at edges are in it: every link of every later cycle is the same."""

    def new() -> Engine:
        return Engine(machine.tile_design("tiny", trace=True), tiles(MESH))

    def rest(engine: Engine):
        engine.options(recording=True)
        engine.run(800)
        return engine.take_links(), [engine.take(edge) for edge in range(len(MESH.edges))]

    with new() as engine:
        begin(engine, MESH, seed)
        engine.run(700)
        engine.save(tmp_path / "state")
        links, received = rest(engine)
    assert links.any()
    with new() as engine:
        engine.restore(tmp_path / "state")
        again, received_again = rest(engine)
    assert np.array_equal(links, again) and received == received_again


def test_waves_are_of_nodes_that_are_there():
    assert machine.numbers_of(MESH, [(2, 1)]) == [1] and machine.numbers_of(MESH, []) == (0,)
    with pytest.raises(ValueError, match="no waves of 3,1: no live node of the mesh of 2x1"):
        machine.numbers_of(MESH, [(1, 1), (3, 1)])


def test_a_debugger_at_the_edge_reaches_a_thread_of_the_far_node():
    """It stops a thread of 2,2 that waits for a word, reads and changes a register by instructions of its own, and lets it go on."""
    mesh = MeshConfig(2, 2)
    program = assemble(WAITING)
    with machine.mesh_engine(mesh, "tiny", trace=True) as engine:
        host = MeshEdge(engine, mesh).hosts[2, 2]

        def say(op, text=None):
            return host.do(host.session.debug(op, 1, assemble(text).words[0] if text else 0))

        host.write([(program.origin, program.image)])
        host.flush()
        host.start([Launch(1, program.origin)])
        engine.run(200)
        status = say(DebugOp.HALT)
        assert status.state is ThreadState.HALTED and status.pc in range(program.labels["again"], program.labels["done"] + 1)
        say(DebugOp.INJECT, "st.d x5, x0, 0x90")
        assert host.read(0x90, 8) == (7).to_bytes(8, "little")
        say(DebugOp.INJECT, "addi x5, x5, 100")
        host.write([(0x88, (1).to_bytes(8, "little"))])
        assert say(DebugOp.RESUME).state is not ThreadState.HALTED
        assert host.wait(1)[0][1].state is ThreadState.IDLE and host.read(0x80, 8) == (108).to_bytes(8, "little")


WAITING = """
start:  li x5, 7
again:  ld.d x6, x0, 0x88
        peqi p1, x6, 0
        (p1) br again
done:   addi x5, x5, 1
        st.d x5, x0, 0x80
        halt
"""


def test_an_edge_port_that_is_none_is_refused():
    with (
        machine.mesh_engine(MESH, "tiny", trace=True) as engine,
        pytest.raises(ValueError, match="there is no edge port 1,1 on a mesh of 2x1"),
    ):
        MeshEdge(engine, MESH, (1, 1))

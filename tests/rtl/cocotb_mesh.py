"""Runs inside Verilator: a mesh, hosts at its edge ports."""

import cocotb
from cocotb.triggers import gather

from golden.arch.config import get_config
from golden.arch.global_address import cast_address, global_address
from golden.arch.memmap import Fault, ThreadState
from golden.arch.mesh import MeshConfig
from golden.arch.packet import Kind
from golden.arch.transfer import Transfer
from golden.asm import assemble
from golden.host_mesh import entering
from golden.iss.mesh import Mesh
from golden.kernels.job import Launch
from golden.noc.boot import rounds
from golden.retire import Collector
from tb.bind import bind, parameters
from tb.clock import PERIOD_PS, cycles, start
from tb.host import Host
from tb.seed import generator
from tb.trace import TraceMonitor

CONFIG = get_config(parameters()["config"]).with_network()
MESH = MeshConfig(parameters()["columns"], parameters()["rows"])
LIMIT = 100_000 * PERIOD_PS
SEEN = 0x7000
"""Bytes of each node's SRAM that are written and compared."""

PROGRAM = """
start:  wait 3, 2
        add  x9, x1, x2
        st.d x9, x0, 0x80
        halt
"""


def host_at(ports, edge, entry: str = "none", exit: str = "none") -> Host:
    """A host at an edge port: to and from the west or east by YX, to and from the north or south by XY."""
    number = MESH.edges.index(edge)
    route = 1 if edge[0] in (0, MESH.columns + 1) else 0
    return Host(
        ports,
        entry,
        exit,
        place=edge,
        links=(f"i__{number}", f"o__{number}"),
        routes=[route],
        entering=lambda packet: entering(MESH, edge, packet),
    )


async def begin(dut, gaps: str = "none"):
    """The ports of a mesh that has been booted, and the host that did it."""
    dut._log.info(f"seed {cocotb.RANDOM_SEED}")
    ports = bind(dut)
    await start(ports)
    host = host_at(ports, MESH.edges[0], gaps, gaps)
    await host.boot(rounds(MESH, MESH.edges[0]))
    return ports, host


RING = """
start:  li x20, 5
        li x21, 0
        loopi sent, 9
        add x21, x21, x20
        st.d x21, x1, 0
        rput x1, x2, 1
        addi x1, x1, 8
        addi x2, x2, 8
        st.d x20, x1, 0
sent:   addi x20, x20, 3
        wait 4, 9
        loopi got, 20
        rget x3, x5, 2, 6
        addi x3, x3, 48
got:    addi x5, x5, 16
        wait 6, 20
        ld.d x8, x3, -48
        ld.d x9, x3, -40
        add x8, x8, x9
        st.d x8, x6, 0
        rput x6, x7, 3, ack
        st.d x0, x6, 0
        fence
        li x10, 3
        rraise 7, x7, x10
        wait 7, 3
        ld.d x11, x6, 128
        halt
"""
"""Every node sends to the next one and reads from it: nine words one by one, twenty times two words, three words; then a raise."""

REFUSED = """
start:  li x9, 1
        rput x1, x2, 8, ack
        fence
        li x9, 2
        halt
"""


def ring(place) -> tuple[int, ...]:
    """Arguments of RING at a place: its neighbour is the next in the order of `MESH.live`."""
    order = MESH.live
    other = order[(order.index(place) + 1) % len(order)]
    return 0x1000, global_address(other, 0x2008, 4), 0x3000, 0, global_address(other, 0x5010), 0x6000, global_address(other, 0x6080)


async def both(ports, host: Host, text: str, args, memory=(), own=lambda place: (), faults: bool = False):
    """Runs a program's thread 0 on every node of the RTL and of the simulator; compares records, ends and SRAM. Returns statuses.

    `memory` lies in every node, `own` in each its own.
    """
    program = assemble(text)
    collectors = {place: Collector(CONFIG.features) for place in MESH.live}
    for number, collector in enumerate(collectors.values()):
        TraceMonitor(ports, collector, f"trace__{number}__")
    simulated: dict = {place: [] for place in MESH.live}
    machine = Mesh(MESH, CONFIG, seed=cocotb.RANDOM_SEED, on_record=lambda place, record: simulated[place].append(record))
    ends = {}
    for place, node in machine.nodes.items():
        image = bytearray(SEEN)
        for address, part in [(program.origin, program.image), *memory, *own(place)]:
            image[address : address + len(part)] = part
        node.write(0, bytes(image))
        await host.do(host.session.write([(0, bytes(image))], place))
        await host.do(host.session.flush(place))
    for place, node in machine.nodes.items():
        node.threads[0].start(program.labels["start"], args(place))
        ends[place] = host.start(Launch(0, program.labels["start"], args(place)), place)
    machine.run()
    statuses = {place: await host.ended(end) for place, end in ends.items()}
    await cycles(ports, 200)
    for place, node in machine.nodes.items():
        collectors[place].finish(frozenset({0} if faults else ()))
        thread, status = node.threads[0], statuses[place]
        assert (status.state, status.cause, status.operand) == (thread.state, thread.cause, thread.operand), place
        if not faults:
            retired = collectors[place].complete()[0]
            assert [record.canonical() for record in retired] == [record.canonical() for record in simulated[place]], place
        assert await host.do(host.session.read(0, SEEN, place)) == node.read(0, SEEN), place
    host.finish()
    return statuses


@cocotb.test(timeout_time=LIMIT, timeout_unit="ps")
@cocotb.parametrize(gaps=["none", "random"])
async def every_edge_reaches_every_node(dut, gaps: str):
    """Who it is, what was written, and a thread that adds: all at once from all sides."""
    ports, first = await begin(dut, gaps)
    program = assemble(PROGRAM)

    hosts = {edge: first if edge == MESH.edges[0] else host_at(ports, edge, gaps, gaps) for edge in MESH.edges}

    async def visit(edge) -> None:
        host, base = hosts[edge], 0x1000 + 0x400 * MESH.edges.index(edge)
        for node in MESH.live:
            identity = await host.do(host.session.identity(node))
            assert (identity["x"], identity["y"], identity["sram_bytes"]) == (*node, CONFIG.sram_bytes)
            image = generator(f"{edge}{node}").randbytes(333)
            await host.do(host.session.write([(base + 5, image)], node))
            assert await host.do(host.session.read(base + 5, 333, node)) == image

    await gather(*(visit(edge) for edge in MESH.edges))
    host, ends = hosts[MESH.edges[-1]], {}
    for node in MESH.live:
        await host.do(host.session.write([(program.origin, program.image)], node))
        ends[node] = host.start(Launch(2, program.labels["start"], (30, 10 * node[0] + node[1])), node)
    for node in reversed(MESH.live):
        await host.do(host.session.raise_semaphore(3, 2, node))
    for node, request in ends.items():
        status = await host.ended(request)
        assert (status.state, status.retired) == (ThreadState.IDLE, 4)
        assert int.from_bytes(await host.do(host.session.read(0x80, 8, node)), "little") == 30 + 10 * node[0] + node[1]
        assert await host.refused(Kind.READ, node=node, address=CONFIG.sram_bytes, length=1) is Fault.RANGE
    for host in hosts.values():
        host.finish()


@cocotb.test(timeout_time=LIMIT, timeout_unit="ps")
async def nodes_write_read_and_raise_in_a_ring(dut):
    ports, host = await begin(dut)
    await both(ports, host, RING, ring, [(0x5000, generator("data").randbytes(0x200))])


@cocotb.test(timeout_time=LIMIT, timeout_unit="ps")
async def what_another_node_refuses_stops_the_thread(dut):
    """An address outside the SRAM of the other node: the error comes back, and the thread ends with it."""
    ports, host = await begin(dut)

    def args(place):
        other = MESH.live[0] if place != MESH.live[0] else MESH.live[-1]
        return 0x1000, global_address(other, CONFIG.sram_bytes + 64 * place[0])

    statuses = await both(ports, host, REFUSED, args, faults=True)
    assert {status.cause for status in statuses.values()} == {Fault.NETWORK}


CASTS = """
start:  loopi end, 16
        st.d x1, x2, 0
        rcast x2, x3, 3
        addi x1, x1, 7
end:    st.d x0, x2, 0          ; after the last has been read
        rcast x2, x4, 1         ; to nobody
        waitr 11, x5
        fence
        halt
"""
"""Every node sends a line that changes sixteen times to all others, and waits for theirs."""


@cocotb.test(timeout_time=LIMIT, timeout_unit="ps")
async def everybody_tells_everybody(dut):
    ports, host = await begin(dut)

    def args(place):
        at = 0x2000 + 64 * MESH.live.index(place)
        everybody, alone = cast_address(MESH.live[0], MESH.live[-1], at, 11), cast_address(place, place, at)
        return 100 * place[0], at, everybody, alone, 16 * (len(MESH.live) - 1)

    await both(ports, host, CASTS, args, own=lambda place: [(0x2000 + 64 * MESH.live.index(place), generator(str(place)).randbytes(24))])


@cocotb.test(timeout_time=LIMIT, timeout_unit="ps")
async def a_multicast_that_leaves_the_mesh_stops_its_thread(dut):
    ports, host = await begin(dut)
    text = REFUSED.replace("rput x1, x2, 8, ack", "rcast x1, x2, 8").replace("fence", "wait 9, 1")
    far = MESH.columns + 1, MESH.rows
    statuses = await both(ports, host, text, lambda place: (0x1000, cast_address(MESH.live[0], far, 0x2000)), faults=True)
    assert {status.cause for status in statuses.values()} == {Fault.NETWORK}


LISTS = """
start:  rlist x1, x2
        rget x3, x4, 8, 9
        fence
        li x9, 7
        wait 9, 1
        wait 5, 12
        wait 6, 14
        ld.d x10, x3, 0
        halt
"""
"""Every node writes three rows to the next one and reads two from it: twelve and fourteen packets, which are told."""


@cocotb.test(timeout_time=LIMIT, timeout_unit="ps")
async def lists_move_blocks_both_ways(dut):
    ports, host = await begin(dut)
    order = MESH.live

    def next_to(place):
        return order[(order.index(place) + 1) % len(order)]

    def args(place):
        return 0x800, 2, 0x6800, global_address(next_to(place), 0x800)

    def transfers(place) -> bytes:
        there = next_to(place)
        out = Transfer(0x1010, global_address(there, 0x3020, 5), 3, 0x68, 0x100, 0x88)
        back = Transfer(0x4008, global_address(there, 0x5000, 6), 2, 0xF8, 0x140, 0x100, read=1)
        assert (len(list(out.pieces())), len(list(back.pieces()))) == (12, 14)
        return out.pack() + back.pack()

    data = [(0x1000, generator("out").randbytes(0x400)), (0x5000, generator("back").randbytes(0x400))]
    await both(ports, host, LISTS, args, data, own=lambda place: [(0x800, transfers(place))])


MEASURED = """
start:  csrr x10, 2
        rlist x1, x2
        fence
        csrr x11, 2
        rget x3, x4, 8, 9
        wait 9, 1
        csrr x12, 2
        st.d x10, x0, 0x80
        st.d x11, x0, 0x88
        st.d x12, x0, 0x90
        halt
other:  wait 5, 1
        csrr x13, 2
        wait 5, 63
        csrr x14, 2
        st.d x13, x0, 0x80
        st.d x14, x0, 0x88
        halt
"""
RATE, WHOLE, READ = 66, 88 + 32, 64
"""Cycles between the first and the last of 64 packets (95 % of one a cycle); from before the list's instruction to after the wait for
its last packet, of which 32 are the instructions' own and the reading of the list; of a remote read, with its instructions."""


@cocotb.test(timeout_time=LIMIT, timeout_unit="ps")
async def four_kilobytes_to_the_neighbour(dut):
    ports, host = await begin(dut)
    program = assemble(MEASURED)
    here, there = MESH.live[:2]
    transfer, data = Transfer(0x2000, global_address(there, 0x4000, 5), 1, 4096), generator("block").randbytes(4096)
    for place in (here, there):
        await host.do(host.session.write([(program.origin, program.image), (0x1000, transfer.pack()), (0x2000, data)], place))
    args = (0x1000, 1, 0x1800, global_address(there, 0x2000))
    # Once for the instruction cache, once to be measured.
    for _ in range(2):
        waiting = host.start(Launch(0, program.labels["other"], ()), there)
        await cycles(ports, 200)
        await host.ended(host.start(Launch(0, program.labels["start"], args), here))
        await host.ended(waiting)
    assert await host.do(host.session.read(0x4000, 4096, there)) == data

    async def words(place, count: int) -> list[int]:
        image = await host.do(host.session.read(0x80, 8 * count, place))
        return [int.from_bytes(image[8 * n :][:8], "little") for n in range(count)]

    began, sent, read = await words(here, 3)
    first, last = await words(there, 2)
    dut._log.info(f"4 KB: first to last packet {last - first} cycles, from the instruction on {last - began}; read of 64 B {read - sent}")
    assert last - first <= RATE and last - began <= WHOLE and read - sent <= READ
    host.finish()

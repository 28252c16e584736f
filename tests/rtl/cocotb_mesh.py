"""Runs inside Verilator: a mesh, hosts at its edge ports."""

import cocotb
from cocotb.triggers import gather

from golden.arch.config import get_config
from golden.arch.memmap import Fault, ThreadState
from golden.arch.mesh import MeshConfig, beside
from golden.arch.packet import Kind
from golden.asm import assemble
from golden.kernels.job import Launch
from golden.noc.routing import dimension_order
from tb.bind import bind, parameters
from tb.clock import PERIOD_PS, cycles, start
from tb.host import Host
from tb.seed import generator

CONFIG = get_config(parameters()["config"]).with_network()
MESH = MeshConfig(parameters()["columns"], parameters()["rows"])
LIMIT = 100_000 * PERIOD_PS
STRAPS = 4
"""Cycles in which routers learn where they are."""

PROGRAM = """
start:  wait 3, 2
        add  x9, x1, x2
        st.d x9, x0, 0x80
        halt
"""


def host_at(ports, edge, entry: str = "none", exit: str = "none") -> Host:
    """A host at an edge port: to and from the west or east by YX, to and from the north or south by XY."""
    number, first = MESH.edges.index(edge), beside(edge, MESH.inward(edge))
    route = 1 if edge[0] in (0, MESH.columns + 1) else 0
    return Host(
        ports,
        entry,
        exit,
        place=edge,
        links=(f"i__{number}", f"o__{number}"),
        routes=[route],
        port=lambda packet: dimension_order(first, packet.destination, packet.channel & 1),
    )


async def begin(dut):
    dut._log.info(f"seed {cocotb.RANDOM_SEED}")
    ports = bind(dut)
    await start(ports)
    await cycles(ports, STRAPS)
    return ports


@cocotb.test(timeout_time=LIMIT, timeout_unit="ps")
@cocotb.parametrize(gaps=["none", "random"])
async def every_edge_reaches_every_node(dut, gaps: str):
    """Who it is, what was written, and a thread that adds: all at once from all sides."""
    ports = await begin(dut)
    program = assemble(PROGRAM)

    hosts = {edge: host_at(ports, edge, gaps, gaps) for edge in MESH.edges}

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

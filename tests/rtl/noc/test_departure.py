"""How a node's own packets set out: the circuit against the rule, with the tables of a mesh that has dead nodes."""

from itertools import product

import pytest

from golden.arch.mesh import MeshConfig
from golden.arch.packet import PortId
from golden.noc.departures import Departure as Entry
from golden.noc.departures import set_out
from golden.noc.routes import detours
from golden.noc.routing import XY, YX, branches
from rtl.noc.departure import Departure

MESH = MeshConfig(4, 4, frozenset({(2, 2), (4, 2), (2, 4)}))


@pytest.mark.fast
@pytest.mark.parametrize("at", [(1, 2), (2, 1), (3, 3)], ids=str)
def test_the_circuit_does_what_the_rule_says(simulate, at):
    table, dut = detours(MESH).departures[at], Departure()
    assert table and any(entry.port is not None for entry in table)
    # One more that overlaps another: neither names a port, and YX holds.
    table = [*table, Entry(4, 4, 4, 4, XY, None), Entry(3, 4, 4, 4, YX, None)] if at == (3, 3) else table

    async def bench(ctx):
        for name, value in zip("xy", at, strict=True):
            ctx.set(getattr(dut.here.place, name), value)
        ctx.set(dut.here.edges.east, MESH.columns + 1)
        ctx.set(dut.here.edges.south, MESH.rows + 1)
        for index, entry in enumerate(table):
            ctx.set(dut.here.table[index], entry.fields())
        for to in [(x, y) for x in range(6) for y in range(6) if (x, y) != at]:
            for asked in (XY, YX):
                route, port = set_out(at, to, asked, table, MESH)
                assert await found(ctx, dut, to, to, asked) == (route, 1 << port), (to, asked)
        # A multicast knows no exceptions, and its sender gets no copy.
        for corner, far in product(product(range(1, 5), repeat=2), repeat=2):
            if corner != far and corner[0] <= far[0] and corner[1] <= far[1]:
                for asked in (XY, YX):
                    ports = branches(at, corner, far, asked, None) - {PortId.NODE}
                    assert await found(ctx, dut, corner, far, asked) == (asked, sum(1 << port for port in ports)), (corner, far, asked)

    simulate(dut, bench, clocked=False)


async def found(ctx, dut, corner, far, asked):
    for name, value in zip(("x", "y", "far_x", "far_y", "asked"), (*corner, *far, asked), strict=True):
        ctx.set(getattr(dut, name), value)
    await ctx.delay(1e-9)
    return ctx.get(dut.route), ctx.get(dut.out)

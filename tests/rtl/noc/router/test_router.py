"""The router against its rules, every flip-flop of every link on every cycle, with random neighbours that keep to the protocol."""

import pytest

from golden.arch import route_table
from golden.arch.packet import BODY, CHANNELS, CONTROL, PortId
from golden.noc.router import Router as Rules
from golden.noc.routing import XY, YX, Entry
from rtl.noc.router import Router
from tests.rtl.noc.router.neighbours import Neighbours

N, E, S, W, NODE = PortId
AT = (3, 4)
TABLE = [Entry(1, 2, 1, 4, frozenset({XY}), frozenset({W}), S), Entry(5, 6, 2, 7, frozenset({XY, YX}), frozenset({E, N}), N)]
SETTLE = 3
"""Cycles after which the router knows its coordinates."""


@pytest.mark.fast
@pytest.mark.parametrize(
    "load, back, many, slices, gates",
    [(0.9, 0.9, 0, 1, False), (0.9, 0.2, 0.3, 3, True), (0.2, 0.9, 1, 1, False), (0.9, 0.9, 0.6, 1, False)],
)
def test_every_link_shows_what_the_rules_say(simulate, rng, load, back, many, slices, gates):
    """Single packets, or a share of multicasts among them."""
    dut, rules, around = Router(slices, gates), Rules(AT, TABLE, frozenset({S})), Neighbours(rng, AT, TABLE, load, back, many)
    bodies = [0] * len(PortId)

    async def configure(ctx):
        ctx.set(dut.x, AT[0])
        ctx.set(dut.y, AT[1])
        ctx.set(dut.closed, 1 << S)
        for index, entry in enumerate(TABLE):
            ctx.set(dut.entry.valid, 1)
            ctx.set(dut.entry.index, 5 + index)
            ctx.set(dut.entry.entry.as_value(), route_table.ENTRY.pack(entry.fields()))
            await ctx.tick()
        ctx.set(dut.entry.valid, 0)
        await ctx.tick().repeat(SETTLE)

    def compare(ctx, shown, cycle):
        assert [ctx.get(dut.o[o].control.as_value()) for o in PortId] == list(shown.controls), f"cycle {cycle}"
        assert [ctx.get(dut.i[p].credit) for p in PortId] == list(shown.credits), f"cycle {cycle}"
        assert [[ctx.get(dut.credits[o][v]) for v in range(CHANNELS)] for o in PortId] == rules.credits, f"cycle {cycle}"
        for o, body in zip(PortId, shown.bodies, strict=True):
            assert body is None or ctx.get(dut.o[o].body.as_value()) == body, f"cycle {cycle}, body at {o.name}"
            bodies[o] += body is not None

    async def bench(ctx):
        await configure(ctx)
        for cycle in range(150):
            drive = around.controls(), around.bodies(), around.returned()
            for p in PortId:
                ctx.set(dut.i[p].control.as_value(), drive[0][p])
                ctx.set(dut.i[p].body.as_value(), drive[1][p])
                ctx.set(dut.o[p].credit, drive[2][p])
            shown = rules.step(*drive)
            await ctx.tick()
            compare(ctx, shown, cycle)
            around.see(list(shown.controls), list(shown.credits))

    simulate(dut, bench)
    assert min(bodies) > 10
    assert not many or set(around.copies) >= {1, 2, 3, 4}


@pytest.mark.fast
def test_wrong_parity_is_counted_where_it_comes_in(simulate):
    dut = Router()
    # Without its port the word has 1 + (2 + 1) * 2 = 7 ones: odd.
    word = CONTROL.pack({"valid": 1, "out": 1 << E, "x": 5, "y": 4, "far_x": 5, "far_y": 4})

    async def send(ctx, body):
        ctx.set(dut.i[W].control.as_value(), word)
        await ctx.tick()
        ctx.set(dut.i[W].control.as_value(), 0)
        ctx.set(dut.i[W].body.as_value(), body)
        await ctx.tick().repeat(3)
        return [ctx.get(dut.parity_errors[p]) for p in PortId]

    async def bench(ctx):
        ctx.set(dut.closed, 1 << E)
        right = BODY.pack({"header": 1 << 75})
        assert await send(ctx, right) == [0] * 5
        # Bits of the header, its parity, the payload's ends and its parity.
        wrong = (0, right ^ 1 << 76, right ^ 1, right ^ 1 << 77, right ^ 1 << 588, right ^ 1 << 596)
        for count, body in enumerate(wrong, 1):
            assert await send(ctx, body) == [0, 0, 0, count, 0]

    simulate(dut, bench)

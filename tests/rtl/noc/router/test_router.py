"""The router against its rules, every flip-flop of every link on every cycle, with random neighbours that keep to the protocol."""

from collections import Counter

import pytest

from golden.arch import route_table
from golden.arch.boot import NEXT_NODE
from golden.arch.mesh import OPPOSITE
from golden.arch.packet import BODY, CHANNELS, CONTROL, CREDITS, PortId
from golden.noc.router import Router as Rules
from golden.noc.routing import XY, YX, Entry, branches, onward
from rtl.noc.router import Router

N, E, S, W, NODE = PortId
AT = (3, 4)
TABLE = [Entry(1, 2, 1, 4, frozenset({XY}), frozenset({W}), S), Entry(5, 6, 2, 7, frozenset({XY, YX}), frozenset({E, N}), N)]
SETTLE = 3
"""Cycles after which the router knows its coordinates."""


class Neighbours:
    """Senders and receivers at all ports: packets at random while there is credit, credits back at random."""

    def __init__(self, rng, load: float, back: float, many: float) -> None:
        self.rng, self.load, self.back, self.many = rng, load, back, many
        self.copies = Counter()
        self.credits = [[CREDITS] * CHANNELS for _ in PortId]
        self.held = [[0] * CHANNELS for _ in PortId]

    def controls(self) -> list[int]:
        words = []
        for p in PortId:
            v = int(self.rng.integers(CHANNELS))
            if self.rng.random() >= self.load or not self.credits[p][v]:
                words.append(0)
                continue
            self.credits[p][v] -= 1
            (x, y), (far_x, far_y), outs = self.multicast(p, v & 1) if self.rng.random() < self.many else self.single(p, v & 1)
            fields = {"x": x, "y": y, "far_x": far_x, "far_y": far_y}
            words.append(CONTROL.pack({"valid": 1 << v, "out": sum(1 << out for out in outs), **fields}))
        return words

    def single(self, p: PortId, route: int):
        """Any output; a destination for which nobody turns back behind it, or that of boot packets."""
        out = PortId(self.rng.choice([o for o in PortId if o != p]))
        while True:
            to = AT if out == NODE else NEXT_NODE if self.rng.random() < 0.1 else tuple(int(n) for n in self.rng.integers(1, 8, 2))
            if out == NODE or OPPOSITE[out] not in onward(AT, out, to, to, route, TABLE):
                return to, to, {out}

    def multicast(self, p: PortId, route: int):
        """A rectangle whose tree comes this way."""
        while True:
            x, y, far_x, far_y = (int(n) for n in self.rng.integers(1, 8, 4))
            corner, far = (min(x, far_x), min(y, far_y)), (max(x, far_x), max(y, far_y))
            outs = branches(AT, corner, far, route, None if p == NODE else OPPOSITE[p]) - {p}
            if corner != far and outs:
                self.copies[len(outs)] += 1
                return corner, far, outs

    def bodies(self) -> list[int]:
        return [int.from_bytes(self.rng.bytes(75), "little") % (1 << BODY.width) for _ in PortId]

    def returned(self) -> list[int]:
        rows = []
        for o in PortId:
            v = int(self.rng.integers(CHANNELS))
            gives = self.held[o][v] > 0 and self.rng.random() < self.back
            self.held[o][v] -= gives
            rows.append(int(gives) << v)
        return rows

    def see(self, controls: list[int], credits: list[int]) -> None:
        for p in PortId:
            for v in range(CHANNELS):
                self.held[p][v] += CONTROL.unpack(controls[p])["valid"] >> v & 1
                self.credits[p][v] += credits[p] >> v & 1


@pytest.mark.fast
@pytest.mark.parametrize(
    "load, back, many, slices, gates",
    [(0.9, 0.9, 0, 1, False), (0.9, 0.2, 0.3, 3, True), (0.2, 0.9, 1, 1, False), (0.9, 0.9, 0.6, 1, False)],
)
def test_every_link_shows_what_the_rules_say(simulate, rng, load, back, many, slices, gates):
    """Single packets, or a share of multicasts among them."""
    dut, rules, around = Router(slices, gates), Rules(AT, TABLE, frozenset({S})), Neighbours(rng, load, back, many)
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

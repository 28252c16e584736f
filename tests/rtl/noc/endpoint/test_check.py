"""What is refused, and who serves the rest, against golden.arch.refusal; nothing overtakes a boot packet, or comes before the first."""

import random

import pytest

from golden.arch.boot import NEXT_NODE
from golden.arch.config import get_config
from golden.arch.memmap import CONTROL_BASE, LINE_BYTES
from golden.arch.packet import Kind, Packet
from golden.arch.refusal import refusal
from rtl.noc.endpoint.check import CHECKED, Check

CONFIG = get_config("tiny")
SERVED = {Kind.WRITE: "store", Kind.RAISE: "effect", Kind.START: "starter", Kind.DEBUG: "debugger", Kind.BOOT: "boot"}


def draw(pick: random.Random, place: tuple[int, int], networked: bool) -> Packet:
    """A packet of any kind, often one that something is wrong with."""
    line = CONTROL_BASE + LINE_BYTES * pick.randrange(14)
    near = pick.choice((0, 0, 8, 0x40, CONFIG.sram_bytes - 8, CONFIG.sram_bytes, line, line, line, line))
    pcs = pick.choice((0x100, 0x102, CONFIG.sram_bytes - 4, CONFIG.sram_bytes, 1 << 40))
    boot = pick.randrange(1 << 10)
    kind = pick.choice((*Kind, *list(Kind)[:6], *[Kind.READ] * 4, 0, 7))
    to = pick.choice((place, place, place, (place[0] ^ 1, place[1]), (place[0], place[1] ^ 16)))
    if kind == Kind.BOOT and networked and pick.random() < 0.7:
        to = NEXT_NODE
    far = to if pick.random() < 0.7 else (min(31, to[0] + pick.randrange(3)), min(31, to[1] + pick.randrange(18)))
    return Packet(
        kind,
        to,
        (0, 1),
        pick.choice((0, 0, 1, 1, 2)),
        address=pick.choice((near, near + pick.randrange(8), pick.randrange(10), pick.getrandbits(35))),
        length=pick.choice((0, 1, 2, 3, 8, 9, pick.randrange(64))),
        tag=pick.choice((3, 63, 64, 255)),
        sequence=pick.choice((5, 0x85)),
        payload=boot if kind == Kind.BOOT else pcs,
        far=far,
        wrong_payload=pick.random() < 0.2,
    )


def expected(packet: Packet, place: tuple[int, int], networked: bool) -> tuple[str, int]:
    """Target and cause, of a node that knows who it is."""
    if packet.channel & 2 or packet.kind & 16 or packet.wrong_payload and packet.kind == Kind.BOOT:
        return "dropped", 0
    cause = refusal(packet, CONFIG.sram_bytes, place, networked)
    if cause is not None:
        return "refused", cause
    if packet.kind == Kind.READ:
        return ("lines" if packet.address >= CONTROL_BASE else "load"), 0
    return SERVED[packet.kind], 0


@pytest.mark.fast
@pytest.mark.parametrize("networked", [False, True], ids=["alone", "networked"])
def test_targets_and_causes(simulate, seed, networked):
    pick, dut = random.Random(seed), Check(CONFIG.with_network() if networked else CONFIG)
    seen: dict[tuple[str, int], int] = {}

    async def check(ctx):
        place, moved = (1, 1), (1, 1)  # of the node now, and when all boot packets before the next packet have been obeyed
        waiting: list[tuple[Packet, tuple[str, int]]] = []
        packet, wait, known, drops = draw(pick, moved, networked), 0, not networked, 0
        for _ in range(2000):
            valid = pick.random() < 0.8
            wait = max(wait - 1, 0)
            ctx.set(dut.i.valid, valid)
            for name, value in zip(
                ("channel", "x", "y", "far_x", "far_y"),
                (packet.channel, *packet.destination, *(packet.far or packet.destination)),
                strict=True,
            ):
                ctx.set(dut.i.payload[name], value)
            for name in ("kind", "address", "length", "tag", "sequence"):
                ctx.set(dut.i.payload.header[name], int(getattr(packet, name)))
            ctx.set(dut.i.payload.payload, packet.payload)
            ctx.set(dut.i.payload.wrong_payload, packet.wrong_payload)
            ctx.set(dut.place.x, place[0])
            ctx.set(dut.place.y, place[1])
            if networked:
                ctx.set(dut.known, known)
            ctx.set(dut.o.ready, not wait and pick.random() < 0.8)
            await ctx.delay(1e-12)
            booted = False
            if ctx.get(dut.o.valid) and ctx.get(dut.o.ready):
                sent, (target, cause) = waiting.pop(0)
                out = dut.o.payload
                named = {name for name, _ in CHECKED["target"].shape if ctx.get(out.target[name])}
                assert (named, ctx.get(out.packet.payload)) == ({target}, sent.payload), sent
                assert target != "refused" or ctx.get(out.cause) == cause, sent
                seen[target, cause] = seen.get((target, cause), 0) + 1
                if target == "boot":
                    booted, place, wait = True, (sent.payload & 31, sent.payload >> 5), pick.randrange(4)
            ctx.set(dut.booted.valid, booted)
            knew = known
            assert ctx.get(dut.dropped) == drops
            if networked:
                # Some packets come before the node is told who it is.
                known |= booted and drops > 20
            if valid and ctx.get(dut.i.ready):
                boots = packet.kind == Kind.BOOT and packet.destination == NEXT_NODE
                waiting.append((packet, expected(packet, moved, networked) if knew or boots else ("dropped", 0)))
                drops += not boots and (not knew or bool(packet.kind & 16))
                if waiting[-1][1][0] == "boot":
                    moved = packet.payload & 31, packet.payload >> 5
                packet = draw(pick, moved, networked)
            await ctx.tick()

    simulate(dut, check)
    assert {target for target, _ in seen} == {"dropped", "refused", "load", "lines", *SERVED.values()}
    assert {cause for target, cause in seen if target == "refused"} == {1, 2, 3, 4}

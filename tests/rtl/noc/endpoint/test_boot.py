"""Boot packets at a node: sent on, turned, obeyed, as golden.arch.boot says."""

import pytest

from golden.arch.boot import IDENTITY, NEXT_NODE, BootOp, boot_packet, sent_on, table_of
from golden.arch.mesh import STEP
from golden.arch.packet import Packet, PortId
from golden.arch.route_table import ENTRY
from rtl.noc.endpoint.boot import Boot


def draw(rng) -> Packet:
    """A boot packet of any kind, its path at an end or not; sometimes of no operation or with an empty way back."""
    path = tuple((PortId(rng.integers(len(STEP))), int(rng.choice([1, 2, rng.integers(1, 32)]))) for _ in range(rng.integers(9)))
    path = path if rng.random() < 0.6 else ()
    op = int(rng.choice([*BootOp, *BootOp, 3, 63]))
    back = int.from_bytes(rng.bytes(7), "little") if rng.random() < 0.8 else 0
    payload = int.from_bytes(rng.bytes(64), "little") & ~0xFF_FFFF_FFFF_FFFF | back
    return boot_packet(op, path, payload)


@pytest.mark.fast
@pytest.mark.parametrize("ready", [1.0, 0.3])
def test_packets_go_on_or_are_obeyed(simulate, rng, ready):
    dut, seen = Boot(), {"on": 0, "turned": 0, "dropped": 0, **{op: 0 for op in BootOp}}
    known: dict[str, int] = {}
    entries: list[tuple[int, dict[str, int]]] = []

    def identity(ctx) -> dict[str, int]:
        me = dut.identity
        signals = {"x": me.place.x, "y": me.place.y, "east": me.edges.east, "south": me.edges.south, "closed": me.closed}
        return {name: ctx.get(signal) for name, signal in signals.items()}

    async def bench(ctx):
        assert not ctx.get(dut.identity.known)
        written: list[tuple[int, dict[str, int]]] = []
        for _ in range(400):
            packet = draw(rng)
            channel = int(rng.integers(2))
            ctx.set(dut.request.valid, 1)
            ctx.set(dut.request.payload, {"channel": channel, "x": 31, "y": 31, "far_x": 31, "far_y": 31, "payload": packet.payload})
            header = dut.request.payload.header
            for name in ("kind", "address", "length", "tag", "sequence", "flags"):
                ctx.set(header[name], int(getattr(packet, name)))
            ctx.set(header.source_x, packet.source[0])
            ctx.set(header.source_y, packet.source[1])
            onward, sent, cycles = sent_on(packet), [], 0
            while True:
                take = rng.random() < ready
                ctx.set(dut.onward.ready, take)
                if ctx.get(dut.onward.valid) and take:
                    item = ctx.get(dut.onward.payload)
                    said, to = item.header, (item.x, item.y)
                    assert (item.far_x, item.far_y) == to == NEXT_NODE and item.channel == channel
                    fields = {name: said[name] for name in ("address", "length", "tag", "sequence", "flags")}
                    sent.append((item.out, Packet(said.kind, to, (said.source_x, said.source_y), payload=item.payload, **fields)))
                taken = ctx.get(dut.request.ready)
                await ctx.tick()
                cycles += 1
                if ctx.get(dut.entry.valid):
                    written.append((ctx.get(dut.entry.index), ENTRY.unpack(ctx.get(dut.entry.entry.as_value()))))
                if taken:
                    break
            assert cycles == (3 if onward else 10 if packet.length == BootOp.TABLE else 2) or ready < 1
            if onward:
                port, packet_on = onward
                assert [(1 << port, packet_on)] == [(out, got) for out, got in sent]
                seen["turned" if packet_on.payload != packet.payload else "on"] += 1
            else:
                assert not sent
                seen[packet.length if packet.length in list(BootOp) else "dropped"] += 1
                if packet.length == BootOp.IDENTITY:
                    known.update(IDENTITY.unpack(packet.payload))
                elif packet.length == BootOp.TABLE:
                    entries.extend(table_of(packet))
            assert bool(ctx.get(dut.identity.known)) == bool(known) and (not known or identity(ctx) == known)
            ctx.set(dut.request.valid, 0)
            for _ in range(int(rng.integers(2))):
                await ctx.tick()
                assert not ctx.get(dut.entry.valid) and not ctx.get(dut.onward.valid)
        assert written == entries

    simulate(dut, bench)
    assert all(seen.values()), seen

"""The two ends of a link, wired to each other: credits and rings at every value they go through, and that no packet is lost, changed or
overtaken on its channel."""

import random
from collections import deque

import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.packet import CHANNELS, CREDITS
from rtl.noc.credits import Credits
from rtl.noc.layouts import BODY, CONTROL, PACKET, RECEIVED
from rtl.noc.link import LinkReceiver, LinkSender
from tb.link import HEADER_PLACES, PAYLOAD_PLACES, ROUTE_PLACES

SETTLED = 12  # cycles after which a packet or a credit has reached the other end


class Ends(wiring.Component):
    """A sender and a receiver, and between them bits that come wrong."""

    enter: In(stream.Signature(PACKET))
    requests: Out(stream.Signature(RECEIVED))
    responses: Out(stream.Signature(RECEIVED))
    parity_errors: Out(2)
    packet_in: Out(1)
    wrong_control: In(CONTROL.size)
    wrong_body: In(BODY.size)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.sender, m.submodules.receiver = sender, receiver = LinkSender(), LinkReceiver(responses=True)
        wiring.connect(m, wiring.flipped(self.enter), sender.packets[0])
        m.d.comb += [
            receiver.link.control.eq(sender.link.control.as_value() ^ self.wrong_control),
            receiver.link.body.eq(sender.link.body.as_value() ^ self.wrong_body),
            sender.link.credit.eq(receiver.link.credit),
        ]
        wiring.connect(m, receiver.requests, wiring.flipped(self.requests))
        wiring.connect(m, receiver.responses, wiring.flipped(self.responses))
        m.d.comb += [self.parity_errors.eq(receiver.parity_errors), self.packet_in.eq(receiver.packet_in.valid)]
        return m


class Traffic:
    """Numbered packets through the ends."""

    def __init__(self, ctx, dut: Ends) -> None:
        self.ctx, self.dut, self.number = ctx, dut, 0
        self.under_way = [deque() for _ in range(CHANNELS)]

    def item(self, channel: int) -> dict[str, int]:
        return {"channel": channel, "x": self.number % 32, "y": self.number // 32 % 32, "payload": self.number << 400 | self.number}

    async def cycle(self, channel: int | None, take: bool) -> bool:
        """Offers a packet on a channel, takes what leaves; whether the packet went in."""
        ctx, dut = self.ctx, self.dut
        ctx.set(dut.enter.valid, channel is not None)
        if channel is not None:
            for name, value in self.item(channel).items():
                ctx.set(dut.enter.payload[name], value)
        entered = channel is not None and bool(ctx.get(dut.enter.ready))
        if entered:
            self.under_way[channel].append(self.item(channel))
            self.number += 1
        for leave in (dut.requests, dut.responses):
            ctx.set(leave.ready, take)
            if take and ctx.get(leave.valid):
                got = {name: ctx.get(leave.payload[name]) for name in ("channel", "x", "y", "payload")}
                expected = self.under_way[got["channel"]]
                assert expected and got == expected.popleft(), f"channel {got['channel']}: packet {got['payload'] & 0xFFFF}"
        assert not ctx.get(dut.parity_errors)
        await ctx.tick()
        return entered

    async def rest(self, take: bool) -> None:
        for _ in range(SETTLED):
            await self.cycle(None, take)


def test_every_channel_holds_its_credits_wherever_its_ring_begins(simulate):
    """With nobody taking, CREDITS packets of each channel enter and one in the output register of a class; all come out as they
    went in, and as many enter again: at every place of the rings, many times round."""
    dut = Ends()

    async def bench(ctx) -> None:
        traffic = Traffic(ctx, dut)
        for start in range(3 * CREDITS):
            for channel in range(CHANNELS):
                entered = 0
                for _ in range(CREDITS + SETTLED):
                    entered += await traffic.cycle(channel, take=False)
                # The first packet of each class has moved on and freed its place.
                assert entered == CREDITS + (channel % 2 == 0), f"channel {channel} after {start} rounds"
            for _ in range(CHANNELS * CREDITS + 1):
                await traffic.cycle(None, take=True)
            await traffic.rest(take=True)
            assert not any(traffic.under_way)
            for channel in range(CHANNELS):  # the next round begins a place further
                assert await traffic.cycle(channel, take=True)
            await traffic.rest(take=True)

    simulate(dut, bench, limit=8_000)


@pytest.mark.parametrize("taking", [0.2, 0.5, 0.9, 1.0])
def test_random_traffic(simulate, seed, taking):
    """Never more under way than credits and the output register allow; with everything taken, a packet goes in almost every cycle."""
    rng, dut = random.Random(seed), Ends()

    async def bench(ctx) -> None:
        traffic, entered = Traffic(ctx, dut), 0
        for _ in range(1_000):
            entered += await traffic.cycle(rng.randrange(CHANNELS), take=rng.random() < taking)
            assert all(len(waiting) <= CREDITS + 1 for waiting in traffic.under_way)
        assert entered > 1_000 * taking * 0.8
        for _ in range(CHANNELS * CREDITS):
            await traffic.rest(take=True)
        assert not any(traffic.under_way)

    simulate(dut, bench, limit=2_000)


@pytest.mark.parametrize("channel", range(CHANNELS))
def test_a_wrong_header_costs_the_packet_and_a_wrong_payload_marks_it(simulate, seed, channel):
    """Bits of every part that has a parity, one at a time and of two parts at once; each is counted once. The credit comes back: more
    packets are wrong than a channel has credits."""
    rng, dut = random.Random(seed), Ends()
    leave = dut.responses if channel & 2 else dut.requests

    async def passage(ctx, control: int, body: int) -> tuple[list[int], int, int]:
        """Of one packet: the marks of what leaves, errors counted, packets counted."""
        marks, errors, came = [], 0, 0
        ctx.set(dut.wrong_control, control)
        ctx.set(dut.wrong_body, body)
        ctx.set(dut.enter.valid, 1)
        ctx.set(dut.enter.payload.channel, channel)
        ctx.set(dut.enter.payload.payload, rng.getrandbits(512))
        ctx.set(leave.ready, 1)
        assert ctx.get(dut.enter.ready)
        for _ in range(SETTLED):
            await ctx.tick()
            ctx.set(dut.enter.valid, 0)
            marks += [ctx.get(leave.payload.wrong_payload)] * ctx.get(leave.valid)
            errors, came = errors + ctx.get(dut.parity_errors), came + ctx.get(dut.packet_in)
        return marks, errors, came

    async def bench(ctx) -> None:
        for _ in range(2 * CREDITS):
            route, header, payload = (1 << rng.choice(places) for places in (ROUTE_PLACES, HEADER_PLACES, PAYLOAD_PLACES))
            assert await passage(ctx, 0, payload) == ([1], 1, 0)
            assert await passage(ctx, 0, header) == ([], 1, 0)
            assert await passage(ctx, route, 0) == ([], 1, 0)
            assert await passage(ctx, route, payload) == ([], 1, 0)
            assert await passage(ctx, 0, header | payload) == ([], 1, 0)
            assert await passage(ctx, 0, 0) == ([0], 0, 1)

    simulate(dut, bench, limit=2_000)


def test_credits(simulate, seed):
    """Taken, given, both and neither at every count; ``ok`` says in the same cycle what ``count`` says."""
    rng, dut = random.Random(seed), Credits()
    seen: set[tuple[int, int, int]] = set()

    async def bench(ctx) -> None:
        counts = [CREDITS] * CHANNELS
        for _ in range(1_500):
            assert [ctx.get(dut.count[v]) for v in range(CHANNELS)] == counts
            assert ctx.get(dut.ok) == sum((count > 0) << v for v, count in enumerate(counts))
            take = [count > 0 and rng.random() < 0.5 for count in counts]
            give = [count < CREDITS and rng.random() < 0.5 for count in counts]
            seen.update(zip(counts, take, give, strict=True))
            ctx.set(dut.take, sum(bit << v for v, bit in enumerate(take)))
            ctx.set(dut.give, sum(bit << v for v, bit in enumerate(give)))
            counts = [count - t + g for count, t, g in zip(counts, take, give, strict=True)]
            await ctx.tick()

    simulate(dut, bench, limit=2_000)
    assert len(seen) == 4 * (CREDITS - 1) + 2 + 2

"""Requests that leave where nobody is: each is answered once, by the place it was for, and every credit comes back."""

from collections import Counter
from dataclasses import replace

import pytest

from golden.arch.memmap import Fault
from golden.arch.mesh import STEP
from golden.arch.packet import CHANNELS, CONTROL, CREDITS, HEADER, Kind, Packet, PortId
from golden.noc.routing import dimension_order
from rtl.noc.nowhere import Nowhere

N, E, S, W = STEP
HERE = (1, 3)
CLOSED = (N, W)


@pytest.mark.fast
@pytest.mark.parametrize("returned", [1.0, 0.2])
def test_requests_are_answered_and_responses_dropped(simulate, rng, returned):
    dut, sent, answers = Nowhere(), [], []

    def packet(port: PortId, number: int) -> Packet:
        place = (int(rng.integers(1, 6)), 2) if port == N else (0, int(rng.integers(1, 6)))
        source = (int(rng.integers(1, 6)), int(rng.integers(1, 6)))
        return Packet(
            int(rng.choice([Kind.READ, Kind.WRITE, Kind.RAISE])), place, source, int(rng.integers(CHANNELS)),
            address=int(rng.integers(1 << 35)), tag=number % 256, sequence=int(rng.integers(256)),
        )  # fmt: skip

    async def bench(ctx):
        ctx.set(dut.here.place.x, HERE[0])
        ctx.set(dut.here.place.y, HERE[1])
        ctx.set(dut.closed, sum(1 << port for port in CLOSED))
        credits, bodies = {port: [CREDITS] * CHANNELS for port in STEP}, dict.fromkeys(STEP)
        held, word, number, quiet = [0] * CHANNELS, None, 0, 0
        while quiet < 40:
            for port in STEP:
                ctx.set(dut.header[port], HEADER.unpack(bodies[port]) if bodies[port] is not None else {})
                bodies[port] = None
                item = packet(port, number) if number < 300 and rng.random() < 0.5 else None
                # What goes to a neighbour that is there is none of its business.
                if item and (port not in CLOSED or credits[port][item.channel]):
                    control, body = item.encode()
                    ctx.set(dut.control[port], CONTROL.unpack(control))
                    bodies[port] = body & (1 << HEADER.width) - 1
                    if port in CLOSED:
                        credits[port][item.channel] -= 1
                        sent.append(item)
                    number += 1
                else:
                    ctx.set(dut.control[port], {"valid": 0})
            gives = [v for v in range(CHANNELS) if held[v] and rng.random() < returned][:1]
            ctx.set(dut.returned[N], sum(1 << v for v in gives))
            await ctx.tick()
            for v in gives:
                held[v] -= 1
            if word is not None:
                answers.append(Packet.decode(word, ctx.get(dut.body.as_value())))
            assert not any(ctx.get(dut.enters[port].valid) for port in STEP if port != N)
            word = ctx.get(dut.enters[N].as_value()) if ctx.get(dut.enters[N].valid) else None
            if word is not None:
                held[(word & 15).bit_length() - 1] += 1
            for port in STEP:
                back = ctx.get(dut.credit[port])
                assert port in CLOSED or not back
                for v in range(CHANNELS):
                    credits[port][v] += back >> v & 1
                    assert credits[port][v] <= CREDITS
            quiet = 0 if number < 300 or any(held) else quiet + 1
        assert all(count == CREDITS for port in CLOSED for count in credits[port])
        assert ctx.get(dut.port) == 1 << N

    simulate(dut, bench)
    expected = Counter()
    for request in sent:
        way = dimension_order(HERE, request.source, request.channel & 1)
        if request.channel < 2 and way != N:
            answer = request.error(Fault.RANGE)
            expected[(answer, way)] += 1
    got = Counter()
    for answer in answers:
        assert answer.intact
        [out] = answer.outs
        got[(replace(answer, outs=frozenset({PortId.NODE})), out)] += 1
    assert got == expected and sum(expected.values()) > 30

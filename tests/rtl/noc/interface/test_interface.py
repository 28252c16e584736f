"""The network interface between a core, an SRAM, semaphores and a network that are all played: every command, every packet, every answer.

Back-pressure of the network, of the SRAM and of the semaphores is crossed with gaps between answers.
"""

from collections import Counter, deque

import pytest

from golden.arch.global_address import GLOBAL
from golden.arch.isa import THREADS
from golden.arch.memmap import Fault
from golden.arch.packet import FLAG_FIXED, Kind
from rtl.common.network_ports import NetOp
from rtl.noc.interface import NetworkInterface
from rtl.noc.interface.layouts import READS
from tests.rtl.noc.interface.played import (
    CONFIG,
    EAST,
    FULL,
    HERE,
    LATENCY,
    LINES,
    LOST,
    PLACES,
    REFUSING,
    SOUTH,
    Command,
    Played,
    matches,
    packet_of,
    words_of,
)


def random_commands(rng, count: int) -> list[Command]:
    """Gets go to lines of their own, so that what arrives is known whatever its order; puts read the lines that nobody writes."""
    commands, slots = [], [0] * THREADS
    for number in range(count):
        op, thread = NetOp(int(rng.choice([0, 0, 1, 2, 4]))), int(rng.integers(THREADS))
        first, words = int(rng.integers(8)), int(rng.integers(1, 9))
        here = min(first, 8 - words)
        there = int(rng.integers(9 - words))
        line = 8 + number % (LINES - 8) if op == NetOp.GET else int(rng.integers(8))
        place = (REFUSING, 1) if rng.random() < 0.15 else PLACES[int(rng.integers(len(PLACES)))]
        place, far = rectangle(rng) if op == NetOp.CAST else (place, None)
        commands.append(
            Command(
                op, thread, slots[thread], 8 * line + here, words, 64 * (100 + number) + 8 * there, place, int(rng.choice([1, 2, 3, FULL])),
                notify=int(rng.integers(2)), told=int(rng.integers(64)), ack=int(rng.integers(2)), fixed=int(rng.integers(2)),
                amount=int(rng.integers(1 << 16)), far=far,
            )  # fmt: skip
        )
        slots[thread] = (slots[thread] + 1) % 4
    return commands


def rectangle(rng) -> tuple[tuple[int, int], tuple[int, int]]:
    """The sender alone, one that leaves the mesh, or any."""
    if rng.random() < 0.1:
        return HERE, HERE
    least, most = (0, 1) if rng.random() < 0.3 else (1, 0)
    columns, rows = (sorted(int(n) for n in rng.integers(least, end + most, 2)) for end in (EAST - 1, SOUTH - 1))
    return (columns[0], rows[0]), (columns[1] + most, rows[1] + most)


@pytest.mark.fast
@pytest.mark.parametrize("open_to, answered", [(1.0, 1.0), (0.3, 1.0), (1.0, 0.1), (0.5, 0.4)])
def test_commands_become_packets_and_answers_take_effect(simulate, rng, open_to, answered):
    dut, commands = NetworkInterface(CONFIG), random_commands(rng, 90)

    async def bench(ctx):
        ctx.set(dut.here.place.x, HERE[0])
        ctx.set(dut.here.place.y, HERE[1])
        for v in range(4):
            ctx.set(dut.link[v], 4)
        ctx.set(dut.here.edges.east, EAST)
        ctx.set(dut.here.edges.south, SOUTH)
        played = Played(ctx, dut, rng, commands, open_to, answered)
        before = [list(line) for line in played.sram]
        quiet = 0
        while quiet < 40:
            await played.cycle()
            quiet = 0 if played.left or played.answers or played.returns or played.writes else quiet + 1
            assert played.cycle_number < 8000, "it does not come to rest"
        check(played, before)
        assert ctx.get(dut.steer.idle) == (1 << THREADS) - 1

    def check(played, before) -> None:
        sends = [command for command in commands if not (command.lost or command.outside or command.place == command.far == HERE)]
        assert played.handed == [(command.thread, command.slot) for command in commands]
        queues = [deque(packets) for packets in played.sent]
        faults, raised = Counter(), Counter()
        after = [list(line) for line in before]
        for command in sends:
            expected = packet_of(command, before[command.local // 8])
            across, down = command.place[0] in (0, EAST), command.place[1] in (0, SOUTH)  # never of a multicast: it is within
            routes = [1] if across else [0] if down or expected["flags"] & FLAG_FIXED else [0, 1]
            route = next((r for r in routes if queues[r] and matches(queues[r][0], expected, command)), None)
            assert route is not None, command
            queues[route].popleft()
            if command.place[0] == REFUSING:
                operand = GLOBAL.pack({"address": expected["address"], "x": command.place[0], "y": command.place[1]})
                faults[command.thread, Fault.NETWORK, operand] += 1
            elif command.op == NetOp.GET:
                line = played.far_line(command.place, command.address // 64)
                at, first = command.local % 8, command.address // 8 % 8
                after[command.local // 8][at : at + command.words] = line[first : first + command.words]
                raised[command.semaphore] += 1
                if command.semaphore == FULL:
                    faults[command.thread, Fault.SEMAPHORE, FULL] += 1
        for command in commands:
            if command.lost:
                faults[command.thread, Fault.ECC, 64 * LOST + 16] += 1
            elif command.outside:
                operand = GLOBAL.pack({"address": command.address, "x": command.place[0], "y": command.place[1]})
                faults[command.thread, Fault.NETWORK, operand] += 1
        assert not any(queues)
        assert Counter(played.faults) == faults
        assert played.raised == raised
        assert played.sram == after

    simulate(dut, bench)


@pytest.mark.fast
def test_puts_leave_one_a_cycle(simulate, rng):
    """With nothing in their way, 40 puts are 40 packets in 40 cycles after the first."""
    dut = NetworkInterface(CONFIG)
    commands = [Command(NetOp.PUT, 0, n % 4, 8 * (n % 4), 8, 64 * n, (3, 1), 0, fixed=1) for n in range(40)]

    async def bench(ctx):
        played, times = Played(ctx, dut, rng, commands, 1.0, 1.0), []
        played.chance = lambda probability: 1
        for _ in range(70):
            before = len(played.sent[0])
            await played.cycle()
            times += [played.cycle_number] * (len(played.sent[0]) - before)
        assert len(times) == 40 and times[-1] - times[0] == 39
        assert times[0] <= LATENCY + 9

    simulate(dut, bench)


@pytest.mark.fast
def test_an_answer_counts_once_and_for_its_thread(simulate, rng):
    """Of three answers to a read, one for another thread, the right one, and the same again with other words, the second takes effect."""
    dut = NetworkInterface(CONFIG)
    command = Command(NetOp.GET, 2, 0, 8 * 9, 8, 64, (3, 1), 5)

    async def bench(ctx):
        played = Played(ctx, dut, rng, [command], 1.0, 1.0)
        played.chance, played.mixed = (lambda probability: 1), False
        while not played.answers:
            await played.cycle()
        right = played.answers.pop()
        of_another = right | {"header": right["header"] | {"sequence": right["header"]["sequence"] ^ 1}, "payload": 1}
        played.answers += [of_another, right, right | {"payload": 2}]
        for _ in range(30):
            await played.cycle()
        assert played.sram[9] == words_of(right["payload"]) and played.raised == {5: 1} and not played.faults
        assert ctx.get(dut.unasked) == 2

    simulate(dut, bench)


@pytest.mark.fast
def test_words_with_wrong_parity_stop_the_thread_that_asked(simulate, rng):
    """They go nowhere and raise nothing, and their read is over: the same answer again is to nothing. One that nothing asked for stops
    nobody; an acknowledgement needs no payload; of a refusal only the address is lost."""
    dut = NetworkInterface(CONFIG)
    there = GLOBAL.pack({"address": 0, "x": 3, "y": 1})
    commands = [
        Command(NetOp.GET, 2, 0, 8 * 9, 8, 64, (3, 1), 5),
        Command(NetOp.PUT, 1, 0, 0, 8, 64, (3, 1), 5, ack=1),
        Command(NetOp.PUT, 3, 0, 0, 8, 64, (REFUSING, 1), 5),
    ]

    async def bench(ctx):
        played = Played(ctx, dut, rng, commands, 1.0, 1.0)
        played.chance, played.mixed, held = (lambda probability: 1), False, []
        while len(held) < 3:
            await played.cycle()
            held += played.answers
            played.answers.clear()
        await played.cycle()
        assert ctx.get(dut.steer.idle) == 0b1001, "threads 1 and 2 wait"
        before = [list(line) for line in played.sram]
        held = [answer | {"wrong_payload": 1} for answer in held]
        [words] = [answer for answer in held if answer["header"]["kind"] == Kind.READ_DATA]
        nobody = words | {"header": words["header"] | {"sequence": 2}}
        played.answers += [nobody, *held, words]
        for _ in range(40):
            await played.cycle()
        refused = GLOBAL.pack({"address": 0, "x": REFUSING, "y": 1})
        assert sorted(played.faults) == [(2, Fault.NETWORK, there), (3, Fault.NETWORK, refused)]
        assert played.sram == before and not played.raised and ctx.get(dut.unasked) == 2
        assert ctx.get(dut.steer.idle) == (1 << THREADS) - 1

    simulate(dut, bench)


@pytest.mark.fast
def test_a_read_waits_for_a_place_in_the_table(simulate, rng):
    """Without answers as many reads leave as the table holds; an answer makes room for one."""
    dut = NetworkInterface(CONFIG)
    commands = [Command(NetOp.GET, n % 4, n // 4 % 4, 8 * (n % 24), 8, 64 * n, (3, 1), 5) for n in range(40)]

    async def bench(ctx):
        played = Played(ctx, dut, rng, commands, 1.0, 0.0)
        played.mixed = False
        for expected in (READS, READS + 1):
            for _ in range(80):
                await played.cycle()
            assert len(played.sent[0] + played.sent[1]) == expected
            assert len({packet.header.sequence >> 2 for packet in (played.sent[0] + played.sent[1])[-READS:]}) == READS
            played.answered, before = 1.0, len(played.answers)
            while len(played.answers) == before:
                await played.cycle()
            played.answered = 0.0

    simulate(dut, bench)

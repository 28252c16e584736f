"""The transfer engine in the network interface: lists are what their transfers say, one behind the other; what stops one stops no other."""

from collections import Counter, deque

import pytest

from golden.arch.global_address import GLOBAL, global_address
from golden.arch.isa import THREADS
from golden.arch.memmap import Fault
from golden.arch.transfer import Transfer
from rtl.common.network_ports import NetOp
from rtl.noc.interface import NetworkInterface
from tests.rtl.noc.interface.played import CONFIG, HERE, LOST, REFUSING, Command, Played, matches, packet_of, words_of


def pieces_of(transfer: Transfer, thread: int) -> list[Command]:
    """The commands that a transfer stands for."""
    told = GLOBAL.unpack(transfer.remote)
    return [
        Command(
            NetOp.GET if transfer.read else NetOp.PUT, thread, 0, piece.local // 8, piece.words, piece.address, (told["x"], told["y"]),
            told["semaphore"], notify=told["notify"], told=told["semaphore"], raises=told["notify"],
        )
        for piece in transfer.pieces()
    ]  # fmt: skip


def random_transfer(rng, number: int) -> Transfer:
    """Reads go to lines 16 to 31, a quarter each; writes come from lines 8 to 15. Some cannot be done."""
    read = int(rng.integers(2))
    rows, row_bytes = int(rng.integers(1, 4)), 8 * int(rng.integers(1, 9))
    local = 64 * (16 + 4 * number if read else 8) + 8 * int(rng.integers(4))
    remote = global_address((3, 1), (100 + 20 * number) * 64 + 8 * int(rng.integers(8)), 5 if rng.random() < 0.7 else None)
    wrong = {
        0: {"local": local | 4},
        1: {"row_bytes": 0},
        2: {"rows": 0},
        3: {"reserved": 1 << int(rng.integers(192))},
        4: {"rows": int(rng.integers(2, 1 << 32)), "local_pitch": 8 << int(rng.integers(14, 29))},
        5: {"read": 2},
        6: {"remote": global_address(HERE, 0)},
        7: {"remote": remote | 1 << int(rng.integers(52, 64))},
        8: {"remote_pitch": 0x88884, "rows": 1},
        9: {"rows": 1 << 31, "remote_pitch": 16 << int(rng.integers(27)), "local_pitch": 0, "read": 0, "row_bytes": 8},
        10: {"local": CONFIG.sram_bytes - 8, "row_bytes": 16},
    }
    fields = {
        "local": local, "remote": remote, "rows": rows, "row_bytes": row_bytes, "local_pitch": 64 + 8 * int(rng.integers(2)),
        "remote_pitch": 8 * int(rng.integers(8, 20)), "read": read,
    }  # fmt: skip
    return Transfer(**fields | (wrong[int(rng.integers(len(wrong)))] if rng.random() < 0.3 else {}))


@pytest.mark.fast
@pytest.mark.parametrize("open_to, answered, many", [(1.0, 1.0, 4), (0.4, 0.3, 4), (0.7, 1.0, 8)])
def test_lists_are_what_their_transfers_say(simulate, rng, open_to, answered, many):
    """Two lists of two threads and an empty one; a transfer that cannot be done stops its list and its thread."""
    dut = NetworkInterface(CONFIG)

    async def bench(ctx):
        ctx.set(dut.here.place.x, HERE[0])
        ctx.set(dut.here.place.y, HERE[1])
        for _ in range(many):
            transfers = [random_transfer(rng, number) for number in range(4)]
            lists = [Command(NetOp.LIST, 1, 0, 0, 0, 0, (0, 0), 0, amount=2), Command(NetOp.LIST, 2, 1, 16, 0, 0, (0, 0), 0, amount=2)]
            empty = Command(NetOp.LIST, 3, 2, 8, 0, 0, (0, 0), 0, amount=0)
            played = Played(ctx, dut, rng, [lists[0], empty, lists[1]], open_to, answered)
            for number, transfer in enumerate(transfers):
                played.sram[number] = words_of(int.from_bytes(transfer.pack(), "little"))
            before, quiet = [list(line) for line in played.sram], 0
            while quiet < 60:
                await played.cycle()
                quiet = 0 if played.left or played.answers or played.returns or played.writes else quiet + 1
                assert played.cycle_number < 4000, "it does not come to rest"
            check(played, transfers, before)
            assert ctx.get(dut.steer.idle) == (1 << THREADS) - 1

    def check(played, transfers, before) -> None:
        queues, after, raised, faults = [deque(packets) for packets in played.sent], [list(line) for line in before], Counter(), Counter()
        for thread, numbers in ((1, (0, 1)), (2, (2, 3))):
            for number in numbers:
                transfer = transfers[number]
                if not transfer.stands(CONFIG.sram_bytes, HERE):
                    faults[thread, Fault.DESCRIPTOR, 64 * number] += 1
                    break
                for command in pieces_of(transfer, thread):
                    expected = packet_of(command, before[command.local // 8])
                    route = next((r for r in range(2) if queues[r] and matches(queues[r][0], expected, command)), None)
                    assert route is not None, command
                    queues[route].popleft()
                    if command.op == NetOp.GET:
                        line = played.far_line(command.place, command.address // 64)
                        at, first = command.local % 8, command.address // 8 % 8
                        after[command.local // 8][at : at + command.words] = line[first : first + command.words]
                        raised[5] += command.raises
        assert not any(queues)
        assert sorted(played.handed) == [(1, 0), (2, 1), (3, 2)]
        assert Counter(played.faults) == faults
        assert +played.raised == +raised
        assert played.sram == after

    simulate(dut, bench)


@pytest.mark.fast
@pytest.mark.parametrize("read", [0, 1])
def test_a_transfer_sends_a_line_a_cycle(simulate, rng, read):
    """24 lines; the first packet leaves soon after the transfer has come from SRAM."""
    dut = NetworkInterface(CONFIG)
    transfer = Transfer(64 * 8, global_address((3, 1), 0x4000, 5), 1, 64 * 24, read=read)

    async def bench(ctx):
        played, times = Played(ctx, dut, rng, [Command(NetOp.LIST, 1, 0, 0, 0, 0, (0, 0), 0, amount=1)], 1.0, 1.0), []
        played.chance, played.mixed = (lambda probability: 1), False
        played.sram[0] = words_of(int.from_bytes(transfer.pack(), "little"))
        for _ in range(80):
            before = sum(map(len, played.sent))
            await played.cycle()
            times += [played.cycle_number] * (sum(map(len, played.sent)) - before)
        assert len(times) == 24 and times[-1] - times[0] == 23

    simulate(dut, bench)


async def lists_run(dut, ctx, rng, lists, transfers: dict[int, Transfer], cycles: int) -> tuple[Played, list[int]]:
    """Lists by (thread, line, how many), transfers by line, nothing in their way; the cycles in which packets left."""
    ctx.set(dut.here.place.x, HERE[0])
    ctx.set(dut.here.place.y, HERE[1])
    commands = [Command(NetOp.LIST, thread, n, 8 * line, 0, 0, (0, 0), 0, amount=count) for n, (thread, line, count) in enumerate(lists)]
    played, times = Played(ctx, dut, rng, commands, 1.0, 1.0), []
    played.chance, played.mixed = (lambda probability: 1), False
    for line, transfer in transfers.items():
        played.sram[line] = words_of(int.from_bytes(transfer.pack(), "little"))
    for _ in range(cycles):
        before = sum(map(len, played.sent))
        await played.cycle()
        times += [played.cycle_number] * (sum(map(len, played.sent)) - before)
    assert ctx.get(dut.steer.idle) == (1 << THREADS) - 1
    return played, times


def out(lines: int, number: int, place=(3, 1)) -> Transfer:
    """Rows of a line each from line 16 on."""
    return Transfer(64 * 16, global_address(place, 0x4000 + 0x1000 * number, 5), lines, 64, 64, 64)


@pytest.mark.fast
def test_transfers_follow_each_other(simulate, rng):
    """Three lists of two transfers of 12 lines: beside a packet a cycle only the question for the next transfer."""
    dut = NetworkInterface(CONFIG)

    async def bench(ctx):
        transfers = {line: out(12, line) for line in range(8, 14)}
        played, times = await lists_run(dut, ctx, rng, [(1, 8, 2), (2, 10, 2), (1, 12, 2)], transfers, 160)
        assert len(times) == 72 and times[-1] - times[0] <= 71 + 5
        assert [packet.header.address for packet in played.sent[0]] == sorted(packet.header.address for packet in played.sent[0])

    simulate(dut, bench)


@pytest.mark.fast
def test_a_transfer_that_is_lost_stops_its_list_when_those_before_it_are_sent(simulate, rng):
    dut = NetworkInterface(CONFIG)

    async def bench(ctx):
        transfers = {LOST - 1: out(20, 0), LOST: out(20, 1), LOST + 1: out(20, 2), 0: out(3, 3)}
        played, times = await lists_run(dut, ctx, rng, [(1, LOST - 1, 3), (2, 0, 1)], transfers, 120)
        assert len(times) == 23 and played.faults == [(1, Fault.ECC, 64 * LOST)]

    simulate(dut, bench)


@pytest.mark.fast
@pytest.mark.parametrize("rows", [1, 1 << 20], ids=["at once", "known late"])
@pytest.mark.parametrize("wrong", [1, 2])
def test_a_transfer_that_cannot_be_done_drops_the_rest_of_its_list_and_no_other(simulate, rng, wrong, rows):
    """It is known late when the next one has come already."""
    dut = NetworkInterface(CONFIG)

    async def bench(ctx):
        transfers = {line: out(10, line) for line in range(4)}
        transfers[wrong] = Transfer(64 * 16, global_address((3, 1), 0), rows, 0 if rows == 1 else 8, 64)
        played, times = await lists_run(dut, ctx, rng, [(1, 0, 3), (2, 3, 1)], transfers, 120)
        assert len(times) == 10 * wrong + 10 and played.faults == [(1, Fault.DESCRIPTOR, 64 * wrong)]

    simulate(dut, bench)


@pytest.mark.fast
@pytest.mark.parametrize("count", [1, 2])
def test_a_thread_that_stops_sends_no_more_of_its_list(simulate, rng, count):
    """Every packet of the first list is refused; whole is the second list, of another thread, and the third, which comes later."""
    dut = NetworkInterface(CONFIG)

    async def bench(ctx):
        transfers = {line: out(60, line, (REFUSING, 1)) for line in range(count)} | {2: out(10, 2), 3: out(5, 3)}
        played, times = await lists_run(dut, ctx, rng, [(1, 0, count), (2, 2, 1), (3, 3, 1)], transfers, 200)
        to_it = [packet for packet in played.sent[0] + played.sent[1] if packet.x == REFUSING]
        assert 0 < len(to_it) < 30 and len(times) == len(to_it) + 15
        assert {(thread, cause) for thread, cause, _ in played.faults} == {(1, Fault.NETWORK)}

    simulate(dut, bench)

"""The network interface between a core, an SRAM, semaphores and a network that are all played: every command, every packet, every answer.

Back-pressure of the network, of the SRAM and of the semaphores is crossed with gaps between answers.
"""

from collections import Counter, deque
from dataclasses import dataclass

import pytest

from golden.arch.config import get_config
from golden.arch.global_address import GLOBAL, global_address
from golden.arch.isa import THREADS
from golden.arch.memmap import Fault
from golden.arch.packet import FLAG_FIXED, FLAG_RESPONSE, SEQUENCE_NOTIFY, Kind
from golden.arch.transfer import Transfer
from rtl.common.network_ports import FAULTS, NetOp
from rtl.noc.interface import NetworkInterface
from rtl.noc.interface.layouts import CONFIRMED, POSTED, READS

CONFIG = get_config("tiny")
LINES = 96
LATENCY = 6
FULL, LOST, REFUSING = 63, 5, 7
"""A semaphore that overflows; a line of this SRAM whose word 2 is lost; the column of a node that refuses everything."""
HERE = (2, 3)
EAST, SOUTH = 9, 8
PLACES = ((0, 1), (EAST, 2), (3, 0), (1, SOUTH), (1, 1), (3, 2), (1, 3), (4, 4))
WORD = (1 << 64) - 1


def words_of(line: int) -> list[int]:
    return [line >> 64 * n & WORD for n in range(8)]


def line_of(words) -> int:
    return sum(word << 64 * n for n, word in enumerate(words))


@dataclass
class Command:
    """A command and what it must become."""

    op: NetOp
    thread: int
    slot: int
    local: int
    words: int
    address: int
    place: tuple[int, int]
    semaphore: int
    notify: int = 0
    told: int = 0
    ack: int = 0
    fixed: int = 0
    amount: int = 0

    def fields(self) -> dict:
        remote = {"address": self.address, "x": self.place[0], "y": self.place[1], "semaphore": self.told, "notify": self.notify}
        return {
            "op": self.op, "thread": self.thread, "slot": self.slot, "held": 1, "raises": self.raises, "local": self.local,
            "words": self.words, "remote": remote, "ack": self.ack, "fixed": self.fixed, "semaphore": self.semaphore, "amount": self.amount,
        }  # fmt: skip

    raises: int = 1

    @property
    def lost(self) -> bool:
        first = self.local % 8
        return self.op == NetOp.PUT and self.local // 8 == LOST and first <= 2 < first + self.words


class Played:
    """Everything around the interface, a cycle a call of `cycle`. `mixed`: answers come in any order, and some that nobody asked for."""

    def __init__(self, ctx, dut, rng, commands, open_to: float, answered: float) -> None:
        self.ctx, self.dut, self.rng, self.left = ctx, dut, rng, deque(commands)
        self.open_to, self.answered, self.mixed = open_to, answered, True
        self.sram = [[int(rng.integers(1 << 63)) for _ in range(8)] for _ in range(LINES)]
        self.expected = [list(line) for line in self.sram]
        self.far = {}
        self.cycle_number, self.reads, self.returns, self.writes, self.told_lost = 0, deque(), deque(), deque(), 0
        self.sent, self.answers, self.raised, self.faults, self.handed = [[], []], [], Counter(), [], []

    def chance(self, probability: float) -> int:
        return int(self.rng.random() < probability)

    def far_line(self, place, line: int) -> list[int]:
        return self.far.setdefault((place, line), [int(self.rng.integers(1 << 63)) for _ in range(8)])

    async def cycle(self) -> None:
        ctx, dut = self.ctx, self.dut
        offers = bool(self.left) and self.chance(0.8)
        ctx.set(dut.commands.valid, offers)
        if offers:
            ctx.set(dut.commands.payload, self.left[0].fields())
        ready = [self.chance(self.open_to) for _ in range(2)]
        for stream, value in zip(dut.requests, ready, strict=True):
            ctx.set(stream.ready, value)
        sram, raises = [self.chance(self.open_to) for _ in range(2)], self.chance(self.open_to)
        ctx.set(dut.read.ready, sram[0])
        ctx.set(dut.write.ready, sram[1])
        ctx.set(dut.raise_.ready, raises)
        ctx.set(dut.raise_.overflow, raises and ctx.get(dut.raise_.valid) and ctx.get(dut.raise_.semaphore) == FULL)
        comes = bool(self.answers) and self.chance(self.answered)
        ctx.set(dut.answers.valid, comes)
        if comes:
            ctx.set(dut.answers.payload, self.answers[0])
        self._sram()
        taken = offers and ctx.get(dut.commands.ready)
        arrives = comes and ctx.get(dut.answers.ready)
        self._look(ready, sram, raises)
        await ctx.tick()
        if taken:
            self.left.popleft()
        if arrives:
            self.answers.pop(0)
            if self.mixed:
                self.rng.shuffle(self.answers)
        self.cycle_number += 1

    def _sram(self) -> None:
        ctx, dut, now = self.ctx, self.dut, self.cycle_number
        due = bool(self.returns) and self.returns[0][0] <= now
        ctx.set(dut.read.ret.valid, due)
        ctx.set(dut.read.ret.lost, self.told_lost)
        self.told_lost = 0
        if due:
            _, line = self.returns.popleft()
            ctx.set(dut.read.ret.data, line_of(self.sram[line]))
            self.told_lost = 1 << 2 if line == LOST else 0
        done = bool(self.writes) and self.writes[0] <= now
        ctx.set(dut.write.done.valid, done)
        if done:
            self.writes.popleft()

    def _look(self, ready, sram, raises) -> None:
        ctx, dut, now = self.ctx, self.dut, self.cycle_number
        if sram[0] and ctx.get(dut.read.valid):
            self.returns.append((now + LATENCY + (int(self.rng.integers(3)) if self.mixed else 0), ctx.get(dut.read.line)))
        if sram[1] and ctx.get(dut.write.valid):
            line, strobe, words = ctx.get(dut.write.line), ctx.get(dut.write.strobe), words_of(ctx.get(dut.write.data))
            self.sram[line] = [new if strobe >> n & 1 else old for n, (old, new) in enumerate(zip(self.sram[line], words, strict=True))]
            self.writes.append(now + 3 + int(self.rng.integers(4)))
        if raises and ctx.get(dut.raise_.valid):
            assert ctx.get(dut.raise_.amount) == 1
            self.raised[ctx.get(dut.raise_.semaphore)] += 1
        if ctx.get(dut.handed.valid):
            self.handed.append((ctx.get(dut.handed.thread), ctx.get(dut.handed.slot)))
        for n in range(FAULTS):
            fault = dut.steer.fault[n]
            if ctx.get(fault.valid):
                self.faults.append((ctx.get(fault.thread), Fault(ctx.get(fault.cause)), ctx.get(fault.operand)))
        for route, stream in enumerate(dut.requests):
            if ready[route] and ctx.get(stream.valid):
                self._sent(route, ctx.get(stream.payload))

    def _sent(self, route: int, packet) -> None:
        header = packet.header
        self.sent[route].append(packet)
        place, sequence = (packet.x, packet.y), header.sequence
        entry = sequence >> 2 & 31
        if header.kind == Kind.WRITE:
            line = self.far_line(place, header.address // 64)
            first = header.address // 8 % 8
            line[first : first + header.length] = words_of(packet.payload)[first : first + header.length]
        answer = {"channel": 2 + route, "x": HERE[0], "y": HERE[1], "payload": 0}
        about = {"source_x": place[0], "source_y": place[1], "tag": header.tag, "sequence": sequence}
        if place[0] == REFUSING:
            payload = line_of([Fault.RANGE, header.address, 0, 0, 0, 0, 0, 0])
            self.answers.append(answer | {"header": about | {"kind": Kind.ERROR}, "payload": payload})
        elif header.kind == Kind.READ:
            payload = line_of(self.far_line(place, header.address // 64))
            self.answers.append(answer | {"header": about | {"kind": Kind.READ_DATA}, "payload": payload})
        elif entry == CONFIRMED:
            self.answers.append(answer | {"header": about | {"kind": Kind.ACK}})
        if self.mixed and self.rng.random() < 0.1:
            # Nobody asked: an entry that does not exist, a kind that is no answer, an answer to a thread that asked for none.
            wrong = [(Kind.READ_DATA, 31 << 2), (Kind.ACK, POSTED), (Kind.STATUS, 1 << 2), (Kind.READ_DATA, 0)]
            kind, number = wrong[int(self.rng.integers(len(wrong)))]
            self.answers.append(answer | {"header": about | {"kind": kind, "sequence": number}})


def random_commands(rng, count: int) -> list[Command]:
    """Gets go to lines of their own, so that what arrives is known whatever its order; puts read the lines that nobody writes."""
    commands, slots = [], [0] * THREADS
    for number in range(count):
        op, thread = NetOp(int(rng.choice([0, 0, 1, 2]))), int(rng.integers(THREADS))
        first, words = int(rng.integers(8)), int(rng.integers(1, 9))
        here = min(first, 8 - words)
        there = int(rng.integers(9 - words))
        line = 8 + number % (LINES - 8) if op == NetOp.GET else int(rng.integers(8))
        place = (REFUSING, 1) if rng.random() < 0.15 else PLACES[int(rng.integers(len(PLACES)))]
        commands.append(
            Command(
                op, thread, slots[thread], 8 * line + here, words, 64 * (100 + number) + 8 * there, place, int(rng.choice([1, 2, 3, FULL])),
                notify=int(rng.integers(2)), told=int(rng.integers(64)), ack=int(rng.integers(2)), fixed=int(rng.integers(2)),
                amount=int(rng.integers(1 << 16)),
            )  # fmt: skip
        )
        slots[thread] = (slots[thread] + 1) % 4
    return commands


def packet_of(command: Command, line: list[int]) -> dict:
    """What a command must say; the entry of a read is not known."""
    first = command.address // 8 % 8
    match command.op:
        case NetOp.PUT:
            flags = FLAG_RESPONSE * command.ack | FLAG_FIXED * command.fixed
            return {
                "kind": Kind.WRITE, "address": command.address, "length": command.words, "tag": command.told, "flags": flags,
                "notify": command.notify, "words": line[command.local % 8 :][: command.words], "first": first,
                "entry": CONFIRMED if command.ack else POSTED,
            }  # fmt: skip
        case NetOp.GET:
            return {"kind": Kind.READ, "address": command.address, "length": command.words, "tag": 0, "flags": 0, "notify": 0}
        case _:
            return {
                "kind": Kind.RAISE, "address": command.amount, "length": 0, "tag": command.semaphore, "flags": FLAG_FIXED, "notify": 0,
                "entry": POSTED,
            }  # fmt: skip


def seen(packet) -> dict:
    """What a packet says, in the same words."""
    header, said = packet.header, words_of(packet.payload)
    found = {name: header[name] for name in ("kind", "address", "length", "tag", "flags")}
    found["kind"] = Kind(int(found["kind"].value if hasattr(found["kind"], "value") else found["kind"]))
    found |= {"notify": int(bool(header.sequence & SEQUENCE_NOTIFY))}
    if found["kind"] == Kind.WRITE:
        first = header.address // 8 % 8
        found |= {"words": said[first : first + header.length], "first": first}
    if found["kind"] != Kind.READ:
        found |= {"entry": header.sequence >> 2 & 31}
    return found


@pytest.mark.fast
@pytest.mark.parametrize("open_to, answered", [(1.0, 1.0), (0.3, 1.0), (1.0, 0.1), (0.5, 0.4)])
def test_commands_become_packets_and_answers_take_effect(simulate, rng, open_to, answered):
    dut, commands = NetworkInterface(CONFIG), random_commands(rng, 70)

    async def bench(ctx):
        ctx.set(dut.place.x, HERE[0])
        ctx.set(dut.place.y, HERE[1])
        for v in range(4):
            ctx.set(dut.link[v], 4)
        ctx.set(dut.edges.east, EAST)
        ctx.set(dut.edges.south, SOUTH)
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
        sends = [command for command in commands if not command.lost]
        assert played.handed == [(command.thread, command.slot) for command in commands]
        queues = [deque(packets) for packets in played.sent]
        faults, raised = Counter(), Counter()
        after = [list(line) for line in before]
        for command in sends:
            expected = packet_of(command, before[command.local // 8])
            across, down = command.place[0] in (0, EAST), command.place[1] in (0, SOUTH)
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
        assert not any(queues)
        assert Counter(played.faults) == faults
        assert played.raised == raised
        assert played.sram == after

    simulate(dut, bench)


def matches(packet, expected: dict, command: Command) -> bool:
    owner = packet.header.sequence & 3
    return seen(packet) == expected and (packet.x, packet.y) == command.place and owner == command.thread


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


# --- lists -------------------------------------------------------------------------------------------------------------------


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
        ctx.set(dut.place.x, HERE[0])
        ctx.set(dut.place.y, HERE[1])
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
    ctx.set(dut.place.x, HERE[0])
    ctx.set(dut.place.y, HERE[1])
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

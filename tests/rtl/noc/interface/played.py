"""A core, an SRAM, semaphores and a network that are played around the network interface, and what its commands must become."""

from collections import Counter, deque
from dataclasses import dataclass

from golden.arch.config import get_config
from golden.arch.memmap import Fault
from golden.arch.packet import FLAG_FIXED, FLAG_MULTICAST, FLAG_RESPONSE, SEQUENCE_NOTIFY, Kind
from rtl.common.network_ports import FAULTS, NetOp
from rtl.noc.interface.layouts import CONFIRMED, POSTED

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
        remote |= {"far_x": self.far[0], "far_y": self.far[1]} if self.far else {}
        return {
            "op": self.op, "thread": self.thread, "slot": self.slot, "held": 1, "raises": self.raises, "local": self.local,
            "words": self.words, "remote": remote, "ack": self.ack, "fixed": self.fixed, "semaphore": self.semaphore, "amount": self.amount,
        }  # fmt: skip

    raises: int = 1
    far: tuple[int, int] | None = None  # of a multicast, whose `place` is the other corner

    @property
    def outside(self) -> bool:
        """A multicast that leaves the mesh: 1..8 by 1..7."""
        return self.far is not None and (0 in self.place or self.far[0] >= EAST or self.far[1] >= SOUTH)

    @property
    def lost(self) -> bool:
        first = self.local % 8
        return self.op in (NetOp.PUT, NetOp.CAST) and self.local // 8 == LOST and first <= 2 < first + self.words


class Played:
    """Everything around the interface, a cycle a call of `cycle`. `mixed`: answers come in any order, and some that nobody asked for."""

    def __init__(self, ctx, dut, rng, commands, open_to: float, answered: float) -> None:
        self.ctx, self.dut, self.rng, self.left = ctx, dut, rng, deque(commands)
        self.open_to, self.answered, self.mixed = open_to, answered, True
        self.sram = [[int(rng.integers(1 << 63)) for _ in range(8)] for _ in range(LINES)]
        self.expected = [list(line) for line in self.sram]
        self.far = {}
        self.cycle_number, self.reads, self.returns, self.writes, self.told_lost, self.full = 0, deque(), deque(), deque(), 0, 0
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
        ctx.set(dut.raise_.overflow, self.full)
        self.full = raises and ctx.get(dut.raise_.valid) and ctx.get(dut.raise_.semaphore) == FULL
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


def packet_of(command: Command, line: list[int]) -> dict:
    """What a command must say; the entry of a read is not known."""
    first = command.address // 8 % 8
    match command.op:
        case NetOp.PUT | NetOp.CAST:
            flags = FLAG_RESPONSE * command.ack | FLAG_FIXED * command.fixed
            if command.op == NetOp.CAST:
                flags = FLAG_FIXED | FLAG_MULTICAST
            return {
                "kind": Kind.WRITE, "address": command.address, "length": command.words, "tag": command.told, "flags": flags,
                "notify": command.notify, "words": line[command.local % 8 :][: command.words], "first": first,
                "entry": CONFIRMED if flags & FLAG_RESPONSE else POSTED,
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


def matches(packet, expected: dict, command: Command) -> bool:
    owner = packet.header.sequence & 3
    far = (packet.far_x, packet.far_y) == (command.far or command.place)
    return seen(packet) == expected and (packet.x, packet.y) == command.place and far and owner == command.thread

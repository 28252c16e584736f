"""The endpoint between a link and stubs of an SRAM and a core, all with gaps of their own, for the files that run inside Verilator.

Parameter `config`: the node's configuration. A monitor on the incoming link feeds a model made of golden.arch.packet and
golden.arch.memmap; it says what the SRAM, the core and the asker must see. Order rule of answers: per response channel
and *class*, which the bench keeps in bits 6:4 of a request's sequence (CLASSES), because the endpoint may let read data
overtake acknowledgements and both overtake what a thread has to say.

Each channel's packets stay in their own half of SRAM and their own semaphores, so that their order among channels, which
nobody promises, does not matter. Whether a raise overflows, the stub draws: what it answers is known when the raise is taken.
"""

from collections import Counter, deque
from dataclasses import replace
from itertools import repeat

import cocotb

from golden.arch.config import get_config
from golden.arch.memmap import CONTROL_BASE, COUNTER_LINES, LINE_BYTES, VERSION, ControlLine, Fault, ThreadState
from golden.arch.packet import FLAG_RESPONSE, SEQUENCE_NOTIFY, DebugOp, Kind, Packet
from golden.arch.refusal import refusal
from tb.bind import bind, parameters
from tb.clock import cycles, start
from tb.link import LinkMonitor, LinkSink, LinkSource
from tb.scoreboard import PerSource
from tb.seed import generator
from tb.stream import GAPS
from tests.rtl.noc.endpoint_stubs import RESTING, THREADS, WORD, Core, Memory, lost_words

WRITTEN, LOADED, DIRECT, ENDED, STILL, NOTIFIED, RAISED = range(7)  # CLASSES of answers; ENDED and STILL: one per thread
SLOW = 30  # cycles before each credit of the exit "slow": longer than what an answer takes otherwise
LIMIT = 60_000  # cycles


def source_of(channel: int, sequence: int):
    """What the answers on a response channel are ordered by."""
    group = sequence >> 4 & 7
    return channel, group, sequence & 15 if group in (ENDED, STILL) else 0


def told(answer: Packet):
    """What boards compare of an answer."""
    return Kind(answer.kind).name, answer.destination, answer.source, answer.tag, answer.sequence, f"{answer.payload:x}"


class Bench:
    """The link, the stubs, and the model: `arrived` says what a request must do."""

    def __init__(self, ports, entry: str, exit: str):
        self.ports = ports
        self.config = get_config(parameters()["config"])
        self.place = 1, 1
        boards = {name: PerSource(name) for name in ("answers", "stores", "loads", "raises", "starts", "debugs")}
        self.boards = boards
        self.answers, self.stores, self.loads, self.raises, self.starts, self.debugs = boards.values()
        self.told, self.begun, self.debugged = Counter(), Counter(), Counter()  # answers by source; starts and commands by thread
        self.requests = self.first_starts = self.packets_in = self.packets_out = 0
        self.image: dict[int, int] = {}
        self.writes = deque(), deque()
        self.notifying, self.notified = [0, 0], [0, 0]
        self.needed = deque(), deque()  # notifications that must have been given before the next acknowledgement
        self.raising = deque(), deque(), deque(), deque()  # by group: notifying writes of channel 0, 1, RAISEs of channel 0, 1
        self.overflows = 0
        self.ended, self.still, self.injecting = [None] * THREADS, [None] * THREADS, [False] * THREADS
        self.racing: Counter | None = None  # if others start threads, too: kinds of the answers to START, which nobody can foretell
        behind = "none" if exit == "slow" else exit
        self.memory, self.core = Memory(self, behind), Core(self, behind)
        self.source = LinkSource(ports, "rx", generator("source"), GAPS[entry](generator("gaps of rx")))
        LinkMonitor(ports, "rx", self.arrived)
        LinkSink(ports, "tx", generator("sink"), repeat(SLOW) if exit == "slow" else GAPS[exit](generator("gaps of tx")))
        self.leaving = LinkMonitor(ports, "tx", self._left)
        cocotb.start_soon(self._count())

    async def _count(self) -> None:
        while True:
            await cycles(self.ports, 1)
            self.packets_in += self.ports.link_events__packet_in__valid.get()
            self.packets_out += self.ports.link_events__packet_out__valid.get()

    def half(self, line: int) -> int:
        """The channel whose half of SRAM a line lies in."""
        return int(line * LINE_BYTES >= self.config.sram_bytes // 2)

    # --- the model ---

    def answer(self, request: Packet, kind: Kind, payload: int = 0) -> None:
        answer = replace(request.answer(kind, payload), source=self.place)  # a boot packet may name another node
        self.answers.expect(told(answer), source_of(answer.channel, answer.sequence))

    def arrived(self, request: Packet) -> None:
        channel = request.channel & 1
        self.requests += request.intact
        kind, address, thread, responds = request.kind, request.address, request.length & 3, request.responds
        if request.wrong_header or kind & 16 or request.channel & 2 or kind == Kind.BOOT and request.wrong_payload:
            return
        cause = refusal(request, self.config.sram_bytes, self.place)
        if cause is not None:
            self._refuse(request, cause)
        elif kind == Kind.BOOT:
            self.place = request.payload & 31, request.payload >> 5 & 31
            if responds:
                self.answer(request, Kind.ACK)
        elif kind == Kind.READ and address >= CONTROL_BASE:
            self.answer(request, Kind.READ_DATA, self._control(address - CONTROL_BASE >> 6))
        elif kind == Kind.WRITE:
            self._store(request, channel, address >> 6, address >> 3 & 7)
        elif kind == Kind.READ:
            self.loads.expect(address >> 6, channel)
            asked = (1 << request.length) - 1 << (address >> 3 & 7)
            if lost_words(address >> 6) & asked:
                self._refuse(request, Fault.ECC)
            else:
                self.answer(request, Kind.READ_DATA, self.image.get(address >> 6, 0))
        elif kind == Kind.RAISE:
            self._will_raise(request, address)
        elif kind == Kind.START:
            if self.racing is None and self.core.status[thread]["state"] not in RESTING:
                self._refuse(request, Fault.BUSY)
            elif self.racing is None:
                words = tuple((word + 1, request.payload >> 64 * word & WORD) for word in range(8))
                self.starts.expect((address, words), thread)
                if responds:
                    self.ended[thread] = request
        else:
            self._debug(request, thread, DebugOp(address), responds)

    def _refuse(self, request: Packet, cause: Fault) -> None:
        self.answer(request, Kind.ERROR, cause | request.address << 64)

    def _will_raise(self, request: Packet, amount: int) -> None:
        semaphore = request.tag
        self.raises.expect((semaphore, amount), semaphore >> 4)
        self.raising[semaphore >> 4].append(request)

    def raised(self, group: int, overflow: bool) -> None:
        """The semaphores have taken the oldest raise of a group."""
        request = self.raising[group].popleft()
        self.overflows += overflow
        if overflow:
            self._refuse(request, Fault.SEMAPHORE)
        elif request.responds:
            self.answer(request, Kind.ACK)

    def _control(self, line: int) -> int:
        if line >= ControlLine.COUNTERS:
            words = self.core.groups[line - ControlLine.COUNTERS]
        elif line >= ControlLine.STATUS:
            return self.core.line(line - ControlLine.STATUS)
        else:
            words = (VERSION, self.config.sram_bytes, *self.place, THREADS)
        return sum(word << 64 * index for index, word in enumerate(words))

    def _store(self, request: Packet, channel: int, line: int, first: int) -> None:
        strobe = (1 << request.length) - 1 << first
        mask = sum(WORD << 64 * word for word in range(8) if strobe >> word & 1)
        self.image[line] = self.image.get(line, 0) & ~mask | request.payload & mask
        self.stores.expect((line, strobe, f"{request.payload & mask:x}"), channel)
        self.writes[channel].append(request)

    def _debug(self, request: Packet, thread: int, op: DebugOp, responds: int) -> None:
        state, injecting = self.core.status[thread]["state"], self.injecting[thread]
        halted, moves = state == ThreadState.HALTED, op in (DebugOp.STEP, DebugOp.INJECT)
        waits = responds and (moves or op == DebugOp.HALT and (state == ThreadState.RUNNING or injecting))
        misfit = (moves or op == DebugOp.JUMP) and not halted or (moves or op in (DebugOp.JUMP, DebugOp.RESUME)) and injecting
        if misfit or waits and self.still[thread]:
            self._refuse(request, Fault.BUSY)
            return
        if op != DebugOp.STATUS and (halted or op != DebugOp.RESUME):
            self.debugs.expect((op, f"{request.payload & WORD:x}"), thread)
        self.injecting[thread] |= op == DebugOp.INJECT
        after = {DebugOp.BREAK_SET: {"debug": 1}, DebugOp.BREAK_CLEAR: {"debug": 0}}.get(op, {})
        if op == DebugOp.JUMP:
            after = {"pc": request.payload & WORD}
        elif op == DebugOp.RESUME and halted:
            after = {"state": ThreadState.RUNNING}
        if waits:
            self.still[thread] = request
        elif op == DebugOp.STATUS or responds:
            self.answer(request, Kind.STATUS, self.core.line(thread, **after))

    # --- what the stubs say ---

    def stored(self, channel: int) -> None:
        """The oldest write of a channel is in SRAM: now, and not before, it may notify and then acknowledge."""
        request = self.writes[channel].popleft()
        if request.notifies:
            self.notifying[channel] += 1
            self._will_raise(request, 1)
        elif request.responds:
            self.needed[channel].append(self.notifying[channel])
            self.answer(request, Kind.ACK)

    def stopped(self, thread: int) -> None:
        self.injecting[thread] = False
        if self.ended[thread] and self.core.status[thread]["state"] in RESTING:
            self.answer(self.ended[thread], Kind.HALTED, self.core.line(thread))
            self.ended[thread] = None
        if self.still[thread]:
            self.answer(self.still[thread], Kind.STATUS, self.core.line(thread))
            self.still[thread] = None

    def _left(self, item: Packet) -> None:
        assert item.intact, "an answer with wrong parity"
        source = source_of(item.channel, item.sequence)
        if self.racing is not None and source[1] == ENDED:
            self.racing[Kind(item.kind)] += 1
            return
        self.answers.got(told(item), source)
        self.told[source] += 1
        if source[1] == WRITTEN:
            channel = item.channel & 1
            assert self.notified[channel] >= self.needed[channel].popleft(), "an acknowledgement before its notification"

    async def finish(self, *needed: str) -> None:
        """Waits until nothing is under way; every board named must have compared something."""
        while self.source.waiting:
            await cycles(self.ports, 1)
        await cycles(self.ports, 3)
        while any(board.pending for board in self.boards.values()) or any(map(len, self.writes)):
            await cycles(self.ports, 1)
        await cycles(self.ports, 60)
        for name, board in self.boards.items():
            if name in needed or board.pending:
                board.finish()
        assert (self.packets_in, self.packets_out) == (self.requests, self.leaving.count)
        assert self.racing is not None or not any(self.core.poked)

    # --- requests ---

    def request(self, pick, channel: int, kind: int, group: int, *, number: int | None = None, respond: bool = True, **fields) -> Packet:
        """A request with random asker, tag and payload; the fields of Packet as given."""
        drawn = {
            "destination": self.place,
            "payload": pick.getrandbits(512),
            "source": (pick.getrandbits(5), pick.getrandbits(5)),
            "length": 8,
            "tag": pick.getrandbits(8),
            "sequence": group << 4 | (pick.getrandbits(4) if number is None else number),
            "flags": FLAG_RESPONSE if respond else 0,
        }
        return Packet(kind, channel=channel, **drawn | fields)

    def traffic(self, pick, channel: int) -> Packet:
        """One request of any kind that does not concern threads, in the channel's own part of the machine."""
        half = self.config.sram_bytes // 2
        line = channel * half + LINE_BYTES * pick.choice((pick.randrange(6), pick.randrange(half // LINE_BYTES)))
        first = pick.randrange(8)
        inside = {"address": line + 8 * first, "length": pick.randint(1, 8 - first)}
        semaphore = channel << 4 | pick.randrange(16)
        kind = pick.choices(("write", "notify", "read", "raise", "control", "bad", "noise", "answer"), (30, 12, 30, 8, 5, 9, 6, 3))[0]
        respond = pick.random() < 0.6
        match kind:
            case "write":
                return self.request(pick, channel, Kind.WRITE, WRITTEN, respond=respond, **inside)
            case "notify":
                sequence = SEQUENCE_NOTIFY | NOTIFIED << 4 | pick.randrange(16)
                return self.request(pick, channel, Kind.WRITE, 0, respond=respond, tag=semaphore, sequence=sequence, **inside)
            case "read":
                return self.request(pick, channel, Kind.READ, LOADED, respond=respond, **inside)
            case "raise":
                return self.request(
                    pick, channel, Kind.RAISE, RAISED, respond=respond, tag=semaphore | 32, address=pick.getrandbits(16)
                )
            case "control":
                line = pick.choice((ControlLine.IDENTITY, ControlLine.COUNTERS + pick.randrange(COUNTER_LINES))) * LINE_BYTES
                words = {"address": CONTROL_BASE + line + 8 * first, "length": inside["length"]}
                return self.request(pick, channel, Kind.READ, DIRECT, **words)
            case "noise":
                if pick.random() < 0.3:
                    kind = pick.choice((Kind.WRITE, Kind.READ, Kind.START))
                    return self.request(pick, channel, kind, DIRECT, wrong_header=True, wrong_payload=pick.random() < 0.3, **inside)
                kind = pick.choice((Kind.WRITE, Kind.READ, Kind.START, Kind.DEBUG, Kind.BOOT))
                group = LOADED if kind == Kind.READ else DIRECT
                return self.request(pick, channel, kind, group, respond=respond, wrong_payload=True, **inside)
            case "answer":
                if pick.random() < 0.5:
                    return self.request(pick, channel | 2, pick.choice(list(Kind)[:6]), DIRECT, **inside)
                unasked = pick.choice((Kind.READ_DATA, Kind.ACK, Kind.ERROR, 31))
                return self.request(pick, channel | pick.choice((0, 2)), unasked, DIRECT, **inside)
        return self.malformed(pick, channel, respond, inside)

    def malformed(self, pick, channel: int, respond: bool, inside: dict[str, int]) -> Packet:
        """A request that must be refused, whether it asked for a response or not."""
        kind = pick.choice((Kind.WRITE, Kind.READ))
        end = self.config.sram_bytes
        words = {"kind": kind, "address": inside["address"] | 8 * pick.randrange(1, 8)}
        wrong = pick.choice((
            {"kind": kind, "length": pick.choice((0, 9, 16, 63))},
            {"kind": kind, "address": inside["address"] | pick.randrange(1, 8)},
            words | {"length": pick.randint(9 - (words["address"] >> 3 & 7), 8)},
            {"kind": kind, "address": pick.choice((end, end + 64, CONTROL_BASE - 64, CONTROL_BASE + 0x10000, 1 << 21, 1 << 34))},
            {"kind": Kind.WRITE, "address": CONTROL_BASE + LINE_BYTES * pick.choice((ControlLine.IDENTITY, ControlLine.STATUS))},
            {"kind": Kind.READ, "address": CONTROL_BASE + LINE_BYTES * pick.choice((1, 3, 8 + COUNTER_LINES, 15, 1023)), "length": 1},
            {"kind": Kind.WRITE, "tag": pick.randrange(64, 256), "sequence": SEQUENCE_NOTIFY | DIRECT << 4},
            {"kind": Kind.RAISE, "address": 1, "tag": pick.randrange(64, 256)},
            {"kind": Kind.RAISE, "address": 1 << pick.randrange(16, 35), "tag": 3},
            {"kind": pick.choice((0, 7, 9, 15))},
            {"kind": pick.choice(list(Kind)[:5]), "destination": pick.choice(((2, 1), (1, 2), (0, 0), (31, 31)))},
            {"kind": Kind.START, "length": 0, "address": pick.choice((end, 1 << 30, 0x102, 0x101))},
            {"kind": Kind.START, "length": pick.randrange(4, 64), "address": 0x100},
            {"kind": Kind.DEBUG, "length": pick.randrange(4, 64), "address": pick.choice(list(DebugOp))},
            {"kind": Kind.DEBUG, "length": 0, "address": pick.choice((9, 15, 16, 1 << 20, 1 << 34))},
            {
                "kind": Kind.DEBUG,
                "length": 0,
                "address": pick.choice((DebugOp.JUMP, DebugOp.BREAK_SET)),
                "payload": pick.choice((0x101, 0x102, end, 1 << 21, 1 << 63)),
            },
        ))
        fields = {"respond": respond, **inside, **wrong}
        return self.request(pick, channel, fields.pop("kind"), DIRECT, **fields)

    async def past(self, counter: Counter, key, value: int) -> None:
        while counter[key] <= value:
            await cycles(self.ports, 1)


async def begin(dut, entry: str = "none", exit: str = "none") -> Bench:
    dut._log.info(f"seed {cocotb.RANDOM_SEED}")
    ports = bind(dut)
    await start(ports, limit=LIMIT)
    return Bench(ports, entry, exit)

"""Runs inside Verilator: the endpoint between a link and stubs of an SRAM and a core, all with gaps of their own.

Parameter `config`: the node's configuration. A monitor on the incoming link feeds a model made of golden.arch.packet and
golden.arch.memmap; it says what the SRAM, the core and the asker must see. Order rule of answers: per response channel
and *class*, which the bench keeps in bits 6:4 of a request's sequence (CLASSES), because the endpoint may let read data
overtake acknowledgements and both overtake what a thread has to say.

Each channel's packets stay in their own half of SRAM and their own semaphores, so that their order among channels, which
nobody promises, does not matter.
"""

from collections import Counter, deque

import cocotb

from golden.arch.config import get_config
from golden.arch.memmap import CONTROL_BASE, LINE_BYTES, VERSION, ControlLine, Fault, ThreadState
from golden.arch.packet import FLAG_RESPONSE, SEQUENCE_NOTIFY, DebugOp, Kind
from tb.bind import bind, parameters
from tb.clock import PERIOD_PS, cycles, start
from tb.link import LinkMonitor, LinkSink, LinkSource, Packet
from tb.scoreboard import PerSource
from tb.seed import generator
from tb.stream import GAPS
from tests.rtl.noc.endpoint_stubs import RESTING, THREADS, WORD, Core, Memory

WRITTEN, LOADED, DIRECT, ENDED, STILL = range(5)  # CLASSES of answers; the last two: one per thread
PACKETS = 240
LIMIT = 60_000 * PERIOD_PS


def source_of(channel: int, sequence: int):
    """What the answers on a response channel are ordered by."""
    group = sequence >> 4 & 7
    return channel, group, sequence & 15 if group >= ENDED else 0


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
        self.requests = self.accepted = self.packets_in = self.packets_out = 0
        self.image: dict[int, int] = {}
        self.writes = deque(), deque()
        self.notifying, self.notified = [0, 0], [0, 0]
        self.needed = deque(), deque()  # notifications that must have been given before the next acknowledgement
        self.ended, self.still = [None] * THREADS, [None] * THREADS
        self.memory, self.core = Memory(self, exit), Core(self, exit)
        self.source = LinkSource(ports, "rx", generator("source"), GAPS[entry](generator("gaps of rx")))
        LinkMonitor(ports, "rx", self.arrived)
        LinkSink(ports, "tx", generator("sink"), GAPS[exit](generator("gaps of tx")))
        self.leaving = LinkMonitor(ports, "tx", self._left)
        cocotb.start_soon(self._count())

    async def _count(self) -> None:
        while True:
            await cycles(self.ports, 1)
            self.packets_in += self.ports.packet_in.get()
            self.packets_out += self.ports.packet_out.get()

    def half(self, line: int) -> int:
        """The channel whose half of SRAM a line lies in."""
        return int(line * LINE_BYTES >= self.config.sram_bytes // 2)

    # --- the model ---

    def answer(self, request: Packet, kind: Kind, payload: int = 0) -> None:
        header = request.header
        channel = request.channel & 1 | 2
        source = source_of(channel, header["sequence"])
        item = (kind.name, header["source_x"], header["source_y"], *self.place, header["tag"], header["sequence"], f"{payload:x}")
        self.answers.expect(item, source)

    def arrived(self, request: Packet) -> None:
        header, channel = request.header, request.channel & 1
        if not request.intact:
            return
        self.requests += 1
        kind, address, length, thread = header["kind"], header["address"], header["length"], header["length"] & 3
        responds = header["flags"] & FLAG_RESPONSE
        in_sram = address < self.config.sram_bytes
        if kind & 16:
            return
        if kind == Kind.BOOT:
            self.place = request.payload & 31, request.payload >> 5 & 31
            if responds:
                self.answer(request, Kind.ACK)
        elif (request.x, request.y) != self.place or kind not in list(Kind):
            self._refuse(request)
        elif kind == Kind.READ and CONTROL_BASE <= address < CONTROL_BASE + 0x10000:
            self.answer(request, Kind.READ_DATA, self._control(address - CONTROL_BASE >> 6))
        elif kind in (Kind.WRITE, Kind.READ):
            if not in_sram or not 1 <= length <= 8:
                self._refuse(request)
            elif kind == Kind.WRITE:
                self._store(request, channel, address >> 6, address >> 3 & 7)
            else:
                self.loads.expect(address >> 6, channel)
                self.answer(request, Kind.READ_DATA, self.image.get(address >> 6, 0))
        elif kind == Kind.RAISE:
            self.raises.expect((header["tag"] & 63, address & 0xFFFF), header["tag"] >> 4 & 3)
            if responds:
                self.answer(request, Kind.ACK)
        elif kind == Kind.START:
            if self.core.status[thread]["state"] not in RESTING or not in_sram or address % 4:
                self._refuse(request)
            else:
                words = tuple((word + 1, request.payload >> 64 * word & WORD) for word in range(8))
                self.starts.expect((address, words), thread)
                if responds:
                    self.ended[thread] = request
        else:
            self._debug(request, thread, DebugOp(address & 15), responds)

    def _refuse(self, request: Packet) -> None:
        self.answer(request, Kind.ERROR, Fault.RANGE | request.header["address"] << 64)

    def _control(self, line: int) -> int:
        if line >= ControlLine.COUNTERS:
            words = self.core.groups[line - ControlLine.COUNTERS]
        elif line >= ControlLine.STATUS:
            return self.core.line(line - ControlLine.STATUS)
        else:
            words = (VERSION, self.config.sram_bytes, *self.place, THREADS)
        return sum(word << 64 * index for index, word in enumerate(words))

    def _store(self, request: Packet, channel: int, line: int, first: int) -> None:
        strobe = (1 << request.header["length"]) - 1 << first
        mask = sum(WORD << 64 * word for word in range(8) if strobe >> word & 1)
        self.image[line] = self.image.get(line, 0) & ~mask | request.payload & mask
        self.stores.expect((line, strobe, f"{request.payload & mask:x}"), channel)
        self.writes[channel].append(request)

    def _debug(self, request: Packet, thread: int, op: DebugOp, responds: int) -> None:
        state = self.core.status[thread]["state"]
        if op == DebugOp.STATUS:
            self.answer(request, Kind.STATUS, self.core.line(thread))
            return
        self.debugs.expect((op, f"{request.payload & WORD:x}"), thread)
        if responds and (op in (DebugOp.STEP, DebugOp.INJECT) or op == DebugOp.HALT and state == ThreadState.RUNNING):
            self.still[thread] = request
        elif responds:
            self.answer(request, Kind.STATUS, self.core.line(thread))

    # --- what the stubs say ---

    def stored(self, channel: int) -> None:
        """The oldest write of a channel is in SRAM: now, and not before, it may notify and then acknowledge."""
        request = self.writes[channel].popleft()
        if request.header["sequence"] & SEQUENCE_NOTIFY:
            self.notifying[channel] += 1
            self.raises.expect((request.header["tag"] & 63, 1), channel)
        if request.header["flags"] & FLAG_RESPONSE:
            self.needed[channel].append(self.notifying[channel])
            self.answer(request, Kind.ACK)

    def stopped(self, thread: int) -> None:
        if self.ended[thread] and self.core.status[thread]["state"] in RESTING:
            self.answer(self.ended[thread], Kind.HALTED, self.core.line(thread))
            self.ended[thread] = None
        if self.still[thread]:
            self.answer(self.still[thread], Kind.STATUS, self.core.line(thread))
            self.still[thread] = None

    def _left(self, item: Packet) -> None:
        assert item.intact, "an answer with wrong parity"
        header = item.header
        source = source_of(item.channel, header["sequence"])
        kind = Kind(header["kind"])
        told = (kind.name, item.x, item.y, header["source_x"], header["source_y"], header["tag"], header["sequence"], f"{item.payload:x}")
        self.answers.got(told, source)
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
        assert not any(self.core.poked)

    # --- requests ---

    def request(self, pick, channel: int, kind: int, group: int, *, number: int | None = None, respond: bool = True, **fields) -> Packet:
        """A request with random asker and tag; `place`, `payload`, `intact` and header fields as given."""
        place = fields.pop("place", self.place)
        payload, intact = fields.pop("payload", pick.getrandbits(512)), fields.pop("intact", True)
        header = {
            "kind": kind,
            "source_x": pick.getrandbits(5),
            "source_y": pick.getrandbits(5),
            "address": 0,
            "length": 8,
            "tag": pick.getrandbits(8),
            "sequence": group << 4 | (pick.getrandbits(4) if number is None else number),
            "flags": FLAG_RESPONSE if respond else 0,
        } | fields
        return Packet(channel, *place, header, payload, intact)

    def traffic(self, pick, channel: int) -> Packet:
        """One request of any kind that does not concern threads, in the channel's own part of the machine."""
        half = self.config.sram_bytes // 2
        line = channel * half + LINE_BYTES * pick.choice((pick.randrange(6), pick.randrange(half // LINE_BYTES)))
        first = pick.randrange(8)
        inside = {"address": line + 8 * first, "length": pick.randint(1, 8 - first)}
        semaphore = pick.getrandbits(2) << 6 | channel << 4 | pick.randrange(16)
        kind = pick.choices(("write", "notify", "read", "raise", "control", "bad", "noise", "answer"), (30, 12, 30, 8, 5, 9, 3, 3))[0]
        respond = pick.random() < 0.6
        match kind:
            case "write":
                return self.request(pick, channel, Kind.WRITE, WRITTEN, respond=respond, **inside)
            case "notify":
                sequence = SEQUENCE_NOTIFY | WRITTEN << 4 | pick.randrange(16)
                return self.request(pick, channel, Kind.WRITE, 0, respond=respond, tag=semaphore, sequence=sequence, **inside)
            case "read":
                return self.request(pick, channel, Kind.READ, LOADED, respond=respond, **inside)
            case "raise":
                return self.request(
                    pick, channel, Kind.RAISE, DIRECT, respond=respond, tag=semaphore | 32, address=pick.getrandbits(16)
                )
            case "control":
                index = pick.choice((ControlLine.IDENTITY, ControlLine.COUNTERS + pick.randrange(8)))
                return self.request(pick, channel, Kind.READ, DIRECT, address=CONTROL_BASE + LINE_BYTES * index)
            case "noise":
                return self.request(pick, channel, pick.choice((Kind.WRITE, Kind.READ, Kind.START)), DIRECT, intact=False, **inside)
            case "answer":
                unasked = pick.choice((Kind.READ_DATA, Kind.ACK, Kind.ERROR))
                return self.request(pick, channel | pick.choice((0, 2)), unasked, DIRECT, **inside)
        return self.malformed(pick, channel, respond, inside)

    def malformed(self, pick, channel: int, respond: bool, inside: dict[str, int]) -> Packet:
        """A request that must be refused, whether it asked for a response or not."""
        kind = pick.choice((Kind.WRITE, Kind.READ))
        end = self.config.sram_bytes
        wrong = pick.choice((
            {"kind": kind, "length": pick.choice((0, 9, 16, 63))},
            {"kind": kind, "address": pick.choice((end, end + 64, CONTROL_BASE - 64, CONTROL_BASE + 0x10000, 1 << 21, 1 << 34))},
            {"kind": Kind.WRITE, "address": CONTROL_BASE},
            {"kind": pick.choice((0, 7, 9, 15))},
            {"kind": pick.choice(list(Kind)[:5]), "place": pick.choice(((2, 1), (1, 2), (0, 0), (31, 31)))},
            {"kind": Kind.START, "address": pick.choice((end, 1 << 30, 0x102, 0x101))},
        ))
        fields = {"respond": respond, **inside, **wrong}
        return self.request(pick, channel, fields.pop("kind"), DIRECT, **fields)

    async def past(self, counter: Counter, key, value: int) -> None:
        while counter[key] <= value:
            await cycles(self.ports, 1)

    async def thread(self, number: int, rounds: int, patient: bool = True) -> None:
        """Starts, looks at, debugs and ends a thread; with `patient` it waits for the end's answer before it starts again."""
        pick, channel = generator(f"thread {number}"), number & 1
        ended, still = (channel | 2, ENDED, number), (channel | 2, STILL, number)
        status = self.core.status[number]

        def send(kind: Kind, group: int = STILL, **fields) -> None:
            self.source.put(self.request(pick, channel, kind, group, number=number, **{"length": number, **fields}))

        async def ask(kind: Kind, **fields) -> None:
            before = self.told[still]
            send(kind, **fields)
            await self.past(self.told, still, before)

        async def tell(op: DebugOp) -> None:
            before = self.debugged[number]
            send(Kind.DEBUG, address=op, respond=False)
            await self.past(self.debugged, number, before)

        for _ in range(rounds):
            begun, told, respond = self.begun[number], self.told[ended], pick.random() < 0.8 or not patient
            send(Kind.START, ENDED, address=4 * pick.randrange(self.config.sram_bytes // 4), respond=respond)
            await self.past(self.begun, number, begun)
            if pick.random() < 0.5:
                await ask(Kind.START, address=0x100, respond=pick.random() < 0.5)
            if pick.random() < 0.5:
                await ask(Kind.READ, address=CONTROL_BASE + LINE_BYTES * (ControlLine.STATUS + number))
            if pick.random() < 0.5:
                await ask(Kind.DEBUG, address=DebugOp.HALT)
                for op in pick.choices(list(DebugOp), k=4):
                    if op in (DebugOp.HALT, DebugOp.STEP, DebugOp.INJECT, DebugOp.STATUS):
                        await ask(Kind.DEBUG, address=op, respond=op != DebugOp.STATUS or pick.random() < 0.5)
                    elif op != DebugOp.RESUME:
                        await tell(op)
                await tell(DebugOp.RESUME)
            self.core.rest(number, pick.choice(RESTING))
            while status["state"] not in RESTING:
                await cycles(self.ports, 1)
            if patient and respond:
                await self.past(self.told, ended, told)


async def begin(dut, entry: str = "none", exit: str = "none") -> Bench:
    dut._log.info(f"seed {cocotb.RANDOM_SEED}")
    ports = bind(dut)
    await start(ports)
    return Bench(ports, entry, exit)


@cocotb.test(timeout_time=LIMIT, timeout_unit="ps")
@cocotb.parametrize(entry=list(GAPS), exit=list(GAPS))
async def requests_under(dut, entry: str, exit: str):
    bench = await begin(dut, entry, exit)
    pick = generator("traffic")
    bench.source.put(*(bench.traffic(pick, number % 2) for number in range(PACKETS)))
    await bench.finish("answers", "stores", "loads", "raises")
    assert bench.answers.compared > PACKETS / 3


@cocotb.test(timeout_time=LIMIT, timeout_unit="ps")
@cocotb.parametrize(exit=list(GAPS))
async def threads_under(dut, exit: str):
    """Four threads, each with a host of its own, between other requests."""
    bench = await begin(dut, "random", exit)
    pick = generator("traffic")
    bench.source.put(*(bench.traffic(pick, number % 2) for number in range(60)))
    hosts = [cocotb.start_soon(bench.thread(number, 6)) for number in range(THREADS)]
    for host in hosts:
        await host
    await bench.finish(*bench.boards)
    assert bench.starts.compared == 6 * THREADS


@cocotb.test(timeout_time=LIMIT, timeout_unit="ps")
@cocotb.parametrize(exit=["none", "random"])
async def a_start_while_nothing_runs_is_marked(dut, exit: str):
    bench = await begin(dut, "none", exit)
    await bench.thread(2, 10)
    await bench.finish("starts", "answers")
    assert bench.accepted == 10


@cocotb.test(timeout_time=LIMIT, timeout_unit="ps")
@cocotb.parametrize(exit=list(GAPS))
async def a_thread_started_again_at_once_keeps_its_answers(dut, exit: str):
    """The host sees in some other way that a thread rests, and starts it before it was told."""
    bench = await begin(dut, "none", exit)
    pick = generator("traffic")
    # Read data goes before what a thread has to say, which therefore waits.
    bench.source.put(*(bench.request(pick, 0, Kind.READ, LOADED, address=64 * number) for number in range(400)))
    await bench.thread(1, 12, patient=False)
    await bench.finish("starts", "answers")


@cocotb.test(timeout_time=LIMIT, timeout_unit="ps")
async def boot_packets_move_the_node(dut):
    bench = await begin(dut)
    pick = generator("traffic")
    for number in range(20):
        place = pick.randrange(32), pick.randrange(32)
        boot = bench.request(
            pick, 0, Kind.BOOT, DIRECT, place=(pick.randrange(32), 3), payload=place[0] | place[1] << 5, respond=number % 2 == 0
        )
        bench.source.put(boot)
        while bench.place != place:
            await cycles(bench.ports, 1)
        bench.source.put(*(bench.traffic(pick, 0) for _ in range(8)))
        await bench.finish("answers")
    assert (bench.ports.x.get(), bench.ports.y.get()) == bench.place

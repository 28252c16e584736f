"""Runs inside Verilator: all ports of the SRAM at once, each under its own gaps, against the rule of tb.memory.

Parameter `rows`: rows per bank. Per port a driver and a monitor. The scoreboard pairs answers with requests (order of
each lane, tags, nothing lost or invented); tb.memory.check then decides byte by byte which data is right. The ports take
back-pressure but give none: returns have no ready.

Wrong bits come in through the injection port, so the same bench serves both data bodies.
"""

from collections import deque

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge
from cocotb.utils import get_sim_time

from golden import coverage
from golden.arch.isa import THREADS
from golden.arch.sram import CHECK_BITS, LANES, LINE_WORDS, STORE_TAG_THREAD, inject
from tb.bind import bind, parameters
from tb.clock import PERIOD_PS, cycles, start
from tb.memory import ANSWER, LOADS, PORTS, REQUEST, check, traffic
from tb.scoreboard import PerSource
from tb.seed import generator
from tb.stream import GAPS
from tests.rtl.mem.slots import Arbiter

COUNTS = {"l0": 150, "l1": 150, "st": 150, "sl": 150, "ss": 150, "mw": 100, "mr": 100, "fill": 40}
LINES = ("mr", "fill")
READERS = ("l0", "l1", "sl", *LINES)
SOURCES = ("l0", "l1", "st", "sl", "ss")  # by number in an error report
PATIENCE = 30_000  # cycles in which a list of requests must be answered; some of the mixes serve lanes one by one
LIMIT = 4 * PATIENCE  # cycles


def now() -> int:
    """Number of the clock edge that runs."""
    return int(get_sim_time("ps")) // PERIOD_PS


class Requester:
    """Driver and monitor of the port `name`: offers what `put` queued, notes when and with what it was answered."""

    def __init__(self, ports, name: str, board: PerSource) -> None:
        self.name = name
        self.lanes = range(LANES if name in LOADS else 1)
        self._edge = RisingEdge(ports.clock.handle)
        self._ports, self._board = ports, board
        self._valid, self._ready = ports[f"{name}__valid"], ports[f"{name}__ready"]
        self._fields = {
            port.name.removeprefix(f"{name}__"): port
            for port in ports
            if port.name.startswith(f"{name}__") and port.direction == "input" and not port.name.endswith("__valid")
        }
        self._back = f"{name}__{'done' if name in ('st', 'ss', 'mw') else 'ret'}__"
        self._queue: deque = deque()
        self._gaps = GAPS["none"](generator(name))
        self.asked: list = []
        self.answers = np.zeros(0, ANSWER)
        self._taken = 0
        self._returned = [0] * LANES
        cocotb.start_soon(self._drive())
        cocotb.start_soon(self._watch())

    def put(self, requests: np.ndarray, gaps) -> None:
        """Starts on `requests` (tb.memory.REQUEST); everything put before must have been answered."""
        self.asked, self.answers = requests, np.full(len(requests), -1, ANSWER)
        self._taken, self._returned = 0, [0] * LANES
        self._queue.extend(requests)
        self._gaps = gaps

    @property
    def idle(self) -> bool:
        """Everything has been taken and answered."""
        return self._taken == len(self.asked) and all(self._returned[lane] == self._taken for lane in self.lanes)

    def _values(self, request) -> dict[str, int]:
        vector = self.name in (*LOADS, "st")
        words = int.from_bytes(request["data"].tobytes(), "little")
        addresses = sum(int(word) << 18 * lane for lane, word in enumerate(request["addr"]))
        return {
            "thread": int(request["thread"]),
            "reg": int(request["reg"]),
            "enable": int(request["enable"]),
            "addr": addresses if vector else int(request["addr"][0]),
            "line": int(request["addr"][0]),
            "keep": int(request["keep"]),
            "strobe": int(request["keep"]),
            "data": int(request["data"][0]) if self.name == "ss" else words,
            "tag": int(request["tag"]),
        }

    async def _drive(self) -> None:
        while True:
            if not self._queue:
                await self._edge
                continue
            for _ in range(next(self._gaps)):
                await self._edge
            values = self._values(self._queue.popleft())
            for name, port in self._fields.items():
                port.set(values[name])
            self._valid.set(1)
            await self._edge
            while not self._ready.get():
                await self._edge
            self._valid.set(0)

    async def _watch(self) -> None:
        ports, back = self._ports, self._back
        returned = ports[f"{back}valid"]
        due = None  # a line that returned in the last cycle: what is lost of it is told now
        while True:
            await self._edge
            if self._valid.get() and self._ready.get():
                request = self.asked[self._taken]
                self.answers["accepted"][self._taken] = now()
                self._taken += 1
                info = int(request["thread"]) | int(request["reg"]) << 8 if self.name in LOADS else int(request["tag"])
                for lane in self.lanes:
                    self._board.expect(0 if self.name == "fill" else info, (self.name, lane))
            if due is not None:
                due["lost"] = ports[f"{back}lost"].get()
            due = None
            valid = returned.get()
            for lane in self.lanes:
                if valid >> lane & 1:
                    self._came(lane)
                    due = self.answers[self._returned[lane] - 1] if self.name in LINES else None

    def _came(self, lane: int) -> None:
        ports, back = self._ports, self._back
        if self.name in LOADS:
            info = ports[f"{back}thread__{lane}"].get() | ports[f"{back}reg__{lane}"].get() << 8
        else:
            info = 0 if self.name == "fill" else ports[f"{back}tag"].get()
        self._board.got(info, (self.name, lane))
        answer = self.answers[self._returned[lane]]
        self._returned[lane] += 1
        answer["when"][lane] = now()
        answer["info"][lane] = info
        if self.name in LOADS:
            answer["data"][lane] = ports[f"{back}data__{lane}"].get()
        elif self.name == "sl":
            answer["data"][0] = ports[f"{back}data"].get()
        elif self.name in LINES:
            answer["data"] = np.frombuffer(ports[f"{back}data"].get().to_bytes(64, "little"), "<u8")


class Bench:
    """The requesters, and a monitor of the error reports: `corrected` words, `lost` (address, source, thread)."""

    def __init__(self, ports) -> None:
        self.ports = ports
        self.rows = parameters()["rows"]
        self.rng = np.random.default_rng(generator("traffic").getrandbits(64))
        self.board = PerSource("answers by port and lane", clock=now)
        self.requesters = {name: Requester(ports, name, self.board) for name in PORTS}
        self.memory = np.zeros(self.rows * 64, np.uint64)
        self.arbiter = Arbiter(now())
        self.conflicts: dict[int, int] = {}
        self.corrected = 0
        self.places: set[int] = set()
        self.lost: list[tuple[int, str, int]] = []
        cocotb.start_soon(self._reports())

    async def _reports(self) -> None:
        ports, edge, soon = self.ports, RisingEdge(self.ports.clock.handle), 0
        while True:
            await edge
            self.conflicts[now()] = ports.conflicts__count.get()
            if ports.corrected__valid.get():
                assert ports.corrected__count.get(), "a report of no corrected word"
                self.corrected += ports.corrected__count.get()
                self.places.add(ports.corrected__addr.get())
            assert ports.uncorrectable__valid.get() == soon, "a report that was not announced, or the reverse"
            soon = ports.uncorrectable__soon.get()
            for t in range(THREADS):
                if ports.uncorrectable__valid.get() >> t & 1:
                    source = SOURCES[ports[f"uncorrectable__source__{t}"].get()]
                    self.lost.append((ports[f"uncorrectable__addr__{t}"].get(), source, t))

    async def play(self, requests: dict[str, np.ndarray], gaps: str = "none") -> int:
        """Plays all lists at once; returns how many words were compared with `memory` and what was stored meanwhile."""
        for name, asked in requests.items():
            self.requesters[name].put(asked, GAPS[gaps](generator(f"gaps of {name}")))
        deadline = now() + PATIENCE
        while not all(self.requesters[name].idle for name in requests):
            assert now() < deadline, f"{self.board.pending} answers did not come"
            await cycles(self.ports, 1)
        answers = {name: self.requesters[name].answers if name in requests else np.zeros(0, ANSWER) for name in PORTS}
        await cycles(self.ports, 4)  # error reports come a little after the words
        self.check_cycles(requests, answers)
        for name in LINES:
            for request, answer in zip(requests.get(name, ()), answers[name], strict=False):
                first = int(request["addr"][0]) * LINE_WORDS
                self.lost += [(first + word, name, 0) for word in range(LINE_WORDS) if int(answer["lost"]) >> word & 1]
        return check(requests, answers, self.memory)

    def check_cycles(self, requests: dict[str, np.ndarray], answers: dict[str, np.ndarray]) -> None:
        """Every answer came in the cycle that the rules of arbitration give, and as many asked in vain as were counted."""
        first, last = self.arbiter.now, now() - 1
        expected = self.arbiter.play(requests, {name: answers[name]["accepted"] for name in requests}, last)
        for name, when in expected.items():
            lanes = self.requesters[name].lanes.stop
            different = np.argwhere(when[:, :lanes] != answers[name]["when"][:, :lanes])
            for index, lane in different[:1]:
                come, due = answers[name]["when"][index, lane], when[index, lane]
                raise AssertionError(f"{name}: lane {lane} of request {index} was answered in cycle {come}, the rules say {due}")
        for cycle in range(first, last - 1):
            found = self.conflicts.get(cycle + 2)
            assert found == self.arbiter.denied[cycle], f"cycle {cycle}: {found} counted, {self.arbiter.denied[cycle]} asked in vain"

    async def load_lines(self, lines) -> None:
        """Writes random lines through the mesh, after which `memory` is what the lines hold."""
        asked = np.zeros(len(lines), REQUEST)
        asked["addr"][:, 0] = lines
        asked["keep"] = 0xFF
        asked["data"] = self.rng.integers(0, 1 << 64, (len(lines), LINE_WORDS), dtype=np.uint64)
        asked["tag"] = np.arange(len(lines)) % 256
        await self.play({"mw": asked})
        self.memory.reshape(-1, LINE_WORDS)[lines] = asked["data"]

    async def spoil(self, word: int, bits) -> None:
        """Stores the word that is there with some of its 72 bits inverted."""
        thread = int(self.rng.integers(THREADS))
        asked = np.zeros(1, REQUEST)
        asked["addr"][0, 0], asked["keep"], asked["data"][0, 0] = word, 0xFF, self.memory[word]
        asked["tag"] = thread << STORE_TAG_THREAD
        self.ports[f"inject__bits__{thread}"].set(inject(*map(int, bits)))
        await self.play({"ss": asked})
        self.ports[f"inject__bits__{thread}"].set(0)

    async def finish(self) -> None:
        await cycles(self.ports, 20)
        self.board.finish()
        assert not self.ports.busy.get()
        coverage.keep(self.arbiter.points)


async def begin(dut) -> Bench:
    dut._log.info(f"seed {cocotb.RANDOM_SEED}")
    ports = bind(dut)
    await start(ports, limit=LIMIT)
    return Bench(ports)


def lines_of(requests: dict[str, np.ndarray]) -> np.ndarray:
    """Every line that a list of requests touches."""
    touched = []
    for name, asked in requests.items():
        touched.append(asked["addr"].ravel() if name in ("mw", "mr", "fill") else asked["addr"].ravel() >> 3)
    return np.unique(np.concatenate(touched))


def reads(requests: dict[str, np.ndarray]):
    """The word of every access of loads and line reads to a bank."""
    for name in READERS:
        for request in requests.get(name, ()):
            if name in LOADS:
                yield from (int(request["addr"][lane]) for lane in range(LANES) if request["enable"] >> lane & 1)
            elif name == "sl":
                yield int(request["addr"][0])
            else:
                yield from (int(request["addr"][0]) * LINE_WORDS + offset for offset in range(LINE_WORDS))


@cocotb.test()
@cocotb.parametrize(gaps=list(GAPS), spread=[None, 40, 4], partial=[0.0, 0.5])
async def answers_under(dut, gaps: str, spread: int | None, partial: float):
    """`spread` words: few of them make conflicts and loads of what was just stored."""
    bench = await begin(dut)
    counts = {name: count // (2 if spread == 4 else 1) for name, count in COUNTS.items()}
    requests = traffic(bench.rng, bench.rows, counts, spread=spread, partial=partial)
    await bench.load_lines(lines_of(requests))
    compared = await bench.play(requests, gaps)
    await bench.finish()
    assert compared > 8 * counts["l0"] and not bench.lost and not bench.corrected


@cocotb.test()
@cocotb.parametrize(reader=LINES)
async def a_line_read_has_its_turn_among_writes_of_its_banks(dut, reader: str):
    """A write of the same line in every cycle goes before it, until it is the reader's turn."""
    bench = await begin(dut)
    requests = traffic(bench.rng, bench.rows, {"mw": 120, reader: 6}, spread=1)
    await bench.load_lines(lines_of(requests))
    await bench.play(requests)
    await bench.finish()
    assert bench.arbiter.points[coverage.turn_of("lr")]


@cocotb.test()
async def every_wrong_bit_is_corrected_and_counted(dut):
    """Each of the 72 bits in a word of its own, read through all ports at once; then partial and whole stores over them."""
    bench = await begin(dut)
    bits = 64 + CHECK_BITS
    requests = traffic(bench.rng, bench.rows, {"l0": 60, "l1": 60, "sl": 60, "mr": 40, "fill": 20}, spread=bits)
    words = np.unique(np.concatenate([requests[name]["addr"].ravel() for name in LOADS]))
    await bench.load_lines(np.unique(np.concatenate([lines_of(requests), words >> 3])))
    spoiled = {int(word): bit for bit, word in zip(bench.rng.permutation(bits), words, strict=False)}
    for word, bit in spoiled.items():
        await bench.spoil(word, [bit])

    await bench.play(requests, "random")
    assert bench.corrected == sum(word in spoiled for word in reads(requests)) > 500
    assert bench.places <= set(spoiled)

    # A partial store reads each word once and writes it whole again; a whole store does without reading.
    bench.corrected = 0
    for strobe, place in ((0x3C, "st"), (0xF0, "ss"), (0xFF, "ss")):
        chosen = list(spoiled)[: 8 if place == "st" else 2]
        stores = np.zeros(1 if place == "st" else len(chosen), REQUEST)
        stores["data"] = bench.rng.integers(0, 1 << 64, stores["data"].shape, dtype=np.uint64)
        stores["enable"] = 0xFF
        if place == "st":
            stores["addr"][0] = chosen
            stores["keep"] = int.from_bytes(bytes([strobe]) * 8, "little")
        else:
            stores["addr"][:, 0] = chosen
            stores["keep"] = strobe
        await bench.play({place: stores})
        mask = sum(0xFF << 8 * byte for byte in range(8) if strobe >> byte & 1)
        for index, word in enumerate(chosen):
            data = int(stores["data"][0, index] if place == "st" else stores["data"][index, 0])
            bench.memory[word] = int(bench.memory[word]) & ~mask | data & mask
            del spoiled[word]
    assert bench.corrected == 10
    bench.corrected = 0
    await bench.play(requests, "bursts")
    assert bench.corrected == sum(word in spoiled for word in reads(requests))
    await bench.finish()
    assert not bench.lost


@cocotb.test()
async def traffic_over_wrong_bits(dut):
    """Partial and whole stores and loads of words that start with one wrong bit: nothing shows but the reports."""
    bench = await begin(dut)
    requests = traffic(bench.rng, bench.rows, COUNTS, spread=40, partial=0.5)
    await bench.load_lines(lines_of(requests))
    words = np.unique(requests["l0"]["addr"])
    for word in words:
        await bench.spoil(int(word), [bench.rng.integers(0, 64 + CHECK_BITS)])
    await bench.play(requests, "random")
    await bench.finish()
    assert bench.corrected and bench.places <= set(words.tolist()) and not bench.lost


@cocotb.test()
@cocotb.parametrize(port=(*READERS, "st", "ss"))
async def two_wrong_bits_are_reported(dut, port: str):
    """The word comes, or stays, as it was read; the report names address, port and thread."""
    bench = await begin(dut)
    words = np.sort(bench.rng.choice(bench.rows * 8, 12, replace=False)) * 8 + bench.rng.integers(0, 8, 12)
    await bench.load_lines(words >> 3)
    expected = []
    for number, word in enumerate(words.tolist()):
        pair = bench.rng.choice(64 + CHECK_BITS, 2, replace=False)
        await bench.spoil(word, pair)
        for bit in pair[pair < 64]:
            bench.memory[word] ^= np.uint64(1 << int(bit))
        asked = np.zeros(1, REQUEST)
        asked["addr"][0, 0] = word >> 3 if port in LINES else word
        asked["enable"], asked["keep"] = 1, np.uint64(0x3C if port in ("st", "ss") else 2**64 - 1)
        asked["thread"] = number % 4
        asked["tag"] = number % 4 << (STORE_TAG_THREAD if port in ("st", "ss") else 0)
        await bench.play({port: asked})
        expected.append((word, port, 0 if port in LINES else number % 4))
    await bench.finish()
    assert bench.lost == expected and not bench.corrected

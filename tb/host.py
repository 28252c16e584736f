"""A host at a node's edge port: everything it does is packets, and every answer is one that it waits for.

Requests take either request channel at random, so nothing is ordered but by waiting: what must come after something else is asked for
when the answer to that has come. Every outstanding request has its own (tag, sequence); the scoreboard `answers` compares kind, channel and
place of what comes back with it.
"""

import random
from collections.abc import Iterable

from cocotb.triggers import Event

from golden.arch import packet
from golden.arch.memmap import LINE_BYTES, Fault, Status
from golden.arch.packet import FLAG_RESPONSE, DebugOp, Kind
from golden.kernels.job import Launch
from tb.bind import Ports
from tb.link import LinkMonitor, LinkSink, LinkSource, Packet
from tb.scoreboard import PerSource
from tb.seed import generator
from tb.stream import GAPS

PLACE = 0, 1  # the west edge port of row 1
_NUMBERS = 1 << 15  # of requests; the top bit of a sequence notifies
_LIKELY = 0.3  # that a write which needs no answer asks for one


class Host:
    """The host of the node at `node`; gaps before packets (`entry`) and before credits (`exit`) as tb.stream.GAPS names them."""

    def __init__(self, ports: Ports, entry: str, exit: str, node: tuple[int, int] = (1, 1)) -> None:
        self.node = node
        self.answers = PerSource("answers")
        self._rng: random.Random = generator("host")
        self._number = self._rng.randrange(_NUMBERS)
        self._open: dict[int, Event] = {}
        self._payloads: dict[int, int] = {}
        self.source = LinkSource(ports, "rx", generator("source"), GAPS[entry](generator("gaps of rx")))
        LinkMonitor(ports, "rx")
        LinkSink(ports, "tx", generator("sink"), GAPS[exit](generator("gaps of tx")))
        LinkMonitor(ports, "tx", self._came)

    # --- packets ---

    def _ask(self, kind: Kind, answer: Kind | None, payload: int = 0, channel: int | None = None, **header: int) -> int:
        """Queues a request; the number by which `_answer` waits for it."""
        channel = self._rng.randrange(2) if channel is None else channel
        self._number = (self._number + 1) % _NUMBERS
        fields = {
            "kind": kind,
            "source_x": PLACE[0],
            "source_y": PLACE[1],
            "address": 0,
            "length": 0,
            "tag": self._number & 255,
            "sequence": self._number >> 8,
            "flags": FLAG_RESPONSE if answer else 0,
        } | header
        number = fields["sequence"] << 8 | fields["tag"]
        if answer:
            self._open[number] = Event()
            self.answers.expect((answer.name, channel | 2, PLACE, self.node), number)
        self.source.put(Packet(channel, *self.node, fields, payload))
        return number

    def _came(self, item: Packet) -> None:
        assert item.intact, "an answer with wrong parity"
        header = item.header
        number = header["sequence"] << 8 | header["tag"]
        source = header["source_x"], header["source_y"]
        self.answers.got((Kind(header["kind"]).name, item.channel, (item.x, item.y), source), number)
        self._payloads[number] = item.payload
        self._open.pop(number).set()

    async def _answer(self, number: int) -> bytes:
        if number in self._open:
            await self._open[number].wait()
        return self._payloads.pop(number).to_bytes(LINE_BYTES, "little")

    async def refused(self, kind: Kind, payload: int = 0, **header: int) -> Fault:
        """A request that the node refuses: why. It asks for an answer unless its `flags` say otherwise."""
        answer = await self._answer(self._ask(kind, Kind.ERROR, payload, **header))
        return Fault(int.from_bytes(answer[:8], "little"))

    # --- memory ---

    async def write(self, writes: Iterable[tuple[int, bytes]]) -> None:
        """Bytes into SRAM; returns when all of them are there. No two may touch the same word."""
        asked: list[int] = []
        items = [piece for address, image in writes for piece in packet.pieces(address, image)]
        channels = [self._rng.randrange(2) for _ in items]
        last = {channel: index for index, channel in enumerate(channels)}
        for index, ((address, words, payload), channel) in enumerate(zip(items, channels, strict=True)):
            answer = Kind.ACK if index in last.values() or self._rng.random() < _LIKELY else None
            data = int.from_bytes(payload, "little")
            number = self._ask(Kind.WRITE, answer, data, channel, address=address, length=words)
            asked += [number] if answer else []
        for number in asked:
            await self._answer(number)

    async def read(self, address: int, size: int) -> bytes:
        """Bytes from SRAM."""
        first, last = address // LINE_BYTES, (address + size - 1) // LINE_BYTES
        asked = [self._ask(Kind.READ, Kind.READ_DATA, address=LINE_BYTES * line, length=8) for line in range(first, last + 1)]
        image = b"".join([await self._answer(number) for number in asked])
        return image[address % LINE_BYTES :][:size]

    async def raise_semaphore(self, semaphore: int, amount: int) -> None:
        """Returns when it has been raised."""
        await self._answer(self._ask(Kind.RAISE, Kind.ACK, address=amount, tag=semaphore))

    # --- threads ---

    def start(self, launch: Launch) -> int:
        """Starts a thread; `ended` waits for its end by what this returns."""
        payload = sum((value & (1 << 64) - 1) << 64 * index for index, value in enumerate(launch.args))
        return self._ask(Kind.START, Kind.HALTED, payload, address=launch.pc, length=launch.thread)

    async def ended(self, number: int) -> Status:
        """The thread's status when it has halted or stopped with a fault."""
        return Status.of(await self._answer(number))

    async def debug(self, op: DebugOp, thread: int = 0, operand: int = 0) -> Status:
        """A debugger's command; the thread's status when it has been obeyed."""
        return Status.of(await self._answer(self._ask(Kind.DEBUG, Kind.STATUS, operand, address=op, length=thread)))

    def finish(self) -> None:
        """Everything asked was answered."""
        assert not self.source.waiting, f"{self.source.waiting} packets were never sent"
        self.answers.finish()
        assert not self._payloads, f"nobody waited for {len(self._payloads)} answers"



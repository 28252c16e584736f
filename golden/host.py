"""A host's side of the conversation with nodes, without input or output: what to send, and what an answer means.

A *script* is what a host does in one go: a generator that yields lists of requests and is sent the answers of each list, in its order, when
all of them are there. Whoever moves packets drives it: golden.host_blocking waits, tb.host awaits.

    def status(session):                                  a script
        [answer] = yield [session.request(Kind.DEBUG, Kind.STATUS, address=DebugOp.STATUS)]
        return Status.of(answer.data)

Every request that is to be answered has a number of its own while it is open: tag and the sequence's lower seven bits, which the answer
carries back. Requests of one channel reach a node in order, and its writes complete in order: one acknowledgement stands for all writes
before it on its channel. Between channels nothing is ordered but by waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from golden.arch.isa import THREADS
from golden.arch.memmap import CONTROL_BASE, COUNTER_LINES, LINE_BYTES, ControlLine, Counter, Fault, Status
from golden.arch.packet import FLAG_MULTICAST, FLAG_RESPONSE, SEQUENCE_NOTIFY, DebugOp, Kind, Packet, Place, payload_of, pieces
from golden.kernels.job import Launch

EDGE: Place = 0, 1
"""Where a host sits unless it says otherwise: the west edge port of row 1."""
FIRST: Place = 1, 1
"""The node that it talks to unless it says otherwise."""

_TAGS, _SEQUENCES = 256, SEQUENCE_NOTIFY  # the top bit of a sequence notifies
_WORD = 8
_ANSWERS = (Kind.READ_DATA, Kind.ACK, Kind.ERROR, Kind.HALTED, Kind.STATUS)
T = TypeVar("T")
Script = Generator[list["Request"], list[Packet], T]


class HostError(RuntimeError):
    """A request was refused, a thread faulted, or nothing moves any more; one sentence, or one per thread."""


class Refused(HostError):
    """A node refused a request: ``request`` as it was sent (None when nobody waited for it), and the ``cause``."""

    def __init__(self, answer: Packet, request: Packet | None) -> None:
        self.request, self.cause = request, Fault(answer.payload & 15)
        where = f"a packet for address {answer.payload >> 64 & 2**64 - 1:#x}"
        if request and request.kind == Kind.START:
            where = f"to start thread {request.length} at {request.address:#x}"
        elif request and request.kind == Kind.DEBUG:
            where = f"{DebugOp(request.address).name} of thread {request.length}" if request.address in list(DebugOp) else where
        super().__init__(f"the node refused {where}: {self.cause.name}")


@dataclass(eq=False)
class Request:
    """A packet to send, the kind of its answer (None: it gets none unless it is refused), and the answer when it has come."""

    packet: Packet
    expects: Kind | None
    answer: Packet | None = None

    @property
    def done(self) -> bool:
        return self.expects is None or self.answer is not None

    def result(self) -> Packet:
        """The answer of a request that is done; raises Refused when it is a refusal."""
        if self.answer is None:
            return self.packet
        if self.answer.kind == Kind.ERROR and self.expects is not Kind.ERROR:
            raise Refused(self.answer, self.packet)
        return self.answer


class Session:
    """What one host has asked and not been told yet.

    Parameters
    ----------
    place : the host's own coordinates.
    node : whom it talks to where nobody else is named.
    route : the request channel of the next packet, 0 (XY) or 1 (YX).
    confirms : whether a write that needs no acknowledgement asks for one.
    first : number from which requests are counted.
    detours : whether an answer may come by another route than its request: something on the way is dead.
    """

    def __init__(
        self,
        place: Place = EDGE,
        node: Place = FIRST,
        *,
        route: Callable[[], int] = lambda: 0,
        confirms: Callable[[], bool] = lambda: False,
        first: int = 0,
        detours: bool = False,
    ) -> None:
        self.place, self.node = place, node
        self.answered = 0
        self._route, self._confirms = route, confirms
        self._number = first
        self._detours = detours
        self._open: dict[tuple[int, int], Request] = {}

    # --- packets -------------------------------------------------------------------------------------------------------------

    @property
    def open(self) -> int:
        """Requests that wait for their answers."""
        return len(self._open)

    def request(
        self, kind: int, expects: Kind | None = None, node: Place | None = None, *, channel: int | None = None, **fields: Any
    ) -> Request:
        """One request; it asks for an answer when it ``expects`` one, unless its ``flags`` say otherwise.

        ``fields``: those of Packet. A ``tag`` that is given (a semaphore) stays, and only the sequence numbers the request.
        """
        tag, sequence = self._numbered(fields.pop("tag", None), expects is not None)
        packet = Packet(
            kind,
            node or self.node,
            self.place,
            self._route() if channel is None else channel,
            tag=tag,
            sequence=sequence | fields.pop("sequence", 0),
            **{"flags": FLAG_RESPONSE if expects else 0, **fields},
        )
        request = Request(packet, expects)
        if expects:
            self._open[_number(packet)] = request
        return request

    def _numbered(self, tag: int | None, kept: bool) -> tuple[int, int]:
        """A tag and sequence that no open request has."""
        for _ in range(_TAGS * _SEQUENCES):
            self._number = (self._number + 1) % (_TAGS * _SEQUENCES)
            number = (self._number % _TAGS if tag is None else tag), self._number // _TAGS if tag is None else self._number % _SEQUENCES
            if not kept or number not in self._open:
                return number
        raise HostError(f"{len(self._open)} requests wait for answers, and no number is left for another")

    def receive(self, answer: Packet) -> Request:
        """The request that an answer belongs to, which is done with it.

        Raises
        ------
        Refused
            When it refuses a request that asked for no answer.
        HostError
            When it has wrong parity, of header or payload, or nothing that it could answer was asked.
        """
        if not answer.intact:
            raise HostError("a packet came with wrong parity")
        request = self._open.get(_number(answer))
        if request is None and answer.kind == Kind.ERROR:
            raise Refused(answer, None)
        name = Kind(answer.kind).name if answer.kind in _ANSWERS else f"a packet of kind {answer.kind}"
        if request is None:
            raise HostError(f"{name} came from {answer.source} with tag {answer.tag}, sequence {answer.sequence}: nothing was asked")
        asked = request.packet
        if answer.kind not in (request.expects, Kind.ERROR):
            raise HostError(f"{name} came where {request.expects.name} was expected, from {answer.source} with tag {answer.tag}")
        channel = answer.channel & 2 | asked.channel & 1 if self._detours else answer.channel
        if (channel, answer.destination, answer.source) != (asked.channel | 2, self.place, asked.destination):
            came = f"from {answer.source} to {answer.destination} on channel {answer.channel}"
            raise HostError(f"{name} came {came}, asked was {asked.destination} on channel {asked.channel}")
        del self._open[_number(answer)]
        request.answer = answer
        self.answered += 1
        return request

    # --- memory --------------------------------------------------------------------------------------------------------------

    def write(self, writes: Iterable[tuple[int, bytes]], node: Place | None = None, far: Place | None = None) -> Script[None]:
        """Exactly these bytes into SRAM, in order; over when all of them are there.

        Packets write whole words: words that an image covers in part are read first. ``far``: the far corner of a rectangle of nodes that
        all get the bytes (whole words, no acknowledgements).
        """
        whole: list[tuple[int, bytes]] = []
        for address, image in writes:
            before, after = address % _WORD, -(address + len(image)) % _WORD
            if image and (before or after):
                if far:
                    raise ValueError(f"{len(image)} bytes at {address:#x} are not whole words, which several nodes can be sent at once")
                yield self._posted(whole, node)
                whole = []
                first = yield from self.read(address - before, _WORD, node)
                last = yield from self.read(address + len(image) + after - _WORD, _WORD, node)
                image = first[:before] + image + last[_WORD - after :] if after else first[:before] + image
            whole.append((address - before, image))
        yield self._posted(whole, node, far)

    def _posted(self, writes: Iterable[tuple[int, bytes]], node: Place | None, far: Place | None = None) -> list[Request]:
        """WRITEs of whole words; the last of each channel asks for an acknowledgement."""
        cut = [(*piece, self._route()) for address, image in writes for piece in pieces(address, image)]
        last = {channel: index for index, (*_, channel) in enumerate(cut)}.values()
        more: dict[str, Any] = {"far": far, "flags": FLAG_MULTICAST} if far else {}
        return [
            self.request(
                Kind.WRITE,
                Kind.ACK if not far and (index in last or self._confirms()) else None,
                node,
                channel=channel,
                address=address,
                length=words,
                payload=int.from_bytes(payload, "little"),
                **more,
            )
            for index, (address, words, payload, channel) in enumerate(cut)
        ]

    def read(self, address: int, size: int, node: Place | None = None) -> Script[bytes]:
        """Bytes of SRAM or of control lines."""
        at, end, requests = address // _WORD * _WORD, address + size, []
        while at < end:
            after = min(at // LINE_BYTES * LINE_BYTES + LINE_BYTES, -(-end // _WORD) * _WORD)
            requests.append(self.request(Kind.READ, Kind.READ_DATA, node, address=at, length=(after - at) // _WORD))
            at = after
        answers = yield requests
        return b"".join([answer.data for answer in answers])[address % LINE_BYTES :][:size]

    def raise_semaphore(self, semaphore: int, amount: int, node: Place | None = None) -> Script[None]:
        """Over when it has been raised."""
        yield [self.request(Kind.RAISE, Kind.ACK, node, address=amount, tag=semaphore)]

    # --- threads -------------------------------------------------------------------------------------------------------------

    def start(self, launch: Launch, node: Place | None = None) -> Request:
        """A thread's start, which is answered with ``Status.of(answer.data)`` when the thread ends."""
        payload = payload_of(launch.args)
        return self.request(Kind.START, Kind.HALTED, node, address=launch.pc, length=launch.thread, payload=payload)

    def debug(self, op: DebugOp, thread: int = 0, operand: int = 0, node: Place | None = None) -> Script[Status]:
        """A debugger's command; the thread's status when it has been obeyed."""
        [answer] = yield [self.request(Kind.DEBUG, Kind.STATUS, node, address=op, length=thread, payload=operand)]
        return Status.of(answer.data)

    def flush(self, node: Place | None = None, far: Place | None = None) -> Script[None]:
        """Empties the instruction cache, before a start of a program that was written over another; over at once."""
        more: dict[str, Any] = {"far": far, "flags": FLAG_MULTICAST} if far else {}
        yield [self.request(Kind.DEBUG, None, node, address=DebugOp.FLUSH, **more)]

    def statuses(self, node: Place | None = None) -> Script[list[Status]]:
        """All threads."""
        image = yield from self._control(ControlLine.STATUS, THREADS, node)
        return [Status.of(image[LINE_BYTES * t :]) for t in range(THREADS)]

    # --- the node ------------------------------------------------------------------------------------------------------------

    def boot(self, place: Place, node: Place | None = None) -> Script[None]:
        """Gives a node without a router its coordinates; a mesh is booted by golden.host_mesh.boot."""
        yield [self.request(Kind.BOOT, Kind.ACK, node, payload=place[0] | place[1] << 5)]

    def identity(self, node: Place | None = None) -> Script[dict[str, int]]:
        """Version, SRAM bytes, coordinates and threads of a node, by name."""
        image = yield from self._control(ControlLine.IDENTITY, 1, node)
        return dict(zip(("version", "sram_bytes", "x", "y", "threads"), map(int, np.frombuffer(image, "<u8")), strict=False))

    def counters(self, node: Place | None = None) -> Script[Mapping[Counter, int]]:
        """All event counters."""
        words = np.frombuffer((yield from self._control(ControlLine.COUNTERS, COUNTER_LINES, node)), "<u8")
        return {counter: int(words[counter]) for counter in Counter}

    def _control(self, line: int, lines: int, node: Place | None) -> Script[bytes]:
        return self.read(CONTROL_BASE + LINE_BYTES * line, lines * LINE_BYTES, node)


def _number(packet: Packet) -> tuple[int, int]:
    return packet.tag, packet.sequence % _SEQUENCES

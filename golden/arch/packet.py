"""The packet: one flit of 106 header bits and 64 bytes of payload, the same on every link and at the edge.

The *control word* (29 bits) crosses a link one cycle ahead of everything else (the *body*: 77 header bits, 512 payload bits, 8 parity
bits). Four virtual channels: 2 * class + route, class 0 requests, 1 responses; route 0 XY, 1 YX. A credit wire per channel runs
back; a receiver holds ``CREDITS`` packets per channel.

Address of a request: a byte address inside the destination node (the upper bits name an edge port's DRAM). ``length`` counts 8-byte
words, 1 to 8, for READ and WRITE, which stay in one 64 B line; the words lie at their own offset in the line (word i of the payload is
word i of the line). START: address = pc, length = thread, payload = x1..x8. DEBUG: address = ``DebugOp``, length = thread, payload word 0
= operand. RAISE: semaphore in ``tag``, amount in address. A WRITE with flag ``notify`` raises semaphore ``tag`` by 1 when its data is in
SRAM. BOOT: `golden.arch.boot`; behind a router it carries its own way in place of source, address, tag and sequence.

Answers. A response carries the request's tag and sequence. READ_DATA: the whole line; a READ is always answered, and so is a DEBUG
STATUS. All other answers but ERROR come only if the request has the flag: ACK nothing, of a WRITE or RAISE when it has taken effect;
STATUS the thread's status line, of a DEBUG request; HALTED the status line of a thread at its end or fault, to the START that began it.
ERROR: payload word 0 the ``Fault``, word 1 the request's address; every request that cannot be served gets one, flag or not, and has no
effect (a WRITE whose semaphore overflows has written its data).

Which requests are refused: golden.arch.refusal.

Wrong parity. Where that of the header is wrong, nobody knows whom to answer: the packet is dropped, and its credit returned. Where only
that of the payload is, the header stands. Then a request whose kind says something in its payload (``WITH_PAYLOAD``) is refused with ECC,
and a BOOT is dropped. READ_DATA and ERROR are to a node that asked an ERROR with address 0, and a host takes no such answer. All other
kinds need nothing of it, and do what they say. All are counted.

A response that nobody waits for, and anything on a response channel that is no response, is dropped: answers to answers would tie the
classes together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from golden.arch import bits
from golden.arch.bits import Layout
from golden.arch.memmap import LINE_BYTES, Fault

COORD_BITS = 5
CHANNELS = 4
CREDITS = 4
PAYLOAD_BITS = 512
PAYLOAD_PARITY_BITS = 8


class PortId(IntEnum):
    """Router ports; the bits of ``out`` in a control word are in this order."""

    NORTH = 0
    EAST = 1
    SOUTH = 2
    WEST = 3
    NODE = 4


class Kind(IntEnum):
    """What a packet asks or answers (5 bits)."""

    WRITE = 1
    READ = 2
    RAISE = 3
    START = 4
    DEBUG = 5
    BOOT = 6
    READ_DATA = 16
    ACK = 17
    ERROR = 18
    HALTED = 19
    STATUS = 20


WITH_PAYLOAD = (Kind.WRITE, Kind.START, Kind.DEBUG)
"""Requests that say something in their payload, and are refused where its parity is wrong. A BOOT does too, but behind a router it names
nobody to answer."""


class DebugOp(IntEnum):
    """Operations of a DEBUG packet on one thread."""

    HALT = 0  # stop before the next instruction; answers STATUS when the thread is still
    RESUME = 1  # answers STATUS at once, as do all that follow but STEP and INJECT
    STEP = 2  # one instruction, alone in the machine; answers STATUS when it is over
    BREAK_SET = 3  # breakpoint at byte address payload word 0 (one per thread)
    BREAK_CLEAR = 4
    INJECT = 5  # executes the operand's low 32 bits as an instruction of the halted thread, pc unchanged; answers STATUS when it is over
    JUMP = 6  # pc = payload word 0
    STATUS = 7
    FLUSH = 8  # empties the instruction cache: before a start, when the program in SRAM is another one


FLAG_RESPONSE, FLAG_FIXED, FLAG_MULTICAST = 1, 2, 4
# ``notify`` of a WRITE: the packet's ``sequence`` has its top bit set.
SEQUENCE_NOTIFY = 0x80

CONTROL = Layout.of(
    "packet",
    valid=CHANNELS,  # one-hot channel
    out=len(PortId),  # port of the receiving router, several of a multicast
    x=COORD_BITS,  # destination; of a multicast the rectangle's corner with the least x and y
    y=COORD_BITS,
    far_x=COORD_BITS,  # its corner with the greatest; equal to x, y of a packet to one place
    far_y=COORD_BITS,
)
HEADER = Layout.of(
    "packet",
    kind=5,
    source_x=COORD_BITS,
    source_y=COORD_BITS,
    address=35,
    length=6,
    tag=8,
    sequence=8,
    flags=3,
    parity=2,  # bit 0 over channel, destination and far corner; bit 1 over the other 75 bits of this header
)
CONTROL_BITS, HEADER_BITS = CONTROL.width, HEADER.width
BODY = Layout.of("packet", header=HEADER_BITS, payload=PAYLOAD_BITS, payload_parity=PAYLOAD_PARITY_BITS)
assert CONTROL_BITS == 29 and HEADER_BITS == 77, "the header is 106 bits"

_ROUTED, _SAID = ~CONTROL["out"].mask, ~HEADER["parity"].mask  # what the two parities of a header cover
_WORD = 2**64 - 1

Place = tuple[int, int]
"""Coordinates x, y of a node or an edge port."""


def parity(value: int) -> int:
    return value.bit_count() & 1


def header_parity(control: int, header: int) -> int:
    """The two parity bits of a control word and the rest of the header; ``out`` and the parity bits themselves do not count."""
    return parity(control & _ROUTED) | parity(header & _SAID) << 1


def payload_parity(payload: int) -> int:
    """One parity bit per 8 bytes, bit i for word i."""
    return sum((payload >> 64 * i & _WORD).bit_count() % 2 << i for i in range(PAYLOAD_PARITY_BITS))


def payload_of(words: Iterable[int]) -> int:
    """A payload whose first words are these, 64 bits each: higher bits of a word are cut off, so that it may be negative."""
    return sum((word & _WORD) << 64 * index for index, word in enumerate(words))


@dataclass(frozen=True)
class Packet:
    """A packet without its parities, which ``encode`` computes.

    Attributes
    ----------
    kind : a ``Kind``, or a number that is none.
    source : a place, as is the destination of a packet to one.
    destination : of a multicast, the rectangle's corner with the least x and y.
    channel : 2 * class + route.
    far : of a multicast, the corner with the greatest x and y; None: the destination.
    payload : 512 bits.
    outs : the receiving router's outputs: one, or several of a multicast.
    wrong_header : it came with wrong parity of its control word or header: nothing in it is certain.
    wrong_payload : it came with wrong parity of its payload.
    """

    kind: int
    destination: Place
    source: Place
    channel: int = 0
    address: int = 0
    length: int = 0
    tag: int = 0
    sequence: int = 0
    flags: int = 0
    payload: int = 0
    far: Place | None = None
    outs: frozenset[PortId] = frozenset({PortId.NODE})
    wrong_header: bool = False
    wrong_payload: bool = False

    @property
    def intact(self) -> bool:
        """Whether it came with right parities."""
        return not (self.wrong_header or self.wrong_payload)

    @property
    def data(self) -> bytes:
        """The payload's 64 bytes."""
        return self.payload.to_bytes(LINE_BYTES, "little")

    @property
    def responds(self) -> bool:
        """Whether the request asks for an answer that it would not get otherwise."""
        return bool(self.flags & FLAG_RESPONSE)

    @property
    def notifies(self) -> bool:
        """Whether a WRITE raises the semaphore of its tag."""
        return bool(self.sequence & SEQUENCE_NOTIFY)

    @property
    def multicast(self) -> bool:
        """Whether it goes to the nodes of a rectangle."""
        return self.far not in (None, self.destination)

    def covers(self, place: Place) -> bool:
        """Whether it is for the place: its destination, or one of its rectangle."""
        (x0, y0), (x1, y1) = self.destination, self.far or self.destination
        return x0 <= place[0] <= x1 and y0 <= place[1] <= y1

    def answer(self, kind: Kind, payload: int = 0) -> Packet:
        """What a node that the request reached says to its source: on the response channel of the same route, same tag and sequence."""
        return Packet(
            kind, self.source, self.destination, self.channel & 1 | 2, tag=self.tag, sequence=self.sequence, payload=payload
        )

    def error(self, cause: Fault) -> Packet:
        """The answer that refuses the request."""
        return self.answer(Kind.ERROR, payload_of((cause, self.address)))

    def encode(self) -> tuple[int, int]:
        """Control word and body; ValueError for a field that does not fit, a far corner before the other, or no output."""
        (x, y), (far_x, far_y) = self.destination, self.far or self.destination
        if far_x < x or far_y < y:
            raise ValueError(f"a multicast from {x},{y} to {far_x},{far_y}: the far corner has the greater x and y")
        if not self.outs or len(self.outs) > 1 and not self.multicast:
            raise ValueError(f"a packet to {x},{y} leaves its first router by {len(self.outs)} ports")
        valid = 1 << bits.encode(self.channel, 2, False, "packet field channel")
        control = CONTROL.pack({"valid": valid, "out": sum(1 << out for out in self.outs), "x": x, "y": y, "far_x": far_x, "far_y": far_y})
        header = HEADER.pack(
            {
                "kind": self.kind,
                "source_x": self.source[0],
                "source_y": self.source[1],
                "address": self.address,
                "length": self.length,
                "tag": self.tag,
                "sequence": self.sequence,
                "flags": self.flags,
            }
        )
        header |= header_parity(control, header) << HEADER["parity"].lo
        return control, BODY.pack({"header": header, "payload": self.payload, "payload_parity": payload_parity(self.payload)})

    @staticmethod
    def decode(control: int, body: int) -> Packet:
        """The inverse of ``encode``, with what the parities say.

        ValueError unless it is for exactly one channel, and for one output if it is for one place.
        """
        route, rest = CONTROL.unpack(control), BODY.unpack(body)
        header = HEADER.unpack(rest["header"])
        destination, far = (route["x"], route["y"]), (route["far_x"], route["far_y"])
        outs = frozenset(port for port in PortId if route["out"] >> port & 1)
        if route["valid"].bit_count() != 1 or not outs or len(outs) > 1 and far == destination:
            raise ValueError(f"a control word for channels {route['valid']:#06b} and outputs {route['out']:#07b}: each is one")
        source, wrong = (header.pop("source_x"), header.pop("source_y")), header.pop("parity") ^ header_parity(control, rest["header"])
        return Packet(
            destination=destination,
            source=source,
            channel=route["valid"].bit_length() - 1,
            payload=rest["payload"],
            far=None if far == destination else far,
            outs=outs,
            wrong_header=bool(wrong),
            wrong_payload=rest["payload_parity"] != payload_parity(rest["payload"]),
            **header,
        )


def pieces(address: int, image: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Bytes from an address on as WRITE packets carry them: (byte address, words, 64 bytes of payload) of each line they touch.

    ValueError unless address and size are multiples of 8: a packet writes whole words.
    """
    if address % 8 or len(image) % 8:
        raise ValueError(f"packets write words of 8 bytes, not {len(image)} bytes at {address:#x}")
    at = 0
    while at < len(image):
        offset = (address + at) % LINE_BYTES
        size = min(LINE_BYTES - offset, len(image) - at)
        yield address + at, size // 8, (bytes(offset) + image[at : at + size]).ljust(LINE_BYTES, b"\0")
        at += size

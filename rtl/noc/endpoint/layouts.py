"""What the parts of the endpoint say to each other."""

from amaranth.hdl import Cat, Const, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out

from golden.arch.memmap import ADDRESS_BITS, LINE_BITS, SEMAPHORE_BITS, Fault
from golden.arch.packet import COORD_BITS, PAYLOAD_BITS
from golden.arch.sram import LINE_WORDS
from rtl.noc.layouts import HEADER, PacketKind

RETURN = data.StructLayout(
    {"channel": 2, "x": COORD_BITS, "y": COORD_BITS, **{name: HEADER.members[name] for name in ("tag", "sequence")}}
)
"""Whom to answer: the answer's channel, the asker's coordinates, its tag and sequence."""
ANSWER = data.StructLayout({"to": RETURN, "kind": PacketKind, "payload": PAYLOAD_BITS})
"""An answer without the node's own coordinates."""
REPLY = data.StructLayout({"kind": PacketKind, "payload": PAYLOAD_BITS})
"""What a part says to the request that it serves."""
LOAD = data.StructLayout({"line": LINE_BITS, "word": 3, "strobe": LINE_WORDS, "to": RETURN})
"""A READ of SRAM: the words of `strobe` of a line, the first of which is `word`."""
STORE = data.StructLayout(
    {"line": LINE_BITS, "word": 3, "strobe": LINE_WORDS, "data": PAYLOAD_BITS, "to": RETURN, "respond": 1, "notify": 1}
)
"""A WRITE: the words of `strobe` of a line, the first of which is `word`; `notify` raises semaphore `to.tag`."""
EFFECT = data.StructLayout({"to": RETURN, "respond": 1, "raises": 1, "amount": SEMAPHORE_BITS, "address": ADDRESS_BITS})
"""What is left of a WRITE that is in SRAM, or a RAISE: raise semaphore `to.tag` by `amount` if it `raises`, then acknowledge if that was
asked. `address` is the request's, for an error answer."""

PortFree = wiring.Signature(
    {
        # The last request to one of the SRAM's two line ports has been taken, or is in this cycle. The next one, to either port, waits
        # for it on both, so that requests reach the SRAM in order.
        "free": Out(1),
    }
)


def return_address(packet) -> Value:
    """RETURN of a request: its source, on the response channel of the same route."""
    header = packet.header
    return Cat(packet.channel[0], Const(1, 1), header.source_x, header.source_y, header.tag, header.sequence)


def status_line(status) -> Value:
    """The words of a thread's status line."""
    words = (status.state, status.cause, status.pc, status.operand, status.retired, status.seq, status.debug)
    return Cat(Cat(word, Const(0, 64 - len(word))) if len(word) < 64 else word for word in words)


def busy(reply, address) -> list:
    """A reply that refuses what comes at the wrong moment."""
    return [reply.valid.eq(1), reply.payload.kind.eq(PacketKind.ERROR), reply.payload.payload.eq(refusal(Const(Fault.BUSY, 4), address))]


def refusal(cause, address) -> Value:
    """The payload of an ERROR: its cause and the address of the request."""
    cause = Value.cast(cause)
    return Cat(cause, Const(0, 64 - len(cause)), address)

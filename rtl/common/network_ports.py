"""What the core and the network interface say to each other: network instructions, and what became of them."""

from amaranth.hdl import unsigned
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import Out

from golden.arch.global_address import CAST
from golden.arch.isa import THREADS
from golden.arch.memmap import SEMAPHORE_BITS, WORD_ADDRESS_BITS
from rtl.common.shapes import struct


class NetOp(enum.IntEnum, shape=unsigned(3)):
    """What a network instruction does: the low bits of its opcode."""

    PUT = 0
    GET = 1
    RAISE = 2
    LIST = 3
    CAST = 4


COMMAND = data.StructLayout(
    {
        "op": NetOp,
        "thread": 2,
        # Its place in the thread's store queue, if it has one there.
        "slot": 2,
        "held": 1,
        # It is the last of a list.
        "last": 1,
        # PUT, CAST, GET: first word in this node's SRAM, how many of its line.
        "local": WORD_ADDRESS_BITS,
        "words": 4,
        # The far corner is that of a CAST.
        "remote": struct(CAST),
        # PUT: whether it is answered, and bound to the fixed channel.
        "ack": 1,
        "fixed": 1,
        # GET: the semaphore here that goes up, if one does. RAISE: the one there, and by how much. LIST: how many transfers.
        "raises": 1,
        "semaphore": 6,
        "amount": SEMAPHORE_BITS,
    }
)
"""A network instruction whose addresses are right, after all older stores of its thread."""
Commands = stream.Signature(COMMAND)

Handed = wiring.Signature(
    {
        # Interface -> store queues: the command of this thread and slot is a packet now; its words have been read. One cycle each.
        "valid": Out(1),
        "thread": Out(2),
        "slot": Out(2),
    }
)
NET_FAULT = data.StructLayout({"valid": 1, "thread": 2, "cause": 4, "operand": 64})
"""The thread stops where it has come to, unless it has stopped with a fault before; one cycle."""
FAULTS = 4
"""Places where the interface finds one: all may in one cycle."""
NetSteer = wiring.Signature(
    {
        # Interface -> threads. State: nothing that the thread asked for waits for its answer.
        "idle": Out(THREADS, init=(1 << THREADS) - 1),
        "fault": Out(data.ArrayLayout(NET_FAULT, FAULTS)),
    }
)

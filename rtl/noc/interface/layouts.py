"""What the parts of the network interface say to each other."""

from amaranth.hdl import Cat, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.isa import THREADS
from golden.arch.memmap import LINE_BITS
from golden.arch.sram import LINE_WORDS

POSTED, CONFIRMED = 0, 31
"""Where a sequence names no read: a request that is answered only if it is refused, and a write that is acknowledged."""
READS = 30
"""Reads under way, numbered from 1."""
READ = data.StructLayout({"thread": 2, "line": LINE_BITS, "strobe": LINE_WORDS, "turn": 3, "raises": 1, "semaphore": 6})
"""A read under way: its line here and which words of it, how far words are turned to their place, the semaphore that then goes up, if it
raises one."""
SEQUENCE = data.StructLayout({"thread": 2, "entry": 5, "notify": 1})
"""The sequence of a request: whose it is, and its number; answers bring it back."""

Opens = wiring.Signature(
    {
        # Packets -> Arrivals: a read is under way from the next cycle on, in the entry that is offered; a write waits for its ACK.
        "read": Out(1),
        "write": Out(1),
        "thread": Out(2),
        "what": Out(READ),
        # An entry is free, and its number; another write of this thread may wait.
        "free": In(1),
        "entry": In(5),
        "room": In(THREADS, init=(1 << THREADS) - 1),
    }
)


def strobe(first: Value, words: Value) -> Value:
    """The places of so many words of a line from the first one on."""
    return Cat((place >= first) & (place < first + words) for place in range(8))

"""What the endpoint and the core say to each other: status of threads, starts, debug commands, register writes, semaphores."""

from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import memmap

STATUS = data.StructLayout({"state": 3, "cause": 4, "pc": memmap.ADDRESS_BITS, "operand": 64, "retired": 48, "seq": 16, "debug": 1})
"""One thread as its status line shows it."""

Start = wiring.Signature(
    {
        # The thread starts at `pc`; one cycle.
        "valid": Out(1),
        "thread": Out(2),
        "pc": Out(memmap.ADDRESS_BITS - 2),
        # The thread is about to be started by a packet: to other threads it is busy already. Falls after the cycle of `valid`, or without
        # one when the thread turns out not to rest in the first cycle of `claim`.
        "claim": Out(1),
    }
)
# A debug command for a thread; valid for one cycle. One that does not fit the thread's state does nothing.
Debug = wiring.Signature({"valid": Out(1), "thread": Out(2), "op": Out(4), "value": Out(64)})
# Writes a register of a thread that rests; taken in a cycle with ready.
Poke = wiring.Signature({"valid": Out(1), "ready": In(1), "thread": Out(2), "index": Out(5), "value": Out(64)})
Raise = wiring.Signature(
    {
        # Adds `amount` to a semaphore; taken in a cycle with ready.
        "valid": Out(1),
        "ready": In(1),
        "semaphore": Out(6),
        "amount": Out(memmap.SEMAPHORE_BITS),
        # In the cycle in which it is taken: the sum does not fit, the semaphore keeps its value.
        "overflow": In(1),
    }
)

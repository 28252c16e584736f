"""What the endpoint and the core say to each other: status of threads, starts, debug commands, register writes, semaphores."""

from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import memmap
from golden.arch.isa import THREADS

STATUS = data.StructLayout({"state": 3, "cause": 4, "pc": memmap.ADDRESS_BITS, "operand": 64, "retired": 48, "seq": 16, "debug": 1})
"""One thread as its status line shows it."""

ThreadStatus = wiring.Signature(
    {
        # Core -> endpoint. State of every thread; who came to rest (halt, fault, debugger) in the previous cycle.
        "state": Out(data.ArrayLayout(STATUS, THREADS)),
        "stopped": Out(THREADS),
    }
)
COUNTER_BITS = 48
CounterLine = wiring.Signature(
    {
        # Endpoint -> core: a line of eight counters, and their values as they are two cycles later.
        "line": Out(range(memmap.COUNTER_LINES)),
        "values": In(data.ArrayLayout(COUNTER_BITS, 8)),
    }
)
Place = wiring.Signature(
    {
        # Endpoint -> core: own coordinates. State.
        "x": Out(5, init=1),
        "y": Out(5, init=1),
    }
)
Edges = wiring.Signature(
    {
        # Where the edge ports of the east and the south are: one past the last column and row; steady.
        "east": Out(5),
        "south": Out(5),
    }
)
Event = wiring.Signature({"valid": Out(1)})
"""Something happens, or happened in the previous cycle; high for one cycle each time."""
LinkEvents = wiring.Signature(
    {
        # Endpoint -> core: in the previous cycle a packet came, went, a start packet was accepted while no thread ran.
        "packet_in": Out(Event),
        "packet_out": Out(Event),
        "first_start": Out(Event),
        # So many packets had wrong parity.
        "parity_errors": Out(2),
    }
)
Activity = wiring.Signature(
    {
        # An instruction or a packet moved, for whoever waits for a machine that hangs; valid always.
        "busy": Out(1),
    }
)
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
        # In the cycle after the one in which it was taken: the sum did not fit, the semaphore kept its value. A flip-flop.
        "overflow": In(1),
    }
)

"""What the parts of a thread say to each other."""

from amaranth.hdl import unsigned
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import SEMAPHORE_BITS, ThreadState
from rtl.common.host_ports import STATUS
from rtl.core.interfaces import PC_BITS, FaultEvent


class Hold(enum.Enum, shape=unsigned(4)):
    """Why a thread dispatches nothing."""

    NONE = 0
    JUMP = 1  # a register's value: where to go
    LOOP = 2  # how often
    AMOUNT = 3  # how much to take from a semaphore
    SEMAPHORE = 4
    BARRIER = 5
    JOIN = 6
    DRAIN = 7  # everything begun is done; then `then`
    DEAD = 8  # a fault: the same, then FAULTED


class Found(data.Struct):
    """A fault: cause as ``golden.arch.memmap.Fault``."""

    valid: 1
    cause: 4
    operand: 64


Wait = data.StructLayout({"valid": 1, "semaphore": 6, "amount": SEMAPHORE_BITS})
Arrival = data.StructLayout({"valid": 1, "barrier": 3, "count": 3})

WaitPort = wiring.Signature(
    {
        # A thread -> semaphores: what it waits for, valid until granted, and not in the cycle after. The value was taken in the previous
        # cycle, whether the thread still waits or not; one cycle, a flip-flop.
        "wait": Out(Wait),
        "granted": In(1),
    }
)
ArrivalPort = wiring.Signature(
    {
        # A thread -> barriers: it has come and waits, valid until passed, and not in the cycle after; it goes on (one cycle, a flip-flop).
        "arrival": Out(Arrival),
        "passed": In(1),
    }
)
Overflow = wiring.Signature(
    {
        # Semaphores -> threads: the fault of a raise that does not fit; one cycle.
        "fault": Out(FaultEvent),
    }
)
Spawn = wiring.Signature(
    {
        # A thread -> starter. It would start thread ``thread`` at ``pc``, and does so in a cycle with ``go``; ``allowed`` is in turn.
        "wants": Out(1),
        "go": Out(1),
        "thread": Out(2),
        "pc": Out(PC_BITS),
        "allowed": In(1),
        # It runs or is halted. State.
        "alive": Out(1),
        # Threads that do, or are about to be started by a packet. State.
        "busy": In(4),
    }
)
Begin = wiring.Signature(
    {
        # Starter -> every part of a thread: it starts at ``pc``, and forgets everything but breakpoints; one cycle.
        "valid": Out(1),
        "pc": Out(PC_BITS),
    }
)
Stage = wiring.Signature(
    {
        # Course -> the other parts. State; a waiting instruction is over, and its word; one cycle.
        "state": Out(ThreadState),
        "hold": Out(Hold),
        "ends": Out(1),
        "word": Out(32),
        # It came to rest; one cycle.
        "stops": Out(1),
        # The course comes to a fault by itself; in the cycle before ``hold`` is DEAD.
        "found": Out(Found),
    }
)
Rested = wiring.Signature(
    {
        # All that the thread began is done. State.
        "empty": Out(1),
    }
)
Room = wiring.Signature(
    {
        # A group of any size fits the queues, and goes not too far ahead of other queues. State.
        "room": Out(1),
    }
)
Doom = wiring.Signature(
    {
        # Faults -> the other parts: a fault found late stops the thread, which goes back to ``pc`` if ``back``; one cycle.
        "late": Out(1),
        "back": Out(1),
        "pc": Out(PC_BITS),
        # What is queued is dropped; the cycle after a late fault.
        "kill": Out(1),
        # A dying thread comes to its end; one cycle.
        "dead": Out(1),
        # Of the last fault. State.
        "cause": Out(4),
        "operand": Out(64),
    }
)
Orders = wiring.Signature(
    {
        # Debugger -> course. State: the thread shall halt; its pc is at the breakpoint; one instruction at a time; one is injected.
        "halting": Out(1),
        "at_break": Out(1),
        "single": Out(1),
        "inject": Out(1),
        # One cycle each: it halts; goes on; takes ``word`` to be injected; goes to ``pc``; empties the instruction cache; an injected
        # instruction is done.
        "halts": Out(1),
        "resumes": Out(1),
        "takes": Out(1),
        "word": Out(32),
        "jumps": Out(1),
        "pc": Out(PC_BITS),
        "flush": Out(1),
        "done": Out(1),
    }
)
Shown = wiring.Signature(
    {
        # A thread -> the door of the region. State: what its status line shows; RUNNING; and that while a control instruction waits.
        "status": Out(STATUS),
        "running": Out(1),
        "waiting": Out(1),
        # What it has queued is dropped; a waiting instruction is over; it came to rest. One cycle each.
        "kill": Out(1),
        "ends": Out(1),
        "stops": Out(1),
    }
)

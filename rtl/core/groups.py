"""What threads and dispatch say to each other: the state of a thread towards dispatch, and the group of instructions that left.

``dispatch_threads`` threads a cycle dispatch: each was ``able``, its window was ``present``, its group comes back in the same cycle.
"""

from amaranth.hdl import unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.classes import Flow
from golden.arch.trace import SEQ_BITS
from rtl.core.interfaces import PC_BITS, ST_POS_BITS, VQ_POS_BITS

WINDOW_WORDS = 8
WINDOW_BITS = PC_BITS - 3
"""A window is 8 aligned instructions; its number is its byte address / 32."""
QUEUED_BITS = 8


class Where(data.Struct):
    """The next instruction, and the innermost loop's last one."""

    pc: PC_BITS
    looping: 1
    last: PC_BITS


class Counted(data.Struct):
    """The next instruction's number; positions given out and reached; parities of loads dispatched and complete;
    a control register is about to be written."""

    seq: SEQ_BITS
    vq_tail: VQ_POS_BITS
    st_tail: ST_POS_BITS
    vq_head: VQ_POS_BITS
    st_read: ST_POS_BITS
    parity: isa.VECTOR_REGISTERS
    loaded: isa.VECTOR_REGISTERS
    setting: 1


class Known(data.Struct):
    """Predicates, and those whose value is on its way."""

    true: 8
    pending: 8


class Debugged(data.Struct):
    """The debugger's wishes: one instruction only, ``word`` instead of the window's, a breakpoint."""

    single: 1
    inject: 1
    word: 32
    break_on: 1
    break_pc: PC_BITS


class Context(data.Struct):
    """What dispatch must know of a thread."""

    where: Where
    counted: Counted
    known: Known
    debugged: Debugged


class Group(data.Struct):
    """What left decode in a cycle, as its thread sees it."""

    valid: 1
    # The first slot's instruction left; how many did; whether it retires only when it is over.
    first: 1
    count: 4
    waits: 1
    # The youngest that left is the last one of the innermost loop.
    at_last: 1
    # What an instruction of control in the first slot does, its word, where it leads, what a predicate operation gives.
    flow: Flow
    word: 32
    target: PC_BITS
    logic: 1
    # The first slot's word is no instruction; of those: pc is outside SRAM, the word cannot be corrected.
    illegal: 1
    outside: 1
    lost: 1
    # The thread's state after the group.
    parity: isa.VECTOR_REGISTERS
    pending: 8
    vq_tail: VQ_POS_BITS
    st_tail: ST_POS_BITS
    # Control registers that the group writes.
    settings: range(9)


def told(shape: type) -> wiring.Signature:
    """An interface of one struct: state, valid in every cycle."""
    return wiring.Signature({"state": Out(shape)})


May = wiring.Signature(
    {
        # A group of any size can leave. State.
        "able": Out(1),
    }
)
Turn = wiring.Signature(
    {
        # A thread -> dispatch: whether it may dispatch, and what dispatch must know of it.
        "may": Out(May),
        # Instructions in its queues.
        "queued": Out(told(unsigned(QUEUED_BITS))),
        "where": Out(told(Where)),
        "counted": Out(told(Counted)),
        "known": Out(told(Known)),
        "debugged": Out(told(Debugged)),
    }
)
Dispatched = wiring.Signature(
    {
        # Dispatch -> a thread: its group of this cycle, meaningful when valid.
        "group": Out(Group),
    }
)
Supply = wiring.Signature(
    {
        # A thread -> fetch. State: it wants instructions; the window of its pc, and the window that will probably follow.
        "active": Out(1),
        "current": Out(WINDOW_BITS),
        "following": Out(WINDOW_BITS),
        # It empties the instruction cache; one cycle.
        "flush": Out(1),
        # Its current window is here. State.
        "present": In(1),
    }
)

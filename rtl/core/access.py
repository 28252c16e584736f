"""What the scalar unit and the memory unit say to each other: both work on an instruction in the same stages.

    I   issue: the scalar unit reads registers, the memory unit descriptors; a load's register is busy, a store has its entry
    X   execute, also called AG: results, addresses, steps of descriptors; the memory unit says what faults, the scalar unit what completes

A load or store that is cancelled in X still enters its queue: a vector load with no lane enabled, so that its register's busy
bit falls, a store with an empty range.
"""

from amaranth.hdl import Shape, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.memmap import WORD_ADDRESS_BITS
from rtl.common.network_ports import NetOp
from rtl.core.interfaces import THREAD_BITS, THREADS, ScalarEntry

ISSUE_SLOTS = 2
"""Instructions that may issue in a cycle."""


def net_op(q: ScalarEntry) -> Value:
    """What a network instruction does, as a NetOp."""
    return q.word[: Shape.cast(NetOp).width]


Issued = wiring.Signature(
    {
        # I: slots that issue, the second only with the first; their thread and their instructions.
        "go": Out(ISSUE_SLOTS),
        "thread": Out(THREAD_BITS),
        "slot": Out(ScalarEntry).array(ISSUE_SLOTS),
    }
)
Execute = data.StructLayout({"valid": 1, "q": ScalarEntry, "a": 64, "b": 64})
"""An instruction in X with its operands; the second may be its immediate. Flip-flops."""
AccessFault = data.StructLayout({"fault": 1, "cause": 4, "operand": 64})
"""An instruction faults, if it is not cancelled. The operand of one with lanes outside SRAM comes a cycle later."""

LoadTag = data.StructLayout({"thread": THREAD_BITS, "index": 5, "offset": 3, "size": 2, "signed": 1})
"""Of a scalar load: the register that it writes, and the bytes of the word that it wants."""

Accesses = wiring.Signature(
    {
        "issued": Out(Issued),
        # I: the register that a scalar store in the slot writes.
        "source": Out(64).array(ISSUE_SLOTS),
        # X: the thread, the slots, and the byte address of a scalar access.
        "thread": Out(THREAD_BITS),
        "slot": Out(Execute).array(ISSUE_SLOTS),
        "address": Out(64).array(ISSUE_SLOTS),
        # X: slots whose instruction faults, and those whose instruction completes; both of those that are not cancelled.
        "faulty": Out(ISSUE_SLOTS),
        "done": Out(ISSUE_SLOTS),
        # X: what the memory unit finds wrong, the half of a descriptor that a getd reads, the base to which a descriptor moves.
        "fault": In(AccessFault).array(ISSUE_SLOTS),
        "image": In(64).array(ISSUE_SLOTS),
        "moved": In(WORD_ADDRESS_BITS).array(ISSUE_SLOTS),
        # The cycle after a fault: the first byte outside SRAM of a vector access or a drain.
        "outside": In(64),
    }
)
"""scalar -> memory, and what it answers in the same cycle."""

Room = wiring.Signature(
    {
        # memory -> scalar: one, two vector loads, a scalar load that issue in this cycle will fit. Flip-flops, or a gate behind them.
        "one_load": Out(1),
        "two_loads": Out(1),
        "scalar_load": Out(1),
        # Threads whose store queue takes one more.
        "store": Out(THREADS),
        # Descriptors that no setd may set yet.
        "worn": Out(data.ArrayLayout(isa.DESCRIPTORS, THREADS)),
    }
)

"""What the parts of the vector unit say to each other."""

from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.isa import VECTOR_REGISTERS
from golden.arch.sram import LANES
from rtl.core.interfaces import THREAD_BITS, THREADS, Register, VectorEntry

Heads = wiring.Signature(
    {
        # queue -> issue, state: an instruction is at the head, and it.
        "valid": Out(THREADS),
        "entry": Out(data.ArrayLayout(VectorEntry, THREADS)),
    }
)
Take = wiring.Signature(
    {
        # issue -> queue: threads whose head issues.
        "threads": Out(THREADS),
    }
)
Issued = wiring.Signature(
    {
        # issue -> SIMD path, matrix path: an operation issues, its thread and itself.
        "go": Out(1),
        "thread": Out(THREAD_BITS),
        "entry": Out(VectorEntry),
    }
)
LoadState = wiring.Signature(
    {
        # load tracker -> issue, state: registers with a load under way, and parity of completed loads.
        "busy": Out(data.ArrayLayout(VECTOR_REGISTERS, THREADS)),
        "parity": Out(data.ArrayLayout(VECTOR_REGISTERS, THREADS)),
    }
)
SimdState = wiring.Signature(
    {
        # SIMD path -> issue, state: registers that wait for a result.
        "pending": Out(data.ArrayLayout(VECTOR_REGISTERS, THREADS)),
    }
)
SimdResult = wiring.Signature(
    {
        # SIMD path -> registers: a register is written in this cycle.
        "valid": Out(1),
        "to": Out(Register),
        "data": Out(data.ArrayLayout(64, LANES)),
    }
)


def reads(count: int) -> wiring.Signature:
    """SIMD path, matrix path -> registers: addresses in this cycle, in the next what they name."""
    return wiring.Signature({"address": Out(data.ArrayLayout(Register, count)), "value": In(data.ArrayLayout(512, count))})


def addressed(issued: wiring.PureInterface, port: wiring.PureInterface, fields: tuple[int, ...]) -> list:
    """Statements that address the registers which fields of an issuing instruction name."""
    return [
        statement
        for address, field in zip(port.address, fields, strict=True)
        for statement in (address.thread.eq(issued.thread), address.reg.eq(issued.entry.word[field : field + 5]))
    ]

"""The ports of the front end: what it sends to the queues, and what steers it."""

from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.config import NodeConfig
from rtl.common.host_ports import STATUS, Debug, Raise, Start
from rtl.core.interfaces import (
    PC_BITS,
    ST_POS_BITS,
    THREAD_BITS,
    THREADS,
    VQ_POS_BITS,
    FaultEvent,
    Operand,
    PredicateWrite,
    ScalarHead,
    ScalarPush,
    VectorHead,
    VectorPush,
)
from rtl.core.trace import TraceDispatch
from rtl.mem import ports


def front_ports(config: NodeConfig, trace: bool) -> dict:
    """Members of ``FrontEnd``."""
    width = config.dispatch_width
    members = {
        # To the scalar and vector queues: instructions of one thread, oldest first.
        "scalar_out": Out(data.ArrayLayout(ScalarPush, width)),
        "vector_out": Out(data.ArrayLayout(VectorPush, width)),
        "thread_out": Out(THREAD_BITS),
        # Free places, oldest entries, positions: state of the units.
        "scalar_free": In(data.ArrayLayout(range(config.scalar_queue + 1), THREADS)),
        "vector_free": In(data.ArrayLayout(range(config.vector_queue + 1), THREADS)),
        "scalar_head": In(data.ArrayLayout(ScalarHead, THREADS)),
        "vector_head": In(data.ArrayLayout(VectorHead, THREADS)),
        "vq_head": In(data.ArrayLayout(VQ_POS_BITS, THREADS)),
        "st_read": In(data.ArrayLayout(ST_POS_BITS, THREADS)),
        "load_parity": In(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS)),
        # Results that steer; one cycle each.
        "predicate_in": In(data.ArrayLayout(PredicateWrite, 3)),
        "operand_in": In(Operand),
        # An instruction's own fault, found late; and words that the SRAM lost, by thread, which no instruction answers for.
        "fault_in": In(FaultEvent),
        "lost": In(ports.Uncorrectable),
        # Threads of which a unit holds nothing. An instruction shows in one of them from at most 8 cycles after its dispatch until it is
        # done: when it moves from a unit to the next, the one shows it before the other has ceased to.
        "scalar_idle": In(THREADS),
        "vector_idle": In(THREADS),
        "store_idle": In(THREADS),
        # Threads that drop what they have queued; a pulse.
        "kill": Out(THREADS),
        # Semaphores: raises of the store unit (with the raiser's thread and pc, for an overflow) and of packets.
        "raise_in": In(Raise),
        "raise_thread": In(THREAD_BITS),
        "raise_pc": In(PC_BITS),
        "net_raise_in": In(Raise),
        # From and to the endpoint.
        "start": In(Start),
        "debug": In(Debug),
        "status": Out(data.ArrayLayout(STATUS, THREADS)),
        "stopped": Out(THREADS),
        # Threads that started in the previous cycle, a pulse.
        "starts": Out(THREADS),
        "fill": Out(ports.Fill),
        # Events and states for the counters.
        "retired_front": Out(range(width + 1)),
        "dispatched": Out(1),
        "redirect": Out(1),
        "fetch_miss": Out(1),
        "running": Out(THREADS),
        "waiting": Out(THREADS),
    }
    if trace:
        # Instructions in program order: a group's, then waiting ones of each thread as they end.
        members["trace_out"] = Out(data.ArrayLayout(TraceDispatch, width + THREADS))
    return members

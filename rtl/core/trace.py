"""What a core that is built with its trace says of every instruction (golden.retire joins it): records, by kind."""

import enum

from amaranth.hdl import ShapeLike
from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out

from golden.arch.config import NodeConfig
from golden.arch.trace import SEQ_BITS
from rtl.core.interfaces import PC_BITS, THREAD_BITS, THREADS, StoreKind


def records(shape: ShapeLike, count: int = 1) -> wiring.Signature:
    """A speaker of the trace: ``count`` records of a kind, each told in the cycle in which it is valid."""
    return wiring.Signature({"record": Out(shape).array(count)})


class TraceDispatch(data.Struct):
    """An instruction left decode in program order."""

    valid: 1
    thread: THREAD_BITS
    seq: SEQ_BITS
    pc: PC_BITS
    word: 32
    executed: 1  # predicate true
    result: 1  # of predicate logic, which ends in decode


class TraceScalar(data.Struct):
    """A scalar or descriptor result (kind 0 x, 1 p, 2 d, 3 x by a load)."""

    valid: 1
    thread: THREAD_BITS
    seq: SEQ_BITS
    kind: 2
    index: 5
    value: 64


class TraceVector(data.Struct):
    """A SIMD result: register, or predicate when ``is_predicate`` (bit 0 of data)."""

    valid: 1
    thread: THREAD_BITS
    seq: SEQ_BITS
    index: 5
    is_predicate: 1
    data: 512


class TraceMatrix(data.Struct):
    """Digest of an accumulator after a step or a load into it."""

    valid: 1
    thread: THREAD_BITS
    seq: SEQ_BITS
    index: 3
    digest: 64


class TraceLoad(data.Struct):
    """A vector load issued: its lanes' returns follow on the load ports."""

    valid: 1
    thread: THREAD_BITS
    seq: SEQ_BITS
    reg: 5


class TraceStore(data.Struct):
    """One beat handed to the SRAM (or a raise): the bytes it writes."""

    valid: 1
    thread: THREAD_BITS
    seq: SEQ_BITS
    kind: StoreKind
    addr: data.ArrayLayout(18, 8)
    strobe: 64
    data: 512


class TraceLane(data.Struct):
    """A lane of a vector load returned."""

    valid: 1
    thread: THREAD_BITS
    reg: 5
    data: 64


class TraceNetwork(data.Struct):
    """Something happened between this node and others: a list or one of its transfers was accepted, a semaphore rose for a packet."""

    valid: 1
    # Of LIST and TRANSFER the thread, of RAISED the semaphore.
    number: 6


class NetworkEvent(enum.IntEnum):
    """Records of a networked node by number."""

    # The transfer engine takes an `rlist`; it has read one of its transfers.
    LIST = 0
    TRANSFER = 1
    # Another node's or the host's packet raises a semaphore, which shows from the next cycle on.
    RAISED = 2


def node_trace(config: NodeConfig) -> wiring.Signature:
    """All records of a node in a cycle: its core's, and what happens on its network interface if it has one."""
    network = {"network": Out(records(TraceNetwork, len(NetworkEvent)))} if config.networked else {}
    return wiring.Signature({**trace_signature(config).members, **network})


def trace_signature(config: NodeConfig) -> wiring.Signature:
    """All records of a core in a cycle, in the order in which golden.retire.Collector takes them."""
    return wiring.Signature(
        {
            # Instructions of each group; waiting instructions of each thread as they end.
            "dispatch": Out(records(TraceDispatch, config.dispatch_threads * config.dispatch_width)),
            "ended": Out(records(TraceDispatch, THREADS)),
            "scalar": Out(records(TraceScalar, 3)),
            "vector": Out(records(TraceVector)),
            "matrix": Out(records(TraceMatrix)),
            "load": Out(records(TraceLoad, 2)),
            "lane": Out(records(TraceLane, 16)),
            "store": Out(records(TraceStore, 3)),
        }
    )

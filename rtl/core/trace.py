"""What a core that is built with its trace says of every instruction (golden.retire joins it): records, by kind."""

from amaranth.hdl import ShapeLike
from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out

from golden.arch import trace
from golden.arch.config import NodeConfig
from golden.arch.isa import THREADS
from golden.arch.trace import LANES, NetworkEvent, Slot
from rtl.common.shapes import struct

TraceDispatch, TraceIssue, TraceScalar = struct(trace.DISPATCH), struct(trace.ISSUE), struct(trace.SCALAR)
TraceVector, TraceMatrix, TraceNetwork = struct(trace.VECTOR), struct(trace.MATRIX), struct(trace.NETWORK)
TraceLoad, TraceLane, TraceStore = struct(trace.LOAD), struct(trace.LANE), struct(trace.STORE)
TraceCycle, ScalarHeads, VectorHeads = struct(trace.CYCLE), struct(trace.CYCLE["scalar"].parts), struct(trace.CYCLE["vector"].parts)
FrontThreads = data.StructLayout({"present": THREADS, "able": THREADS})
"""Threads whose instructions are in the window of the cache; that may dispatch."""


def records(shape: ShapeLike, count: int = 1) -> wiring.Signature:
    """A speaker of the trace: ``count`` records of a kind, each told in the cycle in which it is valid."""
    return wiring.Signature({"record": Out(shape).array(count)})


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
            "issue": Out(records(TraceIssue, len(Slot))),
            "scalar": Out(records(TraceScalar, 3)),
            "vector": Out(records(TraceVector)),
            "matrix": Out(records(TraceMatrix)),
            "load": Out(records(TraceLoad, 2)),
            "lane": Out(records(TraceLane, 2 * LANES)),
            "store": Out(records(TraceStore, 3)),
            "cycle": Out(records(TraceCycle)),
        }
    )

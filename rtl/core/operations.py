"""What the vector and memory units ask of the matrix unit, and how many cycles each takes."""

from amaranth.hdl import Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.formats import BIAS_BITS
from rtl.core.decoded import DrainFormat, LoadKind
from rtl.core.interfaces import THREAD_BITS
from rtl.fp.operand import OperandMode

STEP_TO_DRAIN = 9
"""Least cycles from a matrix operation in its decode stage to the request of a drained beat that sees it."""
DRAIN_TO_STEP = 4
"""Most cycles by which an operation may be in decode before the request of a beat that must not see it."""
DRAIN_LATENCY = 7
"""Cycles from the request of a beat to the beat."""
NARROW_LATENCY = 11
"""The same of a beat that is converted to a narrow format, or to BF16 stochastically."""
DRAIN_LEAD = 2
"""Cycles from a look at ``acc_busy`` of vector_progress to the request of a drain's first beat."""
DIGEST_LATENCY = 9
"""Cycles from an operation in decode to the digest of its accumulator, in a core built with its trace."""


StepRequest = data.StructLayout(
    {
        "valid": 1,
        # Take the accumulator as +0.
        "first": 1,
        "thread": THREAD_BITS,
        "acc": 3,
        "a": OperandMode,
        "b": OperandMode,
    }
)
LoadRequest = data.StructLayout(
    {
        "valid": 1,
        "thread": THREAD_BITS,
        "acc": 3,
        "kind": LoadKind,
        # QUARTER: 0..3; ROW: half of the register, 0..1; RAW: row, 0..7.
        "index": 3,
    }
)
DrainRequest = data.StructLayout(
    {
        "valid": 1,
        "thread": THREAD_BITS,
        "acc": 3,
        # FP32: 0..3; RAW: 0..7; others: 0..1.
        "beat": 3,
        "format": DrainFormat,
        # Not of RAW: elements with their sign set become +0, NaN stays.
        "relu": 1,
        # Bias of the result, where its format has none of its own.
        "bias": BIAS_BITS,
        # To a format of less than four bytes: rounded with the random words of seed and counter; element n of the tile numbered so takes
        # lane n mod 16 of counter + 4 * tile + n div 16.
        "stochastic": 1,
        "seed": 64,
        "counter": 64,
        "tile": 3,
        # Elements that are stored: of these rows of the beat and these columns of the tile. The others raise no flags.
        "rows": 4,
        "columns": 8,
        # Comes back with the data.
        "tag": 8,
    }
)
DrainReply = data.StructLayout({"valid": 1, "tag": 8})
Digest = data.StructLayout({"valid": 1, "thread": THREAD_BITS, "acc": 3, "digest": 64})
"""An accumulator's digest: the sum of (2l + 1) * raw_l modulo 2^64 over the elements l = 8 * row + column."""


def converted(drain: data.View) -> Value:
    """Whether a drain's beat goes through the converters to narrow formats."""
    plain = Value.cast(drain.format).matches(*(kind.value for kind in (DrainFormat.FP32, DrainFormat.BF16, DrainFormat.RAW)))
    return ~plain | ((drain.format == DrainFormat.BF16) & drain.stochastic)


def matrix_operations(trace: bool) -> wiring.Signature:
    """vector -> matrix: what enters the decode stage in this cycle, a step or a load."""
    members = {
        # A step, with its two registers; a load, with its register. Never both.
        "step": Out(StepRequest),
        "step_a": Out(512),
        "step_b": Out(512),
        "load": Out(LoadRequest),
        "load_data": Out(512),
    }
    if trace:
        # DIGEST_LATENCY cycles after each.
        members["ended"] = In(Digest)
    return wiring.Signature(members)


Drains = wiring.Signature(
    {
        # memory -> matrix: a beat to drain; the accumulators are read in this cycle.
        "request": Out(DrainRequest),
        # The beat, DRAIN_LATENCY cycles later.
        "reply": In(DrainReply),
        "data": In(512),
        # A beat that is converted, NARROW_LATENCY cycles later.
        "narrow_reply": In(DrainReply),
        "narrow_data": In(512),
    }
)

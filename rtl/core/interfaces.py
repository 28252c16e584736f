r"""What passes between the parts of the core: one struct per cut of the pipeline.

::

    fetch -> dispatch -> scalar queues -> issue -> ALU / address units -> load queues -> SRAM -> vector and scalar registers
                     \-> vector queues -> issue -> SIMD pipe, matrix pipe
                                           store queues (fed by address units) -> SRAM

Positions order a thread's instructions across its queues. ``vq`` positions count vector-queue dispatches, ``st`` positions count
stores (everything that enters the store queue), both per thread and modulo a power of two. A *tag* copied at dispatch says what an
instruction waits for: it can name only older instructions, so waiting cannot close a cycle.
"""

from amaranth.hdl import unsigned
from amaranth.lib import data, enum

from golden.arch import isa
from golden.arch.encoding import Unit as ArchUnit
from golden.arch.memmap import ADDRESS_BITS
from golden.arch.trace import SEQ_BITS

THREAD_BITS = 2
THREADS = isa.THREADS
PC_BITS = ADDRESS_BITS - 2  # program counters are word addresses
VQ_POS_BITS = 7
ST_POS_BITS = 5
NAMES = isa.VECTOR_REGISTERS + isa.ACCUMULATORS  # hazard names: vector register r is r, accumulator c is 32 + c


class Unit(enum.Enum, shape=unsigned(4)):
    """``golden.arch.encoding.Unit`` with its width."""

    FRONT = ArchUnit.FRONT.value
    ALU = ArchUnit.ALU.value
    SLOAD = ArchUnit.SLOAD.value
    SSTORE = ArchUnit.SSTORE.value
    DESC = ArchUnit.DESC.value
    VLOAD = ArchUnit.VLOAD.value
    VSTORE = ArchUnit.VSTORE.value
    DRAIN = ArchUnit.DRAIN.value
    SYNC = ArchUnit.SYNC.value
    SIMD = ArchUnit.SIMD.value
    MATRIX = ArchUnit.MATRIX.value
    NET = ArchUnit.NET.value


class VqWait(data.Struct):
    """Wait until the vector queue has issued position ``pos``; nothing to wait for when ``wait`` is 0."""

    wait: 1
    pos: VQ_POS_BITS


class StWait(data.Struct):
    """Wait until the store queue has read the data of store position ``pos``."""

    wait: 1
    pos: ST_POS_BITS


class ScalarEntry(data.Struct):
    """An instruction in a scalar queue."""

    seq: SEQ_BITS
    pc: PC_BITS
    word: 32
    unit: Unit
    vq: VqWait  # VLOAD: last toucher of its destination; VSTORE, DRAIN: last toucher of its source
    st: StWait  # VLOAD: last store that reads its destination
    parity: 1  # VLOAD: parity of completed loads of its register before this one; VSTORE: parity its source must have
    vq_mark: VQ_POS_BITS  # vector-queue tail at dispatch: bounds how far the vector queue may run ahead


class VectorEntry(data.Struct):
    """An instruction in a vector queue."""

    seq: SEQ_BITS
    word: 32
    unit: Unit  # SIMD or MATRIX
    parity_a: 1  # parity of completed loads that each source, and the destination, must have
    parity_b: 1
    parity_c: 1
    parity_d: 1
    st: StWait  # last store that reads the destination (register or accumulator)
    st_mark: ST_POS_BITS  # store tail at dispatch: bounds how far stores may run ahead


VectorPush = data.StructLayout({"valid": 1, "entry": VectorEntry})
"""An instruction that enters a vector queue in this cycle."""
VectorHead = data.StructLayout({"valid": 1, "st_mark": ST_POS_BITS})
"""The oldest instruction of a vector queue: its ``VectorEntry.st_mark``."""


class PredicateWrite(data.Struct):
    """A predicate computed in the back end; the front end's pending bit falls with it."""

    valid: 1
    thread: THREAD_BITS
    index: 3
    value: 1


class Operand(data.Struct):
    """A scalar register's value for a control instruction that holds its thread's front end (jr, callr, loop, waitr)."""

    valid: 1
    thread: THREAD_BITS
    value: 64


class FaultEvent(data.Struct):
    """A thread stops: cause as ``golden.arch.memmap.Fault``."""

    valid: 1
    thread: THREAD_BITS
    cause: 4
    pc: PC_BITS
    operand: 64


class LoadIssue(data.Struct):
    """A vector load leaves the address unit for its load queue: lanes in word addresses, bytes to keep."""

    thread: THREAD_BITS
    reg: 5
    enable: 8
    addr: data.ArrayLayout(18, 8)
    keep: 64
    low: 18  # lowest and highest word touched, for the overlap check with older stores
    high: 18
    older: 4  # slots of the thread's store queue that were occupied when it issued


class StoreKind(enum.Enum, shape=unsigned(2)):
    """What a store-queue entry does."""

    VECTOR = 0
    DRAIN = 1
    SCALAR = 2
    RAISE = 3


class StoreIssue(data.Struct):
    """What scalar issue puts into a store queue, in the cycle of issue; its address follows one cycle later as ``StoreAddress``."""

    kind: StoreKind
    seq: SEQ_BITS
    source: 5  # vector register, accumulator, or semaphore bits 4..0
    vq: VqWait
    parity: 1
    loads: 32  # vector registers of the thread whose loads are under way
    scalar_loads: 32  # scalar registers likewise
    drain_format: 2  # DRAIN: 0 FP32, 1 BF16, 2 RAW
    relu: 1
    value: 64  # SCALAR: the data, shifted to its bytes; RAISE: pc << 32 | semaphore << 16 | amount


class StoreAddress(data.Struct):
    """Where a store goes. Lane l of a beat writes word ``base`` + l0 * t0 + l1 * t1 + l2 * t2 (l0..l2 the bits of l)."""

    base: 18
    t0: 18
    t1: 18
    t2: 18
    enable: 8  # VECTOR, SCALAR (bit 0): lanes that write
    strobe: 64  # VECTOR, SCALAR (bits 7..0): bytes that are written
    row_mask: 8  # DRAIN: rows of the tile inside the extents
    column_mask: 8  # DRAIN: columns inside
    row_pitch: 18
    low: 18  # lowest and highest word touched
    high: 18
    stream: 12  # equal for two vector stores or drains whose equal words always lie in equal lanes


class StoreSlots(data.Struct):
    """What a thread's store queue holds, straight from flip-flops: the word ranges that its younger loads must not cross."""

    occupied: 4  # slots from the cycle after store_issue until the entry is written
    addr_valid: 4  # slots whose range is known; a cancelled entry is valid with low > high
    low: data.ArrayLayout(18, 4)
    high: data.ArrayLayout(18, 4)


class LoadBegin(data.Struct):
    """A vector load issues: its register is busy from the next cycle on. With ``load_begin.valid`` a return will come for every lane,
    also when the load faults (then the lanes read zero)."""

    valid: 1
    thread: THREAD_BITS
    reg: 5
    seq: SEQ_BITS


# --- trace (only when the core is built with it) -------------------------------------------------------------------------------


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

r"""What the regions of the core say to each other: a struct per cut of the pipeline, and a signature per interface.

An interface has one speaker and any number of listeners; ``wiring.connect`` joins them in rtl/core/core.py. Signatures are written from
the speaker's side.

::

    fetch -> dispatch -> scalar queues -> issue -> ALU / address units -> load queues -> SRAM -> vector and scalar registers
                     \-> vector queues -> issue -> SIMD pipe, matrix pipe
                                           store queues (fed by address units) -> SRAM

Positions order a thread's instructions across its queues. ``vq`` positions count vector-queue dispatches, ``st`` positions count
stores (everything that enters the store queue), both per thread and modulo a power of two. A *tag* copied at dispatch says what an
instruction waits for: it can name only older instructions, so waiting cannot close a cycle.
"""

from amaranth.hdl import unsigned
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.config import NodeConfig
from golden.arch.formats import BIAS_BITS
from golden.arch.memmap import ADDRESS_BITS, CSR_BITS, FP_MODE, WORD_ADDRESS_BITS, Csr
from golden.arch.tags import ST_POS_BITS, VQ_POS_BITS
from golden.arch.trace import SEQ_BITS
from rtl.common.host_ports import Raise
from rtl.core.decoded import Names, ScalarRow, VectorRow

THREAD_BITS = 2
THREADS = isa.THREADS
PC_BITS = ADDRESS_BITS - 2  # program counters are word addresses
FpMode = data.StructLayout({field.name: field.width for field in FP_MODE})
"""The fields of the control register FP_MODE, without what lies between them."""
NAMES = isa.VECTOR_REGISTERS + isa.ACCUMULATORS  # hazard names: vector register r is r, accumulator c is 32 + c


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
    row: ScalarRow
    names: Names
    vq: VqWait  # VLOAD: last toucher of its destination; VSTORE, DRAIN: last toucher of its source
    st: StWait  # VLOAD: last store that reads its destination
    parity: 1  # VLOAD: parity of completed loads of its register before this one; VSTORE: parity its source must have
    vq_mark: VQ_POS_BITS  # vector-queue tail at dispatch: bounds how far the vector queue may run ahead


class VectorEntry(data.Struct):
    """An instruction in a vector queue."""

    seq: SEQ_BITS
    word: 32
    row: VectorRow
    parity_a: 1  # parity of completed loads that each source, and the destination, must have
    parity_b: 1
    parity_c: 1
    parity_d: 1
    st: StWait  # last store that reads the destination (register or accumulator)
    st_mark: ST_POS_BITS  # store tail at dispatch: bounds how far stores may run ahead
    mode: FpMode  # of the thread at dispatch


ScalarPush = data.StructLayout({"valid": 1, "entry": ScalarEntry})
"""An instruction that enters a scalar queue in this cycle."""
ScalarHead = data.StructLayout({"valid": 1, "vq_mark": VQ_POS_BITS})
"""The oldest instruction of a scalar queue: its ``ScalarEntry.vq_mark``."""
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


SettingWrite = data.StructLayout({"valid": 1, "thread": THREAD_BITS})
"""A csrw of a thread is done."""


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
    addr: data.ArrayLayout(WORD_ADDRESS_BITS, 8)
    keep: 64
    low: WORD_ADDRESS_BITS  # lowest and highest word touched, for the overlap check with older stores
    high: WORD_ADDRESS_BITS
    older: 4  # slots of the thread's store queue that were occupied when it issued


class StoreKind(enum.Enum, shape=unsigned(3)):
    """What a store-queue entry does."""

    VECTOR = 0
    DRAIN = 1
    SCALAR = 2
    RAISE = 3
    NET = 4  # a network instruction


class StoreIssue(data.Struct):
    """What scalar issue puts into a store queue, in the cycle of issue; its address follows one cycle later as ``StoreAddress``."""

    kind: StoreKind
    seq: SEQ_BITS
    source: 5  # vector register, accumulator, or semaphore bits 4..0
    vq: VqWait
    parity: 1
    loads: 32  # vector registers of the thread whose loads are under way
    scalar_loads: 32  # scalar registers likewise
    drain_format: 3  # DRAIN: a DrainFormat
    stochastic: 1
    relu: 1
    tile: 3
    value: 64  # SCALAR: the data, shifted to its bytes; RAISE: pc << 32 | semaphore << 16 | amount; NET: the word


class StoreAddress(data.Struct):
    """Where a store goes. Lane l of a beat writes word ``base`` + l0 * t0 + l1 * t1 + l2 * t2 (l0..l2 the bits of l).

    Of a NET entry ``base`` is the first local word, or the amount of a raise, ``strobe`` the global address; the range is what it reads.
    """

    base: WORD_ADDRESS_BITS
    t0: WORD_ADDRESS_BITS
    t1: WORD_ADDRESS_BITS
    t2: WORD_ADDRESS_BITS
    enable: 8  # VECTOR, SCALAR (bit 0): lanes that write
    strobe: 64  # VECTOR, SCALAR (bits 7..0): bytes that are written
    row_mask: 8  # DRAIN: rows of the tile inside the extents
    column_mask: 8  # DRAIN: columns inside
    row_pitch: WORD_ADDRESS_BITS
    bias: BIAS_BITS  # DRAIN: of the result; the counter of random words is ``strobe``, their seed
    seed: 64
    low: WORD_ADDRESS_BITS  # lowest and highest word touched
    high: WORD_ADDRESS_BITS
    stream: 12  # equal for two vector stores or drains whose equal words always lie in equal lanes


STORE_SLOTS = 4
"""Entries of a thread's store queue."""
NOWHERE_LOW, NOWHERE_HIGH = (1 << WORD_ADDRESS_BITS) - 1, 0
"""A range of words that overlaps nothing."""


class StoreSlots(data.Struct):
    """What a thread's store queue holds, straight from flip-flops: the word ranges that its younger loads must not cross."""

    occupied: 4  # slots from the cycle after store_issue until the entry is written
    addr_valid: 4  # slots whose range is known; a cancelled entry is valid with low > high
    low: data.ArrayLayout(WORD_ADDRESS_BITS, 4)
    high: data.ArrayLayout(WORD_ADDRESS_BITS, 4)


class LoadBegin(data.Struct):
    """A vector load issues: its register is busy from the next cycle on. With ``load_begin.valid`` a return will come for every lane,
    also when the load faults (then the lanes read zero)."""

    valid: 1
    thread: THREAD_BITS
    reg: 5
    seq: SEQ_BITS


Register = data.StructLayout({"reg": 5, "thread": THREAD_BITS})
"""A vector register of a thread."""
StoreIssuePort = data.StructLayout({"valid": 1, "thread": THREAD_BITS, "store": StoreIssue})
StoreAddressPort = data.StructLayout({"valid": 1, "thread": THREAD_BITS, "cancel": 1, "store": StoreAddress})

# --- interfaces: dispatch to the queues ---------------------------------------------------------------------------------------
#
# A port of each for every group that dispatch sends in a cycle. Groups with a ``valid`` place are of different threads.


def scalar_pushes(config: NodeConfig) -> wiring.Signature:
    """front -> scalar: instructions of one thread in a cycle, oldest first; places without ``valid`` are skipped. There is room."""
    return wiring.Signature({"slot": Out(data.ArrayLayout(ScalarPush, config.dispatch_width)), "thread": Out(THREAD_BITS)})


def vector_pushes(config: NodeConfig) -> wiring.Signature:
    """front -> vector: the same, in the same cycle and of the same thread, for the vector queues."""
    return wiring.Signature({"slot": Out(data.ArrayLayout(VectorPush, config.dispatch_width)), "thread": Out(THREAD_BITS)})


# --- interfaces: progress of the queues -----------------------------------------------------------------------------------------
#
# State, per thread, valid in every cycle. ``idle``: the unit holds nothing of the thread. An instruction shows in one of the units from at
# most 8 cycles after its dispatch until it is done: when it moves from a unit to the next, the one shows it before the other has ceased to.


def scalar_progress(config: NodeConfig) -> wiring.Signature:
    """scalar -> threads, memory."""
    return wiring.Signature(
        {
            # Places free at the start of the cycle: what is pushed or taken in it does not count yet.
            "free": Out(data.ArrayLayout(range(config.scalar_queue + 1), THREADS)),
            # The oldest instruction, as long as it has not issued.
            "head": Out(data.ArrayLayout(ScalarHead, THREADS)),
            # Scalar registers whose value is under way; a store's ``scalar_loads`` fall with these.
            "busy": Out(data.ArrayLayout(isa.SCALAR_REGISTERS, THREADS)),
            # Nothing is queued, executing or under way (vector loads apart), nor a fault to be reported.
            "idle": Out(THREADS),
        }
    )


def vector_progress(config: NodeConfig) -> wiring.Signature:
    """vector -> threads, scalar, memory."""
    return wiring.Signature(
        {
            # Places that the instructions of earlier cycles have left; the oldest instruction that has not issued.
            "free": Out(data.ArrayLayout(range(config.vector_queue + 1), THREADS), init=[config.vector_queue] * THREADS),
            "head": Out(data.ArrayLayout(VectorHead, THREADS)),
            # Positions issued; registers that a SIMD operation will write; parity of completed loads; registers with a load under way.
            "vq_head": Out(data.ArrayLayout(VQ_POS_BITS, THREADS)),
            "simd_pending": Out(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS)),
            "load_parity": Out(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS)),
            "load_busy": Out(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS)),
            # A drain of accumulator 8 t + c asked for DRAIN_LEAD cycles from now would miss an operation.
            "acc_busy": Out(THREADS * isa.ACCUMULATORS),
            # Nothing is queued or in the pipes, no load is under way.
            "idle": Out(THREADS),
        }
    )


StoreProgress = wiring.Signature(
    {
        # memory -> threads, scalar, vector: what the slots hold; store positions whose data has been read.
        "slots": Out(data.ArrayLayout(StoreSlots, THREADS)),
        "st_read": Out(data.ArrayLayout(ST_POS_BITS, THREADS)),
        # The queue is empty, all it held is written.
        "idle": Out(THREADS, init=(1 << THREADS) - 1),
    }
)

# --- interfaces: loads and stores -----------------------------------------------------------------------------------------------

LoadBegins = wiring.Signature(
    {
        # memory -> vector: vector loads that issue in this cycle, up to two of one thread; the second is the younger.
        "begin": Out(data.ArrayLayout(LoadBegin, 2)),
    }
)
StoreRequests = wiring.Signature(
    {
        # Inside memory: a store issues; its address, or that it shall not happen, follows in the next cycle.
        "issue": Out(StoreIssuePort),
        "address": Out(StoreAddressPort),
    }
)
StoreData = wiring.Signature(
    {
        # memory -> vector: a register to read, from flip-flops; its value in the next cycle.
        "read": Out(Register),
        "data": In(512),
    }
)

# --- interfaces: what steers threads --------------------------------------------------------------------------------------------

ScalarSteer = wiring.Signature(
    {
        # scalar -> threads, each for one cycle. Predicates of the two slots, in the cycle of their execution.
        "predicate": Out(data.ArrayLayout(PredicateWrite, 2)),
        # A register's value for the control instruction that its thread waits with.
        "operand": Out(Operand),
        # A fault, two cycles after its execute stage. The thread issues nothing until it is killed.
        "fault": Out(FaultEvent),
        # A control register has its value from the next cycle on.
        "setting": Out(SettingWrite),
    }
)
VectorSteer = wiring.Signature(
    {
        # vector -> threads: a predicate that a SIMD operation made; one cycle.
        "predicate": Out(PredicateWrite),
    }
)
StoreSteer = wiring.Signature(
    {
        # memory -> threads: a raise, with thread and program counter of the raiser for its fault; valid with ``up.valid``.
        "up": Out(Raise),
        "thread": Out(THREAD_BITS),
        "pc": Out(PC_BITS),
    }
)
Life = wiring.Signature(
    {
        # threads -> every unit. A thread started in the previous cycle; it drops what it has queued. One cycle each.
        "starts": Out(THREADS),
        "kill": Out(THREADS),
        # State: the thread runs; it does, but a control instruction waits.
        "running": Out(THREADS),
        "waiting": Out(THREADS),
    }
)

# --- interfaces: control registers, and what the counters count ----------------------------------------------------------------

CsrAccess = wiring.Signature(
    {
        # scalar -> control, in the execute stage: a csrr or csrw of a register by a thread; writes happen with ``commit`` alone.
        "thread": Out(THREAD_BITS),
        "number": Out(10),
        "is_write": Out(1),
        "commit": Out(1),
        "data": Out(64),
        # The register does not exist, or not for this direction; in the same cycle.
        "illegal": In(1),
        # Value of the register named in the previous cycle.
        "value": In(64),
    }
)
Settings = wiring.Signature(
    {
        # control -> front, scalar, memory, vector: control registers, per thread; state.
        "priority": Out(data.ArrayLayout(CSR_BITS[Csr.PRIORITY], THREADS)),
        "fp_mode": Out(data.ArrayLayout(FpMode, THREADS)),
        "seed": Out(data.ArrayLayout(CSR_BITS[Csr.SEED], THREADS)),
    }
)
FrontEvents = wiring.Signature(
    {
        # front -> control, flip-flops: instructions that ended in decode in the previous cycle, that something was dispatched,
        # threads whose course changed, that a thread's window was missing.
        "retired": Out(range(8 * THREADS + 1)),
        "dispatched": Out(1),
        "redirect": Out(range(THREADS + 1)),
        "fetch_miss": Out(1),
    }
)
ThreadEvents = wiring.Signature(
    {
        # threads -> control, flip-flops: threads whose control instruction that waited ended in the previous cycle.
        "ended": Out(range(THREADS + 1)),
    }
)
ScalarEvents = wiring.Signature(
    {
        # scalar -> control: instructions finished in this cycle, without and with vector memory.
        "retired": Out(2),
        "retired_vector_memory": Out(2),
    }
)
WAIT_CAUSES = 6
"""Causes for which no matrix instruction issues: golden.arch.memmap.Counter, MATRIX_WAIT_LOAD to MATRIX_IDLE."""
VectorEvents = wiring.Signature(
    {
        # vector -> control, flip-flops: in the previous cycle a step or accumulator load issued; otherwise why not, one bit, the last one
        # while no thread runs; a SIMD operation issued.
        "matrix_step": Out(1),
        "matrix_wait": Out(WAIT_CAUSES, init=1 << WAIT_CAUSES - 1),
        "simd_issue": Out(1),
        # FP flags to set, per thread; one cycle.
        "flags": Out(data.ArrayLayout(CSR_BITS[Csr.FP_FLAGS], THREADS)),
    }
)
MatrixEvents = wiring.Signature(
    {
        # matrix -> control: FP flags that drained beats set, per thread; one cycle.
        "flags": Out(data.ArrayLayout(CSR_BITS[Csr.FP_FLAGS], THREADS)),
    }
)
StoreEvents = wiring.Signature(
    {
        # memory -> control: the SRAM took a beat.
        "beat": Out(1),
    }
)

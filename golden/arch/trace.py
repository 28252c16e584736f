"""What the machine tells: records of the RTL's trace ports, and the retire record that RTL and instruction-set simulator both make.

The RTL tells in each cycle what happened in it: a record per port, valid or not. Layouts stand here; rtl/core/trace.py gives them to
the hardware, golden/retire.py joins them to retire records, sim/events/file.py keeps them for later views.

A retire record belongs to (thread, seq): ``seq`` counts the thread's instructions from 0 in program order, modulo 2^16 in hardware. It
holds pc, word, whether the predicate was true, the destinations with their new values, and the bytes stored. Effects are small tuples::

    ("x", index, value)          scalar register, 64 bits
    ("p", index, value)          predicate
    ("v", index, bytes)          vector register, 64 bytes
    ("c", index, digest)         accumulator, 64-bit digest of its 64 raw words (docs/numerics.md)
    ("d", index, base)           descriptor: word address of its inner position after a setd or a step
    ("m", address, bytes)        bytes written to memory, in ascending address order, adjacent bytes merged
    ("s", semaphore, amount)     raise

"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from golden.arch.bits import Field, Layout
from golden.arch.isa import THREADS
from golden.arch.memmap import ADDRESS_BITS, WORD_ADDRESS_BITS
from golden.arch.packet import CONTROL, HEADER

SEQ_BITS = 16
THREAD_BITS = 2
LANES = 8
Effect = tuple[str, int, int | bytes]


def _each(record: str, count: int, part: Layout | int) -> Layout:
    """An array of so many records, or of numbers of so many bits."""
    width = part.width if isinstance(part, Layout) else part
    return Layout(record, [Field(str(i), width, i * width, parts=part if isinstance(part, Layout) else None) for i in range(count)])


def _with(layout: Layout, **arrays: Layout) -> Layout:
    """The same with arrays behind."""
    fields = list(layout)
    for name, array in arrays.items():
        fields.append(Field(name, array.width, sum(field.width for field in fields), parts=array))
    return Layout(layout.record, fields)


def _of(record: str, **widths: int) -> Layout:
    """A record about an instruction."""
    return Layout.of(record, valid=1, thread=THREAD_BITS, seq=SEQ_BITS, **widths)


DISPATCH = _of("dispatch", pc=ADDRESS_BITS - 2, word=32, executed=1, result=1)
"""An instruction left decode in program order; ``pc`` counts words. ``executed``: its predicate was true; ``result``: of predicate logic,
which ends in decode."""
ISSUE = _of("issue")
"""An instruction left its queue; which of the slots of ``Slot`` it took is the number of the port."""
SCALAR = _of("scalar", kind=2, index=5, value=64)
"""A result of ``ScalarKind``."""
VECTOR = _of("vector", index=5, is_predicate=1, data=512)
"""A SIMD result: register, or predicate when ``is_predicate`` (bit 0 of data)."""
MATRIX = _of("matrix", index=3, digest=64)
"""Digest of an accumulator after a step or a load into it."""
LOAD = _of("load", reg=5)
"""A vector load issues: its lanes' returns follow."""
LANE = Layout.of("lane", valid=1, thread=THREAD_BITS, reg=5, data=64)
"""A lane of a vector load returned."""
STORE = Layout(
    "store",
    [
        *(before := _with(_of("store", kind=3), addr=_each("addresses", LANES, WORD_ADDRESS_BITS))),
        Field("strobe", 64, before.width),
        Field("data", 512, before.width + 64),
    ],
)
"""One beat that the SRAM takes (or a raise): a word address per lane, the bytes it writes; ``kind`` as the store
queue has it (``STORE_KINDS``). Of a raise ``data`` is semaphore << 16 | amount."""
NETWORK = Layout.of("network", valid=1, number=6)
"""Between this node and others: ``NetworkEvent``. Of LIST and TRANSFER the thread, of RAISED the semaphore."""
HOP = Layout("hop", [Field("control", CONTROL.width, 0, parts=CONTROL), Field("header", HEADER.width, 32, parts=HEADER)])
"""A packet crosses a link, in the cycle of its body. No port of the RTL: the engine tells it of every link, by the number of the port; of
``hop`` that of the sender, of ``entry``, for what comes from outside a mesh, that of the receiver."""
SCALAR_HEAD = Layout.of("scalar head", valid=1, operands=1, able=1)
"""Of a thread's scalar queue: something is in it; the oldest one's operands are there; nothing else keeps it but its turn."""
VECTOR_HEAD = Layout.of("vector head", valid=1, loaded=1, made=1, read=1)
"""Of a thread's vector queue: something is in it; of the oldest one's registers all loads have come; no SIMD result is due; what it
overwrites has been read by stores and drains."""
CYCLE = _with(
    Layout.of(
        "cycle",
        valid=1,
        running=THREADS,
        waiting=THREADS,
        present=THREADS,
        able=THREADS,
        matrix_step=1,
        matrix_wait=6,
        simd_issue=1,
        retired_front=4,
        retired_scalar=2,
        retired_vector_memory=2,
        store_beat=1,
        conflicts=6,
        packet_in=1,
        packet_out=1,
        fetch_miss=1,
        redirect=THREADS.bit_length(),
    ),
    scalar=_each("scalar heads", THREADS, SCALAR_HEAD),
    vector=_each("vector heads", THREADS, VECTOR_HEAD),
)
"""What the counters count in a cycle, and how each thread stands: it runs; it does, but a control instruction waits; its instructions are
in the window of the cache; it may dispatch, as far as queues and holds go. Not told in cycles in which nothing runs or moves."""

AFTER = frozenset({"dispatch", "ended", "issue", "scalar", "vector", "cycle"})
"""Ports that tell in the cycle after it happened; the others in the same one."""
SCALAR_KINDS = ("x", "p", "d", "x")
"""Letters of a scalar result's ``kind``: a register, a predicate, a descriptor's position, a register by a load or the slow unit."""
STORE_KINDS = ("VECTOR", "DRAIN", "SCALAR", "RAISE", "NET")


class Slot(IntEnum):
    """Where instructions leave their queues, by the number of the ``issue`` port."""

    SCALAR = 0
    SECOND = 1  # the scalar queue's second one of a cycle
    SIMD = 2
    MATRIX = 3


class NetworkEvent(IntEnum):
    """Records of a networked node by number."""

    # The transfer engine takes an `rlist`; it has read one of its transfers.
    LIST = 0
    TRANSFER = 1
    # Another node's or the host's packet raises a semaphore, which shows from the next cycle on.
    RAISED = 2


@dataclass
class Record:
    """One retired instruction."""

    thread: int
    seq: int
    pc: int
    word: int
    executed: bool
    effects: list[Effect] = field(default_factory=list)

    def canonical(self) -> tuple[int, int, int, int, bool, tuple[Effect, ...]]:
        """Everything, effects sorted: two records are the same instruction with the same result iff these are equal."""
        return self.thread, self.seq, self.pc, self.word, self.executed, tuple(sorted(self.effects, key=lambda e: (e[0], e[1])))


def merge_bytes(pieces: list[tuple[int, int]]) -> list[Effect]:
    """``("m", address, bytes)`` effects from (byte address, byte value) pairs, ascending, adjacent bytes merged."""
    effects: list[Effect] = []
    start, run = None, bytearray()
    for address, value in sorted(pieces):
        if start is not None and address == start + len(run):
            run.append(value)
        else:
            if start is not None:
                effects.append(("m", start, bytes(run)))
            start, run = address, bytearray([value])
    if start is not None:
        effects.append(("m", start, bytes(run)))
    return effects

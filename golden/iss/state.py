"""Architectural state of a node, and the accesses that instructions make to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from golden.arch import isa, sram
from golden.arch.config import NodeConfig
from golden.arch.descriptor import Descriptor
from golden.arch.memmap import BARRIERS, CSR_BITS, FP_MODE, SEMAPHORE_BITS, SEMAPHORES, Csr, Fault, ThreadState
from golden.arch.trace import Effect
from golden.iss.code import Code
from golden.numerics import matrix, simd

if TYPE_CHECKING:
    from golden.iss.interface import Interface

MASK64 = (1 << 64) - 1


class FaultStop(Exception):
    """An instruction that must not complete: cause and operand as the status line shows them."""

    def __init__(self, cause: Fault, operand: int) -> None:
        super().__init__(cause.name)
        self.cause, self.operand = cause, operand & MASK64


class Blocked(Exception):
    """The instruction waits; the text says for what. Nothing has changed."""


def signed(value: int, bits: int = 64) -> int:
    """The two's-complement value of the low ``bits`` bits."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


@dataclass
class Loop:
    """An active zero-overhead loop: first and last instruction (byte addresses), iterations left with this one."""

    start: int
    last: int
    left: int


@dataclass
class Thread:
    """One hardware thread. A start zeroes predicates and control registers; other registers hold what they held before it, and
    ``unwritten`` names those of them that nobody wrote."""

    index: int
    pc: int = 0
    state: ThreadState = ThreadState.IDLE
    cause: Fault = Fault.NONE
    operand: int = 0
    seq: int = 0
    retired: int = 0
    x: list[int] = field(default_factory=lambda: [0] * isa.SCALAR_REGISTERS)
    p: list[bool] = field(default_factory=lambda: [True] + [False] * (isa.PREDICATES - 1))
    v: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((isa.VECTOR_REGISTERS, isa.V_BYTES), np.uint8))
    c: list[matrix.Accumulators] = field(default_factory=lambda: [matrix.clear((8, 8)) for _ in range(isa.ACCUMULATORS)])
    inner: list[Descriptor] = field(default_factory=lambda: [Descriptor()] * isa.DESCRIPTORS)
    outer: list[Descriptor] = field(default_factory=lambda: [Descriptor()] * isa.DESCRIPTORS)
    loops: list[Loop] = field(default_factory=list)
    csr: dict[int, int] = field(default_factory=lambda: dict.fromkeys(CSR_BITS, 0))
    waits: str = ""
    given: bool = False  # x1 to x8 came with the start
    unwritten: set[str] = field(default_factory=set)
    parts: dict[int, frozenset] = field(default_factory=dict)  # of unwritten accumulators: what loads of parts have written

    def forget(self) -> None:
        """From now on nobody has written any register, but for what a start packet gave a thread that runs."""
        counts = (("x", isa.SCALAR_REGISTERS), ("v", isa.VECTOR_REGISTERS), ("c", isa.ACCUMULATORS), ("d", isa.DESCRIPTORS))
        self.unwritten = {f"{letter}{i}" for letter, count in counts for i in range(count)} - {"x0"}
        if self.runs and self.given:
            self.unwritten -= {f"x{i}" for i in range(1, 9)}
        self.parts = {}

    def raise_flags(self, possible: int, raised: Callable[[], int]) -> None:
        """OR what ``raised`` gives into FP_FLAGS; it is asked only if one of the ``possible`` flags is not set yet."""
        if possible & ~self.csr[Csr.FP_FLAGS]:
            self.csr[Csr.FP_FLAGS] |= raised()

    def fp_state(self) -> simd.FpState:
        """What conversions take from FP_MODE and SEED."""
        biases = FP_MODE.unpack(self.csr[Csr.FP_MODE])
        return simd.FpState(biases["a"], biases["result"], self.csr[Csr.SEED])

    @property
    def runs(self) -> bool:
        return self.state in (ThreadState.RUNNING, ThreadState.WAITING)

    def start(self, pc: int, args: tuple[int, ...] | None = None) -> None:
        """Begin at ``pc``; ``args`` are x1.. of a start packet (None: registers stay)."""
        self.pc, self.state, self.cause, self.operand, self.waits = pc, ThreadState.RUNNING, Fault.NONE, 0, ""
        self.seq = self.retired = 0
        self.p = [True] + [False] * (isa.PREDICATES - 1)
        self.csr = dict.fromkeys(CSR_BITS, 0)
        self.loops = []
        self.given = args is not None
        if args is not None:
            for index, value in enumerate(tuple(args) + (0,) * (8 - len(args)), 1):
                self.x[index] = value & MASK64
                self.unwritten.discard(f"x{index}")


class Node:
    """State of one node: SRAM, threads, semaphores, barriers.

    ``external`` answers reads of registers that depend on time (cycle and other counters); the default counts instructions.
    """

    def __init__(self, config: NodeConfig, external: Callable[[Thread, int], int] | None = None) -> None:
        self.config = config
        self.sram = np.zeros(config.sram_bytes, np.uint8)
        self.threads = [Thread(i) for i in range(isa.THREADS)]
        self.semaphores = [0] * SEMAPHORES
        self.queues: list[list[int]] = [[] for _ in range(SEMAPHORES)]
        self.barriers: list[set[int]] = [set() for _ in range(BARRIERS)]
        self.passed: set[int] = set()  # threads that a barrier has let through but that have not gone on yet
        self.lost: set[int] = set()  # addresses of words that cannot be corrected, because a store was told to spoil them
        self.external = external or (lambda thread, _csr: sum(t.retired for t in self.threads))
        self.node_id = 1 << 5 | 1
        self.code = Code()
        self.interface: Interface | None = None  # the door to other nodes, of one that has it

    # --- memory --------------------------------------------------------------------------------------------------------------

    def write(self, address: int, image: bytes) -> None:
        """What a host's write packets do."""
        if address < 0 or address + len(image) > self.config.sram_bytes:
            raise ValueError(f"{len(image)} bytes at {address:#x} leave the {self.config.sram_bytes} bytes of SRAM")
        self.sram[address : address + len(image)] = np.frombuffer(image, np.uint8)
        self.lost -= set(range(address & ~7, address + len(image), 8))
        self.code.overwrite(address, len(image))

    def read(self, address: int, size: int) -> bytes:
        """What a host's read packets return."""
        if address < 0 or address + size > self.config.sram_bytes:
            raise ValueError(f"{size} bytes at {address:#x} leave the {self.config.sram_bytes} bytes of SRAM")
        return self.sram[address : address + size].tobytes()

    def check_scalar(self, address: int, size: int) -> int:
        """The address of a scalar access of ``size`` bytes, checked."""
        address &= MASK64
        if address % size:
            raise FaultStop(Fault.MISALIGNED, address)
        if address + size > self.config.sram_bytes:
            raise FaultStop(Fault.RANGE, address)
        return address

    def check_words(self, addresses: NDArray[np.int64], keep: NDArray[np.bool_]) -> None:
        """RANGE unless every 8-byte word with a kept byte lies in SRAM; the operand is the first that does not."""
        words = addresses.reshape(-1, 8)
        for lane in np.flatnonzero(keep.reshape(-1, 8).any(axis=1)):
            if words[lane, 0] >= self.config.sram_bytes:
                raise FaultStop(Fault.RANGE, int(words[lane, 0]))

    def check_lost(self, words: Iterable[int]) -> None:
        """ECC when one of these words, at multiples of 8, cannot be corrected; the operand is the first."""
        for word in words:
            if word in self.lost:
                raise FaultStop(Fault.ECC, word)

    def store_word(self, address: int, value: int, inject: int) -> None:
        """A whole scalar store by a thread whose ECC_INJECT is ``inject``; SRAM then holds what reads return."""
        flips = sram.injected(inject)
        value, _, lost = sram.decode(value ^ flips & MASK64, sram.encode(value) ^ flips >> 64) if flips else (value, False, False)
        self.write(address, value.to_bytes(8, "little"))
        if lost:
            self.lost.add(address)

    # --- synchronisation -----------------------------------------------------------------------------------------------------

    def raise_semaphore(self, s: int, amount: int) -> list[Effect]:
        if self.semaphores[s] + amount >= 1 << SEMAPHORE_BITS:
            raise FaultStop(Fault.SEMAPHORE, s)
        self.semaphores[s] += amount
        return [("s", s, amount)]

    def take(self, thread: Thread, s: int, amount: int) -> None:
        """Subtract when the thread is first in the queue of ``s`` and the value suffices; Blocked otherwise."""
        queue = self.queues[s]
        if thread.index not in queue:
            queue.append(thread.index)
        if queue[0] != thread.index or self.semaphores[s] < amount:
            raise Blocked(f"semaphore {s} to reach {amount} (it is {self.semaphores[s]})")
        queue.pop(0)
        self.semaphores[s] -= amount

    def arrive(self, thread: Thread, b: int, count: int) -> None:
        """Pass barrier ``b`` once ``count`` threads have come; Blocked until then."""
        if thread.index in self.passed:
            self.passed.discard(thread.index)
            return
        self.barriers[b].add(thread.index)
        if len(self.barriers[b]) < count:
            raise Blocked(f"barrier {b}: {len(self.barriers[b])} of {count} threads have come")
        self.passed |= self.barriers[b] - {thread.index}
        self.barriers[b] = set()

    def leave(self, thread: Thread) -> None:
        """The thread waits for no semaphore and no barrier any more."""
        for queue in self.queues:
            if thread.index in queue:
                queue.remove(thread.index)
        for waiting in (*self.barriers, self.passed):
            waiting.discard(thread.index)


def piece_bytes(d: Descriptor, tile: int, pieces: int, piece: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Byte addresses of the 64 bytes of a vector access, and which of them lie inside the extents.

    ``tile``: row << 2 | column, in units of ``pieces`` rows and ``piece`` bytes.
    """
    row, column = tile >> 2, tile & 3
    index = np.arange(pieces * piece)
    i, byte = index // piece, index % piece
    y = d.y0 + row * pieces + i
    x = d.x0 + (column * piece + byte) // d.elem_bytes
    words = d.base + (row * pieces + i) * d.row_pitch + (column * piece + byte) // 8
    keep = (y >= 0) & (y < d.rows) & (x >= 0) & (x < d.columns)
    return words % (1 << 18) * 8 + byte % 8, keep


def tile_bytes(d: Descriptor, tile: int, size: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The same for a drain of 8x8 elements of ``size`` bytes, row by row; columns count drained elements."""
    row, column = tile >> 2, tile & 3
    index = np.arange(64 * size)
    i, byte = index // (8 * size), index % (8 * size)
    y = d.y0 + 8 * row + i
    x = d.x0 + 8 * column + byte // size
    words = d.base + (8 * row + i) * d.row_pitch + (8 * column * size + byte) // 8
    keep = (y >= 0) & (y < d.rows) & (x >= 0) & (x < d.columns)
    return words % (1 << 18) * 8 + byte % 8, keep

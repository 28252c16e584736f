"""The network interface of a node: what its threads ask of other nodes, as packets, and what the answers do.

A request's `sequence` says whose it is: bits 1..0 the thread, bits 6..2 an entry of the table of outstanding reads, `POSTED` of what is
not answered unless it is refused, or `CONFIRMED` of a write with `ack`; bit 7 notifies.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from golden.arch import isa
from golden.arch.global_address import (
    GLOBAL,
    PLACE,
    WORD_BYTES,
    corners,
    place_of,
    refused_cast,
    refused_global,
    refused_local,
    refused_place,
)
from golden.arch.memmap import LINE_BYTES, Fault, ThreadState
from golden.arch.packet import FLAG_FIXED, FLAG_MULTICAST, FLAG_RESPONSE, SEQUENCE_NOTIFY, Kind, Packet, Place
from golden.arch.transfer import TRANSFER_BYTES, Piece, Transfer
from golden.iss.state import Blocked, FaultStop, Node, Thread

POSTED, CONFIRMED = 0, 31
READS = range(1, 31)
"""Entries of the table of outstanding reads."""


@dataclass(frozen=True)
class _Read:
    """A read under way: where its words go, which bytes of the answer they are, and the semaphore that then goes up (None for none)."""

    thread: int
    local: int
    words: int
    first: int
    semaphore: int | None


@dataclass
class _List:
    """Transfers that the engine is to run, from a byte address on, and what is left of the one that it runs."""

    thread: int
    at: int
    left: int
    running: Transfer | None = None
    pieces: Iterator[Piece] = iter(())


class Interface:
    """What the threads of ``node`` send, and what comes back.

    Attributes
    ----------
    sent : packets that have left the node and that nobody has taken yet, oldest first.
    open : by thread, what `fence` waits for.
    unasked : answers that came to nothing that was asked; they are dropped.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self.sent: deque[Packet] = deque()
        self.open = [0] * isa.THREADS
        self.unasked = 0
        self._reads: dict[int, _Read] = {}
        self._lists: deque[_List] = deque()

    @property
    def place(self) -> Place:
        """The node's coordinates."""
        return place_of(GLOBAL.pack(PLACE.unpack(self.node.node_id)))

    # --- what threads ask --------------------------------------------------------------------------------------------------------

    def put(self, thread: Thread, local: int, remote: int, words: int, ack: bool, fixed: bool) -> None:
        """A remote write, after all checks; FaultStop when one fails."""
        self._check(local, remote, words)
        self.node.check_lost(range(local, local + WORD_BYTES * words, WORD_BYTES))
        flags = (FLAG_RESPONSE if ack else 0) | (FLAG_FIXED if fixed else 0)
        self._write(thread.index, Piece(local, GLOBAL.unpack(remote)["address"], words), remote, flags)
        self.open[thread.index] += ack

    def get(self, thread: Thread, local: int, remote: int, words: int, semaphore: int) -> None:
        """A remote read; Blocked while the table of reads is full."""
        self._check(local, remote, words)
        if not self._free():
            raise Blocked(f"an answer to one of {len(READS)} reads")
        self._ask(thread.index, Piece(local, GLOBAL.unpack(remote)["address"], words), remote, semaphore)

    def raise_semaphore(self, thread: Thread, semaphore: int, remote: int, amount: int) -> None:
        """A raise at another node."""
        if (cause := refused_place(remote, self.place)) is not None:
            raise FaultStop(cause, remote)
        self._send(Kind.RAISE, place_of(remote), thread.index, POSTED, address=amount, tag=semaphore, flags=FLAG_FIXED)

    def cast(self, thread: Thread, local: int, remote: int, words: int) -> None:
        """A write to every other node of a rectangle; nothing is sent when there is none."""
        self._check_local(local, words)
        if (cause := refused_cast(remote, words)) is not None:
            raise FaultStop(cause, remote)
        self.node.check_lost(range(local, local + WORD_BYTES * words, WORD_BYTES))
        corner, far = corners(remote)
        if (corner, far) != (self.place, self.place):
            flags = FLAG_FIXED | FLAG_MULTICAST
            self._write(thread.index, Piece(local, GLOBAL.unpack(remote)["address"], words), remote, flags, far)

    def transfer(self, thread: Thread, local: int, count: int) -> None:
        """A list for the transfer engine."""
        if local % TRANSFER_BYTES:
            raise FaultStop(Fault.MISALIGNED, local)
        if local + TRANSFER_BYTES * count > self.node.config.sram_bytes:
            raise FaultStop(Fault.RANGE, local)
        if count:
            self._lists.append(_List(thread.index, local, count))
            self.open[thread.index] += 1

    def settle(self, thread: Thread) -> None:
        """What everything that drains waits for; Blocked until it is over."""
        if self.open[thread.index]:
            raise Blocked(f"{self.open[thread.index]} answers and lists of the network")

    def _check(self, local: int, remote: int, words: int) -> None:
        self._check_local(local, words)
        if (cause := refused_global(remote, words, self.place)) is not None:
            raise FaultStop(cause, remote)

    def _check_local(self, local: int, words: int) -> None:
        if (cause := refused_local(local, words, self.node.config.sram_bytes)) is not None:
            raise FaultStop(cause, local)

    # --- packets -----------------------------------------------------------------------------------------------------------------

    def _send(self, kind: Kind, place: Place, thread: int, entry: int, *, notify: int = 0, **fields: int | Place | None) -> None:
        sequence = thread | entry << 2 | notify * SEQUENCE_NOTIFY
        self.sent.append(Packet(kind, place, self.place, sequence=sequence, **fields))

    def _write(self, thread: int, piece: Piece, remote: int, flags: int, far: Place | None = None) -> None:
        told = GLOBAL.unpack(remote)
        data = int.from_bytes(self.node.read(piece.local, WORD_BYTES * piece.words), "little")
        self._send(
            Kind.WRITE,
            place_of(remote),
            thread,
            CONFIRMED if flags & FLAG_RESPONSE else POSTED,
            notify=told["notify"],
            address=piece.address,
            length=piece.words,
            tag=told["semaphore"],
            flags=flags,
            payload=data << 8 * (piece.address % LINE_BYTES),
            far=far,
        )

    def _free(self) -> list[int]:
        return [entry for entry in READS if entry not in self._reads]

    def _ask(self, thread: int, piece: Piece, remote: int, semaphore: int | None) -> None:
        entry = self._free()[0]
        self._reads[entry] = _Read(thread, piece.local, piece.words, piece.address % LINE_BYTES, semaphore)
        self.open[thread] += 1
        self._send(Kind.READ, place_of(remote), thread, entry, address=piece.address, length=piece.words)

    # --- the transfer engine -----------------------------------------------------------------------------------------------------

    def advance(self) -> bool:
        """One packet of the oldest list; whether anything changed."""
        if not self._lists or not self._free():
            return False
        work = self._lists[0]
        if (piece := next(work.pieces, None)) is None:
            self._next_transfer(work)
            return True
        remote, told = work.running.remote, GLOBAL.unpack(work.running.remote)
        if work.running.read:
            self._ask(work.thread, piece, remote, told["semaphore"] if told["notify"] else None)
        else:
            lost = set(range(piece.local, piece.local + WORD_BYTES * piece.words, WORD_BYTES)) & self.node.lost
            if lost:
                self._drop(Fault.ECC, min(lost))
            else:
                self._write(work.thread, piece, remote, 0)
        return True

    def _next_transfer(self, work: _List) -> None:
        if not work.left:
            self._lists.popleft()
            self.open[work.thread] -= 1
            return
        record = Transfer.unpack(self.node.read(work.at, TRANSFER_BYTES))
        if not record.stands(self.node.config.sram_bytes, self.place):
            self._drop(Fault.DESCRIPTOR, work.at)
            return
        work.running, work.pieces = record, record.pieces()
        work.at, work.left = work.at + TRANSFER_BYTES, work.left - 1

    def _drop(self, cause: Fault, operand: int) -> None:
        """The oldest list stops with a fault of its thread."""
        work = self._lists.popleft()
        self.open[work.thread] -= 1
        self._fault(work.thread, cause, operand)

    # --- answers -----------------------------------------------------------------------------------------------------------------

    def receive(self, answer: Packet) -> None:
        """An answer to a request of this node; one that nothing asked for is dropped and counted.

        Words with wrong parity stop the thread as a refusal does.
        """
        thread, entry = answer.sequence & 3, answer.sequence >> 2 & 31
        read = self._reads.get(entry)
        if answer.wrong_header:
            return
        brings = read if answer.kind == Kind.READ_DATA else None
        if brings and not answer.wrong_payload:
            self._arrive(brings, answer)
        elif brings or answer.kind == Kind.ERROR:
            if not read and entry not in (POSTED, CONFIRMED):
                self.unasked += 1
                return
            self._fault(thread, Fault.NETWORK, self._blamed(answer))
        elif answer.kind != Kind.ACK or entry != CONFIRMED or not self.open[thread]:
            self.unasked += 1
            return
        self._reads.pop(entry, None)
        self.open[thread] -= entry != POSTED

    def _arrive(self, read: _Read, answer: Packet) -> None:
        self.node.write(read.local, answer.data[read.first : read.first + WORD_BYTES * read.words])
        if read.semaphore is not None:
            try:
                self.node.raise_semaphore(read.semaphore, 1)
            except FaultStop as stop:
                self._fault(read.thread, stop.cause, stop.operand)

    @staticmethod
    def _blamed(answer: Packet) -> int:
        """The global address that was refused, 0 where the answer's payload is wrong; of a raise, the amount takes the address's place."""
        address = 0 if answer.wrong_payload else answer.payload >> 64 & (1 << GLOBAL["address"].width) - 1
        return GLOBAL.pack({"address": address, "x": answer.source[0], "y": answer.source[1]})

    def _fault(self, index: int, cause: Fault, operand: int) -> None:
        """The thread stops where it has come to, and waits for nothing any more; one that has stopped keeps its fault."""
        thread = self.node.threads[index]
        if thread.state is ThreadState.FAULTED:
            return
        thread.state, thread.cause, thread.operand, thread.waits = ThreadState.FAULTED, cause, operand, ""
        self.node.leave(thread)

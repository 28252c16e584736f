"""Packets served on a node of the simulator: what rtl.noc.endpoint does, without time.

Requests are obeyed one after another. Threads execute when they are told to: ``round``, ``run``. The simulator counts no events: reads of
counter lines are refused with RANGE.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from golden.arch import isa
from golden.arch.boot import IDENTITY, BootOp, table_of
from golden.arch.memmap import CONTROL_BASE, LINE_BYTES, VERSION, ControlLine, Fault, ThreadState
from golden.arch.packet import DebugOp, Kind, Packet, Place, payload_of
from golden.arch.refusal import refusal
from golden.arch.route_table import DEPARTURES, ENTRIES
from golden.arch.trace import Record
from golden.iss.node import Simulator
from golden.iss.state import FaultStop, Thread

_RESTING = (ThreadState.IDLE, ThreadState.FAULTED)
_NEED_HALTED = (DebugOp.STEP, DebugOp.INJECT, DebugOp.JUMP)


class Endpoint:
    """The network side of ``simulator.node``.

    Attributes
    ----------
    retired : instructions executed by ``run``; ``on_record`` is told of each.
    identity : what a node behind a router has been told of itself (golden.arch.boot.IDENTITY); None before.
    table : entries that it has been told, by place (golden.arch.route_table).
    dropped : packets that came before its identity, and answers among requests.
    """

    def __init__(self, simulator: Simulator, on_record: Callable[[Record], None] | None = None) -> None:
        self.simulator, self.node = simulator, simulator.node
        self.on_record = on_record
        self.retired = self.dropped = 0
        self.identity: dict[str, int] | None = None
        self.table: dict[int, dict[str, int]] = {}
        self._ends: dict[int, Packet] = {}  # who is to be told of a thread's end, and of its next stop
        self._stops: dict[int, Packet] = {}
        self._breaks: dict[int, int] = {}
        self._halting: set[int] = set()
        self._passing: set[int] = set()  # threads that go on from a breakpoint, and do not stop there again

    @property
    def place(self) -> Place:
        """The node's coordinates."""
        return self.node.node_id & 31, self.node.node_id >> 5

    # --- requests ------------------------------------------------------------------------------------------------------------

    def serve(self, request: Packet) -> list[Packet]:
        """What the node answers at once; a response, a wrong header and a BOOT with a wrong payload are dropped."""
        networked = self.node.config.networked
        if request.wrong_header or request.channel & 2:
            return []
        if networked and self.identity is None:
            self.dropped += 1
            return []
        if request.kind & 16:
            self.dropped += 1
            return []
        if request.kind == Kind.BOOT and request.wrong_payload:
            return []
        cause = refusal(request, self.node.config.sram_bytes, self.place, networked)
        if cause is not None:
            return [request.error(cause)]
        match request.kind:
            case Kind.WRITE:
                first = request.address % LINE_BYTES
                self.node.write(request.address, request.data[first : first + 8 * request.length])
                return self._effect(request, 1) if request.notifies else self._done(request)
            case Kind.READ:
                return [self._read(request)]
            case Kind.RAISE:
                return self._effect(request, request.address)
            case Kind.START:
                return self._start(request)
            case Kind.DEBUG:
                return self._debug(request, DebugOp(request.address), self.node.threads[request.length])
            case _:
                self.node.node_id = request.payload & 1023
                return self._done(request)

    def boot(self, packet: Packet) -> None:
        """Obeys a boot packet at the end of its path, of a node behind a router."""
        if packet.length == BootOp.IDENTITY:
            self.identity = IDENTITY.unpack(packet.payload)
            self.node.node_id = self.identity["y"] << 5 | self.identity["x"]
        elif packet.length == BootOp.TABLE:
            self.table |= {index: fields for index, fields in table_of(packet) if index < ENTRIES + DEPARTURES}

    @staticmethod
    def _done(request: Packet) -> list[Packet]:
        return [request.answer(Kind.ACK)] if request.responds else []

    def _effect(self, request: Packet, amount: int) -> list[Packet]:
        try:
            self.node.raise_semaphore(request.tag, amount)
        except FaultStop as stop:
            return [request.error(stop.cause)]
        return self._done(request)

    def _read(self, request: Packet) -> Packet:
        at = request.address // LINE_BYTES * LINE_BYTES
        if at >= CONTROL_BASE:
            line = (at - CONTROL_BASE) // LINE_BYTES
            if line >= ControlLine.COUNTERS:
                return request.error(Fault.RANGE)
            if line >= ControlLine.STATUS:
                return request.answer(Kind.READ_DATA, self._status(self.node.threads[line - ControlLine.STATUS]))
            words = (VERSION, self.node.config.sram_bytes, *self.place, isa.THREADS)
            return request.answer(Kind.READ_DATA, payload_of(words))
        if self.node.lost & set(range(request.address, request.address + 8 * request.length, 8)):
            return request.error(Fault.ECC)
        return request.answer(Kind.READ_DATA, int.from_bytes(self.node.read(at, LINE_BYTES), "little"))

    def _status(self, thread: Thread) -> int:
        debug = thread.index in self._breaks
        return payload_of((thread.state, thread.cause, thread.pc, thread.operand, thread.retired, thread.seq, debug))

    def _start(self, request: Packet) -> list[Packet]:
        thread = self.node.threads[request.length]
        if thread.state not in _RESTING:
            return [request.error(Fault.BUSY)]
        thread.start(request.address, struct.unpack("<8Q", request.data))
        if request.responds:
            self._ends[thread.index] = request
        return []

    # --- debugger ------------------------------------------------------------------------------------------------------------

    def _debug(self, request: Packet, op: DebugOp, thread: Thread) -> list[Packet]:
        operand, halted = request.payload & 2**64 - 1, thread.state is ThreadState.HALTED
        if op in _NEED_HALTED and not halted:
            return [request.error(Fault.BUSY)]
        if op is DebugOp.HALT and thread.runs:
            if request.responds and thread.index in self._stops:
                return [request.error(Fault.BUSY)]
            self._halting.add(thread.index)
            if request.responds:
                self._stops[thread.index] = request
            return []
        if op is DebugOp.RESUME and halted:
            thread.state = ThreadState.RUNNING
            self._passing.add(thread.index)
        elif op is DebugOp.STEP:
            thread.state = ThreadState.RUNNING
            self.retired += self.simulator.step(thread) is not None
            if thread.state is ThreadState.WAITING:  # it is over when that for which the instruction waits has come
                self._halting.add(thread.index)
                self._stops |= {thread.index: request} if request.responds else {}
                return []
            if thread.runs:
                thread.state = ThreadState.HALTED
        elif op is DebugOp.INJECT:
            self.simulator.inject(thread, operand & 2**32 - 1)
        elif op is DebugOp.JUMP:
            thread.pc = operand
        elif op is DebugOp.FLUSH:
            self.node.code.flush()
        elif op is DebugOp.BREAK_SET:
            self._breaks[thread.index] = operand
        elif op is DebugOp.BREAK_CLEAR:
            self._breaks.pop(thread.index, None)
        return [request.answer(Kind.STATUS, self._status(thread))] if request.responds or op is DebugOp.STATUS else []

    # --- execution -----------------------------------------------------------------------------------------------------------

    def round(self) -> bool:
        """One instruction of every thread that runs; whether anything changed."""
        return any([thread.runs and self._execute(thread) for thread in self.node.threads])

    def run(self, limit: int = 10_000_000) -> list[Packet]:
        """Rounds until an answer is due; no answer when every thread rests or waits, or ``limit`` instructions retired."""
        while not (answers := self.told()) and self.retired < limit and self.round():
            pass
        return answers or self.told()

    def _execute(self, thread: Thread) -> bool:
        """Whether anything changed: one instruction, or a stop before it."""
        breaks = self._breaks.get(thread.index) == thread.pc and thread.index not in self._passing
        self._passing.discard(thread.index)
        if thread.state is ThreadState.RUNNING and (thread.index in self._halting or breaks):
            self._halting.discard(thread.index)
            thread.state = ThreadState.HALTED
            return True
        record = self.simulator.step(thread)
        self.retired += record is not None
        if record is not None and self.on_record:
            self.on_record(record)
        return record is not None or not thread.runs

    def told(self) -> list[Packet]:
        """Answers about threads that have come to rest."""
        answers = []
        for thread in self.node.threads:
            if thread.runs:
                continue
            if thread.state in _RESTING and (request := self._ends.pop(thread.index, None)):
                answers.append(request.answer(Kind.HALTED, self._status(thread)))
            if request := self._stops.pop(thread.index, None):
                answers.append(request.answer(Kind.STATUS, self._status(thread)))
            self._halting.discard(thread.index)
        return answers

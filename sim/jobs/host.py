"""A host at the edge: everything it does to a node is packets.

Writes are posted and acknowledged in bulk (the last one asks for a response, and a port's writes complete in order); reads are
pipelined; a start asks to be told when its thread ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from golden.arch import packet
from golden.arch.memmap import CONTROL_BASE, COUNTER_LINES, LINE_BYTES, ControlLine, Counter, Fault, Status, ThreadState
from golden.arch.packet import BODY_FIELDS, CONTROL_FIELDS, HEADER_FIELDS, Kind
from golden.asm import disassemble
from golden.kernels.job import Job, Launch
from golden.kernels.placement import Matrix
from sim.engine.binding import Ended, Engine, encode

HOST_X, HOST_Y = 0, 1  # the west edge port of row 1
QUIET_CYCLES = 5_000
_READ_AHEAD = 64
_PAYLOAD_LO = packet.HEADER_BITS


class HostError(RuntimeError):
    """A request was refused, a thread faulted, or nothing moves any more; one sentence, or one per thread."""


def request(kind: Kind, node: tuple[int, int] = (1, 1), payload: bytes = b"", **header: int) -> tuple[int, int]:
    """A packet from the host as (control word, body)."""
    control = {"valid": 1, "out": 1 << packet.PortId.NODE, "x": node[0], "y": node[1], "far_x": node[0], "far_y": node[1]}
    fields = {"kind": kind, "source_x": HOST_X, "source_y": HOST_Y, **header}
    fields["parity"] = packet.header_parity(control, fields)
    data = int.from_bytes(payload.ljust(LINE_BYTES, b"\0"), "little")
    body = packet.pack(
        BODY_FIELDS,
        header=packet.pack(HEADER_FIELDS, **fields),
        payload=data,
        payload_parity=packet.payload_parity(data),
    )
    return packet.pack(CONTROL_FIELDS, **control), body


def write_requests(address: int, image: bytes) -> list[tuple[int, int]]:
    """WRITE packets for bytes at an address that is a multiple of 8; the image is padded to a multiple of 8 with zeros."""
    return [
        request(Kind.WRITE, payload=payload, address=place, length=words) for place, words, payload in packet.pieces(address, image)
    ]


def read_requests(address: int, size: int) -> list[tuple[int, int]]:
    """READ packets for the words that hold ``size`` bytes at ``address``, one a line, numbered by sequence."""
    at, end, packets = address // 8 * 8, address + size, []
    while at < end:
        after = min(at // LINE_BYTES * LINE_BYTES + LINE_BYTES, -(-end // 8) * 8)
        number = len(packets) % 128
        packets.append(request(Kind.READ, address=at, length=(after - at) // 8, sequence=number, flags=packet.FLAG_RESPONSE))
        at = after
    return packets


class Host:
    """The host of one node of an engine."""

    def __init__(self, engine: Engine, node: int = 0, limit: int = 50_000_000) -> None:
        self.engine, self.node, self.limit = engine, node, limit
        self._reads: dict[tuple[int, int], NDArray[np.uint32]] = {}
        self._halted: list[tuple[int, Status]] = []

    # --- packets -------------------------------------------------------------------------------------------------------------

    def _wait(self, count: int) -> list[tuple[dict[str, int], bytes]]:
        """The next ``count`` answers: header fields and payload. Answers to starts are kept for ``wait``."""
        answers: list[tuple[dict[str, int], bytes]] = []
        while len(answers) < count:
            if not self.engine.received(self.node):
                ended = self.engine.run(self.limit, packets=1, node=self.node, quiet=QUIET_CYCLES)
                if ended is not Ended.PACKETS:
                    self._explain(ended)
            for _, body in self.engine.take(self.node):
                header, payload = self._open(body)
                if header["kind"] == Kind.HALTED:
                    self._halted.append((header["tag"], Status.of(payload)))
                elif header["kind"] == Kind.ERROR:
                    cause, address = np.frombuffer(payload[:16], "<u8")
                    raise HostError(f"the node refused a packet for address {int(address):#x}: {Fault(int(cause)).name}")
                else:
                    answers.append((header, payload))
        return answers

    @staticmethod
    def _open(body: int) -> tuple[dict[str, int], bytes]:
        fields = packet.unpack(BODY_FIELDS, body)
        if packet.payload_parity(fields["payload"]) != fields["payload_parity"]:
            raise HostError("a packet came with wrong parity")
        return packet.unpack(HEADER_FIELDS, fields["header"]), fields["payload"].to_bytes(LINE_BYTES, "little")

    def _explain(self, ended: Ended) -> None:
        """Raise with what every thread waits for."""
        if ended is Ended.CYCLES:
            what = f"no answer within {self.limit} cycles, and the machine still moves:"
        else:
            what = f"nothing retired and no packet moved for {QUIET_CYCLES} cycles:"
        self.engine.send(self.node, read_requests(CONTROL_BASE + LINE_BYTES * ControlLine.STATUS, 4 * LINE_BYTES))
        if self.engine.run(QUIET_CYCLES, packets=4, node=self.node) is not Ended.PACKETS:
            raise HostError(f"{what} and the node does not say how its threads stand")
        states = [Status.of(self._open(body)[1]) for _, body in self.engine.take(self.node)]
        lines = [f"  thread {t}: {self._describe(state)}" for t, state in enumerate(states)]
        raise HostError("\n".join([what, *lines]))

    def _describe(self, status: Status) -> str:
        if status.state is ThreadState.IDLE:
            return "idle"
        line = status.pc // LINE_BYTES * LINE_BYTES
        self.engine.send(self.node, read_requests(status.pc // 8 * 8, 8))
        text = "?"
        if self.engine.run(QUIET_CYCLES, packets=1, node=self.node) is Ended.PACKETS:
            header, payload = self._open(self.engine.take(self.node)[0][1])
            if header["kind"] == Kind.READ_DATA:  # its word may be lost
                text = disassemble(int.from_bytes(payload[status.pc - line :][:4], "little"), status.pc)
        fault = f", {status.cause.name} with operand {status.operand:#x}" if status.state is ThreadState.FAULTED else ""
        return f"{status.state.name} at pc {status.pc:#x} ({text}){fault}, {status.retired} instructions retired"

    # --- memory --------------------------------------------------------------------------------------------------------------

    def write(self, writes: Iterable[tuple[int, bytes]]) -> None:
        """Bytes into SRAM; returns when all of them are there."""
        packets = [item for address, image in writes for item in write_requests(address, image)]
        if not packets:
            return
        control, body = packets[-1]
        header = packet.unpack(HEADER_FIELDS, packet.unpack(BODY_FIELDS, body)["header"])
        header["flags"] = packet.FLAG_RESPONSE
        header["parity"] = packet.header_parity(packet.unpack(CONTROL_FIELDS, control), header)
        fields = {**packet.unpack(BODY_FIELDS, body), "header": packet.pack(HEADER_FIELDS, **header)}
        packets[-1] = control, packet.pack(BODY_FIELDS, **fields)
        self.engine.send(self.node, packets)
        self._wait(1)

    def read(self, address: int, size: int) -> bytes:
        """Bytes from SRAM."""
        key = (address, size)
        if key not in self._reads:
            self._reads[key] = encode(read_requests(address, size))
        words = self._reads[key]
        image = bytearray()
        for start in range(0, len(words), _READ_AHEAD):
            part = words[start : start + _READ_AHEAD]
            self.engine.send(self.node, part)
            answers = self._wait(len(part))
            numbers = [header["sequence"] for header, _ in answers]
            if numbers != [(start + i) % 128 for i in range(len(part))]:
                raise HostError(f"answers to reads came out of order: {numbers}")
            for _, payload in answers:
                image += payload
        offset = address % LINE_BYTES
        return bytes(image[offset : offset + size])

    def read_matrix(self, matrix: Matrix) -> NDArray:
        """A matrix's bit patterns."""
        return matrix.unpack(self.read(matrix.address, matrix.size))

    # --- threads -------------------------------------------------------------------------------------------------------------

    def start(self, launches: Iterable[Launch]) -> None:
        """Start threads; ``wait`` tells when they end."""
        packets = []
        for launch in launches:
            payload = b"".join((value & (2**64 - 1)).to_bytes(8, "little") for value in launch.args)
            packets.append(
                request(Kind.START, payload=payload, address=launch.pc, length=launch.thread, tag=launch.thread, flags=packet.FLAG_RESPONSE)
            )
        self.engine.send(self.node, packets)

    def wait(self, threads: int) -> list[tuple[int, Status]]:
        """Until so many started threads have ended: (thread, status) of each.

        Raises
        ------
        HostError
            When one ended with a fault, or nothing moves any more: what every thread waits for.
        """
        halted = self.wait_any(threads)
        faults = [(thread, status) for thread, status in halted if status.state is ThreadState.FAULTED]
        if faults:
            raise HostError("\n".join(f"thread {thread} stopped: {self._describe(status)}" for thread, status in faults))
        return halted

    def wait_any(self, threads: int) -> list[tuple[int, Status]]:
        """The same, but a fault is an end like any other."""
        while len(self._halted) < threads:
            ended = self.engine.run(self.limit, packets=1, node=self.node, quiet=QUIET_CYCLES)
            if ended is not Ended.PACKETS:
                self._explain(ended)
            for _, body in self.engine.take(self.node):
                header, payload = self._open(body)
                if header["kind"] == Kind.ERROR:
                    raise HostError(f"the node refused to start a thread: {Fault(int(payload[0])).name}")
                self._halted.append((header["tag"], Status.of(payload)))
        halted, self._halted = self._halted[:threads], self._halted[threads:]
        return halted

    def run(self, launches: list[Launch]) -> None:
        """Start threads and wait until all of them have ended."""
        self.start(launches)
        self.wait(len(launches))

    def flush(self) -> None:
        """Empty the instruction cache: the program in SRAM is another one."""
        self.engine.send(self.node, [request(Kind.DEBUG, address=packet.DebugOp.FLUSH)])

    def status(self) -> list[Status]:
        """All threads."""
        image = self._control(ControlLine.STATUS, 4)
        return [Status.of(image[LINE_BYTES * t : LINE_BYTES * (t + 1)]) for t in range(4)]

    def counters(self) -> Mapping[Counter, int]:
        """All event counters."""
        words = np.frombuffer(self._control(ControlLine.COUNTERS, COUNTER_LINES), "<u8")
        return {counter: int(words[counter]) for counter in Counter}

    def _control(self, line: int, lines: int) -> bytes:
        self.engine.send(self.node, read_requests(CONTROL_BASE + LINE_BYTES * line, lines * LINE_BYTES))
        return b"".join(payload for _, payload in self._wait(lines))

    # --- jobs ----------------------------------------------------------------------------------------------------------------

    def load(self, job: Job) -> None:
        """A job's program and inputs into SRAM."""
        self.write([(job.program.origin, job.program.image), *job.inputs])
        self.flush()

"""Memory behind an edge port: what an interface processor answers, without time.

It serves words of a line, as a node's SRAM does, at any byte address of 35 bits. It has no threads and no semaphores: other requests, and
writes that notify, are refused.
"""

from __future__ import annotations

from golden.arch.global_address import GLOBAL, WORD_BYTES
from golden.arch.memmap import LINE_BYTES, Fault
from golden.arch.packet import WITH_PAYLOAD, Kind, Packet

MOST_BYTES = 1 << GLOBAL["address"].width


class Dram:
    """``size`` bytes, zero until they are written; only lines that were written take room.

    Raises
    ------
    ValueError
        When there is no memory of that size.
    """

    def __init__(self, size: int = MOST_BYTES) -> None:
        if not 0 < size <= MOST_BYTES or size % LINE_BYTES:
            raise ValueError(f"{size} bytes are no memory behind an edge port: a multiple of {LINE_BYTES}, up to {MOST_BYTES}")
        self.size = size
        self._lines: dict[int, bytearray] = {}

    @property
    def written(self) -> list[int]:
        """Addresses of the lines that have been written."""
        return [line * LINE_BYTES for line in self._lines]

    @property
    def lines(self) -> int:
        """How many lines have been written."""
        return len(self.written)

    def contents(self) -> dict[int, bytes]:
        """Every line that has been written, by address."""
        return {address: self.read(address, LINE_BYTES) for address in self.written}

    def refusal(self, request: Packet) -> Fault | None:
        """The cause with which a request is refused; None when it is served."""
        if request.kind not in (Kind.WRITE, Kind.READ):
            return Fault.ILLEGAL
        if request.wrong_payload and request.kind in WITH_PAYLOAD:
            return Fault.ECC
        if request.address % WORD_BYTES:
            return Fault.MISALIGNED
        inside = request.length and request.address % LINE_BYTES + WORD_BYTES * request.length <= LINE_BYTES
        told = request.kind == Kind.WRITE and request.notifies
        return None if inside and request.address < self.size and not told else Fault.RANGE

    def serve(self, request: Packet) -> list[Packet]:
        """What is answered at once; a wrong header is dropped."""
        if request.wrong_header:
            return []
        if (cause := self.refusal(request)) is not None:
            return [request.error(cause)]
        line, first = divmod(request.address, LINE_BYTES)
        if request.kind == Kind.READ:
            return [request.answer(Kind.READ_DATA, int.from_bytes(self._lines.get(line, b""), "little"))]
        end = first + WORD_BYTES * request.length
        self._lines.setdefault(line, bytearray(LINE_BYTES))[first:end] = request.data[first:end]
        return [request.answer(Kind.ACK)] if request.responds else []

    def write(self, address: int, image: bytes) -> None:
        """Bytes from an address on, by the back door; ValueError when they do not fit."""
        self._check(address, len(image))
        for index, byte in enumerate(image, address):
            self._lines.setdefault(index // LINE_BYTES, bytearray(LINE_BYTES))[index % LINE_BYTES] = byte

    def read(self, address: int, size: int) -> bytes:
        """Bytes from an address on, by the back door; ValueError when they are not there."""
        self._check(address, size)
        nothing = bytes(LINE_BYTES)
        first, last = address // LINE_BYTES, (address + size - 1) // LINE_BYTES
        whole = b"".join(bytes(self._lines.get(line, nothing)) for line in range(first, last + 1))
        return whole[address % LINE_BYTES :][:size]

    def _check(self, address: int, size: int) -> None:
        if address < 0 or address + size > self.size:
            raise ValueError(f"{size} bytes at {address:#x} leave the {self.size} bytes behind the edge port")

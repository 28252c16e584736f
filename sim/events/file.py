"""A file of events: what the trace ports of a run's nodes told in a window of cycles, compressed in chunks, with an index by cycle.

The file is a zip archive. ``about.json`` says what ran, where the fields of each port lie and which cycles each chunk holds, so that it
is read without the design; ``chunk-<number>`` holds records as the engine gives them (``Engine.take_trace``), packed. Cycle 0 is the
one in which the run's first packet left the host.

Two of five bytes are 0, and those are left out: that costs a tenth of what the weakest deflating does, and the engine shall not wait for
it; a file is a third larger then.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from golden.arch.bits import Layout
from golden.asm import disassemble
from sim.engine.ports import Port, words

VERSION = 3
_ABOUT = "about.json"
_AT_ONCE = 8  # chunks that wait to be compressed
_HEAD = 3  # words before a record's own: port, cycle (2)
Code = dict[int, tuple[int, int, str]]
"""By address: the word, its line in the source (0: unknown), that line's text."""


class EventsError(ValueError):
    """A file of events that is none, that is cut off, or that does not hold what is asked for; one sentence."""


class Event(NamedTuple):
    """A record: what a port of that ``kind`` and ``number`` told in a cycle."""

    cycle: int
    kind: str
    number: int
    fields: dict[str, Any]


@dataclass
class About:
    """What a file says of the run.

    Attributes
    ----------
    title : what ran, for people.
    ports : the manifest's description of each trace port of a node.
    origin : cycle of the machine in which cycle 0 of the file was.
    window : first cycle kept, and the one after the last.
    code, labels : of the first node's program: what stands at an address, addresses by name.
    places : names of the nodes; of a mesh ``x,y``.
    mesh : columns and rows; (0, 0) for a node that is in none.
    programs : code and labels of each node; empty when all run the first one's program.
    chunks : (node, first cycle, cycle after the last) of each.
    """

    title: str
    config: str
    ports: list[Port]
    origin: int = 0
    window: tuple[int, int] = (0, 0)
    code: Code = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    places: list[str] = field(default_factory=lambda: ["node"])
    mesh: tuple[int, int] = (0, 0)
    programs: list[tuple[Code, dict[str, int]]] = field(default_factory=list)
    chunks: list[tuple[int, int, int]] = field(default_factory=list)

    def of(self, node: int) -> About:
        """What it says of one node: its program, and its name in the title."""
        code, labels = self.programs[node] if self.programs else (self.code, self.labels)
        title = f"{self.title}, node {self.places[node]}" if len(self.places) > 1 else self.title
        return replace(self, title=title, code=code, labels=labels)

    def region(self, pc: int) -> str:
        """The label at or before an address; its digits where there is none."""
        below = [(address, name) for name, address in self.labels.items() if address <= pc]
        return max(below)[1] if below else f"{pc:#x}"

    def text(self, pc: int, word: int) -> str:
        """An instruction, with the names of the places that it goes to."""
        return disassemble(word, pc, {address: name for name, address in self.labels.items()})


class Writer:
    """Writes a file; complete only after ``close``. Chunks are compressed on another thread, while the engine goes on."""

    def __init__(self, path: Path, about: About) -> None:
        self.about = about
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)
        self._thread = ThreadPoolExecutor(1)
        self._under_way: deque[Future[None]] = deque()

    def add(self, node: int, first: int, last: int, records: NDArray[np.uint32]) -> None:
        """What a node told in the cycles from ``first`` to before ``last`` of the file; chunks of a node come in order."""
        if len(self._under_way) >= _AT_ONCE:
            self._under_way.popleft().result()
        self._under_way.append(self._thread.submit(self._write, len(self.about.chunks), records))
        self.about.chunks.append((node, first, last))

    def _write(self, number: int, records: NDArray[np.uint32]) -> None:
        self._zip.writestr(_member(number), packed(records))

    def close(self) -> None:
        """OSError when something could not be written."""
        self._thread.shutdown()
        for done in self._under_way:
            done.result()
        self._zip.writestr(_ABOUT, json.dumps({"version": VERSION, **asdict(self.about)}), zipfile.ZIP_DEFLATED)
        self._zip.close()


def _code(read: dict[str, Any]) -> Code:
    """As it was before JSON made text of numbers."""
    return {int(address): tuple(entry) for address, entry in read.items()}


def _member(number: int) -> str:
    return f"chunk-{number}"


def packed(records: NDArray[np.uint32]) -> bytes:
    """How many words there are (4 bytes), a bit for each byte that says whether it is 0, and the others."""
    octets = np.ascontiguousarray(records, "<u4").view(np.uint8)
    told = octets != 0
    return b"".join((len(records).to_bytes(4, "little"), np.packbits(told).tobytes(), octets[told].tobytes()))


def unpacked(data: bytes) -> NDArray[np.uint32]:
    """The words of ``packed``; ValueError when these bytes are none."""
    count = 4 * int.from_bytes(data[:4], "little")
    begin = 4 + (count + 7) // 8
    told = np.unpackbits(np.frombuffer(data[4:begin], np.uint8), count=count).astype(bool)
    octets = np.zeros(count, np.uint8)
    octets[told] = np.frombuffer(data[begin:], np.uint8)
    return octets.view("<u4")


class Recording:
    """A file of events, open for reading.

    Raises
    ------
    EventsError
        When the file is none of events, or cut off. OSError when it cannot be read.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        try:
            self._zip = zipfile.ZipFile(self.path)
            read = json.loads(self._zip.read(_ABOUT))
        except (zipfile.BadZipFile, KeyError, ValueError, zlib.error, EOFError):
            raise EventsError(f"{path} is no whole file of events: record it again (rtl FILE.s --record {path})") from None
        if read.pop("version", None) != VERSION:
            raise EventsError(f"{path} was written by another version of this program: record it again")
        read["code"] = _code(read["code"])
        read["programs"] = [(_code(code), labels) for code, labels in read["programs"]]
        self.about = About(**read)
        self._layouts = [Layout.described(port["name"], port["fields"]) for port in self.about.ports]
        named = [port["name"].removeprefix("trace__").split("__") for port in self.about.ports]
        self._names = [(name[0], int(name[-1])) for name in named]
        self._sizes = [words(port) for port in self.about.ports]

    def window(self, asked: tuple[int | None, int | None] | None = None, most: int | None = None) -> tuple[int, int]:
        """The cycles asked for that the file holds, at most so many; EventsError when it holds none of them."""
        first, last = self.about.window
        start, end = asked or (None, None)
        start = first if start is None else start
        end = (min(last, start + most) if most else last) if end is None else end
        if start >= last or end <= first:
            shown = ":".join("" if part is None else str(part) for part in asked or (None, None))
            raise EventsError(f"{self.path} holds cycles {first} to {last - 1}: {shown} lies outside")
        return max(start, first), min(end, last)

    def node(self, name: str | None) -> int:
        """A node by its name; EventsError with the names that there are."""
        if name is None:
            return 0
        if name not in self.about.places:
            raise EventsError(f"{self.path} holds no node {name!r}: there are {', '.join(self.about.places)}")
        return self.about.places.index(name)

    def events(self, first: int, last: int, node: int = 0, kinds: frozenset[str] | None = None) -> Iterator[Event]:
        """What all ports, or those of some kinds, told from cycle ``first`` to before ``last``: by cycles, in each by ports."""
        for number, (whose, begin, end) in enumerate(self.about.chunks):
            if whose == node and begin < last and end > first:
                for event in self._decoded(self._chunk(number), kinds):
                    if first <= event.cycle < last:
                        yield event

    def _chunk(self, number: int) -> NDArray[np.uint32]:
        try:
            return unpacked(self._zip.read(_member(number)))
        except (zipfile.BadZipFile, KeyError, ValueError, zlib.error, EOFError):
            raise EventsError(f"{self.path} is damaged: record it again") from None

    def _decoded(self, records: NDArray[np.uint32], kinds: frozenset[str] | None) -> Iterator[Event]:
        origin, at, image = self.about.origin, 0, records.tobytes()
        listed = records.tolist()
        while at < len(listed):
            port = listed[at]
            size = self._sizes[port]
            if kinds is None or self._names[port][0] in kinds:
                cycle = listed[at + 1] + (listed[at + 2] << 32) - origin
                value = int.from_bytes(image[4 * (at + _HEAD) : 4 * (at + _HEAD + size)], "little")
                yield Event(cycle, *self._names[port], self._layouts[port].unpack(value))
            at += _HEAD + size

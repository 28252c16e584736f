"""The C++ engine from Python: nodes in lockstep, packets in and out as words, traces as arrays.

    engine = Engine(elaborate(Node(config)))
    engine.send(0, [(control, body), ...])
    engine.run(cycles=100_000, packets=1)
    for control, body in engine.take(0): ...

Packets are the integers of golden.arch.packet: a control word and a body.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.compile.elaborate import Design
from sim.compile.verilator import FAST, QUICK, build_engine, wave_format
from sim.engine import ports
from sim.engine.ports import BODY_WORDS
from sim.engine.topology import Topology, apart

_FOLDER = Path(__file__).parent
_FILES = "engine.cpp engine.h loop.h node.h edge.h memory.h packet.h state.h wire.h"
SOURCES = [_FOLDER / name for name in _FILES.split()]
_SLICE = 50_000  # cycles that the engine runs at a time; Python hears of an interruption in between
LINK_PARTS = ("control_in", "body_in", "credit_in", "control_out", "body_out", "credit_out")
"""What is recorded of a node's link in a cycle: what comes in, what goes out. Bodies are folded to 32 bits, 0 when none is due."""

_U32, _U64, _POINTER = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_void_p
Functions = dict[str, tuple[Any, list[Any]]]
"""C functions by name: what they return, what they take."""
FUNCTIONS: Functions = {
    "engine_new": (_POINTER, [_U32, _U32, _U32, _POINTER]),
    "engine_delete": (None, [_POINTER]),
    "engine_set": (None, [_POINTER, _U32, _U32, _U64]),
    "engine_get": (None, [_POINTER, _U32, _U32, _POINTER]),
    "engine_reset": (None, [_POINTER]),
    "engine_prepare": (None, [_POINTER]),
    "engine_set_threads": (None, [_POINTER, _U32]),
    "engine_send": (None, [_POINTER, _U32, _U32, _POINTER]),
    "engine_received": (_U32, [_POINTER, _U32]),
    "engine_take": (None, [_POINTER, _U32, _U32, _POINTER]),
    "engine_memory": (None, [_POINTER, _U32, _U64, _U32, _U32, _U32, _POINTER]),
    "engine_memory_write": (None, [_POINTER, _U32, _U64, _U64, ctypes.c_char_p]),
    "engine_memory_read": (None, [_POINTER, _U32, _U64, _U64, ctypes.c_char_p]),
    "engine_memory_lines": (_U64, [_POINTER, _U32, _POINTER]),
    "engine_flip": (None, [_POINTER, _U32, _U64, _U32]),
    "engine_cycle": (_U64, [_POINTER]),
    "engine_run": (_U32, [_POINTER, _U64, _U32, _U32, _U64]),
    "engine_options": (None, [_POINTER, _U32, _U32, _U32, _U32]),
    "engine_trace_size": (_U64, [_POINTER, _U32]),
    "engine_take_trace": (None, [_POINTER, _U32, _POINTER]),
    "engine_links_size": (_U64, [_POINTER, _U32]),
    "engine_take_links": (None, [_POINTER, _U32, _POINTER]),
    "engine_waves": (_U32, [_POINTER, ctypes.c_char_p, _U32, _POINTER, _U64, ctypes.c_char_p]),
    "engine_end_waves": (None, [_POINTER]),
    "engine_save": (_U32, [_POINTER, ctypes.c_char_p]),
    "engine_restore": (_U32, [_POINTER, ctypes.c_char_p]),
}


class Ended(IntEnum):
    """Why a run returned."""

    CYCLES = 0
    PACKETS = 1
    QUIET = 2


class EngineError(RuntimeError):
    """The engine could not do what was asked; one sentence."""


def build(design: Design, waves: bool = False) -> Path:
    """The engine for a design as a shared object, compiled or found in build/."""
    flags, cflags = ["--savable"], ["-DENGINE_SAVE"]
    if waves:
        kind = wave_format()
        flags += [f"--trace-{kind}", "--trace-structs"]
        cflags.append(f"-DENGINE_{kind.upper()}")
    texts = {"ports.h": ports.header(design), "fields.h": ports.fields()}
    level = QUICK if design.manifest["config"] == "tiny" else FAST  # that of tests
    return build_engine(design, SOURCES, name="node", shared=True, flags=flags, cflags=[*cflags, "-pthread"], texts=texts, level=level)


def load(path: Path, functions: Functions) -> ctypes.CDLL:
    """A shared object with its functions declared."""
    library = ctypes.CDLL(str(path.resolve()))
    for name, (result, arguments) in functions.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Engine:
    """Instances of one design after reset, connected as a topology says, a host at every edge.

    Parameters
    ----------
    topology : one node with its host unless given.
    straps : inputs of each node that stand before the reset, by name.
    threads : that share the nodes; changes nothing but time.

    Raises
    ------
    EngineError
        From ``waves``, ``save`` and ``restore`` when the file cannot be used.
    """

    def __init__(
        self,
        design: Design,
        topology: Topology | None = None,
        waves: bool = False,
        straps: Sequence[Mapping[str, int]] = (),
        threads: int = 1,
    ) -> None:
        self.design, self.topology = design, topology or apart(1)
        self._library = self._load(waves)
        self._inputs, self._outputs = list(ports.inputs(design)), ports.outputs(design)
        self._options = {"resting": 0, "tracing": 0, "recording": 0, "hopping": 0}
        self._until: Callable[[], int] | None = None
        self._paused: Callable[[], None] | None = None
        table = self.topology.table
        self._handle = self._library.engine_new(self.topology.nodes, self.topology.edges, len(table), table.ctypes.data)
        self._library.engine_set_threads(self._handle, threads)
        for node, values in enumerate(straps):
            self.set(node, values)
        self._library.engine_reset(self._handle)

    def _load(self, waves: bool) -> ctypes.CDLL:
        return load(build(self.design, waves), FUNCTIONS)

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the nodes; waves are complete after this."""
        if self._handle:
            self._library.engine_delete(self._handle)
            self._handle = None

    @property
    def cycle(self) -> int:
        """Cycles since reset."""
        return self._library.engine_cycle(self._handle)

    # --- a node's other doors --------------------------------------------------------------------------------------------------

    def set(self, node: int, values: Mapping[str, int]) -> None:
        """Drive inputs that belong to no link, from now on."""
        for name, value in values.items():
            self._library.engine_set(self._handle, node, self._inputs.index(name), value)

    def get(self, node: int, output: str) -> int:
        """What an output shows that belongs to no link."""
        words = np.zeros(ports.words(self._outputs[output]), np.uint32)
        self._library.engine_get(self._handle, node, list(self._outputs).index(output), words.ctypes.data)
        return int.from_bytes(words.tobytes(), "little")

    def prepare(self) -> None:
        """A cycle before the first, in which every node sees its inputs and no link moves."""
        self._library.engine_prepare(self._handle)

    # --- packets ---------------------------------------------------------------------------------------------------------------

    def send(self, edge: int, packets: Iterable[tuple[int, int]] | NDArray[np.uint32]) -> None:
        """Queue packets at an edge's host; they enter as credits allow. ``encode`` prepares an array once for many sends."""
        words = packets if isinstance(packets, np.ndarray) else encode(packets)
        words = np.ascontiguousarray(words, np.uint32)
        self._library.engine_send(self._handle, edge, len(words), words.ctypes.data)

    def received(self, edge: int) -> int:
        """Packets that wait at the edge's host."""
        return self._library.engine_received(self._handle, edge)

    def take(self, edge: int) -> list[tuple[int, int]]:
        """All packets that wait at the edge's host, in order of arrival."""
        words = self.take_words(edge)
        return [(int(row[0]), int.from_bytes(row[1:].tobytes(), "little")) for row in words]

    def take_words(self, edge: int) -> NDArray[np.uint32]:
        """The same as rows of words: control, then body."""
        words = np.empty((self.received(edge), 1 + BODY_WORDS), np.uint32)
        self._library.engine_take(self._handle, edge, len(words), words.ctypes.data)
        return words

    def memory(self, edge: int, size: int, bytes_per_cycle: int, latency: int, ways: NDArray[np.uint32]) -> None:
        """Memory at an edge, beside its host; `ways` (places, 5): y << 5 | x, route and port of an answer that was asked by XY, by YX."""
        ways = np.ascontiguousarray(ways, np.uint32)
        self._library.engine_memory(self._handle, edge, size, bytes_per_cycle, latency, len(ways), ways.ctypes.data)

    def write_memory(self, edge: int, address: int, image: bytes) -> None:
        """Into the memory at an edge, by the back door."""
        self._library.engine_memory_write(self._handle, edge, address, len(image), image)

    def read_memory(self, edge: int, address: int, size: int) -> bytes:
        """Out of it."""
        image = ctypes.create_string_buffer(size)
        self._library.engine_memory_read(self._handle, edge, address, size, image)
        return image.raw

    def memory_lines(self, edge: int) -> list[int]:
        """Numbers of its lines that were written, ascending."""
        numbers = np.zeros(self._library.engine_memory_lines(self._handle, edge, None), np.uint64)
        self._library.engine_memory_lines(self._handle, edge, numbers.ctypes.data)
        return sorted(numbers.tolist())

    def flip(self, wire: int, packet: int, bit: int) -> None:
        """A bit of the body of the n-th packet, from 1 on, that a wire of the topology carries from the first flip on is wrong."""
        self._library.engine_flip(self._handle, wire, packet, bit)

    # --- time ------------------------------------------------------------------------------------------------------------------

    def run(self, cycles: int, packets: int = 0, edge: int = 0, quiet: int = 1 << 62) -> Ended:
        """Run until one of: so many cycles, so many packets at ``edge``'s host (0: never), nothing moved for so many cycles."""
        while cycles > 0:
            part = min(cycles, self._until() if self._until else _SLICE)
            ended = Ended(self._library.engine_run(self._handle, part, edge, packets, quiet))
            if self._paused:
                self._paused()
            if ended is not Ended.CYCLES:
                return ended
            cycles -= part
        return Ended.CYCLES

    def pause(self, until: Callable[[], int] | None, paused: Callable[[], None] | None) -> None:
        """From now on call ``paused`` in the midst of runs: after ``until()`` cycles at the latest, which is asked anew each time."""
        self._until, self._paused = until, paused

    # --- what is recorded ------------------------------------------------------------------------------------------------------

    def options(self, **which: bool) -> None:
        """From the next cycle on.

        ``tracing``: trace ports are recorded; ``recording``: links are; ``hopping``: packets that cross links are, among the trace's
        records (``ports.hop_ports``); ``resting``: nodes with nothing but links for doors are passed over while nothing can change in them.
        """
        unknown = which.keys() - self._options.keys()
        assert not unknown, f"no option {unknown}"
        self._options |= {name: int(value) for name, value in which.items()}
        self._library.engine_options(self._handle, *self._options.values())

    def take_trace(self, node: int = 0) -> NDArray[np.uint32]:
        """Trace records of a node so far: port, cycle (2 words), then the port's words."""
        words = np.empty(self._library.engine_trace_size(self._handle, node), np.uint32)
        self._library.engine_take_trace(self._handle, node, words.ctypes.data)
        return words

    def take_links(self) -> NDArray[np.uint32]:
        """What was recorded of links so far, (cycles, nodes, links of a node, `LINK_PARTS`)."""
        count, found = len(ports.links(self.design)), []
        for node in range(self.topology.nodes):
            words = np.empty(self._library.engine_links_size(self._handle, node), np.uint32)
            self._library.engine_take_links(self._handle, node, words.ctypes.data)
            found.append(words.reshape(-1, count, len(LINK_PARTS)))
        return np.stack(found, axis=1)

    def waves(self, path: Path, nodes: Sequence[int] = (0,), zero: int = 0, scopes: Sequence[str] = ()) -> None:
        """Write waves of these nodes from here on. A cycle is 500 ps, the one at time 0 is cycle ``zero``.

        ``scopes``: full names, as ``places`` gives them, of what is shown with all below; everything when there are none.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        chosen, named = np.array(nodes, np.uint32), "\n".join(scopes).encode()
        if not self._library.engine_waves(self._handle, str(path).encode(), len(chosen), chosen.ctypes.data, zero, named):
            raise EngineError(f"cannot write waves to {path}: the engine was built without waves, or the folder is not writable")

    def end_waves(self) -> None:
        """Their file is complete, nothing more is written to it."""
        self._library.engine_end_waves(self._handle)

    def save(self, path: Path) -> None:
        """Everything that changes, to a file; complete or not there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(path.suffix + ".partial")
        if not self._library.engine_save(self._handle, str(partial).encode()):
            raise EngineError(f"cannot write the checkpoint {path}: is the folder writable?")
        with partial.open("ab") as file:
            file.write(self.topology.signature)
        partial.replace(path)

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint that an engine of the same design and topology wrote."""
        if not path.is_file():
            raise EngineError(f"there is no checkpoint {path}")
        signature = self.topology.signature
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - len(signature)))
            same = file.read() == signature
        if not same:
            raise EngineError(f"the checkpoint {path} is not one of this machine: its nodes or wires are others")
        if not self._library.engine_restore(self._handle, str(path).encode()):
            raise EngineError(f"the checkpoint {path} cannot be read")


def encode(packets: Iterable[tuple[int, int]] | Sequence[tuple[int, int]]) -> NDArray[np.uint32]:
    """Rows of words for ``Engine.send``."""
    rows = [np.frombuffer(control.to_bytes(4, "little") + body.to_bytes(4 * BODY_WORDS, "little"), "<u4") for control, body in packets]
    return np.array(rows, np.uint32).reshape(-1, 1 + BODY_WORDS)

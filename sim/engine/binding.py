"""The C++ engine from Python: nodes in lockstep, packets in and out as words, traces as arrays.

    engine = Engine(elaborate(Node(config)))
    engine.send(0, [(control, body), ...])
    engine.run(cycles=100_000, packets=1)
    for control, body in engine.take(0): ...

Packets are the integers of golden.arch.packet: a control word and a body.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.arch.packet import BODY, CHANNELS, CREDITS
from sim.compile.elaborate import Design
from sim.compile.verilator import build_engine, wave_format

BODY_WORDS = -(-BODY.width // 32)
_SOURCE = Path(__file__).with_name("engine.cpp")
_SLICE = 50_000  # cycles that the engine runs at a time; Python hears of an interruption in between


class Ended(IntEnum):
    """Why a run returned."""

    CYCLES = 0
    PACKETS = 1
    QUIET = 2


class EngineError(RuntimeError):
    """The engine could not do what was asked; one sentence."""


def trace_ports(design: Design) -> list[dict[str, Any]]:
    """The manifest's trace ports in the order that records name them."""
    return [port for port in design.manifest["ports"] if port["name"].startswith("trace__") and port["direction"] == "output"]


def _header(design: Design) -> str:
    """What engine.cpp must know of this design."""
    lines = [f"#define BODY_WORDS {BODY_WORDS}", f"#define CHANNELS {CHANNELS}", f"#define CREDITS {CREDITS}"]
    members = [f"X({i}, {port['name'].replace('__', '___05F')}, {-(-port['width'] // 32)})" for i, port in enumerate(trace_ports(design))]
    return "\n".join([*lines, "#define FOR_EACH_TRACE(X) " + " ".join(members)]) + "\n"


def build(design: Design, waves: bool = False) -> Path:
    """The engine for a design as a shared object, compiled or found in build/."""
    flags, cflags = ["--savable"], ["-DENGINE_SAVE"]
    if waves:
        kind = wave_format()
        flags += [f"--trace-{kind}", "--trace-structs"]
        cflags.append(f"-DENGINE_{kind.upper()}")
    texts = {"ports.h": _header(design)}
    return build_engine(design, [_SOURCE], name="node", shared=True, flags=flags, cflags=cflags, texts=texts)


class Engine:
    """``count`` nodes of one design after reset.

    Raises
    ------
    EngineError
        From ``waves``, ``save`` and ``restore`` when the file cannot be used.
    """

    def __init__(self, design: Design, count: int = 1, waves: bool = False) -> None:
        self.design, self.count = design, count
        self._library = ctypes.CDLL(str(build(design, waves).resolve()))
        for name, result, arguments in (
            ("new", ctypes.c_void_p, [ctypes.c_uint32]),
            ("delete", None, [ctypes.c_void_p]),
            ("send", None, [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p]),
            ("received", ctypes.c_uint32, [ctypes.c_void_p, ctypes.c_uint32]),
            ("take", None, [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p]),
            ("cycle", ctypes.c_uint64, [ctypes.c_void_p]),
            ("run", ctypes.c_uint32, [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint64]),
            ("set_trace", None, [ctypes.c_void_p, ctypes.c_uint32]),
            ("trace_size", ctypes.c_uint64, [ctypes.c_void_p]),
            ("take_trace", None, [ctypes.c_void_p, ctypes.c_void_p]),
            ("waves", ctypes.c_uint32, [ctypes.c_void_p, ctypes.c_char_p]),
            ("save", ctypes.c_uint32, [ctypes.c_void_p, ctypes.c_char_p]),
            ("restore", ctypes.c_uint32, [ctypes.c_void_p, ctypes.c_char_p]),
        ):
            function = getattr(self._library, f"engine_{name}")
            function.restype, function.argtypes = result, arguments
        self._handle = self._library.engine_new(count)

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

    def send(self, node: int, packets: Iterable[tuple[int, int]] | NDArray[np.uint32]) -> None:
        """Queue packets at the node's host; they enter as credits allow. ``encode`` prepares an array once for many sends."""
        words = packets if isinstance(packets, np.ndarray) else encode(packets)
        words = np.ascontiguousarray(words, np.uint32)
        self._library.engine_send(self._handle, node, len(words), words.ctypes.data)

    def received(self, node: int) -> int:
        """Packets that wait at the node's host."""
        return self._library.engine_received(self._handle, node)

    def take(self, node: int) -> list[tuple[int, int]]:
        """All packets that wait at the node's host, in order of arrival."""
        words = self.take_words(node)
        return [(int(row[0]), int.from_bytes(row[1:].tobytes(), "little")) for row in words]

    def take_words(self, node: int) -> NDArray[np.uint32]:
        """The same as rows of words: control, then body."""
        words = np.empty((self.received(node), 1 + BODY_WORDS), np.uint32)
        self._library.engine_take(self._handle, node, len(words), words.ctypes.data)
        return words

    def run(self, cycles: int, packets: int = 0, node: int = 0, quiet: int = 1 << 62) -> Ended:
        """Run until one of: so many cycles, so many packets at ``node``'s host (0: never), all nodes quiet for so many cycles."""
        while cycles > 0:
            part = min(cycles, _SLICE)
            ended = Ended(self._library.engine_run(self._handle, part, node, packets, quiet))
            if ended is not Ended.CYCLES:
                return ended
            cycles -= part
        return Ended.CYCLES

    def trace(self, on: bool) -> None:
        """Record the trace ports from the next cycle on, or stop."""
        self._library.engine_set_trace(self._handle, int(on))

    def take_trace(self) -> NDArray[np.uint32]:
        """Trace records so far: port, cycle (2 words), node, then the port's words."""
        words = np.empty(self._library.engine_trace_size(self._handle), np.uint32)
        self._library.engine_take_trace(self._handle, words.ctypes.data)
        return words

    def waves(self, path: Path) -> None:
        """Write waves of node 0 from here on."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if not self._library.engine_waves(self._handle, str(path).encode()):
            raise EngineError(f"cannot write waves to {path}: the engine was built without waves, or the folder is not writable")

    def save(self, path: Path) -> None:
        """Everything that changes, to a file; complete or not there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(path.suffix + ".partial")
        if not self._library.engine_save(self._handle, str(partial).encode()):
            raise EngineError(f"cannot write the checkpoint {path}: is the folder writable?")
        partial.replace(path)

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint that an engine of the same design wrote."""
        if not path.is_file():
            raise EngineError(f"there is no checkpoint {path}")
        if not self._library.engine_restore(self._handle, str(path).encode()):
            raise EngineError(f"the checkpoint {path} cannot be read")


def encode(packets: Iterable[tuple[int, int]] | Sequence[tuple[int, int]]) -> NDArray[np.uint32]:
    """Rows of words for ``Engine.send``."""
    rows = [np.frombuffer(control.to_bytes(4, "little") + body.to_bytes(4 * BODY_WORDS, "little"), "<u4") for control, body in packets]
    return np.array(rows, np.uint32).reshape(-1, 1 + BODY_WORDS)

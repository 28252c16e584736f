"""The SRAM compiled with a player: request lists in, answers with their cycles out, some 100,000 cycles a second."""

import ctypes
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from golden.arch.config import BANKS
from rtl.mem.sram import SRAM
from sim.compile.elaborate import elaborate
from sim.compile.verilator import QUICK, build_engine
from tb.memory import ANSWER, EVENT, PORTS, REQUEST

HERE = Path(__file__).resolve().parent


class _Script(ctypes.Structure):
    _fields_ = [
        ("requests", ctypes.c_void_p * len(PORTS)),
        ("answers", ctypes.c_void_p * len(PORTS)),
        ("count", ctypes.c_int64 * len(PORTS)),
        ("cycles", ctypes.c_int64),
        ("events", ctypes.c_void_p),
        ("event_limit", ctypes.c_int64),
        ("event_count", ctypes.c_int64),
        ("conflicts", ctypes.c_int64),
        ("inject", ctypes.c_uint32 * 4),
        ("strays", ctypes.c_int64),
        ("surprises", ctypes.c_int64),
    ]


class Player:
    """One SRAM out of reset. `words` and `checks` are its storage (flat body only), writable from Python."""

    def __init__(self, library: ctypes.CDLL, rows: int, flat: bool):
        self._library = library
        self._handle = library.player_make()
        if flat:
            self.words = np.ctypeslib.as_array(library.player_words(self._handle), shape=(rows * BANKS,))
            self.checks = np.ctypeslib.as_array(library.player_checks(self._handle), shape=(rows * BANKS,))

    def close(self) -> None:
        self._library.player_free(self._handle)

    def reset(self) -> int:
        """Pulses reset; returns the cycles for which `busy` stays high."""
        return self._library.player_reset(self._handle)

    def run(self, requests: dict, cycles: int = 1_000_000, inject: tuple[int, ...] = (0, 0, 0, 0)) -> SimpleNamespace:
        """Plays {port: REQUEST array}, with an ECC_INJECT per thread.

        Returns answers {port: ANSWER array}, events, conflicts and cycles run.
        """
        script = _Script(cycles=cycles, inject=inject)
        answers = {}
        keep = []
        for index, port in enumerate(PORTS):
            asked = np.ascontiguousarray(requests.get(port, np.zeros(0, REQUEST)))
            answers[port] = np.full(len(asked), -1, ANSWER)
            keep.append(asked)
            script.requests[index] = asked.ctypes.data
            script.answers[index] = answers[port].ctypes.data
            script.count[index] = len(asked)
        events = np.zeros(65536, EVENT)
        script.events = events.ctypes.data
        script.event_limit = len(events)
        ran = self._library.player_run(self._handle, ctypes.byref(script))
        assert script.strays == 0, f"{script.strays} answers that nobody asked for"
        assert script.surprises == 0, f"in {script.surprises} cycles the reports were not those that had been announced"
        return SimpleNamespace(
            answers=answers, events=events[: script.event_count], conflicts=script.conflicts, cycles=ran
        )


@pytest.fixture(scope="session")
def load_player():
    """load_player(rows, body, sweep): a fresh Player; each configuration is compiled once."""
    libraries = {}
    players = []

    def load(rows: int = 256, body: str = "flat", sweep: bool = False) -> Player:
        key = rows, body, sweep
        if key not in libraries:
            flat = body == "flat"
            storage = [("SRAM.body", "words"), ("SRAM.body", "checks")] if flat else []
            library = ctypes.CDLL(str(build_engine(
                elaborate(SRAM(*key)),
                [HERE / "player.cpp"],
                name="player",
                shared=True,
                public=storage,
                cflags=["-DFLAT"] if flat else [],
                level=QUICK,
            )))
            library.player_make.restype = ctypes.c_void_p
            library.player_free.argtypes = [ctypes.c_void_p]
            library.player_reset.argtypes = [ctypes.c_void_p]
            library.player_reset.restype = ctypes.c_int64
            library.player_words.argtypes = library.player_checks.argtypes = [ctypes.c_void_p]
            library.player_words.restype = ctypes.POINTER(ctypes.c_uint64)
            library.player_checks.restype = ctypes.POINTER(ctypes.c_uint8)
            library.player_run.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
            library.player_run.restype = ctypes.c_int64
            libraries[key] = library
        players.append(Player(libraries[key], rows, body == "flat"))
        return players[-1]

    yield load
    for player in players:
        player.close()

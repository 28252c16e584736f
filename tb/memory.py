"""Requests to the SRAM, random traffic of them, and the rule that decides which answers are right.

The rule needs no model of the arbiter. Every access takes place in one slot. A return tells its slot exactly; so does
the completion of a store or line with one grant. The lanes of a vector store share a completion, so each has an
interval of slots. A load is right when every byte it returns was written by a store that may be the last one before
it: a store whose slot can lie before the load's, and that no other store certainly follows before the load.
"""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from golden.arch.sram import LANES, LINE_READ_LATENCY, LINE_WORDS, LOAD_LATENCY

PORTS = ("l0", "l1", "st", "sl", "ss", "mw", "mr", "fill")
LOADS = ("l0", "l1")

REQUEST = np.dtype([
    ("data", "<u8", 8),
    ("keep", "<u8"),
    ("earliest", "<i8"),
    ("addr", "<u4", 8),
    ("tag", "<u4"),
    ("enable", "u1"),
    ("thread", "u1"),
    ("reg", "u1"),
    ("unused", "u1"),
])
"""One request: `data` words, `keep` bytes kept or written (words for a mesh line), `earliest` cycle in which it may be
offered, word addresses `addr` (a line in addr[0]), `tag`, `enable` lanes, `thread` and `reg` of a load."""

ANSWER = np.dtype([("accepted", "<i8"), ("when", "<i8", 8), ("data", "<u8", 8), ("info", "<u4", 8), ("lost", "<i8")])
"""One answer: cycle `accepted`, per lane the cycle `when` it returned (or was done: lane 0), `data`, and `info`: thread
plus 256 times the register of a load, else the tag; of a line, a mask of its `lost` words."""

EVENT = np.dtype([("cycle", "<i8"), ("addr", "<u4"), ("count", "<u2"), ("source", "u1"), ("thread", "u1")])
"""One error report: `count` corrected words, or 0 for a word that could not be corrected and belongs to `thread`."""

BYTES = [np.uint64(0xFF << 8 * index) for index in range(8)]


def expand(keep: int) -> int:
    """64-bit mask of eight byte bits."""
    return sum(0xFF << 8 * index for index in range(8) if keep >> index & 1)


def traffic(
    rng: np.random.Generator,
    rows: int,
    counts: Mapping[str, int],
    *,
    spread: int | None = None,
    gap: float = 0.0,
    partial: float = 0.0,
) -> dict[str, np.ndarray]:
    """Random requests on the ports named in `counts`.

    Parameters
    ----------
    spread: addresses come from so many words (all of them unless given); few make conflicts and hits likely.
    gap: mean idle cycles between two requests of a port.
    partial: share of store lanes with a partial strobe.
    """
    words = rows * 64
    pool = rng.permutation(words)[: spread or words]
    result = {}
    for port, count in counts.items():
        asked = np.zeros(count, REQUEST)
        asked["data"] = rng.integers(0, 1 << 64, (count, 8), dtype=np.uint64)
        asked["addr"] = rng.choice(pool, (count, 8))
        if port in ("mw", "mr", "fill"):
            asked["addr"] >>= 3
        kind = rng.random((count, 8))
        strobes = np.where(kind < partial, rng.integers(0, 256, (count, 8)), 0xFF).astype(np.uint64)
        if port == "mw":
            asked["keep"] = np.where(rng.random(count) < 0.7, 0xFF, rng.integers(0, 256, count))
        elif port == "ss":
            asked["keep"] = strobes[:, 0]
        elif port == "st":
            asked["keep"] = (strobes << (8 * np.arange(8, dtype=np.uint64))).sum(axis=1, dtype=np.uint64)
        else:
            every = rng.random(count) < 0.6
            asked["keep"] = np.where(every, np.uint64(2**64 - 1), rng.integers(0, 1 << 64, count, dtype=np.uint64))
        asked["enable"] = np.where(rng.random(count) < 0.8, 0xFF, rng.integers(0, 256, count))
        asked["thread"] = rng.integers(0, 4, count)
        asked["reg"] = rng.integers(0, 32, count)
        asked["tag"] = np.arange(count) % {"sl": 65536, "mw": 256, "mr": 256}.get(port, 64)
        if gap:
            asked["earliest"] = np.cumsum(rng.geometric(1 / (1 + gap), count) - 1)
        result[port] = asked
    return result


def _stores(requests: Mapping, answers: Mapping):
    """(word, byte mask, data, first possible slot, last possible slot) of every word written."""
    for port in ("st", "ss", "mw"):
        for asked, answer in zip(requests.get(port, ()), answers[port], strict=True):
            done = int(answer["when"][0])
            if port == "st":
                for lane in range(LANES):
                    mask = expand(int(asked["keep"]) >> 8 * lane & 0xFF) if asked["enable"] >> lane & 1 else 0
                    yield int(asked["addr"][lane]), mask, int(asked["data"][lane]), int(answer["accepted"]) + 2, done
            elif port == "ss":
                yield int(asked["addr"][0]), expand(int(asked["keep"])), int(asked["data"][0]), done, done
            else:
                for word in range(LINE_WORDS):
                    mask = 2**64 - 1 if int(asked["keep"]) >> word & 1 else 0
                    yield int(asked["addr"][0]) * 8 + word, mask, int(asked["data"][word]), done, done


def _loads(requests: Mapping, answers: Mapping):
    """(port and index, word or None, byte mask, value returned, slot) of every word read."""
    for port in ("l0", "l1", "sl", "mr", "fill"):
        for index, (asked, answer) in enumerate(zip(requests.get(port, ()), answers[port], strict=True)):
            for lane in range(1 if port == "sl" else 8):
                slot = int(answer["when"][0 if port in ("mr", "fill") else lane]) - (LOAD_LATENCY - 1)
                value = int(answer["data"][lane])
                if port in LOADS:
                    enabled = asked["enable"] >> lane & 1
                    mask = expand(int(asked["keep"]) >> 8 * lane & 0xFF) if enabled else 0
                    yield (port, index, lane), int(asked["addr"][lane]), mask, value, slot
                elif port == "sl":
                    yield (port, index, 0), int(asked["addr"][0]), 2**64 - 1, value, slot
                else:
                    yield (port, index, lane), int(asked["addr"][0]) * 8 + lane, 2**64 - 1, value, slot


def _check_answered(requests: Mapping, answers: Mapping) -> None:
    """Every request was taken and answered, in order per lane, not before the latency, with what it asked to have
    back."""
    for port, asked in requests.items():
        answer = answers[port]
        lanes = slice(None) if port in LOADS else slice(0, 1)
        when = answer["when"][:, lanes]
        assert (answer["accepted"] >= 0).all(), f"{port}: {int((answer['accepted'] < 0).sum())} requests never taken"
        assert (when >= 0).all(), f"{port}: {int((when < 0).any(axis=1).sum())} requests never answered"
        assert (np.diff(when, axis=0) > 0).all(), f"{port}: two answers of a lane in one cycle or out of order"
        least = {"mr": LINE_READ_LATENCY, "fill": LINE_READ_LATENCY, "st": 2, "ss": 2, "mw": 2}.get(port, LOAD_LATENCY)
        early = (when - answer["accepted"][:, None]).min(initial=least)
        assert early >= least, f"{port}: answered after {early} cycles, the least is {least}"
        if port in LOADS:
            info = asked["thread"].astype(np.uint32) | asked["reg"].astype(np.uint32) << 8
        else:
            info = asked["tag"] if port != "fill" else np.zeros(len(asked), np.uint32)
        assert (answer["info"][:, lanes] == info[:, None]).all(), f"{port}: tags came back changed or out of order"


def check(requests: Mapping, answers: Mapping, initial: np.ndarray) -> int:
    """AssertionError unless every answer is right; returns how many words were compared.

    Parameters
    ----------
    initial: the memory's words before the run.
    """
    _check_answered(requests, answers)
    written = defaultdict(list)
    for word, mask, data, first, last in _stores(requests, answers):
        if mask:
            written[word].append((first, last, mask, data))
    compared = 0
    for where, word, mask, value, slot in _loads(requests, answers):
        compared += 1
        assert value & ~mask == 0, f"{where}: masked bytes of word {word:#x} are not zero: {value:#018x}"
        stores = written.get(word)
        if not stores or not mask:
            expected = int(initial[word]) & mask
            assert value == expected, f"{where}: word {word:#x} in slot {slot}: {value:#018x}, not {expected:#018x}"
            continue
        for byte in range(8):
            lane = 0xFF << 8 * byte
            if not mask & lane:
                continue
            before = [store for store in stores if store[2] & lane and store[0] < slot]
            # The latest start among stores that are certainly over: whatever ended before it cannot be the last.
            certain = max((first for first, last, _, _ in before if last < slot), default=None)
            allowed = {data & lane for first, last, _, data in before if certain is None or last >= certain}
            if certain is None:
                allowed.add(int(initial[word]) & lane)
            assert value & lane in allowed, (
                f"{where}: byte {byte} of word {word:#x} in slot {slot} is {value & lane:#x}, "
                f"allowed {[hex(data) for data in allowed]}; "
                f"stores {[(first, last, hex(part)) for first, last, part, _ in stores]}"
            )
    return compared


def final_words(requests: Mapping, answers: Mapping, initial: np.ndarray) -> dict[int, set[int]]:
    """Words after the run that were written: for each, the values it may have (one, unless stores overlapped)."""
    written = defaultdict(list)
    for word, mask, data, first, last in _stores(requests, answers):
        if mask:
            written[word].append((first, last, mask, data))
    result = {}
    for word, stores in written.items():
        values = {0}
        for byte in range(8):
            lane = 0xFF << 8 * byte
            mine = [store for store in stores if store[2] & lane]
            certain = max((first for first, _, _, _ in mine), default=None)
            allowed = {data & lane for _, last, _, data in mine if last >= certain} or {int(initial[word]) & lane}
            values = {value | byte_value for value in values for byte_value in allowed}
        result[word] = values
    return result

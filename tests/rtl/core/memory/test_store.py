"""When stores start and slots become free: the order of completions, turns of threads, places for scalar stores.

What stores, drains of each format, scalar stores of each size and raises write is checked by test_vector.py.
"""

import pytest

from rtl.core.interfaces import STORE_SLOTS, StoreKind
from tests.rtl.core.vector.direct import Direct, word_store

pytestmark = pytest.mark.rtl
THREADS, SCALAR_STREAM = 4, 8


@pytest.mark.parametrize("pace", [{"st": 0.05, "ss": 1.0}, {"st": 1.0, "ss": 0.05}, {"st": 0.3, "ss": 0.3}], ids=str)
def test_store_slots_freed_out_of_order(unit, rng, pace):
    """Entries of one thread whose writes complete in another order than theirs: the ranges of unwritten ones are shown and block."""
    direct = Direct(unit)
    entries: list[dict] = []  # not written
    ports: dict[str, list[dict]] = {"st": [], "ss": []}  # taken by the memory
    slots, last, seq, early = [0] * THREADS, -1, 0, 0
    cycles, limit = 2500, 6000
    while direct.cycle < cycles or entries:
        assert direct.cycle < limit, f"never written: {entries}"
        inputs = {f"{port}__ready": int(rng.random() < 0.8) for port in ports}
        t = int(rng.integers(THREADS))
        parts, fresh = [], None
        if direct.cycle < cycles and t != last and direct["store_progress__slots"][t]["occupied"] != 15:
            port, word, seq = ("st", "ss")[int(rng.integers(2))], int(rng.integers(4)), seq + 1
            kind, stream = (StoreKind.SCALAR, SCALAR_STREAM) if port == "ss" else (StoreKind.VECTOR, 3 << 10 | seq % 1024)
            fresh = {"thread": t, "slot": slots[t], "word": word, "port": port, "seq": seq % 65536, "stream": stream}
            parts.append(direct.store(t, kind, fresh["seq"], word_store(word, stream), value=seq))
            slots[t] = (slots[t] + 1) % STORE_SLOTS
        last = t if fresh else -1
        written = []
        for port, waiting in ports.items():
            if waiting and rng.random() < pace[port]:
                entry = waiting.pop(0)
                parts.append(direct.done(port, entry["slot"] | entry["thread"] << 2 | 16))
                written.append(entry)
        direct.step(*parts, **inputs)
        shown = direct["store_progress__slots"]
        for entry in entries:
            of, s = shown[entry["thread"]], entry["slot"]
            assert of["occupied"] >> s & 1, f"the slot of {entry} is free"
            if entry["placed"]:
                assert of["addr_valid"] >> s & 1 and of["low"][s] == of["high"][s] == entry["word"], f"{entry} is not shown: {of}"
            entry["placed"] = True
        for t in range(THREADS):
            assert direct["store_progress__idle"] >> t & 1 == (shown[t]["occupied"] == 0)
        for port in ports:
            if direct[f"{port}__valid"] and inputs[f"{port}__ready"]:
                tag = direct[f"{port}__tag"]
                mine = [entry for entry in entries if entry["thread"] == tag >> 2 & 3]
                entry = next(entry for entry in mine if entry["slot"] == tag & 3)
                assert entry["port"] == port and entry not in ports[port]
                older = [other for other in mine[: mine.index(entry)] if other["word"] == entry["word"]]
                assert all(other["stream"] == entry["stream"] for other in older), f"{entry} overtakes one of {older}"
                ports[port].append(entry)
        for entry in written:
            early += any(other["thread"] == entry["thread"] for other in entries[: entries.index(entry)])
            entries.remove(entry)
        if fresh:
            entries.append(fresh | {"placed": False})
    for _ in range(STORE_SLOTS + 1):
        direct.step()
    assert direct["store_progress__idle"] == 15 and all(of["occupied"] == 0 for of in direct["store_progress__slots"])
    assert early > 40, "hardly a completion out of order"


def test_nobody_waits_for_a_written_entry_behind_an_unwritten_one(unit):
    direct = Direct(unit)
    direct.step(direct.store(2, StoreKind.VECTOR, 1, word_store(11, 100)))
    direct.step(direct.store(2, StoreKind.SCALAR, 2, word_store(12, SCALAR_STREAM)))
    for _ in range(10):
        direct.step(st__ready=1, ss__ready=1)
    direct.step(direct.done("ss", 1 | 2 << 2))
    direct.step()
    slots = direct["store_progress__slots"][2]
    assert slots["occupied"] == 0b0011 and slots["low"][1] > slots["high"][1]
    direct.step(direct.store(2, StoreKind.VECTOR, 3, word_store(12, 101)))
    direct.step(direct.store(2, StoreKind.VECTOR, 4, word_store(11, 102)))
    seen = []
    for _ in range(12):
        direct.step(st__ready=1)
        seen += [direct["trace_store__record__0"]["seq"]] if direct["st__valid"] else []
    assert seen == [3]
    direct.step(direct.done("st", 16 | 0 | 2 << 2), st__ready=1)
    for _ in range(12):
        direct.step(st__ready=1)
        seen += [direct["trace_store__record__0"]["seq"]] if direct["st__valid"] else []
    assert seen == [3, 4] and direct["store_progress__slots"][2]["occupied"] == 0b1100


@pytest.mark.parametrize("kind, port", [(StoreKind.VECTOR, "st"), (StoreKind.SCALAR, "ss")])
def test_threads_take_turns_with_stores_and_one_starts_every_cycle(unit, kind, port):
    """Sixteen stores that wait for a load, which all start when its last lane is there."""
    direct = Direct(unit)
    for t in range(0, THREADS, 2):
        direct.step(direct.begin((t, 9), (t + 1, 9)))
    for k in range(THREADS * STORE_SLOTS):
        t = k % THREADS
        direct.step(direct.store(t, kind, k, word_store(k, 8 if port == "ss" else 100 + k), loads=1 << 9, value=1000 + k))
    for _ in range(5):
        direct.step(**{f"{port}__ready": 1})
        assert not direct[f"{port}__valid"]
    # The last lanes come together: on both ports lane 7 of one thread and lane 6 of another.
    last = {t: 7 - t // 2 for t in range(THREADS)}
    for t in range(THREADS):
        direct.step(direct.lanes(t % 2, {lane: (t, 9, 0) for lane in range(8) if lane != last[t]}))
    both = [direct.lanes(port, {last[t]: (t, 9, 0) for t in (port, port + 2)}) for port in range(2)]
    seen, cycles = [], []
    for _ in range(40):
        direct.step(*both, **{f"{port}__ready": 1})
        both = []
        if direct[f"{port}__valid"]:
            seen.append(direct[f"{port}__tag"] >> 2 & 3)
            cycles.append(direct.cycle)
    assert seen == [(seen[0] + k) % THREADS for k in range(THREADS * STORE_SLOTS)]
    assert cycles == list(range(cycles[0], cycles[0] + THREADS * STORE_SLOTS))


def test_scalar_stores_wait_for_the_memory_without_loss(unit):
    """More than the unit has places for, while the memory takes none."""
    direct = Direct(unit)
    for k in range(THREADS * STORE_SLOTS):
        direct.step(direct.store(k % THREADS, StoreKind.SCALAR, k, word_store(k, SCALAR_STREAM), value=1000 + k))
    for _ in range(30):
        direct.step()
    taken = []
    for _ in range(60):
        direct.step(ss__ready=1)
        if direct["ss__valid"]:
            taken.append((direct["ss__addr"], direct["ss__data"]))
    assert sorted(taken) == [(k, 1000 + k) for k in range(THREADS * STORE_SLOTS)]

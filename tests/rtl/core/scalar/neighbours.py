"""Models of what surrounds the scalar unit: SRAM ports, vector unit and store unit, with random delays everywhere.

Values are real: loads read a memory when they are granted, SIMD operations and stores read registers when they may, so an
access that is let go too early shows as a wrong value.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

from golden.arch.isa import THREADS
from golden.arch.tags import ST, VQ, passed
from rtl.core.access import LoadTag
from rtl.core.interfaces import STORE_SLOTS, StoreKind
from tests.rtl.core.packing import unpack


@dataclass
class VectorOp:
    """An instruction in a vector queue: registers read, register written, captured parities, and what it computes."""

    sources: list[int]
    target: int
    parities: dict[int, int]
    st: dict[str, int]
    compute: Callable[[list[bytes]], bytes]


@dataclass
class Store:
    """An entry of a store queue."""

    slot: int
    issue: dict[str, Any]
    address: dict[str, Any] | None = None
    cancelled: bool = False
    started: bytes | None = None
    remaining: int = 0


@dataclass
class ThreadSide:
    """One thread's part of vector unit and store unit."""

    v: list[bytes]
    accumulators: Any
    vq_head: int = 0
    queue: list[VectorOp] = field(default_factory=list)
    flying: list[tuple[int, int, bytes]] = field(default_factory=list)  # SIMD results: cycle, register, value
    simd_pending: int = 0
    load_parity: int = 0
    load_busy: int = 0
    loads_done: list[int] = field(default_factory=lambda: [0] * 32)
    st_read: int = 0
    stores: list[Store] = field(default_factory=list)
    slot: int = 0
    dropped: list[int] = field(default_factory=list)  # numbers of stores that a kill dropped: what they would have written is as it was


class Neighbours:
    """The models.

    Parameters
    ----------
    memory: bytes of SRAM.
    drains: (thread, accumulator, format, relu) -> rows of the tile as bytes, for drains.
    stored: (thread, number of an instruction) -> addresses of the bytes that it writes to memory.
    """

    def __init__(self, rng: np.random.Generator, memory: np.ndarray, registers, drains, stored) -> None:
        self.rng, self.memory, self.drains, self.stored = rng, memory, drains, stored
        self.threads = [ThreadSide(list(registers[t]), None) for t in range(THREADS)]
        self.cycle = 0
        self.ports: list[list[tuple[int, dict[str, Any]]]] = [[], []]  # vector loads asked for: not before, request
        self.arriving: list[tuple[int, int, int, bytes]] = []  # cycle, thread, register, value
        self.scalar: list[tuple[int, int, int]] = []  # scalar loads: not before, word, tag
        self.answer: tuple[int, int] | None = None  # scalar load that returns in this cycle: tag, data
        self.ready = [1, 1, 1]
        self.loads: dict[tuple[int, int], int] = {}  # (thread, register) -> seq of the load under way
        self.effects: list[tuple[int, int, tuple]] = []  # thread, seq, effect
        # Of loads, by thread and number, the bytes of the register that a dropped older store would have written. The number of a scalar
        # load is not told here: by thread and register, in the order of their answers, what they read and which stores were dropped then.
        self.undefined: dict[tuple[int, int], set[int]] = {}
        self.answered: dict[tuple[int, int], list[tuple[range, list[int]]]] = {}
        self.store_delay, self.vector_rate = 6, 0.5

    # --- what the unit sees ---------------------------------------------------------------------------------------------

    def inputs(self) -> dict[str, Any]:
        """Inputs for this cycle, all from state."""
        self.ready = [int(self.rng.random() < 0.8) for _ in range(3)]
        slots = []
        for side in self.threads:
            entry = {"occupied": 0, "addr_valid": 0, "low": [0] * STORE_SLOTS, "high": [0] * STORE_SLOTS}
            for store in side.stores:
                entry["occupied"] |= 1 << store.slot
                if store.address is not None:
                    entry["addr_valid"] |= 1 << store.slot
                    entry["low"][store.slot], entry["high"][store.slot] = store.address["low"], store.address["high"]
            slots.append(entry)
        values: dict[str, Any] = {
            "vector_progress__vq_head": [side.vq_head for side in self.threads],
            "vector_progress__simd_pending": [side.simd_pending for side in self.threads],
            "vector_progress__load_parity": [side.load_parity for side in self.threads],
            "vector_progress__load_busy": [side.load_busy for side in self.threads],
            "store_progress__st_read": [side.st_read for side in self.threads],
            "store_progress__slots": slots,
            "l0__ready": self.ready[0],
            "l1__ready": self.ready[1],
            "sl__ready": self.ready[2],
        }
        if self.answer is not None:
            values |= {"sl__ret__valid": 1, "sl__ret__tag": self.answer[0], "sl__ret__data": self.answer[1]}
        return values

    # --- what the unit does ---------------------------------------------------------------------------------------------

    def step(self, unit, out: dict[str, int], kill: int) -> None:
        """Take the outputs of this cycle and go on to the next."""
        rng = self.rng
        scalar_busy = unit.read(out, "progress__busy")
        self.answer = None
        # Loads and stores that were asked for earlier; what is written now is seen by loads granted from the next cycle on.
        self._grant_loads()
        for t, side in enumerate(self.threads):
            self._stores(t, side, scalar_busy[t])
            self._vector(side)
        # New requests.
        if out["load_begins__begin"]:
            for begin in unit.read(out, "load_begins__begin"):
                if begin["valid"]:
                    t, reg = begin["thread"], begin["reg"]
                    side = self.threads[t]
                    assert not side.load_busy >> reg & 1, f"thread {t}: a second load to v{reg} while one is under way"
                    side.load_busy |= 1 << reg
                    self.loads[t, reg] = begin["seq"]
        for k, port in enumerate(("l0", "l1")):
            if out[f"{port}__valid"] and self.ready[k]:
                request = {
                    name: unit.read(out, f"{port}__{name}") for name in ("thread", "reg", "enable", "addr", "keep")
                }
                self.ports[k].append((self.cycle + int(rng.integers(1, 5)), request))
        if out["sl__valid"] and self.ready[2]:
            self.scalar.append((self.cycle + int(rng.integers(1, 8)), out["sl__addr"], out["sl__tag"]))
        if out["stores__address"]:
            address = unit.read(out, "stores__address")
            if address["valid"]:
                side = self.threads[address["thread"]]
                for store in side.stores:
                    if store.address is None:
                        store.address, store.cancelled = address["store"], bool(address["cancel"])
                        self._check_stream(address["thread"], side, store)
                        break
        if out["stores__issue"]:
            issued = unit.read(out, "stores__issue")
            if issued["valid"]:
                t = issued["thread"]
                side = self.threads[t]
                assert len(side.stores) < STORE_SLOTS, f"thread {t}: a store into a full queue"
                side.stores.append(Store(side.slot, issued["store"]))
                side.slot = (side.slot + 1) % STORE_SLOTS
        for t, side in enumerate(self.threads):
            if kill >> t & 1:
                side.queue.clear()
                side.dropped += [store.issue["seq"] for store in side.stores]
                side.stores.clear()
        self.cycle += 1

    def _grant_loads(self) -> None:
        for queue in self.ports:
            if queue and queue[0][0] <= self.cycle:
                _, request = queue.pop(0)
                value = bytearray(64)
                thread, number = request["thread"], self.loads[request["thread"], request["reg"]]
                missing = self.missing(thread, number, self.threads[thread].dropped)
                for lane, place in product(range(8), range(8)):
                    byte, address = 8 * lane + place, 8 * request["addr"][lane] + place
                    if request["enable"] >> lane & 1 and request["keep"] >> byte & 1:
                        value[byte] = self.memory[address]
                        if address in missing:
                            self.undefined.setdefault((thread, number), set()).add(byte)
                due = self.cycle + int(self.rng.integers(3, 8))
                self.arriving.append((due, request["thread"], request["reg"], bytes(value)))
        for item in [item for item in self.arriving if item[0] <= self.cycle]:
            self.arriving.remove(item)
            _, t, reg, value = item
            side = self.threads[t]
            side.v[reg] = value
            side.load_busy &= ~(1 << reg)
            side.load_parity ^= 1 << reg
            side.loads_done[reg] += 1
            self.effects.append((t, self.loads.pop((t, reg)), ("v", reg, value)))
        if self.scalar and self.scalar[0][0] <= self.cycle:
            _, word, tag = self.scalar.pop(0)
            self.answer = tag, int.from_bytes(self.memory[8 * word : 8 * word + 8].tobytes(), "little")
            fields = unpack(LoadTag, tag)
            start = 8 * word + fields["offset"]
            dropped = list(self.threads[fields["thread"]].dropped)
            self.answered.setdefault((fields["thread"], fields["index"]), []).append((range(start, start + (1 << fields["size"])), dropped))

    def missing(self, t: int, number: int, dropped: list[int]) -> set[int]:
        """Bytes that dropped stores older than an instruction would have written."""
        return {byte for store in dropped if store < number for byte in self.stored(t, store)}

    def settle(self, t: int, number: int, register: int) -> None:
        """A scalar load has written its register: what it read counts as far as it is defined."""
        read, dropped = self.answered[t, register].pop(0)
        if missing := self.missing(t, number, dropped).intersection(read):
            self.undefined[t, number] = {address - read.start for address in missing}

    def forget(self) -> None:
        """Other programs begin."""
        self.undefined.clear()
        self.answered.clear()
        for side in self.threads:
            side.dropped.clear()

    def _vector(self, side: ThreadSide) -> None:
        for item in [item for item in side.flying if item[0] <= self.cycle]:
            side.flying.remove(item)
            side.v[item[1]] = item[2]
            side.simd_pending &= ~(1 << item[1])
        if not side.queue or self.rng.random() > self.vector_rate:
            return
        op = side.queue[0]
        ready = all(side.load_parity >> r & 1 == p and not side.simd_pending >> r & 1 for r, p in op.parities.items())
        if ready and passed(op.st, side.st_read, ST):
            side.queue.pop(0)
            side.vq_head = (side.vq_head + 1) % VQ
            side.simd_pending |= 1 << op.target
            value = op.compute([side.v[r] for r in op.sources])
            side.flying.append((self.cycle + int(self.rng.integers(2, 9)), op.target, value))

    def _stores(self, t: int, side: ThreadSide, scalar_busy: int) -> None:
        for store in side.stores:
            store.issue["loads"] &= side.load_busy
            store.issue["scalar_loads"] &= scalar_busy
        if not side.stores:
            return
        head = side.stores[0]
        if head.started is not None:
            head.remaining -= 1
            if head.remaining <= 0:
                side.stores.pop(0)
                self._write(t, head)
            return
        entry = head.issue
        if head.address is None:
            return
        if not head.cancelled:
            kind, source = StoreKind(entry["kind"]), entry["source"]
            if entry["loads"] or entry["scalar_loads"]:
                return
            if kind is StoreKind.VECTOR and not (
                passed(entry["vq"], side.vq_head, VQ)
                and side.load_parity >> source & 1 == entry["parity"]
                and not side.simd_pending >> source & 1
            ):
                return
            if kind is StoreKind.DRAIN and not passed(entry["vq"], side.vq_head, VQ):
                return
        head.started = side.v[entry["source"]] if entry["kind"] == StoreKind.VECTOR.value else b""
        head.remaining = int(self.rng.integers(1, self.store_delay))
        side.st_read = (side.st_read + 1) % ST

    @staticmethod
    def lanes(address: dict[str, Any]) -> list[int]:
        """Word of each lane of a vector store."""
        t = (address["t0"], address["t1"], address["t2"])
        return [(address["base"] + sum(t[b] * (lane >> b & 1) for b in range(3))) % (1 << 18) for lane in range(8)]

    def written(self, t: int, store: Store) -> list[tuple[int, int, int, int]]:
        """Beat by beat what a store writes: (byte address, value, lane, beat); value -1 where it does not matter."""
        entry, address = store.issue, store.address
        assert address is not None
        kind = StoreKind(entry["kind"])
        found = []
        if kind is StoreKind.SCALAR:
            for byte in range(8):
                if address["strobe"] >> byte & 1 and address["enable"] & 1:
                    found.append((8 * address["base"] + byte, entry["value"] >> (8 * byte) & 255, 0, 0))
        elif kind is StoreKind.VECTOR:
            for lane, word in enumerate(self.lanes(address)):
                for byte in range(8):
                    if address["enable"] >> lane & 1 and address["strobe"] >> (8 * lane + byte) & 1:
                        value = store.started[8 * lane + byte] if store.started is not None else -1
                        found.append((8 * word + byte, value, lane, 0))
        elif kind is StoreKind.DRAIN:
            rows = self.drains(t, entry["source"], entry["drain_format"], entry["relu"])
            size = len(rows[0]) // 8
            for row in range(8):
                for byte, value in enumerate(rows[row]):
                    if address["row_mask"] >> row & 1 and address["column_mask"] >> (byte // size) & 1:
                        word = (address["base"] + row * address["row_pitch"] + byte // 8) % (1 << 18)
                        lane = byte // 8 if size == 8 else 2 * (row % 4) + byte // 8 % 2
                        found.append((8 * word + byte % 8, value, lane, 0))
        return found

    def _write(self, t: int, store: Store) -> None:
        if store.cancelled:
            return
        entry = store.issue
        if entry["kind"] == StoreKind.RAISE.value:
            pc, semaphore, amount = entry["value"] >> 32, entry["value"] >> 16 & 0xFFFF, entry["value"] & 0xFFFF
            assert pc == (0x8000 >> 2) + entry["seq"], f"a raise at {4 * pc:#x}"
            self.effects.append((t, entry["seq"], ("s", semaphore, amount)))
            return
        low, high = store.address["low"], store.address["high"]
        for byte, value, _, _ in self.written(t, store):
            assert low <= byte >> 3 <= high, f"byte {byte:#x} outside the range {low:#x} to {high:#x} of its store"
            self.memory[byte] = value

    def _check_stream(self, t: int, side: ThreadSide, store: Store) -> None:
        """Two stores of one stream write their equal words in equal lanes."""
        if store.cancelled:
            return
        for other in side.stores:
            if other is store or other.address is None or other.cancelled:
                continue
            if other.address["stream"] != store.address["stream"] or store.issue["kind"] == StoreKind.RAISE.value:
                continue
            lanes = {byte >> 3: lane for byte, _, lane, _ in self.written(t, other)}
            for byte, _, lane, _ in self.written(t, store):
                assert lanes.get(byte >> 3, lane) == lane, f"one stream, word {byte >> 3:#x} in two lanes"

    def quiet(self, t: int) -> bool:
        """Nothing of the thread is under way here."""
        side = self.threads[t]
        return not (side.queue or side.flying or side.stores or side.load_busy)

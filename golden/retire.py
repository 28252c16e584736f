"""From the RTL's trace ports to retire records: joins what the parts of the core say of one instruction.

Decode announces every instruction in program order; results follow from wherever they are made, named by (thread, seq). A record is
complete when every effect that its word promises has come. The lanes of a vector load return one by one and name the register: only
one load to a register is under way at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from golden.arch import isa
from golden.arch.classes import DescriptorUse, Port, Queue
from golden.arch.encoding import Insn, OperandKind
from golden.arch.trace import LANES, SCALAR_KINDS, STORE_KINDS, Record, merge_bytes


class TraceError(AssertionError):
    """The trace contradicts itself: a result without an instruction, a second result, or one that never came."""


@dataclass
class _Open:
    """An instruction of which something is missing: letters of effects still due, beats of stores, bytes so far."""

    record: Record
    due: list[str]
    beats: int = 0
    written: list[tuple[int, int]] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return not self.due and not self.beats


def promised(insn: Insn, values: Mapping[str, int]) -> tuple[list[str], int]:
    """Letters of the effects that an executed instruction has, and how many store beats it sends."""
    letters = {OperandKind.X: "x", OperandKind.P: "p", OperandKind.V: "v", OperandKind.C: "c"}
    due = [
        letters[op.kind]
        for op in insn.operands
        if op.writes and op.kind in letters and not (op.kind in (OperandKind.X, OperandKind.P) and values[op.name] == 0)
    ]
    if insn.descriptor in (DescriptorUse.SET, DescriptorUse.STEP) or values.get("step"):
        due.append("d")
    if insn.port is Port.SYNC:
        return [*due, "s"], 0
    return due, insn.beats


class Collector:
    """Feed events in the order of cycles; take complete records per thread in program order with ``take``."""

    def __init__(self, features: frozenset[str]) -> None:
        self.features = features
        self.open: dict[tuple[int, int], _Open] = {}
        self.order: dict[int, list[_Open]] = {t: [] for t in range(isa.THREADS)}
        self.loads: dict[tuple[int, int], tuple[_Open, dict[int, bytes]]] = {}

    def dispatch(self, thread: int, seq: int, pc: int, word: int, executed: int, result: int) -> None:
        """An instruction in program order; ``pc`` is a byte address, ``result`` that of predicate logic."""
        item = _Open(Record(thread, seq, pc, word, bool(executed)), [])
        if executed:
            insn = isa.lookup(word, self.features)
            if insn is None:
                raise TraceError(f"thread {thread} seq {seq}: the illegal word {word:#010x} was dispatched")
            values = insn.decode(word)
            item.due, item.beats = promised(insn, values)
            if insn.queue is Queue.NONE and "p" in item.due:
                item.due.remove("p")
                item.record.effects.append(("p", values["pd"], result))
        if (thread, seq) in self.open:
            raise TraceError(f"thread {thread} seq {seq} is dispatched while an older one of that number is incomplete")
        self.order[thread].append(item)
        if not item.complete:
            self.open[thread, seq] = item

    def _item(self, thread: int, seq: int, what: str) -> _Open:
        if (thread, seq) not in self.open:
            raise TraceError(f"thread {thread} seq {seq}: {what}, but no instruction of that number waits for it")
        return self.open[thread, seq]

    def _effect(self, thread: int, seq: int, letter: str, index: int, value: int | bytes) -> None:
        item = self._item(thread, seq, f"{letter}{index} was written")
        if letter not in item.due:
            raise TraceError(f"thread {thread} seq {seq}: {letter}{index} was written, which the instruction does not promise")
        item.due.remove(letter)
        item.record.effects.append((letter, index, value))
        self._close(thread, seq, item)

    def _close(self, thread: int, seq: int, item: _Open) -> None:
        if item.complete:
            item.record.effects += merge_bytes(item.written)
            del self.open[thread, seq]

    def scalar(self, thread: int, seq: int, kind: int, index: int, value: int) -> None:
        """A scalar register (kind 0, 3), predicate (1) or descriptor position (2)."""
        self._effect(thread, seq, SCALAR_KINDS[kind], index, value)

    def vector(self, thread: int, seq: int, index: int, is_predicate: int, data: int) -> None:
        """A SIMD result."""
        if is_predicate:
            if index:
                self._effect(thread, seq, "p", index, data & 1)
        else:
            self._effect(thread, seq, "v", index, data.to_bytes(isa.V_BYTES, "little"))

    def matrix(self, thread: int, seq: int, index: int, digest: int) -> None:
        """An accumulator's digest after a step or a load."""
        self._effect(thread, seq, "c", index, digest)

    def load(self, thread: int, seq: int, reg: int) -> None:
        """A vector load was issued."""
        self.loads[thread, reg] = (self._item(thread, seq, "a vector load was issued"), {})

    def lane(self, lane: int, thread: int, reg: int, data: int) -> None:
        """One lane of a vector load returned."""
        if (thread, reg) not in self.loads:
            raise TraceError(f"thread {thread}: lane {lane} of v{reg} returned, but no load to it is under way")
        item, lanes = self.loads[thread, reg]
        if lane in lanes:
            raise TraceError(f"thread {thread}: lane {lane} of v{reg} returned twice")
        lanes[lane] = data.to_bytes(8, "little")
        if len(lanes) == LANES:
            del self.loads[thread, reg]
            self._effect(thread, item.record.seq, "v", reg, b"".join(lanes[i] for i in range(LANES)))

    def store(self, thread: int, seq: int, kind: int, addr: list[int], strobe: int, data: int) -> None:
        """A store beat: word address per lane, byte strobes, data; of a raise, ``data`` is semaphore << 16 | amount."""
        if STORE_KINDS[kind] == "RAISE":
            self._effect(thread, seq, "s", data >> 16, data & 0xFFFF)
            return
        item = self._item(thread, seq, "a store beat left")
        if not item.beats:
            raise TraceError(f"thread {thread} seq {seq}: a store beat too many")
        item.beats -= 1
        lanes = range(1) if STORE_KINDS[kind] == "SCALAR" else range(LANES)
        item.written += [
            (8 * addr[lane] + byte, (data >> (64 * lane + 8 * byte)) & 0xFF)
            for lane in lanes
            for byte in range(8)
            if (strobe >> (8 * lane + byte)) & 1
        ]
        self._close(thread, seq, item)

    def feed(self, port: str, fields: dict[str, Any]) -> None:
        """What a trace port says in a cycle: its name without ``trace__``, and its fields (``pc`` in words, as the hardware has it)."""
        kind, number = port.partition("__")[0], port.rpartition("__")[2]
        fields = {name: value for name, value in fields.items() if name != "valid"}
        match kind:
            case "dispatch" | "ended":
                self.dispatch(**{**fields, "pc": 4 * fields["pc"]})
            case "scalar":
                self.scalar(**fields)
            case "vector":
                self.vector(**fields)
            case "matrix":
                self.matrix(**fields)
            case "load":
                self.load(**fields)
            case "lane":
                self.lane(int(number) % LANES, **fields)
            case "store":
                self.store(**fields)
            case "issue" | "cycle" | "network" | "hop" | "entry":  # change nothing
                pass
            case _:
                raise ValueError(f"no trace port {port}")

    def complete(self) -> dict[int, list[Record]]:
        """All complete records per thread in program order; nothing is taken."""
        return {t: [item.record for item in items if item.complete] for t, items in self.order.items()}

    def take(self) -> list[Record]:
        """Records that are complete and whose older ones of the thread were taken."""
        records = []
        for items in self.order.values():
            while items and items[0].complete:
                records.append(items.pop(0).record)
        return records

    def finish(self, stopped: frozenset[int] = frozenset()) -> None:
        """Everything must be complete, except on threads that stopped with a fault."""
        for (thread, seq), item in self.open.items():
            if thread not in stopped:
                raise TraceError(
                    f"thread {thread} seq {seq} at pc {item.record.pc:#x}: never complete, missing {item.due or 'store beats'}"
                )

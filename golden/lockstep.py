"""RTL against the instruction-set simulator, retired instruction by retired instruction.

The RTL runs first and leaves its records (golden.retire); the simulator then executes each thread in program order and every record is
compared. From the RTL the simulator takes only what depends on time: reads of counters, and where a debugger intervened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from golden.arch import isa
from golden.arch.config import NodeConfig
from golden.arch.memmap import Fault, Status, ThreadState
from golden.arch.trace import Record
from golden.coverage import Coverage
from golden.iss.node import Simulator, describe_fault
from golden.iss.state import Node, Thread
from golden.kernels.job import Launch
from golden.listing import trace_line

_HISTORY = 10


class Difference(AssertionError):
    """RTL and simulator disagree: the first record that differs on each side, and the instructions before it.

    Attributes
    ----------
    place : thread and number of that record; None when threads or memory ended differently.
    cycle : when the RTL dispatched it, if whoever ran the RTL knows.
    """

    def __init__(self, text: str, place: tuple[int, int] | None = None, cycle: int | None = None) -> None:
        super().__init__(text)
        self.place, self.cycle = place, cycle


@dataclass(frozen=True)
class Injection:
    """What a debugger had a halted thread execute, its pc unchanged, after it wrote these bytes."""

    word: int
    writes: tuple[tuple[int, bytes], ...] = ()


@dataclass
class Run:
    """What the RTL did: records per thread in program order, threads at their ends, all bytes of SRAM.

    ``injected``: by thread and sequence number; ``dispatched``: by the same, cycles of the run, as far as they are known.
    """

    records: dict[int, list[Record]]
    statuses: Mapping[int, Status]
    image: bytes
    cycles: int = 0
    injected: Mapping[tuple[int, int], Injection] = field(default_factory=dict)
    dispatched: Mapping[tuple[int, int], int] = field(default_factory=dict)

    def faulted(self, thread: int) -> bool:
        return thread in self.statuses and self.statuses[thread].state is ThreadState.FAULTED


@dataclass
class Result:
    """A run in which both agreed."""

    retired: int = 0
    cycles: int = 0
    faults: list[str] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)


class _Simulator(Simulator):
    """Executes injected instructions where the RTL did."""

    def __init__(self, node: Node, strict: bool, injected: Mapping[tuple[int, int], Injection]) -> None:
        super().__init__(node, strict)
        self.injected = dict(injected)

    def step(self, thread: Thread) -> Record | None:
        injection = self.injected.pop((thread.index, thread.seq), None)
        if injection is None:
            return super().step(thread)
        for address, part in injection.writes:
            self.node.write(address, part)
        return self.inject(thread, injection.word)


def compare(
    config: NodeConfig,
    memory: Sequence[tuple[int, bytes]],
    launches: Sequence[Launch],
    run: Run,
    strict: bool = False,
    on_record: Callable[[Record], None] | None = None,
) -> Result:
    """Execute on the simulator and compare every record, the threads' ends, and SRAM unless a thread faulted.

    Raises
    ------
    Difference
        At the first record or byte that differs, when the threads end differently, or when nothing retired.
    """
    result = Result(cycles=run.cycles)
    by_number = {(t, record.seq): record for t, items in run.records.items() for record in items}

    def external(thread: Thread, _csr: int) -> int:
        record = by_number.get((thread.index, thread.seq))
        return next((int(value) for letter, _, value in record.effects if letter == "x"), 0) if record else 0

    node = Node(config, external)
    for address, part in memory:
        node.write(address, part)
    simulator = _Simulator(node, strict, run.injected)
    for launch in launches:
        node.threads[launch.thread].start(launch.pc, launch.args)
    history: dict[int, list[Record]] = {t: [] for t in range(isa.THREADS)}
    seen = {t: 0 for t in range(isa.THREADS)}
    for record in simulator.run():
        t = record.thread
        own, faulted = run.records.get(t, []), run.faulted(t)
        other = by_number.get((t, record.seq)) if faulted else own[seen[t]] if seen[t] < len(own) else None
        if other is None and faulted:
            continue  # an older instruction that the fault dropped
        seen[t] += 1
        if other is None or other.canonical() != record.canonical():
            raise Difference(_difference(history[t], record, other), (t, record.seq))
        history[t] = [*history[t][-_HISTORY + 1 :], record]
        result.retired += 1
        result.coverage.add(record)
        if on_record:
            on_record(record)
    for t, items in run.records.items():
        if seen[t] != len(items) and not run.faulted(t):
            counts = f"{len(items)} instructions on the RTL, {seen[t]} on the simulator"
            raise Difference(f"thread {t} retired {counts}; next on the RTL: {trace_line(items[seen[t]])}")
    if simulator.injected:
        raise Difference(f"injected, but the simulator never came there: {', '.join(map(str, simulator.injected))}")
    compare_ends(node, run.statuses, result)
    if not result.faults:
        compare_memory(node, run.image)
    result.coverage.together(run.records, run.dispatched)
    if not result.retired and not result.faults:
        raise Difference("no instruction retired, so nothing was compared")
    return result


def _difference(history: list[Record], expected: Record, got: Record | None) -> str:
    before = "\n".join(f"    {trace_line(record)}" for record in history)
    rtl = trace_line(got) if got else "nothing"
    return f"RTL and simulator differ on thread {expected.thread}\n{before}\n  RTL: {rtl}\n  ISS: {trace_line(expected)}"


def compare_ends(node: Node, statuses: Mapping[int, Status], result: Result) -> None:
    """Raises Difference when a thread ended otherwise than on the simulator; faults go into the result."""
    for t, status in statuses.items():
        thread = node.threads[t]
        # Without its pc: a word of data that was lost, told when it is read; a refusal, told when it comes.
        late = thread.cause is Fault.NETWORK or thread.cause is Fault.ECC and thread.operand != thread.pc & ~7
        placed = thread.state is ThreadState.FAULTED and not late
        rtl = (status.state, status.cause, status.pc if placed else 0, status.operand if status.cause else 0)
        iss = (thread.state, thread.cause, thread.pc if placed else 0, thread.operand if thread.cause else 0)
        if rtl != iss:
            raise Difference(f"thread {t} ended as {_end(*rtl)} on the RTL, as {_end(*iss)} on the simulator")
        if thread.state is ThreadState.FAULTED:
            result.faults.append(describe_fault(node, thread))
            result.coverage.fault(thread.cause)


def _end(state: ThreadState, cause: Fault, pc: int, operand: int) -> str:
    where = f" at pc {pc:#x}" if pc else ""
    return f"{state.name} with {cause.name}{where}, operand {operand:#x}" if cause else state.name


def compare_memory(node: Node, image: bytes) -> None:
    """Raises Difference at the first byte that is not the simulator's."""
    ours, theirs = np.frombuffer(image, np.uint8), node.sram
    if (wrong := np.flatnonzero(ours != theirs)).size:
        at = int(wrong[0])
        raise Difference(
            f"SRAM differs in {wrong.size} bytes, first at {at:#x}: {ours[at]:#04x} on the RTL, {theirs[at]:#04x} on the simulator"
        )

"""The rest of the core, played, for tests of rtl.core.front: it answers with what the instruction-set simulator found.

Instructions leave its queues at random times, values and faults come back after random delays, fills take a while.
"""

import random
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from golden.arch import isa
from golden.arch.classes import Port
from golden.arch.config import get_config
from golden.arch.encoding import F0, F1, F2, OperandKind
from golden.arch.memmap import Fault, ThreadState
from golden.arch.tags import ST, VQ, passed
from golden.iss.node import Simulator
from golden.iss.state import Node, Thread
from golden.kernels.job import Launch

CONFIG = get_config("tiny")
THREADS = range(isa.THREADS)
ASKS = {"jr": F1, "callr": F1, "loop": F1, "waitr": F2}  # where the word names the register


@dataclass
class Expected:
    """What the simulator says. Lists per thread; values by (thread, sequence number), oldest first (a thread may start twice)."""

    stream: dict[int, list[tuple[int, int, int, bool]]] = field(default_factory=lambda: {t: [] for t in THREADS})
    operands: dict[tuple[int, int], deque] = field(default_factory=lambda: defaultdict(deque))
    predicates: dict[tuple[int, int], deque] = field(default_factory=lambda: defaultdict(deque))
    stores: dict[tuple[int, int], deque] = field(default_factory=lambda: defaultdict(deque))  # (address, bytes) lists
    faults: dict[int, tuple[int, Fault, int, int]] = field(default_factory=dict)  # seq, cause, pc, operand
    node: Node | None = None


def simulate_reference(memory, launches, semaphores=None) -> Expected:
    """The simulator's run of a program; ``semaphores``: values that somebody else gives them."""
    node, result = Node(CONFIG), Expected()
    for index, value in (semaphores or {}).items():
        node.semaphores[index] = value
    for address, part in memory:
        node.write(address, part)
    simulator = Simulator(node)
    for launch in launches:
        node.threads[launch.thread].start(launch.pc, launch.args)
    result.node = node
    while any(thread.runs for thread in node.threads):
        progress = False
        for t, thread in enumerate(node.threads):
            if not thread.runs:
                continue
            word = int.from_bytes(node.read(thread.pc, 4), "little") if thread.pc + 4 <= CONFIG.sram_bytes else 0
            insn = isa.lookup(word, CONFIG.features)
            value = thread.x[(word >> ASKS[insn.mnemonic]) & 31] if insn and insn.mnemonic in ASKS else None
            record = simulator.step(thread)
            progress |= record is not None or not thread.runs
            if record is None:
                if thread.state is ThreadState.FAULTED:
                    result.faults[t] = (thread.seq, thread.cause, thread.pc, thread.operand)
                    if value is not None:
                        result.operands[t, thread.seq].append(value)
                continue
            result.stream[t].append((record.seq, record.pc, record.word, record.executed))
            if record.executed:
                if value is not None:
                    result.operands[t, record.seq].append(value)
                if isa.BY_OPCODE[record.word & 0x1FF].store:
                    result.stores[t, record.seq].append([(index, part) for letter, index, part in record.effects if letter == "m"])
                for letter, index, bit in record.effects:
                    if letter == "p":
                        result.predicates[t, record.seq].append((index, bit))
        assert progress, "the program hangs on the simulator"
    return result


class BackEnd:
    """The rest of the core, as far as the front end sees it.

    ``dut`` and what ``drive`` and ``read`` are given are Amaranth's component and simulator, or alike (played_pins.py). ``lazy``: how
    often a queue stands still; ``latency``: cycles that a fill takes, at least and at most.
    """

    def __init__(
        self, dut: Any, expected: Expected, memory, rng: random.Random, lazy: float = 0.3, latency: tuple[int, int] = (3, 12)
    ) -> None:
        self.dut, self.expected, self.rng, self.lazy, self.latency = dut, expected, rng, lazy, latency
        self.fill_ready = self.offered = False
        self.image = bytearray(CONFIG.sram_bytes)
        for address, part in memory:
            self.image[address : address + len(part)] = part
        self.scalar = {t: deque() for t in THREADS}
        self.vector = {t: deque() for t in THREADS}
        self.store = {t: deque() for t in THREADS}
        self.vq_head = dict.fromkeys(THREADS, 0)
        self.st_read = dict.fromkeys(THREADS, 0)
        self.parity = dict.fromkeys(THREADS, 0)
        self.events: list[tuple[int, str, int, object]] = []  # when, what, thread, value
        # Threads that hear of a lost word in this cycle, with its address; in the next; in the one after.
        self.reports: list[dict[int, int]] = [{}, {}, {}]
        self.filled: int | None = None  # line that returned in the last cycle
        self.fills: deque = deque()
        self.stream = {t: [] for t in THREADS}
        self.queued: dict[tuple[int, str], list] = defaultdict(list)
        self.stopped: list[int] = []
        self.killed: set[int] = set()
        self.raising: dict | None = None
        self.raise_by_packet: tuple[int, int] | None = None  # semaphore, amount
        self.cycle = 0
        self.together = 0  # cycles in which a queue took in groups of several threads

    # --- one cycle: drive what is state, read what leaves, move on ----------------------------------------------------------------

    def drive(self, ctx) -> None:
        dut = self.dut
        for t in THREADS:
            ctx.set(dut.scalar_progress.free[t], CONFIG.scalar_queue - len(self.scalar[t]))
            ctx.set(dut.vector_progress.free[t], CONFIG.vector_queue - len(self.vector[t]))
            ctx.set(dut.scalar_progress.head[t].valid, bool(self.scalar[t]))
            ctx.set(dut.scalar_progress.head[t].vq_mark, self.scalar[t][0]["vq_mark"] if self.scalar[t] else 0)
            ctx.set(dut.vector_progress.head[t].valid, bool(self.vector[t]))
            ctx.set(dut.vector_progress.head[t].st_mark, self.vector[t][0]["st_mark"] if self.vector[t] else 0)
            ctx.set(dut.vector_progress.vq_head[t], self.vq_head[t] % VQ)
            ctx.set(dut.store_progress.st_read[t], self.st_read[t] % ST)
            ctx.set(dut.vector_progress.load_parity[t], self.parity[t])
        under_way = {t for _, _, t, _ in self.events}
        ctx.set(dut.scalar_progress.idle, sum(1 << t for t in THREADS if not self.scalar[t] and t not in under_way))
        ctx.set(dut.vector_progress.idle, sum(1 << t for t in THREADS if not self.vector[t]))
        ctx.set(dut.store_progress.idle, sum(1 << t for t in THREADS if not self.store[t]))
        self._due(ctx)
        heads = [self.store[t][0] for t in THREADS if self.store[t] and self.store[t][0]["insn"].mnemonic == "raise"]
        if self.raising is None and heads and self.rng.random() < 0.5:
            self.raising = self.rng.choice(heads)
        entry = self.raising
        ctx.set(dut.store_steer.up.valid, entry is not None)
        if entry:
            ctx.set(dut.store_steer.up.semaphore, (entry["word"] >> F0) & 63)
            ctx.set(dut.store_steer.up.amount, (entry["word"] >> F2) & 1023)
            ctx.set(dut.store_steer.thread, entry["thread"])
            ctx.set(dut.store_steer.pc, entry["pc"])
        ctx.set(dut.net_raise.valid, self.raise_by_packet is not None)
        if self.raise_by_packet:
            ctx.set(dut.net_raise.semaphore, self.raise_by_packet[0])
            ctx.set(dut.net_raise.amount, self.raise_by_packet[1])
        self.offered = self.raise_by_packet is not None
        self.fill_ready = self.rng.random() < 0.7
        ctx.set(dut.fill.ready, self.fill_ready)
        returns = bool(self.fills) and self.fills[0][0] <= self.cycle
        ctx.set(dut.fill.ret.valid, returns)
        if returns:
            line = self.fills.popleft()[1]
            ctx.set(dut.fill.ret.data, int.from_bytes(self.image[64 * line : 64 * line + 64], "little"))
        lost = 0 if self.filled is None else sum(1 << w for w in range(8) if 64 * self.filled + 8 * w in self.expected.node.lost)
        ctx.set(dut.fill.ret.lost, lost)
        self.filled = line if returns else None
        # An access that loses its word looks complete in the cycle in which its report is announced.
        valid, soon, later = self.reports
        ctx.set(dut.uncorrectable.valid, sum(1 << t for t in valid))
        ctx.set(dut.uncorrectable.soon, sum(1 << t for t in soon))
        for t, address in valid.items():
            ctx.set(dut.uncorrectable.addr[t], address // 8)
        self.reports = [soon, later, {}]

    def _due(self, ctx) -> None:
        """Events whose time has come, as many as there are ports."""
        dut = self.dut
        steer = dut.scalar_steer
        ports = {"p": [*steer.predicate, dut.vector_steer.predicate], "o": [steer.operand], "f": [steer.fault], "s": [steer.setting]}
        for kind in ports.values():
            for port in kind:
                ctx.set(port.valid, 0)
        for event in sorted(self.events, key=lambda item: item[0]):
            when, what, thread, value = event
            if what == "v":
                if when <= self.cycle:
                    self.parity[thread] ^= 1 << value
                    self.events.remove(event)
                continue
            if what == "lost":
                if when <= self.cycle:
                    self.reports[2][thread] = value
                    self.events.remove(event)
                continue
            if when > self.cycle or not ports[what]:
                continue
            self.events.remove(event)
            port = ports[what].pop(0)
            ctx.set(port.valid, 1)
            ctx.set(port.thread, thread)
            for name, part in value.items():
                ctx.set(getattr(port, name), part)

    def read(self, ctx) -> None:
        dut, rng = self.dut, self.rng
        if self.fill_ready and ctx.get(dut.fill.valid):
            assert ctx.get(dut.fill.line) < CONFIG.sram_bytes // 64, "a fill beyond SRAM"
            at = self.cycle + rng.randint(*self.latency)
            self.fills.append((max([at, *(when for when, _ in self.fills)]), ctx.get(dut.fill.line)))
        if self.offered and ctx.get(dut.net_raise.ready):
            self.raise_by_packet = None
        killed = ctx.get(dut.life.kill)
        for name, queue, limit in (("scalar", self.scalar, CONFIG.scalar_queue), ("vector", self.vector, CONFIG.vector_queue)):
            came = []
            for group in getattr(dut, name):
                entered = [place.entry for place in group.slot if ctx.get(place.valid)]
                if not entered:
                    continue
                thread = ctx.get(group.thread)
                came.append(thread)
                for place in entered:
                    entry = self._entry(ctx, place, thread, name)
                    self.queued[thread, name].append((entry["seq"], entry["word"]))
                    queue[thread].append(entry)
                    assert len(queue[thread]) <= limit, f"the {name} queue of thread {thread} overflows"
            assert len(came) == len(set(came)), f"two groups of thread {came[0]} in a cycle"
            self.together += len(came) > 1
        for record in (*dut.trace.record, *dut.ended.record):
            if ctx.get(record.valid):
                values = (ctx.get(record.seq), 4 * ctx.get(record.pc), ctx.get(record.word), bool(ctx.get(record.executed)))
                self._retired(ctx.get(record.thread), values)
        self.stopped += [t for t in THREADS if (ctx.get(dut.status.stopped) >> t) & 1]
        if self.raising is not None and ctx.get(dut.store_steer.up.ready):
            self.store[self.raising["thread"]].popleft()
            self.st_read[self.raising["thread"]] += 1
            self.raising = None
        for t in THREADS:
            if (killed >> t) & 1:
                self.killed.add(t)
                self.scalar[t].clear()
                self.vector[t].clear()
                self.store[t].clear()
                self.events = [event for event in self.events if event[1:3] != ("s", t)]
                continue
            if self.vector[t] and rng.random() > self.lazy:
                self._vector(self.vector[t].popleft())
            if self.store[t] and self.store[t][0]["insn"].mnemonic != "raise" and rng.random() > self.lazy:
                self._stored(self.store[t].popleft())
                self.st_read[t] += 1
            for _ in range(2):
                if self.scalar[t] and rng.random() > self.lazy and not self._scalar(t):
                    break
        self.cycle += 1

    def _retired(self, thread: int, values: tuple) -> None:
        stream, expected = self.stream[thread], self.expected.stream[thread]
        stream.append(values)
        number = len(stream) - 1
        if number < len(expected):
            assert values == expected[number], f"thread {thread}, instruction {number}: {values}, should be {expected[number]}"
        else:
            assert thread in self.expected.faults, f"thread {thread} retired {values} after its end"

    def _entry(self, ctx, entry, thread: int, name: str) -> dict:
        word = ctx.get(entry.word)
        result = {"thread": thread, "word": word, "seq": ctx.get(entry.seq), "insn": isa.BY_OPCODE[word & 0x1FF]}
        if name == "scalar":
            result |= {"pc": ctx.get(entry.pc), "vq_mark": ctx.get(entry.vq_mark)}
            result |= {name: {"wait": ctx.get(entry[name].wait), "pos": ctx.get(entry[name].pos)} for name in ("vq", "st")}
        else:
            result["st_mark"] = ctx.get(entry.st_mark)
        return result

    def _later(self, what: str, thread: int, value: object) -> None:
        self.events.append((self.cycle + self.rng.randint(1, 6), what, thread, value))

    def _predicate(self, entry: dict) -> None:
        if any(op.kind is OperandKind.P and op.writes for op in entry["insn"].operands):
            values = self.expected.predicates[entry["thread"], entry["seq"]]
            if values:  # p0 is not written
                index, bit = values.popleft()
                self._later("p", entry["thread"], {"index": index, "value": bit})

    def _stored(self, entry: dict) -> None:
        """Programs write instructions, too."""
        values = self.expected.stores[entry["thread"], entry["seq"]]
        for address, part in values.popleft() if values else ():
            self.image[address : address + len(part)] = part

    def _vector(self, entry: dict) -> None:
        self.vq_head[entry["thread"]] += 1
        self._predicate(entry)

    def _scalar(self, t: int) -> bool:
        """The head issues, when it can."""
        entry = self.scalar[t][0]
        insn, seq = entry["insn"], entry["seq"]
        if insn.store and len(self.store[t]) == CONFIG.store_queue:
            return False
        if insn.port is Port.VLOAD:
            if not (passed(entry["vq"], self.vq_head[t], VQ) and passed(entry["st"], self.st_read[t], ST)):
                return False
        self.scalar[t].popleft()
        fault = self.expected.faults.get(t)
        asked = insn.mnemonic in ASKS
        if fault and fault[0] == seq and not asked and insn.mnemonic != "raise":
            if fault[1] is Fault.ECC:
                # Late enough that the thread may wait for nothing else any more.
                self.events.append((self.cycle + self.rng.randint(5, 20), "lost", t, fault[3]))
            else:
                self._later("f", t, {"cause": fault[1], "pc": fault[2] // 4, "operand": fault[3]})
            return True
        if insn.store:
            self.store[t].append(entry)
        elif insn.port is Port.VLOAD:
            self._later("v", t, (entry["word"] >> F0) & 31)
        elif asked:
            values = self.expected.operands[t, seq]
            assert values, f"thread {t}: {insn.mnemonic} number {seq} asks for a register, which it should not"
            self._later("o", t, {"value": values.popleft()})
        elif insn.mnemonic == "csrw":
            self._later("s", t, {})
        else:
            self._predicate(entry)
        return True


def shows_pc(thread: Thread) -> bool:
    """A fault's pc is the instruction's, but for a lost word of data: that is told without the instruction that read it."""
    return thread.cause is not Fault.ECC or thread.operand == thread.pc & ~7


def start(ctx, dut: Any, launch: Launch) -> None:
    ctx.set(dut.start.valid, 1)
    ctx.set(dut.start.thread, launch.thread)
    ctx.set(dut.start.pc, launch.pc // 4)

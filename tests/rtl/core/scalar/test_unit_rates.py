"""Rates of the scalar unit, control registers, counters, fairness and kill: directed sequences, one port watched at a time."""

from typing import Any

import numpy as np
import pytest

from golden.arch import isa
from golden.arch.classes import Port
from golden.arch.config import get_config
from golden.arch.descriptor import Descriptor
from golden.arch.memmap import FP_MODE_BITS, Counter, Csr, Fault
from rtl.core.decoded import scalar_row
from tests.rtl.core.named import names
from tests.rtl.core.packing import Stepped
from tests.rtl.core.scalar.side import ScalarSide

CONFIG = get_config("tiny")


@pytest.fixture(scope="module")
def compiled() -> Stepped:
    return Stepped(ScalarSide(CONFIG))


class Feeder:
    """Keeps the queues of some threads filled and notes in which cycle every result comes."""

    def __init__(self, unit: Stepped) -> None:
        self.unit = unit
        self.programs: dict[int, list[dict[str, Any]]] = {}
        self.free = [0] * 4
        self.turn = 0
        self.cycles = 0
        self.results: list[tuple[int, int, int, int, int]] = []  # cycle, thread, seq, kind, value
        self.seen: dict[str, list[tuple[int, Any]]] = {}
        self.inputs: dict[str, Any] = {"l0__ready": 1, "l1__ready": 1, "sl__ready": 1}
        self.out = unit.cycle({"life__kill": 0xF})
        self.watched: tuple[str, ...] = ()

    def program(self, thread: int, *lines: tuple[str, dict[str, int]]) -> None:
        entries = []
        for seq, (name, values) in enumerate(lines):
            insn = isa.BY_MNEMONIC[name]
            word = insn.encode(**values)
            entry = {"seq": seq, "pc": seq, "word": word, "row": scalar_row(insn), "names": names(insn, word)}
            if insn.port is Port.VLOAD:  # registers v0, v1, .. are loaded once each: their parity is still 0
                entry["parity"] = 0
            entries.append(entry)
        self.programs[thread] = entries

    def cycle(self, **more: Any) -> None:
        inputs = dict(self.inputs)
        waiting = [t for t, entries in self.programs.items() if entries and self.free[t] > 0]
        pushed, thread = 0, 0
        if waiting:
            self.turn += 1
            thread = waiting[self.turn % len(waiting)]
            room = min(4, self.free[thread])
            group, self.programs[thread] = self.programs[thread][:room], self.programs[thread][room:]
            pushed = len(group)
            slots = {k: {"valid": 1, "entry": e} for k, e in enumerate(group)}
            inputs |= {"pushes__0__slot": slots, "pushes__0__thread": thread}
        self.out = self.unit.cycle({**inputs, **more})
        self.free = self.unit.read(self.out, "progress__free")
        self.free[thread] -= pushed
        for event in [self.unit.read(self.out, f"trace__record__{k}") for k in range(3)]:
            if event["valid"]:
                self.results.append((self.cycles, event["thread"], event["seq"], event["kind"], event["value"]))
        for name in self.watched:
            if self.out[name]:
                self.seen.setdefault(name, []).append((self.cycles, self.unit.read(self.out, name)))
        self.cycles += 1

    def run(self, cycles: int) -> None:
        for _ in range(cycles):
            self.cycle()

    def when(self, thread: int) -> list[int]:
        """Cycles of the thread's results, in program order."""
        found = sorted((seq, cycle) for cycle, t, seq, _, _ in self.results if t == thread)
        return [cycle for _, cycle in found]


def descriptor(d: int, base: int, **fields: int) -> list[tuple[str, dict[str, int]]]:
    """Instructions that set a descriptor through x30 and x31."""
    lines = []
    for register, value in zip((30, 31), Descriptor(base=base, **fields).pack(), strict=True):
        lines.append(("li", {"rd": register, "imm": value >> 60}))
        lines += [("lih", {"rd": register, "imm": value >> place & 0x7FFF}) for place in (45, 30, 15, 0)]
    return [*lines, ("setd", {"d": d, "ra": 30, "rb": 31})]


@pytest.mark.rtl
def test_dependent_chain(compiled: Stepped) -> None:
    """Each instruction needs the one before it: one a cycle, values right."""
    feeder = Feeder(compiled)
    feeder.program(0, ("li", {"rd": 1, "imm": 0}), *[("addi", {"rd": 1, "ra": 1, "imm": 3})] * 40)
    feeder.run(60)
    when = feeder.when(0)
    assert when == list(range(when[0], when[0] + 41))
    assert [value for *_, value in feeder.results] == [3 * k for k in range(41)]


@pytest.mark.rtl
def test_independent_pairs(compiled: Stepped) -> None:
    """Independent instructions: two a cycle."""
    feeder = Feeder(compiled)
    feeder.program(2, *[("addi", {"rd": 1 + k % 8, "ra": 10 + k % 8, "imm": k}) for k in range(80)])
    feeder.run(80)
    when = feeder.when(2)
    assert len(when) == 80 and when[-1] - when[0] <= 40


@pytest.mark.rtl
def test_load_latency_and_use(compiled: Stepped) -> None:
    """A scalar load asks the SRAM two cycles after it was pushed to an empty queue; its reader goes when it returned."""
    feeder = Feeder(compiled)
    feeder.watched = ("sl__valid", "sl__tag")
    feeder.program(1, ("ld.d", {"rd": 2, "ra": 0, "imm": 64}), ("addi", {"rd": 3, "ra": 2, "imm": 1}))
    feeder.run(6)
    (asked, _), *rest = feeder.seen["sl__valid"]
    assert not rest and asked == 4 and feeder.out["progress__idle"] == 0b1101  # a cycle for free places, push, I, X
    tag = dict(feeder.seen["sl__tag"])[asked]
    feeder.run(10)
    assert not feeder.results
    feeder.cycle(sl__ret__valid=1, sl__ret__tag=tag, sl__ret__data=41)
    feeder.run(6)
    assert [(kind, value) for *_, kind, value in feeder.results] == [(3, 41), (0, 42)]
    assert feeder.results[1][0] == feeder.results[0][0] + 2


@pytest.mark.rtl
def test_vector_loads(compiled: Stepped) -> None:
    """Two loads a cycle from one thread, descriptors stepping; lanes one word apart."""
    feeder = Feeder(compiled)
    feeder.watched = ("l0__valid", "l1__valid", "load_begins__begin", "l0__addr", "l1__addr")
    lines = [*descriptor(0, 64, rows=1, columns=8000, inner=3), *descriptor(1, 8192, rows=1, columns=8000, inner=3)]
    for k in range(16):
        lines.append(("vld.c", {"vd": 2 * k, "d": 0, "step": 1}))
        lines.append(("vld.c", {"vd": 2 * k + 1, "d": 1, "step": 1}))
    feeder.program(3, *lines)
    feeder.run(80)
    begun = [(cycle, b["thread"], b["reg"]) for cycle, pair in feeder.seen["load_begins__begin"] for b in pair if b["valid"]]
    assert [item[1:] for item in begun] == [(3, k) for k in range(32)]
    assert begun[-1][0] - begun[0][0] <= 16  # the first may issue alone, while the queue fills
    asked = {}
    for port in ("l0", "l1"):
        cycles = {cycle for cycle, _ in feeder.seen[f"{port}__valid"]}
        for cycle, addr in feeder.seen[f"{port}__addr"]:
            if cycle in cycles:
                assert addr == list(range(addr[0], addr[0] + 8))
                asked.setdefault(cycle, []).append(addr[0])
    assert max(asked) - min(asked) <= 16
    assert sorted(sum(asked.values(), [])) == [base + 8 * k for base in (64, 8192) for k in range(16)]


@pytest.mark.rtl
def test_threads_take_turns(compiled: Stepped) -> None:
    """Four busy threads get equal shares; with a higher priority one gets everything it can use."""
    feeder = Feeder(compiled)
    # Chains, so that a thread issues one instruction when it is its turn.
    for t in range(4):
        feeder.program(t, *[("addi", {"rd": 1, "ra": 1, "imm": 1})] * 200)
    feeder.run(100)
    counts = [len(feeder.when(t)) for t in range(4)]
    assert sum(counts) > 90 and max(counts) - min(counts) <= 3, counts

    feeder = Feeder(compiled)
    lines = [("addi", {"rd": 1, "ra": 1, "imm": 1})] * 100
    feeder.program(2, ("li", {"rd": 2, "imm": 1 << 2}), ("csrw", {"ra": 2, "csr": Csr.PRIORITY}), *lines)
    feeder.run(10)
    feeder.program(0, *lines)
    feeder.run(60)
    assert feeder.when(2)[-1] - feeder.when(2)[-31] == 30
    # Thread 0 only in the cycles in which thread 2's queue was being filled.
    assert len(feeder.when(0)) < 20
    feeder = Feeder(compiled)
    feeder.program(2, ("csrw", {"ra": 0, "csr": Csr.PRIORITY}))
    feeder.run(10)


@pytest.mark.rtl
def test_multiply(compiled: Stepped, rng: np.random.Generator) -> None:
    """Products modulo 2^64, one after another, readers waiting."""
    feeder = Feeder(compiled)
    values = [int(x) for x in rng.integers(0, 1 << 64, 20, dtype=np.uint64)] + [(1 << 64) - 1, 1 << 63, 0]
    wanted = []
    for a, b in zip(values, values[1:], strict=False):
        for index, value in ((1, a), (2, b)):
            while True:
                feeder.cycle(poke__valid=1, poke__thread=0, poke__index=index, poke__value=value)
                if feeder.out["poke__ready"]:
                    break
        feeder.program(0, ("mul", {"rd": 3, "ra": 1, "rb": 2}), ("addi", {"rd": 4, "ra": 3, "imm": 0}))
        feeder.run(16)
        wanted += [a * b % (1 << 64)] * 2
    assert [value for *_, value in feeder.results] == wanted
    product, use = feeder.results[0][0], feeder.results[1][0]
    assert use - product == 2


@pytest.mark.rtl
def test_control_registers(compiled: Stepped) -> None:
    """Every register: value, width, thread, or ILLEGAL in the wrong direction."""
    for number in [*range(9), *range(60, 132), 1023]:
        for name in ("csrr", "csrw"):
            feeder = Feeder(compiled)
            feeder.inputs |= {"place__x": 0x155 & 31, "place__y": 0x155 >> 5}
            feeder.watched = ("steer__fault",)
            operands = {"rd": 5} if name == "csrr" else {"ra": 0}
            feeder.program(1, (name, {**operands, "csr": number}))
            feeder.run(14)
            readable = number in range(8) or 64 <= number < 64 + len(Counter)
            writable = number in (3, 4, 5, 6, 7, 128)
            faults = [item for item in feeder.seen.get("steer__fault", []) if item[1]["valid"]]
            assert bool(faults) != (readable if name == "csrr" else writable), (name, number)
            if faults:
                event = faults[0][1]
                word = isa.BY_MNEMONIC[name].encode(**operands, csr=number)
                assert (event["cause"], event["operand"], event["thread"]) == (Fault.ILLEGAL, word, 1)
            elif name == "csrr":
                value = feeder.results[0][-1]
                assert number not in (0, 1) or value == (1, 0x155)[number]
    feeder = Feeder(compiled)
    lines = [("li", {"rd": 1, "imm": -1})]
    for csr in (Csr.PRIORITY, Csr.FP_MODE, Csr.FP_FLAGS, Csr.SEED, Csr.ECC_INJECT):
        if csr is Csr.FP_MODE:
            lines += constant(1, FP_MODE_BITS)
        elif csr is Csr.FP_FLAGS:
            lines.append(("li", {"rd": 1, "imm": -1}))
        lines += [("csrw", {"ra": 1, "csr": csr}), ("csrr", {"rd": 2, "csr": csr}), ("csrw", {"ra": 0, "csr": csr})]
    feeder.program(3, *lines)
    feeder.run(90)
    results = {seq: result for _, _, seq, _, result in feeder.results}
    widths = [results[seq].bit_length() for seq, (name, _) in enumerate(lines) if name == "csrr"]
    assert widths == [4, 22, 4, 64, 16]
    feeder.cycle(vector_events__flags=[0, 0b0101, 0, 0])
    feeder.cycle(matrix_events__flags=[0, 0b0010, 0, 0])
    feeder.program(1, ("csrr", {"rd": 2, "csr": Csr.FP_FLAGS}))
    feeder.run(12)
    assert feeder.results[-1][-1] == 0b0111


def constant(register: int, number: int) -> list[tuple[str, dict[str, int]]]:
    """A number of at most 60 bits in a register."""
    lines = [("li", {"rd": register, "imm": 0})]
    return lines + [("lih", {"rd": register, "imm": number >> place & 0x7FFF}) for place in (45, 30, 15, 0)]


@pytest.mark.rtl
@pytest.mark.parametrize("bit", [6, 7, 14, 15, 22, 23, 24, 59])
def test_a_bias_out_of_range_is_a_fault(compiled: Stepped, bit: int) -> None:
    feeder = Feeder(compiled)
    feeder.watched = ("steer__fault",)
    wrong, mode = 1 << bit | 7, {"csr": Csr.FP_MODE}
    feeder.program(1, *constant(1, 0x3F0915), ("csrw", {"ra": 1, **mode}), *constant(1, wrong), ("csrw", {"ra": 1, **mode}))
    feeder.program(2, *constant(3, 0x010203), ("csrw", {"ra": 3, **mode}), ("csrr", {"rd": 2, **mode}))
    feeder.run(60)
    (event,) = [item[1] for item in feeder.seen["steer__fault"] if item[1]["valid"]]
    assert (event["cause"], event["operand"], event["thread"]) == (Fault.BIAS, wrong, 1)
    assert [result for _, thread, *_, result in feeder.results if thread == 2][-1] == 0x010203


TINY = get_config("tiny")
EVENTS = {
    "front_events__retired": (Counter.RETIRED_FRONT, TINY.dispatch_threads * TINY.dispatch_width),
    "thread_events__ended": (Counter.RETIRED_FRONT, isa.THREADS),
    "front_events__fetch_miss": (Counter.FETCH_MISSES, 1),
    "front_events__redirect": (Counter.REDIRECTS, TINY.dispatch_threads),
    "vector_events__simd_issue": (Counter.RETIRED_SIMD, 1),
    "store_events__beat": (Counter.STORE_BEATS, 1),
    "conflicts__count": (Counter.SRAM_CONFLICTS, 56),
    "corrected__count": (Counter.ECC_CORRECTED, 25),
    "link_events__packet_in__valid": (Counter.PACKETS_IN, 1),
    "link_events__packet_out__valid": (Counter.PACKETS_OUT, 1),
    "link_events__parity_errors": (Counter.PARITY_ERRORS, 2),
}
"""Events with the counter that they add to, and the most that a cycle can bring."""


@pytest.mark.rtl
def test_counters(compiled: Stepped, rng: np.random.Generator) -> None:
    """Every counter against sums in Python; a line is one picture; clearing; csrr sees the same."""
    feeder = Feeder(compiled)
    feeder.program(0, ("csrw", {"ra": 0, "csr": Csr.COUNTER_CLEAR}))
    feeder.run(12)

    def lines() -> list[int]:
        return [value for line in range(4) for value in feeder.unit.read(_line(line), "line__values")]

    def _line(line: int) -> dict[str, int]:
        feeder.cycle(line__line=line)
        return feeder.out

    start = lines()
    sums = dict.fromkeys(EVENTS, 0)
    waits = [0] * 7
    for _ in range(200):
        events = {name: int(rng.integers(0, most + 1)) for name, (_, most) in EVENTS.items()}
        cause = int(rng.integers(0, 7))
        events |= {"vector_events__matrix_step": cause == 6, "vector_events__matrix_wait": 1 << cause if cause < 6 else 0}
        waits[cause] += 1
        for name in EVENTS:
            sums[name] += events[name]
        feeder.cycle(**events)
    feeder.run(2)
    end = lines()
    gained = {counter: end[counter] - start[counter] for counter in Counter}
    assert gained[Counter.MATRIX_STEPS] == waits[6]
    assert [gained[Counter.MATRIX_WAIT_LOAD + k] for k in range(6)] == waits[:6]
    assert gained[Counter.RETIRED_MATRIX] == waits[6]
    assert gained[Counter.SIMD_BUSY] == gained[Counter.RETIRED_SIMD]
    counted = dict.fromkeys((counter for counter, _ in EVENTS.values()), 0)
    for name, (counter, _) in EVENTS.items():
        counted[counter] += sums[name]
    assert {counter: gained[counter] for counter in counted} == counted
    assert gained[Counter.CYCLES] == 206 and gained[Counter.RETIRED_SCALAR] == 0
    # The first step after a start, the last one.
    feeder.cycle(link_events__first_start__valid=1)
    feeder.run(5)
    for _ in range(3):
        feeder.cycle(vector_events__matrix_step=1)
        feeder.run(3)
    end = lines()
    begin = end[Counter.START_CYCLE]
    assert (end[Counter.FIRST_STEP] - begin, end[Counter.LAST_STEP] - begin) == (6, 14)
    feeder.program(0, ("csrr", {"rd": 1, "csr": Csr.COUNTER + Counter.LAST_STEP}), ("add", {"rd": 1, "ra": 0, "rb": 0}))
    feeder.run(16)
    assert feeder.results[0][-1] == end[Counter.LAST_STEP]
    feeder.program(0, ("csrw", {"ra": 0, "csr": Csr.COUNTER_CLEAR}))
    feeder.run(10)
    assert max(lines()) < 20


@pytest.mark.rtl
def test_kill(compiled: Stepped) -> None:
    """What is queued is dropped, also what is pushed in that cycle; what waits for a load does not come later."""
    feeder = Feeder(compiled)
    feeder.watched = ("sl__valid", "sl__tag")
    feeder.program(1, ("ld.d", {"rd": 2, "ra": 0, "imm": 8}), *[("addi", {"rd": 3, "ra": 2, "imm": 1})] * 11)
    feeder.program(2, *[("addi", {"rd": 3, "ra": 3, "imm": 1})] * 30)
    feeder.run(8)
    tag = dict(feeder.seen["sl__tag"])[feeder.seen["sl__valid"][0][0]]
    feeder.cycle(life__kill=0b0010)
    feeder.programs[1] = []
    feeder.cycle()
    assert feeder.free[1] == CONFIG.scalar_queue and not feeder.out["progress__idle"] & 2
    feeder.cycle(sl__ret__valid=1, sl__ret__tag=tag, sl__ret__data=5)
    feeder.run(40)
    assert [(seq, kind) for _, t, seq, kind, _ in feeder.results if t == 1] == [(0, 3)]
    assert len(feeder.when(2)) == 30 and feeder.out["progress__idle"] == 0xF

"""When vector instructions issue: rates, turns, priorities, the first cycle that hazards allow, causes of waiting; loads."""

import pytest

from golden.arch.memmap import Counter
from golden.arch.simd_ops import LATENCY, SimdOp
from rtl.core.interfaces import StoreKind
from rtl.core.operations import DRAIN_LATENCY, DRAIN_LEAD, DRAIN_TO_STEP, STEP_TO_DRAIN
from rtl.core.vector.issue import STARVED
from tests.rtl.core.vector.direct import LANES, WORD, Direct, row_of

pytestmark = pytest.mark.rtl
THREADS = 4


def run(direct: Direct, threads: dict[int, str], cycles: int, **inputs) -> list[list[int]]:
    """Threads always have independent instructions of their mnemonic; who issued in each cycle."""
    issued, heads, count = [], direct["vector_progress__vq_head"], 0
    turns = list(threads)
    for cycle in range(cycles):
        t = turns[cycle % len(turns)]
        entries = []
        if direct["vector_progress__free"][t] >= 5 or cycle < len(turns):
            for _ in range(4):
                count += 1
                operands = {"va": 30, "vb": 31, "vc": 31} | ({"c": count % 8} if threads[t] == "step.bf16" else {"vd": count % 24})
                names = {"step.bf16": ("c", "va", "vb"), "vrecip": ("vd", "va")}.get(threads[t], ("vd", "va", "vb"))
                entries.append(direct.entry(threads[t], {name: operands[name] for name in names}))
        direct.step(direct.push(t, *entries), **inputs)
        now = direct["vector_progress__vq_head"]
        issued.append([u for u in range(THREADS) if now[u] != heads[u]])
        heads = now
    return issued


def test_a_matrix_and_a_simd_instruction_issue_every_cycle(unit):
    issued = run(Direct(unit), {0: "step.bf16", 1: "vfadd"}, 60)
    assert all(who == [0, 1] for who in issued[8:])


def test_threads_take_turns_with_simd_instructions(unit):
    issued = run(Direct(unit), dict.fromkeys(range(THREADS), "vfadd"), 80)[12:]
    assert all(len(who) == 1 for who in issued)
    assert all((later[0] - who[0]) % THREADS == 1 for who, later in zip(issued, issued[1:], strict=False))


def test_no_two_results_leave_the_simd_pipe_in_one_cycle(unit):
    """A short operation lets a long one's result pass, and loses nothing but that cycle."""
    direct = Direct(unit)
    issued = run(direct, {0: "vrecip", 1: "vfadd"}, 300)[40:]
    assert all(len(who) <= 1 for who in issued)
    assert sum(len(who) for who in issued) > 0.85 * len(issued)


def test_the_matrix_slot_stays_with_its_thread_but_nobody_starves(unit):
    issued = [who[0] for who in run(Direct(unit), dict.fromkeys(range(THREADS), "step.bf16"), 2 * STARVED + 60)[12:]]
    rest = [t for t in range(THREADS) if t != issued[0]]
    firsts = [issued.index(t) for t in rest]
    assert min(firsts) > STARVED - 16 and max(firsts) < STARVED + 8
    assert sum(now != before for before, now in zip(issued, issued[1:], strict=False)) <= 6


@pytest.mark.parametrize("high", range(THREADS))
def test_the_matrix_slot_goes_to_the_highest_priority_and_nobody_starves(unit, high):
    priority = [3 if t == high else t % 3 for t in range(THREADS)]
    steps = dict.fromkeys(range(THREADS), "step.bf16")
    issued = [who[0] for who in run(Direct(unit), steps, STARVED + 60, settings__priority=priority)[12:]]
    assert issued[: STARVED - 20] == [high] * (STARVED - 20)
    assert set(issued) == set(range(THREADS)) and issued.count(high) >= len(issued) - 8


def test_priorities_are_those_of_threads_that_have_something_ready(unit):
    issued = run(Direct(unit), {0: "step.bf16", 2: "step.bf16"}, 60, settings__priority=[1, 3, 0, 2])
    assert all(who == [0] for who in issued[10:])


# --- the first cycle that is allowed -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mnemonic, op", [("vcopy", SimdOp.FMA), ("vrecip", SimdOp.RECIP)])
def test_a_reader_of_a_simd_result_issues_when_that_is_written(unit, mnemonic, op):
    direct = Direct(unit)
    direct.step(direct.push(2, *(direct.entry(mnemonic, {"vd": 1, "va": 1}) for _ in range(4))))
    cycles = []
    for _ in range(100):
        before = direct["vector_progress__vq_head"][2]
        direct.step()
        if direct["vector_progress__vq_head"][2] != before:
            cycles.append(direct.cycle)
    # Operands are read for a cycle, LATENCY later the result is written, and it is read from the next cycle on.
    assert [b - a for a, b in zip(cycles, cycles[1:], strict=False)] == [LATENCY[op] + 2] * 3


def test_a_drain_asks_as_soon_as_it_sees_the_last_operation(unit):
    direct = Direct(unit)
    direct.step(direct.push(0, direct.entry("step.bf16", {"c": 0, "first": 1})))
    direct.step(direct.store(0, StoreKind.DRAIN, 1, row_of(0, 0), drain_format=2, vq={"wait": 1, "pos": 0}))
    decoded = first = None
    for _ in range(60):
        direct.step(st__ready=1)
        decoded = direct.cycle if direct["vector_events__matrix_step"] else decoded
        first = first or (direct["st__valid"] and direct.cycle) or None
    assert first - decoded == STEP_TO_DRAIN + DRAIN_LATENCY + 1


@pytest.mark.parametrize("form, beats", [(0, 4), (1, 2), (2, 8)])
def test_an_operation_overwrites_a_drained_accumulator_as_soon_as_the_last_beat_allows(unit, form, beats):
    direct = Direct(unit)
    late = direct.entry("step.bf16", {"c": 3, "first": 1}, st={"wait": 1, "pos": 0})
    direct.step(direct.push(1, late))
    for _ in range(5):
        direct.step()
    assert direct["vector_progress__vq_head"][1] == 0
    direct.step(direct.store(1, StoreKind.DRAIN, 1, row_of(0, 0), drain_format=form, source=3))
    decoded, taken = None, []
    for _ in range(60):
        direct.step(st__ready=1)
        decoded = direct.cycle if direct["vector_events__matrix_step"] else decoded
        taken += [direct.cycle] if direct["st__valid"] else []
    assert len(taken) == beats and taken[-1] - taken[0] == beats - 1
    # Of few beats the last asks before an operation that waits for the first to start can be there.
    started = taken[0] - DRAIN_LATENCY - 1 - DRAIN_LEAD
    assert decoded == max(taken[-1] - DRAIN_LATENCY - 1 - DRAIN_TO_STEP, started + 2)


# --- causes of waiting -------------------------------------------------------------------------------------------------------------

FIRST = Counter.MATRIX_WAIT_LOAD
STEP, SIMD = ("step.bf16", {"c": 1}), ("vfadd", {"vd": 1})
LOADS, DRAINS = {"parity_a": 1}, {"st": {"wait": 1, "pos": 0}}
CAUSES = {
    "nobody runs": (0, 0, {0: (*STEP, LOADS)}, Counter.MATRIX_IDLE),
    "all who run wait": (0b0101, 0b0111, {3: (*STEP, LOADS)}, Counter.MATRIX_WAIT_SYNC),
    "nothing queued": (0b0010, 0, {}, Counter.MATRIX_WAIT_FRONT),
    "a load": (0b0011, 0b0001, {2: (*STEP, LOADS)}, Counter.MATRIX_WAIT_LOAD),
    "a drain": (1, 0, {0: (*STEP, DRAINS)}, Counter.MATRIX_WAIT_DRAIN),
    "a load and a drain": (1, 0, {0: (*STEP, LOADS | DRAINS)}, Counter.MATRIX_WAIT_LOAD),
    "one a drain, one a load": (1, 0, {0: (*STEP, DRAINS), 1: (*STEP, LOADS)}, Counter.MATRIX_WAIT_LOAD),
    "one a drain, one a SIMD operation": (1, 0, {0: (*SIMD, LOADS), 3: (*STEP, DRAINS)}, Counter.MATRIX_WAIT_DRAIN),
    "a SIMD operation that waits for a load": (1, 0, {0: (*SIMD, LOADS)}, Counter.MATRIX_WAIT_SIMD),
    "a SIMD operation that waits for a store": (1, 0, {0: (*SIMD, DRAINS)}, Counter.MATRIX_WAIT_SIMD),
}


@pytest.mark.parametrize("name", CAUSES)
def test_a_cycle_without_a_matrix_operation_has_one_cause(unit, name):
    running, waiting, heads, cause = CAUSES[name]
    direct = Direct(unit)
    for t, (mnemonic, operands, tags) in heads.items():
        direct.step(direct.push(t, direct.entry(mnemonic, operands, **tags)))
    for _ in range(6):
        direct.step(life__running=running, life__waiting=waiting)
    assert (direct["vector_events__matrix_step"], direct["vector_events__matrix_wait"]) == (0, 1 << cause - FIRST)


def test_a_cycle_with_a_matrix_operation_has_no_cause_and_a_reader_of_a_simd_result_waits_for_that(unit):
    direct = Direct(unit)
    direct.step(direct.push(0, direct.entry("vcopy", {"vd": 1, "va": 2}), direct.entry("step.bf16", {"c": 1, "va": 1})))
    shown = []
    for _ in range(30):
        direct.step(life__running=1)
        shown.append((direct["vector_events__simd_issue"], direct["vector_events__matrix_step"], direct["vector_events__matrix_wait"]))
    simd, front = 1 << Counter.MATRIX_WAIT_SIMD - FIRST, 1 << Counter.MATRIX_WAIT_FRONT - FIRST
    begin = shown.index((1, 0, simd))
    latency = LATENCY[SimdOp.COPY] + 2
    assert shown[begin + 1 : begin + latency] == [(0, 0, simd)] * (latency - 1)
    assert shown[begin + latency :] == [(0, 1, 0)] + [(0, 0, front)] * (len(shown) - begin - latency - 1)


# --- loads -------------------------------------------------------------------------------------------------------------------------


def test_two_loads_of_one_register_under_way(unit, rng):
    """One of each of two threads at once, and one that begins as soon as the reader of the one before has issued: parity tells the
    readers, and each gets its own load's value."""
    direct = Direct(unit)
    values = [[int(x) for x in rng.integers(1, 2**63, LANES)] for _ in range(3)]
    results = {}

    def step(*inputs) -> tuple[int, int]:
        direct.step(*inputs)
        record = direct["trace_vector__record__0"]
        if record["valid"]:
            results[record["thread"], record["index"]] = [record["data"] >> 64 * lane & WORD for lane in range(LANES)]
        return direct["vector_progress__vq_head"][1], direct["vector_progress__vq_head"][2]

    def bring(port: int, t: int, lanes, value) -> dict[str, int]:
        return direct.lanes(port, {lane: (t, 5, value[lane]) for lane in lanes})

    readers = [direct.entry("vcopy", {"vd": 6 + k, "va": 5}, parity_a=1 - k) for k in range(2)]
    step(direct.push(1, *readers))
    step(direct.push(2, direct.entry("vcopy", {"vd": 6, "va": 5}, parity_a=1)))
    step(direct.begin((1, 5), (2, 5)))
    step(bring(0, 1, range(7), values[0]), bring(1, 2, range(7), values[1]))
    for _ in range(6):
        assert step() == (0, 0)
    assert direct["vector_progress__load_busy"] == [0, 32, 32, 0]
    step(bring(0, 1, [7], values[0]), bring(1, 2, [7], values[1]))
    step()
    assert direct["vector_progress__load_busy"] == [0, 0, 0, 0] and direct["vector_progress__load_parity"] == [0, 32, 32, 0]
    while direct["vector_progress__vq_head"][1] == 0:
        step()
        assert direct.cycle < 40
    step(direct.begin((1, 5)))
    step(bring(1, 1, range(1, 8), values[2]))
    for _ in range(6):
        assert step() == (1, 1)
    assert direct["vector_progress__load_busy"] == [0, 32, 0, 0]
    step(bring(0, 1, [0], values[2]))
    for _ in range(20):
        step()
    assert direct["vector_progress__load_parity"] == [0, 0, 32, 0]
    assert results == {(1, 6): values[0], (2, 6): values[1], (1, 7): values[2]}


@pytest.mark.parametrize("share", [1.0, 0.6, 0.2])
def test_a_load_is_over_with_its_last_lane(unit, rng, share):
    """Lanes in any order, of any loads, on both ports; a register's next load begins as soon as it may."""
    direct = Direct(unit)
    busy, parity = [0] * THREADS, [0] * THREADS
    under_way: list[tuple[int, int, int, set[int]]] = []  # port, thread, register, lanes that have not come
    loads = again = 0
    for _ in range(1500):
        begins: list[tuple[int, int]] = []
        for _ in range(2):
            t, reg = int(rng.integers(THREADS)), int(rng.choice([0, 1, 2, 31]))
            if not busy[t] >> reg & 1 and (t, reg) not in begins:
                begins.append((t, reg))
        brought: list[dict[int, tuple[int, int, int]]] = [{}, {}]
        for port, t, reg, left in (under_way[i] for i in rng.permutation(len(under_way))):
            for lane in list(left):
                if lane not in brought[port] and rng.random() < share:
                    brought[port][lane] = (t, reg, 0)
                    left.remove(lane)
        direct.step(direct.begin(*begins), direct.lanes(0, brought[0]), direct.lanes(1, brought[1]))
        assert direct["vector_progress__load_busy"] == busy and direct["vector_progress__load_parity"] == parity
        assert direct["vector_progress__idle"] == sum((not busy[t]) << t for t in range(THREADS))
        for _, t, reg, left in under_way:
            if not left:
                busy[t] ^= 1 << reg
                parity[t] ^= 1 << reg
        under_way = [load for load in under_way if load[3]]
        for t, reg in begins:
            busy[t] |= 1 << reg
            again += parity[t] >> reg & 1
            under_way.append((int(rng.integers(2)), t, reg, set(range(LANES))))
        loads += len(begins)
    assert loads > 100 and again > 20

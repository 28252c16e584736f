"""Vector unit and store unit among models of their neighbours: scalar issue, load queues, SRAM, semaphores.

Loads and stores happen whenever the units and random delays let them; every loaded lane, SIMD result, predicate, accumulator, raise
and finally memory must be golden's.
"""

from typing import Any

import numpy as np

from golden.arch.config import get_config
from golden.arch.isa import THREADS
from golden.arch.tags import ST, VQ, passed
from rtl.core.interfaces import STORE_SLOTS
from tests.rtl.core.vector.programs import LANES, MIX, STORES, WORD, Op, Programs, Side

CONFIG = get_config("tiny")


class Bench(Programs):
    """The units among the models.

    Parameters
    ----------
    unit: a Stepped BackEnd; it is reset, registers and accumulators keep what they hold.
    pace: probabilities a cycle: lane (a load's lane returns), grant (a store's lane is written), ready (a port takes), issue (the
        scalar side issues), dispatch.
    """

    def __init__(self, unit, rng: np.random.Generator, mix=MIX, registers: int = 8, cancels: float = 0.0, **pace: float) -> None:
        super().__init__(rng, mix, registers, cancels)
        self.unit = unit
        self.pace = {"lane": 0.3, "grant": 0.4, "ready": 0.7, "issue": 0.8, "dispatch": 0.8} | pace
        self.memory = self.golden.copy()
        self.load_ports: list[list[Op]] = [[], []]
        self.load_lanes: list[list[list[tuple[int, Op]]]] = [[[] for _ in range(LANES)] for _ in range(2)]
        self.returns: dict[tuple[int, int], tuple[int, int, int]] = {}  # port, lane -> thread, register, datum
        self.store_lanes: list[list[tuple[dict, int, int, int]]] = [[] for _ in range(LANES)]
        self.beats: list[dict[str, int]] = []
        self.scalar_stores: list[tuple[int, int, int, int]] = []
        self.scalar_loads: list[tuple[int, Op]] = []
        self.done: dict[str, int] = {}  # port -> tag, in the next cycle
        self.killed: int | None = None
        self.cycles = 0
        self.took = {"matrix": [0] * THREADS, "simd": 0, "raises": 0}
        unit.cycle({"restart": 1})
        self.out = self._read(unit.cycle({"restart": 0}))
        for t in range(THREADS):
            self.sync(t)

    def _read(self, out: dict[str, int]) -> dict[str, Any]:
        return {name: self.unit.read(out, name) for name in out}

    # --- one cycle ------------------------------------------------------------------------------------------------------------

    def step(self, dispatch: bool = True) -> None:
        rng, pace = self.rng, self.pace
        chance = {name: rng.random() < share for name, share in pace.items()}
        inputs: dict[str, Any] = self._groups(dispatch and chance["dispatch"]) | {
            "st__ready": int(rng.random() < pace["ready"]),
            "ss__ready": int(rng.random() < pace["ready"]),
            "store_steer__up__ready": int(rng.random() < pace["ready"]),
            "life__running": int(rng.integers(16)),
            "life__waiting": int(rng.integers(16)),
            "settings__seed": [side.seed for side in self.sides],
            "settings__priority": [int(x) for x in rng.integers(4, size=THREADS)],
            "life__kill": 0 if self.killed is None else 1 << self.killed,
        }
        fresh = {(op.thread, op.seq) for op in self.pushes}
        self.killed, self.pushes = None, []
        self._addresses(inputs)
        if chance["issue"]:
            self._issue(self.sides[rng.integers(THREADS)], inputs)
        for p in range(2):
            valid, threads, regs, values = 0, [0] * LANES, [0] * LANES, [0] * LANES
            for lane in range(LANES):
                if (p, lane) in self.returns:
                    threads[lane], regs[lane], values[lane] = self.returns.pop((p, lane))
                    valid |= 1 << lane
            inputs[f"l{p}__valid"] = valid
            for lane in range(LANES):
                inputs |= {f"l{p}__thread__{lane}": threads[lane], f"l{p}__reg__{lane}": regs[lane], f"l{p}__data__{lane}": values[lane]}
        for port, tag in self.done.items():
            inputs |= {f"{port}__done__valid": 1, f"{port}__done__tag": tag}
        self.done = {}
        inputs["scalar_progress__busy"] = [side.scalar_busy for side in self.sides]
        self.out = out = self._read(self.unit.cycle(inputs))
        self.cycles += 1
        self._results()
        self._idle(fresh)
        self._loads()
        self._stores(inputs)
        for t, side in enumerate(self.sides):
            while side.vector and (out["vector_progress__vq_head"][t] - side.vector[0].pos) % VQ not in (0, *range(VQ // 2, VQ)):
                side.vector.pop(0).executed = True
            side.stores = [op for op in side.stores if op is side.fresh or out["store_progress__slots"][t]["occupied"] >> op.slot & 1]
            side.fresh = None

    def _groups(self, dispatch: bool) -> dict[str, Any]:
        """The groups of this cycle, each of another thread, their instructions at any places; idle groups name any thread."""
        rng, groups = self.rng, CONFIG.dispatch_threads
        if dispatch:
            for t in rng.choice(THREADS, rng.integers(1, groups + 1), replace=False):
                for _ in range(CONFIG.dispatch_width):
                    if self.sides[t].stopped or not self.dispatch_one(self.sides[t], self.random_kind()):
                        break
        threads = sorted({op.thread for op in self.pushes})
        inputs = {}
        for k, place in enumerate(rng.permutation(groups)):
            thread = threads[place] if place < len(threads) else int(rng.integers(THREADS))
            ops = [op for op in self.pushes if op.thread == thread] if place < len(threads) else []
            slots: list[dict[str, Any]] = [{"valid": 0}] * CONFIG.dispatch_width
            for at, op in zip(sorted(rng.choice(len(slots), len(ops), replace=False)), ops, strict=True):
                slots[at] = {"valid": 1, "entry": op.entry}
            inputs |= {f"pushes__{k}__slot": slots, f"pushes__{k}__thread": thread}
        return inputs

    # --- scalar issue -----------------------------------------------------------------------------------------------------------

    def _addresses(self, inputs: dict[str, Any]) -> None:
        for t, side in enumerate(self.sides):
            if side.address is not None:
                op, side.address = side.address, None
                inputs["requests__address"] = {"valid": 1, "thread": t, "cancel": int(op.cancel), "store": op.address}

    def _issue(self, side: Side, inputs: dict[str, Any]) -> None:
        t, begins = side.number, []
        busy, scalar_busy = side.load_busy, side.scalar_busy
        for _ in range(2):
            if not side.scalar or side.stopped:
                break
            op = side.scalar[0]
            if op.kind in STORES:
                if "requests__issue" in inputs or len(side.stores) >= STORE_SLOTS:
                    break
                op.slot, side.slot = side.slot, (side.slot + 1) % STORE_SLOTS
                fields = op.entry | {"seq": op.seq, "loads": busy, "scalar_loads": scalar_busy}
                inputs["requests__issue"] = {"valid": 1, "thread": t, "store": fields | {"kind": op.entry["kind"].value}}
                side.address = side.fresh = op
                side.stores.append(op)
            elif "requests__issue" in inputs or not self._load_may_issue(side, op):
                break
            elif op.kind == "vld":
                begins.append({"valid": 1, "thread": t, "reg": op.reg, "seq": op.seq})
                busy |= 1 << op.reg
                side.load_busy_new |= 1 << op.reg
                op.older = {store.slot for store in side.stores}
                self.load_ports[self.rng.integers(2)].append(op)
                op.executed = True
            else:
                scalar_busy |= 1 << op.reg
                op.older = {store.slot for store in side.stores}
                self.scalar_loads.append((t, op))
                op.executed = True
            op.thread = t
            side.scalar.pop(0)
        side.scalar_busy_next = scalar_busy
        if begins:
            inputs["load_begins__begin"] = [*begins, {"valid": 0}][:2]

    def _load_may_issue(self, side: Side, op: Op) -> bool:
        t, out, reg = side.number, self.out, op.reg
        if op.kind == "ld":
            return not side.scalar_busy >> reg & 1
        return (
            passed(op.entry["vq"], out["vector_progress__vq_head"][t], VQ)
            and passed(op.entry["st"], out["store_progress__st_read"][t], ST)
            and not out["vector_progress__simd_pending"][t] >> reg & 1
            and out["vector_progress__load_parity"][t] >> reg & 1 == op.entry["parity"]
            and sum(map(len, self.load_ports)) < 8
        )

    # --- memory -----------------------------------------------------------------------------------------------------------------

    def _may_go(self, op: Op) -> bool:
        """No older store of the thread may still write what the load reads."""
        slots = self.out["store_progress__slots"][op.thread]
        words = [lane[0] for lane in op.lanes if lane]
        return not words or not any(
            not slots["addr_valid"] >> s & 1 or (slots["low"][s] <= max(words) and min(words) <= slots["high"][s]) for s in op.older
        )

    def _loads(self) -> None:
        for t, side in enumerate(self.sides):
            side.scalar_busy |= side.scalar_busy_next
            side.scalar_busy_next = 0
            side.load_busy = self.out["vector_progress__load_busy"][t] | side.load_busy_new
            side.load_busy_new = 0
        for op in [*(op for _, op in self.scalar_loads), *(op for port in self.load_ports for op in port)]:
            op.older = {s for s in op.older if self.out["store_progress__slots"][op.thread]["occupied"] >> s & 1}
        if self.scalar_loads and self.rng.random() < self.pace["lane"] and self._may_go(self.scalar_loads[0][1]):
            t, op = self.scalar_loads.pop(0)
            self._check(op.loose or op.value == self.word_at(op.lanes[0][0], self.memory), t, op, "a scalar load")
            self.sides[t].scalar_busy &= ~(1 << op.reg)
        for p in range(2):
            if self.load_ports[p] and self._may_go(self.load_ports[p][0]):
                op = self.load_ports[p].pop(0)
                for lane in range(LANES):
                    self.load_lanes[p][lane].append((op.thread, op))
            for lane in range(LANES):
                if self.load_lanes[p][lane] and self.rng.random() < self.pace["lane"]:
                    t, op = self.load_lanes[p][lane].pop(0)
                    word, keep = op.lanes[lane] or (0, 0)
                    value = self.word_at(word, self.memory) & keep
                    if op.loose:
                        op.value = op.value & ~(WORD << 64 * lane) | value << 64 * lane
                    self._check(value == op.value >> 64 * lane & WORD, t, op, f"lane {lane} of a load")
                    self.returns[p, lane] = (t, op.reg, value)

    def _stores(self, inputs: dict[str, Any]) -> None:
        out, rng = self.out, self.rng
        if out["st__valid"] and inputs["st__ready"]:
            t, record = out["st__tag"] >> 2 & 3, out["trace_store__record__0"]
            op = next(op for op in self.sides[t].stores if op.slot == out["st__tag"] & 3)
            told = (record["valid"], record["thread"], record["seq"], record["kind"])
            self._check(told == (1, t, op.seq, op.entry["kind"].value), t, op, "the trace of a beat")
            beat = {"left": out["st__enable"], "tag": out["st__tag"]}
            self.beats.append(beat)
            for lane in range(LANES):
                if out["st__enable"] >> lane & 1:
                    strobe, value = out["st__strobe"] >> 8 * lane & 255, out["st__data"] >> 64 * lane & WORD
                    self.store_lanes[lane].append((beat, out["st__addr"][lane], strobe, value))
        if out["ss__valid"] and inputs["ss__ready"]:
            self.scalar_stores.append((out["ss__tag"], out["ss__addr"], out["ss__strobe"], out["ss__data"]))
        for lane, queue in enumerate(self.store_lanes):
            if queue and rng.random() < self.pace["grant"]:
                beat, addr, strobe, value = queue.pop(0)
                self._write(addr, strobe, value)
                beat["left"] &= ~(1 << lane)
        if self.beats and not self.beats[0]["left"]:
            tag = self.done["st"] = self.beats.pop(0)["tag"]
            if tag >> 4 & 1:
                self._written(tag)
        if self.scalar_stores and rng.random() < self.pace["grant"]:
            tag, addr, strobe, value = self.scalar_stores.pop(0)
            self._write(addr, strobe, value)
            self.done["ss"] = tag
            self._written(tag)
        if out["store_steer__up__valid"]:
            t = out["store_steer__thread"]
            history = self.sides[t].history
            op = next(op for op in history if op.kind in STORES and not op.executed and not op.cancel)
            for older in history[: history.index(op)]:
                over = older.executed or older.cancel or older.kind in ("simd", "matrix")
                self._check(over, t, op, "a raise before an older access of its thread")
            loads = self.sides[t].load_busy | self.sides[t].scalar_busy
            self._check(not (loads and not self._younger_loads(t, op)), t, op, "a raise before the data of an older load")
            shown = (op.kind, out["store_steer__up__semaphore"], out["store_steer__up__amount"], out["store_steer__pc"])
            self._check(shown == ("raise", op.reg, op.value, op.seq), t, op, f"a raise that is not the program's: {shown}")
            if inputs["store_steer__up__ready"]:
                op.executed = True
                self.took["raises"] += 1

    def _younger_loads(self, t: int, op: Op) -> bool:
        history = self.sides[t].history
        return any(other.executed and other.kind in ("vld", "ld") for other in history[history.index(op) + 1 :])

    def _write(self, addr: int, strobe: int, value: int) -> None:
        for b in range(8):
            if strobe >> b & 1:
                self.memory[8 * addr + b] = value >> 8 * b & 255

    def _written(self, tag: int) -> None:
        t, slot = tag >> 2 & 3, tag & 3
        ops = [op for op in self.sides[t].stores if op.slot == slot]
        waits = ops and not ops[-1].cancel and not ops[-1].executed
        assert waits, f"cycle {self.cycles}: thread {t} has nothing to be written in slot {slot}"
        ops[-1].executed = True

    # --- results ----------------------------------------------------------------------------------------------------------------

    def _results(self) -> None:
        out = self.out
        step, causes = out["vector_events__matrix_step"], bin(out["vector_events__matrix_wait"]).count("1")
        assert step + causes == 1, "not exactly one of step and causes"
        record = out["trace_vector__record__0"]
        if record["valid"]:
            kind, t = "p" if record["is_predicate"] else "v", record["thread"]
            index, value, flags = self.expected.pop((kind, t, record["seq"]))
            assert (record["index"], record["data"]) == (index, value), f"thread {t}, seq {record['seq']}: {kind}{index} is wrong"
            assert out["vector_events__flags"] == [flags if u == t else 0 for u in range(THREADS)]
            self.took["simd"] += 1
            if kind == "p":
                predicate = out["vector_steer__predicate"]
                assert predicate == {"valid": 1, "thread": t, "index": index, "value": value}
                self.sides[t].predicates &= ~(1 << index)
        record = out["trace_matrix__record__0"]
        if record["valid"]:
            t = record["thread"]
            index, value = self.expected.pop(("c", t, record["seq"]))
            assert (record["index"], record["digest"]) == (index, value), f"thread {t}, seq {record['seq']}: c{index} is wrong"
            self.took["matrix"][t] += 1

    def _idle(self, fresh: set[tuple[int, int]]) -> None:
        """A unit that says it is idle has nothing queued or under way but what came in this cycle."""
        for t, side in enumerate(self.sides):
            if self.out["vector_progress__idle"] >> t & 1:
                late = [key for key in self.expected if key[1] == t and not side.stopped and (t, key[2]) not in fresh]
                assert not late and not self.out["vector_progress__load_busy"][t], f"cycle {self.cycles}: thread {t} is idle before {late}"
                free = self.out["vector_progress__free"][t]
                assert free == CONFIG.vector_queue, f"cycle {self.cycles}: thread {t} is idle and has not all its places"
            assert self.out["store_progress__idle"] >> t & 1 == (self.out["store_progress__slots"][t]["occupied"] == 0)

    def _check(self, right: bool, t: int, op: Op, what: str) -> None:
        assert right, f"cycle {self.cycles}, thread {t}, seq {op.seq} ({op.kind}): {what} is wrong"

    # --- runs -------------------------------------------------------------------------------------------------------------------

    def prologue(self) -> None:
        """Every register and accumulator that is used has a value. Nothing is killed before: of an old value golden knows nothing."""
        for side in self.sides:
            for kind, target in [*(("vld", r) for r in range(self.registers)), *(("matrix", c) for c in range(8))]:
                while not self.dispatch_one(side, kind, target):
                    self.step(dispatch=False)
                self.step(dispatch=False)
        self.drain()

    def busy(self, t: int) -> bool:
        side, out = self.sides[t], self.out
        idle = out["vector_progress__idle"] >> t & out["store_progress__idle"] >> t & 1
        issued = side.vector or side.stores or side.scalar_busy or side.load_busy or side.address
        return bool(side.scalar or issued or not idle)

    def drain(self, limit: int = 20_000) -> None:
        """Until everything dispatched has happened."""
        start = self.cycles
        while any(self.busy(t) for t in range(THREADS)):
            self.step(dispatch=False)
            assert self.cycles - start < limit, f"still busy after {limit} cycles: {[self.busy(t) for t in range(THREADS)]}"
        for _ in range(3):
            self.step(dispatch=False)

    def finish(self) -> None:
        self.drain()
        assert not self.expected, f"results that never came: {sorted(self.expected)[:5]}"
        wrong = np.flatnonzero(self.memory != self.golden)
        assert not len(wrong), f"{len(wrong)} bytes of memory differ, the first at {wrong[0]:#x}"

    def kill(self, t: int) -> None:
        """The thread is killed in the next cycle; golden then holds what has happened of it."""
        assert not self.cancels, "of a cancelled store nobody outside sees whether it had started"
        side = self.sides[t]
        side.stopped, self.killed = True, t
        side.scalar.clear()
        self.step()
        side.vector.clear()
        for op in side.history:  # they read whatever memory holds now
            op.loose = op.kind in ("vld", "ld")
        limit = self.cycles + 5_000
        while self.busy(t) or self._loading(t):
            self.step()
            assert self.cycles < limit, f"thread {t} is not idle after its kill"
        begun = {op.seq for op in side.history if op.executed}
        late = [key for key in self.expected if key[1] == t and key[2] in begun]
        assert not late, f"thread {t} is idle after its kill before {late}"
        for _ in range(3):
            self.step()
        lost = [op for op in side.history if op.kind in STORES and op.thread >= 0 and not op.executed]
        side.slot = (side.slot - len(lost)) % STORE_SLOTS
        v, c, memory = side.start
        for op in side.history:
            if op.executed:
                for name, index, value in op.effects:
                    self.apply(side, (name, index, op.value if op.kind == "vld" else value), v, c, memory)
        for key in [key for key in self.expected if key[1] == t]:
            del self.expected[key]
        region = slice(t * len(memory) // THREADS, (t + 1) * len(memory) // THREADS)
        side.v, side.c, self.golden[region] = v, c, memory[region]
        self.sync(t)

    def _loading(self, t: int) -> bool:
        return any(op.thread == t for port in self.load_ports for op in port) or bool(self.out["vector_progress__load_busy"][t])

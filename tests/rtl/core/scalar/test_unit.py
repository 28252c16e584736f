"""The scalar unit as a whole: random programs of four threads among models of its neighbours, checked against golden.

A model of dispatch gives instructions their tags by the rules of docs/architecture.md; every scalar result, descriptor,
vector load, raise and finally memory must be those of golden in program order.
"""

from typing import Any

import numpy as np
import pytest

from golden.arch import isa
from golden.arch.classes import Port
from golden.arch.config import get_config
from golden.arch.formats import BF16, FP32
from golden.arch.memmap import ThreadState
from golden.arch.tags import ST, ST_AHEAD, VQ, tag
from golden.iss.state import Node
from golden.numerics import matrix
from rtl.core.decoded import scalar_row
from tests.rtl.core.named import names
from tests.rtl.core.packing import Stepped
from tests.rtl.core.scalar.neighbours import Neighbours, VectorOp
from tests.rtl.core.scalar.programs import PART, Program, Step, Writer
from tests.rtl.core.scalar.side import ScalarSide

THREADS = isa.THREADS
CONFIG = get_config("tiny")
MIX = {"scalar": 5, "scalar_memory": 3, "descriptor": 1, "vector_memory": 6, "vector": 3, "control": 1}
NODE = 3 << 5 | 2
LOADED = 3  # kind of a result that a load brings (rtl.core.trace)


@pytest.fixture(scope="module")
def unit() -> Stepped:
    return Stepped(ScalarSide(CONFIG))


class Dispatch:
    """One thread's side of the model of dispatch."""

    def __init__(self, thread: int) -> None:
        self.thread = thread
        self.steps: list[Step] = []
        self.next = 0
        self.waits_for: int | None = None  # value of the operand that holds this thread
        self.vq_tail = self.st_tail = 0
        self.parity = 0
        self.touched = {name: 0 for name in range(40)}
        self.stored = {name: 0 for name in range(40)}
        self.loads = [0] * 32  # vector loads dispatched, by register
        self.fresh = 0  # registers that no vector instruction has touched since their last load

    def begin(self, program: Program, side) -> None:
        self.steps, self.next, self.waits_for = program.steps, 0, None
        self.vq_tail, self.st_tail, self.parity = side.vq_head, side.st_read, side.load_parity
        self.loads, self.fresh = list(side.loads_done), 0

    def must_wait(self, step: Step, side) -> bool:
        """A parity tells one load from none: a second one of a register goes only when the first is complete, or when a vector
        instruction lies between, which does not issue before; never a third."""
        if step.insn.port is not Port.VLOAD:
            return False
        vd = step.insn.decode(step.word)["vd"]
        under_way = self.loads[vd] - side.loads_done[vd]
        return under_way == 2 or under_way == 1 and bool(self.fresh >> vd & 1)

    def vq_wait(self, name: int, side) -> dict[str, int]:
        return tag(self.touched[name], side.vq_head, self.vq_tail, VQ)

    def st_wait(self, name: int, side) -> dict[str, int]:
        return tag(self.stored[name], side.st_read, self.st_tail, ST)

    def entry(self, step: Step, side) -> dict[str, Any] | None:
        """The scalar-queue entry of an instruction; None when it went to the vector queue."""
        values, port = step.insn.decode(step.word), step.insn.port
        if port is Port.SIMD:
            registers = {values["va"], values["vb"], values["vd"]}
            parities = {r: self.parity >> r & 1 for r in registers}
            op = VectorOp(
                [values["va"], values["vb"]],
                values["vd"],
                parities,
                self.st_wait(values["vd"], side),
                lambda v: bytes(a ^ b for a, b in zip(*v, strict=True)),
            )
            side.queue.append(op)
            for r in registers:
                self.touched[r] = self.vq_tail
                self.fresh &= ~(1 << r)
            self.vq_tail = (self.vq_tail + 1) % VQ
            return None
        entry = {
            "seq": self.next,
            "pc": step.pc >> 2,
            "word": step.word,
            "row": scalar_row(step.insn),
            "names": names(step.insn, step.word),
            "vq_mark": self.vq_tail,
        }
        if port is Port.VLOAD:
            vd = values["vd"]
            entry |= {"vq": self.vq_wait(vd, side), "st": self.st_wait(vd, side), "parity": self.parity >> vd & 1}
            self.parity ^= 1 << vd
            self.loads[vd] += 1
            self.fresh |= 1 << vd
        elif port in (Port.VSTORE, Port.DRAIN):
            name = values["vs"] if port is Port.VSTORE else 32 + values["c"]
            entry |= {"vq": self.vq_wait(name, side), "parity": self.parity >> (name % 32) & 1}
            self.stored[name] = self.st_tail
        if step.insn.store:
            self.st_tail = (self.st_tail + 1) % ST
        return entry

    @property
    def more(self) -> bool:
        return self.next < len(self.steps) and self.waits_for is None


class Bench:
    """The unit, its neighbours, dispatch and golden."""

    def __init__(self, unit: Stepped, rng: np.random.Generator) -> None:
        self.unit, self.rng = unit, rng
        self.node = Node(CONFIG)
        self.node.node_id = NODE
        self.node.sram[:] = rng.integers(0, 256, len(self.node.sram), dtype=np.uint8)
        for thread in self.node.threads:
            thread.state = ThreadState.RUNNING
            thread.x = [0] + [int(x) for x in rng.integers(0, 1 << 64, 31, dtype=np.uint64)]
            thread.v = rng.integers(0, 256, (32, 64), dtype=np.uint8)
            normal = rng.normal(size=(8, 8, 8)).astype(np.float32).view(np.uint32)
            thread.c = [matrix.load_f32(normal[c]) for c in range(8)]
        self.writers = [Writer(rng, self.node, thread) for thread in self.node.threads]
        registers = [[row.tobytes() for row in thread.v] for thread in self.node.threads]
        self.world = Neighbours(rng, self.node.sram.copy(), registers, self.drain_rows, self.stored)
        self.dispatch = [Dispatch(t) for t in range(THREADS)]
        self.free = [0] * THREADS
        self.heads: list[dict[str, int]] = [{"valid": 0, "vq_mark": 0}] * THREADS
        self.effects: dict[tuple[int, int], list[tuple]] = {}
        self.faults: dict[int, tuple[int, int, int]] = {}
        self.kill, self.kill_at = 0, {}
        self.out = unit.cycle({"life__kill": 0xF})
        self.cycles = 0
        self.width = CONFIG.dispatch_width

    def drain_rows(self, t: int, c: int, drain_format: int, relu: int) -> list[bytes]:
        acc = self.node.threads[t].c[c]
        if drain_format == 2:
            return [row.astype("<u8").tobytes() for row in acc.raw()]
        bits = matrix.drain(acc, FP32 if drain_format == 0 else BF16, relu=bool(relu))
        return [row.astype(bits.dtype.newbyteorder("<")).tobytes() for row in bits]

    def stored(self, t: int, seq: int) -> set[int]:
        """Addresses of the bytes that an instruction of a thread's program writes."""
        effects = self.writers[t].program.steps[seq].effects
        return {at + k for letter, at, image in effects if letter == "m" for k in range(len(image))}

    # --- a cycle ----------------------------------------------------------------------------------------------------------

    def choose(self) -> list[tuple[int, list[dict[str, Any]]]]:
        """What dispatch sends in this cycle: groups, each of another thread and up to four entries."""
        able = [d for d in self.dispatch if d.more and self.free[d.thread] >= self.width and not self.kill >> d.thread & 1]
        if not able or self.rng.random() < 0.1:
            return []
        count = min(len(able), int(self.rng.integers(1, CONFIG.dispatch_threads + 1)))
        return [self.group(able[k]) for k in self.rng.choice(len(able), count, replace=False)]

    def group(self, d: Dispatch) -> tuple[int, list[dict[str, Any]]]:
        """A group of a thread."""
        side, slots = self.world.threads[d.thread], []
        head = self.heads[d.thread]
        for _ in range(self.width):
            if not d.more or self.rng.random() < 0.1:
                break
            step = d.steps[d.next]
            if step.insn.port is Port.SIMD and (
                len(side.queue) >= 12 or head["valid"] and (d.vq_tail - head["vq_mark"]) % VQ >= 60
            ):
                break
            if (d.st_tail - side.st_read) % ST >= ST_AHEAD or d.must_wait(step, side):
                break
            entry = d.entry(step, side)
            d.next += 1
            slots.append({"valid": 0} if entry is None else {"valid": 1, "entry": entry})
            if step.operand is not None:
                d.waits_for = step.operand
        return d.thread, slots

    def cycle(self, **more: Any) -> None:
        """One clock cycle."""
        groups = self.choose()
        inputs = {"life__kill": self.kill, "place__x": NODE & 31, "place__y": NODE >> 5}
        for k, (thread, slots) in enumerate(groups):
            inputs |= {f"pushes__{k}__slot": dict(enumerate(slots)), f"pushes__{k}__thread": thread}
        self.out = out = self.unit.cycle({**inputs, **self.world.inputs(), **more})
        self.free = self.unit.read(out, "progress__free")
        self.heads = self.unit.read(out, "progress__head")
        for thread, slots in groups:
            self.free[thread] -= sum(slot["valid"] for slot in slots)
        assert min(self.free) >= 0, "a queue overflows"
        if self.cycles:  # trace ports follow by one cycle
            self.collect(out)
        self.world.step(self.unit, out, self.kill)
        for t, seq, effect in self.world.effects:
            self.effects.setdefault((t, seq), []).append(effect)
        self.world.effects.clear()
        for t in range(THREADS):
            if self.kill >> t & 1:
                self.dispatch[t].steps = []
        self.kill = sum(1 << t for t, at in self.kill_at.items() if at == self.cycles)
        self.cycles += 1

    def collect(self, out: dict[str, int]) -> None:
        for event in [self.unit.read(out, f"trace__record__{k}") for k in range(3)]:
            if event["valid"]:
                letter = "xpdx"[event["kind"]]
                effect = (letter, event["index"], bool(event["value"]) if letter == "p" else event["value"])
                self.effects.setdefault((event["thread"], event["seq"]), []).append(effect)
                if event["kind"] == LOADED:
                    self.world.settle(event["thread"], event["seq"], event["index"])
        operand = self.unit.read(out, "steer__operand")
        if operand["valid"]:
            d = self.dispatch[operand["thread"]]
            assert d.waits_for == operand["value"], f"operand {operand['value']:#x}, expected {d.waits_for}"
            d.waits_for = None
        for event in [self.unit.read(out, "steer__fault")]:
            if event["valid"]:
                t = event["thread"]
                assert not out["progress__idle"] >> t & 1, "a thread is idle before its fault is known"
                assert t not in self.faults, f"thread {t} faults twice"
                self.faults[t] = event["cause"], event["pc"], event["operand"]
                self.kill_at[t] = self.cycles + int(self.rng.integers(0, 5))

    def finished(self) -> bool:
        idle = self.out["progress__idle"]
        return all(
            not d.more and d.waits_for is None and idle >> d.thread & 1 and self.world.quiet(d.thread) for d in self.dispatch
        )

    def run(self, limit: int = 20_000) -> None:
        """Until all is done."""
        start = self.cycles
        quiet = 0
        while quiet < 3:
            self.cycle()
            quiet = quiet + 1 if self.finished() and not self.kill else 0
            assert self.cycles - start < limit, self.describe()

    def describe(self) -> str:
        return "; ".join(
            f"thread {d.thread}: {d.next} of {len(d.steps)} dispatched, idle {self.out['progress__idle'] >> d.thread & 1}, "
            f"stores {[(s.issue, s.address) for s in self.world.threads[d.thread].stores][:1]}, "
            f"vector {self.world.threads[d.thread].queue[:1]}"
            for d in self.dispatch
        )

    def begin(self) -> None:
        """Hand each thread's program to its dispatch."""
        self.effects.clear()
        self.faults.clear()
        self.kill_at.clear()
        self.world.forget()
        for d, writer in zip(self.dispatch, self.writers, strict=True):
            d.begin(writer.program, self.world.threads[d.thread])

    def poke(self) -> None:
        """All scalar registers of golden into the unit."""
        waiting = [(t, index, thread.x[index]) for t, thread in enumerate(self.node.threads) for index in range(32)]
        while waiting:
            t, index, value = waiting[0]
            self.cycle(poke__valid=1, poke__thread=t, poke__index=index, poke__value=value)
            if self.out["poke__ready"]:
                waiting.pop(0)

    def check(self) -> None:
        """Effects and memory of all programs."""
        for t, writer in enumerate(self.writers):
            program = writer.program
            end = len(program.steps) if program.fault_at is None else program.fault_at
            for seq, step in enumerate(program.steps[:end]):
                if step.insn.port is Port.SIMD:
                    continue
                wanted = sorted(e for e in step.effects if e[0] != "m")
                got = sorted(self.effects.pop((t, seq), []))
                if undefined := self.world.undefined.get((t, seq)):
                    assert program.fault is not None, f"thread {t} seq {seq}: a store was dropped, and nothing faulted"
                    wanted, got = (self.defined(step, effects, undefined) for effects in (wanted, got))
                if program.fault is not None and not got and step.insn.port is Port.SYNC:
                    continue  # still in the store queue when the thread was killed
                assert got == wanted, f"thread {t} seq {seq} {step.insn.mnemonic} {step.word:#x}: got {got}, golden {wanted}"
            if program.fault is None:
                assert t not in self.faults, f"thread {t} faults: {self.faults[t]}"
            else:
                cause, operand = program.fault
                assert self.faults.get(t) == (cause, program.steps[end].pc >> 2, operand), (t, program.steps[end])
        # What is left belongs to loads behind a fault, whose registers are undefined.
        left = {key: [e for e in effects if e[0] != "v"] for key, effects in self.effects.items()}
        assert not any(left.values()), left
        for t, writer in enumerate(self.writers):
            if writer.program.fault is None:
                part = slice(PART * (1 + t), PART * (2 + t))
                wrong = np.flatnonzero(self.world.memory[part] != self.node.sram[part])
                assert not wrong.size, f"thread {t}: {wrong.size} bytes of memory, first at {PART * (1 + t) + wrong[0]:#x}"

    @staticmethod
    def defined(step: Step, effects: list[tuple], undefined: set[int]) -> list[tuple]:
        """Effects of a load without what it finds where a fault dropped an older store: of a vector those bytes, of a scalar all of it."""
        if step.insn.port is Port.VLOAD:
            return [
                (letter, index, bytes(0 if k in undefined else byte for k, byte in enumerate(value)) if letter == "v" else value)
                for letter, index, value in effects
            ]
        loaded = step.insn.decode(step.word)["rd"]
        return [effect for effect in effects if effect[:2] != ("x", loaded)]

    def resync(self) -> None:
        """After a fault: stores that were dropped and registers that are undefined become golden's too."""
        for t, writer in enumerate(self.writers):
            if writer.program.fault is not None:
                part = slice(PART * (1 + t), PART * (2 + t))
                self.node.sram[part] = self.world.memory[part]
                thread = self.node.threads[t]
                thread.v = np.array([np.frombuffer(row, np.uint8) for row in self.world.threads[t].v])


def start(bench: Bench) -> None:
    """Registers, descriptors and control registers known on both sides."""
    bench.poke()
    for writer in bench.writers:
        writer.start()
        for d in range(8):
            writer.set_descriptor(d)
        for csr in (3, 5, 6):
            writer.emit("csrw", ra=writer.x(), csr=csr)


@pytest.mark.rtl
@pytest.mark.parametrize("rate, delay", [(0.5, 6), (0.05, 3), (1.0, 40)], ids=["even", "slow vectors", "slow stores"])
def test_programs(unit: Stepped, rng: np.random.Generator, rate: float, delay: int) -> None:
    """Four threads of random instructions, several times over."""
    bench = Bench(unit, rng)
    bench.world.vector_rate, bench.world.store_delay = rate, delay
    start(bench)
    for _ in range(4):
        for writer in bench.writers:
            writer.run(150, MIX)
        bench.begin()
        bench.run()
        bench.check()
        for writer in bench.writers:
            writer.start()


@pytest.mark.rtl
def test_faults(unit: Stepped, rng: np.random.Generator) -> None:
    """Programs that end in a fault: all before it happened, nothing behind it did, and the thread can start again."""
    bench = Bench(unit, rng)
    for _ in range(12):
        start(bench)
        for writer in bench.writers:
            writer.run(int(rng.integers(0, 40)), MIX)
            if rng.integers(0, 4):
                writer.end_in_fault()
        bench.begin()
        bench.run()
        bench.check()
        bench.resync()


@pytest.mark.rtl
def test_programs_under_cocotb(bench) -> None:
    """The same programs on the pins, with every pattern of back-pressure at the SRAM ports."""
    assert len(bench(ScalarSide(CONFIG), "cocotb_unit.py")) == 15

"""Random vector instructions, loads and stores of four threads, with their tags as dispatch gives them, and what golden says of each.

Golden executes an instruction when it is dispatched. Dispatch sees the units as they were in the last cycle.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from golden.arch import isa
from golden.arch.classes import Matrix, Port
from golden.arch.encoding import OperandKind
from golden.arch.memmap import CSR_BITS, FP_MODE, Csr
from golden.arch.simd_ops import SimdClass, SimdOp
from golden.arch.tags import ST, ST_AHEAD, VQ, may_load, tag
from rtl.core.decoded import implemented, vector_row
from rtl.core.interfaces import StoreKind
from tests.rtl.core.vector.stubs import drained_word, matrix_result, simd_result, step_bits

THREADS, LANES = isa.THREADS, 8
WORDS = 512  # of memory, per thread
WORD = 2**64 - 1
NOWHERE = {"low": (1 << 18) - 1, "high": 0}
SIMD_INSNS = [insn for insn in isa.TABLE if insn.port is Port.SIMD]
MATRIX_INSNS = [insn for insn in isa.TABLE if insn.port is Port.MATRIX and implemented(insn)]
MIX = {"simd": 6, "matrix": 5, "vld": 5, "vst": 4, "drain": 2, "st": 1, "ld": 1, "raise": 0.5}
STORES = ("vst", "drain", "st", "raise")


@dataclass
class Op:
    """An instruction: its golden effects, and how far it has come."""

    kind: str
    seq: int
    effects: list[tuple] = field(default_factory=list)
    vq_mark: int = 0
    st_mark: int = 0
    pos: int = 0
    entry: dict[str, Any] = field(default_factory=dict)
    address: dict[str, Any] = field(default_factory=dict)
    lanes: list[tuple[int, int] | None] = field(default_factory=list)  # load: word and byte mask of each lane
    value: int = 0
    reg: int = 0
    executed: bool = False
    slot: int = 0
    older: set[int] = field(default_factory=set)
    thread: int = -1  # once it has issued on the scalar side
    cancel: bool = False
    loose: bool = False  # a load of a killed thread


class Side:
    """One thread in the models."""

    def __init__(self, rng: np.random.Generator, number: int) -> None:
        self.rng, self.number = rng, number
        self.v, self.c = [0] * 32, [0] * 8
        self.seed = int.from_bytes(rng.bytes(CSR_BITS[Csr.SEED] // 8), "little")
        self.start: tuple = ()
        self.seq = self.vq_tail = self.st_tail = self.parity = 0
        self.touched, self.stored = [0] * 40, [0] * 40
        self.scalar: list[Op] = []
        self.vector: list[Op] = []
        self.history: list[Op] = []
        self.predicates = self.scalar_busy = self.load_busy = 0
        self.scalar_busy_next = self.load_busy_new = 0
        self.fresh: Op | None = None  # store that issues in this cycle
        self.address: Op | None = None  # store whose address comes in the next cycle
        self.stores: list[Op] = []  # issued, not freed as far as seen
        self.slot = 0
        self.stopped = False


class Programs:
    """Random instructions of four threads, and golden.

    Parameters
    ----------
    mix: weights of the kinds of instructions.
    registers: vector registers that are used.
    cancels: share of stores that turn out not to happen.
    """

    out: dict[str, Any]  # the units' outputs of the last cycle

    def __init__(self, rng: np.random.Generator, mix: dict[str, float], registers: int, cancels: float) -> None:
        self.rng, self.registers, self.cancels = rng, registers, cancels
        self.kinds, self.weights = list(mix), np.array(list(mix.values()), float) / sum(mix.values())
        self.sides = [Side(rng, t) for t in range(THREADS)]
        self.expected: dict[tuple[str, int, int], tuple] = {}
        self.pushes: list[Op] = []
        self.unique = 0
        size = THREADS * WORDS * 8
        self.golden = np.where(rng.random(size) < 0.3, 0, rng.integers(0, 256, size)).astype(np.uint8)

    def random_kind(self) -> str:
        return self.kinds[self.rng.choice(len(self.kinds), p=self.weights)]

    def sync(self, t: int) -> None:
        """Start of a thread that is idle: positions from the units, and what golden holds now."""
        side, out = self.sides[t], self.out
        side.vq_tail, side.st_tail = out["vector_progress__vq_head"][t], out["store_progress__st_read"][t]
        side.parity = out["vector_progress__load_parity"][t]
        side.history, side.scalar, side.vector, side.stores = [], [], [], []
        side.predicates, side.stopped = 0, False
        side.start = (list(side.v), list(side.c), self.golden.copy())

    def word_at(self, word: int, memory: np.ndarray) -> int:
        return int.from_bytes(memory[8 * word : 8 * word + 8].tobytes(), "little")

    def wait(self, side: Side, name: int, st: bool) -> dict[str, int]:
        table, tail, modulus = (side.stored, side.st_tail, ST) if st else (side.touched, side.vq_tail, VQ)
        done = self.out["store_progress__st_read" if st else "vector_progress__vq_head"][side.number]
        return tag(table[name], done, tail, modulus)

    def dispatch_one(self, side: Side, kind: str, target: int | None = None) -> bool:
        """Dispatch an instruction of a kind if that is possible now."""
        t, rng, out = side.number, self.rng, self.out
        if side.stopped or len(side.scalar) >= 8 or (side.vq_tail - out["vector_progress__vq_head"][t]) % VQ >= 16:
            return False
        if side.scalar and (side.vq_tail - side.scalar[0].vq_mark) % VQ >= 47:
            return False
        if side.vector and (side.st_tail - side.vector[0].st_mark) % ST >= ST_AHEAD:
            return False
        op = Op(kind, side.seq % 65536, vq_mark=side.vq_tail, st_mark=side.st_tail)
        if not getattr(self, f"_{kind}")(side, op, target):
            return False
        if kind in ("vst", "drain", "st") and rng.random() < self.cancels:
            op.cancel, op.effects = True, []
            op.address |= NOWHERE
        side.seq += 1
        side.history.append(op)
        for effect in op.effects:
            self.apply(side, effect, side.v, side.c, self.golden)
        if kind in ("simd", "matrix"):
            op.pos, op.thread = side.vq_tail, t
            side.vq_tail = (side.vq_tail + 1) % VQ
            side.vector.append(op)
            self.pushes.append(op)
        else:
            side.scalar.append(op)
            if kind in STORES:
                side.st_tail = (side.st_tail + 1) % ST
        return True

    @staticmethod
    def apply(side: Side, effect: tuple, v, c, memory) -> None:
        name, index, value = effect
        if name == "v":
            v[index] = value
        elif name == "c":
            c[index] = value
        elif name == "m":
            memory[index] = value

    def _simd(self, side: Side, op: Op, target) -> bool:
        insn = SIMD_INSNS[self.rng.integers(len(SIMD_INSNS))]
        if self.rng.random() < 0.1:
            insn = isa.BY_MNEMONIC[("vany", "vall")[self.rng.integers(2)]]
        values = {}
        for operand in insn.operands:
            bound = {OperandKind.V: self.registers, OperandKind.P: 8}.get(operand.kind, 1 << operand.width)
            values[operand.name] = int(self.rng.integers(bound))
        if "pd" in values and side.predicates >> values["pd"] & 1:
            return False
        a, b, c = (side.v[values[name]] if name in values else 0 for name in ("va", "vb", "vc"))
        mode = self._vector_entry(side, op, insn, values)
        bias = mode["result" if SimdOp(insn.simd_op) >> 4 == SimdClass.NARROW else "a"]
        result = simd_result(insn.simd_op, values.get("imm", 0), a, b, c, bias, side.seed)
        if "pd" in values:
            lanes = [result >> 32 * i & 0xFFFFFFFF for i in range(16)]
            value = int(all(lanes) if insn.mnemonic == "vall" else any(lanes))
            self.expected["p", side.number, op.seq] = (values["pd"], value, result & 15)
            side.predicates |= 1 << values["pd"]
        else:
            self.expected["v", side.number, op.seq] = (values["vd"], result, result & 15)
            op.effects = [("v", values["vd"], result)]
            op.entry["st"] = self.wait(side, values["vd"], True)
        return True

    def _matrix(self, side: Side, op: Op, target) -> bool:
        insn = MATRIX_INSNS[self.rng.integers(len(MATRIX_INSNS))] if target is None else isa.BY_MNEMONIC["step.bf16"]
        values = {}
        for operand in insn.operands:
            bound = {OperandKind.V: self.registers}.get(operand.kind, 1 << operand.width)
            values[operand.name] = int(self.rng.integers(bound))
        if target is not None:
            values |= {"c": target, "first": 1}
        step = insn.matrix is Matrix.STEP
        mode = self._vector_entry(side, op, insn, values)
        bits = step_bits(op.entry["row"], values, mode) if step else insn.matrix - Matrix.LOAD_QUARTER + 4 * values["imm"]
        c = values["c"]
        result = matrix_result(side.c[c], step, bool(values.get("first")), bits, side.v[values["va"]], side.v[values.get("vb", 0)])
        op.entry["st"] = self.wait(side, 32 + c, True)
        op.effects = [("c", c, result)]
        self.expected["c", side.number, op.seq] = (c, result)
        side.touched[32 + c] = side.vq_tail
        return True

    def _vector_entry(self, side: Side, op: Op, insn, values: dict[str, int]) -> dict[str, int]:
        """Fills the entry but for what it waits for; the biases that it takes along."""
        mode = {field_.name: int(self.rng.integers(1 << field_.width)) for field_ in FP_MODE}
        row = {name: part.value if isinstance(part, Enum) else part for name, part in vector_row(insn).items()}
        op.entry = {"mode": mode, "seq": op.seq, "word": insn.encode(**values), "row": row, "st_mark": side.st_tail}
        op.entry |= {f"parity_{x}": int(self.rng.integers(2)) for x in "abcd"}
        for name, field_ in (("va", "a"), ("vb", "b"), ("vc", "c"), ("vd", "d")):
            if name in values:
                op.entry[f"parity_{field_}"] = side.parity >> values[name] & 1
        for name in ("va", "vb", "vc", "vd"):
            if name in values:
                side.touched[values[name]] = side.vq_tail
        return mode

    def _lanes(self, side: Side, raw: bool = False) -> tuple[int, tuple[int, int, int], bool]:
        """Base, steps and whether the words follow each other, for eight lanes without a word twice."""
        shape = int(self.rng.integers(4))
        p = int(self.rng.integers(5, 20))
        steps = ((1, 2, 4), (p, 2 * p, 4 * p), (1, p, 2 * p), (1, 2, p))[shape]
        base = side.number * WORDS + int(self.rng.integers(WORDS - 8 * p if shape else 64))
        return base, steps, shape == 0

    def _vld(self, side: Side, op: Op, target) -> bool:
        reg = int(self.rng.integers(self.registers)) if target is None else target
        if not may_load(side.parity, self.out["vector_progress__load_parity"][side.number], reg):
            return False
        base, steps, _ = self._lanes(side)
        for lane in range(LANES):
            word = base + sum(step for k, step in enumerate(steps) if lane >> k & 1)
            keep = WORD if self.rng.random() < 0.9 else 0
            op.lanes.append((word, keep) if keep else None)
            op.value |= (self.word_at(word, self.golden) & keep) << 64 * lane
        op.reg, op.effects = reg, [("v", reg, op.value)]
        op.entry = {"vq": self.wait(side, reg, False), "st": self.wait(side, reg, True), "parity": side.parity >> reg & 1}
        side.parity ^= 1 << reg
        return True

    def _ld(self, side: Side, op: Op, target) -> bool:
        free = [x for x in range(32) if not side.scalar_busy >> x & 1 and all(o.kind != "ld" or o.reg != x for o in side.scalar)]
        op.reg = int(self.rng.choice(free))
        word = side.number * WORDS + int(self.rng.integers(WORDS))
        op.lanes, op.value = [(word, WORD)], self.word_at(word, self.golden)
        return True

    def _place(self, op: Op, words: list[int], stream: int, **fields: Any) -> None:
        span = {"low": min(words), "high": max(words)} if words else NOWHERE
        op.address = {"stream": stream, **span, **fields}

    def _own_stream(self) -> int:
        self.unique += 1
        return 3 << 10 | self.unique % 1024

    def _vst(self, side: Side, op: Op, target) -> bool:
        reg = int(self.rng.integers(self.registers))
        base, steps, follows = self._lanes(side)
        strobe = int(self.rng.integers(1 << 62)) * 5 % 2**64 if self.rng.random() < 0.2 else WORD
        value, words = side.v[reg], []
        for lane in range(LANES):
            word, kept = base + sum(step for k, step in enumerate(steps) if lane >> k & 1), strobe >> 8 * lane & 255
            if kept:
                words.append(word)
            for byte in range(8):
                if kept >> byte & 1:
                    op.effects.append(("m", 8 * word + byte, value >> 64 * lane + 8 * byte & 255))
        enable = sum(1 << lane for lane in range(LANES) if strobe >> 8 * lane & 255)
        t0, t1, t2 = steps
        stream = base & 7 if follows else self._own_stream()
        self._place(op, words, stream, base=base, t0=t0, t1=t1, t2=t2, enable=enable, strobe=strobe)
        op.entry = {"kind": StoreKind.VECTOR, "source": reg, "vq": self.wait(side, reg, False), "parity": side.parity >> reg & 1}
        side.stored[reg] = side.st_tail
        return True

    def _drain(self, side: Side, op: Op, target) -> bool:
        c, form, relu = int(self.rng.integers(8)), int(self.rng.integers(3)), int(self.rng.integers(2))
        size = (4, 2, 8)[form]
        pitch = 8 if form == 2 else int(self.rng.integers(size, 20))
        base = side.number * WORDS + int(self.rng.integers(WORDS - 8 * 20))
        row_mask, column_mask = (255 if self.rng.random() < 0.6 else int(self.rng.integers(256)) for _ in range(2))
        words = []
        for row in range(8):
            for column in range(8):
                if form != 2 and not (row_mask >> row & column_mask >> column & 1):
                    continue
                if form == 0:
                    beat, place = 2 * (row // 4) + column // 4, 16 * (row % 4) + 4 * (column % 4)
                elif form == 1:
                    beat, place = row // 4, 16 * (row % 4) + 2 * column
                else:
                    beat, place = row, 8 * column
                value = drained_word(side.c[c], beat, place // 8, form, relu)
                at = 8 * (base + row * pitch) + size * column
                words.append(at // 8)
                op.effects += [("m", at + b, value >> 8 * (place % 8 + b) & 255) for b in range(size)]
        stream = base & 7 if form == 2 else self._own_stream()
        self._place(op, words, stream, base=base, row_mask=row_mask, column_mask=column_mask, row_pitch=pitch)
        op.entry = {"kind": StoreKind.DRAIN, "source": c, "vq": self.wait(side, 32 + c, False), "drain_format": form, "relu": relu}
        op.entry["parity"] = int(self.rng.integers(2))
        side.stored[32 + c] = side.st_tail
        return True

    def _st(self, side: Side, op: Op, target) -> bool:
        word, size = side.number * WORDS + int(self.rng.integers(WORDS)), int(self.rng.integers(4))
        first, value = int(self.rng.integers(8 >> size)) << size, int(self.rng.integers(1 << 62)) * 7 % 2**64
        kept = range(first, first + (1 << size))
        op.effects = [("m", 8 * word + b, value >> 8 * b & 255) for b in kept]
        self._place(op, [word], 8, base=word, enable=1, strobe=sum(1 << b for b in kept))
        op.entry = {"kind": StoreKind.SCALAR, "value": value}
        return True

    def _raise(self, side: Side, op: Op, target) -> bool:
        op.reg, op.value = int(self.rng.integers(64)), int(self.rng.integers(1024))
        self._place(op, [], 0)
        op.entry = {"kind": StoreKind.RAISE, "value": (op.seq << 32) | op.reg << 16 | op.value}
        return True

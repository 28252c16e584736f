"""Vector unit and store unit together, with small stand-ins for the SIMD pipe and the matrix unit that keep their timing.

The stand-ins compute something that depends on every operand; `simd_result`, `matrix_result` and `drained_word` say the same in Python.
"""

from amaranth.hdl import Array, Cat, Const, Module, Mux, ResetInserter, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In

from golden.arch.config import NodeConfig
from golden.arch.formats import FloatFormat
from golden.arch.simd_ops import LATENCY, SIMD_OP_BITS, SIMD_OPS, SimdOp, SimdOpInfo
from rtl.core.matrix.unit import MatrixUnit
from rtl.core.memory.store import StoreUnit
from rtl.core.operations import DIGEST_LATENCY, DRAIN_LATENCY, DRAIN_TO_STEP, STEP_TO_DRAIN
from rtl.core.vector.simd import SimdPipe
from rtl.core.vector.unit import VectorUnit
from rtl.fp.operand import OperandMode
from tests.rtl.core.packing import pack
from tests.rtl.core.through import through

MASK = (1 << 512) - 1
COPY = int(SimdOp.COPY)
KEY = int.from_bytes(bytes(range(1, 65)), "little")
LOAD_FACTOR, DRAIN_FACTOR = 7, 0x9E3779B97F4A7C15
SHORT, LONG = LATENCY[SimdOp.FMA], LATENCY[SimdOp.RECIP]


def has_bias(info: SimdOpInfo) -> bool:
    return isinstance(info.format, FloatFormat) and info.format.has_bias


def simd_result(op: int, imm: int, a: int, b: int, c: int, bias: int, seed: int) -> int:
    info = SIMD_OPS[SimdOp(op)]
    if op == COPY:
        return a
    result = KEY ^ op
    if "a" in info.operands:
        result ^= a
    if "b" in info.operands:
        result ^= (b << 8 | b >> 504) & MASK
    if "c" in info.operands:
        result ^= (c << 16 | c >> 496) & MASK
    result ^= bias << 128 if has_bias(info) else 0
    result ^= seed << 192 if info.stochastic else 0
    return result ^ (imm << 64 if info.imm else 0)


def fold(value: int) -> int:
    total = 0
    for i in range(8):
        total ^= value >> 64 * i & 2**64 - 1
        total = (total << 1 | total >> 63) & 2**64 - 1
    return total


def step_bits(row: dict, values: dict[str, int], mode: dict[str, int]) -> int:
    """How a step reads its operands: A's OperandMode, above it B's."""
    modes = [
        {"transposed": values[f"{x}t"], "format": row[f"format_{x}"], "half": values.get(f"{x}h", 0), "bias": mode[x]} for x in "ab"
    ]
    return pack(data.ArrayLayout(OperandMode, 2), modes)


def matrix_result(acc: int, step: bool, first: bool, bits: int, a: int, b: int) -> int:
    """`bits`: step_bits of a step; kind + 4 * index of a load."""
    if step:
        return ((0 if first else 3 * acc) + fold(a) + 5 * fold(b) + bits) % 2**64
    return (LOAD_FACTOR * acc + fold(a) + bits) % 2**64


def drained_word(acc: int, beat: int, word: int, format_: int, relu: int) -> int:
    return (acc ^ (8 * beat + word + 64 * format_ + 256 * relu)) * DRAIN_FACTOR % 2**64


class StubSimd(wiring.Component):
    """SimdPipe's ports and latencies; two results in one cycle give garbage."""

    def __init__(self) -> None:
        super().__init__(dict(SimdPipe().signature.members))

    def elaborate(self, platform):
        m = Module()
        used = data.StructLayout({"a": 1, "b": 1, "c": 1, "imm": 1, "bias": 1, "seed": 1})
        rows: list[dict[str, int]] = [{} for _ in range(1 << SIMD_OP_BITS)]
        for op, info in SIMD_OPS.items():
            registers = {name: 1 for name in info.operands}
            rows[op] = {**registers, "imm": int(info.imm > 0), "bias": int(has_bias(info)), "seed": int(info.stochastic)}
        m.submodules.table = table = memory.Memory(shape=used, depth=len(rows), init=rows)
        look = table.read_port(domain="comb")
        m.d.comb += look.addr.eq(self.op)
        reads = look.data
        value = Signal(512)
        with m.If(self.op == COPY):
            m.d.comb += value.eq(self.a)
        with m.Else():
            terms = Mux(reads.a, self.a, 0) ^ Mux(reads.b, self.b.rotate_left(8), 0) ^ Mux(reads.c, self.c.rotate_left(16), 0)
            for name, at in (("imm", 64), ("bias", 128), ("seed", 192)):
                terms ^= Mux(reads[name], Cat(Const(0, at), getattr(self, name)), 0)
            m.d.comb += value.eq(KEY ^ self.op ^ terms)
        special = self.op[4:] == int(SimdOp.RECIP) >> 4
        record = data.StructLayout({"valid": 1, "tag": len(self.tag), "data": 512})
        stages = [Signal(record, name=f"stage_{k}") for k in range(LONG)]
        for k, stage in enumerate(stages):  # stage k: k + 1 cycles are over
            enters = (self.valid & ~special) if k == LONG - SHORT else (self.valid & special) if k == 0 else Const(0)
            before = stages[k - 1] if k else None
            m.d.sync += stage.eq(before if k else Cat(enters, self.tag, value))
            if k:
                with m.If(enters):
                    m.d.sync += [stage.valid.eq(1), stage.tag.eq(self.tag), stage.data.eq(Mux(before.valid, ~value, value))]
        out = stages[-1]
        lanes = Cat(out.data[32 * i : 32 * i + 32].any() for i in range(16))
        m.d.comb += [
            self.out_valid.eq(out.valid),
            self.out_tag.eq(out.tag),
            self.out_data.eq(out.data),
            self.out_any.eq(lanes.any()),
            self.out_all.eq(lanes.all()),
            self.out_flags.eq(Mux(out.valid, out.data[:4], 0)),
        ]
        return m


class StubMatrix(wiring.Component):
    """MatrixUnit's ports and latencies; the digest is the accumulator. A drain that is neither early nor late enough gives garbage."""

    def __init__(self) -> None:
        super().__init__(dict(MatrixUnit(trace=True).signature.members))

    def elaborate(self, platform):
        m = Module()
        files = [Signal(64, name=f"acc_{i}", reset_less=True) for i in range(32)]  # as the newest operation leaves it
        seen = [Signal(64, name=f"seen_{i}", reset_less=True) for i in range(32)]  # as a drain sees it

        def folded(value):
            total = Const(0, 64)
            for i in range(8):
                total = (total ^ value.word_select(i, 64)).rotate_left(1)
            return total

        step, load = self.operations.step, self.operations.load
        valid, slot = step.valid | load.valid, Mux(load.valid, Cat(load.acc, load.thread), Cat(step.acc, step.thread))
        old, new = Signal(64), Signal(64)
        a, b = folded(self.operations.step_a), folded(self.operations.step_b)
        bits = Cat(step.a, step.b)
        m.d.comb += old.eq(Array(files)[slot])
        with m.If(load.valid):
            m.d.comb += new.eq(LOAD_FACTOR * old + folded(self.operations.load_data) + Cat(load.kind, load.index))
        with m.Else():
            m.d.comb += new.eq(Mux(step.first, 0, 3 * old) + a + 5 * b + bits)
        with m.If(valid):
            m.d.sync += Array(files)[slot].eq(new)
        record = data.StructLayout({"valid": 1, "slot": 5, "value": 64})
        stages = [Signal(record, name=f"stage_{k}") for k in range(DIGEST_LATENCY)]
        m.d.sync += [after.eq(before) for after, before in zip(stages, [Cat(valid, slot[:5], new), *stages], strict=False)]
        lands = stages[STEP_TO_DRAIN - 2]
        with m.If(lands.valid):
            m.d.sync += Array(seen)[lands.slot].eq(lands.value)
        ended = stages[-1]
        m.d.comb += [
            self.operations.ended.valid.eq(ended.valid),
            Cat(self.operations.ended.acc, self.operations.ended.thread).eq(ended.slot),
            self.operations.ended.digest.eq(ended.value),
        ]
        # An operation decoded n cycles before the request: seen from STEP_TO_DRAIN on, not seen up to DRAIN_TO_STEP.
        drain = self.drains.request
        wanted = Cat(drain.acc, drain.thread)
        between = Cat(
            stages[n - 1].valid & (stages[n - 1].slot == wanted) for n in range(DRAIN_TO_STEP + 1, STEP_TO_DRAIN)
        ).any()
        value = Array(seen)[wanted]
        words = [
            ((value ^ (8 * drain.beat + word + 64 * Cat(drain.format) + 256 * drain.relu)) * DRAIN_FACTOR)[:64] for word in range(8)
        ]
        reply = data.StructLayout({"valid": 1, "tag": 8, "data": 512})
        replies = [Signal(reply, name=f"reply_{k}") for k in range(DRAIN_LATENCY)]
        now = Cat(drain.valid, drain.tag, Mux(between, ~Cat(words), Cat(words)))
        m.d.sync += [after.eq(before) for after, before in zip(replies, [now, *replies], strict=False)]
        m.d.comb += [
            self.drains.reply.valid.eq(replies[-1].valid),
            self.drains.reply.tag.eq(replies[-1].tag),
            self.drains.data.eq(replies[-1].data),
        ]
        return m


class BackEnd(wiring.Component):
    """Both units and the stand-ins, wired to each other as in the core; the rest of their interfaces, and what they say to each other that
    a bench looks at."""

    def __init__(self, config: NodeConfig) -> None:
        self.vector, self.store, self.matrix = VectorUnit(config, trace=True, simd=StubSimd()), StoreUnit(config, trace=True), StubMatrix()
        # Resets both units, but not the stand-ins' accumulators.
        members = {"restart": In(1)}
        for unit in (self.vector, self.store):
            for name, member in unit.signature.members.items():
                if name not in _INSIDE and not (name in ("store_progress", "vector_progress") and member.flow is In):
                    members[self._outer(unit, name)] = member
        super().__init__(members)

    def _outer(self, unit: wiring.Component, name: str) -> str:
        """The name that a unit's interface has outside."""
        side = "vector" if unit is self.vector else "store"
        return {name: f"{side}_{name}" for name in ("progress", "steer", "events")}.get(name, "trace_store" if name == "trace" else name)

    def elaborate(self, platform):
        m = Module()
        vector, store = self.vector, self.store
        m.submodules.vector, m.submodules.store = (ResetInserter(self.restart)(unit) for unit in (vector, store))
        m.submodules.matrix = self.matrix
        wiring.connect(m, vector.operations, self.matrix.operations)
        wiring.connect(m, store.drains, self.matrix.drains)
        wiring.connect(m, store.data, vector.store_data)
        wiring.connect(m, vector.progress, store.vector_progress, wiring.flipped(self.vector_progress))
        wiring.connect(m, store.progress, vector.store_progress, wiring.flipped(self.store_progress))
        wiring.connect(m, wiring.flipped(self.life), vector.life, store.life)
        for unit in (vector, store):
            for name in unit.signature.members:
                if name not in (*_INSIDE, "life", "progress", "store_progress", "vector_progress"):
                    through(m, getattr(self, self._outer(unit, name)), getattr(unit, name))
        return m


_INSIDE = ("operations", "drains", "data", "store_data")

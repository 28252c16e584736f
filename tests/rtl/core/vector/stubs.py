"""Vector unit and store unit together, with small stand-ins for the SIMD pipe and the matrix unit that keep their timing.

The stand-ins compute something that depends on every operand; `simd_result`, `matrix_result` and `drained_word` say the same in Python.
"""

from amaranth.hdl import Array, Cat, Const, Module, Mux, ResetInserter, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from golden.arch.simd_ops import LATENCY, SIMD_OPS, SimdOp
from rtl.core.matrix.unit import MatrixUnit
from rtl.core.memory.store import StoreUnit
from rtl.core.vector.simd import SimdPipe
from rtl.core.vector.unit import VectorUnit

MASK = (1 << 512) - 1
COPY = int(SimdOp.COPY)
KEY = int.from_bytes(bytes(range(1, 65)), "little")
LOAD_FACTOR, DRAIN_FACTOR = 7, 0x9E3779B97F4A7C15
SHORT, LONG = LATENCY[SimdOp.FMA], LATENCY[SimdOp.RECIP]


def simd_result(op: int, imm: int, a: int, b: int, c: int) -> int:
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
    return result ^ (imm << 64 if info.imm else 0)


def fold(value: int) -> int:
    total = 0
    for i in range(8):
        total ^= value >> 64 * i & 2**64 - 1
        total = (total << 1 | total >> 63) & 2**64 - 1
    return total


def matrix_result(acc: int, step: bool, first: bool, bits: int, a: int, b: int) -> int:
    """`bits`: transposed flags of a step; kind + 4 * index of a load."""
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
        known = {int(op): info for op, info in SIMD_OPS.items()}
        rows = [
            sum(("abc"[k] in known[i].operands) << k for k in range(3)) | bool(known[i].imm) << 3 if i in known else 0 for i in range(128)
        ]
        m.submodules.table = table = memory.Memory(shape=4, depth=128, init=rows)
        look = table.read_port(domain="comb")
        m.d.comb += look.addr.eq(self.op)
        reads = look.data
        value = Signal(512)
        with m.If(self.op == COPY):
            m.d.comb += value.eq(self.a)
        with m.Else():
            terms = Mux(reads[0], self.a, 0) ^ Mux(reads[1], self.b.rotate_left(8), 0) ^ Mux(reads[2], self.c.rotate_left(16), 0)
            m.d.comb += value.eq(KEY ^ self.op ^ terms ^ Mux(reads[3], Cat(Const(0, 64), self.imm), 0))
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

        step, load = self.step, self.load
        valid, slot = step.valid | load.valid, Mux(load.valid, Cat(load.acc, load.thread), Cat(step.acc, step.thread))
        old, new = Signal(64), Signal(64)
        a, b = folded(self.step_a), folded(self.step_b)
        bits = Cat(step.a.transposed, step.b.transposed)
        m.d.comb += old.eq(Array(files)[slot])
        with m.If(load.valid):
            m.d.comb += new.eq(LOAD_FACTOR * old + folded(self.load_data) + Cat(load.kind, load.index))
        with m.Else():
            m.d.comb += new.eq(Mux(step.first, 0, 3 * old) + a + 5 * b + bits)
        with m.If(valid):
            m.d.sync += Array(files)[slot].eq(new)
        record = data.StructLayout({"valid": 1, "slot": 5, "value": 64})
        stages = [Signal(record, name=f"stage_{k}") for k in range(MatrixUnit.TRACE_LATENCY)]
        m.d.sync += [after.eq(before) for after, before in zip(stages, [Cat(valid, slot[:5], new), *stages], strict=False)]
        lands = stages[MatrixUnit.STEP_TO_DRAIN - 2]
        with m.If(lands.valid):
            m.d.sync += Array(seen)[lands.slot].eq(lands.value)
        ended = stages[-1]
        m.d.comb += [
            self.ended.valid.eq(ended.valid),
            Cat(self.ended.acc, self.ended.thread).eq(ended.slot),
            self.ended.digest.eq(ended.value),
        ]
        # An operation decoded n cycles before the request: seen from STEP_TO_DRAIN on, not seen up to DRAIN_TO_STEP.
        drain = self.drain
        wanted = Cat(drain.acc, drain.thread)
        between = Cat(
            stages[n - 1].valid & (stages[n - 1].slot == wanted) for n in range(MatrixUnit.DRAIN_TO_STEP + 1, MatrixUnit.STEP_TO_DRAIN)
        ).any()
        value = Array(seen)[wanted]
        words = [
            ((value ^ (8 * drain.beat + word + 64 * Cat(drain.format) + 256 * drain.relu)) * DRAIN_FACTOR)[:64] for word in range(8)
        ]
        reply = data.StructLayout({"valid": 1, "tag": 8, "data": 512})
        replies = [Signal(reply, name=f"reply_{k}") for k in range(MatrixUnit.DRAIN_LATENCY)]
        now = Cat(drain.valid, drain.tag, Mux(between, ~Cat(words), Cat(words)))
        m.d.sync += [after.eq(before) for after, before in zip(replies, [now, *replies], strict=False)]
        m.d.comb += [
            self.drained.valid.eq(replies[-1].valid),
            self.drained.tag.eq(replies[-1].tag),
            self.drained_data.eq(replies[-1].data),
        ]
        return m


_BETWEEN = ("acc_busy", "st_read", "store_read", "store_data", "drain", "drained", "drained_data")
_BOTH = ("vq_head", "simd_pending", "load_parity", "load_busy")


class BackEnd(wiring.Component):
    """Both units, wired to each other as in the core; the rest of their ports, by unit."""

    def __init__(self, config: NodeConfig) -> None:
        self.vector = VectorUnit(config, trace=True, simd=StubSimd(), matrix=StubMatrix())
        self.store = StoreUnit(config, trace=True)
        # Resets both units, but not the stand-ins' accumulators.
        members = {"restart": In(1), "st_read": Out(self.store.signature.members["st_read"].shape)}
        for unit in (self.vector, self.store):
            for name, member in unit.signature.members.items():
                if self._outer(unit, name):
                    members[self._outer(unit, name)] = member
        super().__init__(members)

    def _outer(self, unit: wiring.Component, name: str) -> str:
        """The name that a unit's port has outside; empty for one that stays inside."""
        if name in _BETWEEN or (unit is self.store and name in _BOTH):
            return ""
        side = "vector" if unit is self.vector else "store"
        return {"idle": f"{side}_idle", "trace": f"trace_{side}"}.get(name, name)

    def elaborate(self, platform):
        m = Module()
        vector, store = self.vector, self.store
        m.submodules.vector, m.submodules.store = (ResetInserter(self.restart)(unit) for unit in (vector, store))
        for unit in (vector, store):
            for name, member in unit.signature.members.items():
                outer = self._outer(unit, name)
                if not outer:
                    continue
                if member.is_signature:
                    wiring.connect(m, wiring.flipped(getattr(self, outer)), getattr(unit, name))
                elif member.flow is In:
                    m.d.comb += getattr(unit, name).eq(getattr(self, outer))
                else:
                    m.d.comb += getattr(self, outer).eq(getattr(unit, name))
        for name in (*_BETWEEN, *_BOTH):
            if vector.signature.members[name].flow is Out:
                m.d.comb += getattr(store, name).eq(getattr(vector, name))
            else:
                m.d.comb += getattr(vector, name).eq(getattr(store, name))
        m.d.comb += self.st_read.eq(store.st_read)
        return m

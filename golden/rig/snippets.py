"""Snippets of a random program: what one thread writes, each piece legal wherever it stands and whatever is left out around it.

Registers: x1..x23, v0..v31, c0..c7, p1..p5 hold anything. x24 points into the thread's part, x29 to its tables, x25, x27, x28 are a
snippet's own, x26 and p6 count a loop, p7 is false for ever, x31 and x30 are links. d0..d6 hold an image of their kind
(golden.rig.memory.KINDS), d7 whatever a snippet has just set.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from golden.arch import isa
from golden.arch.classes import Alu, Flow, Format, Matrix, Port, Reduce
from golden.arch.config import NodeConfig
from golden.arch.descriptor import step_code
from golden.arch.encoding import Insn, OperandKind
from golden.arch.memmap import CSR_BITS, FP_MODE_BITS, Counter, Csr
from golden.arch.sram import inject
from golden.rig.hazards import hazards
from golden.rig.memory import (
    BF16_LINES,
    F32_LINES,
    IMAGES,
    KINDS,
    ORDINARY,
    REGION,
    SCALARS,
    SCRATCH,
    X_LIMIT,
    Y_LIMIT,
    Layout,
    line_image,
    random_image,
    step_cost,
)
from golden.rig.steer import favoured, is_met, meet

GENERAL_X = range(24)
FREE_P = range(1, 6)
FEW_X, FEW_V, FEW_P = (1, 2, 3), (0, 1, 28), (1, 2)  # what instructions that are to depend on each other use
LOOP_LIMIT = 5  # iterations
STEERED = 30  # weight of snippets that make points nobody has exercised, beside some 70 of all others
POINTER = 2048  # x24 points so far into the part
RAW = 512


@dataclass
class Snippet:
    """Lines before and after children; a snippet of several threads carries the same number in each."""

    number: int
    name: str
    head: list[str]
    children: list[Snippet] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)

    def numbers(self) -> Iterator[int]:
        yield self.number
        for child in self.children:
            yield from child.numbers()


def render(snippet: Snippet, keep: Collection[int] | None, depth: int = 0) -> list[str]:
    """Lines of a snippet and of those of its children that ``keep`` names."""
    if keep is not None and snippet.number not in keep:
        return []
    inside = [line for child in snippet.children for line in render(child, keep, depth + 1)]
    return [f"; {'  ' * depth}{snippet.number} {snippet.name}", *indent(snippet.head), *inside, *indent(snippet.tail)]


def indent(lines: list[str]) -> list[str]:
    return [line if line.endswith(":") else f"        {line}" for line in lines]


def written(line: str) -> Insn | None:
    """The instruction of a line; None for a label or a word that is none."""
    return next((isa.BY_MNEMONIC[word] for word in line.split() if word in isa.BY_MNEMONIC), None)


def _is_arithmetic(insn: Insn) -> bool:
    """Computes a scalar from scalars, whatever they are and wherever it stands."""
    plain = insn.flow is Flow.PLAIN and insn.port in (Port.ALU, Port.SLOW)
    return plain and insn.alu not in (Alu.LPC, Alu.LIH) and any(op.kind is OperandKind.X for op in insn.writes)


class Writer:
    """Writes one thread's snippets and counts what they cost.

    Attributes
    ----------
    images : the table's images, ``IMAGES`` per descriptor.
    snippets, routines : what was written; a routine is (label, lines).
    left : instructions that the thread may still execute.
    meets, favours : points and mnemonics that it is steered to (golden.rig.steer).
    """

    def __init__(
        self, thread: int, config: NodeConfig, layout: Layout, rng: random.Random, length: int, wanted: Collection[str] = ()
    ) -> None:
        self.meets, self.favours = [point for point in wanted if is_met(point)], favoured(wanted)
        self.thread, self.config, self.layout, self.rng, self.length = thread, config, layout, rng, length
        region = layout.region(thread)
        self.images = [random_image(rng, kind, region) for kind in KINDS for _ in range(IMAGES)]
        ordinary = layout.table(thread) + ORDINARY
        self.images += [line_image(start, step_code("x", 8)) for start in (ordinary, ordinary + 512, region, region)]
        self.room = [[X_LIMIT, Y_LIMIT] for _ in KINDS]
        self.cost = [step_cost(self.images[IMAGES * d : IMAGES * (d + 1)]) for d in range(len(KINDS))]
        self.snippets: list[Snippet] = []
        self.routines: list[tuple[str, list[str]]] = []
        self.size, self.left, self.times, self.loops, self.labels = 0, 4 * length + 100, 1, 0, 0
        self.in_routine = self.counting = self.few = False
        self.alu = self._table(_is_arithmetic)
        self.tests = self._table(lambda i: any(op.kind is OperandKind.P for op in i.writes))
        self.simd = self._table(lambda i: i.port is Port.SIMD and i.reduce is Reduce.NONE)
        self.loads = self._table(lambda i: i.port is Port.VLOAD)
        self.stores = self._table(lambda i: i.port is Port.VSTORE)
        self.steps = self._table(lambda i: i.matrix is Matrix.STEP)
        self.drains = self._table(lambda i: i.port is Port.DRAIN and i.format is not Format.RAW)
        self.memory = self._table(lambda i: i.port in (Port.SLOAD, Port.SSTORE))

    def _table(self, chosen: Callable[[Insn], bool]) -> list[Insn]:
        return [insn for insn in isa.TABLE if insn.feature in self.config.features and chosen(insn)]

    # --- small choices -----------------------------------------------------------------------------------------------------------

    def x(self) -> str:
        return f"x{self.rng.choice(FEW_X if self.few else GENERAL_X)}"

    def v(self) -> str:
        if self.few:
            return f"v{self.rng.choice(FEW_V)}"
        return f"v{self.rng.choice((self.rng.randrange(8), self.rng.randrange(32)))}"  # few, so that they depend on each other

    def tame(self) -> str:
        """A register that mostly holds numbers."""
        return f"v{28 + self.rng.randrange(4)}" if self.rng.random() < 0.8 else self.v()

    def c(self) -> str:
        return f"c{self.rng.randrange(2 if self.few else 8)}"

    def p(self) -> int:
        return self.rng.choice(FEW_P if self.few else FREE_P)

    def when(self) -> str:
        """A predicate before an instruction, or nothing."""
        return f"(p{self.rng.choice((self.p(), self.p(), self.p(), 7))}) " if self.rng.random() < (0.4 if self.few else 0.2) else ""

    def label(self) -> str:
        self.labels += 1
        return f"t{self.thread}_{self.labels}"

    def number(self, low: int, high: int) -> int:
        rng = self.rng
        return rng.choice((low, high, 0 if low <= 0 else low, rng.randint(low, high), rng.randint(max(low, -8), min(high, 8))))

    def operands(self, insn: Insn) -> str:
        """Random operands, for instructions that any operands suit."""
        parts = []
        for op in insn.operands:
            match op.kind:
                case OperandKind.X:
                    parts.append(self.x())
                case OperandKind.V:
                    parts.append(self.v())
                case OperandKind.C:
                    parts.append(self.c())
                case OperandKind.P:
                    parts.append(f"p{self.rng.choice((0, self.p(), self.p()) if op.writes else (*range(8), *(self.p(),) * 8))}")
                case OperandKind.UINT | OperandKind.SINT:
                    parts.append(str(self.number(*op.limits)))
                case OperandKind.FLAG:
                    parts += [op.name] if self.rng.random() < 0.4 else []
        return f"{insn.mnemonic} {', '.join(parts)}"

    def any_of(self, table: list[Insn], count: int) -> list[str]:
        return [self.when() + self.operands(self.one_of(table)) for _ in range(count)]

    def one_of(self, table: list[Insn]) -> Insn:
        """One that the program is steered to, if there is one, as often as any other."""
        favoured = [insn for insn in table if insn.mnemonic in self.favours]
        return self.rng.choice(favoured if favoured and self.rng.random() < 0.5 else table)

    def tile(self) -> str:
        return f"[{self.rng.randrange(2)},{self.rng.choice((0, 0, 1, 2, 3))}]" if self.rng.random() < 0.4 else ""

    def descriptor(self, *kinds: str) -> int:
        return self.rng.choice([d for d, kind in enumerate(KINDS) if kind in kinds])

    def step(self, d: int) -> str:
        """A trailing step of descriptor ``d``, as long as its position may move."""
        if self.in_routine or self.rng.random() < 0.4 or not self.spend(d):
            return ""
        return f", {self.rng.choice(('inner', 'inner', 'inner', 'outer'))}"

    def spend(self, d: int) -> bool:
        words, rows = (cost * self.times for cost in self.cost[d])
        if words > self.room[d][0] or rows > self.room[d][1]:
            return False
        self.room[d][0] -= words
        self.room[d][1] -= rows
        return True

    # --- the beginning -----------------------------------------------------------------------------------------------------------

    def prologue(self, given: bool) -> list[str]:
        """Every register written; ``given``: x1..x8 come with the start packet."""
        lines = [f"li64 x29, {self.layout.table(self.thread)}", f"li64 x24, {self.layout.region(self.thread) + POINTER}"]
        lines += ["ld.d x27, x29, 496", "ld.d x28, x29, 504", f"setd d{SCRATCH}, x27, x28"]
        lines += [f"vld.c v{i}, d{SCRATCH}, inner" for i in range(isa.VECTOR_REGISTERS)]
        lines.append(f"addi x25, x29, {SCALARS - 1}")
        lines.append("addi x25, x25, 1")
        lines += [f"ldp.d x{i}, x25, 8" for i in range(9 if given else 1, 24)]
        lines += ["li x26, 0", "li x30, 0", "li x31, 0"]
        for d in range(len(KINDS)):
            lines += self._set(d, 0)
        lines += [f"ld.d x27, x29, {16 * BF16_LINES}", f"ld.d x28, x29, {16 * BF16_LINES + 8}", f"setd d{SCRATCH}, x27, x28"]
        lines += [f"vld.c v{v}, d{SCRATCH}, inner" for v in range(28, 32)]
        lines += [f"step.bf16 c{c}, v{28 + c % 4}, v{31 - c // 2}, first" for c in range(isa.ACCUMULATORS)]
        lines += [f"pltu p{p}, x{2 * p}, x{2 * p + 1}" for p in FREE_P]
        return indent(lines)

    def _set(self, d: int, image: int) -> list[str]:
        at = 16 * (IMAGES * d + image)
        return [f"ld.d x27, x29, {at}", f"ld.d x28, x29, {at + 8}", f"setd d{d}, x27, x28"]

    def ordinary(self, image: int) -> tuple[list[str], list[str]]:
        """Two registers loaded with ordinary numbers through d7: their names, and the lines."""
        at, names = 16 * image, [self.tame(), self.tame()]
        lines = [f"ld.d x27, x29, {at}", f"ld.d x28, x29, {at + 8}", f"setd d{SCRATCH}, x27, x28"]
        lines += [f"vld.c {self.tame()}, d{SCRATCH}, inner" for _ in range(self.rng.randrange(3))]
        return names, lines + [f"vld.c {name}, d{SCRATCH}, inner" for name in names]

    def scratch(self, address: int, step: int = 0) -> list[str]:
        """d7 over 64 bytes (or more, stepping) at an address."""
        low, high = line_image(address, step).pack()
        return [f"li64 x27, {low}", f"li64 x28, {high}", f"setd d{SCRATCH}, x27, x28"]

    # --- leaves --------------------------------------------------------------------------------------------------------------------

    def scalar(self) -> list[str]:
        lines = self.any_of(self.alu, self.rng.randint(1, 6))
        if self.rng.random() < 0.3:
            lines.append(f"lih {self.x()}, {self.number(0, 0x7FFF)}")
        if self.rng.random() < 0.2:
            lines.append(f"li64 {self.x()}, {self.rng.getrandbits(64)}")
        return lines

    def predicates(self) -> list[str]:
        return self.any_of(self.tests, self.rng.randint(1, 4))

    def address(self) -> list[str]:
        """x25 = x24 and up to 4,088 bytes that some register decides."""
        return [f"andi x25, {self.x()}, 511", "slli x25, x25, 3", "add x25, x25, x24"]

    def scalar_memory(self) -> list[str]:
        lines = self.address() if self.rng.random() < 0.6 else [f"addi x25, x24, {8 * self.number(-64, 63)}"]
        for _ in range(self.rng.randint(1, 5)):
            insn = self.rng.choice(self.memory)
            if insn.post:
                continue
            size = 1 << insn.size
            lines.append(f"{self.when()}{insn.mnemonic} {self.x()}, x25, {self.rng.randrange(-512 // size, 512 // size) * size}")
        return lines

    def scalar_stream(self) -> list[str]:
        """Loads and stores that move their base."""
        insns = [i for i in self.memory if i.post]
        lines = self.address()
        for _ in range(self.rng.randint(1, 3)):
            insn = self.rng.choice(insns)
            data = self.rng.choice(("x25", self.x())) if insn.port is Port.SSTORE else self.x()
            lines.append(f"{insn.mnemonic} {data}, x25, {8 * self.rng.randint(-8, 8)}")
        if self.loops < isa.LOOP_DEPTH and self.rng.random() < 0.5:
            end = self.label()
            lines = [*lines[:3], f"loopi {end}, {self.rng.randint(0, LOOP_LIMIT)}", *lines[3:], f"{end}:"]
        return lines

    def twin_loops(self) -> list[str]:
        """Two loops that end in the same instruction; the inner one runs, for a skip would leave the outer one by its end."""
        if self.loops + 2 > isa.LOOP_DEPTH:
            return self.scalar()
        end, rng = self.label(), self.rng
        inner = [f"loopi {end}, {rng.randint(1, 2)}", *self.any_of(self.alu, rng.randint(1, 2)), f"{end}:"]
        return [f"loopi {end}, {rng.randint(0, 2)}", *self.any_of(self.alu, rng.randint(0, 2)), *inner]

    def vector_load(self) -> list[str]:
        lines = []
        for _ in range(self.rng.randint(1, 5)):
            d = self.rng.randrange(len(KINDS))
            lines.append(f"{self.when()}{self.rng.choice(self.loads).mnemonic} {self.v()}, d{d}{self.tile()}{self.step(d)}")
        return lines + self._restart(d)

    def vector_store(self) -> list[str]:
        lines = []
        for _ in range(self.rng.randint(1, 3)):
            d = self.descriptor("store", "bf16", "f32")
            lines.append(f"{self.when()}{self.rng.choice(self.stores).mnemonic} {self.v()}, d{d}{self.tile()}{self.step(d)}")
        return lines + self._restart(d)

    def _restart(self, d: int) -> list[str]:
        """Often back to the outer position, before steps leave the matrix for good."""
        return [f"dstep d{d}, restart"] if self.rng.random() < 0.4 else []

    def overlap(self) -> list[str]:
        """Scalar and vector accesses to the same 64 bytes, one after another."""
        at = 64 * self.rng.randrange(REGION // 64)
        lines = self.scratch(self.layout.region(self.thread) + at)
        lines += [f"li64 x25, {self.layout.region(self.thread) + at}"]
        choices = (
            lambda: f"vst.c {self.v()}, d{SCRATCH}",
            lambda: f"vld.c {self.v()}, d{SCRATCH}",
            lambda: f"st.{self.rng.choice('bhwd')} {self.x()}, x25, {8 * self.rng.randrange(8)}",
            lambda: f"ld.{self.rng.choice(('b', 'hu', 'w', 'd'))} {self.x()}, x25, {8 * self.rng.randrange(8)}",
        )
        return lines + [self.rng.choice(choices)() for _ in range(self.rng.randint(2, 6))]

    def simd_burst(self) -> list[str]:
        return self.any_of(self.simd, self.rng.randint(2, 10))

    def matrix_burst(self) -> list[str]:
        lines = []
        if self.rng.random() < 0.6:  # NaN is contagious: most bursts begin with numbers
            (a, b), lines = self.ordinary(BF16_LINES)
            lines += [f"step.bf16 {self.c()}, {a}, {b}{', first' if first else ''}" for first in (1, 1, self.rng.randrange(2))]
            if self.rng.random() < 0.3:
                (f, _), more = self.ordinary(F32_LINES)
                lines += [*more, f"cld.row {self.c()}, {f}, 0", f"cld.f32 {self.c()}, {f}, {self.rng.randrange(4)}"]
        for _ in range(self.rng.randint(2, 8)):
            kind = self.rng.random()
            if kind < 0.5:
                insn = self.rng.choice(self.steps)
                flags = "".join(f", {op.name}" for op in insn.operands if op.kind is OperandKind.FLAG and self.rng.random() < 0.4)
                lines.append(f"{self.when()}{insn.mnemonic} {self.c()}, {self.tame()}, {self.tame()}{flags}")
            elif kind < 0.6:
                lines.append(self.when() + self.operands(isa.BY_MNEMONIC[self.rng.choice(("cld.f32", "cld.row"))]))
            else:
                lines += [self.drain(), self.drain()]
        return lines

    def drain(self) -> str:
        insn = self.rng.choice(self.drains)
        d = self.descriptor("f32" if insn.format is Format.FP32 else "bf16")
        counter = f", {self.x()}" if insn.of_kind(OperandKind.X) else ""
        relu = ", relu" if self.rng.random() < 0.3 else ""
        tile = f"[{self.rng.randrange(2)},{self.rng.randrange(4)}]"
        return f"{self.when()}{insn.mnemonic} {self.c()}, d{d}{tile}{counter}{self.step(d)}{relu}"

    def raw(self) -> list[str]:
        """A tile's raw words into memory and back."""
        at = self.layout.region(self.thread) + 64 * self.rng.randrange((REGION - 2 * RAW) // 64 + 1)
        lines = [*self.scratch(at, step_code("x", 8)), f"drain.raw {self.c()}, d{SCRATCH}{self.rng.choice(('', ', outer', ', inner'))}"]
        lines.append(f"dstep d{SCRATCH}, restart")
        into = self.c()
        for row in range(self.rng.randint(1, 8)):
            v = self.v()
            lines += [f"vld.c {v}, d{SCRATCH}, inner", f"cld.raw {into}, {v}, {row}"]
        return lines

    def descriptors(self) -> list[str]:
        lines = [line for d in self.rng.sample(range(len(KINDS)), 2) for line in self._set(d, self.rng.randrange(IMAGES))]
        for _ in range(self.rng.randint(0, 2)):
            d = self.rng.randrange(len(KINDS))
            which = "restart" if self.in_routine or not self.spend(d) else self.rng.choice(("inner", "outer", "restart"))
            lines.append(f"{self.when()}dstep d{d}, {which}")
        return [*lines, f"{self.when()}getd {self.x()}, d{self.rng.randrange(8)}, {self.rng.randrange(2)}"]

    def system(self) -> list[str]:
        rng = self.rng
        states = Csr.PRIORITY, Csr.FP_MODE, Csr.SEED, Csr.ECC_INJECT
        readable = (Csr.THREAD, Csr.NODE, Csr.CYCLE, *states, Csr.COUNTER + rng.choice(list(Counter)))
        lines = [f"{self.when()}csrr {self.x()}, {int(rng.choice(readable))}"]
        if rng.random() < 0.5:
            csr = rng.choice((Csr.PRIORITY, Csr.FP_MODE, Csr.SEED, Csr.COUNTER_CLEAR, Csr.ECC_INJECT))
            # A single wrong bit in all that the thread stores from here on: nobody may notice.
            value = inject(rng.randrange(72)) if csr is Csr.ECC_INJECT else rng.getrandbits(CSR_BITS.get(csr, 64))
            value &= FP_MODE_BITS if csr is Csr.FP_MODE else -1
            lines += [f"li64 x25, {value}", f"csrw x25, {int(csr)}"]
            lines += [f"csrr {self.x()}, {int(csr)}"] if csr is not Csr.COUNTER_CLEAR else []
        return lines

    def flags(self) -> list[str]:
        """FP flags read, often set or cleared, between fences: older instructions raise them late, younger ones early."""
        lines = ["fence", f"{self.when()}csrr {self.x()}, {int(Csr.FP_FLAGS)}"]
        if self.rng.random() < 0.6:
            value = self.rng.choice((0, self.rng.randrange(1 << 14)))
            lines += [f"li x25, {value}", f"{self.when()}csrw x25, {int(Csr.FP_FLAGS)}", f"csrr {self.x()}, {int(Csr.FP_FLAGS)}"]
        return [*lines, "fence"]

    def quiet(self) -> list[str]:
        """Instructions that change nothing, and ones whose predicate is false."""
        never = "wait 63, 1023", "halt", "trap 7", "barrier 7, 4", "raise 63, 1023", "tjoin 0", "jr x0", f"waitr 63, {self.x()}", "fence"
        lines = [self.rng.choice(("nop", "fence", "nop", f"(p7) {self.rng.choice(never)}")) for _ in range(self.rng.randint(1, 3))]
        return lines + (["iflush"] if self.rng.random() < 0.1 else [])

    def patch(self) -> list[str]:
        """Writes an instruction over the one after ``iflush``."""
        place, rd = self.label(), self.rng.choice(range(1, 24))
        value = self.number(-(1 << 14), (1 << 14) - 1)
        word = isa.BY_MNEMONIC["li"].encode(rd=rd, imm=value)
        return [f"li64 x27, {word}", f"lpc x25, {place}", "st.w x27, x25, 0", "iflush", f"{place}:", f"li x{rd}, {value ^ 1}"]

    def dense(self) -> list[str]:
        return [*self.address(), *hazards(self)]

    def steered(self) -> list[str]:
        return [line for _ in range(2) for line in meet(self, self.rng.choice(self.meets))]

    def jump(self) -> list[str]:
        """Over a few instructions, by way of a register."""
        place = self.label()
        jump = self.rng.choice(("jr x25", f"callr {self.rng.choice(('x25', 'x30', 'x0'))}, x25"))
        return [f"lpc x25, {place}", f"{self.when()}{jump}", *self.any_of(self.alu, 2), f"{place}:"]

    def leaf(self) -> tuple[str, list[str]]:
        kinds = {
            self.scalar: 8, self.predicates: 4, self.scalar_memory: 5, self.scalar_stream: 2, self.vector_load: 8,
            self.vector_store: 4, self.overlap: 2, self.simd_burst: 10, self.matrix_burst: 6, self.raw: 1,
            self.descriptors: 5, self.system: 1, self.flags: 1.5, self.quiet: 2, self.patch: 0.3, self.jump: 1, self.twin_loops: 0.5,
            self.dense: 8,
        }
        if self.meets:
            kinds[self.steered] = STEERED
        if self.in_routine:
            kinds = {kind: weight for kind, weight in kinds.items() if kind != self.patch}
        kind = self.rng.choices(list(kinds), list(kinds.values()))[0]
        return kind.__name__, kind()

    # --- trees -------------------------------------------------------------------------------------------------------------------

    def grow(self, numbers: Iterator[int], depth: int = 0) -> Snippet:
        """A snippet; deeper ones are simpler."""
        number = next(numbers)
        choice = self.rng.random() if depth < 5 and self.left > 40 * self.times else 1.0
        if choice < 0.12 and self.loops < isa.LOOP_DEPTH:
            return self._loop(number, numbers, depth)
        if choice < 0.2:
            end = self.label()
            return Snippet(number, "skip", [f"{self.when()}br {end}"], self._children(numbers, depth), [f"{end}:"])
        if choice < 0.24 and not self.counting:
            return self._count(number, numbers, depth)
        if choice < 0.3:
            return self._call(number)
        name, lines = self.leaf()
        self._charge(lines)
        return Snippet(number, name, lines)

    def _charge(self, lines: list[str]) -> None:
        """Count instructions, a loop of a leaf by its most iterations."""
        loops = any(insn.flow is Flow.LOOPI for insn in map(written, lines) if insn)
        count = sum(not line.endswith(":") for line in lines) * (LOOP_LIMIT if loops else 1)
        self.size += len(lines)
        self.left -= count * self.times

    def _children(self, numbers: Iterator[int], depth: int) -> list[Snippet]:
        return [self.grow(numbers, depth + 1) for _ in range(self.rng.randint(1, 3))]

    def _loop(self, number: int, numbers: Iterator[int], depth: int) -> Snippet:
        end, times = self.label(), self.rng.choice((0, 1, 2, 2, 3, LOOP_LIMIT))
        if self.rng.random() < 0.5:
            head = [f"{self.when()}loopi {end}, {times}"]
        elif self.rng.random() < 0.5:
            head, times = [f"li x25, {times}", f"loop {end}, x25"], times
        else:
            head, times = [f"andi x25, {self.x()}, 3", f"loop {end}, x25"], 3
        self.loops += 1
        self.times *= max(times, 1)
        children = self._children(numbers, depth)
        self.times //= max(times, 1)
        self.loops -= 1
        # A loop may not end in a control instruction, so it ends in one of these, whatever its children are.
        last = self.any_of(self.rng.choice((self.alu, self.simd, self.tests)), 1)
        return Snippet(number, "loop", head, children, [*last, f"{end}:"])

    def _count(self, number: int, numbers: Iterator[int], depth: int) -> Snippet:
        """A loop by a branch backwards."""
        top, times = self.label(), self.rng.randint(1, 3)
        self.counting, self.times = True, self.times * times
        children = self._children(numbers, depth)
        self.counting, self.times = False, self.times // times
        tail = ["addi x26, x26, -1", "pnei p6, x26, 0", f"(p6) br {top}"]
        return Snippet(number, "count", [f"li x26, {times}", f"{top}:"], children, tail)

    def _call(self, number: int) -> Snippet:
        """A call of a routine, a new one or one that exists and fits the loops here."""
        if not self.routines or self.rng.random() < 0.6:
            self.in_routine, loops, self.loops = True, self.loops, isa.LOOP_DEPTH
            lines = [line for _ in range(self.rng.randint(1, 2)) for line in self.leaf()[1]]
            self.in_routine, self.loops = False, loops
            self.routines.append((f"routine{self.thread}_{len(self.routines)}", indent(lines)))
            self.size += len(lines) + 1
        name, body = self.rng.choice(self.routines)
        self.left -= (len(body) + 2) * self.times
        far = [f"lpc x25, {name}", f"{self.when()}callr x31, x25"]
        return Snippet(number, "call", far if self.rng.random() < 0.3 else [f"{self.when()}call x31, {name}"])

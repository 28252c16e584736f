"""Weights of a random program move to points of golden.coverage that programs before it did not exercise.

``wanted`` chooses a few of them for a program, ``meet`` writes instructions that make a hazard: one of a port that writes a register, up to
three that have nothing to do with it, one of a port that reads or writes it again. Of other points the program's choices among instructions
move to those that are named.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING

from golden import coverage
from golden.arch import isa
from golden.arch.encoding import OperandKind
from golden.arch.memmap import Csr
from golden.rig.memory import KINDS, SCRATCH

if TYPE_CHECKING:
    from golden.rig.snippets import Writer

AT_ONCE = 24
"""Points that one program is steered to."""
STEERED = ("instructions", "predicates", "hazards")
"""Groups that steering knows a way to."""
POOL = 40
"""A semaphore of tokens: who has raised it may take the token back at any time."""
_HAZARD = re.compile(r"(?P<file>\w) of (?P<writer>\w+) (?P<how>read|written again) by (?P<port>\w+) (?P<when>next|soon)")
_X, _P, _V, _C = "x25", "p1", "v1", "c0"


@cache
def numbered(features: frozenset[str]) -> tuple[str, ...]:
    """Every point in the order in which a command line numbers them."""
    return tuple(sorted(coverage.universe(features)))


def wanted(points: Collection[str], features: frozenset[str], seed: int) -> tuple[int, ...]:
    """Numbers of some points that are not among those exercised so far, for the program of a seed."""
    groups = coverage.groups(features)
    missing = frozenset().union(*(groups[name] for name in STEERED)) - set(points)
    numbers = [number for number, point in enumerate(numbered(features)) if point in missing]
    return tuple(sorted(random.Random(f"steer/{seed}").sample(numbers, min(AT_ONCE, len(numbers)))))


def meet(w: Writer, point: str) -> list[str]:
    """A writer's lines that make a hazard, or an instruction of a port under a true predicate; x25, x27, x28, d7 are the lines' own.

    ValueError for a point of another kind. Of some that no program can make the lines are the nearest there is.
    """
    if found := _HAZARD.fullmatch(point):
        file, writer, port = found["file"], found["writer"], found["port"]
        setup, first = _write(w, file, writer)
        last = _read(w, file, port) if found["how"] == "read" else [_write(w, file, port)[1]]
        between = w.rng.randint(1, coverage.NEAR - 1) if found["when"] == "soon" else 0
        return [*w.address(), *setup, first, *(f"add x1, x{w.rng.choice((2, 3))}, x2" for _ in range(between)), *last]
    if point.endswith(" under a predicate"):
        return [*w.address(), _write(w, "p", "ALU")[1], *_read(w, "p", point.split()[0])]
    raise ValueError(f"{point}: a point that no snippet is made for")


def is_met(point: str) -> bool:
    """Whether ``meet`` makes lines for it."""
    return bool(_HAZARD.fullmatch(point)) or point.endswith(" under a predicate")


def _write(w: Writer, file: str, port: str) -> tuple[list[str], str]:
    """What goes before, and an instruction of the port that writes the file's register; x25 is an address before and after."""
    load = f"d{w.rng.randrange(len(KINDS))}"
    ways = {
        ("x", "ALU"): ([], f"addi {_X}, {_X}, {8 * w.rng.randint(-4, 4)}"),
        ("x", "SLOW"): (["li x27, 1"], f"mul {_X}, {_X}, x27"),
        ("x", "CSR"): ([f"csrw {_X}, {int(Csr.SEED)}"], f"csrr {_X}, {int(Csr.SEED)}"),
        ("x", "DESC"): ([f"setd d{SCRATCH}, {_X}, x28"], f"getd {_X}, d{SCRATCH}, 0"),
        ("x", "SLOAD"): ([f"st.d {_X}, {_X}, 0"], w.rng.choice((f"ld.d {_X}, {_X}, 0", f"ldp.d x3, {_X}, 8"))),
        ("x", "SSTORE"): ([], f"stp.d x3, {_X}, 8"),
        ("p", "ALU"): ([], f"peqi {_P}, x0, 0"),
        ("p", "FRONT"): ([], f"pand {_P}, p0, p0"),
        ("p", "SIMD"): ([], f"{w.rng.choice(('vany', 'vall'))} {_P}, {w.tame()}"),
        ("v", "SIMD"): ([], f"vcopy {_V}, {w.tame()}"),
        ("v", "VLOAD"): ([], f"vld.c {_V}, {load}"),
        ("c", "MATRIX"): ([], f"step.bf16 {_C}, {w.tame()}, {w.tame()}"),
    }
    return ways.get((file, port), ([], "nop"))


def _read(w: Writer, file: str, port: str) -> list[str]:
    """An instruction of the port that reads the file's register, as an operand or as its predicate; what must follow it."""
    bf16, f32 = w.descriptor("bf16"), w.descriptor("f32")
    counted = [insn for insn in w.drains if insn.of_kind(OperandKind.X)]
    ways = {
        ("x", "ALU"): f"add x3, {_X}, x2",
        ("x", "SLOW"): f"mul x3, {_X}, x2",
        ("x", "SLOAD"): f"ld.d x3, {_X}, 8",
        ("x", "SSTORE"): f"st.d {_X}, {_X}, 8",
        ("x", "DESC"): f"setd d{SCRATCH}, {_X}, x28",
        ("x", "CSR"): f"csrw {_X}, {int(Csr.SEED)}",
        ("x", "DRAIN"): f"{w.rng.choice(counted).mnemonic} {_C}, d{bf16}, {_X}" if counted else "nop",
        ("v", "SIMD"): f"vcopy v0, {_V}",
        ("v", "VSTORE"): f"vst.c {_V}, d{w.descriptor('store', 'bf16', 'f32')}",
        ("v", "MATRIX"): f"step.bf16 {_C}, {_V}, {w.tame()}",
        ("c", "MATRIX"): f"step.bf16 {_C}, {w.tame()}, {w.tame()}",
        ("c", "DRAIN"): f"drain.f32 {_C}, d{f32}",
        ("p", "FRONT"): f"pand p2, {_P}, {_P}",
    }
    if file == "p" and port != "FRONT":
        plain = {
            "ALU": "add x3, x1, x2",
            "SYNC": f"raise {POOL}, 1",
            "SLOW": "mul x3, x1, x2",
            "SLOAD": "ld.d x3, x24, 0",
            "SSTORE": "st.d x3, x24, 8",
            "DESC": f"getd x3, d{w.rng.randrange(len(KINDS))}, 1",
            "CSR": f"csrr x3, {int(Csr.THREAD)}",
            "VLOAD": f"vld.c v0, d{w.rng.randrange(len(KINDS))}",
            "VSTORE": f"vst.c v0, d{w.descriptor('store', 'bf16', 'f32')}",
            "DRAIN": f"drain.f32 {_C}, d{f32}",
            "SIMD": f"vcopy v0, {w.tame()}",
            "MATRIX": f"step.bf16 {_C}, {w.tame()}, {w.tame()}",
        }
        after = [f"({_P}) wait {POOL}, 1"] if port == "SYNC" else []
        return [f"({_P}) {plain[port]}" if port in plain else "nop", *after]
    return [ways.get((file, port), "nop")]


def favoured(points: Collection[str]) -> frozenset[str]:
    """Mnemonics of the instructions that some of the points are about."""
    return frozenset(word for point in points for word in point.split()[:1] if word in isa.BY_MNEMONIC)

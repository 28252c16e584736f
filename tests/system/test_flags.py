"""FP flags that drains raise, read by the program itself, on the node and on the simulator (docs/numerics.md 7.6)."""

import struct

import pytest

from golden.arch.config import get_config
from golden.arch.descriptor import Descriptor
from golden.arch.memmap import Csr
from golden.arch.simd_ops import SimdFlag
from golden.asm import assemble
from golden.kernels.job import Launch
from sim.jobs.lockstep import run_lockstep

pytestmark = pytest.mark.system

CONFIG = get_config("tiny")
DATA, TILE = 0x2000, 0x3000
NAN, LARGEST, TINY, ONE = 0x7FC00000, 0x7F7FFFFF, 0x00008001, 0x3F800000
INVALID, OVERFLOW, UNDERFLOW = SimdFlag.INVALID, SimdFlag.OVERFLOW, SimdFlag.UNDERFLOW
# Format, whether negative numbers become 0, columns that are stored, the row's first numbers, and the flags.
CASES = {
    "a NaN": ("bf16", 0, 8, [NAN], INVALID),
    "too large": ("bf16", 0, 8, [LARGEST], OVERFLOW),
    "too small": ("bf16", 0, 8, [TINY], UNDERFLOW),
    "all three": ("bf16", 0, 8, [NAN, LARGEST, TINY], INVALID | OVERFLOW | UNDERFLOW),
    "nothing": ("bf16", 0, 8, [ONE], 0),
    "exact in FP32": ("f32", 0, 8, [NAN, LARGEST, TINY], INVALID),
    "beyond the columns": ("bf16", 0, 2, [ONE, LARGEST, NAN, TINY], OVERFLOW),
    "beyond the columns of the second beat": ("f32", 0, 5, [ONE, ONE, ONE, ONE, ONE, NAN], 0),
    "replaced by ReLU": ("bf16", 1, 8, [LARGEST | 1 << 31, TINY | 1 << 31], 0),
    "a NaN stays under ReLU": ("bf16", 1, 8, [NAN | 1 << 31], INVALID),
    "raw words": ("raw", 0, 8, [NAN, LARGEST, TINY], 0),
}


def descriptor(d: int, **fields: int) -> str:
    low, high = Descriptor(**fields).pack()
    return f"li64 x1, {low:#x}\nli64 x2, {high:#x}\nsetd d{d}, x1, x2\n"


def source(name: str) -> str:
    kind, relu, columns, _, flags = CASES[name]
    text = descriptor(0, base=DATA // 8, row_pitch=8, rows=1, columns=16, elem=2)
    text += descriptor(1, base=TILE // 8, row_pitch=8, rows=8, columns=columns, elem=1 if kind == "bf16" else 2)
    text += f"vld.c v1, d0\ncld.row c0, v1, 0\ndrain.{kind} c0, d1{', relu' if relu else ''}\nfence\n"
    text += f"csrr x10, {int(Csr.FP_FLAGS)}\npeqi p1, x10, {int(flags)}\n(p1) br good\ntrap 1\ngood: halt\n"
    return text


@pytest.mark.parametrize("name", CASES)
def test_a_drain_raises_the_flags_of_what_it_stores(name):
    row = [*CASES[name][3], *[ONE] * 16][:16]
    code = assemble(source(name), source=name)
    result = run_lockstep(CONFIG, [(code.origin, code.image), (DATA, struct.pack("<16I", *row))], [Launch(0, code.origin)])
    assert not result.faults, f"{name}: other flags than {CASES[name][4]!r}"

"""FP_FLAGS of the simulator: every flag of every operation, sticky, per thread; values against SoftFloat and by hand."""

import numpy as np
import pytest
import softfloatpy as sf

from golden.arch import isa
from golden.arch.classes import Port, Reduce
from golden.arch.memmap import Csr
from golden.arch.simd_ops import SIMD_OPS, SimdFlag, SimdOp
from tests.golden.iss.bench import Run, run
from tests.golden.iss.test_semantics import setd

READ = f"\nfence\ncsrr x9, {int(Csr.FP_FLAGS)}"
INV, DEN, OVF, UND = SimdFlag.INVALID, SimdFlag.DENORMAL, SimdFlag.OVERFLOW, SimdFlag.UNDERFLOW
SNAN, QNAN, INF, BIG, TINY, ONE, MINUS = 0x7F800001, 0x7FC00000, 0x7F800000, 0x7F7FFFFF, 0x00000001, 0x3F800000, 0xBF800000
SMALL = 0x00800000  # 2^-126

# Operands a, b, c in every lane, and the flags: docs/numerics.md 2.3 by hand.
ONES, INFS, BIGS, TINIES = 0x3F803F80, 0x7F807F80, 0x7F7F7F7F, 0x00010001
BF16_SUMS = {
    "fadd": [((INFS, INFS | 0x80008000), INV), ((BIGS, BIGS), OVF), ((TINIES, ONES), DEN)],
    "fsub": [((INFS, INFS), INV), ((BIGS, BIGS | 0x80008000), OVF), ((ONES, TINIES), DEN)],
    "fmul": [((INFS, 0), INV), ((BIGS, BIGS), OVF), ((TINIES, ONES), DEN), ((0x00800080, 0x3F013F01), 0)],
}
BF16_FUSED = [(0x7F817F81, ONES, ONES, INV), (BIGS, BIGS, ONES, OVF), (ONES, ONES, TINIES, DEN), (ONES, INFS, ONES, 0)]
ARITHMETIC = {
    "vfma": [
        (SNAN, ONE, ONE, INV),
        (INF, 0, QNAN, INV),
        (INF, ONE, INF | 1 << 31, INV),
        (QNAN, ONE, ONE, 0),
        (BIG, BIG, ONE, OVF),
        (SMALL, 0x3F000001, 0, UND),
    ],
    "vfms": [
        (INF, ONE, INF, INV),
        (ONE, ONE, TINY, DEN),
        (BIG, BIG, ONE, OVF),
        (SMALL, 0x3F000001, 0, UND),
        (INF, INF, ONE, 0),
    ],
    "vfnma": [(INF, ONE, INF, INV), (ONE, TINY, ONE, DEN), (BIG, BIG, ONE, OVF), (SMALL, 0x3F000001, 0, UND)],
    "vfadd": [(INF, INF | 1 << 31, 0, INV), (TINY, ONE, 0, DEN), (BIG, BIG, 0, OVF), (SMALL, TINY, 0, DEN)],
    "vfsub": [(INF, INF, 0, INV), (TINY, ONE, 0, DEN), (BIG, BIG | 1 << 31, 0, OVF)],
    "vfmul": [
        (SNAN, 0, 0, INV),
        (INF, 0, 0, INV),
        (TINY, ONE, 0, DEN),
        (BIG, BIG, 0, OVF),
        (SMALL, 0x3F000001, 0, UND),
        (SMALL, 0x3F000000, 0, 0),
    ],
    "vfma.odd": [(SNAN, ONE, ONE, INV), (BIG, BIG, ONE, OVF), (SMALL, 0x3F000001, 0, 0), (TINY, ONE, ONE, DEN)],
    "vfadd.odd": [(INF, INF | 1 << 31, 0, INV), (BIG, BIG, 0, OVF), (TINY, ONE, 0, DEN)],
    "vfsub.odd": [(INF, INF, 0, INV)],
    "vfmul.odd": [(INF, 0, 0, INV), (BIG, BIG, 0, OVF), (SMALL, 0x3F000001, 0, 0)],
    "vfms.odd": [(INF, ONE, INF, INV), (BIG, BIG, ONE, OVF)],
    "vfnma.odd": [(INF, ONE, INF, INV), (BIG, BIG, ONE, OVF)],
    # Both halves of a word: 1, Inf, the largest number, the least, a signalling NaN.
    **{f"v{name}.odd.bf16": [(*case, 0, flags) for case, flags in BF16_SUMS[name]] for name in ("fadd", "fsub", "fmul")},
    **{f"v{name}.odd.bf16.{half}": BF16_FUSED for name in ("fma", "fnma") for half in ("lo", "hi")},
    "vfmin": [(SNAN, ONE, 0, INV), (QNAN, ONE, 0, 0), (TINY, ONE, 0, 0)],
    "vfmax": [(ONE, SNAN, 0, INV), (QNAN, QNAN, 0, 0)],
    "vfeq": [(SNAN, ONE, 0, INV), (QNAN, ONE, 0, 0)],
    "vfne": [(SNAN, ONE, 0, INV), (QNAN, ONE, 0, 0)],
    "vflt": [(QNAN, ONE, 0, INV), (TINY, ONE, 0, 0)],
    "vfle": [(ONE, QNAN, 0, INV), (ONE, INF, 0, 0)],
    "vwiden.bf16": [(0x7F817F81, 0, 0, INV), (0x00010001, 0, 0, DEN), (0x7FC07F80, 0, 0, 0)],
    "vwiden.fp16": [(0x7C017C01, 0, 0, INV), (0x00010001, 0, 0, DEN), (0x7E007C00, 0, 0, 0)],
    "vwiden.c143": [(0x07070707, 0, 0, DEN), (0xFF7F0800, 0, 0, 0)],
    "vwiden.c152": [(0x83030303, 0, 0, DEN), (0xFF7F0400, 0, 0, 0)],
    "vwiden.shp": [(0x83FF03FF, 0, 0, DEN), (0xFFFF0400, 0, 0, 0)],
    "vwiden.uhp": [(0x03FF03FF, 0, 0, DEN), (0xFFFF0400, 0, 0, 0)],
    "vnarrow.bf16": [
        (QNAN, ONE, 0, INV),
        (ONE, BIG, 0, OVF),
        (0x00800000, 0x007FFFFF, 0, DEN),
        (0x00008001, ONE, 0, DEN | UND),
        (INF, INF, 0, 0),
    ],
    # Bias 0 in all of them. An operand b of ONE lies within every format: 1.0 is the greatest denormal of SHP but one, and so on.
    "vnarrow.fp16": [(QNAN, ONE, 0, INV), (BIG, ONE, 0, OVF), (0x33800001, ONE, 0, UND), (TINY, ONE, 0, DEN | UND), (INF, INF, 0, 0)],
    "vnarrow.c143": [(QNAN, ONE, 0, INV), (BIG, ONE, 0, OVF), (0x3E000001, ONE, 0, UND), (TINY, ONE, 0, DEN | UND), (INF, ONE, 0, OVF)],
    "vnarrow.c152": [(QNAN, ONE, 0, INV), (BIG, ONE, 0, OVF), (0x3E000001, ONE, 0, UND), (TINY, ONE, 0, DEN | UND), (INF, ONE, 0, OVF)],
    "vnarrow.shp": [(QNAN, ONE, 0, INV), (BIG, ONE, 0, OVF), (0x3A800001, ONE, 0, UND), (TINY, ONE, 0, DEN | UND), (INF, ONE, 0, OVF)],
    "vnarrow.uhp": [(MINUS, ONE, 0, INV), (BIG, ONE, 0, OVF), (0x30000001, ONE, 0, UND), (TINY, ONE, 0, DEN | UND), (1 << 31, ONE, 0, 0)],
    # Stochastic: the carry never matters to these.
    "vnarrow.bf16.sr": [(QNAN, ONE, 0, INV), (INF, INF, 0, 0), (0x00008000, ONE, 0, DEN | UND)],
    "vnarrow.fp16.sr": [(QNAN, ONE, 0, INV), (BIG, ONE, 0, OVF), (0x33800001, ONE, 0, UND)],
    "vnarrow.c143.sr": [(QNAN, ONE, 0, INV), (BIG, ONE, 0, OVF), (0x3E000001, ONE, 0, UND)],
    "vnarrow.c152.sr": [(QNAN, ONE, 0, INV), (BIG, ONE, 0, OVF), (0x3E000001, ONE, 0, UND)],
    "vnarrow.shp.sr": [(QNAN, ONE, 0, INV), (BIG, ONE, 0, OVF), (0x3A800001, ONE, 0, UND)],
    "vnarrow.uhp.sr": [(MINUS, ONE, 0, INV), (BIG, ONE, 0, OVF), (0x30000001, ONE, 0, UND)],
    "vftoi": [(QNAN, 0, 0, INV), (0x4F000000, 0, 0, INV), (0xCF000000, 0, 0, 0), (TINY, 0, 0, 0)],
    "vftou": [(QNAN, 0, 0, INV), (0x4F800000, 0, 0, INV), (0x4F7FFFFF, 0, 0, 0), (0xBF000001, 0, 0, INV), (0xBF000000, 0, 0, 0)],
    "vrecip": [
        (SNAN, 0, 0, INV),
        (TINY, 0, 0, DEN | OVF),
        (0x00200000, 0, 0, DEN | OVF),
        (0, 0, 0, 0),
        (0x7F000003, 0, 0, UND),
    ],
    "vrsqrt": [(MINUS, 0, 0, INV), (TINY, 0, 0, DEN), (1 << 31, 0, 0, 0), (INF, 0, 0, 0)],
    "vexp2": [
        (SNAN, 0, 0, INV),
        (TINY, 0, 0, DEN),
        (0x43000000, 0, 0, OVF),
        (0xC3200000, 0, 0, UND),
        (INF, 0, 0, 0),
        (INF | 1 << 31, 0, 0, 0),
    ],
    "vlog2": [(MINUS, 0, 0, INV), (TINY, 0, 0, DEN), (0, 0, 0, 0)],
}
CASES = [(name, *case) for name, cases in ARITHMETIC.items() for case in cases]


def raised(text: str, **more) -> int:
    return run(text + READ, **more).thread.x[9]


def text_of(mnemonic: str) -> str:
    insn = isa.BY_MNEMONIC[mnemonic]
    places = {"vd": "v4", "pd": "p1", "va": "v1", "vb": "v2", "vc": "v3", "imm": "0"}
    return f"{mnemonic} {', '.join(places[op.name] for op in insn.operands)}"


@pytest.mark.parametrize(("mnemonic", "a", "b", "c", "flags"), CASES)
def test_arithmetic(mnemonic, a, b, c, flags):
    """docs/numerics.md 2.3, 3, 4, 5: what each operation raises, in one lane and in all."""
    assert raised(text_of(mnemonic), v={1: [a], 2: [b], 3: [c]}) == flags
    # The rest: numbers of which no operation raises anything.
    job = Run(text_of(mnemonic) + READ + "\nhalt").start()
    for register, word in ((1, a), (2, b), (3, c)):
        lanes = np.full(16, ONES if "widen" in mnemonic or ".odd.bf16" in mnemonic else ONE, "<u4")
        lanes[11] = word
        job.thread.v[register] = lanes.view(np.uint8)
    takes_part_0 = mnemonic.startswith("vwiden") or ".odd.bf16" in mnemonic and not mnemonic.endswith(".hi")
    flags = flags if not takes_part_0 else 0  # lane 11 holds no element of it
    assert job.go().thread.x[9] == flags


def test_every_operation_that_may_raise_a_flag_is_shown_to_raise_it():
    """But Denormal and Underflow of operations that share the multiply-add: each flag of each kind is above."""
    names = {f"v{op.name.lower().replace('_', '.')}": info.flags for op, info in SIMD_OPS.items() if info.flags}
    assert set(names) == set(ARITHMETIC)
    for name, allowed in names.items():
        found = SimdFlag(0)
        for *_, flags in ARITHMETIC[name]:
            found |= SimdFlag(flags)
        assert found and found & ~allowed == 0, name


@pytest.mark.parametrize(
    "insn",
    [i for i in isa.TABLE if i.port is Port.SIMD and not SIMD_OPS[SimdOp(i.simd_op)].flags],
    ids=lambda insn: insn.mnemonic,
)
def test_the_others_raise_none(insn):
    for word in (SNAN, QNAN, TINY, INF):
        assert raised(text_of(insn.mnemonic), v={1: [word], 2: [word], 3: [word]}) == 0
    assert insn.reduce is Reduce.NONE or insn.simd_op == SimdOp.COPY


SOFT = {
    "vfadd": (sf.f32_add, 2),
    "vfsub": (sf.f32_sub, 2),
    "vfmul": (sf.f32_mul, 2),
    "vfma": (sf.f32_mul_add, 3),
    "vfeq": (sf.f32_eq, 2),
    "vflt": (sf.f32_lt, 2),
    "vfle": (sf.f32_le, 2),
}


@pytest.mark.parametrize("mnemonic", SOFT)
def test_flags_equal_softfloat(mnemonic, rng):
    """Invalid, Overflow and Underflow of sixteen random lanes of one operation, read by csrr."""
    function, count = SOFT[mnemonic]
    exponents = np.array([0, 0, 1, 2, 63, 64, 65, 126, 127, 128, 190, 191, 252, 253, 254, 255])
    for _ in range(60):
        lanes = rng.choice(exponents, (3, 16)).astype(np.uint32) << 23 | rng.integers(0, 1 << 23, (3, 16), dtype=np.uint32)
        lanes |= rng.integers(0, 2, (3, 16), dtype=np.uint32) << 31
        expected = 0
        for operands in zip(*lanes[:count].tolist(), strict=True):
            sf.set_exception_flags(0)
            result = function(*(sf.Float32.from_bytes(word.to_bytes(4, "big")) for word in operands))
            flags = sf.get_exception_flags()
            expected |= INV if flags & sf.ExceptionFlag.INVALID else 0
            expected |= OVF if flags & sf.ExceptionFlag.OVERFLOW else 0
            # SoftFloat judges tininess as if the exponent were unbounded: a result rounded up to 2^-126 is not ours.
            small = flags & sf.ExceptionFlag.UNDERFLOW and int.from_bytes(result.to_bytes(), "big") & 0x7FFFFFFF != SMALL
            expected |= UND if small else 0
        got = raised(text_of(mnemonic), v={i + 1: [int(x) for x in lanes[i]] for i in range(3)})
        assert got & ~DEN == expected, lanes.tolist()


# --- drains ------------------------------------------------------------------------------------------------------------------

TILE = setd(6, base=0x1000 // 8, row_pitch=4, rows=8, columns=8)


@pytest.mark.parametrize(
    ("word", "bf16", "f32"),
    [
        (QNAN, INV, INV),  # 7.6: P = 3
        (BIG, OVF, 0),  # rounds to Inf as BF16, exact as FP32
        (0x00008001, UND, 0),  # subnormal and inexact as BF16, exact as FP32
        (INF, 0, 0),
        (ONE, 0, 0),
        (0x7F7F0000, 0, 0),
        (0x00010000, 0, 0),  # subnormal and exact: Denormal never
        (BIG | 1 << 31, OVF, 0),
    ],
)
def test_drains(word, bf16, f32):
    """docs/numerics.md 7.6, Flags; an element that ReLU replaced raises none."""
    for name, flags in (("bf16", bf16), ("f32", f32)):
        given = {"v": {1: [ONE, word]}}
        assert raised(TILE + f"cld.row c0, v1, 0\ndrain.{name} c0, d6", **given) == flags, name
        replaced = word >> 31 and word & 0x7FFFFFFF <= INF
        assert raised(TILE + f"cld.row c0, v1, 0\ndrain.{name} c0, d6, relu", **given) == (0 if replaced else flags)
    assert raised(TILE + "cld.row c0, v1, 0\ndrain.raw c0, d6", v={1: [word]}) == 0


def test_a_drain_raises_what_it_stores():
    """Elements outside the extents raise nothing, column by column and row by row."""
    lanes = [ONE] * 16
    lanes[5] = QNAN
    for rows, columns, flags in ((8, 5, 0), (8, 6, INV), (1, 6, INV), (0, 8, 0)):
        text = setd(6, base=0x1000 // 8, row_pitch=4, rows=rows, columns=columns) + "cld.row c0, v1, 0\ndrain.bf16 c0, d6"
        assert raised(text, v={1: lanes}) == flags, (rows, columns)


def test_a_step_raises_none():
    """docs/numerics.md 7.1: flags are not raised."""
    assert raised("step.bf16 c0, v1, v1, first", v={1: [SNAN, INF, TINY, BIG]}) == 0


def test_a_drain_that_faults_raises_none():
    """docs/numerics.md 7.6; the thread that stopped can be asked by a debugger only, so its register is looked at."""
    job = run(setd(6, base=(1 << 18) - 1, rows=8, columns=8) + "cld.row c0, v1, 0\ndrain.bf16 c0, d6", v={1: [QNAN]})
    assert job.thread.cause.name == "RANGE" and job.thread.csr[Csr.FP_FLAGS] == 0


# --- the register ------------------------------------------------------------------------------------------------------------

FLAGS = int(Csr.FP_FLAGS)


def test_flags_are_sticky_and_cleared_by_a_write():
    text = "vfmul v4, v1, v1\nvfadd v5, v3, v3\nvfadd v6, v2, v2" + READ + f"\ncsrw x0, {FLAGS}\ncsrr x10, {FLAGS}\n"
    text += f"vfadd v5, v3, v3\nvfmul v4, v2, v2\nfence\ncsrr x11, {FLAGS}\nli x12, -1\ncsrw x12, {FLAGS}\ncsrr x13, {FLAGS}"
    job = run(text, v={1: [SNAN], 2: [BIG], 3: [ONE]})
    assert [job.thread.x[i] for i in (9, 10, 11, 13)] == [INV | OVF, 0, OVF, 15]


def test_a_false_predicate_raises_nothing():
    assert raised("(p1) vfmul v4, v1, v1", v={1: [SNAN]}) == 0


def test_flags_are_of_one_thread_and_new_after_a_start():
    text = f"a: vfmul v4, v1, v1\nfence\ntstart 1, b\ntjoin 1\ntstart 2, c\ntjoin 2\ntstart 1, d\ntjoin 1\ncsrr x9, {FLAGS}\nhalt\n"
    text += f"b: vfmul v4, v1, v1\ntrap 3\nc: csrr x9, {FLAGS}\nhalt\nd: csrr x9, {FLAGS}\nhalt"
    job = Run(text, strict=False).start("a")
    for thread in job.node.threads:
        thread.v[1] = np.full(16, SNAN if thread.index == 0 else BIG, "<u4").view(np.uint8)
        thread.x[9] = 99
    job.go()
    assert [thread.x[9] for thread in job.node.threads[:3]] == [INV, 0, 0], "thread 1 stopped with a fault between"

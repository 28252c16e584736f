"""What SIMD operations compute, against plain Python on lists of integers and against float64 and SoftFloat."""

import struct

import numpy as np
import pytest
import softfloatpy as sf

from golden.arch.formats import NARROW_FORMATS
from golden.arch.simd_ops import SIMD_OPS, SimdFlag, SimdOp
from golden.numerics import convert, simd
from golden.numerics.random import random_words

RNG = np.random.default_rng(5)
A, B, C = (bytes(RNG.integers(0, 256, 64, dtype=np.uint8)) for _ in range(3))


def run(op: SimdOp, a: bytes = A, b: bytes = B, c: bytes = C, imm: int = 0) -> bytes:
    made = simd.execute(op, *(np.frombuffer(x, dtype=np.uint8) for x in (a, b, c)), imm)
    assert made.shape == (64,)
    return made.tobytes()


def flags(op: SimdOp, a: bytes = A, b: bytes = B, c: bytes = C) -> SimdFlag:
    return SimdFlag(int(simd.execute_flags(op, *(np.frombuffer(x, dtype=np.uint8) for x in (a, b, c)))))


def pieces(register: bytes, width: int) -> list[int]:
    return [int.from_bytes(register[at : at + width], "little") for at in range(0, 64, width)]


def joined(values: list[int], width: int) -> bytes:
    return b"".join((value % (1 << 8 * width)).to_bytes(width, "little") for value in values)


def floats(*values: float) -> bytes:
    return struct.pack("<16f", *(values * 16)[:16])


def signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_integer_sums(width: int) -> None:
    pairs = list(zip(pieces(A, width), pieces(B, width), strict=True))
    assert run(SimdOp[f"IADD{8 * width}"]) == joined([a + b for a, b in pairs], width)
    assert run(SimdOp[f"ISUB{8 * width}"]) == joined([a - b for a, b in pairs], width)


@pytest.mark.parametrize("imm", [0, 1, 13, 31])
def test_shifts(imm: int) -> None:
    words = pieces(A, 4)
    assert run(SimdOp.ISHL, imm=imm) == joined([word << imm for word in words], 4)
    assert run(SimdOp.ISHR, imm=imm) == joined([word >> imm for word in words], 4)
    assert run(SimdOp.ISAR, imm=imm) == joined([signed(word, 32) >> imm for word in words], 4)


def test_integer_compares() -> None:
    mixed = joined([a if index % 2 else b for index, (a, b) in enumerate(zip(pieces(A, 4), pieces(B, 4), strict=True))], 4)
    pairs = list(zip(pieces(A, 4), pieces(mixed, 4), strict=True))
    assert run(SimdOp.IEQ, b=mixed) == joined([-(a == b) for a, b in pairs], 4)
    assert run(SimdOp.ILTU, b=mixed) == joined([-(a < b) for a, b in pairs], 4)
    assert run(SimdOp.ILT, b=mixed) == joined([-(signed(a, 32) < signed(b, 32)) for a, b in pairs], 4)
    assert run(SimdOp.IMIN, b=mixed) == joined([min(signed(a, 32), signed(b, 32)) for a, b in pairs], 4)
    assert run(SimdOp.IMAX, b=mixed) == joined([max(signed(a, 32), signed(b, 32)) for a, b in pairs], 4)


def test_logic() -> None:
    a, b, c = (int.from_bytes(x, "little") for x in (A, B, C))
    ones = (1 << 512) - 1
    for op, wanted in (
        (SimdOp.COPY, a),
        (SimdOp.AND, a & b),
        (SimdOp.OR, a | b),
        (SimdOp.XOR, a ^ b),
        (SimdOp.ANDNOT, a & (ones ^ b)),
        (SimdOp.SELECT, (c & a) | ((ones ^ c) & b)),
    ):
        assert run(op) == wanted.to_bytes(64, "little"), op.name
    assert run(SimdOp.FNEG, a=floats(1.5, -0.0)) == floats(-1.5, 0.0)
    assert run(SimdOp.FABS, a=floats(-1.5, -0.0)) == floats(1.5, 0.0)


def test_moves_across_lanes() -> None:
    a, b = list(range(16)), list(range(100, 116))
    words = (joined(a, 4), joined(b, 4))
    assert pieces(run(SimdOp.ROTATE, *words, imm=3), 4) == [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2]
    assert pieces(run(SimdOp.ROTATE, *words, imm=19), 4) == [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2]
    assert pieces(run(SimdOp.SPLAT, *words, imm=9), 4) == [9] * 16
    assert pieces(run(SimdOp.ZIP32_LO, *words), 4)[:4] == [0, 100, 1, 101]
    assert pieces(run(SimdOp.ZIP32_HI, *words), 4)[-4:] == [14, 114, 15, 115]
    assert pieces(run(SimdOp.DUP_LO, *words), 4) == [0, 1, 2, 3, 4, 5, 6, 7] * 2
    assert pieces(run(SimdOp.DUP_HI, *words), 4) == [8, 9, 10, 11, 12, 13, 14, 15] * 2
    assert pieces(run(SimdOp.CAT_LO, *words), 4) == [0, 1, 2, 3, 4, 5, 6, 7, 100, 101, 102, 103, 104, 105, 106, 107]
    assert pieces(run(SimdOp.CAT_HI, *words), 4) == [8, 9, 10, 11, 12, 13, 14, 15, 108, 109, 110, 111, 112, 113, 114, 115]
    halves = (joined(list(range(32)), 2), joined(list(range(100, 132)), 2))
    assert pieces(run(SimdOp.ZIP16_LO, *halves), 2)[-2:] == [15, 115]
    assert pieces(run(SimdOp.ZIP16_HI, *halves), 2)[:4] == [16, 116, 17, 117]


def test_without_a_state_the_seed_is_zero() -> None:
    assert simd.FpState() == (0, 0, 0)


def test_four_zips_transpose_a_4x4_block() -> None:
    """The use they are for: two rounds of zips turn rows into columns."""
    rows = [joined([10 * row + column for column in range(4)] + [0] * 12, 4) for row in range(4)]
    even, odd = run(SimdOp.ZIP32_LO, rows[0], rows[2]), run(SimdOp.ZIP32_LO, rows[1], rows[3])
    done = pieces(run(SimdOp.ZIP32_LO, even, odd), 4)
    assert done == [10 * row + column for column in range(4) for row in range(4)]


def test_sum_by_rotation_is_the_documented_order() -> None:
    x = np.frombuffer(A, dtype="<u4") & 0x3FFFFFFF | 0x30000000
    total = x.tobytes()
    for distance in (8, 4, 2, 1):
        total = run(SimdOp.FADD, total, run(SimdOp.ROTATE, total, imm=distance))
    values = x.view("<f4")
    for half in (8, 4, 2, 1):
        values = values[:half] + values[half : 2 * half]
    assert total == floats(float(values[0]))


def test_arithmetic_maps_operands_to_one_multiply_add() -> None:
    a, b, c = floats(3.0, -2.5), floats(0.5, 4.0), floats(10.0, -1.0)
    assert run(SimdOp.FADD, a, b, c) == floats(3.5, 1.5)
    assert run(SimdOp.FSUB, a, b, c) == floats(2.5, -6.5)
    assert run(SimdOp.FMUL, a, b, c) == floats(1.5, -10.0)
    assert run(SimdOp.FMA, a, b, c) == floats(11.5, -11.0)
    assert run(SimdOp.FMS, a, b, c) == floats(-8.5, -9.0)
    assert run(SimdOp.FNMA, a, b, c) == floats(8.5, 9.0)
    # The product of zeros keeps its sign, and one rounding keeps what two would lose.
    assert run(SimdOp.FMUL, floats(-0.0), floats(1.0)) == floats(-0.0)
    x = 1.0 + 2.0**-23
    assert run(SimdOp.FMS, floats(x), floats(x), floats(1.0 + 2.0**-22)) == floats(2.0**-46)
    assert run(SimdOp.FADD_ODD, floats(1.0), floats(2.0**-60)) == floats(x)


def test_conversions() -> None:
    elements = [struct.unpack("<H", struct.pack("<f", float(value))[2:])[0] for value in range(32)]
    register = joined(elements, 2)
    assert run(SimdOp.WIDEN_BF16, register, imm=0) == floats(*map(float, range(16)))
    assert run(SimdOp.WIDEN_BF16, register, imm=1) == floats(*map(float, range(16, 32)))
    low, high = floats(*map(float, range(16))), floats(*map(float, range(16, 32)))
    assert run(SimdOp.NARROW_BF16, low, high) == register
    # A tie goes to the even neighbour.
    assert run(SimdOp.NARROW_BF16, floats(1.0 + 2.0**-8), floats(1.0 + 3 * 2.0**-8))[:2] == b"\x80\x3f"


def test_integer_conversions_equal_softfloat() -> None:
    integers = [0, 1, -1, 0x7FFFFFFF, -0x80000000, 16777217, 16777219, -16777217, 123456789, *map(int, RNG.integers(-(2**31), 2**31, 7))]
    wanted = [int.from_bytes(sf.i32_to_f32(sf.Int32.from_bytes((i % 2**32).to_bytes(4, "big"))).to_bytes(), "big") for i in integers]
    assert pieces(run(SimdOp.ITOF, joined(integers, 4)), 4) == wanted
    values = [
        0.5,
        1.5,
        2.5,
        -0.5,
        -1.5,
        -2.5,
        2147483520.0,
        2147483648.0,
        -2147483648.0,
        1e30,
        -1e30,
        float("inf"),
        0.49999997,
        8388609.0,
        1e-40,
    ]
    values.append(float("nan"))
    wanted = [0, 2, 2, 0, -2, -2, 2147483520, 2**31 - 1, -(2**31), 2**31 - 1, -(2**31), 2**31 - 1, 0, 8388609, 0, 0]
    assert pieces(run(SimdOp.FTOI, floats(*values)), 4) == [word % 2**32 for word in wanted]
    assert flags(SimdOp.FTOI, floats(1.5, -2147483648.0)) == SimdFlag(0)
    for value in (2147483648.0, -2147483904.0, float("nan"), float("-inf")):
        assert flags(SimdOp.FTOI, floats(0.0, value)) == SimdFlag.INVALID


def test_unsigned_conversions_equal_softfloat() -> None:
    def soft(function, kind, words) -> list[int]:
        return [int.from_bytes(function(kind.from_bytes(word.to_bytes(4, "big"))).to_bytes(), "big") for word in words]

    integers = [0, 1, 2**31, 2**32 - 1, 2**32 - 128, 2**32 - 129, 16777217, 16777219, *map(int, RNG.integers(0, 2**32, 8))]
    assert pieces(run(SimdOp.UTOF, joined(integers, 4)), 4) == soft(sf.ui32_to_f32, sf.UInt32, integers)
    below = (-0.5, -0.50000006, -1.0, -1e30, -1e-40, -0.0)
    values = floats(0.5, 1.5, 2.5, *below, 2147483648.0, 4294967040.0, 4294967296.0, 1e30, 3e9, 1e-40, 0.0)
    words = pieces(values, 4)
    # SoftFloat's answer to a number below zero is the target's own choice: here it is the nearer end.
    wanted = [0 if word >> 31 else integer for word, integer in zip(words, soft(sf.f32_to_ui32, sf.Float32, words), strict=True)]
    assert pieces(run(SimdOp.FTOU, values), 4) == wanted
    assert flags(SimdOp.FTOU, floats(1.5, 4294967040.0, -0.5, -1e-40, -0.0)) == SimdFlag(0)
    for value in (4294967296.0, -0.50000006, -1.0, float("inf"), float("-inf"), float("nan")):
        assert flags(SimdOp.FTOU, floats(0.0, value)) == SimdFlag.INVALID


def test_special_functions_are_near_float64() -> None:
    x = np.exp(RNG.normal(size=16) * 3).astype("<f4")
    wide = x.astype(np.float64)
    for op, wanted in (
        (SimdOp.RECIP, 1 / wide),
        (SimdOp.RSQRT, 1 / np.sqrt(wide)),
        (SimdOp.LOG2, np.log2(wide)),
        (SimdOp.EXP2, np.exp2(np.log2(wide).astype("<f4").astype(np.float64))),
    ):
        operand = np.log2(wide).astype("<f4") if op is SimdOp.EXP2 else x
        got = np.frombuffer(run(op, operand.tobytes()), dtype="<f4")
        # Stated error, at most 1.56 ulp, and one ulp is at most 2^-23 of the value.
        np.testing.assert_allclose(got, wanted, rtol=1.56 * 2.0**-23)


def test_flags_are_of_any_lane() -> None:
    one_nan = floats(*[1.0] * 15, float("nan"))
    assert flags(SimdOp.FLT, one_nan, floats(1.0)) == SimdFlag.INVALID
    assert flags(SimdOp.FEQ, one_nan, floats(1.0)) == SimdFlag(0)
    assert flags(SimdOp.FMUL, floats(*[1.0] * 15, 2.0**100), floats(2.0**100)) == SimdFlag.OVERFLOW
    assert flags(SimdOp.FMUL, floats(*[2.0**-60] * 16), floats(2.0**-90)) == SimdFlag.UNDERFLOW
    assert flags(SimdOp.FADD, floats(2.0**-140), floats(1.0)) == SimdFlag.DENORMAL
    assert flags(SimdOp.COPY, one_nan) == SimdFlag(0)


def test_many_operations_at_once_equal_one_at_a_time() -> None:
    many = [RNG.integers(0, 256, (3, 64), dtype=np.uint8) for _ in range(3)]
    for op in SimdOp:
        together = simd.execute(op, *many, 5)
        for row in range(3):
            assert (together[row] == simd.execute(op, *(x[row] for x in many), 5)).all(), op.name


def test_only_named_flags_are_raised() -> None:
    words = RNG.integers(0, 256, (3, 200, 64), dtype=np.uint8)
    for op, info in SIMD_OPS.items():
        raised = np.bitwise_or.reduce(simd.execute_flags(op, *words))
        assert raised & ~int(info.flags) == 0, f"{op.name} raises {SimdFlag(int(raised))}, the table says {info.flags}"


def test_refuses_missing_operands_and_wrong_sizes() -> None:
    with pytest.raises(ValueError, match="FADD reads operand b, which is missing"):
        simd.execute(SimdOp.FADD, np.zeros(64, dtype=np.uint8))
    with pytest.raises(ValueError, match="a vector register is 64 bytes"):
        simd.execute(SimdOp.COPY, np.zeros(32, dtype=np.uint8))


# --- conversions of every format, packed integers, permutations -------------------------------------------------------------------


def bias_of(fmt) -> int | None:
    return 9 if fmt.has_bias else None


@pytest.mark.parametrize("fmt", NARROW_FORMATS, ids=lambda fmt: fmt.short)
def test_narrowing_places_elements_and_names_random_words(fmt) -> None:
    """Element i from a, 16 + i from b; bytes of 8-bit formats in the lower half; counter c for a, c + 1, modulo 2^64, for b."""
    a, b = (RNG.integers(0, 1 << 32, 16, dtype=np.uint32) for _ in range(2))
    seed, counter = 0x0123456789ABCDEF, (1 << 64) - 1
    c = np.zeros(16, np.uint32)
    c[:2] = 0xFFFFFFFF
    words = np.concatenate([random_words(seed, counter), random_words(seed, 0)])
    state = simd.FpState(bias_a=1, bias_result=9, seed=seed)
    for suffix, random in (("", None), ("_SR", words)):
        op = SimdOp[f"NARROW_{fmt.short.upper()}{suffix}"]
        got = simd.execute(op, a.view(np.uint8), b.view(np.uint8), c.view(np.uint8), fp=state)
        codes = convert.narrow(fmt, np.concatenate([a, b]), bias_of(fmt), random)
        wanted = codes.astype(f"<u{fmt.bytes}").tobytes()
        assert got.tobytes() == wanted + bytes(64 - len(wanted))
        raised = convert.narrow_flags(fmt, np.concatenate([a, b]), bias_of(fmt), random)
        flags = int(simd.execute_flags(op, a.view(np.uint8), b.view(np.uint8), c.view(np.uint8), fp=state))
        assert flags == simd.combine_flags(raised, True)


@pytest.mark.parametrize("fmt", NARROW_FORMATS, ids=lambda fmt: fmt.short)
def test_widening_takes_sixteen_elements(fmt) -> None:
    register = RNG.integers(0, 256, 64, dtype=np.uint8)
    codes = register.view(f"<u{fmt.bytes}")
    op, state = SimdOp[f"WIDEN_{fmt.short.upper()}"], simd.FpState(bias_a=9, bias_result=1)
    for imm in range(32):
        part = codes[16 * (imm % (4 // fmt.bytes)) :][:16]
        got = simd.execute(op, register, imm=imm, fp=state).view("<u4")
        assert np.array_equal(got, convert.widen(fmt, part, bias_of(fmt)))
        flags = int(simd.execute_flags(op, register, imm=imm, fp=state))
        assert flags == simd.combine_flags(convert.widen_flags(fmt, part), True)


@pytest.mark.parametrize("name", ["FADD_ODD", "FSUB_ODD", "FMUL_ODD", "FMA_ODD", "FNMA_ODD"])
def test_bf16_arithmetic_is_what_it_is_composed_of(name) -> None:
    """Result and flags are those of the widenings and of the operation on their results."""
    words = RNG.integers(0, 1 << 16, (3, 500, 32), dtype=np.uint16)
    # Zeros, subnormal numbers, Inf, NaN of both kinds, and numbers near each other.
    words[:, ::2] &= np.uint16(0x81FF)
    words[:, 1::4] |= np.uint16(0x7F00)
    registers = [word.view(np.uint8) for word in words]
    for part in range(2):
        op = SimdOp.__members__.get(f"{name}_BF16") or SimdOp[f"{name}_BF16_{('LO', 'HI')[part]}"]
        # Three operands leave no room for a part: what stands there is a register's number.
        imm = part if SIMD_OPS[op].imm else 1 - part
        used = len(SIMD_OPS[op].operands)
        wide = [simd.execute(SimdOp.WIDEN_BF16, register, imm=part) for register in registers]
        # A NaN that widening makes quiet is as loud in the operation itself, and every NaN gives the same one.
        assert np.array_equal(simd.execute(op, *registers, imm=imm), simd.execute(SimdOp[name], *wide))
        raised = simd.execute_flags(SimdOp[name], *wide)
        for register in registers[:used]:
            raised |= simd.execute_flags(SimdOp.WIDEN_BF16, register, imm=part)
        assert np.array_equal(simd.execute_flags(op, *registers, imm=imm), raised)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("signed", [False, True])
def test_small_integers_by_whole_numbers(bits, signed) -> None:
    name = f"{'I' if signed else 'U'}{bits}"
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    register = bytes(RNG.integers(0, 256, 64, dtype=np.uint8))
    for imm in range(64 * 8 // bits // 16):
        codes = pieces(register, bits // 8)[16 * imm :][:16]
        wanted = [code - (1 << bits) if signed and code >> bits - 1 else code for code in codes]
        assert pieces(run(SimdOp[f"WIDEN_{name}"], register, imm=imm), 4) == [value % 2**32 for value in wanted]
    edges = [0, 1, -1, low - 1, low, high, high + 1, 2**31 - 1, -(2**31), *map(int, RNG.integers(-(1 << 17), 1 << 17, 23))]
    packed = pieces(run(SimdOp[f"PACK_{name}"], joined(edges[:16], 4), joined(edges[16:], 4)), bits // 8)
    assert packed == [min(max(value, low), high) % (1 << bits) for value in edges] + [0] * (64 * 8 // bits - 32)


@pytest.mark.parametrize("bits", [8, 16])
def test_packed_integers_by_whole_numbers(bits) -> None:
    size, top = bits // 8, 1 << bits - 1
    a, b = (pieces(bytes(RNG.integers(0, 256, 64, dtype=np.uint8)), size) for _ in range(2))
    b[::3] = a[::3]

    def value(code: int) -> int:
        return code - 2 * top if code & top else code

    mask = 2 * top - 1
    wanted = {
        "IEQ": [mask * (x == y) for x, y in zip(a, b, strict=True)],
        "ILT": [mask * (value(x) < value(y)) for x, y in zip(a, b, strict=True)],
        "ILTU": [mask * (x < y) for x, y in zip(a, b, strict=True)],
        "IMIN": [min(x, y, key=value) for x, y in zip(a, b, strict=True)],
        "IMAX": [max(x, y, key=value) for x, y in zip(a, b, strict=True)],
    }
    for name, results in wanted.items():
        assert pieces(run(SimdOp[f"{name}{bits}"], joined(a, size), joined(b, size)), size) == results, name
    for imm in range(32):
        distance = imm % bits
        shifts = {
            "ISHL": [(x << distance) & mask for x in a],
            "ISHR": [x >> distance for x in a],
            "ISAR": [(value(x) >> distance) & mask for x in a],
        }
        for name, results in shifts.items():
            assert pieces(run(SimdOp[f"{name}{bits}"], joined(a, size), imm=imm), size) == results, (name, imm)


EDGES = (0, 1, 2, -1, -2)
"""Numbers that products and orders go wrong at; the ends of the range beside them."""


def operands_of(bits: int) -> tuple[list[int], list[int]]:
    """Two registers of elements: every pair of edges, then random ones, some equal."""
    top = 1 << bits - 1
    edges = [value % (2 * top) for value in (*EDGES, top, top - 1)]
    pairs = [(x, y) for x in edges for y in edges]
    count = 512 // bits
    pairs += list(zip(*([value for _ in range(8) for value in pieces(RNG.bytes(64), bits // 8)] for _ in "ab"), strict=True))
    pairs += [(x, x) for x, _ in pairs[-3:]]
    pairs += pairs[: -len(pairs) % count]
    return [x for x, _ in pairs], [y for _, y in pairs]


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
def test_integers_of_every_size_by_whole_numbers(bits) -> None:
    """Products, shifts by lanes, unsigned and 64-bit order: plain Python on numbers without a size."""
    size, mask = bits // 8, (1 << bits) - 1
    a, b = operands_of(bits)
    wanted = {
        "ISHLV": lambda x, y: x << y % bits,
        "ISHRV": lambda x, y: x >> y % bits,
        "ISARV": lambda x, y: signed(x, bits) >> y % bits,
        "IMINU": min,
        "IMAXU": max,
    }
    if bits == 64:
        wanted |= {
            "IEQ": lambda x, y: -(x == y),
            "ILT": lambda x, y: -(signed(x, bits) < signed(y, bits)),
            "ILTU": lambda x, y: -(x < y),
            "IMIN": lambda x, y: min(signed(x, bits), signed(y, bits)),
            "IMAX": lambda x, y: max(signed(x, bits), signed(y, bits)),
        }
    else:
        wanted |= {
            "IMUL": lambda x, y: x * y,
            "IMULH": lambda x, y: signed(x, bits) * signed(y, bits) >> bits,
            "IMULHU": lambda x, y: x * y >> bits,
        }
    for name, of_two in wanted.items():
        for at in range(0, len(a), 512 // bits):
            x, y = a[at : at + 512 // bits], b[at : at + 512 // bits]
            got = pieces(run(SimdOp[f"{name}{bits}"], joined(x, size), joined(y, size)), size)
            assert got == [of_two(*pair) & mask for pair in zip(x, y, strict=True)], (name, at)


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_both_halves_zipped_are_whole_products(bits) -> None:
    """docs/numerics.md 3.3: a widening product is two operations and a zip."""
    size = bits // 8
    low, high = run(SimdOp[f"IMUL{bits}"]), run(SimdOp[f"IMULH{bits}"])
    whole = [value for half in ("LO", "HI") for value in pieces(run(SimdOp[f"ZIP{bits}_{half}"], low, high), 2 * size)]
    numbers = [signed(x, bits) * signed(y, bits) for x, y in zip(pieces(A, size), pieces(B, size), strict=True)]
    assert whole == [number % (1 << 2 * bits) for number in numbers]


@pytest.mark.parametrize(("width", "op"), [(32, "ZIP32"), (16, "ZIP16"), (8, "ZIP8")])
def test_zips_transpose_a_square_of_registers(width, op) -> None:
    """docs/numerics.md 8: as many registers as elements in one, as many rounds as their count's logarithm."""
    count, size = 512 // width, width // 8
    square = RNG.integers(0, 256, (count, 64), dtype=np.uint8)
    registers = [row.tobytes() for row in square]
    for _ in range(count.bit_length() - 1):
        pairs = [(registers[i], registers[i + count // 2]) for i in range(count // 2)]
        registers = [run(SimdOp[f"{op}_{half}"], *pair) for pair in pairs for half in ("LO", "HI")]
    wanted = square.view(f"<u{size}").T
    assert np.array_equal(np.array([list(row) for row in registers], np.uint8).view(f"<u{size}"), wanted)


def test_shuffles_by_index() -> None:
    a = RNG.integers(0, 256, 64, dtype=np.uint8)
    index = RNG.integers(0, 256, 64, dtype=np.uint8)
    by_byte = [a[16 * (i // 16) + index[i] % 16] for i in range(64)]
    assert list(run(SimdOp.SHUFFLE8, a.tobytes(), index.tobytes())) == by_byte
    lanes = index.view("<u4")
    assert pieces(run(SimdOp.SHUFFLE32, a.tobytes(), index.tobytes()), 4) == [int(a.view("<u4")[lane % 16]) for lane in lanes]


def test_a_mask_of_lanes_becomes_one_of_elements() -> None:
    """docs/numerics.md 8: what a compare of widened numbers gives selects narrow elements after a pack."""
    lanes = RNG.integers(0, 2, 32).astype(bool)
    masks = [joined([0xFFFFFFFF * int(lane) for lane in part], 4) for part in (lanes[:16], lanes[16:])]
    assert pieces(run(SimdOp.PACK_I16, *masks), 2) == [0xFFFF * int(lane) for lane in lanes]
    assert pieces(run(SimdOp.PACK_I8, *masks), 1) == [0xFF * int(lane) for lane in lanes] + [0] * 32

"""The SIMD operation table: codes and timing rules."""

from golden.arch.simd_ops import ENTERS_FMA_AT, IMM_BITS, LATENCY, MAX_LATENCY, OCCUPANCY, SIMD_OPS, SimdClass, SimdFlag, SimdOp


def test_codes_are_class_and_operation():
    assert all(info.simd_class == op >> 4 and info.op is op for op, info in SIMD_OPS.items())
    assert set(SIMD_OPS) == set(SimdOp) and len(SIMD_OPS) == 147
    assert (SimdOp.FSUB_ODD, SimdOp.FLE, SimdOp.FNEG, SimdOp.IMAX, SimdOp.DUP_HI, SimdOp.FTOI, SimdOp.LOG2) == (
        0x0D, 0x15, 0x27, 0x3D, 0x47, 0x59, 0x63,
    )


def test_only_special_functions_take_longer():
    for op in SimdOp:
        special = SimdClass(op >> 4) is SimdClass.SPECIAL
        assert (LATENCY[op], OCCUPANCY[op], ENTERS_FMA_AT[op]) == ((14, 2, 7) if special else (7, 1, 0)), op.name
    assert MAX_LATENCY == 14


def test_immediates_and_flags():
    lanes = {"ISHL": 5, "ISHR": 5, "ISAR": 5, "SPLAT": 4, "ROTATE": 4}
    packed = {"ISHL16": 4, "ISHR16": 4, "ISAR16": 4, "ISHL8": 3, "ISHR8": 3, "ISAR8": 3}
    halves = {f"WIDEN_{name}": 1 for name in ("BF16", "FP16", "SHP", "UHP", "I16", "U16")}
    quarters = {f"WIDEN_{name}": 2 for name in ("C143", "C152", "I8", "U8")}
    halves |= {f"{name}_ODD_BF16": 1 for name in ("FADD", "FSUB", "FMUL")}
    assert {op.name: info.imm for op, info in SIMD_OPS.items() if info.imm} == lanes | packed | halves | quarters
    assert [int(flag) for flag in SimdFlag] == [1, 2, 4, 8]
    silent = (SimdClass.LOGIC, SimdClass.INTEGER, SimdClass.PERMUTE, SimdClass.PACK, SimdClass.PACKED)
    silent += (SimdClass.MULTIPLY, SimdClass.SHIFT, SimdClass.WIDE)
    assert all(not info.flags for op, info in SIMD_OPS.items() if op >> 4 in silent)


def test_flags_that_may_be_raised():
    """docs/numerics.md 2.3 to 5.3: what rounds raises all four, what widens the first two, what compares or makes integers the first."""
    for op, info in SIMD_OPS.items():
        compares = op.name in ("FMIN", "FMAX", "FEQ", "FNE", "FLT", "FLE", "FTOI", "FTOU")
        widens = op.name.startswith("WIDEN_") and op.name[6] not in "IU" or op is SimdOp.WIDEN_UHP
        rounds = info.simd_class in (SimdClass.FMA, SimdClass.FMA_BF16, SimdClass.SPECIAL) or op.name.startswith("NARROW_")
        assert int(info.flags) == 1 * compares + 3 * widens + 15 * rounds, op.name


def test_the_immediate_has_the_width_of_the_largest():
    assert IMM_BITS == max(info.imm for info in SIMD_OPS.values())

"""The SIMD operation table: codes and timing rules."""

from golden.arch.simd_ops import ENTERS_FMA_AT, LATENCY, MAX_LATENCY, OCCUPANCY, SIMD_OPS, SimdClass, SimdFlag, SimdOp


def test_codes_are_class_and_operation():
    assert all(info.simd_class == op >> 4 and info.op is op for op, info in SIMD_OPS.items())
    assert set(SIMD_OPS) == set(SimdOp) and len(SIMD_OPS) == 57
    assert (SimdOp.FSUB_ODD, SimdOp.FLE, SimdOp.FNEG, SimdOp.IMAX, SimdOp.DUP_HI, SimdOp.FTOI, SimdOp.LOG2) == (
        0x0D, 0x15, 0x27, 0x3D, 0x47, 0x54, 0x63,
    )


def test_only_special_functions_take_longer():
    for op in SimdOp:
        special = SimdClass(op >> 4) is SimdClass.SPECIAL
        assert (LATENCY[op], OCCUPANCY[op], ENTERS_FMA_AT[op]) == ((14, 2, 7) if special else (7, 1, 0)), op.name
    assert MAX_LATENCY == 14


def test_immediates_and_flags():
    assert {op.name: info.imm for op, info in SIMD_OPS.items() if info.imm} == {"ISHL": 5, "ISHR": 5, "ISAR": 5, "SPLAT": 4, "ROTATE": 4}
    assert [int(flag) for flag in SimdFlag] == [1, 2, 4, 8]
    assert all(not info.flags for op, info in SIMD_OPS.items() if op >> 4 in (SimdClass.LOGIC, SimdClass.INTEGER, SimdClass.PERMUTE))

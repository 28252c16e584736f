"""Cases worked by hand: scalar, predicate, SIMD and scalar memory instructions with what they read and what they leave.

Scalar: (text, registers before, registers after; -n is predicate n). SIMD: (text, v1, v2, .. before, v9 or p1 after), lanes as
patterns that repeat. Memory: (text, registers, registers after, first bytes at x5 = 0x1000 after); before they are f0 f1 f2 f3 74 75 76
f7 11.
"""

import math

from tests.golden.iss.bench import f32

M63, M64 = 1 << 63, (1 << 64) - 1
NAN, INF = math.nan, math.inf
QNAN, YES = 0x7FC00000, 0xFFFFFFFF
TINY = 2.0**-30
LANES = list(range(16))

SCALAR = [
    ("add x1, x2, x3", {2: M64, 3: 2}, {1: 1}),
    ("sub x1, x2, x3", {2: 1, 3: 2}, {1: M64}),
    ("and x1, x2, x3", {2: 0b1100, 3: 0b1010}, {1: 0b1000}),
    ("or x1, x2, x3", {2: 0b1100, 3: 0b1010}, {1: 0b1110}),
    ("xor x1, x2, x3", {2: 0b1100, 3: 0b1010}, {1: 0b0110}),
    ("sll x1, x2, x3", {2: 3, 3: 63}, {1: M63}),
    ("sll x1, x2, x3", {2: 3, 3: 65}, {1: 6}),
    ("srl x1, x2, x3", {2: M63, 3: 63}, {1: 1}),
    ("sra x1, x2, x3", {2: M63, 3: 62}, {1: M64 - 1}),
    ("slt x1, x2, x3", {2: M64, 3: 0}, {1: 1}),
    ("sltu x1, x2, x3", {2: M64, 3: 0}, {1: 0}),
    ("min x1, x2, x3", {2: M64, 3: 5}, {1: -1}),
    ("max x1, x2, x3", {2: M64, 3: 5}, {1: 5}),
    ("mul x1, x2, x3", {2: 1 << 40, 3: (1 << 24) + 3}, {1: 3 << 40}),
    ("mul x1, x2, x3", {2: -3, 3: 5}, {1: -15}),
    ("addi x1, x2, -512", {2: 0}, {1: -512}),
    ("andi x1, x2, -2", {2: 0xFF}, {1: 0xFE}),
    ("ori x1, x2, -512", {2: 1}, {1: -511}),
    ("xori x1, x2, -1", {2: 5}, {1: -6}),
    ("slli x1, x2, 63", {2: 3}, {1: M63}),
    ("srli x1, x2, 1", {2: M64}, {1: M63 - 1}),
    ("srai x1, x2, 63", {2: M63}, {1: -1}),
    ("slti x1, x2, -1", {2: -2}, {1: 1}),
    ("slti x1, x2, -1", {2: -1}, {1: 0}),
    ("sltiu x1, x2, -1", {2: 7}, {1: 1}),  # -1 is the greatest unsigned number
    ("li x1, -16384", {}, {1: -16384}),
    ("li x0, 5\nadd x1, x0, x0", {}, {0: 0, 1: 0}),
    ("lih x1, 32767", {1: 1}, {1: 0xFFFF}),
    ("lih x1, 0", {1: M64}, {1: M64 - 0x7FFF}),
    ("li64 x1, 0x123456789abcdef0", {}, {1: 0x123456789ABCDEF0}),
    ("mv x1, x2", {2: M63}, {1: M63}),
    ("peq p1, x2, x3", {2: 5, 3: 5}, {-1: 1}),
    ("pne p1, x2, x3", {2: 5, 3: 5}, {-1: 0}),
    ("plt p1, x2, x3", {2: -1, 3: 0}, {-1: 1}),
    ("pge p1, x2, x3", {2: -1, 3: 0}, {-1: 0}),
    ("pge p1, x2, x3", {2: 3, 3: 3}, {-1: 1}),
    ("pltu p1, x2, x3", {2: -1, 3: 0}, {-1: 0}),
    ("pgeu p1, x2, x3", {2: -1, 3: 0}, {-1: 1}),
    ("peqi p1, x2, -1", {2: M64}, {-1: 1}),
    ("pnei p1, x2, 511", {2: 510}, {-1: 1}),
    ("plti p1, x2, -5", {2: -6}, {-1: 1}),
    ("pgei p1, x2, -5", {2: -5}, {-1: 1}),
    ("pltui p1, x2, -1", {2: M64 - 1}, {-1: 1}),
    ("pgeui p1, x2, -1", {2: M64 - 1}, {-1: 0}),
    ("peqi p2, x0, 0\npand p1, p0, p2", {}, {-1: 1}),
    ("pand p1, p0, p2", {}, {-1: 0}),
    ("por p1, p2, p0", {}, {-1: 1}),
    ("por p1, p2, p3", {}, {-1: 0}),
    ("pxor p1, p0, p0", {}, {-1: 0}),
    ("pxor p1, p0, p2", {}, {-1: 1}),
    ("pandn p1, p0, p2", {}, {-1: 1}),
    ("pandn p1, p2, p0", {}, {-1: 0}),
    ("pnei p0, x0, 0\n(p0) li x1, 1", {}, {1: 1}),  # p0 stays true
]

SIMD = [
    ("vfma v9, v1, v2, v3", [f32(1.5, -1), f32(2, 3), f32(0.25, 1)], f32(3.25, -2)),
    ("vfadd v9, v1, v2", [f32(1, 1), f32(2**-24, 3 * 2**-24)], [0x3F800000, 0x3F800002]),  # ties to even
    ("vfmul v9, v1, v2", [f32(1.5, -0.0), f32(1.5, 5)], [0x40100000, 0x80000000]),
    ("vfms v9, v1, v2, v3", [f32(2), f32(3), f32(1)], f32(5)),
    ("vfnma v9, v1, v2, v3", [f32(2), f32(3), f32(10)], f32(4)),
    ("vfsub v9, v1, v2", [f32(5, INF), f32(8, INF)], [*f32(-3), QNAN]),
    ("vfma.odd v9, v1, v2, v3", [f32(1), f32(1), f32(TINY)], [0x3F800001]),
    ("vfadd.odd v9, v1, v2", [f32(1, 1), f32(2**-25, 2**-23)], [0x3F800001, 0x3F800001]),
    ("vfmul.odd v9, v1, v2", [[0x3F800001], [0x3F800001]], [0x3F800003]),  # 1 + 2 * 2^-23 + 2^-46
    ("vfms.odd v9, v1, v2, v3", [f32(1), f32(1), f32(TINY)], [0x3F7FFFFF]),
    ("vfnma.odd v9, v1, v2, v3", [f32(TINY), f32(1), f32(1)], [0x3F7FFFFF]),
    ("vfsub.odd v9, v1, v2", [f32(1), f32(-TINY)], [0x3F800001]),
    ("vfmin v9, v1, v2", [f32(1, -0.0, 0.0, NAN), f32(2, 0.0, -0.0, 1)], [0x3F800000, 0x80000000, 0x80000000, QNAN]),
    ("vfmax v9, v1, v2", [f32(1, -0.0, 0.0, 1), f32(2, 0.0, -0.0, NAN)], [0x40000000, 0, 0, QNAN]),
    ("vfeq v9, v1, v2", [f32(1, 1, NAN, -0.0), f32(1, 2, NAN, 0.0)], [YES, 0, 0, YES]),
    ("vfne v9, v1, v2", [f32(1, 1, NAN, -0.0), f32(1, 2, NAN, 0.0)], [0, YES, YES, 0]),
    ("vflt v9, v1, v2", [f32(1, 1, NAN, -0.0), f32(1, 2, 3, 0.0)], [0, YES, 0, 0]),
    ("vfle v9, v1, v2", [f32(1, 2, NAN, -0.0), f32(1, 1, 3, 0.0)], [YES, 0, 0, YES]),
    ("vcopy v9, v1", [LANES], LANES),
    ("vselect v9, v1, v2, v3", [[0xFF00FF00], [0x12345678], [0x0000FFFF]], [0x1234FF00]),
    ("vand v9, v1, v2", [[0b1100], [0b1010]], [0b1000]),
    ("vor v9, v1, v2", [[0b1100], [0b1010]], [0b1110]),
    ("vxor v9, v1, v2", [[0b1100], [0b1010]], [0b0110]),
    ("vandnot v9, v1, v2", [[0b1100], [0b1010]], [0b0100]),
    ("vfabs v9, v1", [[0xBF800000, 0xFFC00001]], [0x3F800000, 0x7FC00001]),
    ("vfneg v9, v1", [[0xBF800000, 0x7FC00001]], [0x3F800000, 0xFFC00001]),
    ("viadd32 v9, v1, v2", [[0xFFFFFFFF], [2]], [1]),
    ("visub32 v9, v1, v2", [[1], [2]], [0xFFFFFFFF]),
    ("viadd16 v9, v1, v2", [[0xFFFF0001], [0x00010001]], [2]),
    ("visub16 v9, v1, v2", [[0x00000001], [0x00010002]], [0xFFFFFFFF]),
    ("viadd8 v9, v1, v2", [[0xFF01FF01], [0x01010101]], [0x00020002]),
    ("visub8 v9, v1, v2", [[0x00000000], [0x01000201]], [0xFF00FEFF]),
    ("vishl v9, v1, 1", [[0x80000001]], [2]),
    ("vishr v9, v1, 31", [[0x80000001]], [1]),
    ("visar v9, v1, 31", [[0x80000001, 0x7FFFFFFF]], [0xFFFFFFFF, 0]),
    ("vieq v9, v1, v2", [[1, 0x80000000], [1, 0]], [YES, 0]),
    ("vilt v9, v1, v2", [[-1, 1], [1, -1]], [YES, 0]),
    ("viltu v9, v1, v2", [[-1, 1], [1, -1]], [0, YES]),
    ("vimin v9, v1, v2", [[-1, 5], [1, 4]], [-1, 4]),
    ("vimax v9, v1, v2", [[-1, 5], [1, 4]], [1, 5]),
    ("vsplat v9, v1, 15", [LANES], [15]),
    ("vrotate v9, v1, 1", [LANES], [*range(1, 16), 0]),
    ("vzip32.lo v9, v1, v2", [LANES, [100 + i for i in LANES]], [0, 100, 1, 101, 2, 102, 3, 103, 4, 104, 5, 105, 6, 106, 7, 107]),
    ("vzip32.hi v9, v1, v2", [LANES, [100 + i for i in LANES]], [8, 108, 9, 109, 10, 110, 11, 111, 12, 112, 13, 113, 14, 114, 15, 115]),
    # 16-bit elements 2i, 2i + 1 of a are i and 0x10 + i; of b 0x20 + i and 0x30 + i.
    (
        "vzip16.lo v9, v1, v2",
        [[i | (0x10 + i) << 16 for i in LANES], [0x20 + i | (0x30 + i) << 16 for i in LANES]],
        [word for i in range(8) for word in (i | (0x20 + i) << 16, 0x10 + i | (0x30 + i) << 16)],
    ),
    (
        "vzip16.hi v9, v1, v2",
        [[i | (0x10 + i) << 16 for i in LANES], [0x20 + i | (0x30 + i) << 16 for i in LANES]],
        [word for i in range(8, 16) for word in (i | (0x20 + i) << 16, 0x10 + i | (0x30 + i) << 16)],
    ),
    ("vdup.lo v9, v1", [LANES], [0, 1, 2, 3, 4, 5, 6, 7]),
    ("vdup.hi v9, v1", [LANES], [8, 9, 10, 11, 12, 13, 14, 15]),
    # BF16 elements 0, 1 of a word are its low and high half: 1.0 and -2.0; the upper 8 words hold NaN and 0.5.
    ("vwiden.bf16.lo v9, v1", [[0xC0003F80] * 8 + [0x3F00FF81] * 8], f32(1, -2)),
    ("vwiden.bf16.hi v9, v1", [[0xC0003F80] * 8 + [0x3F00FF81] * 8], [QNAN, 0x3F000000]),
    # 0x3f808000 and 0x3f818000 lie halfway: to even 0x3f80 and 0x3f82; b is 1.0, -1.0.
    ("vnarrow.bf16 v9, v1, v2", [[0x3F808000, 0x3F818000], f32(1, -1)], [0x3F823F80] * 8 + [0xBF803F80] * 8),
    ("vitof v9, v1", [[16777217, -1]], [0x4B800000, 0xBF800000]),
    ("vftoi v9, v1", [f32(2.5, 3.5, NAN, -3e9)], [2, 4, 0, 0x80000000]),
    ("vrecip v9, v1", [f32(2, -0.25, 0.0, INF)], f32(0.5, -4, INF, 0)),
    ("vrsqrt v9, v1", [f32(4, 0.0625, INF, -1)], [*f32(0.5, 4, 0), QNAN]),
    ("vexp2 v9, v1", [f32(3, -2, 0, 200)], f32(8, 0.25, 1, INF)),
    ("vlog2 v9, v1", [f32(8, 0.25, 1, 0)], f32(3, -2, 0, -INF)),
    ("vany p1, v1", [[0] * 15 + [1]], True),
    ("vany p1, v1", [[0]], False),
    ("vall p1, v1", [[1] * 15 + [0]], False),
    ("vall p1, v1", [[0x80000000, 1]], True),
]

_BEFORE = [0xF0, 0xF1, 0xF2, 0xF3, 0x74, 0x75, 0x76, 0xF7, 0x11]
MEMORY = [
    ("ld.b x1, x5, 4", {}, {1: 0x74}, _BEFORE),
    ("ld.b x1, x5, 1", {}, {1: 0xF1 - 256}, _BEFORE),
    ("ld.h x1, x5, 2", {}, {1: 0xF3F2 - 65536}, _BEFORE),
    ("ld.w x1, x5, 0", {}, {1: 0xF3F2F1F0 - (1 << 32)}, _BEFORE),
    ("ld.w x1, x5, 4", {}, {1: 0xF7767574 - (1 << 32)}, _BEFORE),
    ("ld.d x1, x5, 0", {}, {1: 0xF7767574F3F2F1F0}, _BEFORE),
    ("ld.bu x1, x5, 1", {}, {1: 0xF1}, _BEFORE),
    ("ld.hu x1, x5, 6", {}, {1: 0xF776}, _BEFORE),
    ("ld.wu x1, x5, 0", {}, {1: 0xF3F2F1F0}, _BEFORE),
    ("ld.bu x1, x6, -512", {6: 0x1208}, {1: 0x11}, _BEFORE),
    ("ld.d x5, x5, 0", {}, {5: 0xF7767574F3F2F1F0}, _BEFORE),
    ("ldp.b x1, x5, 3", {}, {1: 0xF0 - 256, 5: 0x1003}, _BEFORE),
    ("ldp.h x1, x5, -2", {}, {1: 0xF1F0 - 65536, 5: 0xFFE}, _BEFORE),
    ("ldp.w x1, x5, 511", {}, {1: 0xF3F2F1F0 - (1 << 32), 5: 0x11FF}, _BEFORE),
    ("ldp.d x1, x5, 8", {}, {1: 0xF7767574F3F2F1F0, 5: 0x1008}, _BEFORE),
    ("ldp.bu x1, x5, 0", {}, {1: 0xF0, 5: 0x1000}, _BEFORE),
    ("ldp.hu x1, x5, 1", {}, {1: 0xF1F0, 5: 0x1001}, _BEFORE),
    ("ldp.wu x0, x5, 4", {}, {0: 0, 5: 0x1004}, _BEFORE),
    ("st.b x1, x5, 3", {1: 0xABCD}, {5: 0x1000}, [0xF0, 0xF1, 0xF2, 0xCD, *_BEFORE[4:]]),
    ("st.h x1, x5, 0", {1: 0xABCDEF}, {}, [0xEF, 0xCD, *_BEFORE[2:]]),
    ("st.w x1, x5, 4", {1: -2}, {}, [*_BEFORE[:4], 0xFE, 0xFF, 0xFF, 0xFF, 0x11]),
    ("st.d x1, x5, 8", {1: 0x0807060504030201}, {}, [*_BEFORE[:8], 1, 2, 3, 4, 5, 6, 7, 8]),
    ("st.d x0, x5, 0", {}, {}, [0] * 8 + [0x11]),
    ("stp.b x1, x5, -1", {1: 5}, {5: 0xFFF}, [5, *_BEFORE[1:]]),
    ("stp.h x1, x5, 2", {1: 0x0102}, {5: 0x1002}, [2, 1, *_BEFORE[2:]]),
    ("stp.w x1, x5, 4", {1: 0x04030201}, {5: 0x1004}, [1, 2, 3, 4, *_BEFORE[4:]]),
    ("stp.d x5, x5, 8", {}, {5: 0x1008}, [0, 0x10, 0, 0, 0, 0, 0, 0, 0x11]),  # the base before it moves
]

"""Every fault of a thread by hand: what ends in it, its cause and its operand; on the simulator, and on the RTL beside it."""

from golden.arch.memmap import Fault
from tests.golden.iss.bench import TINY
from tests.golden.iss.test_semantics import setd

SRAM = TINY.sram_bytes
REGISTERS = {5: 0x1000, 6: 0x1003, 7: SRAM}
"""What the texts find in x5 to x7."""
OUTSIDE = setd(0, base=SRAM // 8, rows=9, columns=99)
HALF = setd(0, base=SRAM // 8 - 2, rows=9, columns=99)

FAULTS = [
    (".word 0", Fault.ILLEGAL, 0),
    (".word 0x80000001", Fault.ILLEGAL, 0x80000001),
    (".word 0x3ff", Fault.ILLEGAL, 0x1FF | 1 << 9),  # illegal although its predicate p1 is false
    ("csrr x1, 1000", Fault.ILLEGAL, 0x1E0 | 1 << 12 | 1000 << 22),
    ("csrr x1, 128", Fault.ILLEGAL, 0x1E0 | 1 << 12 | 128 << 22),
    ("csrw x1, 2", Fault.ILLEGAL, 0x1E1 | 1 << 17 | 2 << 22),
    ("csrw x1, 64", Fault.ILLEGAL, 0x1E1 | 1 << 17 | 64 << 22),
    ("rlist x1, x2", Fault.ILLEGAL, 0x1C3 | 1 << 12 | 2 << 17),  # a feature that is not there
    ("vlx.add v1, d0", Fault.ILLEGAL, 0x0CC | 1 << 12),
    ("ld.h x1, x5, 1", Fault.MISALIGNED, 0x1001),
    ("ld.w x1, x5, 2", Fault.MISALIGNED, 0x1002),
    ("ld.d x1, x5, 4", Fault.MISALIGNED, 0x1004),
    ("st.d x1, x5, -4", Fault.MISALIGNED, 0xFFC),
    ("ldp.w x1, x6, 4", Fault.MISALIGNED, 0x1003),
    ("stp.h x1, x6, 4", Fault.MISALIGNED, 0x1003),
    ("jr x6", Fault.MISALIGNED, 0x1003),
    ("callr x1, x6", Fault.MISALIGNED, 0x1003),
    ("ld.b x1, x7, 0", Fault.RANGE, SRAM),
    ("st.d x1, x7, 0", Fault.RANGE, SRAM),
    ("ld.d x1, x0, -8", Fault.RANGE, (1 << 64) - 8),
    ("ldp.d x1, x7, -8", Fault.RANGE, SRAM),
    ("jr x7", Fault.RANGE, SRAM),
    (OUTSIDE + "vld.c v1, d0", Fault.RANGE, SRAM),
    (HALF + "vld.c v1, d0", Fault.RANGE, SRAM),  # the third word
    (HALF + "vld.g8 v1, d0", None, 0),  # a pitch of 0: all rows inside
    (OUTSIDE + "vst.c v1, d0, inner", Fault.RANGE, SRAM),
    (OUTSIDE + "drain.f32 c1, d0", Fault.RANGE, SRAM),
    (HALF + "drain.raw c1, d0", Fault.RANGE, SRAM),
    (setd(0, base=SRAM // 8, rows=0) + "vld.c v1, d0", None, 0),  # nothing inside the extents
    ("trap 1023", Fault.TRAP, 1023),
    ("li x1, 0\nli64 x2, 1 << 47\nsetd d1, x1, x2", Fault.DESCRIPTOR, 1 << 47),
    ("li x1, 0\nli64 x2, 1 << 35\nsetd d1, x1, x2", Fault.DESCRIPTOR, 1 << 35),  # image pieces
    ("tstart 0, 0x100", Fault.BUSY, 0),
    ("loopi end, 64\nraise 9, 1023\nnop\nend: raise 9, 63\nraise 9, 1", Fault.SEMAPHORE, 9),  # 65,535 fits
    (f"br {SRAM}", Fault.FETCH, SRAM),
    ("br -4", Fault.FETCH, 0x1FFFFC),  # addresses count modulo 2 MB
]

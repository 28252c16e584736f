"""Addresses, codes and control registers, written down by hand."""

from golden.arch import memmap
from golden.arch.memmap import CSRS, READ_ONLY_CSRS, ControlLine, Counter, Csr, Fault, ThreadState


def line(index: int) -> int:
    return memmap.CONTROL_BASE + memmap.LINE_BYTES * index


def test_addresses():
    assert (memmap.SRAM_LIMIT, memmap.CONTROL_BASE, memmap.PROGRAM_BASE) == (1_310_720, 0x1F0000, 256)
    assert 1 << memmap.ADDRESS_BITS == 2 * 1024 * 1024
    assert [line(ControlLine.IDENTITY), line(ControlLine.STATUS + 2), line(ControlLine.COUNTERS)] == [0x1F0000, 0x1F0180, 0x1F0200]
    assert line(ControlLine.COUNTERS + len(Counter) // 8) < 1 << memmap.ADDRESS_BITS
    assert (1 << memmap.WORD_ADDRESS_BITS) * 8 == 1 << memmap.ADDRESS_BITS == (1 << memmap.LINE_BITS) * memmap.LINE_BYTES
    assert memmap.DEBUG_SCRATCH + 64 <= memmap.PROGRAM_BASE


def test_codes():
    assert [f.name for f in Fault] == [
        "NONE", "ILLEGAL", "MISALIGNED", "RANGE", "ECC", "SEMAPHORE", "LOOP", "TRAP", "DESCRIPTOR", "BUSY", "NETWORK", "FETCH",
        "BIAS",
    ]
    assert [int(f) for f in Fault] == list(range(13))
    assert [s.name for s in ThreadState] == ["IDLE", "RUNNING", "WAITING", "HALTED", "FAULTED"]
    assert {c.name: int(c) for c in Csr} == {
        "THREAD": 0, "NODE": 1, "CYCLE": 2, "PRIORITY": 3, "FP_MODE": 4, "FP_FLAGS": 5, "SEED": 6, "ECC_INJECT": 7,
        "COUNTER": 64, "COUNTER_CLEAR": 128,
    }


def test_counters():
    """The first eight share a line: cycles, steps and the six causes of none."""
    assert [int(c) for c in Counter] == list(range(26))
    assert [c.name for c in Counter][:8] == [
        "CYCLES", "MATRIX_STEPS", "MATRIX_WAIT_LOAD", "MATRIX_WAIT_DRAIN", "MATRIX_WAIT_SIMD", "MATRIX_WAIT_FRONT", "MATRIX_WAIT_SYNC",
        "MATRIX_IDLE",
    ]


def test_control_registers():
    assert READ_ONLY_CSRS < CSRS
    assert {64 + n for n in range(26)} <= READ_ONLY_CSRS
    assert {int(c) for c in CSRS - READ_ONLY_CSRS} == {3, 4, 5, 6, 7, 128}
    assert {int(c): bits for c, bits in memmap.CSR_BITS.items()} == {3: 4, 4: 22, 5: 4, 6: 64, 7: 16}

"""One small test per instruction, every expectation worked by hand."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from golden.arch import isa
from golden.arch.descriptor import Descriptor, step_code
from golden.arch.memmap import Csr
from tests.golden.iss.bench import ended, f32, run, words
from tests.golden.iss.cases import MEMORY, SCALAR, SIMD

M64 = (1 << 64) - 1
DATA = 0x1000
PATTERN = bytes(range(256))


def setd(d: int, **fields: int) -> str:
    low, high = Descriptor(**fields).pack()
    return f"li64 x20, {low}\nli64 x21, {high}\nsetd d{d}, x20, x21\n"


# --- tables ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "given", "expected"), SCALAR, ids=lambda value: value if isinstance(value, str) else "")
def test_scalar(text, given, expected):
    job = run(text, x=given)
    assert ended(job)
    for register, value in expected.items():
        if register < 0:
            assert job.thread.p[-register] is bool(value), text
        else:
            assert job.thread.x[register] == value % (1 << 64), text


@pytest.mark.parametrize(("text", "given", "expected"), SIMD, ids=lambda value: value if isinstance(value, str) else "")
def test_simd(text, given, expected):
    job = run(text, v={i + 1: lanes for i, lanes in enumerate(given)})
    assert ended(job)
    if isinstance(expected, bool):
        assert job.thread.p[1] is expected
    else:
        got = job.thread.v[9].view("<u4")
        assert [hex(lane) for lane in got] == [hex(lane) for lane in words(expected)]


@pytest.mark.parametrize(("text", "given", "expected", "stored"), MEMORY, ids=lambda value: value if isinstance(value, str) else "")
def test_scalar_memory(text, given, expected, stored):
    job = run(text, x={5: DATA, **given}, memory={DATA: bytes([0xF0, 0xF1, 0xF2, 0xF3, 0x74, 0x75, 0x76, 0xF7, 0x11])})
    assert ended(job)
    assert {register: job.thread.x[register] for register in expected} == {r: value % (1 << 64) for r, value in expected.items()}
    assert job.node.read(DATA, 16) == bytes(stored) + bytes(16 - len(stored))


def test_every_base_instruction_stands_in_some_test():
    """The tables and the tests below and in test_node.py name every instruction of the base machine."""
    here = Path(__file__).resolve().parent
    text = "\n".join(path.read_text() for path in here.glob("*.py"))
    missing = [i.mnemonic for i in isa.TABLE if i.feature == "base" and f"{i.mnemonic} " not in text and f"{i.mnemonic}\\n" not in text]
    assert [name for name in missing if name not in ("nop", "halt", "fence", "iflush")] == []


# --- control ------------------------------------------------------------------------------------------------------------------------


def test_nop_fence_and_iflush_change_nothing():
    job = run("nop\nfence\niflush\nnop")
    assert ended(job) and [record.effects for record in job.records] == [[]] * 5
    assert job.thread.x == [0] * 32


def test_br_goes_forwards_and_back():
    job = run("br over\nback: addi x1, x1, 1\nbr done\nover: addi x1, x1, 10\nbr back\ndone: addi x1, x1, 100")
    assert job.thread.x[1] == 111 and len(job.records) == 7


def test_call_and_jr():
    job = run("call x31, sub\naddi x1, x1, 1\nbr done\nsub: addi x1, x1, 10\njr x31\ndone: nop")
    assert (job.thread.x[1], job.thread.x[31]) == (11, 0x104)


def test_callr_jumps_before_it_links():
    """At 0x104: x5 is read, then written with 0x108."""
    job = run("lpc x5, far\ncallr x5, x5\naddi x1, x1, 1\nfar: addi x1, x1, 10")
    assert (job.thread.x[1], job.thread.x[5]) == (10, 0x108)


def test_lpc_is_an_address():
    """At 0x108: two words on is 0x110; three back is 0xfc."""
    job = run("nop\nnop\nlpc x1, 0x110\nlpc x2, 0x100")
    assert (job.thread.x[1], job.thread.x[2]) == (0x110, 0x100)


def test_predicated_off_does_nothing_but_retire():
    job = run("(p1) addi x1, x1, 1\n(p2) addi x2, x2, 1\n(p1) br 0x200\n(p1) trap 3", p={2: True})
    assert ended(job) and (job.thread.x[1], job.thread.x[2]) == (0, 1)
    assert [record.executed for record in job.records] == [False, True, False, False, True]
    assert [record.seq for record in job.records] == [0, 1, 2, 3, 4]


# --- descriptors ---------------------------------------------------------------------------------------------------------------------


def test_setd_getd_and_dstep():
    """Outer position from setd and outer steps, inner one from inner steps; getd shows the outer."""
    text = setd(3, base=100, row_pitch=4, inner=step_code("x", 2), outer=step_code("y", 1))
    job = run(text + "dstep d3\ndstep d3\ngetd x1, d3, 0\ndstep d3, outer\ngetd x2, d3, 0\ndstep d3\ndstep d3, restart\ngetd x3, d3, 1")
    effects = [effect for record in job.records for effect in record.effects if effect[0] == "d"]
    assert effects == [("d", 3, base) for base in (100, 102, 104, 104, 106, 104)]
    assert (job.thread.x[1] & 0x3FFFF, job.thread.x[2] & 0x3FFFF) == (100, 104)
    assert job.thread.x[3] == 1 << 37 | 8 << 42 | 1 << 4, "inner code 1, outer code 8, y0 = 1"


# --- vector memory ------------------------------------------------------------------------------------------------------------------


def loaded(access: str, memory: bytes = PATTERN, **fields: int) -> bytes:
    """What v1 holds after a load at d0 over ``memory`` at DATA; base in words from DATA."""
    fields = {"rows": 8191, "columns": 16383, **fields}
    fields["base"] = (DATA // 8 + fields.get("base", 0)) % (1 << 18)
    job = run(setd(0, **fields) + access, memory={DATA: memory})
    assert ended(job)
    return job.thread.v[1].tobytes()


def pieces(*runs: tuple[int, int]) -> bytes:
    """Runs (first byte, bytes) of the pattern, one after another; first -1 is zeros."""
    return b"".join(bytes(size) if first < 0 else PATTERN[first : first + size] for first, size in runs)


def test_vld_c_takes_64_bytes():
    assert loaded("vld.c v1, d0") == PATTERN[:64]
    assert loaded("vld.c v1, d0, stay", base=3) == PATTERN[24:88]


def test_gathers_take_one_piece_a_row():
    """A pitch of 3 words: row i begins at byte 24 i."""
    assert loaded("vld.g8 v1, d0", row_pitch=3) == pieces(*((24 * i, 8) for i in range(8)))
    assert loaded("vld.g16 v1, d0", row_pitch=3) == pieces(*((24 * i, 16) for i in range(4)))
    assert loaded("vld.g32 v1, d0", row_pitch=5) == pieces((0, 32), (40, 32))


def test_tiles_move_by_the_number_of_pieces_and_their_bytes():
    assert loaded("vld.c v1, d0[0,2]") == PATTERN[128:192]
    assert loaded("vld.c v1, d0[1,0]", row_pitch=2) == PATTERN[16:80]
    assert loaded("vld.g8 v1, d0[0,3]", row_pitch=4) == pieces(*((32 * i + 24, 8) for i in range(7)), (248, 8))
    assert loaded("vld.g16 v1, d0[1,1]", row_pitch=3) == pieces(*((24 * (4 + i) + 16, 16) for i in range(4)))
    assert loaded("vld.g32 v1, d0[1,1]", row_pitch=4) == pieces((64 + 32, 32), (96 + 32, 32))


@pytest.mark.parametrize(("elem", "columns", "kept"), [(0, 13, 13), (1, 6, 12), (2, 3, 12), (3, 1, 8), (0, 16, 16), (1, 0, 0)])
def test_columns_outside_the_extent_read_zero(elem, columns, kept):
    """Rows of 16 bytes at a pitch of 2 words, of which the first ``kept`` bytes are columns."""
    got = loaded("vld.g16 v1, d0", row_pitch=2, elem=elem, columns=columns)
    assert got == b"".join(PATTERN[16 * i : 16 * i + kept] + bytes(16 - kept) for i in range(4))


def test_rows_outside_the_extent_read_zero():
    assert loaded("vld.g8 v1, d0", row_pitch=2, rows=3) == pieces((0, 8), (16, 8), (32, 8), (-1, 40))
    assert loaded("vld.g8 v1, d0[1,0]", row_pitch=1, rows=9) == pieces((64, 8), (-1, 56))
    assert loaded("vld.c v1, d0", rows=0) == bytes(64)


def test_a_negative_origin_masks_what_lies_before():
    """y0 = -2, x0 = -3 of 2-byte elements would be no multiple of 8 B; -4 is: the first 8 B of each row and two rows read zero."""
    got = loaded("vld.g16 v1, d0", base=0, row_pitch=2, y0=-2, x0=-4, elem=1, rows=100, columns=100)
    assert got == pieces((-1, 32), (-1, 8), (40, 8), (-1, 8), (56, 8))
    got = loaded("vld.c v1, d0", y0=0, x0=-8, elem=0, columns=20)
    assert got == pieces((-1, 8), (8, 20), (-1, 36))


def test_masked_words_may_lie_anywhere():
    """Row 0 begins at DATA; the four rows before it would lie beyond the end of memory."""
    got = loaded("vld.g16 v1, d0", base=-3 * 8191, row_pitch=8191, y0=-3, rows=1)
    assert got == pieces((-1, 48), (0, 16))


def test_loads_step_afterwards():
    text = setd(0, base=DATA // 8, row_pitch=2, rows=99, columns=999, inner=step_code("x", 1), outer=step_code("y", 4))
    job = run(text + "vld.c v1, d0, inner\nvld.c v2, d0, outer\nvld.c v3, d0, inner\nvld.c v4, d0", memory={DATA: PATTERN})
    assert [job.thread.v[i].tobytes()[0] for i in (1, 2, 3, 4)] == [0, 8, 64, 72]
    assert job.records[-5].effects[1] == ("d", 0, DATA // 8 + 1)


def stored(access: str, **fields: int) -> bytes:
    """256 bytes at DATA (0xee before) after a store of bytes 0..63 in v1."""
    fields = {"base": DATA // 8, "rows": 8191, "columns": 16383, **fields}
    lanes = [int.from_bytes(PATTERN[4 * i : 4 * i + 4], "little") for i in range(16)]
    job = run(setd(0, **fields) + access, v={1: lanes}, memory={DATA: b"\xee" * 256})
    assert ended(job)
    effects = [effect for record in job.records for effect in record.effects if effect[0] == "m"]
    image = bytearray(b"\xee" * 256)
    for _, address, run_bytes in effects:
        image[address - DATA : address - DATA + len(run_bytes)] = run_bytes
    assert bytes(image) == job.node.read(DATA, 256), "the record holds what was written"
    return bytes(image)


def kept(*runs: tuple[int, int, int]) -> bytes:
    """256 bytes of 0xee with (address, first byte of v1, bytes) over it."""
    image = bytearray(b"\xee" * 256)
    for address, first, size in runs:
        image[address : address + size] = PATTERN[first : first + size]
    return bytes(image)


def test_stores_put_one_piece_a_row():
    assert stored("vst.c v1, d0") == kept((0, 0, 64))
    assert stored("vst.g8 v1, d0", row_pitch=3) == kept(*((24 * i, 8 * i, 8) for i in range(8)))
    assert stored("vst.g16 v1, d0[0,1]", row_pitch=6) == kept(*((48 * i + 16, 16 * i, 16) for i in range(4)))
    assert stored("vst.g32 v1, d0[1,0]", row_pitch=5) == kept((80, 0, 32), (120, 32, 32))


def test_stores_leave_what_lies_outside():
    assert stored("vst.g16 v1, d0", row_pitch=2, elem=1, columns=3, rows=2) == kept((0, 0, 6), (16, 16, 6))
    assert stored("vst.g8 v1, d0", row_pitch=4, y0=-6) == kept((192, 48, 8), (224, 56, 8))
    assert stored("vst.c v1, d0", x0=-8, columns=3, elem=0) == kept((8, 8, 3))
    assert stored("vst.c v1, d0", rows=0) == kept()


def test_overlapping_rows_of_a_store_are_reported():
    with pytest.raises(RuntimeError, match="a store writes the byte at 0x1008 twice: its rows overlap"):
        stored("vst.g16 v1, d0", row_pitch=1)


# --- matrix ------------------------------------------------------------------------------------------------------------------------

A = np.arange(32).reshape(8, 4) % 7 - 3
B = np.arange(32).reshape(4, 8) % 5 - 2


def bf16(matrix: np.ndarray) -> list[int]:
    """A register's words from 32 small integers in memory order."""
    bits = (matrix.astype("<f4").reshape(-1).view("<u4") >> 16).astype("<u2")
    return [int(word) for word in bits.view("<u4")]


def drained(text: str, v: dict[int, list[int]], drain: str = "drain.f32 c1, d7", size: int = 256, pitch: int = 4) -> bytes:
    """Bytes of a drain with rows one after another."""
    job = run(text + "\n" + setd(7, base=DATA // 8, row_pitch=pitch, rows=8, columns=8, elem=2) + drain, v=v)
    assert ended(job)
    return job.node.read(DATA, size)


@pytest.mark.parametrize("at", [False, True])
@pytest.mark.parametrize("bt", [False, True])
def test_step_bf16_in_four_storage_orders(at, bt):
    """A is 8x4 with rows of 8 B, transposed 4x8 with rows of 16 B; B the other way round."""
    flags = (", at" if at else "") + (", bt" if bt else "")
    text = f"step.bf16 c1, v1, v2, first{flags}\nstep.bf16 c1, v1, v2{flags}"
    got = drained(text, {1: bf16(A.T if at else A), 2: bf16(B.T if bt else B)})
    assert np.array_equal(np.frombuffer(got, "<f4").reshape(8, 8), 2 * (A @ B))


@pytest.mark.parametrize("orders", list(itertools.product((False, True), repeat=4)))
def test_step_of_cfloat8_in_every_storage_order_and_half(orders):
    """Eight-bit vectors are 8x8: of A the columns, of B the rows of one half, transposed the other way round; 1.0 is exponent = bias."""
    at, bt, ah, bh = orders
    codes = np.arange(64).reshape(8, 8)  # of positive numbers that are all different
    a, b = codes + 8, 64 - codes  # as they lie in the registers
    flags = "".join(f", {name}" for name, on in zip(("at", "bt", "ah", "bh"), orders, strict=True) if on)
    text = f"li x9, {9 | 20 << 8}\ncsrw x9, {int(Csr.FP_MODE)}\nstep.143.152 c1, v1, v2, first{flags}"
    got = drained(text, {n + 1: packed(codes) for n, codes in enumerate((a, b))})
    left, right = value(a, 3, 9), value(b, 2, 20)
    left = (left[4 * ah : 4 * ah + 4] if at else left[:, 4 * ah : 4 * ah + 4].T).T
    right = right[:, 4 * bh : 4 * bh + 4].T if bt else right[4 * bh : 4 * bh + 4]
    assert np.array_equal(np.frombuffer(got, "<f4").reshape(8, 8), left @ right)


def packed(codes: np.ndarray) -> list[int]:
    return [int(word) for word in codes.astype(np.uint8).reshape(-1).view("<u4")]


def value(codes: np.ndarray, m: int, bias: int) -> np.ndarray:
    """docs/numerics.md section 1, for positive codes."""
    e, f = codes >> m, codes & ((1 << m) - 1)
    return np.where(e > 0, (1 << m) + f, f) * 2.0 ** (np.maximum(e, 1) - bias - m)


def test_a_step_by_the_numbers_of_the_worked_example():
    """docs/numerics.md 7.8: 1.0 * 1.0 from clear is the raw word 0x1f00001000000000."""
    one = np.zeros((8, 4))
    one[0, 0] = 1
    got = drained("step.bf16 c1, v1, v2, first", {1: bf16(one), 2: bf16(one.reshape(4, 8))}, "drain.raw c1, d7", 512)
    assert got[:8] == (0x1F00001000000000).to_bytes(8, "little") and not any(got[64:])


def test_cld_f32_fills_quarters():
    text = "".join(f"cld.f32 c1, v{quarter + 1}, {quarter}\n" for quarter in range(4))
    got = np.frombuffer(drained(text, {q + 1: f32(*(100 * q + i for i in range(16))) for q in range(4)}), "<f4").reshape(8, 8)
    for q in range(4):
        row, column = 4 * (q // 2), 4 * (q % 2)
        assert np.array_equal(got[row : row + 4, column : column + 4], 100 * q + np.arange(16).reshape(4, 4)), q


def test_cld_row_broadcasts_half_a_register():
    for half in (0, 1):
        got = np.frombuffer(drained(f"cld.row c1, v1, {half}", {1: f32(*range(16))}), "<f4").reshape(8, 8)
        assert np.array_equal(got, np.tile(np.arange(8) + 8 * half, (8, 1)))


def test_cld_raw_and_drain_raw_are_exact():
    lanes = [0x89ABCDEF, 0x7E234567] * 8
    got = drained("cld.row c1, v2, 0\ncld.raw c1, v1, 5", {1: lanes}, "drain.raw c1, d7", 512)
    assert got == bytes(320) + (0x7E23456789ABCDEF).to_bytes(8, "little") * 8 + bytes(128)


def test_drains_convert_and_clamp():
    """2.5 + 2^-8 in BF16 (8 bits: steps of 2^-6) is 2.5; -1 under ReLU is +0; -0.0 becomes +0 when loaded."""
    lanes = f32(2.50390625, -1.0, -0.0, 1.0, 3.0, -3.0, 65536.0, 0.0) * 2
    text = "cld.row c1, v1, 0"
    plain = np.frombuffer(drained(text, {1: lanes}, "drain.bf16 c1, d7", 16, 2), "<u2")
    assert [hex(w) for w in plain] == ["0x4020", "0xbf80", "0x0", "0x3f80", "0x4040", "0xc040", "0x4780", "0x0"]
    relu = np.frombuffer(drained(text, {1: lanes}, "drain.bf16 c1, d7, relu", 16, 2), "<u2")
    assert [hex(w) for w in relu] == ["0x4020", "0x0", "0x0", "0x3f80", "0x4040", "0x0", "0x4780", "0x0"]
    wide = np.frombuffer(drained(text, {1: lanes}, "drain.f32 c1, d7, relu", 32), "<f4")
    assert wide.tolist() == [2.50390625, 0, 0, 1, 3, 0, 65536, 0]


def test_drains_go_to_tiles_within_the_extents():
    """Tile [1,1] of 8x8 FP32: rows 8.., columns 8..; 10 rows and 11 columns leave 2 x 3 elements."""
    text = "cld.row c1, v1, 0\n" + setd(6, base=DATA // 8, row_pitch=8, rows=10, columns=11, elem=2, inner=step_code("y", 1))
    job = run(text + "drain.f32 c1, d6[1,1], inner", v={1: f32(*range(1, 17))})
    effects = job.records[-2].effects
    row = np.arange(1, 4).astype("<f4").tobytes()
    assert effects == [("m", DATA + 8 * 64 + 32, row), ("m", DATA + 9 * 64 + 32, row), ("d", 6, DATA // 8 + 8)]


def test_drain_raw_ignores_extents():
    job = run("cld.row c1, v1, 0\n" + setd(6, base=DATA // 8, rows=0, columns=0) + "drain.raw c1, d6", v={1: f32(1.0)})
    assert job.records[-2].effects[0][1:2] == (DATA,) and len(job.records[-2].effects[0][2]) == 512


# --- system -----------------------------------------------------------------------------------------------------------------------


def test_control_registers():
    job = run("csrr x1, 0\ncsrr x2, 1\ncsrw x5, 3\ncsrr x3, 3\ncsrw x5, 6\ncsrr x4, 6\ncsrw x5, 128", x={5: M64 - 5})
    assert [job.thread.x[i] for i in (1, 2, 3, 4)] == [0, 33, 10, M64 - 5], "node (1, 1); PRIORITY keeps four bits"


def test_counters_come_from_outside():
    asked = []
    job = run("nop")
    job.node.external = lambda thread, csr: asked.append((thread.index, csr)) or 99
    job.thread.start(0x100)
    job.store(0x100, (0x1E0 | 1 << 12 | 2 << 22).to_bytes(4, "little")).go()
    assert job.thread.x[1] == 99 and asked == [(0, 2)]

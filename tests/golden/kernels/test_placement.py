"""Matrices in SRAM: bytes there and back, pitches, descriptors, and a memory that is full."""

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.arch.descriptor import step_code
from golden.kernels.placement import Allocator, Matrix, steps

TINY = CONFIGS["tiny"]


def test_bytes_by_hand():
    matrix = Matrix("M", 0x200, 2, 3, "BF16", 16)
    image = matrix.pack(np.array([[1, 2, 3], [0x1234, 5, 6]], np.uint16))
    assert image == bytes([1, 0, 2, 0, 3, 0, *[0] * 10, 0x34, 0x12, 5, 0, 6, 0, *[0] * 10]) and matrix.size == 32
    assert matrix.unpack(image).tolist() == [[1, 2, 3], [0x1234, 5, 6]]


@pytest.mark.parametrize(("format", "elem"), [("U8", 0), ("BF16", 1), ("FP32", 2)])
def test_bytes_round_trip(format, elem, rng):
    matrix = Allocator(TINY).matrix("M", 5, 7, format)
    bits = rng.integers(0, 1 << 8 * (1 << elem), (5, 7)).astype(matrix.dtype)
    assert np.array_equal(matrix.unpack(matrix.pack(bits)), bits) and matrix.elem == elem


def test_a_wrong_shape_is_one_sentence():
    with pytest.raises(ValueError, match="M is 2x3, not 3x2"):
        Matrix("M", 0, 2, 3, "BF16", 16).pack(np.zeros((3, 2), np.uint16))


def test_pitches_are_multiples_of_16_and_gather_well():
    space = Allocator(CONFIGS["d1"])
    for columns in (*range(1, 70), 248, 250, 496, 744):
        pitch = space.matrix(f"M{columns}", 1, columns, "BF16").pitch
        assert pitch % 16 == 0 and pitch >= 2 * columns and pitch % 496, columns
    assert space.matrix("N", 1, 248, "BF16").pitch == 512


def test_matrices_lie_apart_and_aligned():
    space = Allocator(TINY)
    matrices = [space.matrix(f"M{i}", 3, 5 + i, "FP32") for i in range(6)]
    assert matrices[0].address == 0x100 and all(m.address % 64 == 0 for m in matrices)
    assert all(one.address + one.size <= two.address for one, two in zip(matrices, matrices[1:], strict=False))
    assert space.matrices["M3"] is matrices[3]


def test_a_full_memory_is_one_sentence():
    space = Allocator(TINY)
    with pytest.raises(ValueError, match="M needs 262144 bytes, 130816 of the 131072 bytes of SRAM are left in tiny"):
        space.matrix("M", 256, 256, "FP32")
    with pytest.raises(ValueError, match="the program needs 131073 bytes, tiny has 131072 bytes of SRAM"):
        Allocator(TINY, 0x100 + 131073)
    full = Allocator(TINY, TINY.sram_bytes - 5)
    with pytest.raises(ValueError, match="buffer needs 8 bytes, 0 of the"):
        full.reserve(8)


def test_descriptors_by_hand():
    matrix = Matrix("M", 0x1000, 20, 12, "BF16", 48)
    d = matrix.window(2, 4, 10, 8).descriptor(**steps("x", 1, "y", 16))
    assert (d.base, d.row_pitch, d.rows, d.columns, d.y0, d.x0, d.elem) == (0x1000 // 8 + 2 * 6 + 1, 6, 10, 8, 0, 0, 1)
    assert (d.inner, d.outer) == (step_code("x", 1), step_code("y", 16))


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ((8192, 1, 16), "M has 8192 rows, a descriptor holds 8191"),
        ((1, 16384, 32768), "M has 16384 columns, a descriptor holds 16383"),
        ((1, 1, 65536), "M has 65536 bytes a row, a descriptor holds 65528"),
    ],
)
def test_what_a_descriptor_cannot_hold_is_one_sentence(shape, sentence):
    rows, columns, pitch = shape
    with pytest.raises(ValueError, match=sentence):
        Matrix("M", 0, rows, columns, "BF16", pitch).descriptor()


def test_an_origin_between_words_is_one_sentence():
    with pytest.raises(ValueError, match="M begins at 0x1002, no multiple of 8"):
        Matrix("M", 0x1000, 2, 4, "BF16", 16).window(0, 1, 2, 3).descriptor()


@pytest.mark.parametrize("place", [(0, 0, 3, 4), (1, 0, 2, 4), (0, 2, 1, 3), (-1, 0, 1, 1), (0, -1, 1, 1)])
def test_a_window_outside_is_one_sentence(place):
    with pytest.raises(ValueError, match="M is 2x4: it holds no "):
        Matrix("M", 0x1000, 2, 4, "BF16", 16).window(*place)


def test_a_matrix_may_be_walked_further_than_it_goes():
    space = Allocator(TINY)
    one, two = space.matrix("one", 1, 4, "FP32", pitch=16, size=128), space.matrix("two", 1, 4, "FP32")
    assert (one.size, two.address - one.address) == (16, 128)

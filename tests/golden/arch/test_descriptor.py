"""Descriptors: images worked by hand, limits of every field, steps."""

import random

import pytest

from golden.arch.descriptor import BITS, IMAGE, RESERVED_LO, Descriptor, step_code
from tests.golden.vectors import read


@pytest.mark.parametrize(("text", "low", "high", "why"), read.rows("descriptors.txt"), ids=lambda text: text.split("|")[0][:30])
def test_hand_made_images(text, low, high, why):
    descriptor, image = Descriptor(**read.fields(text)), (int(low, 16), int(high, 16))
    assert descriptor.pack() == image and why
    assert Descriptor.unpack(*image) == descriptor


def test_the_image_has_111_bits():
    assert (RESERVED_LO, BITS) == (111, 128)


def test_random_images_round_trip(seed):
    rng = random.Random(seed)
    for _ in range(200):
        low, high = rng.getrandbits(64), rng.getrandbits(47)
        assert Descriptor.unpack(low, high).pack() == (low, high)


@pytest.mark.parametrize("bit", range(47, 64))
def test_reserved_bits_are_refused(bit):
    with pytest.raises(ValueError, match="reserved bit"):
        Descriptor.unpack(0, 1 << bit)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("base", 0, 262143), ("row_pitch", 0, 8191), ("pixel", 0, 1023), ("rows", 0, 8191), ("columns", 0, 16383),
        ("y0", -8192, 8191), ("x0", -16384, 16383), ("elem", 0, 3), ("width", 0, 3), ("inner", 0, 31), ("outer", 0, 31),
    ],
)
def test_a_field_that_does_not_fit_is_refused(name, low, high):
    assert IMAGE[name].limits == (low, high)
    for bad in (low - 1, high + 1):
        with pytest.raises(ValueError, match=f"descriptor field {name} = {bad} does not fit: {low} to {high}"):
            Descriptor(**{name: bad}).pack()


def test_step_codes():
    """Bit 4 back, bit 3 along y, bits 2..0 the log of the count."""
    assert [step_code("x", 1), step_code("x", 128), step_code("y", 1), step_code("y", 16)] == [0, 7, 8, 12]
    assert [step_code("x", -1), step_code("y", -128)] == [16, 31]
    for axis, count, sentence in (
        ("z", 1, "along x or y, not 'z'"),
        ("x", 0, "a step of 0 is no power of two from 1 to 128"),
        ("x", 3, "a step of 3"),
        ("y", 256, "a step of 256"),
        ("y", -12, "a step of -12"),
    ):
        with pytest.raises(ValueError, match=sentence):
            step_code(axis, count)


# A BF16 matrix (4 elements to 8 B) with a pitch of 5 words, at word 100, origin (0, 0).
@pytest.mark.parametrize(
    ("axis", "count", "base", "y0", "x0"),
    [("x", 1, 101, 0, 4), ("x", 8, 108, 0, 32), ("x", -2, 98, 0, -8), ("y", 1, 105, 1, 0), ("y", 4, 120, 4, 0), ("y", -16, 20, -16, 0)],
)
def test_a_step_moves_address_and_position_together(axis, count, base, y0, x0):
    moved = Descriptor(base=100, row_pitch=5, elem=1, rows=9, columns=9).stepped(step_code(axis, count))
    assert (moved.base, moved.y0, moved.x0) == (base, y0, x0)
    assert (moved.rows, moved.columns, moved.row_pitch, moved.elem) == (9, 9, 5, 1)


@pytest.mark.parametrize(("elem", "elements"), [(0, 8), (1, 4), (2, 2), (3, 1)])
def test_a_step_along_x_is_eight_bytes_of_elements(elem, elements):
    assert Descriptor(elem=elem).stepped(step_code("x", 1)).x0 == elements
    assert Descriptor(elem=elem).elem_bytes * elements == 8


def test_positions_wrap_at_their_fields():
    """Addresses modulo 2^18 words, rows modulo 2^14, elements modulo 2^15."""
    edge = Descriptor(base=(1 << 18) - 1, row_pitch=1, y0=8191, x0=16383, elem=3)
    assert (edge.stepped(step_code("x", 1)).base, edge.stepped(step_code("x", 1)).x0) == (0, -16384)
    assert (edge.stepped(step_code("y", 1)).base, edge.stepped(step_code("y", 1)).y0) == (0, -8192)
    low = Descriptor(base=0, y0=-8192, x0=-16384, row_pitch=1, elem=3)
    assert (low.stepped(step_code("x", -1)).base, low.stepped(step_code("x", -1)).x0) == ((1 << 18) - 1, 16383)
    assert low.stepped(step_code("y", -1)).y0 == 8191

"""The packer: words worked by hand, limits of every field, sentences, records inside records, arrays."""

import random

import pytest

from golden.arch.bits import Field, Layout, decode, encode, limits

THING = Layout.of("thing", kind=3, shift=-5, place=8)
ENTRIES = [
    {"name": "kind", "offset": 0, "width": 3, "signed": False},
    {"name": "shift", "offset": 3, "width": 5, "signed": True},
    {
        "name": "place",
        "offset": 8,
        "width": 8,
        "signed": False,
        "fields": [
            {"name": "x", "offset": 0, "width": 4, "signed": False},
            {"name": "y", "offset": 4, "width": 4, "signed": False},
        ],
    },
    {
        "name": "lanes",
        "offset": 20,
        "width": 8,
        "signed": False,
        "fields": [{"name": str(index), "offset": 4 * index, "width": 4, "signed": True} for index in range(2)],
    },
]


def test_a_word_by_hand():
    """kind 5 = 0b101; shift -3 = 0b11101 at bit 3; place 0x27 at bit 8: 0x2700 + 0xE8 + 0x05."""
    assert THING.pack({"kind": 5, "shift": -3, "place": 0x27}) == 0x27ED
    assert THING.unpack(0x27ED) == {"kind": 5, "shift": -3, "place": 0x27}
    assert THING.unpack(0xF0000 | 0x27ED) == THING.unpack(0x27ED)
    assert (THING.width, THING.pack({"kind": 1})) == (16, 1)
    assert [(field.name, field.lo, field.mask) for field in THING] == [("kind", 0, 7), ("shift", 3, 0xF8), ("place", 8, 0xFF00)]


def test_records_and_arrays_inside():
    """Lanes -1 and 6 are 0xF and 0x6 from bit 20 on; bits 16 to 19 are nobody's."""
    layout = Layout.described("pin", ENTRIES)
    values = {"kind": 5, "shift": -3, "place": {"x": 7, "y": 2}, "lanes": [-1, 6]}
    assert layout.pack(values) == 0x6F027ED
    assert layout.unpack(0x6F027ED | 0xF0000) == values
    assert layout.pack(values | {"lanes": {"0": -1, "1": 6}}) == layout.pack(values | {"lanes": {0: -1, 1: 6}}) == 0x6F027ED
    assert layout.pack(values | {"place": 0x27}) == 0x6F027ED
    assert layout.width == 28


@pytest.mark.parametrize(
    ("width", "signed", "low", "high"), [(1, False, 0, 1), (5, True, -16, 15), (64, False, 0, 2**64 - 1), (1, True, -1, 0)]
)
def test_limits(width, signed, low, high):
    assert limits(width, signed) == (low, high)
    assert decode(encode(low, width, signed, "it"), width, signed) == low
    assert decode(encode(high, width, signed, "it"), width, signed) == high
    for bad in (low - 1, high + 1):
        with pytest.raises(ValueError, match=f"^it = {bad} does not fit: {low} to {high}$"):
            encode(bad, width, signed, "it")


def test_sentences():
    with pytest.raises(ValueError, match="^thing field shift = 16 does not fit: -16 to 15$"):
        THING.pack({"shift": 16})
    with pytest.raises(ValueError, match="^thing has no field 'size': its fields are kind, shift, place$"):
        THING.pack({"size": 1})
    with pytest.raises(ValueError, match="^pin lanes field 1 = 8 does not fit: -8 to 7$"):
        Layout.described("pin", ENTRIES).pack({"lanes": [0, 8]})
    with pytest.raises(ValueError, match="^pin lanes has no field '2'"):
        Layout.described("pin", ENTRIES).pack({"lanes": [0, 0, 0]})
    with pytest.raises(ValueError, match="^thing field b overlaps another one$"):
        Layout("thing", [Field("a", 3, 0), Field("b", 3, 2)])
    with pytest.raises(ValueError, match="^two fields of a thing have one name: a, a$"):
        Layout("thing", [Field("a", 3, 0), Field("a", 3, 3)])


def test_random_records_round_trip(seed):
    rng = random.Random(seed)
    for _ in range(200):
        widths = {f"f{number}": rng.choice((1, -1)) * rng.randint(1, 70) for number in range(rng.randint(1, 12))}
        layout = Layout.of("random", **widths)
        word = rng.getrandbits(layout.width)
        values = layout.unpack(word)
        assert layout.pack(values) == word
        assert all(field.limits[0] <= values[field.name] <= field.limits[1] for field in layout)


def test_a_field_has_no_sign_unless_it_says_so():
    assert Layout("plain", [Field("number", 3, 0), Field("signed", 3, 3, True)]).unpack(0b111111) == {"number": 7, "signed": -1}

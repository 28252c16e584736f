"""Directives of data: words worked by hand, floats against struct and ml_dtypes, and what is told of those that make no sense."""

import struct
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from golden.arch.descriptor import Descriptor
from golden.asm import AsmError, assemble

ALIGNED = """start:  halt
        .align 64
table:  .word 1, table, -1
        .half 1, -2, 0xffff
        .fill 2, table + 4
        .fill 1
end:    .align 4
"""


def words(text):
    return assemble(text).words


def test_words_halves_and_padding_by_hand():
    program = assemble(ALIGNED)
    assert program.labels == {"start": 0x100, "table": 0x140, "end": 0x160}
    assert program.words[1:16] == [0] * 15
    assert program.words[16:] == [1, 0x140, 0xFFFFFFFF, 0xFFFE_0001, 0x0000_FFFF, 0x144, 0x144, 0]


def test_floats_by_hand():
    assert words(".float 1.0, -2.5, 0, -0.0, inf, -inf, nan, 1e-45, 0.1") == [
        0x3F800000, 0xC0200000, 0, 0x80000000, 0x7F800000, 0xFF800000, 0x7FC00000, 1, 0x3DCCCCCD,
    ]  # fmt: skip
    # 1 and half a step of BF16: to even, downwards; three halves: upwards
    assert words(".bf16 1.0, -2.5, 1.00390625, 1.01171875, inf") == [0xC020_3F80, 0x3F82_3F80, 0x7F80]


def test_a_decimal_number_is_rounded_once():
    # Just above the middle of 1 and the next FP32: the nearest double is the middle, which would go down to even.
    middle = Fraction(1) + Fraction(1, 1 << 24)
    text = "1.0000000596046447753906250000000001"
    assert Fraction(text) > middle and float(text) == float(middle)
    assert words(f".float {text}") == [0x3F800001]


def test_floats_are_those_of_others(rng):
    codes = rng.integers(0, 1 << 32, 2000, np.uint32)
    values = codes.view(np.float32)[np.isfinite(codes.view(np.float32))].astype(np.float64)
    values *= 1 + rng.uniform(-1e-7, 1e-7, len(values))
    values = values[np.abs(values) < 3e38]
    text = [repr(float(value)) for value in values]
    assert words(f".float {','.join(text)}") == [struct.unpack("<I", struct.pack("<f", value))[0] for value in values]
    low, high = values[::2][: len(values) // 2], values[1::2]
    halves = np.stack([low, high], 1).astype(np.float32).astype(ml_dtypes.bfloat16).view(np.uint16)
    single = [repr(float(value)) for value in np.stack([low, high], 1).astype(np.float32).ravel()]
    assert words(f".bf16 {','.join(single)}") == [int(a) | int(b) << 16 for a, b in halves]


def test_a_descriptor_by_field_names():
    fields = "base=data, row_pitch=64, rows=3, columns=16, elem=4, inner=x+1, outer=y-8, x0=-1"
    program = assemble(f".desc {fields}\n.align 8\ndata: .word 0")
    base = program.labels["data"]
    expected = Descriptor(base=base // 8, row_pitch=8, rows=3, columns=16, elem=2, inner=0, outer=16 | 8 | 3, x0=-1).pack()
    assert program.words[:4] == [part >> shift & 0xFFFFFFFF for part in expected for shift in (0, 32)]


def test_a_base_may_be_the_first_or_the_last_word():
    """The base counts words of 8 bytes in 18 bits."""
    zeros = [part >> shift & 0xFFFFFFFF for part in Descriptor().pack() for shift in (0, 32)]
    assert words(".desc rows=0") == words(".desc base=0") == zeros
    first, _ = Descriptor(base=(1 << 18) - 1).pack()
    assert words(".desc base=0x1ffff8")[:2] == [first & 0xFFFFFFFF, first >> 32]


def test_the_least_and_the_greatest_that_fit():
    assert words(".half -32768, 65535") == [0xFFFF_8000]
    assert words(".word -0x80000000, 0xffffffff") == [0x80000000, 0xFFFFFFFF]


MISTAKES = [
    (".float", 0, ".float needs a number"),
    (".float x", 7, "expected a number such as -2.5e3, inf or nan, found x"),
    (".float 1e39", 7, "1e39 is too large for FP32"),
    (".float 1e999", 7, "1e999 is too large for FP32"),
    (".bf16 1, 3.4e38", 9, "3.4e38 is too large for BF16"),
    (".half 65536", 6, "65536 does not fit 16 bits"),
    (".word 1, 0x100000000", 9, "4294967296 does not fit a word of 32 bits"),
    (".half -32769", 6, "-32769 does not fit 16 bits"),
    (".word -0x80000001", 6, "-2147483649 does not fit a word of 32 bits"),
    ("l: .half l", 9, "no label or number named l before this line (the address of a label is lpc's)"),
    ("l: .fill l", 9, "no label or number named l before this line"),
    ("l: .align l", 10, "no label or number named l before this line"),
    ("l: .desc rows=l", 14, "no label or number named l before this line"),
    (".fill -1", 6, "-1 is no count of words: 0 to 524288"),
    (".fill 1, 2, 3", 12, ".fill takes a count of words, and the word"),
    (".fill 600000", 6, "600000 is no count of words"),
    (".align 3", 7, ".align takes one power of two, 4 or more"),
    (".align 8, 8", 7, ".align takes one power of two"),
    (".desc", 0, ".desc needs field=number"),
    (".desc 5", 6, "expected field=number, the field one of base, row_pitch"),
    (".desc rows=1, size=5", 14, "expected field=number"),
    (".desc rows=1, rows=2", 14, "rows is given twice"),
    (".desc rows=9000", 11, "rows = 9000 does not fit: 0 to 8191"),
    (".desc row_pitch=12", 16, "row_pitch = 12 bytes is no multiple of 8"),
    (".desc row_pitch=80000", 16, "row_pitch = 80000 does not fit: 0 to 65528"),
    (".desc elem=3", 11, "elem = 3 is none of 1, 2, 4, 8"),
    (".desc inner=x+3", 12, "expected a step: x or y and a power of two up to 128, as in x+1 or y-8, found x+3"),
    (".desc inner=1", 12, "expected a step"),
    (".desc base=-8", 11, "base = -0x8 is no address that is a multiple of 8"),
    (".desc base=0x200000", 11, "base = 0x200000 is no address that is a multiple of 8"),
    (".desc base=4", 11, "base = 0x4 is no address that is a multiple of 8"),
    (".flt 1", 0, "no instruction .flt; directives are .equ, .def, .word"),
]


@pytest.mark.parametrize(("text", "column", "message"), MISTAKES, ids=[text for text, *_ in MISTAKES])
def test_what_makes_no_sense_is_told_with_its_place(text, column, message):
    with pytest.raises(AsmError) as caught:
        assemble(text)
    assert caught.value.message.startswith(message) and (caught.value.line, caught.value.column) == (1, column)
    assert len(caught.value.mistakes) == 1

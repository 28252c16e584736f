"""Format records against facts written down by hand."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from golden.arch import formats
from golden.arch.formats import BF16, CFLOAT8_1_4_3, CFLOAT8_1_5_2, FP16, FP32, SHP, UHP

# name: bits, exponent bits, mantissa bits, largest finite, Inf, NaN (Inf and NaN clamp where the format has none)
FACTS = {
    "FP32": (32, 8, 23, 0x7F7FFFFF, 0x7F800000, 0x7FC00000),
    "BF16": (16, 8, 7, 0x7F7F, 0x7F80, 0x7FC0),
    "FP16": (16, 5, 10, 0x7BFF, 0x7C00, 0x7E00),
    "CFloat8_1_4_3": (8, 4, 3, 0x7F, 0x7F, 0x7F),
    "CFloat8_1_5_2": (8, 5, 2, 0x7F, 0x7F, 0x7F),
    "SHP": (16, 5, 10, 0x7FFF, 0x7FFF, 0x7FFF),
    "UHP": (16, 6, 10, 0xFFFF, 0xFFFF, 0xFFFF),
}


def test_every_record_is_in_the_table_and_matches_it():
    assert set(formats.FLOAT_FORMATS) == set(FACTS)
    for name, facts in FACTS.items():
        f = formats.FLOAT_FORMATS[name]
        assert (f.bits, f.exponent_bits, f.mantissa_bits, f.max_code, f.inf_code, f.nan_code) == facts, name
        assert f.bytes * 8 == f.bits


def test_fields_of_a_code():
    """Masks of magnitude, mantissa and sign; the all-ones exponent."""
    masks = {
        FP32: (0x7FFFFFFF, 0x7FFFFF, 0x80000000, 255),
        BF16: (0x7FFF, 0x7F, 0x8000, 255),
        FP16: (0x7FFF, 0x3FF, 0x8000, 31),
        CFLOAT8_1_4_3: (0x7F, 7, 0x80, 15),
        CFLOAT8_1_5_2: (0x7F, 3, 0x80, 31),
        SHP: (0x7FFF, 0x3FF, 0x8000, 31),
        UHP: (0xFFFF, 0x3FF, 0, 63),
    }
    assert {f: (f.magnitude_mask, f.mantissa_mask, f.sign_mask, f.exponent_max) for f in formats.FLOAT_FORMATS.values()} == masks


def test_fixed_and_programmable_biases():
    fixed = {FP32: 127, BF16: 127, FP16: 15, UHP: 31}
    for f, bias in fixed.items():
        assert not f.has_bias and f.bias_value() == bias and f.bias_value(bias) == bias
        with pytest.raises(ValueError, match=f"{f.name} has the fixed bias {bias}, not {bias + 1}"):
            f.bias_value(bias + 1)
    for f in (CFLOAT8_1_4_3, CFLOAT8_1_5_2, SHP):
        assert f.has_bias and [f.bias_value(b) for b in range(64)] == list(range(64))
        with pytest.raises(ValueError, match="needs a bias of 0..63"):
            f.bias_value()
        for bad in (-1, 64):
            with pytest.raises(ValueError, match=f"bias {bad} is outside 0..63"):
                f.bias_value(bad)


def test_signs():
    assert UHP.sign_mask == 0 and not UHP.signed
    assert {f.sign_mask for f in (CFLOAT8_1_4_3, CFLOAT8_1_5_2)} == {0x80}
    assert {f.sign_mask for f in (BF16, FP16, SHP)} == {0x8000}


def test_integers():
    assert sorted(formats.INT_FORMATS) == sorted(["I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64"])
    assert (formats.INT_FORMATS["I8"].min, formats.INT_FORMATS["I8"].max) == (-128, 127)
    assert (formats.INT_FORMATS["U64"].min, formats.INT_FORMATS["U64"].max) == (0, 2**64 - 1)
    assert formats.INT_FORMATS["I32"].bytes == 4


def test_records_are_frozen():
    with pytest.raises(FrozenInstanceError):
        BF16.mantissa_bits = 8


def test_the_table_of_the_text_is_the_records():
    """docs/numerics.md 1, row by row."""
    text = (Path(__file__).resolve().parents[3] / "docs" / "numerics.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    found = {row[0]: row for row in rows if row[0] in formats.FLOAT_FORMATS}
    assert set(found) == set(formats.FLOAT_FORMATS)
    for name, f in formats.FLOAT_FORMATS.items():
        bits = f"{f.bits}" + ("" if f.signed else " (no sign)")
        bias = "0..63, set by software" if f.has_bias else str(f.fixed_bias)
        specials = [f"{f.inf_code:#x}", f"{f.nan_code:#x}"] if f.ieee_specials else ["none", "none"]
        wanted = [name, bits, str(f.exponent_bits), str(f.mantissa_bits), bias, f"{f.max_code:#x}", *specials]
        assert found[name] == wanted


def test_codes_and_short_names_are_given_once():
    records = formats.FLOAT_FORMATS.values()
    assert sorted([f.code for f in records] + [formats.RAW_CODE]) == list(range(1 << formats.FORMAT_CODE_BITS))
    assert [f.short for f in records] == ["f32", "bf16", "fp16", "c143", "c152", "shp", "uhp"]

"""Bit-exact arithmetic on arrays of bit patterns; docs/numerics.md is the normative text.

FP32 is uint32, 16-bit formats are uint16, 8-bit formats uint8.  Every function broadcasts and leaves its operands
alone.  RTL equals these functions in every bit.
"""

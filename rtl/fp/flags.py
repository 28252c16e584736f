"""Floating-point flags as a structure, in the bit order of ``golden.arch.simd_ops.SimdFlag``."""

from amaranth.lib import data

from golden.arch.simd_ops import SimdFlag

FpFlags = data.StructLayout({flag.name.lower(): 1 for flag in SimdFlag})
"""One bit a flag, lowest first: invalid, denormal, overflow, underflow."""

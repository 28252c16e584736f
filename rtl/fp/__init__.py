"""Floating-point data paths: adders, matrix lanes, drain converters, SIMD lanes. Imports rtl.common and golden.arch."""

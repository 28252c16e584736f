"""The core: front end, scalar and vector issue, SIMD and matrix units. Imports rtl.common, rtl.fp and golden.arch."""

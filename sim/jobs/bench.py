"""The benchmark table: kernels and shapes, cycles, utilisation, and how near each comes to its ceiling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from golden.arch.classes import Format
from golden.arch.config import get_config
from golden.kernels.job import random_job
from sim.jobs import machine
from sim.jobs.run import run_job

OVERHEAD = 42  # cycles that the ceiling allows for start and last drain
GEMM_SHAPES = (
    (32, 32, 32),
    (64, 64, 64),
    (96, 96, 96),
    (128, 128, 128),
    (48, 48, 48),
    (12, 16, 16),
    (24, 16, 16),
    (48, 32, 32),
    (5, 32, 3),
    (3, 11, 32),
    (17, 13, 17),
    (31, 32, 31),
    (8, 8, 1024),
    (128, 128, 4),
    (64, 64, 128),
    (64, 64, 8),
)
TRANSPOSED_SHAPES = ((64, 64, 64), (128, 128, 128))
CFLOAT8_SHAPES = ((32, 32, 32), *TRANSPOSED_SHAPES)
CONVOLUTION = {"m": 16, "height": 16, "width": 16, "channels": 4, "filters": 4}  # 16 channels to 16 filters
EXTENTS = ("m", "n", "k", "height", "width", "channels", "filters")
OTHERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("relu-backward", {"m": 64, "n": 64}),
    ("softmax", {"n": 64, "batch": 64}),
    ("sgd", {"m": 64, "n": 64}),
    ("axpy", {"m": 4, "n": 4096}),
    ("adam", {"m": 64, "n": 64}),
    ("conv", CONVOLUTION),
    ("conv-backward-x", CONVOLUTION),
    ("conv-backward-w", CONVOLUTION),
)
NOTES = (
    "Cycles from the start packet's acceptance to the last byte in SRAM, the program in the instruction cache.",
    "utilisation: multiply-accumulates / 256 / cycles. ceiling: the greatest share of busy cycles that the shape allows. steady: how busy "
    "the matrix unit is between its first and last step.",
    "ipc: instructions per cycle; simd: SIMD operations per cycle. ran: cycles in which a thread ran; in each the matrix unit began a step "
    "or waited for one of the causes behind it, which add up to it (docs/profile.md).",
)


def ceiling(m: int, n: int, k: int, out: str = "BF16") -> float:
    """Greatest share of busy cycles that the shape allows: steps / (max(steps, k steps of one tile, drain cycles) + overhead)."""
    tiles, depth = -(-m // 8) * -(-n // 8), -(-k // 4)
    steps = tiles * depth
    return steps / (max(steps, depth, Format[out].beats * tiles) + OVERHEAD)


def bench(config: str = "d1", seed: int = 0, say: Callable[[str], None] = print) -> list[dict[str, Any]]:
    """One row per kernel, shape and storage order, each compared with its reference in every bit."""
    runs: list[tuple[str, dict[str, Any]]] = []
    for format, shapes in (("bf16", GEMM_SHAPES), ("cfloat8", CFLOAT8_SHAPES)):
        for m, n, k in shapes:
            shape = {"m": m, "n": n, "k": k, "format": format}
            runs.append(("gemm", shape))
            if (m, n, k) in TRANSPOSED_SHAPES:
                for a, b in ((True, False), (False, True), (True, True)):
                    runs.append(("gemm", {**shape, "transpose_a": a, "transpose_b": b}))
    rows = []
    with machine.engine(config) as engine:
        for name, parameters in [*runs, *OTHERS]:
            figures = run_job(engine, random_job(get_config(config), name, np.random.default_rng(seed), None, **parameters))
            row = {
                "kernel": name,
                "shape": "x".join(str(parameters[extent]) for extent in EXTENTS if extent in parameters),
                "format": parameters.get("format", "fp32"),
                "transpose": "".join("nt"[parameters.get(f"transpose_{side}", False)] for side in "ab") if name == "gemm" else "",
                "cycles": figures["cycles"],
                "macs": figures["macs"],
                "utilisation": figures["utilisation"],
                "ceiling": None,
                "of_ceiling": None,
                "steady": figures["steady"],
                "ipc": figures["ipc"],
                "simd": figures["simd"],
                "ran": figures["ran"],
                **figures["causes"],
                "sim_khz": figures["sim_khz"],
                "mismatches": figures["mismatches"],
            }
            if name == "gemm":
                m, n, k = parameters["m"], parameters["n"], parameters["k"]
                steps = -(-m // 8) * -(-n // 8) * -(-k // 4)
                row["ceiling"] = ceiling(m, n, k)
                row["of_ceiling"] = steps / figures["cycles"] / row["ceiling"]
            rows.append(row)
            say(f"{name} {row['shape']} {row['format']} {row['transpose']}: {row['cycles']} cycles, {row['mismatches']} mismatches")
    return rows

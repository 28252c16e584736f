"""What a host does to run a kernel: bytes in, threads started, bytes out, and what they must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from golden.asm import Program
from golden.kernels.placement import Matrix


@dataclass(frozen=True)
class Launch:
    """A thread's start: entry point (byte address) and x1..x8."""

    thread: int
    pc: int
    args: tuple[int, ...] = ()


@dataclass
class Job:
    """One run of a kernel on one node.

    Attributes
    ----------
    inputs : bytes that must be in SRAM before the start, by address.
    launches : threads to start, all at once.
    expected : name of an output matrix to its bit patterns.
    macs : multiply-accumulates of the mathematics (m x n x k), none of padding.
    """

    program: Program
    inputs: list[tuple[int, bytes]]
    launches: list[Launch]
    outputs: dict[str, Matrix]
    expected: dict[str, NDArray]
    macs: int = 0
    info: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Kernel:
    """A registered kernel: ``build(config, rng, **parameters)`` gives a job on random data."""

    name: str
    summary: str
    parameters: tuple[str, ...]
    build: Callable[..., Job]


KERNELS: dict[str, Kernel] = {}


def register(name: str, summary: str, *parameters: str) -> Callable[[Callable[..., Job]], Callable[..., Job]]:
    """Decorator that enters a builder into ``KERNELS``."""

    def enter(build: Callable[..., Job]) -> Callable[..., Job]:
        if name in KERNELS:
            raise ValueError(f"kernel {name} is registered twice")
        KERNELS[name] = Kernel(name, summary, parameters, build)
        return build

    return enter


def random_bf16(rng: np.random.Generator, shape: tuple[int, ...], scale: float = 1.0) -> NDArray[np.uint16]:
    """Normal random numbers rounded to BF16 bit patterns."""
    from golden.numerics.convert import f32_bits, f32_to_bf16

    return f32_to_bf16(f32_bits((scale * rng.standard_normal(shape)).astype(np.float32)))

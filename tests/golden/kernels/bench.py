"""Runs a kernel's job on the instruction-set simulator and reads its outputs back; holds references against exact mathematics."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from golden.arch.config import NodeConfig
from golden.arch.memmap import ThreadState
from golden.iss.node import Simulator, describe_fault
from golden.iss.state import Node
from golden.kernels import KERNELS
from golden.kernels.conv_shape import Convolution
from golden.kernels.job import Job, make_job, named
from golden.kernels.kernel import Kernel, Operand, Parameter, Role, parameters


def simulate(job: Job, config: NodeConfig, padding: int = 0) -> dict[str, NDArray]:
    """Outputs by name; nothing else in memory may have changed, and no thread may fault or read what nobody wrote.

    ``padding``: the outputs' padding, and so many bytes after each, may change too.
    """
    node = Node(config)
    node.write(job.program.origin, job.program.image)
    for matrix in job.outputs.values():  # what a kernel may not touch is not zero
        node.write(matrix.address, b"\xa5" * matrix.size)
    for address, image in job.inputs:
        node.write(address, image)
    before = node.sram.copy()
    simulator = Simulator(node, strict=True)
    for launch in job.launches:
        node.threads[launch.thread].start(launch.pc, launch.args)
    simulator.finish()
    for thread in node.threads:
        assert thread.state is ThreadState.IDLE, describe_fault(node, thread)
    mine = np.zeros(config.sram_bytes, bool)
    for matrix in job.outputs.values():
        if padding:
            mine[matrix.address : matrix.address + matrix.size + padding] = True
        for row in range(matrix.rows):
            start = matrix.address + row * matrix.pitch
            mine[start : start + matrix.columns * matrix.dtype.itemsize] = True
    changed = np.flatnonzero((node.sram != before) & ~mine)
    assert not changed.size, f"{changed.size} bytes outside the outputs changed, first at {int(changed[0]):#x}"
    return {name: matrix.unpack(node.read(matrix.address, matrix.size)) for name, matrix in job.outputs.items()}


def check(job: Job, config: NodeConfig, padding: int = 0) -> None:
    """The simulator's outputs are the reference's in every bit."""
    got = simulate(job, config, padding)
    assert set(got) == set(job.expected)
    for name, expected in job.expected.items():
        wrong = np.argwhere(got[name] != expected)
        assert not wrong.size, f"{name}: {len(wrong)} elements differ, first at {wrong[0].tolist()}"


def run(config: NodeConfig, name: str, seed: int = 5, threads: int = 1, **given) -> Job:
    """A registered kernel on random data, run and compared; whatever its operands may be walked over may change."""
    kernel = named(name, **given)
    job = make_job(config, kernel, kernel.example(np.random.default_rng(seed)), threads)
    check(job, config, walked(kernel))
    return job


def walked(kernel: Kernel) -> int:
    """How many bytes past an operand the kernel may walk; 0 when it keeps to the elements."""
    return max((operand.size - operand.rows * operand.pitch + 64 for operand in kernel.operands() if operand.size), default=0)


# --- numbers -------------------------------------------------------------------------------------------------------------------


def values_of(bits: NDArray, operand: Operand) -> NDArray[np.float64]:
    if operand.bias is not None:
        return cfloat8_values(bits, operand)
    return bf16_values(bits) if operand.format == "BF16" else f32_values(bits)


def cfloat8_values(bits: NDArray, operand: Operand) -> NDArray[np.float64]:
    """docs/numerics.md section 1, read off the name's exponent and mantissa bits."""
    exponent_bits, m = map(int, operand.format.split("_")[2:])
    e, f = (bits >> m) & ((1 << exponent_bits) - 1), bits & ((1 << m) - 1)
    magnitude = np.ldexp(np.where(e > 0, (1 << m) + f, f).astype(float), np.maximum(e, 1).astype(int) - operand.bias - m)
    return np.where(bits >> 7, -magnitude, magnitude)


def off(kernel: Kernel, values: dict[str, NDArray]) -> dict[str, NDArray[np.float64]]:
    """By how many of its bounds each result of the reference lies from the exact one; Inf for NaN, Inf or a number in the wrong place."""
    operands = {operand.name: operand for operand in kernel.operands()}
    values = values | {name: operand.value for name, operand in operands.items() if operand.value is not None}
    got = kernel.reference(**values)
    exact = kernel.exact(**{name: values_of(bits, operands[name]) for name, bits in values.items()})
    written = {name for name, operand in operands.items() if operand.role in (Role.OUT, Role.UPDATE)}
    assert set(got) == set(exact) == written, f"{kernel.name} writes {written}, its reference {set(got)}, its mathematics {set(exact)}"
    return {name: _off(values_of(got[name], operands[name]), *exact[name], operands[name]) for name in written}


def _off(got: NDArray, exact: NDArray, bound: NDArray, operand: Operand) -> NDArray[np.float64]:
    """A finite number beyond the format's largest may be Inf, and Inf may be what an error away is finite; where there is no Inf and no
    NaN, both are the largest number."""
    largest = float(np.finfo(np.float32).max) if operand.format == "FP32" else 2.0**127 * (2 - 2.0**-7)
    if operand.bias is not None:
        largest = float(cfloat8_values(np.array(0x7F), operand))
        exact = np.clip(np.where(np.isnan(exact) & (np.abs(got) == largest), got, exact), -largest, largest)
    with np.errstate(all="ignore"):
        ratio = np.abs(got - exact) / (bound * (1 + 2.0**-20))
        ratio = np.where(got == exact, 0, ratio)
        overflow = np.isinf(got) & np.isfinite(exact) & (np.sign(got) * exact + bound >= largest)
        ratio = np.where(overflow, 0, ratio)
        return np.where(np.isnan(exact) | np.isnan(got), np.where(np.isnan(exact) & np.isnan(got), 0, np.inf), ratio)


MOST_MACS, MOST_ELEMENTS = 40_000, 20_000

# Bit patterns of FP32 that an input is made of; BF16 inputs take the upper halves.
_ORDINARY = np.float32([1, -1, 0.5, 3, -7.25, 1e-3]).view(np.uint32)
_SPECIAL = np.array([0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC12345, 0x7F800001 | 1 << 16, 0, 1 << 31], np.uint32)
_HUGE = np.array([0x7F7F0000, 0xFF7F0000, 0x7F000000, 0x7F7FFFFF, 0x7E967699], np.uint32)
_TINY = np.array([1 << 16, 1 << 31 | 1 << 16, 0x00800000, 0x80800000, 0x007F0000, 3 << 16, 0x00000001], np.uint32)
PALETTES = {
    "ordinary": _ORDINARY,
    "huge": _HUGE,
    "tiny": _TINY,
    "huge, tiny and ordinary": np.concatenate([_HUGE, _TINY, _ORDINARY]),
    "zeros": np.array([0, 1 << 31], np.uint32),
    "a few specials": np.concatenate([np.repeat(_ORDINARY, 8), _SPECIAL]),
    "specials": np.concatenate([_SPECIAL, _HUGE, _TINY, _ORDINARY]),
    "equal": np.array([0x4E6E6B28], np.uint32),  # 1e9
    "masked": np.concatenate([np.repeat(_ORDINARY, 2), np.uint32([0xFF800000])]),
}


def drawn(kernel: Kernel, palette: str, rng: np.random.Generator) -> dict[str, NDArray]:
    """Inputs from a palette; those that may not be any number stay as in an example."""
    values = kernel.example(rng)
    for operand in kernel.operands():
        if operand.name in values and not operand.only:
            bits = rng.choice(PALETTES[palette], (operand.rows, operand.columns))
            size = 32 - 8 * values[operand.name].itemsize  # a narrow number is the upper part of the pattern
            values[operand.name] = (bits >> size).astype(values[operand.name].dtype)
    return values


def shapes(name: str, rng: np.random.Generator, most: int) -> Iterator[dict[str, object]]:
    """Parameters of a kernel: each extent from its least to ``most`` in turn, so that every remainder comes, everything else drawn."""
    takes = parameters(KERNELS[name])
    extents = [parameter for parameter in takes if parameter.type is int]
    for extent in extents:
        for value in range(int(extent.least), int(min(most, extent.most)) + 1):
            drawn = {parameter.name: _draw(parameter, rng, most) for parameter in takes} | {extent.name: value}
            yield fitting(name, drawn, extent.name)


def fitting(name: str, given: dict[str, object], fixed: str = "") -> dict[str, object]:
    """The parameters; of a convolution, whose work is a product of five extents, the largest but a fixed one are halved until operands and
    work are small enough for ``tiny`` and a test."""
    given = dict(given)
    while issubclass(KERNELS[name], Convolution):
        made = named(name, **given)
        if made.macs <= MOST_MACS and sum(operand.rows * operand.columns for operand in made.operands()) <= MOST_ELEMENTS:
            break
        extents = [p for p in parameters(KERNELS[name]) if p.type is int and p.name != fixed and given[p.name] > p.least]
        largest = max(extents, key=lambda p: given[p.name])
        given[largest.name] = max(int(largest.least), given[largest.name] // 2)
    return given


def _draw(parameter: Parameter, rng: np.random.Generator, most: int) -> object:
    if parameter.type is int:
        return int(rng.integers(parameter.least, min(most, parameter.most) + 1))
    if parameter.type is bool:
        return bool(rng.integers(2))
    if parameter.type is str:
        return str(rng.choice(parameter.choices))
    low, high = (max(parameter.least, -4), min(parameter.most, 4))
    return float(np.float32(rng.uniform(low, high)))


def bf16_values(bits: NDArray[np.uint16]) -> NDArray[np.float64]:
    return f32_values(bits.astype(np.uint32) << 16)


def f32_values(bits: NDArray[np.uint32]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):  # a signalling NaN
        return np.ascontiguousarray(bits, np.uint32).view(np.float32).astype(np.float64)


def to_bf16(values: NDArray) -> NDArray[np.uint16]:
    """BF16 bits of values that are BF16 numbers."""
    bits = np.asarray(values, np.float32).view(np.uint32)
    assert not (bits & 0xFFFF).any()
    return (bits >> 16).astype(np.uint16)


def gradient(function, at: NDArray[np.float64], h: float = 1e-6) -> NDArray[np.float64]:
    """Central differences of a scalar function of an array, element by element."""
    result = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        up, down = at.copy(), at.copy()
        up[index] += h
        down[index] -= h
        result[index] = (function(up) - function(down)) / (2 * h)
    return result

"""Runs a kernel's job on the instruction-set simulator and reads its outputs back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from golden.arch.config import NodeConfig
from golden.arch.memmap import ThreadState
from golden.iss.node import Simulator, describe_fault
from golden.iss.state import Node
from golden.kernels.job import Job


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


def bf16_values(bits: NDArray[np.uint16]) -> NDArray[np.float64]:
    return (bits.astype(np.uint32) << 16).view(np.float32).astype(np.float64)


def f32_values(bits: NDArray[np.uint32]) -> NDArray[np.float64]:
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

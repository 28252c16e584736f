"""What a host does to run a kernel: bytes in, threads started, bytes out, and what they must be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.arch.config import NodeConfig
from golden.asm import Program, assemble
from golden.kernels.kernel import KERNELS, Kernel, Part, Role, parameters
from golden.kernels.placement import Allocator, Matrix

START_REGISTERS = 8  # x1 to x8 come with a start
SPILL, SPILL_WORDS = 0x80, 16  # below the program: what a start cannot carry


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


class UnknownKernel(ValueError):
    """No kernel of that name, or a parameter that it does not take."""


def named(name: str, **given: Any) -> Kernel:
    """A registered kernel with these parameters; UnknownKernel, or ValueError for a value that one cannot have."""
    if name not in KERNELS:
        raise UnknownKernel(f"no kernel {name!r}: there are {', '.join(sorted(KERNELS))}")
    takes = [parameter.name for parameter in parameters(KERNELS[name])]
    unknown = sorted(set(given) - set(takes))
    if unknown:
        raise UnknownKernel(f"{name} takes no {', '.join(unknown)}: it takes {', '.join(takes)}")
    return KERNELS[name](**given)


def make_job(config: NodeConfig, kernel: Kernel, values: dict[str, NDArray], threads: int | None = 1) -> Job:
    """A kernel on bit patterns ``values`` of what it reads; its constants come by themselves. ``threads`` None: as many as it chooses.

    Raises
    ------
    AsmError
        When the kernel needs a part that the configuration does not have.
    ValueError
        When its operands do not fit.
    """
    operands = {operand.name: operand for operand in kernel.operands()}
    values = {**values, **{name: operand.value for name, operand in operands.items() if operand.value is not None}}
    parts = kernel.split(threads)
    program = assemble(_source(parts), source=kernel.name, features=config.features)

    space = Allocator(config, program.end)
    matrices = {
        name: space.matrix(f"{name} of {kernel.name}", operand.rows, operand.columns, operand.format, operand.pitch, operand.size)
        for name, operand in operands.items()
    }
    inputs = [(matrices[name].address, matrices[name].pack(bits)) for name, bits in values.items()]
    launches = []
    for thread, part in enumerate(parts):
        mine = {
            operand.name: matrices[operand.name].window(*part.origins.get(operand.name, (0, 0)), operand.rows, operand.columns)
            for operand in part.kernel.operands()
        }
        images = part.kernel.arguments(**mine)
        if rest := images[START_REGISTERS:]:
            inputs.append((_spill(part.kernel, thread), b"".join(image.to_bytes(8, "little") for image in rest)))
        launches.append(Launch(thread, program.labels[_entry(parts, thread)], images[:START_REGISTERS]))
    written = [name for name, operand in operands.items() if operand.role in (Role.OUT, Role.UPDATE)]
    expected = kernel.reference(**{name: values[name] for name, operand in operands.items() if name in values})
    return Job(
        program,
        inputs,
        launches,
        {name: matrices[name] for name in written},
        {name: expected[name] for name in written},
        kernel.macs,
    )


def random_job(config: NodeConfig, name: str, rng: np.random.Generator, threads: int | None = 1, **given: Any) -> Job:
    """A registered kernel on random data."""
    kernel = named(name, **given)
    return make_job(config, kernel, kernel.example(rng), threads)


def _entry(parts: tuple[Part, ...], thread: int) -> str:
    """The label where a thread starts: parts of one shape share it, unless a start cannot carry what they take."""
    kernel = parts[thread].kernel
    spills = kernel.registers() > START_REGISTERS
    return f"start{thread if spills else [part.kernel for part in parts].index(kernel)}"


def _source(parts: tuple[Part, ...]) -> str:
    """The entries of all threads, each followed by the subroutine that it is the first to call."""
    pieces: dict[str, str] = {}
    for thread, part in enumerate(parts):
        entry, label = _entry(parts, thread), f"{part.kernel.name.replace('-', '_')}{[other.kernel for other in parts].index(part.kernel)}"
        lines = [f"        ld.d x{i}, x0, {_spill(part.kernel, thread) + 8 * (i - 9)}\n" for i in range(9, part.kernel.registers() + 1)]
        pieces.setdefault(entry, f"{entry}:\n{''.join(lines)}        call x31, {label}\n        halt\n")
        if label not in pieces:
            pieces[label] = part.kernel.text(label)
    return "".join(pieces.values())


def _spill(kernel: Kernel, thread: int) -> int:
    """Where x9 of a thread lies."""
    words = kernel.registers() - START_REGISTERS
    if words * (thread + 1) > SPILL_WORDS:
        raise ValueError(f"{kernel.name} takes {kernel.registers()} registers: on {thread + 1} threads at once they have no place")
    return SPILL + 8 * words * thread

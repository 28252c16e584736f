"""Where the tensors of a step lie: two share space when their lives do not overlap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from golden.arch.config import NodeConfig
from golden.kernels.placement import ALIGNMENT, Matrix, pitch_of
from golden.workloads.graph import Step
from golden.workloads.tensors import Tensor


class DoesNotFit(ValueError):
    """The tensors of a step need more SRAM than there is: which, how much each, and what there is."""


@dataclass(frozen=True)
class Plan:
    """Matrices by the tensor's name, and the first address past them all."""

    matrices: dict[str, Matrix]
    end: int


Together = Callable[[str, str], bool]
"""Whether two tensors, by name, may hold something at the same time."""


def plan(step: Step, config: NodeConfig, base: int, together: Together | None = None) -> Plan:
    """Every tensor at the lowest address, from ``base`` on, where it overlaps none that lives when it does.

    ``together`` says which do; without it the calls run one after another.

    What is pinned comes first, so that what shares space lies together behind it; beside that the order is that of declaration.
    """
    together = in_order(step) if together is None else together
    placed: list[tuple[int, int, str]] = []  # first and past the last byte, tensor
    matrices: dict[str, Matrix] = {}
    for tensor in sorted(step.tensors.values(), key=lambda tensor: not tensor.pinned):
        pitch, size = room(step, tensor)
        address = _aligned(base)
        for first, end, other in sorted(placed):
            if together(tensor.name, other) and first < address + size and address < end:
                address = _aligned(end)
        placed.append((address, address + size, tensor.name))
        matrices[tensor.name] = Matrix(tensor.name, address, tensor.rows, tensor.columns, tensor.format, pitch)
    end = max((end for _, end, _ in placed), default=base)
    if end > config.sram_bytes:
        sizes = ", ".join(f"{name} {last - first}" for first, last, name in sorted(placed, key=lambda one: one[0] - one[1]))
        raise DoesNotFit(
            f"{step.name} does not fit {config.name}: program, arguments and tensors need {end} bytes, its SRAM has {config.sram_bytes}; "
            f"the program and its arguments take {base}, the tensors, some of them in the same place: {sizes}"
        )
    return Plan(matrices, end)


def room(step: Step, tensor: Tensor) -> tuple[int, int]:
    """Bytes from row to row, and in all."""
    pitch, size = step.demands(tensor)
    pitch = pitch_of(tensor.columns, tensor.format) if pitch is None else pitch
    return pitch, max(size or 0, tensor.rows * pitch)


def in_order(step: Step) -> Together:
    """Of calls one after another: two lives have a call in common."""
    lives = step.lives()
    return lambda one, two: lives[one][0] <= lives[two][1] and lives[two][0] <= lives[one][1]


def _aligned(address: int) -> int:
    return -(-address // ALIGNMENT) * ALIGNMENT

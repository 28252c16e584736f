"""A training step, written once: a list of kernel calls over named tensors. Everything else about it follows from the list.

The reference, multiply-accumulates, what is compared and what a checkpoint holds are here; ``golden.workloads.layout`` makes the memory
plan, the argument table and the program of a node. A call names views of tensors, so that a slice of a batch, or the rows of one
thread or node, is a call like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.kernels.kernel import MOST_REGISTERS, Kernel, Operand, Role
from golden.kernels.placement import DTYPES
from golden.numerics.convert import bits_f32, f32_bits, f32_to_bf16
from golden.workloads.tensors import Call, Tensor, TensorKind, View, finite


@dataclass(frozen=True)
class NotFinite:
    """The first tensor of a step that holds NaN or Inf, and the call that wrote it (None: it came so)."""

    tensor: str
    call: str | None


class Step:
    """One training step: tensors and calls in order. ``result`` ends the forward pass. ``batch``: samples whose mean the loss is.

    ``activations`` and ``gradients`` are the formats of what matrix products read, forwards and backwards.
    """

    activations = gradients = "BF16"

    def __init__(self, name: str, batch: int = 0) -> None:
        self.name, self.batch = name, batch
        self.tensors: dict[str, Tensor] = {}
        self.calls: list[Call] = []
        self.forward = 0
        """How many calls the forward pass has."""
        self.logits: list[Tensor] = []
        """What the forward pass is for: a tensor, or one for each shard."""

    # --- writing a step ----------------------------------------------------------------------------------------------------------

    def tensor(self, name: str, rows: int, columns: int, format: str, kind: TensorKind, **more: Any) -> Tensor:
        """A fresh tensor."""
        if name in self.tensors:
            raise ValueError(f"{self.name}: tensor {name} is declared twice")
        self.tensors[name] = Tensor(name, rows, columns, format, kind, **more)
        return self.tensors[name]

    def input(self, name: str, rows: int, columns: int, format: str = "BF16", samples: int = 0) -> Tensor:
        return self.tensor(name, rows, columns, format, TensorKind.INPUT, samples=samples)

    def inner(self, name: str, rows: int, columns: int, format: str = "BF16", **more: Any) -> Tensor:
        return self.tensor(name, rows, columns, format, TensorKind.INNER, **more)

    def gradient(self, name: str, rows: int, columns: int) -> Tensor:
        """A sum over the samples, in FP32."""
        return self.tensor(name, rows, columns, "FP32", TensorKind.GRADIENT)

    def output(self, name: str, rows: int, columns: int, format: str = "FP32") -> Tensor:
        return self.tensor(name, rows, columns, format, TensorKind.OUTPUT)

    def weight(self, name: str, rows: int, columns: int) -> tuple[Tensor, Tensor]:
        """An FP32 master and the BF16 copy that the matrix unit reads."""
        master = self.tensor(name, rows, columns, "FP32", TensorKind.STATE)
        return master, self.tensor(f"{name}_bf16", rows, columns, "BF16", TensorKind.STATE, copy_of=master)

    def with_ones(self, name: str, rows: int, columns: int) -> Tensor:
        """Activations of a layer whose last column is ones, so that the last row of the next one's weights is its bias."""
        bits = np.zeros((rows, columns), np.uint16)
        bits[:, -1] = f32_to_bf16(f32_bits(1.0))
        return self.inner(name, rows, columns, initial=bits)

    def narrowed(self, tensor: Tensor) -> Tensor:
        """A BF16 tensor in the format of ``gradients``."""
        return tensor

    def call(self, name: str, kernel: type[Kernel], operands: Mapping[str, Tensor | View], **given: Any) -> None:
        """A kernel on these operands; its extents come from their shapes, its constants and scratch by themselves.

        Raises
        ------
        ValueError
            When an operand is missing, not the kernel's, of another shape or format, or read before it is written: step, call and operand.
        """
        place = f"{self.name}: {name}"
        if not name.isidentifier() or name in [call.name for call in self.calls]:
            raise ValueError(f"{place} is no name for a call: letters, digits and _, once in a step")
        views = {key: thing if isinstance(thing, View) else thing[:, :] for key, thing in operands.items()}
        try:
            made = kernel.of(views, **given)
        except KeyError as missing:
            raise ValueError(f"{place} gives {kernel.name} no operand {missing.args[0]}") from None
        wanted = {operand.name: operand for operand in made.operands()}
        for operand in wanted.values():
            if operand.name not in views:
                if operand.role not in (Role.CONSTANT, Role.SCRATCH):
                    raise ValueError(f"{place} gives {made.name} no operand {operand.name}, which it {operand.role.value}")
                views[operand.name] = self._own(name, operand)[:, :]
        for key, view in views.items():
            if key not in wanted:
                raise ValueError(f"{place} gives {made.name} an operand {key}, it takes {', '.join(wanted)}")
            has, needs = _shape(view), _shape(wanted[key])
            if has != needs:
                raise ValueError(f"{place}: operand {key} of {made.name} is {needs}, {view.tensor.name} gives {has}")
        for key in (operand.name for operand in made.operands() if operand.role in (Role.IN, Role.UPDATE)):
            if self._unwritten(views[key].tensor):
                raise ValueError(f"{place} reads {views[key].tensor.name}, which no call before it writes")
        if made.registers() > MOST_REGISTERS:
            raise ValueError(f"{place}: {made.name} takes {made.registers()} registers, a call has {MOST_REGISTERS}")
        self.calls.append(Call(name, made, views))

    def result(self, logits: Tensor) -> None:
        """The calls so far are the forward pass, which is for these logits."""
        self.forward, self.logits = len(self.calls), [logits]

    def _unwritten(self, tensor: Tensor) -> bool:
        """Whether nobody has written it yet: neither the host nor a call."""
        by_host = tensor.kind in (TensorKind.INPUT, TensorKind.STATE, TensorKind.CONSTANT) or tensor.initial is not None
        return not by_host and not any(view.tensor is tensor for call in self.calls for view in call.written())

    def _own(self, call: str, operand: Operand) -> Tensor:
        """A tensor that only a kernel knows; equal constants are one."""
        if operand.value is None:
            return self.tensor(f"{operand.name} of {call}", operand.rows, operand.columns, operand.format, TensorKind.INNER)
        if same := self._constant(operand, operand.value):
            return same
        name = f"{operand.name} of {call}"
        return self.tensor(name, operand.rows, operand.columns, operand.format, TensorKind.CONSTANT, initial=operand.value)

    def _constant(self, thing: Tensor | Operand, value: NDArray) -> Tensor | None:
        """The constant of this shape and value, if there is one."""
        alike = (other for other in self.of_kind(TensorKind.CONSTANT) if _shape(other) == _shape(thing))
        return next((other for other in alike if np.array_equal(other.initial, value)), None)

    # --- what follows from it ----------------------------------------------------------------------------------------------------

    @property
    def update(self) -> int:
        """The first call that wants the sum of a gradient over the whole batch."""
        for index, call in enumerate(self.calls):
            reads = (call.views[operand.name] for operand in call.kernel.operands() if operand.role in (Role.IN, Role.UPDATE))
            if any(view.tensor.kind is TensorKind.GRADIENT for view in reads):
                return index
        return len(self.calls)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the mathematics."""
        return sum(call.kernel.macs for call in self.calls)

    def of_kind(self, *kinds: TensorKind) -> list[Tensor]:
        return [tensor for tensor in self.tensors.values() if tensor.kind in kinds]

    @property
    def compared(self) -> list[Tensor]:
        """What a host reads after every step, to compare it with the reference."""
        return self.of_kind(TensorKind.STATE, TensorKind.OUTPUT)

    @property
    def saved(self) -> list[Tensor]:
        """What a checkpoint holds: the state from which the rest of it follows."""
        return [tensor for tensor in self.of_kind(TensorKind.STATE) if tensor.copy_of is None]

    def begin(self, saved: Mapping[str, NDArray]) -> Mapping[str, NDArray]:
        """What a checkpoint would hold before the first step, from the initial weights."""
        return saved

    def prepare(self, saved: Mapping[str, NDArray], inputs: Mapping[str, NDArray], number: int, seed: int) -> Mapping[str, NDArray]:
        """What a host writes before step ``number`` of a run, from what the data gives."""
        return inputs

    def kept(self, saved: Mapping[str, NDArray], values: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """What a checkpoint holds after a step, from what it held before and every tensor."""
        return {tensor.name: values[tensor.name] for tensor in self.saved}

    def state(self, saved: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """The whole state from what a checkpoint holds."""
        return {
            tensor.name: saved[tensor.name] if tensor.copy_of is None else f32_to_bf16(saved[tensor.copy_of.name])
            for tensor in self.of_kind(TensorKind.STATE)
        }

    def reference(self, values: Mapping[str, NDArray], calls: Sequence[Call] | None = None) -> dict[str, NDArray]:
        """Bit patterns of every tensor after the calls (all of them unless given), from those of inputs and state; ``values`` stay."""
        arrays, values = {}, self.split(values)
        for tensor in self.tensors.values():
            start = values.get(tensor.name, tensor.initial)
            shape, dtype = (tensor.rows, tensor.columns), DTYPES[tensor.format]
            arrays[tensor.name] = np.zeros(shape, dtype) if start is None else np.array(start, dtype)
            if arrays[tensor.name].shape != shape:
                raise ValueError(f"{self.name}: {tensor.name} is {_shape(tensor)}, not {'x'.join(map(str, np.shape(start)))}")
        for call in self.calls if calls is None else calls:
            operands = {operand.name: (operand.role, call.views[operand.name]) for operand in call.kernel.operands()}
            read = {
                name: view.of(arrays[view.tensor.name]) for name, (role, view) in operands.items() if role not in (Role.OUT, Role.SCRATCH)
            }
            for name, bits in call.kernel.reference(**read).items():
                view = operands[name][1]
                view.of(arrays[view.tensor.name])[...] = bits
        return arrays

    def infer(self, values: Mapping[str, NDArray]) -> NDArray:
        """The bits of the logits, from those of inputs and state."""
        return self.logits_of(self.reference(values, self.calls[: self.forward]))

    def logits_of(self, arrays: Mapping[str, NDArray]) -> NDArray:
        """The bits of the logits of the whole batch, from those of every tensor."""
        return np.concatenate([arrays[tensor.name] for tensor in self.logits], axis=self.logits[0].samples or 0)

    def loss_of(self, arrays: Mapping[str, NDArray]) -> float:
        """The loss of the batch: the sum of the outputs of that name."""
        return float(sum(bits_f32(arrays[tensor.name]).astype(np.float64).sum() for tensor in self.losses))

    @property
    def losses(self) -> list[Tensor]:
        """The outputs named loss: one, or one for each shard."""
        return [tensor for tensor in self.of_kind(TensorKind.OUTPUT) if tensor.base == "loss"]

    def split(self, values: Mapping[str, NDArray]) -> Mapping[str, NDArray]:
        """The same values with the inputs of this step in place of those of its batch."""
        return values

    def not_finite(self, arrays: Mapping[str, NDArray]) -> NotFinite | None:
        """The first tensor with NaN or Inf in it, in the order in which a step writes them; None when the step's results are finite."""
        if all(finite(arrays[tensor.name], tensor.format) for tensor in self.compared):
            return None
        for tensor in self.of_kind(TensorKind.INPUT):
            if not finite(arrays[tensor.name], tensor.format):
                return NotFinite(tensor.name, None)
        for call in self.calls:
            for view in call.written():
                if not finite(view.of(arrays[view.tensor.name]), view.format):
                    return NotFinite(view.tensor.name, call.name)
        return None

    def lives(self) -> dict[str, tuple[int, int]]:
        """(first, last) call of every tensor's life; what is pinned or read at the end lives to the end."""
        end = len(self.calls)
        lives = {}
        for tensor in self.tensors.values():
            uses = [i for i, call in enumerate(self.calls) if any(view.tensor is tensor for view in call.views.values())]
            first, last = (uses[0], uses[-1]) if uses else (0, 0)
            if tensor in self.logits:
                last = max(last, self.forward - 1)
            if tensor.kind is TensorKind.INPUT or tensor.pinned:
                first = 0
            lives[tensor.name] = (first, end if tensor.pinned or tensor.kind is TensorKind.OUTPUT else last)
        return lives

    def demands(self, tensor: Tensor) -> tuple[int | None, int | None]:
        """Pitch and bytes that its calls demand, None for any; the gradients of all shards are alike.

        Raises
        ------
        ValueError
            When two calls demand different pitches.
        """
        pitches: dict[int, str] = {}
        size = None
        for call in self.calls:
            for operand in call.kernel.operands():
                view = call.views[operand.name]
                alike = tensor.kind is view.tensor.kind is TensorKind.GRADIENT and tensor.base == view.tensor.base
                if view.tensor is not tensor and not alike:
                    continue
                if operand.pitch is not None:
                    pitches.setdefault(operand.pitch, call.name)
                if operand.size is not None:
                    size = max(size or 0, operand.size)
        if len(pitches) > 1:
            wishes = " and ".join(f"{call} {pitch} bytes from row to row" for pitch, call in pitches.items())
            raise ValueError(f"{self.name}: {tensor.name} cannot be what its calls demand: {wishes}")
        return next(iter(pitches), None), size


def _shape(thing: Tensor | View | Operand) -> str:
    return f"{thing.rows}x{thing.columns} {thing.format}"

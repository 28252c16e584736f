"""A step whose matrix products read CFloat8: 1_4_3 forwards, 1_5_2 for what comes back, a bias for each tensor.

Biases are a host's: it knows the magnitudes of a step and chooses the next one's, which kernels take from lines of memory
(``golden.kernels.mode``), one for each call. A tensor's bias leaves one binade free above the largest magnitude that the tensor had in the
last step; what is larger is clamped, and then the next bias leaves more. A copy of weights is read with the bias with which it was written,
and written, rounded stochastically, with the bias that fits its masters. Random words follow from the run's seed, the step, the call
and the place of the element.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.arch.formats import BIAS_MAX, CFLOAT8_1_4_3, CFLOAT8_1_5_2, FLOAT_FORMATS, FloatFormat
from golden.kernels.convert import Convert
from golden.kernels.kernel import Kernel
from golden.kernels.mode import WORDS, mode_line
from golden.numerics.convert import bits_f32, f32_bits, narrow, widen
from golden.workloads.graph import Step
from golden.workloads.tensors import Tensor, TensorKind, View

MARGIN = 1
"""Binades above the largest magnitude."""
FIRST = {CFLOAT8_1_4_3.name: 11, CFLOAT8_1_5_2.name: 31}
"""Biases of tensors whose magnitude nobody knows yet: up to 30 and up to 1.75."""
BIASES = "biases"
_RESULTS = ("c", "y", "dx", "copy")  # operands that a narrowing writes


class ScaledStep(Step):
    """A step in CFloat8. ``tensors`` that have a bias are ``scaled``; a line of biases is an input of its own for each call."""

    activations, gradients = CFLOAT8_1_4_3.name, CFLOAT8_1_5_2.name

    def __init__(self, name: str, batch: int = 0) -> None:
        super().__init__(name, batch)
        self.lines: dict[str, tuple[int, dict[str, str]]] = {}
        """Of each line: its call's number, and the tensors whose biases it holds as those of A, B and results."""
        self.masters: dict[str, str] = {}
        """Of each copy of weights: the tensor that it is a copy of."""
        self.ones: list[Tensor] = []

    # --- writing a step ----------------------------------------------------------------------------------------------------------

    def weight(self, name: str, rows: int, columns: int) -> tuple[Tensor, Tensor]:
        """An FP32 master and the CFloat8 copy, which cannot be had from the master, so that a checkpoint holds both."""
        master = self.tensor(name, rows, columns, "FP32", TensorKind.STATE)
        self.masters[f"{name}_c8"] = name
        return master, self.tensor(f"{name}_c8", rows, columns, self.activations, TensorKind.STATE)

    def with_ones(self, name: str, rows: int, columns: int) -> Tensor:
        """What stands for 1 depends on the bias: the host writes it before every step."""
        self.ones.append(self.input(name, rows, columns, self.activations))
        return self.ones[-1]

    def narrowed(self, tensor: Tensor) -> Tensor:
        narrow = self.inner(f"{tensor.name}_c8", tensor.rows, tensor.columns, self.gradients)
        self.call(f"narrow_{tensor.name}", Convert, {"x": tensor, "y": narrow})
        return narrow

    def call(self, name: str, kernel: type[Kernel], operands: Mapping[str, Tensor | View], **given: Any) -> None:
        """As of any step, with the line of biases that the formats of its operands want."""
        tensors = {key: thing.tensor if isinstance(thing, View) else thing for key, thing in operands.items()}
        roles = {role: tensors[role].name for role in "ab" if role in tensors and _scaled(tensors[role])}
        written = [tensors[key].name for key in _RESULTS if key in tensors and _scaled(tensors[key])]
        roles |= {"result": written[0]} if written else {}
        if roles:
            line = self.tensor(f"mode of {name}", 1, WORDS, "U32", TensorKind.INPUT)
            self.lines[line.name] = len(self.lines), roles
            operands = {**operands, "mode": line}
        super().call(name, kernel, operands, **given)

    # --- biases --------------------------------------------------------------------------------------------------------------------

    @property
    def scaled(self) -> list[Tensor]:
        """Tensors with a bias of their own."""
        return [tensor for tensor in self.tensors.values() if _scaled(tensor)]

    @property
    def saved(self) -> list[Tensor]:
        """The biases too, which lie in no node."""
        return [*super().saved, Tensor(BIASES, 1, len(self.scaled), "U8", TensorKind.STATE)]

    def begin(self, saved: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """Copies to nearest even with the biases that fit the masters; of other tensors the first biases."""
        copies, biases = {}, []
        for tensor in self.scaled:
            fmt = FLOAT_FORMATS[tensor.format]
            master = self.masters.get(tensor.name)
            biases.append(FIRST[fmt.name] if master is None else fitting(fmt, largest(saved[master]), FIRST[fmt.name]))
            if master is not None:
                copies[tensor.name] = narrow(fmt, saved[master], biases[-1])
        return {**saved, **copies, BIASES: np.array([biases], np.uint8)}

    def prepare(self, saved: Mapping[str, NDArray], inputs: Mapping[str, NDArray], number: int, seed: int) -> dict[str, NDArray]:
        """Inputs of step ``number`` of a run: those of the data in CFloat8, ones, and the lines of biases."""
        read = dict(zip((tensor.name for tensor in self.scaled), saved[BIASES][0].tolist(), strict=True))
        given = {}
        for tensor in self.of_kind(TensorKind.INPUT):
            fmt = FLOAT_FORMATS.get(tensor.format)
            if tensor in self.ones:
                one = narrow(fmt, f32_bits(1.0), read[tensor.name])
                given[tensor.name] = np.zeros((tensor.rows, tensor.columns), one.dtype)
                given[tensor.name][:, -1] = one
            elif tensor.name in self.lines:
                call, roles = self.lines[tensor.name]
                chosen = {role: self._written(name, saved, read) if role == "result" else read[name] for role, name in roles.items()}
                given[tensor.name] = mode_line(**chosen, seed=seed % (1 << 64), counter=number << 40 | call << 32)
            elif tensor.name in inputs:
                bits = inputs[tensor.name]
                given[tensor.name] = narrow(fmt, widen(FLOAT_FORMATS["BF16"], bits), read[tensor.name]) if _scaled(tensor) else bits
        return given

    def _written(self, name: str, saved: Mapping[str, NDArray], read: Mapping[str, int]) -> int:
        """The bias with which a tensor is written."""
        if name not in self.masters:
            return read[name]
        fmt = FLOAT_FORMATS[self.tensors[name].format]
        return fitting(fmt, largest(saved[self.masters[name]]), read[name])

    def kept(self, saved: Mapping[str, NDArray], values: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """As of any step, and biases that fit what the tensors held in it; of copies those with which they were written."""
        biases = []
        for tensor, read in zip(self.scaled, saved[BIASES][0].tolist(), strict=True):
            fmt = FLOAT_FORMATS[tensor.format]
            if tensor.name in self.masters:
                biases.append(self._written(tensor.name, saved, {tensor.name: read}))
            else:
                biases.append(fitting(fmt, largest(widen(fmt, values[tensor.name], read)), read))
        return {tensor.name: values[tensor.name] for tensor in super().saved} | {BIASES: np.array([biases], np.uint8)}

    def state(self, saved: Mapping[str, NDArray]) -> dict[str, NDArray]:
        return {tensor.name: saved[tensor.name] for tensor in self.of_kind(TensorKind.STATE)}


def _scaled(tensor: Tensor) -> bool:
    fmt = FLOAT_FORMATS.get(tensor.format)
    return fmt is not None and fmt.has_bias


def largest(f32: NDArray[np.uint32]) -> float:
    """The largest finite magnitude among FP32 bit patterns."""
    values = np.abs(bits_f32(f32).astype(np.float64))
    return float(np.max(values, where=np.isfinite(values), initial=0.0))


def fitting(fmt: FloatFormat, magnitude: float, otherwise: int) -> int:
    """The bias that leaves ``MARGIN`` binades above a magnitude; ``otherwise`` when it is 0."""
    if not magnitude:
        return otherwise
    mantissa, exponent = np.frexp(magnitude)  # 2^(exponent - 1) <= magnitude
    top = exponent - 1 + int(2 * mantissa > 2 - 2.0**-fmt.mantissa_bits)
    return int(np.clip(fmt.exponent_max - top - MARGIN, 0, BIAS_MAX))

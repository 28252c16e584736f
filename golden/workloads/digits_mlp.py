"""digits-mlp: 64 - 32 - 10 perceptron with ReLU and softmax cross-entropy, trained by SGD on the handwritten digits.

Biases are the last row of each weight matrix; activations carry a column of ones. Weights are FP32 masters with BF16 copies that the
matrix unit reads. One step, with the storage orders chosen so that nothing is re-laid out::

    H  = relu(X W1)          BF16, B x 33 (column 32 is ones)        Zt = W2' H'              FP32, 10 x B
    dZt, loss = softmax(Zt)  BF16, 10 x B                            dH = dZ W2[:32]'         FP32, B x 32
    dHm = dH where H > 0     BF16, B x 32                            dW2 = H' dZ, dW1 = X' dHm  FP32
    W -= rate dW             FP32, and the BF16 copies

"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.arch.config import NodeConfig
from golden.asm import Program, assemble
from golden.kernels import gemm, relu, sgd, softmax
from golden.kernels.gemm import GemmShape
from golden.kernels.job import Launch
from golden.kernels.placement import Allocator, Matrix
from golden.numerics import convert

INPUTS, HIDDEN, CLASSES = 64, 32, 10
RATE = 0.3
BATCH = 32
STEPS = 660
_ONE_BF16 = np.uint16(0x3F80)
_ARGUMENT_WORDS = 128


@dataclass
class Weights:
    """FP32 masters as bit patterns: W1 (65 x 32), W2 (33 x 10); the last row is the bias."""

    w1: NDArray[np.uint32]
    w2: NDArray[np.uint32]

    def copies(self) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
        """The BF16 copies."""
        return convert.f32_to_bf16(self.w1), convert.f32_to_bf16(self.w2)


def initial_weights(seed: int) -> Weights:
    """Normal with variance 2 / inputs, biases 0."""
    rng = np.random.default_rng([seed, 0])
    w1, w2 = np.zeros((INPUTS + 1, HIDDEN), np.float32), np.zeros((HIDDEN + 1, CLASSES), np.float32)
    w1[:-1] = rng.standard_normal((INPUTS, HIDDEN)) * np.sqrt(2 / INPUTS)
    w2[:-1] = rng.standard_normal((HIDDEN, CLASSES)) * np.sqrt(2 / HIDDEN)
    return Weights(w1.view(np.uint32), w2.view(np.uint32))


def with_ones(images: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Images in BF16 with a last column of ones."""
    return np.hstack([convert.f32_to_bf16(convert.f32_bits(images)), np.full((len(images), 1), _ONE_BF16)])


# --- reference ---------------------------------------------------------------------------------------------------------------


def forward(weights: Weights, x: NDArray[np.uint16]) -> tuple[NDArray[np.uint16], NDArray[np.uint32]]:
    """H (BF16, B x 33) and Zt (FP32, 10 x B) from X (BF16, B x 65)."""
    w1, w2 = weights.copies()
    batch = len(x)
    h = gemm.reference(GemmShape(batch, HIDDEN, INPUTS + 1, relu=True), x, w1)
    h = np.hstack([h, np.full((batch, 1), _ONE_BF16)])
    zt = gemm.reference(GemmShape(CLASSES, batch, HIDDEN + 1, True, True, "FP32"), w2, h)
    return h, zt


def train_step(weights: Weights, x: NDArray[np.uint16], y: NDArray[np.uint32], rate: np.uint32) -> tuple[Weights, NDArray[np.uint32]]:
    """New weights, and the loss per sample (FP32 bits; their sum is the batch's mean loss)."""
    batch = len(x)
    _, w2 = weights.copies()
    h, zt = forward(weights, x)
    dzt, loss = softmax.reference(zt, y, batch)
    dh = gemm.reference(GemmShape(batch, HIDDEN, CLASSES, True, True, "FP32"), dzt, w2[:HIDDEN])
    dhm = relu.reference(h[:, :HIDDEN], dh)
    dw2 = gemm.reference(GemmShape(HIDDEN + 1, CLASSES, batch, True, True, "FP32"), h, dzt)
    dw1 = gemm.reference(GemmShape(INPUTS + 1, HIDDEN, batch, True, False, "FP32"), x, dhm)
    return Weights(sgd.reference(weights.w1, dw1, rate)[0], sgd.reference(weights.w2, dw2, rate)[0]), loss


def classify(zt: NDArray[np.uint32]) -> NDArray[np.int64]:
    """The class with the greatest logit, per sample."""
    return np.argmax(convert.bits_f32(zt), axis=0)


def macs(batch: int) -> int:
    """Multiply-accumulates of one step's mathematics."""
    forward_macs = batch * (INPUTS + 1) * HIDDEN + batch * (HIDDEN + 1) * CLASSES
    backward = batch * HIDDEN * CLASSES + batch * (HIDDEN + 1) * CLASSES + batch * (INPUTS + 1) * HIDDEN
    return forward_macs + backward


# --- the node's side -----------------------------------------------------------------------------------------------------------


def _entries(names: list[str]) -> list[tuple[str, int, int]]:
    """Entry points as (label, first call, past the last): a whole step, the forward pass, and each kernel alone."""
    alone = [(f"only_{name}", i, i + 1) for i, name in enumerate(names)]
    return [("train", 0, len(names)), ("infer", 0, 2), *alone]


class Machine:
    """Where everything lies in a node's SRAM, and the program that trains.

    Attributes
    ----------
    x, y, loss, zt : what a host writes before a step and reads after it.
    w1, w2, w1_copy, w2_copy : the weights.
    train, infer : what to start.
    phases : each kernel of a step alone, in order; together they are ``train``.
    """

    def __init__(self, config: NodeConfig, batch: int = BATCH, rate: float = RATE) -> None:
        if not 1 <= batch <= 1024:
            raise ValueError(f"digits-mlp: a batch of {batch} does not exist here: 1 to 1024")
        self.batch = batch
        self.rate = np.float32(rate).view(np.uint32)
        program = self._program({})
        space = Allocator(config, program.end)
        self.arguments = space.reserve(8 * _ARGUMENT_WORDS, "arguments")
        self.x = space.matrix("X", batch, INPUTS + 1, "BF16")
        self.h = space.matrix("H", batch, HIDDEN + 1, "BF16")
        self.zt = space.matrix("Zt", CLASSES, batch, "FP32")
        self.y = space.matrix("Y", CLASSES, batch, "FP32")
        self.dzt = space.matrix("dZt", CLASSES, batch, "BF16")
        self.loss = space.matrix("loss", 1, batch, "FP32")
        self.dh = space.matrix("dH", batch, HIDDEN, "FP32")
        self.dhm = space.matrix("dHm", batch, HIDDEN, "BF16")
        self.constants = space.matrix("constants", 1, 16, "FP32")
        self.rates = space.matrix("rate", 1, 16, "FP32")
        self.w1, self.dw1, self.w1_copy = sgd.place(space, "W1", INPUTS + 1, HIDDEN)
        self.w2, self.dw2, self.w2_copy = sgd.place(space, "W2", HIDDEN + 1, CLASSES)
        self.program = self._program({"arguments": self.arguments})
        if self.program.end != program.end:
            raise ValueError("the program's length depends on its addresses")
        self.train = Launch(0, self.program.labels["train"])
        self.infer = Launch(0, self.program.labels["infer"])
        self.phases = {name: Launch(0, self.program.labels[f"only_{name}"]) for name, _, _ in self._calls()}

    def _calls(self) -> list[tuple[str, str, int]]:
        """(subroutine, text, arguments) in the order of a step; the first two are the forward pass."""
        b = self.batch
        shapes = {
            "layer1": GemmShape(b, HIDDEN, INPUTS + 1, relu=True),
            "layer2": GemmShape(CLASSES, b, HIDDEN + 1, True, True, "FP32"),
            "grad_h": GemmShape(b, HIDDEN, CLASSES, True, True, "FP32"),
            "grad_w2": GemmShape(HIDDEN + 1, CLASSES, b, True, True, "FP32"),
            "grad_w1": GemmShape(INPUTS + 1, HIDDEN, b, True, False, "FP32"),
        }
        texts = {name: (name, gemm.text(shape, name), 6) for name, shape in shapes.items()}
        return [
            texts["layer1"],
            texts["layer2"],
            ("loss", softmax.text(b, "loss"), 10),
            texts["grad_h"],
            ("mask", relu.text(b, HIDDEN, "mask"), 6),
            texts["grad_w2"],
            texts["grad_w1"],
            ("update1", sgd.text(sgd.walked(INPUTS + 1, HIDDEN), "update1"), 8),
            ("update2", sgd.text(sgd.walked(HIDDEN + 1, CLASSES), "update2"), 8),
        ]

    def _program(self, names: dict[str, int]) -> Program:
        """Two entries that call the kernels in order; each call takes its arguments from a table."""
        calls = self._calls()
        lines = []
        for entry, first, last in _entries([name for name, _, _ in calls]):
            skipped = sum(count for _, _, count in calls[:first])
            lines.append(f"{entry}: li x20, table / 64\n        slli x20, x20, 6")
            if skipped:
                lines.append(f"        addi x20, x20, {8 * skipped // 2}\n" * 2)
            for name, _, count in calls[first:last]:
                lines += [f"        ldp.d x{i}, x20, 8" for i in range(1, count + 1)]
                lines.append(f"        call x31, {name}")
            lines.append("        halt")
        source = "\n".join(lines) + "\n" + "\n".join(text for _, text, _ in calls)
        return assemble(source, source="digits-mlp", names={"table": names.get("arguments", 0)})

    def initial(self, weights: Weights) -> list[tuple[int, bytes]]:
        """Everything that a host writes once: program, arguments, constants, weights, the column of ones."""
        table = [
            *gemm.arguments(GemmShape(self.batch, HIDDEN, INPUTS + 1), self.x, self.w1_copy, self._columns(self.h, HIDDEN)),
            *gemm.arguments(GemmShape(CLASSES, self.batch, HIDDEN + 1, True, True, "FP32"), self.w2_copy, self.h, self.zt),
            *softmax.arguments(self.zt, self.y, self.dzt, self.loss, self.constants),
            *gemm.arguments(
                GemmShape(self.batch, HIDDEN, CLASSES, True, True, "FP32"), self.dzt, self._rows(self.w2_copy, HIDDEN), self.dh
            ),
            *relu.arguments(self.dh, self._columns(self.h, HIDDEN), self.dhm),
            *gemm.arguments(GemmShape(HIDDEN + 1, CLASSES, self.batch, True, True, "FP32"), self.h, self.dzt, self.dw2),
            *gemm.arguments(GemmShape(INPUTS + 1, HIDDEN, self.batch, True, False, "FP32"), self.x, self.dhm, self.dw1),
            *sgd.arguments(self.w1, self.dw1, self.w1_copy, self.rates),
            *sgd.arguments(self.w2, self.dw2, self.w2_copy, self.rates),
        ]
        rates = np.full((1, 16), self.rate)
        ones = np.zeros((self.batch, HIDDEN + 1), np.uint16)
        ones[:, HIDDEN] = _ONE_BF16
        w1_copy, w2_copy = weights.copies()
        pairs = (
            (self.constants, softmax.constants(self.batch)[None]),
            (self.rates, rates),
            (self.h, ones),
            (self.w1, weights.w1),
            (self.w2, weights.w2),
            (self.w1_copy, w1_copy),
            (self.w2_copy, w2_copy),
        )
        return [
            (self.program.origin, self.program.image),
            (self.arguments, b"".join(word.to_bytes(8, "little") for word in table)),
            *((matrix.address, matrix.pack(bits)) for matrix, bits in pairs),
        ]

    def batch_inputs(self, images: NDArray[np.uint16], labels: NDArray[np.int64] | None = None) -> list[tuple[int, bytes]]:
        """What a host writes before a step (with labels) or a classification: X of up to ``batch`` rows, and Y."""
        x = np.zeros((self.batch, INPUTS + 1), np.uint16)
        x[: len(images)] = images
        writes = [(self.x.address, self.x.pack(x))]
        if labels is not None:
            writes.append((self.y.address, self.y.pack(softmax.labels(labels, self.batch))))
        return writes

    def weights(self) -> dict[str, Matrix]:
        """The matrices that are compared with the reference after every step."""
        return {"W1": self.w1, "W2": self.w2, "W1_bf16": self.w1_copy, "W2_bf16": self.w2_copy, "loss": self.loss}

    @staticmethod
    def _columns(matrix: Matrix, columns: int) -> Matrix:
        return Matrix(matrix.name, matrix.address, matrix.rows, columns, matrix.format, matrix.pitch)

    @staticmethod
    def _rows(matrix: Matrix, rows: int) -> Matrix:
        return Matrix(matrix.name, matrix.address, rows, matrix.columns, matrix.format, matrix.pitch)

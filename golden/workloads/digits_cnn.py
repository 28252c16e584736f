"""digits-cnn: two 3x3 convolutions with ReLU and a linear layer, trained by Adam on the handwritten digits.

An image is 4x4 squares of 2x2 pixels, which are four channels, so that a load brings the channels of eight samples and nothing is re-laid
out. The second convolution has a stride of 2 in place of pooling. Convolutions have no biases; that of the linear layer is the last row of
W3::

    H1 = relu(conv(X, W1))      BF16, B x 4x4x8       H2 = relu(conv(H1, W2), stride 2)   BF16, B x 2x2x16 and a column of ones
    Zt = W3' H2'                FP32, 10 x B          dZt, loss = softmax(Zt)             BF16, 10 x B
    dH2 = dZ W3[:64]'           FP32; where H2 > 0    dH1 = conv backwards (dH2m, W2)     FP32; where H1 > 0
    dW3 = H2' dZ, dW2 = conv backwards (H1, dH2m), dW1 = conv backwards (X, dH1m)         FP32
    W by Adam                   FP32, and the BF16 copies
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from golden.kernels.adam import Adam
from golden.kernels.conv import Conv, ConvBackwardX
from golden.kernels.conv_shape import TAPS
from golden.kernels.conv_weights import ConvBackwardW
from golden.kernels.gemm import Gemm
from golden.kernels.relu import ReluBackward
from golden.kernels.softmax import Softmax
from golden.numerics import convert
from golden.workloads.classifier import CLASSES, PIXELS, DigitsClassifier
from golden.workloads.graph import Step
from golden.workloads.tensors import Tensor, TensorKind
from golden.workloads.workload import workload

SIDE, CHANNELS = 4, 4  # squares of pixels in a row of an image, and pixels of a square
FIRST, SECOND = 8, 16  # filters of the convolutions
HIDDEN = (SIDE // 2) ** 2 * SECOND


@workload("digits-cnn")
class DigitsCnn(DigitsClassifier):
    """Two convolutions and a linear layer on the handwritten digits."""

    steps, rate = 600, 0.01
    formats = ("bf16",)

    def pixels(self, images: NDArray[np.float32]) -> NDArray[np.uint16]:
        squares = images.reshape(-1, SIDE, 2, SIDE, 2).swapaxes(2, 3).reshape(-1, PIXELS)
        return convert.f32_to_bf16(convert.f32_bits(squares))

    def initial(self, step: Step, seed: int) -> dict[str, NDArray]:
        """Weights are normal with variance 2 / inputs, biases and moments 0, powers 1."""
        rng = np.random.default_rng([seed, 0])
        state = {tensor.name: np.zeros((tensor.rows, tensor.columns), np.float32) for tensor in step.saved}
        for name, inputs in (("W1", TAPS * CHANNELS), ("W2", TAPS * FIRST), ("W3", HIDDEN)):
            state[name][:inputs] = rng.standard_normal((inputs, state[name].shape[1])) * np.sqrt(2 / inputs)
            state[f"{name}_powers"][0, :2] = 1
        return {name: values.view(np.uint32) for name, values in state.items()}

    def write(self, step: Step, batch: int, rate: float) -> None:
        x, y = step.input("X", batch, PIXELS), step.input("Y", CLASSES, batch, "FP32", samples=1)
        h1, h2 = step.inner("H1", batch, SIDE**2 * FIRST), step.with_ones("H2", batch, HIDDEN + 1)
        zt = step.inner("Zt", CLASSES, batch, "FP32", samples=1)
        dzt, loss = step.inner("dZt", CLASSES, batch), step.output("loss", 1, batch)
        dh1, dh1m = step.inner("dH1", batch, h1.columns, "FP32"), step.inner("dH1m", batch, h1.columns)
        dh2, dh2m = step.inner("dH2", batch, HIDDEN, "FP32"), step.inner("dH2m", batch, HIDDEN)
        shapes = {"W1": (TAPS * CHANNELS, FIRST), "W2": (TAPS * FIRST, SECOND), "W3": (HIDDEN + 1, CLASSES)}
        masters, copies = zip(*(step.weight(name, *shape) for name, shape in shapes.items()), strict=True)
        gradients = [step.gradient(f"d{name}", *shape) for name, shape in shapes.items()]
        hidden = h2[:, :HIDDEN]

        step.call("conv1", Conv, {"x": x, "w": copies[0], "y": h1}, relu=True)
        step.call("conv2", Conv, {"x": h1, "w": copies[1], "y": hidden}, relu=True)
        step.call("linear", Gemm, {"a": copies[2], "b": h2, "c": zt}, transpose_a=True, transpose_b=True)
        step.result(zt)
        step.call("loss", Softmax, {"z": zt, "y": y, "dz": dzt, "loss": loss}, batch=step.batch)
        step.call("grad_h2", Gemm, {"a": dzt, "b": copies[2][:HIDDEN, :], "c": dh2}, transpose_a=True, transpose_b=True)
        step.call("mask2", ReluBackward, {"dy": dh2, "x": hidden, "dx": dh2m})
        step.call("grad_h1", ConvBackwardX, {"dy": dh2m, "w": copies[1], "dx": dh1})
        step.call("mask1", ReluBackward, {"dy": dh1, "x": h1, "dx": dh1m})
        step.call("grad_w3", Gemm, {"a": h2, "b": dzt, "c": gradients[2]}, transpose_a=True, transpose_b=True)
        step.call("grad_w2", ConvBackwardW, {"x": h1, "dy": dh2m, "dw": gradients[1]})
        step.call("grad_w1", ConvBackwardW, {"x": x, "dy": dh1m, "dw": gradients[0]})
        for master, copy, gradient in zip(masters, copies, gradients, strict=True):
            moments = {
                what: _state(step, f"{master.name}_{what}", *shape)
                for what, shape in (("mean", shapes[master.name]), ("square", shapes[master.name]), ("powers", (1, 16)))
            }
            step.call(f"update_{master.name}", Adam, {"w": master, "dw": gradient, "copy": copy, **moments}, rate=rate)


def _state(step: Step, name: str, rows: int, columns: int) -> Tensor:
    return step.tensor(name, rows, columns, "FP32", TensorKind.STATE)

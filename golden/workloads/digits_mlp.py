"""digits-mlp: 64 - 32 - 10 perceptron with ReLU and softmax cross-entropy, trained by SGD on the handwritten digits.

Biases are the last row of each weight matrix; activations carry a column of ones. Storage orders are chosen so that nothing is re-laid
out::

    H  = relu(X W1)          BF16, B x 33 (column 32 is ones)        Zt = W2' H'              FP32, 10 x B
    dZt, loss = softmax(Zt)  BF16, 10 x B                            dH = dZ W2[:32]'         FP32, B x 32
    dHm = dH where H > 0     BF16, B x 32                            dW2 = H' dZ, dW1 = X' dHm  FP32
    W -= rate dW             FP32, and the BF16 copies

In CFloat8 (``FORMAT=cfloat8``) X, H and the copies are 1_4_3, dZt, once more, and dHm 1_5_2.
"""

from __future__ import annotations

from golden.kernels.gemm import Gemm
from golden.kernels.relu import ReluBackward
from golden.kernels.sgd import Sgd
from golden.kernels.softmax import Softmax
from golden.workloads.classifier import CLASSES, PIXELS, DigitsClassifier
from golden.workloads.graph import Step
from golden.workloads.workload import workload

HIDDEN = 32


@workload("digits-mlp")
class DigitsMlp(DigitsClassifier):
    """A perceptron with one hidden layer of 32 on the handwritten digits."""

    steps, rate = 660, 0.3

    def write(self, step: Step, batch: int, rate: float) -> None:
        x, y = self.data_inputs(step, batch)
        h = step.with_ones("H", batch, HIDDEN + 1)
        zt = step.inner("Zt", CLASSES, batch, "FP32", samples=1)
        dzt, loss = step.inner("dZt", CLASSES, batch), step.output("loss", 1, batch)
        dh, dhm = step.inner("dH", batch, HIDDEN, "FP32"), step.inner("dHm", batch, HIDDEN, step.gradients)
        w1, w1_copy = step.weight("W1", PIXELS + 1, HIDDEN)
        dw1 = step.gradient("dW1", PIXELS + 1, HIDDEN)
        w2, w2_copy = step.weight("W2", HIDDEN + 1, CLASSES)
        dw2 = step.gradient("dW2", HIDDEN + 1, CLASSES)
        hidden = h[:, :HIDDEN]

        step.call("layer1", Gemm, {"a": x, "b": w1_copy, "c": hidden}, relu=True)
        step.call("layer2", Gemm, {"a": w2_copy, "b": h, "c": zt}, transpose_a=True, transpose_b=True)
        step.result(zt)
        step.call("loss", Softmax, {"z": zt, "y": y, "dz": dzt, "loss": loss}, batch=step.batch)
        dz = step.narrowed(dzt)
        step.call("grad_h", Gemm, {"a": dz, "b": w2_copy[:HIDDEN, :], "c": dh}, transpose_a=True, transpose_b=True)
        step.call("mask", ReluBackward, {"dy": dh, "x": hidden, "dx": dhm})
        step.call("grad_w2", Gemm, {"a": h, "b": dz, "c": dw2}, transpose_a=True, transpose_b=True)
        step.call("grad_w1", Gemm, {"a": x, "b": dhm, "c": dw1}, transpose_a=True)
        step.call("update1", Sgd, {"w": w1, "dw": dw1, "copy": w1_copy}, rate=rate)
        step.call("update2", Sgd, {"w": w2, "dw": dw2, "copy": w2_copy}, rate=rate)

"""digits-linear: softmax regression, 64 - 10, trained by SGD on the handwritten digits.

The bias is the last row of the weights; images carry a column of ones::

    Zt = W' X'   FP32, 10 x B        dZt, loss = softmax(Zt)   BF16, 10 x B        dW = X' dZ   FP32        W -= rate dW
"""

from __future__ import annotations

from golden.kernels.gemm import Gemm
from golden.kernels.sgd import Sgd
from golden.kernels.softmax import Softmax
from golden.workloads.classifier import CLASSES, PIXELS, DigitsClassifier
from golden.workloads.graph import Step
from golden.workloads.workload import workload


@workload("digits-linear")
class DigitsLinear(DigitsClassifier):
    """Softmax regression on the handwritten digits."""

    steps, rate = 660, 0.3

    def write(self, step: Step, batch: int, rate: float) -> None:
        x, y = self.data_inputs(step, batch)
        w, copy = step.weight("W", PIXELS + 1, CLASSES)
        zt, dzt = step.inner("Zt", CLASSES, batch, "FP32", samples=1), step.inner("dZt", CLASSES, batch)
        loss, dw = step.output("loss", 1, batch), step.gradient("dW", PIXELS + 1, CLASSES)

        step.call("layer", Gemm, {"a": copy, "b": x, "c": zt}, transpose_a=True, transpose_b=True)
        step.result(zt)
        step.call("loss", Softmax, {"z": zt, "y": y, "dz": dzt, "loss": loss}, batch=step.batch)
        dz = step.narrowed(dzt)
        step.call("grad_w", Gemm, {"a": x, "b": dz, "c": dw}, transpose_a=True, transpose_b=True)
        step.call("update", Sgd, {"w": w, "dw": dw, "copy": copy}, rate=rate)

"""Steps as lists of calls: views, what is refused, lives, what follows from them."""

import numpy as np
import pytest

from golden.kernels.axpy import Axpy
from golden.kernels.gemm import Gemm
from golden.kernels.kernel import Operand, Role, random_bf16, random_f32
from golden.kernels.relu import ReluBackward
from golden.kernels.sgd import Sgd
from golden.kernels.softmax import Softmax
from golden.workloads.graph import NotFinite, Step
from golden.workloads.tensors import TensorKind, finite


def chain() -> Step:
    """Y1 = X X', Y2 = Y1 X, out = Y2 X: three calls, four tensors."""
    step = Step("chain")
    x = step.input("X", 4, 4)
    one, two, out = step.inner("Y1", 4, 4), step.inner("Y2", 4, 4), step.output("out", 4, 4)
    step.call("product", Gemm, {"a": x, "b": x, "c": one}, transpose_b=True)
    step.call("first", Gemm, {"a": one, "b": x, "c": two})
    step.result(two)
    step.call("second", Gemm, {"a": two, "b": x, "c": out})
    return step


def test_a_step_computes_what_its_calls_do(rng):
    step, x = chain(), random_bf16(rng, 4, 4)
    values = step.reference({"X": x})
    two = Gemm(4, 4, 4).reference(Gemm(4, 4, 4, transpose_b=True).reference(x, x)["c"], x)["c"]
    assert np.array_equal(values["Y2"], two) and np.array_equal(step.infer({"X": x}), two)
    assert np.array_equal(values["out"], Gemm(4, 4, 4, out="FP32").reference(two, x)["c"])
    assert step.macs == 192 and step.forward == 2


def test_values_that_are_given_stay(rng):
    step = Step("kept")
    x, y = step.input("X", 4, 4, "FP32"), step.tensor("Y", 4, 4, "FP32", TensorKind.STATE)
    step.call("add", Axpy, {"x": x, "y": y})
    values = {"X": random_f32(rng, 4, 4), "Y": random_f32(rng, 4, 4)}
    before = values["Y"].copy()
    assert not np.array_equal(step.reference(values)["Y"], before) and np.array_equal(values["Y"], before)


def test_lives_begin_with_the_first_use_and_end_with_the_last():
    """An input lives from the start, an output beyond the last call."""
    assert chain().lives() == {"X": (0, 2), "Y1": (0, 1), "Y2": (1, 2), "out": (2, 3)}


def test_logits_live_to_the_end_of_the_forward_pass():
    step = Step("logits")
    x, z, rest = step.input("X", 4, 4), step.inner("Z", 4, 4), step.inner("rest", 4, 4)
    step.call("one", Gemm, {"a": x, "b": x, "c": z})
    step.call("two", Gemm, {"a": x, "b": x, "c": rest})
    step.result(z)
    assert step.lives()["Z"] == (0, 1)


def test_equal_constants_are_one_and_others_not():
    step = Step("constants")
    x, y = step.input("X", 1, 4, "FP32"), step.input("Y", 1, 4, "FP32")
    for name, a in (("one", 2.0), ("two", 3.0), ("three", 2.0)):
        step.call(name, Axpy, {"x": x, "y": y}, a=a)
    assert [tensor.name for tensor in step.of_kind(TensorKind.CONSTANT)] == ["a of one", "a of two"]
    assert step.calls[2].views["a"].tensor is step.calls[0].views["a"].tensor


def test_a_slice_of_a_batch_is_a_call_like_any_other(rng):
    """A product in two slices of rows gives the whole one's bits."""
    whole, cut = Step("whole"), Step("cut")
    for step, slices in ((whole, [slice(0, 32)]), (cut, [slice(0, 16), slice(16, 32)])):
        x, w, y = step.input("X", 32, 8), step.input("W", 8, 8), step.output("Y", 32, 8, "BF16")
        for i, rows in enumerate(slices):
            step.call(f"part{i}", Gemm, {"a": x[rows, :], "b": w, "c": y[rows, :]})
    values = {"X": random_bf16(rng, 32, 8), "W": random_bf16(rng, 8, 8)}
    assert np.array_equal(whole.reference(values)["Y"], cut.reference(values)["Y"]) and whole.macs == cut.macs


def test_weights_have_copies_that_follow_from_them(rng):
    step = Step("weights")
    master, copy = step.weight("W", 3, 4)
    dw = step.input("dW", 3, 4, "FP32")
    step.call("update", Sgd, {"w": master, "dw": dw, "copy": copy}, rate=0.5)
    assert step.saved == [master] and step.compared == [master, copy]
    state = step.state({"W": random_f32(rng, 3, 4)})
    assert list(state) == ["W", "W_bf16"]
    after = step.reference({**state, "dW": np.zeros((3, 4), np.uint32)})
    assert all(np.array_equal(after[name], state[name]) for name in state), "a gradient of zero changes neither"
    assert step.demands(master) == (32, 128) and step.demands(copy) == (16, 64)


def test_the_first_tensor_that_is_not_finite(rng):
    step, x = chain(), random_bf16(rng, 4, 4)
    assert step.not_finite(step.reference({"X": x})) is None
    x[1, 2] = 0x7F7F
    assert step.not_finite(step.reference({"X": x})) == NotFinite("Y1", "product"), "huge squared is Inf in BF16"
    x[1, 2] = 0xFF80
    assert step.not_finite(step.reference({"X": x})) == NotFinite("X", None)


@pytest.mark.parametrize(
    ("format", "bits", "is_finite"),
    [
        ("FP32", 0x7F800000, False),
        ("FP32", 0xFFC00000, False),
        ("FP32", 0x7F7FFFFF, True),
        ("FP32", 0x80000000, True),
        ("BF16", 0x7F80, False),
        ("BF16", 0xFF81, False),
        ("BF16", 0xFF7F, True),
        ("BF16", 0, True),
    ],
)
def test_finite(format, bits, is_finite):
    assert finite(np.array([[0, bits]], np.uint32 if format == "FP32" else np.uint16), format) == is_finite


# --- what is refused -------------------------------------------------------------------------------------------------------------


def asked(operands, kernel=Gemm, name="call", **given):
    step = Step("net")
    tensors = {"X": step.input("X", 4, 8), "W": step.input("W", 8, 3), "Y": step.inner("Y", 4, 3), "Z": step.output("Z", 4, 3)}
    step.call("before", Gemm, {"a": tensors["X"], "b": tensors["W"], "c": tensors["Y"]})
    step.call(name, kernel, {key: tensors[value] for key, value in operands.items()}, **given)


@pytest.mark.parametrize(
    ("operands", "more", "sentence"),
    [
        ({"a": "X", "c": "Y"}, {}, "net: call gives gemm no operand b, which it reads"),
        ({"b": "W", "c": "Y"}, {}, "net: call gives gemm no operand a"),
        ({"a": "X", "b": "X", "c": "Y"}, {}, "net: call: operand b of gemm is 8x3 BF16, X gives 4x8 BF16"),
        ({"a": "X", "b": "W", "c": "Y", "bias": "Z"}, {}, "net: call: operand bias of gemm is 1x3 FP32, Z gives 4x3 FP32"),
        ({"a": "X", "b": "W", "c": "Y", "d": "Z"}, {}, "net: call gives gemm an operand d, it takes a, b, c"),
        ({"x": "Z", "y": "Y"}, {"kernel": Axpy}, "net: call: operand y of axpy is 4x3 FP32, Y gives 4x3 BF16"),
        ({"a": "X", "b": "W", "c": "Y"}, {"name": "before"}, "net: before is no name for a call: letters, digits and _, once in a step"),
        ({"a": "X", "b": "W", "c": "Y"}, {"name": "a b"}, "net: a b is no name for a call"),
        ({"a": "X", "b": "W", "c": "Y"}, {"relu": 3}, "gemm: relu is 3, it is yes or no"),
    ],
)
def test_a_call_that_does_not_fit_is_one_sentence(operands, more, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}"):
        asked(operands, **more)


def test_a_tensor_is_declared_once():
    step = Step("net")
    step.input("X", 1, 1)
    with pytest.raises(ValueError, match="net: tensor X is declared twice"):
        step.inner("X", 2, 2)


@pytest.mark.parametrize("part", [(slice(2, 2), slice(None)), (slice(None, None, 2), slice(None)), (slice(None), slice(9, 12))])
def test_a_view_that_is_no_rectangle_is_one_sentence(part):
    with pytest.raises(ValueError, match="X is 4x8: .* is no rectangle of it"):
        Step("net").input("X", 4, 8)[part]


def test_two_calls_that_want_other_pitches_are_named():
    class Wide(Axpy):
        def operands(self):
            return tuple(Operand(o.name, o.rows, o.columns, o.format, o.role, o.value, pitch=64) for o in super().operands())

    step = Step("net")
    x, w = step.input("X", 2, 4, "FP32"), step.weight("W", 2, 4)
    step.call("wide", Wide, {"x": x, "y": w[0]})
    step.call("update", Sgd, {"w": w[0], "dw": x, "copy": w[1]}, rate=0.1)
    with pytest.raises(ValueError, match="net: W cannot be what its calls demand: wide 64 bytes from row to row and update 32 bytes"):
        step.demands(w[0])


def test_a_kernel_of_too_many_operands_is_refused():
    class Many(Axpy):
        def views(self, **matrices):
            return tuple(matrices["x"].descriptor() for _ in range(10))

    step = Step("net")
    with pytest.raises(ValueError, match="net: call: axpy takes 20 registers, a call has 18"):
        step.call("call", Many, {"x": step.input("X", 2, 4, "FP32"), "y": step.input("Y", 2, 4, "FP32")})


def test_a_tensor_that_is_read_before_it_is_written_is_named():
    with pytest.raises(ValueError, match="^net: call reads Z, which no call before it writes"):
        asked({"dy": "Z", "x": "Y", "dx": "Y"}, ReluBackward)


def test_a_wrong_value_is_one_sentence():
    with pytest.raises(ValueError, match="chain: X is 4x4 BF16, not 3x4"):
        chain().reference({"X": np.zeros((3, 4), np.uint16)})


def test_scratch_is_a_tensor_of_one_call():
    class Scratchy(Softmax):
        def operands(self):
            return (*super().operands(), Operand("t", 1, 16, "FP32", Role.SCRATCH))

        def views(self, t, **rest):
            return (*super().views(**rest), t.descriptor())

    step = Step("net")
    z, y = step.input("Z", 10, 4, "FP32"), step.input("Y", 10, 4, "FP32")
    for name in ("one", "two"):
        step.call(name, Scratchy, {"z": z, "y": y, "dz": step.inner(f"dz {name}", 10, 4), "loss": step.output(f"loss {name}", 1, 4)})
    lives = step.lives()
    assert (lives["t of one"], lives["t of two"]) == ((0, 0), (1, 1))

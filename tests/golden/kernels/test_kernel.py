"""What holds for every registered kernel, and what is said of one that is half there."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from golden.kernels import KERNELS
from golden.kernels.job import make_job, named, random_job
from golden.kernels.kernel import (
    MEANT,
    Kernel,
    Operand,
    Parameter,
    Role,
    bounds,
    choice,
    extent,
    flag,
    kernel,
    number,
    parameters,
    random_bf16,
    random_f32,
    rounding,
    summary,
)
from tests.golden.iss.bench import TINY
from tests.golden.kernels.bench import PALETTES, bf16_values, check, drawn, f32_values, off, shapes, walked

EVERY = sorted(KERNELS)


# --- every kernel ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize("name", EVERY)
def test_references_against_float64(name, palette, rng):
    """Over the whole range of the inputs, one element and every remainder; the bound is the formula of ``exact`` in the kernel's file."""
    for given in shapes(name, rng, 34):
        made = named(name, **given)
        for output, ratio in off(made, drawn(made, palette, rng)).items():
            assert (ratio <= 1).all(), f"{given}: {output} is {ratio.max()} bounds off at {np.unravel_index(ratio.argmax(), ratio.shape)}"


@pytest.mark.parametrize("name", EVERY)
def test_bounds_say_something(name, rng):
    """On ordinary inputs a result that is 1 % off is seen."""
    given = {parameter.name: 24 for parameter in parameters(KERNELS[name]) if parameter.type is int and parameter.most >= 24}
    made = named(name, **given)
    values = made.example(rng)

    @dataclass(frozen=True)
    class Wrong(type(made)):
        def reference(self, **operands):
            return {output: _scaled(bits) for output, bits in super().reference(**operands).items()}

    wrong = Wrong(**{parameter.name: getattr(made, parameter.name) for parameter in parameters(KERNELS[name])})
    assert all(ratio.max() > 1 for ratio in off(wrong, values).values())


def _scaled(bits: np.ndarray) -> np.ndarray:
    if bits.dtype == np.uint8:
        return bits ^ 2  # of an eight-bit format, which knows no percents: two places off
    if bits.dtype == np.uint16:
        return ((bf16_values(bits) * 1.01).astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    return (f32_values(bits) * 1.01).astype(np.float32).view(np.uint32)


@pytest.mark.parametrize("name", EVERY)
def test_programs_equal_references_for_every_remainder(name, rng):
    for i, given in enumerate(shapes(name, rng, 34)):
        made = named(name, **given)
        values = drawn(made, "specials", rng) if i % 3 else made.example(rng)
        check(make_job(TINY, made, values), TINY, walked(made))


@pytest.mark.parametrize("name", EVERY)
def test_the_same_seed_gives_the_same_job(name):
    one, two = (random_job(TINY, name, np.random.default_rng(3)) for _ in range(2))
    assert one.inputs == two.inputs and one.program.words == two.program.words and set(one.outputs) == set(one.expected)
    assert summary(KERNELS[name])


@pytest.mark.parametrize("name", EVERY)
def test_a_kernel_is_made_from_the_shapes_of_its_operands(name, rng):
    for given in shapes(name, rng, 5):
        made = named(name, **given)
        operands = {operand.name: operand for operand in made.operands() if operand.role is not Role.CONSTANT}
        rest = {p.name: given[p.name] for p in parameters(KERNELS[name]) if p.type is not int and p.name not in ("out", "bias")}
        again = KERNELS[name].of(operands, **rest)
        assert [(o.name, o.rows, o.columns, o.format) for o in again.operands()] == [
            (o.name, o.rows, o.columns, o.format) for o in made.operands()
        ]


@pytest.mark.parametrize("name", EVERY)
def test_every_parameter_is_checked(name):
    for parameter in parameters(KERNELS[name]):
        wrong = [None, (), math.nan, math.inf, "fp9", parameter.least - max(1, abs(parameter.least))]
        wrong += [2.5] if parameter.type is int else [1] if parameter.type is bool else ["1"]
        for value in wrong:
            with pytest.raises(ValueError) as caught:
                named(name, **{parameter.name: value})
            assert f"{name}: {parameter.name} is {value!r}, it is {parameter.range}" in str(caught.value)


@pytest.mark.parametrize("name", EVERY)
def test_any_number_of_threads_gives_the_same_bits(name, rng):
    """Cut along each of its axes, for one to four threads, at shapes with and without remainders."""
    for given in list(shapes(name, rng, 70))[::13]:
        whole = named(name, **given)
        values = whole.example(rng)
        for axis in whole.axes():

            @dataclass(frozen=True)
            class Cut(type(whole)):
                def axes(self, axis=axis):
                    return (axis,)

            cut = Cut(**{parameter.name: getattr(whole, parameter.name) for parameter in parameters(KERNELS[name])})
            for threads in range(2, 5):
                check(make_job(TINY, cut, values, threads), TINY, walked(cut))


@pytest.mark.parametrize("name", EVERY)
def test_parts_cover_a_kernel_once(name, rng):
    for given in list(shapes(name, rng, 70))[::7]:
        whole = named(name, **given)
        for axis in whole.axes():
            size = getattr(whole, axis.extent)
            for threads in range(1, 5):
                at = bounds(size, axis.grain, threads)
                assert at[0] == 0 and at[-1] == size and all(b > a for a, b in pairwise(at)) and len(at) - 1 <= threads
                assert all(first % axis.grain == 0 for first in at[:-1])
                parts = whole.cut(axis, at)
                assert [getattr(part.kernel, axis.extent) for part in parts] == [b - a for a, b in pairwise(at)]


@pytest.mark.parametrize("threads", [0, 5, -1])
def test_a_node_has_four_threads(threads):
    for name in EVERY:
        with pytest.raises(ValueError, match=f"{name}: {threads} threads, a node has 1 to 4"):
            random_job(TINY, name, np.random.default_rng(0), threads=threads)


def test_what_cannot_be_cut_says_so():
    @dataclass(frozen=True)
    class Whole(KERNELS["axpy"]):
        def axes(self):
            return ()

    with pytest.raises(ValueError, match="axpy: 2 threads, it runs on 1"):
        Whole().split(2)


# --- a kernel that is half there -----------------------------------------------------------------------------------------------------


def whole() -> dict[str, object]:
    """The names of a class that is a kernel."""
    return {what: lambda self: None for what in MEANT} | {"__doc__": "Nothing.", "__module__": "golden.kernels.planted"}


@pytest.mark.parametrize("missing", MEANT)
def test_what_is_missing_is_told_with_the_file(missing):
    names = whole()
    del names[missing]
    with pytest.raises(ValueError, match=f"^golden/kernels/planted.py: kernel planted does not say its {missing}: write {missing}"):
        kernel("planted")(type("Planted", (Kernel,), names))
    assert "planted" not in KERNELS


def test_a_parameter_without_a_meaning_is_told():
    names = whole() | {"n": 3, "__annotations__": {"n": int}}
    with pytest.raises(
        ValueError, match=r"planted.py: kernel planted: parameter n has no meaning: make it with extent, flag, choice or number"
    ):
        kernel("planted")(type("Planted", (Kernel,), names))


def test_a_kernel_without_words_is_told():
    names = whole() | {"__doc__": None}
    with pytest.raises(ValueError, match="kernel planted does not say what it computes: give the class a docstring"):
        kernel("planted")(type("Planted", (Kernel,), names))


def test_a_name_is_given_once():
    with pytest.raises(ValueError, match="planted.py: kernel gemm is registered twice, in golden/kernels/gemm.py too"):
        kernel("gemm")(type("Planted", (Kernel,), whole()))


# --- parts -------------------------------------------------------------------------------------------------------------------------


def test_parameters_say_their_range():
    @dataclass(frozen=True)
    class Some(Kernel):
        n: int = extent(4, "things", 9)
        on: bool = flag("a switch")
        kind: str = choice("a word", "A", "B")
        x: float = number(1.0, "a number")
        y: float = number(1.0, "another", 0.0, 2.0)

    assert [parameter.range for parameter in parameters(Some)] == [
        "a whole number from 1 to 9",
        "yes or no",
        "A or B",
        "a number",
        "a number from 0 to 2",
    ]
    assert parameters(Some)[0] == Parameter("n", int, 4, "things", 1, 9)
    assert [parameter.default for parameter in parameters(Some)] == [4, False, "A", 1.0, 1.0]
    assert parameters(Some)[4].holds(2) and not parameters(Some)[4].holds(2.1) and not parameters(Some)[0].holds(True)


def test_random_numbers_have_the_scale_asked_for():
    for values in (
        bf16_values(random_bf16(np.random.default_rng(0), 200, 200, scale=0.5)),
        f32_values(random_f32(np.random.default_rng(0), 40_000)) / 2,
    ):
        assert abs(values.std() - 0.5) < 0.01 and abs(values.mean()) < 0.01


def test_half_a_place():
    assert rounding(np.array([1.0, -3.0, 0.0]), "FP32").tolist() == [2.0**-24, 3 * 2.0**-24, 2.0**-150]
    assert rounding(np.array([2.0]), "BF16").tolist() == [2.0**-7]


def test_an_operand_says_what_it_is():
    operand = Operand("x", 2, 3, "FP32")
    assert operand.role is Role.IN and operand.value is None and not operand.only

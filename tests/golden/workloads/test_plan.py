"""The memory plan: tensors that live together lie apart, others may share."""

import pytest

from golden.arch.config import CONFIGS
from golden.kernels.gemm import Gemm
from golden.workloads import WORKLOADS
from golden.workloads.graph import Step
from golden.workloads.plan import DoesNotFit, plan
from golden.workloads.workload import named

TINY, D1 = CONFIGS["tiny"], CONFIGS["d1"]


def line(length: int, columns: int = 64) -> Step:
    """A chain of so many tensors of 4 rows, each the product of the one before it and W."""
    step = Step("line")
    w, last = step.input("W", columns, columns), step.input("T0", 4, columns)
    for i in range(1, length):
        tensor = step.inner(f"T{i}", 4, columns)
        step.call(f"call{i}", Gemm, {"a": last, "b": w, "c": tensor})
        last = tensor
    return step


def test_a_chain_needs_two_places():
    """W has 64 rows of 128 bytes, each of the others four."""
    made = plan(line(9), TINY, 0x1000)
    assert made.matrices["W"].address == 0x1000
    assert [made.matrices[f"T{i}"].address for i in range(9)] == [0x3000, 0x3200] * 4 + [0x3000] and made.end == 0x3400


def overlapping(step: Step, made) -> list[tuple[str, str]]:
    """Pairs of tensors that live together and lie in one place."""
    lives, found = step.lives(), []
    names = list(step.tensors)
    for i, one in enumerate(names):
        for two in names[:i]:
            a, b = made.matrices[one], made.matrices[two]
            together = max(lives[one][0], lives[two][0]) <= min(lives[one][1], lives[two][1])
            if together and max(a.address, b.address) < min(a.address + a.size, b.address + b.size):
                found.append((one, two))
    return found


@pytest.mark.parametrize("name", sorted(WORKLOADS))
@pytest.mark.parametrize("batch", [1, 7, 32, 100])
def test_what_lives_together_lies_apart(name, batch):
    step = named(name).step(batch)
    made = plan(step, D1, 0x2000)
    assert not overlapping(step, made)
    assert all(
        matrix.address % 64 == 0 and 0x2000 <= matrix.address and matrix.address + matrix.size <= made.end
        for matrix in made.matrices.values()
    )


def test_some_share():
    step = named("digits-mlp").step(32)
    made = plan(step, TINY, 0)
    assert made.matrices["dH"].address < made.matrices["dW2"].address + made.matrices["dW2"].size
    assert made.end < sum(matrix.size for matrix in made.matrices.values())


def test_what_does_not_fit_is_told_by_size():
    sentence = (
        r"line does not fit tiny: program, arguments and tensors need \d+ bytes, its SRAM has 131072; .*: W 182400, T0 2432, T1 2432$"
    )
    with pytest.raises(DoesNotFit, match=sentence):
        plan(line(2, 300), TINY, 0x1000)

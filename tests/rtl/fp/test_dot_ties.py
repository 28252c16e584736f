"""Sticky bits of a matrix lane: every bit of S that a growing exponent shifts out makes the sum odd, both bodies."""

import pytest

from rtl.fp.adder import Body
from rtl.fp.dot import ACCUMULATORS, TERMS
from tests.golden.numerics.ties import FIRST, lost_bits, operand
from tests.rtl.fp.test_dot import expected, run


def step(slot: int, exponent: int) -> dict:
    words = [operand(exponent)] + [0] * (TERMS - 1)
    return {"kind": "step", "slot": slot, "first": False, "a": words, "b": words}


@pytest.mark.fast
@pytest.mark.parametrize("looped", [False, True], ids=["held", "looped"])
@pytest.mark.parametrize("body", Body)
def test_every_bit_shifted_out_is_kept_as_one(body, looped):
    """``looped``: the step before, of the same accumulator, is still in the lane."""
    cases = list(lost_bits())
    for at in range(0, len(cases), ACCUMULATORS):
        batch = list(enumerate(cases[at : at + ACCUMULATORS]))
        operations = [{"kind": "load", "slot": slot, "hit": True, "raw": word} for slot, (word, _) in batch]
        for slot, (_, e) in batch:
            operations += [step(slot, FIRST), step(slot, e)] if looped else [step(slot, e)]
        got = run(body, operations)
        assert got == expected(operations)
        assert all(got[slot] & 1 for slot, _ in batch)

"""The comparison of formats: its figures by hand, and short trainings."""

import math

import numpy as np
import pytest

from sim.jobs import accuracy
from sim.jobs.accuracy import Run


def test_cross_entropy_by_hand():
    """Two samples: equal logits of four classes, ln 4; and a difference of 1 between two, ln(1 + e)."""
    logits = np.array([[3.0, 1.0], [3.0, 0.0], [3.0, -np.inf], [3.0, -np.inf]])
    labels = np.array([2, 1])
    assert accuracy.cross_entropy(logits, labels) == pytest.approx((math.log(4) + math.log(1 + math.e)) / 2)


def test_an_interval_by_hand():
    """1, 2, 3: mean 2, standard deviation 1; Student's 97.5 % point for 2 degrees of freedom is 4.3027."""
    mean, half = accuracy.paired(np.array([1.0, 2.0, 3.0]))
    assert mean == 2 and half == pytest.approx(4.30265 / math.sqrt(3), rel=1e-5)


def test_the_table_pairs_seeds():
    losses = {"fp32": (0.5, 0.7), "bf16": (0.51, 0.71), "cfloat8": (0.52, 0.74)}
    found = [Run(name, seed, 0.9 + 0.01 * seed, loss) for name, pair in losses.items() for seed, loss in enumerate(pair)]
    _, _, fp32, bf16, cfloat8 = accuracy.table(found)
    assert fp32 == "| FP32 | 2 | 90.50 +- 0.71 | 0.6000 +- 0.1414 |  |  |"
    assert "| +0.0100, 95 % in +0.0100 .. +0.0100 | +0.00 |" in bf16
    assert "| +0.0300, 95 % in -0.0971 .. +0.1571 | +0.00 |" in cfloat8
    page = list(accuracy.page(found))
    first = page.index(accuracy.table(found)[0])
    assert page[first : first + 5] == accuracy.table(found)


def test_formats_learn_alike():
    """Forty steps from the same weights: no format is far from FP32, and none is FP32."""
    found = accuracy.runs(2, 40, lambda run, seconds: None)
    assert [(run.format, run.seed) for run in found] == [(name, seed) for seed in range(2) for name in accuracy.FORMATS]
    for seed in range(2):
        fp32, *others = (run for run in found if run.seed == seed)
        assert fp32.accuracy > 0.75 and 0 < fp32.cross_entropy < 0.9
        for run in others:
            assert 0 < abs(run.cross_entropy - fp32.cross_entropy) < 0.05, run


def test_the_page_in_the_tree_is_one_of_this_command():
    """All lines but the figures."""
    losses = [Run(name, seed, 0.9, 0.5 + seed / 10) for name in accuracy.FORMATS for seed in range(2)]
    lines = accuracy.PAGE_FILE.read_text().splitlines()
    written = [line for line in accuracy.page(losses) if not line.startswith("|")]
    assert [line for line in lines if not line.startswith("|")] == written
    assert len([line for line in lines if line.startswith("|")]) == len(accuracy.table(losses))

"""The data body of 64 banks against the flat one: the same answers in the same cycles, and its own sweep."""

import numpy as np
import pytest

from tb.memory import check, traffic

ROWS = 24  # a sweep of a multiple of 8 cycles: the free-running counters of both machines stand alike after it

pytestmark = [pytest.mark.rtl, pytest.mark.slow]

EVERY = {"l0": 600, "l1": 600, "st": 600, "sl": 600, "ss": 600, "mw": 600, "mr": 600, "fill": 100}


@pytest.mark.parametrize("mix", ({}, {"spread": 60, "partial": 0.3}, {"spread": 5, "partial": 0.5}))
def test_both_bodies_answer_alike(load_player, rng, mix):
    requests = traffic(rng, ROWS, EVERY, **mix)
    flat = load_player(ROWS).run(requests, cycles=100_000)
    banks = load_player(ROWS, "banks", True)
    banks.reset()
    banks = banks.run(requests, cycles=100_000)
    assert check(requests, flat.answers, np.zeros(ROWS * 64, np.uint64)) > 10_000
    for port in requests:
        for field in ("when", "data", "info"):
            assert (flat.answers[port][field] == banks.answers[port][field]).all(), (port, field)
    assert len(banks.events) == 0


def test_sweep_clears_all_banks_a_row_a_cycle(load_player, rng):
    sram = load_player(ROWS, "banks", True)
    assert sram.reset() == ROWS
    writes = traffic(rng, ROWS, {"mw": 400})
    sram.run(writes)
    assert sram.reset() == ROWS
    reads = traffic(rng, ROWS, {"mr": 300, "l0": 300})
    run = sram.run(reads)
    assert check(reads, run.answers, np.zeros(ROWS * 64, np.uint64)) > 2000
    assert len(run.events) == 0

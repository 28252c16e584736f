"""The SRAM as a whole: every answer under random traffic, latencies, stores before loads."""

import pytest

from golden.arch.sram import encode
from tb.memory import check, final_words, traffic

ROWS = 256

pytestmark = pytest.mark.rtl

EVERY = {"l0": 900, "l1": 900, "st": 900, "sl": 900, "ss": 900, "mw": 700, "mr": 700, "fill": 200}
MIXES = {
    "all ports, anywhere": {},
    "all ports, 40 words": {"spread": 40},
    "all ports, 4 words": {"spread": 4},
    "all ports, gaps": {"spread": 300, "gap": 2.0},
    "partial stores, anywhere": {"partial": 0.5},
    "partial stores, 40 words": {"spread": 40, "partial": 0.5},
    "partial stores, 3 words": {"spread": 3, "partial": 0.8},
}


@pytest.fixture
def sram(load_player):
    return load_player(ROWS)


@pytest.mark.parametrize("mix", MIXES)
def test_answers_under_random_traffic(sram, rng, mix):
    requests = traffic(rng, ROWS, EVERY, **MIXES[mix])
    before = sram.words.copy()
    run = sram.run(requests, cycles=200_000)
    compared = check(requests, run.answers, before)
    assert compared > 20_000
    assert len(run.events) == 0
    for word, values in final_words(requests, run.answers, before).items():
        assert int(sram.words[word]) in values
    assert all(encode(int(word)) == check for word, check in zip(sram.words, sram.checks, strict=True))

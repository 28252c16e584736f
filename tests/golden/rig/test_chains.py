"""Chains make the hazards that they are for: each kind of register, at once and a few instructions later."""

import random

from golden.coverage import Coverage
from golden.rig import Rig
from golden.rig.chains import chain
from golden.rig.snippets import Writer
from tests.golden.rig.runs import LIMIT, TINY, load


def writer(seed: int) -> Writer:
    return Writer(0, TINY, Rig(0, TINY, 20).layout, random.Random(seed), 100)


def test_a_chain_writes_a_register_and_uses_it():
    for seed in range(50):
        lines = chain(writer(seed))
        assert lines and all(not line.endswith(":") for line in lines)
        assert lines == chain(writer(seed))


def test_programs_of_chains_have_the_hazards():
    coverage = Coverage()
    for seed in range(30):
        for record in load(Rig(seed, TINY, 40).job()).run(LIMIT):
            coverage.add(record)
    wanted = {
        "x of SLOW read by SLOW next", "x of SLOAD read by SLOAD soon", "x of SLOW read by SSTORE soon",
        "x of DESC read by ALU soon", "p of ALU read by SIMD soon", "v of SIMD read by VSTORE soon",
        "x of SSTORE read by SLOAD next",
    }  # fmt: skip
    assert wanted <= set(coverage.points), wanted - set(coverage.points)

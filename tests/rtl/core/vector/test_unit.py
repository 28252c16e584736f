"""Vector unit and store unit together: random instructions of four threads against golden, and kills."""

import pytest

from golden.arch.config import get_config
from tests.rtl.core.vector.bench import Bench
from tests.rtl.core.vector.programs import MIX
from tests.rtl.core.vector.stubs import BackEnd

pytestmark = pytest.mark.rtl
CYCLES = 2500


CASES = {
    "even": {},
    "fast": {"lane": 1.0, "grant": 1.0, "ready": 1.0, "issue": 1.0, "dispatch": 1.0},
    "slow loads": {"lane": 0.05},
    "slow stores": {"mix": {**MIX, "raise": 2}, "grant": 0.06, "ready": 0.2},
    "slow scalar side": {"issue": 0.2},
    "few registers": {"registers": 2},
    "all registers": {"registers": 32},
    "vectors": {"mix": {**MIX, "simd": 40}, "dispatch": 1.0},
    "matrix and drains": {"mix": {"matrix": 10, "drain": 8, "vld": 1}, "registers": 4, "dispatch": 1.0},
    "stores": {"mix": {"vst": 6, "drain": 3, "st": 4, "raise": 1, "simd": 1, "ld": 2, "vld": 1}},
    "cancelled stores": {"cancels": 0.3},
}


@pytest.mark.parametrize("name", CASES)
def test_random_instructions(unit, rng, name):
    bench = Bench(unit, rng, **CASES[name])
    bench.prologue()
    for _ in range(CYCLES):
        bench.step()
    bench.finish()
    kinds = CASES[name].get("mix", MIX)
    assert all(bench.took["matrix"]) or "matrix" not in kinds
    assert bench.took["raises"] > 5 or "raise" not in kinds


@pytest.mark.parametrize("pace", [{}, {"grant": 0.1, "lane": 0.1}, {"issue": 1.0, "dispatch": 1.0}], ids=["even", "slow memory", "fast"])
def test_a_killed_thread_drops_what_has_not_begun_and_no_other_notices(unit, rng, pace):
    bench = Bench(unit, rng, **pace)
    bench.prologue()
    for _ in range(12):
        for _ in range(int(rng.integers(40, 150))):
            bench.step()
        bench.kill(int(rng.integers(4)))
    bench.finish()


def test_random_instructions_under_cocotb(bench):
    assert len(bench(BackEnd(get_config("tiny")), "cocotb_unit.py")) == 12

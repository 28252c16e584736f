"""Tags against numbers that never wrap: an instruction waits exactly as long as what it names is under way."""

import random
from pathlib import Path

import pytest

from golden.arch import tags

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(("modulus", "ahead"), [(tags.VQ, tags.VQ_AHEAD), (tags.ST, tags.ST_AHEAD + 4)])
def test_a_tag_waits_until_its_position_is_done(seed, modulus, ahead):
    """``ahead`` positions are under way at most, fewer than half of all, whatever the counters have come to."""
    rng = random.Random(seed)
    held = 0
    for _ in range(2_000):
        head = rng.randrange(4 * modulus)
        tail = head + rng.randint(0, ahead)
        position = rng.randint(max(0, tail - modulus + 1), tail - 1) if tail else 0  # that of the last user, maybe long done
        waits = tags.tag(position % modulus, head % modulus, tail % modulus, modulus)
        assert bool(waits["wait"]) == (head <= position < tail)
        for now in range(head, tail + 1):
            done = tags.passed(waits, now % modulus, modulus)
            assert done == (position < now or not waits["wait"]), (position, head, tail, now)
            held += not done
    assert held > 1_000


def test_a_second_load_waits_for_the_first():
    dispatched = loaded = 0
    for register in (3, 31, 0):
        assert tags.may_load(dispatched, loaded, register)
        dispatched ^= 1 << register
        assert not tags.may_load(dispatched, loaded, register)
    loaded ^= 1 << 31
    assert [tags.may_load(dispatched, loaded, register) for register in (3, 31, 0, 1)] == [False, True, False, True]


def test_the_document_quotes_the_rules():
    text = (ROOT / "docs/architecture.md").read_text()
    source = (ROOT / "golden/arch/tags.py").read_text()
    rules = source[source.index("def tag(") :].strip()
    assert f"```python\n{rules}\n```" in text, "docs/architecture.md does not quote golden/arch/tags.py as it is"

"""Accounts of cycles: causes add up, and why kernels alone take longer than a step."""

import re

import pytest

from golden.arch.memmap import Counter
from sim.compile import cache
from sim.events.causes import CAUSES
from sim.jobs.profile import AccountError, account, overlap, total


def spent(**more: int) -> dict[Counter, int]:
    counters = dict.fromkeys(Counter, 0)
    return counters | {Counter[name]: value for name, value in more.items()}


def test_the_time_in_which_no_thread_ran_is_nobodys():
    row = account("gemm", spent(CYCLES=100, MATRIX_IDLE=30, MATRIX_STEPS=50, MATRIX_WAIT_LOAD=20))
    assert row["cycles"] == 70 == sum(row["causes"].values()) and row["causes"]["step"] == 50 and set(row["causes"]) == set(CAUSES)


def test_causes_that_do_not_add_up_are_a_bug():
    with pytest.raises(AccountError, match="gemm: causes .* add up to 50, not to 70 cycles"):
        account("gemm", spent(CYCLES=100, MATRIX_IDLE=30, MATRIX_STEPS=50))


def test_why_the_kernels_take_longer_than_the_step():
    rows = [account(name, spent(CYCLES=60, MATRIX_STEPS=60)) for name in ("one", "two")]
    step = account("step", spent(CYCLES=110, MATRIX_STEPS=110))
    assert total(rows)["cycles"] == 120
    text = overlap(rows, step)
    assert "takes 110 cycles, the 2 kernels one by one on one thread 120" in text and "(10 cycles saved)" in text


def test_the_page_explains_every_cause_once():
    page = (cache.ROOT / "docs" / "profile.md").read_text()
    assert sorted(re.findall(r"^\| ([a-z ]+) \|", page, re.MULTILINE)) == sorted(["column", *CAUSES])

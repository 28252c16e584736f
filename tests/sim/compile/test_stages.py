"""Stages are measured for all that is around them."""

import subprocess
import sys
import time

import pytest

from sim.compile.stages import REST, Spent, measured, stage, total


def test_stages_add_up_and_what_none_names_is_the_rest():
    with measured() as outer:
        with stage("thinking"):
            time.sleep(0.1)
        with measured() as inner:
            for _ in range(2):
                with stage("text"):
                    time.sleep(0.1)
        time.sleep(0.2)
    assert list(inner) == ["text", REST] and list(outer) == ["thinking", "text", REST]
    assert inner["text"] == outer["text"] and inner["text"].seconds >= 0.2 and outer[REST].seconds >= 0.2
    assert total(outer).seconds >= 0.5 and total(inner.values()) == inner["text"] + inner[REST]


def test_the_processor_of_a_child_counts():
    with measured() as stages, stage("child"):
        subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.4: pass"], check=True)
    assert stages["child"].processor >= 0.35


def test_a_stage_that_fails_and_one_of_nobody_are_not_counted():
    with stage("of nobody"):
        pass
    with pytest.raises(ValueError, match="no"), measured() as stages, stage("failed"):
        raise ValueError("no")
    assert stages == {} and Spent(1, 2) - Spent(2, 1) == Spent(0, 1)

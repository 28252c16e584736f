"""Whole nodes in the C++ engine. All of them are one model, ``tiny`` with its trace, so that one build serves them."""

import pytest

from sim.jobs import machine


@pytest.fixture
def engine():
    """A fresh node."""
    with machine.engine("tiny", trace=True) as engine:
        yield engine

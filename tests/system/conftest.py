"""Whole nodes in the C++ engine, compiled once per configuration and shared."""

import pytest

from sim.jobs import machine


@pytest.fixture(scope="session")
def traced_engine_maker():
    """Fresh ``tiny`` nodes with trace ports."""
    return lambda: machine.engine("tiny", trace=True)


@pytest.fixture
def engine():
    """A fresh ``tiny`` node."""
    with machine.engine("tiny") as engine:
        yield engine

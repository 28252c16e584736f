"""Why the matrix unit did what it did in a cycle, by the names that a profile uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from golden.arch.memmap import Counter

CAUSES = {
    "step": Counter.MATRIX_STEPS,
    "load": Counter.MATRIX_WAIT_LOAD,
    "drain": Counter.MATRIX_WAIT_DRAIN,
    "simd": Counter.MATRIX_WAIT_SIMD,
    "front end": Counter.MATRIX_WAIT_FRONT,
    "synchronisation": Counter.MATRIX_WAIT_SYNC,
}
"""Causes of a cycle in which a thread runs, each with the counter that counts it."""
REMEDIES = {
    "load": "more loads between a load and its step; gathers without bank conflicts",
    "drain": "a second group of accumulators, one drained while the other works",
    "simd": "overlap with a thread that has steps; the same operation of several rows one after another",
    "front end": "longer bodies of loops; addresses by steps of descriptors; a second thread; a warm instruction cache",
    "synchronisation": "shorter parts for the last to come; raise earlier; fewer fences",
}
"""What helps against each cause that is a loss."""
IDLE = "idle"
_BITS = {counter - Counter.MATRIX_WAIT_LOAD: cause for cause, counter in CAUSES.items() if counter != Counter.MATRIX_STEPS}


def cause(told: Mapping[str, Any]) -> str:
    """The one of a cycle's record (golden.arch.trace.CYCLE): of ``CAUSES``, or ``IDLE`` while no thread runs."""
    if told["matrix_step"]:
        return "step"
    return next((name for bit, name in _BITS.items() if told["matrix_wait"] >> bit & 1), IDLE)

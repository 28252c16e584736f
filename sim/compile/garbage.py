"""Elaboration makes millions of objects and few cycles of them: a collector that looks for cycles takes as long as all else."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """The body runs without the collector, which then goes on as before."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()

"""What always holds, said where it does: an assertion of the simulation when the design is elaborated under ``checked``, else nothing.

    always    a condition, in every cycle out of reset
    at_most_one   of several bits
    steady    what a stream offers stays until it is taken

    with checked():
        rtlil.convert(design)

Without ``checked`` no signal is made and no statement written: the design is the same to the byte. A broken one ends the simulation and
names its place in the source.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from amaranth.hdl import Assert, Module, ResetSignal, Signal, Value, ValueLike
from amaranth.lib import wiring

_ROOT = Path(__file__).resolve().parents[2]
_checked: ContextVar[bool] = ContextVar("checked", default=False)


@contextmanager
def checked(wanted: bool = True) -> Iterator[None]:
    """What is elaborated in the body has its invariants as assertions, if they are ``wanted``."""
    token = _checked.set(wanted)
    try:
        yield
    finally:
        _checked.reset(token)


def always(m: Module, holds: ValueLike, says: str) -> None:
    """Whether ``holds``, at every edge of the clock out of reset; within ``m.If`` where that is true. ``says``: what is wrong if not."""
    if _checked.get():
        _assert(m, Value.cast(holds).any(), says)


def at_most_one(m: Module, bits: ValueLike, says: str) -> None:
    """No two of the bits are set."""
    if _checked.get():
        bits = Value.cast(bits)
        _assert(m, (bits & (bits - 1)[: len(bits)]) == 0, says)


def steady(m: Module, stream: wiring.PureInterface, says: str) -> None:
    """An item that a stream offers and nobody takes is offered in the next cycle as well, the same one."""
    if not _checked.get():
        return
    payload = Value.cast(stream.payload)
    offered, before = Signal(), Signal(len(payload), reset_less=True)
    m.d.sync += [offered.eq(stream.valid & ~stream.ready), before.eq(payload)]
    _assert(m, ~offered | (stream.valid & (payload == before)), says)


def _assert(m: Module, holds: Value, says: str) -> None:
    """The place is that of the caller's caller, as a path in the project. What a design holds before its reset is anything."""
    frame = sys._getframe(2)
    place = f"{os.path.relpath(frame.f_code.co_filename, _ROOT)}:{frame.f_lineno}"
    with m.If(~ResetSignal(allow_reset_less=True)):
        m.d.sync += Assert(holds, f"{place}: {says}\n")

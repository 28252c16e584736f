"""The same value some cycles later: one flip-flop a stage.

    delay    one value by some stages
    stage    what a stage of a pipeline holds
"""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Module, Signal, Value


def delay(
    m: Module, value: Any, stages: int | Sequence[str], name: str = "", *, domain: str = "sync", reset_less: bool = False
) -> Any:
    """``value`` one cycle later per stage, in its own shape; ``value`` itself for no stage.

    Parameters
    ----------
    stages : how many, or their names: the flip-flops are ``{stage}_{name}``, of numbers ``{name}_1``, ``{name}_2``, ...
    reset_less : for data that a valid bit of its own goes with. All others start from 0.

    Raises ValueError for less than no stage.
    """
    if isinstance(stages, int):
        if stages < 0:
            raise ValueError(f"{name} cannot be delayed by {stages} cycles")
        names = [f"{name}_{stage}" for stage in range(1, stages + 1)]
    else:
        names = [f"{stage}_{name}" if name else stage for stage in stages]
    for full in names:
        later = Signal(value.shape(), name=full, reset_less=reset_less)
        m.d[domain] += Value.cast(later).eq(Value.cast(value))
        value = later
    return value


def stage(m: Module, name: str, **values: Any) -> SimpleNamespace:
    """The values one cycle later, under their names: flip-flops ``{name}_{value's name}`` without reset, each in its value's own shape."""
    return SimpleNamespace(**{key: delay(m, value, (name,), key, reset_less=True) for key, value in values.items()})

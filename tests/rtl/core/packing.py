"""Struct-shaped ports as Python dicts and lists, and a component run cycle by cycle over sim.compile.batch."""

from enum import Enum
from typing import Any

import numpy as np
from amaranth.hdl import Shape
from amaranth.lib import data, wiring

from sim.compile.batch import Batch


def pack(shape: Any, value: Any) -> int:
    """The bits of a value: dict for a struct (missing fields 0), list for an array, a number or a member of an enumeration otherwise."""
    layout = data.Layout.cast(shape) if isinstance(value, (dict, list)) else None
    if layout is None:
        width = Shape.cast(shape).width
        return int(value.value if isinstance(value, Enum) else value) & ((1 << width) - 1)
    items = value.items() if isinstance(value, dict) else enumerate(value)
    bits = 0
    for key, part in items:
        field = layout[key]
        bits |= pack(field.shape, part) << field.offset
    return bits


def unpack(shape: Any, bits: int) -> Any:
    """The inverse of pack; enums as ints."""
    try:
        layout = data.Layout.cast(shape)
    except TypeError:
        return bits & ((1 << Shape.cast(shape).width) - 1)
    if isinstance(layout, data.ArrayLayout):
        step = Shape.cast(layout.elem_shape).width
        return [unpack(layout.elem_shape, bits >> (step * k)) for k in range(layout.length)]
    return {key: unpack(field.shape, bits >> field.offset) for key, field in layout}


class Stepped:
    """A compiled component, one clock cycle a call."""

    def __init__(self, component: wiring.Component) -> None:
        self.shapes = {
            "__".join(map(str, path)): member.shape for path, member, _ in component.signature.flatten(component)
        }
        self._batch = Batch(component)

    def cycle(self, inputs: dict[str, Any]) -> dict[str, int]:
        """Apply inputs (0 where missing), return what the outputs show, then one clock edge."""
        rows: dict[str, np.ndarray] = {}
        for name, value in inputs.items():
            shape = self.shapes[name]
            width, bits = Shape.cast(shape).width, pack(shape, value)
            if width <= 64:
                rows[name] = np.array([bits], dtype=np.uint32 if width <= 32 else np.uint64)
            else:
                words = (width + 31) // 32
                rows[name] = np.frombuffer(bits.to_bytes(4 * words, "little"), dtype="<u4").reshape(1, words)
        out = self._batch.run(rows)
        return {
            name: int.from_bytes(array[0].tobytes(), "little") if array.ndim == 2 else int(array[0])
            for name, array in out.items()
        }

    def read(self, out: dict[str, int], name: str) -> Any:
        """An output as dicts and lists."""
        return unpack(self.shapes[name], out[name])

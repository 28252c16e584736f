"""Amaranth's shapes of the records that golden.arch describes."""

from amaranth.hdl import signed
from amaranth.lib import data

from golden.arch.bits import Layout


def struct(layout: Layout) -> data.StructLayout | data.ArrayLayout:
    """The same fields in the same bits, signed ones as signed; numbered ones, which are alike, are an array.

    Raises ValueError when the fields do not follow one another from bit 0: a struct has no holes.
    """
    shapes = [struct(field.parts) if field.parts else signed(field.width) if field.signed else field.width for field in layout]
    if layout.is_array:
        return data.ArrayLayout(shapes[0], len(shapes))
    shape = data.StructLayout({field.name: each for field, each in zip(layout, shapes, strict=True)})
    for field in layout:
        if shape[field.name].offset != field.lo:
            raise ValueError(f"{layout.record} field {field.name} lies at bit {field.lo}, in a struct at {shape[field.name].offset}")
    return shape

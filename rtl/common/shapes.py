"""Amaranth's shapes of the records that golden.arch describes."""

from amaranth.hdl import signed
from amaranth.lib import data

from golden.arch.bits import Layout


def struct(layout: Layout) -> data.StructLayout:
    """The same fields in the same bits, signed ones as signed.

    Raises ValueError when the fields do not follow one another from bit 0: a struct has no holes.
    """
    shape = data.StructLayout(
        {
            field.name: struct(field.parts) if field.parts else signed(field.width) if field.signed else field.width
            for field in layout
        }
    )
    for field in layout:
        if shape[field.name].offset != field.lo:
            raise ValueError(f"{layout.record} field {field.name} lies at bit {field.lo}, in a struct at {shape[field.name].offset}")
    return shape

"""Structs lie where golden.arch puts the fields."""

import pytest
from amaranth.hdl import Shape

from golden.arch import descriptor, packet
from golden.arch.bits import Field, Layout
from rtl.common.shapes import struct


@pytest.mark.fast
@pytest.mark.parametrize("layout", [packet.CONTROL, packet.HEADER, packet.BODY, descriptor.IMAGE], ids=lambda layout: layout.record)
def test_every_field_lies_where_golden_has_it(layout):
    shape = struct(layout)
    assert [(name, field.offset, field.width, Shape.cast(field.shape).signed) for name, field in shape] == [
        (field.name, field.lo, field.width, field.signed) for field in layout
    ]
    assert shape.size == layout.width


@pytest.mark.fast
def test_a_record_inside_and_a_hole():
    inner = Layout.of("inner", a=3, b=-4)
    assert struct(Layout("outer", [Field("part", 7, 0, parts=inner), Field("rest", 2, 7)]))["part"].shape == struct(inner)
    with pytest.raises(ValueError, match="holes field b lies at bit 5, in a struct at 3"):
        struct(Layout("holes", [Field("a", 3, 0), Field("b", 2, 5)]))

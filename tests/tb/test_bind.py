"""Binding a design's ports, with handles that need no simulator."""

import pytest

from tb.bind import Ports


class Handle:
    def __init__(self, width: int) -> None:
        self.width, self.value = width, 0

    def __len__(self) -> int:
        return self.width


class Design:
    def __init__(self, **widths: int) -> None:
        for name, width in widths.items():
            setattr(self, name, Handle(width))


def description(*entries: tuple[str, str, int, bool]) -> dict:
    ports = [
        {"name": name, "direction": direction, "width": width, "signed": signed, "path": [name]}
        for name, direction, width, signed in entries
    ]
    return {"top": "T", "ports": ports, "clock": None, "reset": None}


def test_a_struct_is_driven_and_read_by_fields():
    """Kind 5 = 0b101; shift -3 = 0b11101 at bit 3."""
    layout = [
        {"name": "kind", "offset": 0, "width": 3, "signed": False},
        {"name": "shift", "offset": 3, "width": 5, "signed": True},
    ]
    entries = description(("a", "input", 8, False), ("b", "input", 8, False))
    entries["ports"][0]["fields"] = layout
    ports = Ports(Design(a=8, b=8), entries)
    ports.a.set({"kind": 5, "shift": -3})
    assert ports.a.handle.value == 0xED and ports.a.fields() == {"kind": 5, "shift": -3} == ports.a.fields(0xED)
    with pytest.raises(ValueError, match="a has no field 'size': its fields are kind, shift"):
        ports.a.set({"size": 1})
    with pytest.raises(ValueError, match="a field shift = 16 does not fit: -16 to 15"):
        ports.a.set({"shift": 16})
    with pytest.raises(ValueError, match="b = 256 does not fit: 0 to 255"):
        ports.b.set(256)
    with pytest.raises(ValueError, match="b has no fields: it is a plain number of 8 bits"):
        ports.b.fields()


def test_ports_carry_numbers_with_their_sign():
    ports = Ports(Design(a=8, b=8), description(("a", "input", 8, True), ("b", "output", 8, True)))
    ports.a.set(-1)
    assert ports.a.handle.value == 0xFF
    ports.b.handle.value = 0x80
    assert ports["b"].get() == -128


def test_an_output_is_not_driven():
    ports = Ports(Design(b=8), description(("b", "output", 8, False)))
    with pytest.raises(ValueError, match="b is an output"):
        ports.b.set(1)


def test_a_design_that_is_not_the_manifests_is_refused():
    with pytest.raises(ValueError, match="has a port a, the design has not"):
        Ports(Design(), description(("a", "input", 8, False)))
    with pytest.raises(ValueError, match="a is 7 bits wide, its manifest says 8"):
        Ports(Design(a=7), description(("a", "input", 8, False)))


def test_an_unknown_port_is_named():
    ports = Ports(Design(a=8), description(("a", "input", 8, False)))
    with pytest.raises(KeyError, match="no port 'c' among a"):
        ports.c.get()


def test_ports_beside_valid_are_one_payload():
    entries = [
        ("w__valid", "output", 1, False),
        ("w__ready", "input", 1, False),
        ("w__line", "output", 4, False),
        ("w__shift", "output", 3, True),
        ("w__done__tag", "input", 2, False),
        ("word", "output", 9, False),
    ]
    design = Design(**{name: width for name, _, width, _ in entries})
    payload = Ports(design, description(*entries)).payload("w")
    design.w__line.value, design.w__shift.value = 9, 0b110
    assert payload.width == 7 and payload.get() == 9 | 0b110 << 4
    assert Ports(design, description(*entries)).w__line.layout is None
    assert payload.fields() == payload.fields(9 | 0b110 << 4) == {"line": 9, "shift": -2}
    with pytest.raises(ValueError, match="w has no field 'done__tag': its fields are line, shift"):
        payload.set({"done__tag": 1})

"""The descriptor file: two reads and two writes a cycle, and how a descriptor steps (docs/isa.md, golden.arch.descriptor).

A descriptor is its *geometry* (everything that no step changes) and two positions, inner and outer. Rule kept: within a
cycle no two writes go to the same descriptor (scalar issue sees to that), and a read in the cycle of a write gives what is
being written, so that an instruction can use the step of the one before it.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.classes import Step
from golden.arch.descriptor import IMAGE, RESERVED_LO, STEP_BACK, STEP_Y
from rtl.common.shapes import struct

_IMAGE = struct(IMAGE)
_MOVING = ("base", "y0", "x0")
STEP_BITS = 5
PORTS = 2
INDEX_BITS = 5  # thread << 3 | descriptor

Position = data.StructLayout({name: _IMAGE[name].shape for name in _MOVING})
Geometry = data.StructLayout({name: field.shape for name, field in _IMAGE if name not in _MOVING})
Descriptor = data.StructLayout({"geometry": Geometry, "inner": Position, "outer": Position})


def image(geometry, position) -> Value:
    """The bits of the image from bit 0, fields in the order of golden.arch.descriptor.IMAGE."""
    return Cat(*((position if name in _MOVING else geometry)[name] for name, _ in _IMAGE))


class Stepper(wiring.Component):
    """The descriptor after an instruction; combinational."""

    current: In(Descriptor)
    step: In(Step)
    # setd: take the image instead, both positions alike.
    set: In(1)
    low: In(64)
    high: In(64)
    after: Out(Descriptor)
    # The image has a reserved bit set, or pixels that this machine does not gather.
    bad: Out(1)
    # The outer image, in halves.
    image_low: Out(64)
    image_high: Out(64)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        geometry, after = self.current.geometry, self.after
        outer = self.step == Step.OUTER
        start = Signal(Position)
        m.d.comb += start.eq(Mux(outer, Value.cast(self.current.outer), Value.cast(self.current.inner)))
        # Both steps are decoded before one is chosen. Backwards: the complement is added, and one.
        distances = []
        for name in ("inner", "outer"):
            code = geometry[name]
            along_y, back = code[STEP_Y.bit_length() - 1], code[STEP_BACK.bit_length() - 1]
            count, rows = Signal(8, name=f"{name}_count"), Signal(len(start.base), name=f"{name}_rows")
            with m.Switch(code[:3]):
                for log in range(8):
                    with m.Case(log):
                        m.d.comb += [count.eq(1 << log), rows.eq(Cat(Const(0, log), geometry.row_pitch))]
            elements = Signal(11, name=f"{name}_elements")  # 128 x 8 B are 1024 elements at most
            with m.Switch(geometry.elem):
                for elem in range(4):
                    with m.Case(elem):
                        m.d.comb += elements.eq(Cat(Const(0, 3 - elem), count))
            distance = {
                "base": Mux(along_y, rows, count),
                "y0": Mux(along_y, count, 0),
                "x0": Mux(along_y, 0, elements),
            }
            distances.append((back, distance))
        (back_inner, inner_distance), (back_outer, outer_distance) = distances
        back = Mux(outer, back_outer, back_inner)
        moved = Signal(Position)
        for name in _MOVING:
            width = len(Value.cast(moved[name]))
            step = Signal(width, name=f"step_{name}")
            m.d.comb += [
                step.eq(Mux(outer, outer_distance[name], inner_distance[name])),
                moved[name].eq(Value.cast(start[name]).as_unsigned() + (step ^ back.replicate(width)) + back),
            ]

        given = data.View(_IMAGE, Cat(self.low, self.high)[:RESERVED_LO])
        with m.If(self.set):
            m.d.comb += [after.geometry[name].eq(given[name]) for name, _ in Geometry]
            m.d.comb += [position[name].eq(given[name]) for position in (after.inner, after.outer) for name in _MOVING]
        with m.Else():
            restart = self.step == Step.RESTART
            m.d.comb += [
                after.geometry.eq(geometry),
                after.outer.eq(Mux(outer, Value.cast(moved), Value.cast(self.current.outer))),
                after.inner.eq(Mux(restart, Value.cast(self.current.outer), Value.cast(moved))),
            ]
        whole = image(geometry, self.current.outer)
        m.d.comb += [
            self.bad.eq(self.set & (self.high[RESERVED_LO - 64 :].any() | given["width"].any())),
            self.image_low.eq(whole[:64]),
            self.image_high.eq(whole[64:]),
        ]
        return m


class DescriptorFile(wiring.Component):
    """Storage of 4 x 8 descriptors."""

    # Read port p; combinational, with what is written in the same cycle.
    read_index: In(data.ArrayLayout(INDEX_BITS, PORTS))
    read: Out(data.ArrayLayout(Descriptor, PORTS))
    # Write port p: inner always, outer and geometry when asked.
    write: In(PORTS)
    write_outer: In(PORTS)
    write_geometry: In(PORTS)
    write_index: In(data.ArrayLayout(INDEX_BITS, PORTS))
    value: In(data.ArrayLayout(Descriptor, PORTS))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        enables = {
            "geometry": self.write & self.write_geometry,
            "inner": self.write,
            "outer": self.write & self.write_outer,
        }
        for part, enable in enables.items():
            store = memory.Memory(shape=Descriptor[part].shape, depth=isa.THREADS * isa.DESCRIPTORS, init=[])
            m.submodules[part] = store
            for port in range(PORTS):
                into = store.write_port()
                m.d.comb += [
                    into.en.eq(enable[port]),
                    into.addr.eq(self.write_index[port]),
                    into.data.eq(self.value[port][part]),
                ]
            for port in range(PORTS):
                out = store.read_port(domain="comb")
                m.d.comb += [out.addr.eq(self.read_index[port]), self.read[port][part].eq(out.data)]
                for other in range(PORTS):
                    with m.If(enable[other] & (self.write_index[other] == self.read_index[port])):
                        m.d.comb += self.read[port][part].eq(self.value[other][part])
        return m

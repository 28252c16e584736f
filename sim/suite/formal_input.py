"""Properties of a router's input: looking ahead, and the buffers behind one link. Their faults stand in formal_faults.py."""

from __future__ import annotations

from types import SimpleNamespace

from amaranth.hdl import Assume, Cat, Module, Mux, Signal, Value

from golden.arch.boot import NEXT_NODE
from golden.arch.mesh import LARGEST, OPPOSITE, STEP
from golden.arch.packet import CHANNELS, COORD_BITS, PortId
from golden.arch.route_table import ENTRIES
from rtl.noc.layouts import CONTROL
from rtl.noc.router import input as input_module
from rtl.noc.router import lookahead as lookahead_module
from rtl.noc.router.layouts import ENTRY, PORTS
from sim.suite.formal_noc import followed
from sim.suite.formal_top import Proof, Top, at_most_one

_EAST, _WEST, _NORTH, _SOUTH, _NODE = (1 << p for p in (PortId.EAST, PortId.WEST, PortId.NORTH, PortId.SOUTH, PortId.NODE))


def _along(place: Value, here: Value, before: int, after: int, else_: Value | int) -> Value:
    return Mux(place < here, before, Mux(place > here, after, else_))


def _towards(x: Value, y: Value, here: tuple[Value, Value], yx: Value) -> Value:
    """The port of dimension order towards a place, one-hot."""
    xy_port = _along(x, here[0], _WEST, _EAST, _along(y, here[1], _NORTH, _SOUTH, _NODE))
    yx_port = _along(y, here[1], _NORTH, _SOUTH, _along(x, here[0], _WEST, _EAST, _NODE))
    return Mux(yx, yx_port, xy_port)


class LookAheadTop(Top):
    """Any control word at any place of a mesh, any table; for multicasts any member of the rectangle."""

    def body(self, m: Module) -> None:
        m.submodules.part = part = (self.module or lookahead_module).LookAhead()
        control, table = Signal(CONTROL), part.table
        m.d.comb += [control.eq(self.free(CONTROL.size, "control")), table.eq(self.free(ENTRY.size * ENTRIES, "table"))]
        x, y, member_x, member_y = (self.free(COORD_BITS, name) for name in ("x", "y", "member_x", "member_y"))
        for near, here in ((part.x, x), (part.y, y)):
            m.d.comb += [Assume((here >= 1) & (here <= LARGEST)), near.before.eq(here - 1), near.here.eq(here), near.after.eq(here + 1)]
        m.d.comb += [part.control.eq(control), Assume(at_most_one(control.valid)), Assume(control.valid.any())]
        m.d.comb += Assume((control.x <= control.far_x) & (control.y <= control.far_y))
        yx, one = control.valid[1] | control.valid[3], (control.x == control.far_x) & (control.y == control.far_y)
        matches = Signal(ENTRIES)
        for i in range(ENTRIES):
            m.d.comb += matches[i].eq(self._matches(table[i], control, yx))
        m.d.comb += part.detours.eq(matches.any() | self.free(1, "detours"))
        agreed = self.free(PORTS, "agreed")
        agree = Cat(~matches[i] | (table[i].next == agreed) for i in range(ENTRIES)).all()
        inside = (member_x >= control.x) & (member_x <= control.far_x) & (member_y >= control.y) & (member_y <= control.far_y)

        boots = (control.x == NEXT_NODE[0]) & (control.y == NEXT_NODE[1])

        back, order, exception, reached, wanted, turns, booting = [], [], [], [], [], [], []
        for out, (step_x, step_y) in STEP.items():
            onward, there, forward = part.onward[out], (x + step_x, y + step_y), ~(1 << OPPOSITE[out])
            towards = _towards(control.x, control.y, there, yx)
            back.append((onward & (1 << OPPOSITE[out])) == 0)
            order.append(~one | boots | matches.any() | (onward == (towards & forward)))
            exception.append(~one | boots | ~matches.any() | ~agree | (onward == (agreed & forward)))
            behind = self._behind(out, member_x, member_y, there, yx)
            reached.append(one | ~inside | ~behind | ((onward & _towards(member_x, member_y, there, yx)) != 0))
            wanted.append(one | self._wanted(onward, control, there, yx))
            turned = Mux(yx, onward & (_NORTH | _SOUTH), 0) if step_x else Mux(yx, 0, onward & (_EAST | _WEST))
            turns.append(one | (turned == 0))
            booting.append(~boots | (onward == _NODE))
        self.claim("nothing turns back", Cat(*back).all())
        self.claim("one place in dimension order", Cat(*order).all())
        self.claim("an exception wins", Cat(*exception).all())
        self.claim("reaches every member", Cat(*reached).all())
        self.claim("no branch for nobody", Cat(*wanted).all())
        self.claim("turns of one kind", Cat(*turns).all())
        self.claim("boot packets to the node", Cat(*booting).all())

    @staticmethod
    def _matches(entry, control, yx: Value) -> Value:
        inside = (control.x >= entry.x0) & (control.x <= entry.x1) & (control.y >= entry.y0) & (control.y <= entry.y1)
        return inside & Mux(yx, entry.routes[1], entry.routes[0]) & ((entry.outs & control.out[: len(STEP)]) != 0)

    @staticmethod
    def _behind(out: PortId, x: Value, y: Value, there: tuple[Value, Value], yx: Value) -> Value:
        """Whether a multicast that leaves by `out` is the copy that a place gets: those of the first dimension serve whole lines across."""
        side = {
            PortId.EAST: x >= there[0], PortId.WEST: x <= there[0], PortId.SOUTH: y >= there[1], PortId.NORTH: y <= there[1],
        }[out]  # fmt: skip
        return side & (~yx | (y == there[1]) if STEP[out][0] else yx | (x == there[0]))

    @staticmethod
    def _wanted(onward: Value, control, there: tuple[Value, Value], yx: Value) -> Value:
        """Whether somebody of the rectangle is behind every branch."""
        column = (control.x <= there[0]) & (control.far_x >= there[0])
        row = (control.y <= there[1]) & (control.far_y >= there[1])
        east, west = (control.far_x > there[0]) & (row | ~yx), (control.x < there[0]) & (row | ~yx)
        south, north = (control.far_y > there[1]) & (column | yx), (control.y < there[1]) & (column | yx)
        sides = {PortId.EAST: east, PortId.WEST: west, PortId.SOUTH: south, PortId.NORTH: north, PortId.NODE: column & row}
        return Cat(~onward[port] | somebody for port, somebody in sides.items()).all()


class InputTop(Top):
    """A sender with credits on every channel, arbiters that grant what is wanted; a packet of one channel is followed; all are alike."""

    channel = 2

    def body(self, m: Module) -> None:
        m.submodules.part = part = (self.module or input_module).RouterInput()
        control, v = Signal(CONTROL), self.channel
        m.d.comb += [control.eq(self.free(CONTROL.size, "control")), part.control.eq(control), Assume(at_most_one(control.valid))]
        for name, near in (("x", part.x), ("y", part.y)):
            m.d.comb += near.eq(self.free(near.shape().size, name))
        m.d.comb += part.detours.eq(1)
        granted, follow = self.free(PORTS * CHANNELS, "granted"), self.free(1, "follow")
        m.d.comb += part.granted.eq(granted)
        mine = granted[v * PORTS : (v + 1) * PORTS]
        word = Cat(part.lookahead.onward, control.x, control.y, control.far_x, control.far_y)
        doors = {"want": part.want[v], "head": part.heads[v], "slot": part.slots[v], "gone": part.fifos[v].gone}
        state = {name: getattr(part.fifos[v], name) for name in ("words", "outs", "count", "some", "first", "read", "write")}
        holds = followed(m, SimpleNamespace(**doors, **state), "its", control.valid[v], control.out, word, follow, mine)
        left = Signal()
        m.d.sync += left.eq(part.want[v].any() & ((part.want[v] & ~mine) == 0))
        for name in ("in order and whole", "gone with its last copy", "offers what it holds", "passes by when empty"):
            self.claim(name, holds.pop(name))
        payload = [holds.pop(f"payload is {what}") for what in ("read where it was written", "written when a packet comes")]
        self.claim("payload goes with its word", Cat(*payload).all())
        self.claim("a credit for each that left", ~self.started | (part.credit[v] == left))
        self.claim("buffers keep their state", Cat(*holds.values()).all())


PROOFS: tuple[Proof, ...] = (
    Proof(
        "look-ahead",
        ("nothing turns back", "one place in dimension order", "an exception wins", "reaches every member", "no branch for nobody",
         "turns of one kind", "boot packets to the node"),
        LookAheadTop, 1, 1,
    ),
    Proof(
        "router input",
        ("in order and whole", "gone with its last copy", "offers what it holds", "passes by when empty", "a credit for each that left",
         "payload goes with its word", "buffers keep their state"),
        InputTop, 6, 2,
    ),
)  # fmt: skip
"""In the order of the report."""

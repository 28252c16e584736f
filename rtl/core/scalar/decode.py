"""What the scalar queue makes of an instruction when it comes in: the registers and the descriptor that its row and its word name."""

from amaranth.hdl import Cat, Module, Mux, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.encoding import F0, F1, F2
from rtl.core.access import Queued
from rtl.core.decoded import FIELDS
from rtl.core.interfaces import ScalarEntry


class Decode(wiring.Component):
    """Turns what dispatch sends into what the queue holds; combinational."""

    entry: In(ScalarEntry)
    queued: Out(Queued)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word, control, q = self.entry.word, self.entry.row, self.queued
        m.d.comb += [
            q.control.eq(control),
            q.d.eq(Mux(control.d_f0, word[F0 : F0 + 3], word[F1 : F1 + 3])),
        ]
        for name in ("word", "seq", "pc", "vq", "st", "parity", "vq_mark"):
            m.d.comb += q[name].eq(self.entry[name])
        for index, field in ((q.a, control.field_a), (q.b, control.field_b)):
            for lo, value in FIELDS.items():
                with m.If(field == value):
                    m.d.comb += index.eq(word[lo : lo + 5])
        moves = control.vload | control.vstore | control.drain
        # The choices of a memory instruction begin with "stay", those of dstep without it: dstep's are one less.
        step = Mux(control.dstep, word[F1 : F1 + 2] + 1, Mux(moves, word[F1 + 3 : F1 + 5], 0))[:2]
        m.d.comb += [Cat(q.step).eq(step), q.changes_d.eq(control.setd | (step != 0))]
        return m


def immediate(entry: Queued) -> Value:
    """The immediate of an entry, sign-extended to 64 bits."""
    ten, fifteen = entry.word[F2:].as_signed(), entry.word[F1:].as_signed()
    value = Mux(entry.control.imm15, fifteen, ten)
    return Cat(value, value[-1].replicate(64 - len(value)))

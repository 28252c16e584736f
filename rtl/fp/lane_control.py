"""Shared control of the 64 matrix lanes: where each operation is, and where each takes its accumulator from.

    decode -> X0 -> X1 -> X2 -> X3 -> A -> T -> S -> W       one operation (step or load) may enter every cycle

The rule: an operation sees the result of every older one. With E read at X1 and S at A, an older operation on the same
accumulator is forwarded when it is one to three places ahead; farther ahead, the files have it. The comparisons are
made once, in X0, and travel with the operation; the nearest older operation wins because its forward stands last.
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

LaneControl = data.StructLayout(
    {
        # Accumulator whose E is read in X1; take the E of the operation in X3 instead; take 0 instead.
        "x1_slot": 5,
        "x1_forward": 1,
        "x1_clear": 1,
        # The operation in X1 will take, in X2, the E that leaves X2 now.
        "x1_next_forward": 1,
        # Write the E file.
        "x3_write": 1,
        "x3_slot": 5,
        # Accumulator whose S and P are read in A; take those of the operation in W instead; take 0 instead.
        "a_slot": 5,
        "a_forward": 1,
        "a_clear": 1,
        # The operation in A will take S and P from W when it is in T; when it is in S.
        "a_forward_t": 1,
        "a_forward_s": 1,
        # Write the S and P file; the operation is a step, so that the range of S counts.
        "w_write": 1,
        "w_slot": 5,
        "w_step": 1,
    }
)
"""Control of a lane: each field belongs to the stage that starts its name."""

_Operation = data.StructLayout({"step": 1, "first": 1, "slot": 5, "ahead": 3})


class LaneSequencer(wiring.Component):
    """Follows operations through the lanes' pipeline. An operation given at decode is in X0 one cycle later."""

    # An operation enters decode this cycle.
    valid: In(1)
    # It is a step (else a load).
    step: In(1)
    # It takes the accumulator as +0.
    first: In(1)
    # Its accumulator: 8 * thread + number.
    slot: In(5)
    # Control of all lanes, from flip-flops.
    control: Out(LaneControl)
    # An operation is in some stage.
    busy: Out(1)
    # The operation in stage W: whether there is one, and its accumulator.
    w_valid: Out(1)
    w_slot: Out(5)

    def elaborate(self, platform):
        m = Module()
        names = ("x0", "x1", "x2", "x3", "a", "t", "s", "w")
        stages = [Signal(_Operation, name=name, reset_less=True) for name in names]
        valid = [Signal(name=f"{name}_valid") for name in names]
        x0, x1, x2, x3, a, _t, _s, w = stages
        entering = Signal(_Operation)
        m.d.comb += [entering.step.eq(self.step), entering.first.eq(self.first), entering.slot.eq(self.slot)]
        for before, after in zip([entering, *stages], stages, strict=False):
            m.d.sync += after.eq(before)
        for before, after in zip([self.valid, *valid], valid, strict=False):
            m.d.sync += after.eq(before)
        # Bit i: the operation i + 1 places ahead has the same accumulator, and this one does not start afresh.
        for place, (older, there) in enumerate(zip((x1, x2, x3), valid[1:4], strict=True)):
            m.d.sync += x1.ahead[place].eq((x0.slot == older.slot) & there & ~x0.first)

        control = self.control
        m.d.comb += [
            control.x1_slot.eq(x1.slot),
            control.x1_forward.eq(x1.ahead[1]),
            control.x1_clear.eq(x1.first),
            control.x1_next_forward.eq(x1.ahead[0]),
            control.x3_write.eq(valid[3]),
            control.x3_slot.eq(x3.slot),
            control.a_slot.eq(a.slot),
            control.a_forward.eq(a.ahead[2]),
            control.a_clear.eq(a.first),
            control.a_forward_t.eq(a.ahead[1]),
            control.a_forward_s.eq(a.ahead[0]),
            control.w_write.eq(valid[7]),
            control.w_slot.eq(w.slot),
            control.w_step.eq(w.step),
            self.busy.eq(Cat(valid).any()),
            self.w_valid.eq(valid[7]),
            self.w_slot.eq(w.slot),
        ]
        return m

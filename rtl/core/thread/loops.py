"""The program counter of a thread, with its zero-overhead loops."""

from amaranth.hdl import Const, Module, Mux, Signal, unsigned
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from rtl.core.groups import WINDOW_BITS
from rtl.core.interfaces import PC_BITS

LOOP_BITS = 32


class Move(enum.Enum, shape=unsigned(3)):
    """What happens to the program counter in a cycle."""

    STAY = 0
    ADVANCE = 1  # past the instruction at ``to``: the next one, or back to a loop's start; loops that are over are left
    JUMP = 2
    LOOP = 3  # the instruction at pc begins a loop that ends before ``to`` and runs ``often`` times
    RESTART = 4  # to ``to``, in no loop


class ProgramCounter(wiring.Component):
    """Where a thread is, and the loops that it is in."""

    move: In(Move)
    to: In(PC_BITS)
    often: In(LOOP_BITS)
    # Word address of the next instruction to dispatch. State.
    pc: Out(PC_BITS)
    # The innermost loop: whether there is one, and its last instruction. State.
    looping: Out(1)
    last: Out(PC_BITS)
    # The window that probably follows that of pc. State.
    following: Out(WINDOW_BITS)
    # This cycle's loop would be one too many; nothing moves.
    too_deep: Out(1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        depth = Signal(range(isa.LOOP_DEPTH + 1))
        levels = range(isa.LOOP_DEPTH)
        starts = [Signal(PC_BITS, name=f"start_{k}") for k in levels]
        lasts = [Signal(PC_BITS, name=f"last_{k}") for k in levels]
        lefts = [Signal(LOOP_BITS, name=f"left_{k}") for k in levels]

        # A loop whose end lies in the window of pc is expected to go round again.
        m.d.comb += [self.looping.eq(depth != 0), self.following.eq(self.pc[3:] + 1)]
        for k in levels:
            with m.If(depth == k + 1):
                m.d.comb += self.last.eq(lasts[k])
                with m.If((lasts[k][3:] == self.pc[3:]) & (lefts[k] > 1)):
                    m.d.comb += self.following.eq(starts[k][3:])

        with m.Switch(self.move):
            with m.Case(Move.ADVANCE):
                m.d.sync += self.pc.eq(self.to + 1)
                chain = Const(1)
                for k in reversed(levels):
                    at_end = chain & (depth > k) & (lasts[k] == self.to)
                    again = lefts[k] > 1
                    with m.If(at_end & again):
                        m.d.sync += [self.pc.eq(starts[k]), lefts[k].eq(lefts[k] - 1), depth.eq(k + 1)]
                    with m.Elif(at_end):
                        m.d.sync += depth.eq(k)
                    chain = Mux(depth > k, at_end & ~again, chain)
            with m.Case(Move.JUMP):
                m.d.sync += self.pc.eq(self.to)
            with m.Case(Move.LOOP):
                with m.If((self.often == 0) | ((self.to - self.pc)[:PC_BITS].as_signed() <= 1)):  # no iteration or no body
                    m.d.sync += self.pc.eq(self.to)
                with m.Elif(depth == isa.LOOP_DEPTH):
                    m.d.comb += self.too_deep.eq(1)
                with m.Else():
                    m.d.sync += [self.pc.eq(self.pc + 1), depth.eq(depth + 1)]
                    for k in levels:
                        with m.If(depth == k):
                            m.d.sync += [starts[k].eq(self.pc + 1), lasts[k].eq(self.to - 1), lefts[k].eq(self.often)]
            with m.Case(Move.RESTART):
                m.d.sync += [self.pc.eq(self.to), depth.eq(0)]
        return m

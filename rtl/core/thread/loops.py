"""The program counter of a thread, with its zero-overhead loops."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from rtl.core.groups import WINDOW_BITS
from rtl.core.interfaces import PC_BITS

LOOP_BITS = 32


class Move(enum.Enum, shape=unsigned(3)):
    """What happens to the program counter in a cycle."""

    STAY = 0
    ADVANCE = 1  # past ``count`` instructions; if ``at_last``, back to the loop's start or out of the loops that are over
    NEXT = 2  # past the instruction at pc, likewise
    JUMP = 3
    LOOP = 4  # the instruction at pc begins a loop that ends before ``to`` and runs ``often`` times
    RESTART = 5  # to ``to``, in no loop


@dataclass(frozen=True)
class Level:
    """A nested loop: its first and last instruction, and the passes that are left; flip-flops."""

    start: Signal
    last: Signal
    left: Signal


class ProgramCounter(wiring.Component):
    """Where a thread is, and the loops that it is in.

    What follows the end of the innermost loop is worked out before anybody knows whether this cycle comes to it.
    """

    move: In(Move)
    to: In(PC_BITS)
    often: In(LOOP_BITS)
    # ADVANCE: instructions, at most 8; the last of them is the innermost loop's last.
    count: In(4)
    at_last: In(1)
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
        depth, window = Signal(range(isa.LOOP_DEPTH + 1)), self.pc[3:]
        signals = [[Signal(bits, name=f"{name}_{k}") for name, bits in _PARTS.items()] for k in range(isa.LOOP_DEPTH)]
        levels = [Level(*parts) for parts in signals]

        # A loop whose end lies in the window of pc is expected to go round again.
        after = Signal(WINDOW_BITS)
        m.d.comb += [self.looping.eq(depth != 0), after.eq(window + 1), self.following.eq(after)]
        for k, level in enumerate(levels):
            with m.If(depth == k + 1):
                m.d.comb += self.last.eq(level.last)
                with m.If((level.last[3:] == window) & (level.left > 1)):
                    m.d.comb += self.following.eq(level.start[3:])

        place, at_end = Signal(4), Signal()
        m.d.comb += [place.eq(self.pc[:3] + self.count), at_end.eq(self.at_last)]
        with m.If(self.move == Move.NEXT):
            m.d.comb += [place.eq(self.pc[:3] + 1), at_end.eq(self.looping & (self.last == self.pc))]
        begins = (self.often != 0) & ((self.to - self.pc)[:PC_BITS].as_signed() > 1)  # else no iteration or no body
        with m.Switch(self.move):
            with m.Case(Move.ADVANCE, Move.NEXT):
                self._pass(m, depth, levels, Cat(place[:3], Mux(place[3], after, window)), at_end)
            with m.Case(Move.JUMP):
                m.d.sync += self.pc.eq(self.to)
            with m.Case(Move.LOOP):
                with m.If(~begins):
                    m.d.sync += self.pc.eq(self.to)
                with m.Elif(depth == isa.LOOP_DEPTH):
                    m.d.comb += self.too_deep.eq(1)
                with m.Else():
                    m.d.sync += [self.pc.eq(self.pc + 1), depth.eq(depth + 1)]
                    for k, level in enumerate(levels):
                        with m.If(depth == k):
                            m.d.sync += [level.start.eq(self.pc + 1), level.last.eq(self.to - 1), level.left.eq(self.often)]
            with m.Case(Move.RESTART):
                m.d.sync += [self.pc.eq(self.to), depth.eq(0)]
        return m

    def _pass(self, m: Module, depth: Signal, levels: list[Level], straight: Value, at_last: Value) -> None:
        """On to ``straight``, or where the innermost loop leads at its end: its next pass, or that of a loop around it."""
        m.d.sync += self.pc.eq(straight)
        ends = Const(1)  # the loops inside are over, and end where this one does
        for k in reversed(range(len(levels))):
            level, inside = levels[k], levels[min(k + 1, len(levels) - 1)]
            mine = (depth == k + 1) | (depth > k + 1) & ends & (level.last == inside.last)
            again = level.left > 1
            with m.If(at_last & mine & again):
                m.d.sync += [self.pc.eq(level.start), level.left.eq(level.left - 1), depth.eq(k + 1)]
            with m.Elif(at_last & mine):
                m.d.sync += depth.eq(k)
            ends = mine & ~again


_PARTS = {"start": PC_BITS, "last": PC_BITS, "left": LOOP_BITS}

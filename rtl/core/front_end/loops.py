"""Zero-overhead loops: what follows an instruction, and how a loop begins.

Both write a thread's state, given as lists with one signal per thread (``starts``, ``lasts`` and ``lefts``: one per thread and level).
"""

from amaranth.hdl import Const, Mux

from golden.arch import isa
from golden.arch.memmap import Fault
from rtl.core.front_end.decode import Hold


def advance(m, t, pc, depth, starts, lasts, lefts, end, skip) -> None:
    """Past the instruction at ``end``: the next one, or back to a loop's start; loops that are over are left."""
    with m.If(~skip):
        m.d.sync += pc[t].eq(end + 1)
        chain = Const(1)
        for k in reversed(range(isa.LOOP_DEPTH)):
            at_end = chain & (depth[t] > k) & (lasts[t][k] == end)
            again = lefts[t][k] > 1
            with m.If(at_end & again):
                m.d.sync += [pc[t].eq(starts[t][k]), lefts[t][k].eq(lefts[t][k] - 1), depth[t].eq(k + 1)]
            with m.Elif(at_end):
                m.d.sync += depth[t].eq(k)
            chain = Mux(depth[t] > k, at_end & ~again, chain)


def begin_loop(m, t, at, target, often, pc, depth, starts, lasts, lefts, hold, cause, operand) -> None:
    """A loop from ``at`` + 1 to before ``target``; skipped when it has no iteration or no body."""
    with m.If((often == 0) | (target - at <= 1)):
        m.d.sync += pc[t].eq(target)
    with m.Elif(depth[t] == isa.LOOP_DEPTH):
        m.d.sync += [hold[t].eq(Hold.DEAD), cause[t].eq(Fault.LOOP), operand[t].eq(isa.LOOP_DEPTH + 1)]
    with m.Else():
        m.d.sync += [pc[t].eq(at + 1), depth[t].eq(depth[t] + 1)]
        for k in range(isa.LOOP_DEPTH):
            with m.If(depth[t] == k):
                m.d.sync += [starts[t][k].eq(at + 1), lasts[t][k].eq(target - 1), lefts[t][k].eq(often)]

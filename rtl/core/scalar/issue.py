"""Scalar issue: which thread's oldest instructions leave their queue in this cycle, up to two, in order.

An instruction issues when its operands are not pending and what it needs is free; a vector load also waits for the tags
that dispatch gave it (the vector instructions and stores that touch its register, the load before it), a store for a slot.
The second instruction goes only with the first and must not depend on it; a load does not go with an older store, because
its slot is not yet seen. Threads of the highest software priority come first; within it they take turns.

Rule kept: everything read here is a flip-flop, or a few gates behind one, and nothing waits for a younger instruction.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.encoding import F0, F1
from rtl.core.interfaces import ST_POS_BITS, THREAD_BITS, THREADS, VQ_POS_BITS
from rtl.core.scalar.decode import Queued
from rtl.core.scalar.queue import HEADS

GENERATION_BITS = 4
_LAST = (1 << GENERATION_BITS) - 1


def passed(wait: Value, position: Value, counter: Value) -> Value:
    """Whether a queue that has passed ``counter`` positions has passed ``position``, both modulo a power of two."""
    return ~wait | (position - counter)[len(counter) - 1]


class ScalarIssue(wiring.Component):
    """The choice; all outputs combinational."""

    # Head h of thread t at 2 t + h.
    heads: In(data.ArrayLayout(Queued, THREADS * HEADS))
    valid: In(data.ArrayLayout(HEADS, THREADS))
    # Threads that must not issue.
    hold: In(THREADS)
    # Scalar registers whose value is under way.
    pending: In(data.ArrayLayout(isa.SCALAR_REGISTERS, THREADS))
    # Vector-queue positions issued; vector registers that a SIMD operation is about to write; parity of completed loads.
    vq_head: In(data.ArrayLayout(VQ_POS_BITS, THREADS))
    simd_pending: In(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS))
    load_parity: In(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS))
    # Store positions read; slots in use.
    st_read: In(data.ArrayLayout(ST_POS_BITS, THREADS))
    occupied: In(data.ArrayLayout(4, THREADS))
    # One more vector load fits; two more fit, a scalar load fits; the slow unit takes one.
    room_one: In(1)
    room_two: In(1)
    room_scalar: In(1)
    slow_free: In(1)
    # Software priority of each thread.
    priority: In(data.ArrayLayout(2, THREADS))

    # Slots that issue (the second only with the first), their thread and instructions.
    issue: Out(2)
    thread: Out(THREAD_BITS)
    first: Out(Queued)
    second: Out(Queued)
    take: Out(range(HEADS + 1))
    # How often the descriptor of each slot has been set: equal numbers mean the same setd, among stores in the queue.
    generation: Out(data.ArrayLayout(GENERATION_BITS, 2))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        generations = [Signal(GENERATION_BITS * isa.DESCRIPTORS, name=f"generations_{t}") for t in range(THREADS)]
        ready, pair = Signal(THREADS), Signal(THREADS)

        def alone(t: int, q, name: str) -> Signal:
            """The conditions that do not depend on the other instruction of the cycle."""
            c, pending = q.control, self.pending[t]
            f0 = q.word[F0 : F0 + 5]
            operands = (
                ~(c.reads_a & pending.bit_select(q.a, 1))
                & ~(c.reads_b & pending.bit_select(q.b, 1))
                & ~(c.writes_rd & pending.bit_select(f0, 1))
            )
            load = (
                passed(q.vq.wait, q.vq.pos, self.vq_head[t])
                & passed(q.st.wait, q.st.pos, self.st_read[t])
                & ~self.simd_pending[t].bit_select(f0, 1)
                & (self.load_parity[t].bit_select(f0, 1) == q.parity)
                & self.room_one
            )
            # A number of the last round may still be in the store queue: the round ends when it is empty.
            worn = generations[t].word_select(q.d, GENERATION_BITS) == _LAST
            ok = Signal(name=f"ok_{name}")
            m.d.comb += ok.eq(
                operands
                & (~c.vload | load)
                & (~c.store | ~self.occupied[t].all())
                & (~c.sload | self.room_scalar)
                & (~c.slow | self.slow_free)
                & (~c.setd | ~worn | ~self.occupied[t].any())
            )
            return ok

        for t in range(THREADS):
            one, two = self.heads[HEADS * t], self.heads[HEADS * t + 1]
            c1, c2 = one.control, two.control
            written, moved = one.word[F0 : F0 + 5], one.word[F1 : F1 + 5]
            target = two.word[F0 : F0 + 5]

            def touches(register: Value, two=two, c2=c2, target=target) -> Value:
                return (
                    c2.reads_a & (two.a == register)
                    | c2.reads_b & (two.b == register)
                    | c2.writes_rd & (target == register)
                )

            together = Signal(name=f"together_{t}")
            m.d.comb += together.eq(
                ~(c1.writes_rd & touches(written))
                & ~(c1.writes_ra & touches(moved))
                & ~(one.changes_d & c2.uses_d & (one.d == two.d))
                & ~(c1.store & (c2.store | c2.vload | c2.sload))
                & ~(c1.sload & c2.sload)
                & ~(c1.slow & c2.slow)
                & ~(c1.csr & c2.csr)
                & ~(c1.vload & c2.vload & (~self.room_two | (written == target)))
            )
            m.d.comb += [
                ready[t].eq(self.valid[t][0] & ~self.hold[t] & alone(t, one, f"{t}_one")),
                pair[t].eq(self.valid[t][1] & together & alone(t, two, f"{t}_two")),
            ]

        # --- the thread ---
        last = Signal(THREAD_BITS)
        able = Signal(THREADS)
        m.d.comb += able.eq(ready)
        for level in range(4):  # the highest priority that somebody ready has overrides the lower ones
            at_level = Cat(ready[t] & (self.priority[t] == level) for t in range(THREADS))
            with m.If(at_level.any()):
                m.d.comb += able.eq(at_level)
        with m.Switch(last):
            for before in range(THREADS):
                with m.Case(before):
                    m.d.comb += self.thread.eq(before)
                    for distance in reversed(range(1, THREADS)):
                        t = (before + distance) % THREADS
                        with m.If(able[t]):
                            m.d.comb += self.thread.eq(t)
        with m.If(ready.any()):
            m.d.sync += last.eq(self.thread)
        both = Signal()
        with m.Switch(self.thread):
            for t in range(THREADS):
                with m.Case(t):
                    m.d.comb += [
                        self.first.eq(self.heads[HEADS * t]),
                        self.second.eq(self.heads[HEADS * t + 1]),
                        both.eq(pair[t]),
                        *(
                            self.generation[k].eq(generations[t].word_select(q.d, GENERATION_BITS))
                            for k, q in enumerate((self.first, self.second))
                        ),
                    ]
        m.d.comb += [
            self.issue.eq(Cat(ready.any(), ready.any() & both)),
            self.take.eq(Mux(self.issue[1], 2, self.issue[0])),
        ]
        for k, q in enumerate((self.first, self.second)):
            with m.If(self.issue[k] & q.control.setd):
                with m.Switch(self.thread):
                    for t in range(THREADS):
                        with m.Case(t):
                            place = generations[t].word_select(q.d, GENERATION_BITS)
                            m.d.sync += place.eq(self.generation[k] + 1)
        return m

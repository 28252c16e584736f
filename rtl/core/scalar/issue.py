"""Scalar issue: which thread's oldest instructions leave their queue in this cycle, up to two, in order.

An instruction issues when its operands are not pending and what it needs is free; a vector load also waits for the tags
that dispatch gave it (the vector instructions and stores that touch its register, the load before it), a store for a slot.
The second instruction goes only with the first and must not depend on it; a load does not go with an older store, because
its slot is not yet seen. Threads of the highest software priority come first; within it they take turns.

Rule kept: everything read here is a flip-flop, or a few gates behind one, and nothing waits for a younger instruction.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from golden.arch.encoding import F0, F1, F2
from golden.arch.memmap import Csr
from rtl.common.arbiter import preferred, round_robin
from rtl.common.select import by_number
from rtl.core.access import Issued, Room
from rtl.core.interfaces import THREADS, VQ_POS_BITS, Life, Settings, StoreProgress, vector_progress
from rtl.core.scalar.execute import ExecuteState
from rtl.core.scalar.late import LateState
from rtl.core.scalar.queue import HEADS, Heads, Take
from rtl.core.trace import ScalarHeads


def passed(wait: Value, position: Value, counter: Value) -> Value:
    """Whether a queue that has passed ``counter`` positions has passed ``position``, both modulo a power of two."""
    return ~wait | (position - counter)[len(counter) - 1]


class ScalarIssue(wiring.Component):
    """The choice; all outputs combinational.

    Parameters
    ----------
    config: sizes.
    trace: with the port ``told``.
    """

    def __init__(self, config: NodeConfig, trace: bool = False) -> None:
        self.trace_on = trace
        # What the oldest instruction of each thread waits for in this cycle.
        told = {"told": Out(ScalarHeads)} if trace else {}
        super().__init__({
            "heads": In(Heads),
            "take": Out(Take),
            "vector_progress": In(vector_progress(config)),
            "store_progress": In(StoreProgress),
            "room": In(Room),
            # Nothing issues of a thread that is killed, or of one with a fault on its way to the front end.
            "life": In(Life),
            "execute": In(ExecuteState),
            # The two high bits of a thread's priority are for scalar issue, 3 the highest.
            "settings": In(Settings),
            "late": In(LateState),
            "issued": Out(Issued),
            **told,
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        ready, pair = Signal(THREADS), Signal(THREADS)
        for t in range(THREADS):
            one, two = (self.heads.entry[HEADS * t + h] for h in range(HEADS))
            valid = self.heads.valid[t]
            hold = self.execute.stopped[t] | self.life.kill[t]
            m.d.comb += [
                ready[t].eq(valid[0] & ~hold & self._alone(m, t, one, f"{t}_one")),
                pair[t].eq(valid[1] & self._together(m, t, one, two) & self._alone(m, t, two, f"{t}_two")),
            ]
            if self.trace_on:
                m.d.comb += self.told[t].eq(Cat(valid[0], self._operands(t, one), ready[t]))
        first = preferred(m, ready, [priority[2:4] for priority in self.settings.priority], "first")
        thread = round_robin(m, first, init=1)
        both = by_number(m, thread, list(pair), "both")
        for h, slot in enumerate(self.issued.slot):
            heads = [self.heads.entry[HEADS * t + h] for t in range(THREADS)]
            m.d.comb += slot.eq(by_number(m, thread, heads, f"head_{h}"))
        m.d.comb += [
            self.issued.thread.eq(thread),
            self.issued.go.eq(Cat(ready.any(), ready.any() & both)),
            self.take.thread.eq(thread),
            self.take.count.eq(Mux(self.issued.go[1], 2, self.issued.go[0])),
        ]
        return m

    def _alone(self, m: Module, t: int, q: data.View, name: str) -> Signal:
        """The conditions that do not depend on the other instruction of the cycle."""
        c, room, vector = q.row, self.room, self.vector_progress
        f0 = q.word[F0 : F0 + 5]
        operands = self._operands(t, q)
        load = (
            passed(q.vq.wait, q.vq.pos, vector.vq_head[t])
            & passed(q.st.wait, q.st.pos, self.store_progress.st_read[t])
            & ~vector.simd_pending[t].bit_select(f0, 1)
            & (vector.load_parity[t].bit_select(f0, 1) == q.parity)
            & room.one_load
        )
        # A seed is read when a vector instruction issues: older ones have.
        seeds = c.csr & ~c.slow & (q.word[F2:] == Csr.SEED)
        older_issued = passed(Const(1, 1), (q.vq_mark - 1)[:VQ_POS_BITS], vector.vq_head[t])
        ok = Signal(name=f"ok_{name}")
        m.d.comb += ok.eq(
            operands
            & (~c.vload | load)
            & (~c.store | room.store[t])
            & (~c.sload | room.scalar_load)
            & (~c.slow | self.late.slow_free)
            & (~seeds | older_issued)
            & (~c.setd | ~room.worn[t].bit_select(q.names.d, 1))
        )
        return ok

    def _operands(self, t: int, q: data.View) -> Value:
        """No scalar register that it reads or writes is under way."""
        c, pending = q.row, self.late.pending[t]
        return (
            ~(c.reads_a & pending.bit_select(q.names.a, 1))
            & ~(c.reads_b & pending.bit_select(q.names.b, 1))
            & ~(c.writes_rd & pending.bit_select(q.word[F0 : F0 + 5], 1))
        )

    def _together(self, m: Module, t: int, one: data.View, two: data.View) -> Signal:
        """The second instruction may go with the first."""
        c1, c2 = one.row, two.row
        written, moved, target = one.word[F0 : F0 + 5], one.word[F1 : F1 + 5], two.word[F0 : F0 + 5]

        def touches(register: Value) -> Value:
            reads = c2.reads_a & (two.names.a == register) | c2.reads_b & (two.names.b == register)
            return reads | c2.writes_rd & (target == register)

        together = Signal(name=f"together_{t}")
        m.d.comb += together.eq(
            ~(c1.writes_rd & touches(written))
            & ~(c1.writes_ra & touches(moved))
            & ~(one.names.changes_d & c2.uses_d & (one.names.d == two.names.d))
            & ~(c1.store & (c2.store | c2.vload | c2.sload))
            & ~(c1.sload & c2.sload)
            & ~(c1.slow & c2.slow)
            & ~(c1.csr & (c2.csr | c2.takes_mode))
            & ~(c1.vload & c2.vload & (~self.room.two_loads | (written == target)))
        )
        return together

"""Predicates of a thread: their values, and which of them are on their way from the back end."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.classes import Flow
from golden.arch.encoding import F0
from golden.arch.isa import PREDICATES
from rtl.core.groups import Dispatched, Known, told
from rtl.core.interfaces import ScalarSteer, VectorSteer
from rtl.core.thread.parts import Begin


class Predicates(wiring.Component):
    """The predicates; p0 is always true.

    Parameters
    ----------
    number : of the thread.
    """

    dispatched: In(Dispatched)
    scalar_steer: In(ScalarSteer)
    vector_steer: In(VectorSteer)
    begin: In(Begin)
    known: Out(told(Known))

    def __init__(self, number: int) -> None:
        self._number = number
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        group, word = self.dispatched.group, self.dispatched.group.word
        true, pending = Signal(PREDICATES, init=1), Signal(PREDICATES)
        m.d.comb += [self.known.state.true.eq(true), self.known.state.pending.eq(pending)]
        with m.If(group.valid & (group.flow == Flow.LOGIC)):
            self._set(m, true, word[F0 : F0 + 3], group.logic)
        writes = [self.scalar_steer.predicate[0], self.scalar_steer.predicate[1], self.vector_steer.predicate]
        hits = [write.valid & (write.thread == self._number) for write in writes]
        for write, hit in zip(writes, hits, strict=True):
            with m.If(hit):
                self._set(m, true, write.index, write.value)
        done = Cat(Cat(hit & (write.index == k) for write, hit in zip(writes, hits, strict=True)).any() for k in range(PREDICATES))
        m.d.sync += pending.eq(Mux(group.valid, group.pending, pending) & ~done)
        with m.If(self.begin.valid):
            m.d.sync += [true.eq(1), pending.eq(0)]
        return m

    def _set(self, m: Module, true: Signal, index, value) -> None:
        with m.Switch(index):
            for k in range(1, PREDICATES):
                with m.Case(k):
                    m.d.sync += true[k].eq(value)

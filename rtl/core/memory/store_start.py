"""The choice of what starts next in the store queues, and the beats of the entry under way.

One entry starts a cycle, threads in turn; the beats of an entry follow each other without a gap.

A store position counts as read when nothing that is allowed to overwrite its source from then on can come too early: with
the last beat of a register, and earlier for an accumulator, which an operation reaches only after some cycles.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.classes import Format
from rtl.common.arbiter import round_robin
from rtl.common.select import by_number, mark
from rtl.core.decoded import DrainFormat
from rtl.core.interfaces import THREAD_BITS, THREADS, StoreKind
from rtl.core.operations import DRAIN_LEAD, DRAIN_TO_STEP

BEATS = {format_: Format[format_.name].beats for format_ in DrainFormat}
MOST_BEATS = max(BEATS.values())
# Beats of a drain that may be left when its position counts as read at S0. The state shows it a cycle later; an operation that issues
# then is decoded another cycle later, and may be there DRAIN_TO_STEP before the last beat asks, DRAIN_LEAD cycles after its S0.
BEATS_LEFT = DRAIN_TO_STEP + 2 - DRAIN_LEAD

Candidate = data.StructLayout({"able": 1, "kind": StoreKind, "format": DrainFormat, "slot": 2, "cancelled": 1})
"""A thread's next entry; ``able``: it may start, if its beats find room."""

Beat = data.StructLayout({"valid": 1, "slot": 2, "thread": THREAD_BITS, "beat": 3, "last": 1})
"""A beat, a scalar store, a raise or a network instruction: of which entry, and which of its beats."""


class StoreStart(wiring.Component):
    """S0: the choice, then the beat of S1."""

    candidates: In(data.ArrayLayout(Candidate, THREADS))
    # State: free places for beats.
    room: In(range(17))
    # Threads whose next entry starts; those of them that do because it was cancelled.
    begins: Out(THREADS)
    drops: Out(THREADS)
    # How many beats start, a scalar store, a raise, a network instruction.
    beats: Out(range(MOST_BEATS + 1))
    scalar_starts: Out(1)
    raise_starts: Out(1)
    net_starts: Out(1)
    # Threads of which a store position counts as read.
    reads: Out(THREADS)
    # S1, flip-flops.
    beat: Out(Beat)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        active, left = Signal(), Signal(range(MOST_BEATS))  # beats of the entry under way are left; how many after this one
        able, start = Signal(THREADS), Signal()
        m.d.comb += able.eq(Mux(active, 0, Cat(candidate.able for candidate in self.candidates)))
        thread = round_robin(m, able, start)
        chosen = by_number(m, thread, list(self.candidates), "chosen")
        needs = self._needs(m, chosen)
        # Places are taken for all beats, so that they need not stop. Whoever's turn it is waits for them, lest he starve.
        m.d.comb += [
            start.eq(able.any() & (self.room >= needs)),
            self.begins.eq(Mux(start, mark(thread, THREADS), 0)),
            self.drops.eq(Mux(chosen.cancelled, self.begins, 0)),
            self.beats.eq(Mux(start, needs, 0)),
            self.scalar_starts.eq(start & ~chosen.cancelled & (chosen.kind == StoreKind.SCALAR)),
            self.raise_starts.eq(start & ~chosen.cancelled & (chosen.kind == StoreKind.RAISE)),
            self.net_starts.eq(start & ~chosen.cancelled & (chosen.kind == StoreKind.NET)),
        ]
        beat, sends = self.beat, active | (start & ~chosen.cancelled)
        remaining = Signal(range(MOST_BEATS))  # beats after this one
        m.d.comb += remaining.eq(Mux(active, left, Mux(needs == 0, 0, needs - 1)))
        m.d.sync += [
            beat.valid.eq(sends),
            beat.last.eq(remaining == 0),
            left.eq(remaining - 1),
            active.eq(sends & (remaining != 0)),
        ]
        with m.If(active):
            m.d.sync += beat.beat.eq(beat.beat + 1)
        with m.Else():
            m.d.sync += [beat.beat.eq(0), beat.slot.eq(chosen.slot), beat.thread.eq(thread)]
        # Read: when as many beats are left as may be; those of an entry with fewer, when it starts.
        read = Mux(active, remaining == BEATS_LEFT, start & (remaining <= BEATS_LEFT))
        m.d.comb += self.reads.eq(Mux(read, mark(Mux(active, beat.thread, thread), THREADS), 0))
        return m

    @staticmethod
    def _needs(m: Module, chosen: data.View) -> Signal:
        """Beats of the entry."""
        needs = Signal(range(MOST_BEATS + 1))
        with m.If(~chosen.cancelled):
            with m.Switch(chosen.kind):
                with m.Case(StoreKind.VECTOR):
                    m.d.comb += needs.eq(1)
                with m.Case(StoreKind.DRAIN):
                    with m.Switch(chosen.format):
                        for format_, beats in BEATS.items():
                            with m.Case(format_.value):
                                m.d.comb += needs.eq(beats)
        return needs

"""The store queues: per thread four entries, in order.

    S0  entries are compared, one is chosen, or the next beat of the one under way      S1  token, with all about it
"""

from amaranth.hdl import Array, Cat, Const, Module, Mux
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.config import NodeConfig
from rtl.core.interfaces import (
    STORE_SLOTS,
    THREAD_BITS,
    THREADS,
    Life,
    StoreAddress,
    StoreIssue,
    StoreProgress,
    StoreRequests,
    scalar_progress,
    vector_progress,
)
from rtl.core.memory.store_slots import ThreadStores
from rtl.core.memory.store_start import MOST_BEATS, Beat, StoreStart

Token = data.StructLayout({"at": Beat, "issue": StoreIssue, "place": StoreAddress})
"""A beat (or a scalar store, a raise, a network instruction) with its entry."""
Tokens = wiring.Signature(
    {
        # S1: from flip-flops and memories behind them.
        "token": Out(Token),
    }
)


def starts(most: int, places: int) -> wiring.Signature:
    """queue -> who takes tokens of one kind: what starts, and the places that are left for it."""
    return wiring.Signature(
        {
            # S1: so many tokens come, the first in this cycle; flip-flops.
            "count": Out(range(most + 1)),
            # S0: so many may start beside those of ``count``; a few gates behind flip-flops.
            "room": In(range(places + 1)),
        }
    )


BEAT_PLACES, NET_PLACES = 16, 4
BeatStarts, OneStart, NetStarts = starts(MOST_BEATS, BEAT_PLACES), starts(1, 1), starts(1, NET_PLACES)


class StoreQueue(wiring.Component):
    """Queues of four threads.

    Parameters
    ----------
    config: sizes.
    """

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(
            {
                "requests": In(StoreRequests),
                "vector_progress": In(vector_progress(config)),
                "scalar_progress": In(scalar_progress(config)),
                "life": In(Life),
                "progress": Out(StoreProgress),
                "beats": Out(BeatStarts),
                "scalars": Out(OneStart),
                "raises": Out(OneStart),
                "commands": Out(NetStarts),
                "tokens": Out(Tokens),
                # Slots whose entry is written, at 4 * thread + slot.
                "written": In(THREADS * STORE_SLOTS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.start = start = StoreStart()
        threads = [ThreadStores(t) for t in range(THREADS)]
        issues = self._memories(m, threads)
        for t, thread in enumerate(threads):
            m.submodules[f"thread_{t}"] = thread
            port = issues.read_port(domain="comb")
            dropped = Mux(self.life.kill[t], thread.unstarted, 0)
            wiring.connect(m, wiring.flipped(self.requests), thread.requests)
            m.d.comb += [
                port.addr.eq(Cat(thread.next, Const(t, THREAD_BITS))),
                thread.head.eq(port.data),
                thread.scalar_free.eq(self.scalars.room),
                thread.raise_free.eq(self.raises.room),
                thread.net_free.eq(self.commands.room.any()),
                thread.written.eq(self.written[STORE_SLOTS * t : STORE_SLOTS * (t + 1)]),
                thread.kill.eq(self.life.kill[t]),
                thread.begins.eq(start.begins[t]),
                thread.drops.eq(start.drops[t]),
                *(thread.awaited[name].eq(getattr(self.vector_progress, name)[t]) for name in _OF_VECTOR),
                thread.awaited.scalar_busy.eq(self.scalar_progress.busy[t]),
                thread.awaited.acc_busy.eq(self.vector_progress.acc_busy.word_select(t, isa.ACCUMULATORS)),
                start.candidates[t].able.eq(thread.ready & ~self.life.kill[t]),
                start.candidates[t].kind.eq(port.data.kind),
                start.candidates[t].format.eq(port.data.drain_format),
                start.candidates[t].slot.eq(thread.next),
                start.candidates[t].cancelled.eq(thread.cancelled),
                self.progress.slots[t].eq(thread.slots),
                self.progress.idle[t].eq(thread.idle),
            ]
            m.d.sync += self.progress.st_read[t].eq(self.progress.st_read[t] + start.reads[t] + dropped)
        m.d.comb += [
            start.room.eq(self.beats.room),
            self.tokens.token.at.eq(start.beat),
        ]
        m.d.sync += [
            self.beats.count.eq(start.beats),
            self.scalars.count.eq(start.scalar_starts),
            self.raises.count.eq(start.raise_starts),
            self.commands.count.eq(start.net_starts),
        ]
        return m

    def _memories(self, m: Module, threads: list[ThreadStores]) -> memory.Memory:
        """Entries and their addresses, by thread and slot; the entries, for the heads."""
        m.submodules.issues = issues = memory.Memory(shape=StoreIssue, depth=THREADS * STORE_SLOTS, init=[])
        m.submodules.places = places = memory.Memory(shape=StoreAddress, depth=THREADS * STORE_SLOTS, init=[])
        into, into_place = issues.write_port(), places.write_port()
        entry, place = issues.read_port(domain="comb"), places.read_port(domain="comb")
        issue, address, at = self.requests.issue, self.requests.address, self.tokens.token.at
        m.d.comb += [
            into.en.eq(issue.valid),
            into.addr.eq(Cat(Array(thread.end for thread in threads)[issue.thread], issue.thread)),
            into.data.eq(issue.store),
            into_place.en.eq(address.valid),
            into_place.addr.eq(Cat(Array(thread.filling for thread in threads)[address.thread], address.thread)),
            into_place.data.eq(address.store),
            entry.addr.eq(Cat(at.slot, at.thread)),
            place.addr.eq(entry.addr),
            self.tokens.token.issue.eq(entry.data),
            self.tokens.token.place.eq(place.data),
        ]
        return issues


_OF_VECTOR = ("vq_head", "simd_pending", "load_parity", "load_busy")

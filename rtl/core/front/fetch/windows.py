"""The last few windows of each thread, and which it wants next: that of its pc, then the one that will probably follow.

Dispatch reads the window that holds its architectural pc; what was fetched by prediction is used only if it turns out to be that window, so
prediction can be wrong without harm.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from rtl.common.arbiter import round_robin
from rtl.common.invariant import at_most_one
from rtl.common.select import by_number
from rtl.core.front.parts import Chosen, Flush, Found, Lookup, Window
from rtl.core.groups import WINDOW_BITS, WINDOW_WORDS, Supply
from rtl.core.interfaces import THREADS

HELD = 4  # windows that a thread keeps


class Names(wiring.Component):
    """Which windows a thread holds: the oldest is replaced.

    Parameters
    ----------
    number : of the thread.
    """

    supply: In(Supply)
    found: In(Found)
    flush: In(Flush)
    # The current window's place; the place that the next window takes. State.
    place: Out(range(HELD))
    oldest: Out(range(HELD))
    # It lacks its current window; it lacks the following one alone.
    wants_current: Out(1)
    wants_following: Out(1)

    def __init__(self, number: int) -> None:
        self._number = number
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        supply, found = self.supply, self.found
        names, valid = [Signal(WINDOW_BITS, name=f"name_{w}") for w in range(HELD)], Signal(HELD)
        here = Cat(valid[w] & (names[w] == supply.current) for w in range(HELD))
        next_here = Cat(valid[w] & (names[w] == supply.following) for w in range(HELD)).any()
        at_most_one(m, here, f"thread {self._number} holds a window twice")
        # A request is in the cache for one cycle; its thread asks for nothing else then.
        mine = found.thread == self._number
        free = supply.active & ~(found.busy & mine)
        m.d.comb += [
            supply.present.eq(here.any()),
            self.place.eq(Cat(here[1] | here[3], here[2] | here[3])),
            self.wants_current.eq(free & ~supply.present),
            self.wants_following.eq(free & supply.present & ~next_here),
        ]
        with m.If(found.hit & mine):
            m.d.sync += self.oldest.eq(self.oldest + 1)
            for w in range(HELD):
                with m.If(self.oldest == w):
                    m.d.sync += [names[w].eq(found.window), valid[w].eq(1)]
        with m.If(self.flush.all):
            m.d.sync += valid.eq(0)
        return m


class Windows(wiring.Component):
    """Windows of all threads.

    Parameters
    ----------
    config : how many threads dispatch in a cycle.
    """

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(
            {
                "supply": In(Supply).array(THREADS),
                "chosen": In(Chosen).array(config.dispatch_threads),
                "found": In(Found),
                "lookup": Out(Lookup),
                # Of the chosen threads.
                "window": Out(Window).array(config.dispatch_threads),
                "flush": Out(Flush),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        names = [Names(t) for t in range(THREADS)]
        for t, part in enumerate(names):
            m.submodules[f"names_{t}"] = part
            wiring.connect(m, wiring.flipped(self.supply[t]), part.supply)
        wiring.connect(m, wiring.flipped(self.found), *(part.found for part in names))
        flush = Flush.create(path=("flushes",))
        m.d.comb += flush.all.eq(Cat(supply.flush for supply in self.supply).any())
        wiring.connect(m, flush, wiring.flipped(self.flush), *(part.flush for part in names))
        self._read(m, names)
        self._choose(m, names)
        return m

    def _read(self, m: Module, names: list[Names]) -> None:
        """The windows themselves: one is written in a cycle, one of each chosen thread is read."""
        m.submodules.held = held = memory.Memory(shape=32 * WINDOW_WORDS, depth=THREADS * HELD, init=[])
        m.submodules.held_lost = held_lost = memory.Memory(shape=WINDOW_WORDS // 2, depth=THREADS * HELD, init=[])
        found = self.found
        into = Cat(by_number(m, found.thread, [part.oldest for part in names], "slot"), found.thread)
        for store, value in ((held, found.words), (held_lost, found.lost)):
            write = store.write_port()
            m.d.comb += [write.addr.eq(into), write.data.eq(value), write.en.eq(found.hit)]
        for k, (chosen, window) in enumerate(zip(self.chosen, self.window, strict=True)):
            out = Cat(by_number(m, chosen.thread, [part.place for part in names], f"place_{k}"), chosen.thread)
            for store, shown in ((held, window.words), (held_lost, window.lost)):
                read = store.read_port(domain="comb")
                m.d.comb += [read.addr.eq(out), shown.eq(read.data)]

    def _choose(self, m: Module, names: list[Names]) -> None:
        """A missing current window before a following one, then in turn."""
        current, following = Cat(part.wants_current for part in names), Cat(part.wants_following for part in names)
        asking = Signal(THREADS)
        m.d.comb += [self.lookup.first.eq(current.any()), asking.eq(Mux(self.lookup.first, current, following))]
        thread = round_robin(m, asking)
        m.d.comb += [
            self.lookup.valid.eq(asking.any()),
            self.lookup.thread.eq(thread),
            self.lookup.window.eq(
                Mux(
                    self.lookup.first,
                    by_number(m, thread, [supply.current for supply in self.supply], "current"),
                    by_number(m, thread, [supply.following for supply in self.supply], "following"),
                )
            ),
        ]

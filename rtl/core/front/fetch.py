r"""Instruction supply: a direct-mapped cache filled from SRAM, and per thread the last few 32-byte windows fetched.

::

    wanted windows (pc, then the predicted next) -> choose a thread -> cache (1 cycle) -> window registers of the thread
                                                                        \-> miss: fill this line, then the next one

A window is 8 instructions, aligned. Dispatch reads the window that holds its architectural pc; what was fetched by prediction is used
only if it turns out to be that window, so prediction can be wrong without harm.
"""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from golden.arch.memmap import LINE_BITS
from golden.arch.sram import LINE_WORDS
from rtl.core.interfaces import PC_BITS, THREAD_BITS, THREADS
from rtl.mem import ports

WINDOW_WORDS = 8
WINDOW_BITS = PC_BITS - 3  # a window's number: its byte address / 32
HELD = 4  # windows that a thread keeps


class Fetch(wiring.Component):
    """Windows for four threads.

    Parameters
    ----------
    config : NodeConfig
        ``icache_lines``, and the SRAM's size: lines past it are not asked for.
    """

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        super().__init__(
            {
                # Threads that want instructions, the window of their pc, and the window that will probably follow. State.
                "active": In(THREADS),
                "current": In(data.ArrayLayout(WINDOW_BITS, THREADS)),
                "following": In(data.ArrayLayout(WINDOW_BITS, THREADS)),
                # Threads whose current window is here. State out.
                "present": Out(THREADS),
                # The current window of this thread, in the same cycle.
                "thread": In(THREAD_BITS),
                "window": Out(data.ArrayLayout(32, WINDOW_WORDS)),
                # Its instructions that came in a word which cannot be corrected, pair by pair.
                "lost": Out(WINDOW_WORDS // 2),
                # Empties the cache and every thread's windows.
                "flush": In(1),
                "fill": Out(ports.Fill),
                # A line was asked for because a thread's current window was missing; one cycle.
                "miss": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        lines = self.config.icache_lines
        index_bits = (lines - 1).bit_length()
        tag_bits = LINE_BITS - index_bits

        # --- windows held per thread --------------------------------------------------------------------------------------
        m.submodules.held = held = memory.Memory(shape=32 * WINDOW_WORDS, depth=THREADS * HELD, init=[])
        m.submodules.held_lost = held_lost = memory.Memory(shape=WINDOW_WORDS // 2, depth=THREADS * HELD, init=[])
        held_write, held_read = held.write_port(), held.read_port(domain="comb")
        lost_write, lost_read = held_lost.write_port(), held_lost.read_port(domain="comb")
        names = [[Signal(WINDOW_BITS, name=f"name_{t}_{w}") for w in range(HELD)] for t in range(THREADS)]
        valid = [Signal(HELD, name=f"valid_{t}") for t in range(THREADS)]
        oldest = [Signal(range(HELD), name=f"oldest_{t}") for t in range(THREADS)]
        place = [Signal(range(HELD), name=f"place_{t}") for t in range(THREADS)]
        wants_current, wants_following = Signal(THREADS), Signal(THREADS)

        # A request is in the cache for one cycle; its thread asks for nothing else then.
        busy, busy_thread, busy_window, busy_first = Signal(), Signal(THREAD_BITS), Signal(WINDOW_BITS), Signal()
        for t in range(THREADS):
            here = [valid[t][w] & (names[t][w] == self.current[t]) for w in range(HELD)]
            next_here = Cat(valid[t][w] & (names[t][w] == self.following[t]) for w in range(HELD)).any()
            waiting = busy & (busy_thread == t)
            m.d.comb += [
                self.present[t].eq(Cat(here).any()),
                place[t].eq(Cat(here[1] | here[3], here[2] | here[3])),
                wants_current[t].eq(self.active[t] & ~self.present[t] & ~waiting),
                wants_following[t].eq(self.active[t] & self.present[t] & ~next_here & ~waiting),
            ]
        places = Array(place)
        m.d.comb += [
            held_read.addr.eq(Cat(places[self.thread], self.thread)),
            self.window.eq(held_read.data),
            lost_read.addr.eq(held_read.addr),
            self.lost.eq(lost_read.data),
        ]

        # --- choose: a missing current window before a following one, then in turn ----------------------------------------
        turn = Signal(THREAD_BITS)
        asking, chosen, first = Signal(THREADS), Signal(THREAD_BITS), Signal()
        m.d.comb += [first.eq(wants_current.any()), asking.eq(Mux(first, wants_current, wants_following))]
        with m.Switch(turn):
            for start in range(THREADS):
                with m.Case(start):
                    for offset in reversed(range(THREADS)):
                        t = (start + offset) % THREADS
                        with m.If(asking[t]):
                            m.d.comb += chosen.eq(t)
        wanted = Signal(WINDOW_BITS)
        m.d.comb += wanted.eq(
            Mux(first, Array(self.current[t] for t in range(THREADS))[chosen], Array(self.following[t] for t in range(THREADS))[chosen])
        )
        m.d.sync += [busy.eq(asking.any() & ~self.flush), busy_thread.eq(chosen), busy_window.eq(wanted), busy_first.eq(first)]
        with m.If(asking.any()):
            m.d.sync += turn.eq(chosen + 1)

        # --- cache ----------------------------------------------------------------------------------------------------------
        m.submodules.cache = cache = memory.Memory(shape=512, depth=lines, init=[])
        m.submodules.tags = tags = memory.Memory(shape=tag_bits, depth=lines, init=[])
        cache_write, cache_read = cache.write_port(), cache.read_port(domain="sync")
        tag_write, tag_read, next_read = tags.write_port(), tags.read_port(domain="sync"), tags.read_port(domain="comb")
        # Lost words of each line. The SRAM tells them a cycle after the line, in time: a line can be read from the cycle after its
        # return on, and has come out of the cache a cycle later.
        m.submodules.spoiled = spoiled = memory.Memory(shape=LINE_WORDS, depth=lines, init=[])
        spoiled_write, spoiled_read = spoiled.write_port(), spoiled.read_port(domain="comb")
        live = Signal(lines)
        line = busy_window[1:]
        m.d.comb += [
            cache_read.addr.eq(wanted[1 : 1 + index_bits]),
            tag_read.addr.eq(wanted[1 : 1 + index_bits]),
            cache_read.en.eq(1),
            tag_read.en.eq(1),
        ]
        # Sampled with the reads: a line that is being filled in the same cycle is not there yet.
        was_live = Signal()
        m.d.sync += was_live.eq(live.bit_select(wanted[1 : 1 + index_bits], 1))
        hit = busy & was_live & (tag_read.data == line[index_bits:]) & ~self.flush
        slot = Array(oldest)[busy_thread]
        m.d.comb += [
            held_write.addr.eq(Cat(slot, busy_thread)),
            held_write.data.eq(Mux(busy_window[0], cache_read.data[256:], cache_read.data[:256])),
            held_write.en.eq(hit),
            spoiled_read.addr.eq(line[:index_bits]),
            lost_write.addr.eq(held_write.addr),
            lost_write.data.eq(Mux(busy_window[0], spoiled_read.data[LINE_WORDS // 2 :], spoiled_read.data[: LINE_WORDS // 2])),
            lost_write.en.eq(hit),
        ]
        for t in range(THREADS):
            with m.If(hit & (busy_thread == t)):
                m.d.sync += oldest[t].eq(oldest[t] + 1)
                for w in range(HELD):
                    with m.If(oldest[t] == w):
                        m.d.sync += [names[t][w].eq(busy_window), valid[t][w].eq(1)]

        # --- fills: one line at a time; after a miss, the next line too if it is not there -----------------------------------
        asked, returning, after = Signal(LINE_BITS), Signal(), Signal()
        stale = Signal()  # flushed while a fill was under way: its data is dropped
        exists = line < self.config.sram_bytes // 64
        with m.If(busy & ~hit & exists & ~self.fill.valid & ~returning & ~after & ~self.flush):
            m.d.sync += [self.fill.valid.eq(1), asked.eq(line), self.miss.eq(busy_first)]
        with m.Else():
            m.d.sync += self.miss.eq(0)
        following_line = Signal(LINE_BITS)
        m.d.comb += [following_line.eq(asked + 1), next_read.addr.eq(following_line[:index_bits]), self.fill.line.eq(asked)]
        with m.If(self.fill.valid & self.fill.ready):
            m.d.sync += [self.fill.valid.eq(0), returning.eq(1)]
        with m.If(self.fill.ret.valid):
            m.d.sync += [returning.eq(0), after.eq(~after & ~self.flush), stale.eq(0)]
        prefetched = live.bit_select(following_line[:index_bits], 1) & (next_read.data == following_line[index_bits:])
        was_prefetch = Signal()
        came = Signal()  # `asked` is still the line that returned in the previous cycle
        m.d.sync += came.eq(self.fill.ret.valid)
        with m.If(after):
            m.d.sync += [after.eq(0)]
            with m.If(~prefetched & ~was_prefetch & (following_line < self.config.sram_bytes // 64)):
                m.d.sync += [self.fill.valid.eq(1), asked.eq(following_line), was_prefetch.eq(1)]
            with m.Else():
                m.d.sync += was_prefetch.eq(0)
        m.d.comb += [
            cache_write.addr.eq(asked[:index_bits]),
            cache_write.data.eq(self.fill.ret.data),
            cache_write.en.eq(self.fill.ret.valid),
            tag_write.addr.eq(asked[:index_bits]),
            tag_write.data.eq(asked[index_bits:]),
            tag_write.en.eq(self.fill.ret.valid),
            spoiled_write.addr.eq(asked[:index_bits]),
            spoiled_write.data.eq(self.fill.ret.lost),
            spoiled_write.en.eq(came),
        ]
        with m.If(self.fill.ret.valid & ~stale & ~self.flush):
            m.d.sync += live.eq(live | (1 << asked[:index_bits]))
        with m.If(self.flush):
            m.d.sync += [live.eq(0), stale.eq(returning | self.fill.valid), *(v.eq(0) for v in valid)]
        return m

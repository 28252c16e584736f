r"""The front end: threads, and what leaves for the queues each cycle.

::

    Thread x 4 --(able)--> choose one, in turn --> Dispatch: up to 8 of its instructions --> scalar and vector queues
        |  ^                                           \--(group)--> the thread goes on
        |  \--- window of its pc: Fetch
        \--- waits: Semaphores, Barriers

One thread a cycle dispatches up to ``dispatch_width`` instructions in program order. Control instructions stand alone in a group and end
here; predicates are resolved here; everything else goes to a queue with its tags (rtl/core/interfaces.py).
"""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring

from golden.arch.config import NodeConfig
from golden.arch.memmap import Fault
from rtl.core.front.decode import Control
from rtl.core.front.dispatch import Dispatch
from rtl.core.front.fetch import Fetch
from rtl.core.front.ports import front_ports
from rtl.core.interfaces import THREAD_BITS, THREADS
from rtl.core.thread.sync import Barriers, Semaphores
from rtl.core.thread.thread import Thread


class FrontEnd(wiring.Component):
    """Threads, fetch, dispatch, semaphores.

    Parameters
    ----------
    config : sizes.
    trace : with the trace ports.
    """

    def __init__(self, config: NodeConfig, trace: bool = False) -> None:
        self.config, self.trace_on = config, trace
        super().__init__(front_ports(config, trace))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.fetch = self.fetch = Fetch(self.config)
        m.submodules.group = self.dispatch = Dispatch(self.config)
        m.submodules.semaphores = self.semaphores = Semaphores()
        m.submodules.barriers = self.barriers = Barriers()
        self.threads = [Thread(self.config, number) for number in range(THREADS)]
        for thread in self.threads:
            m.submodules[f"thread_{thread.number}"] = thread
        wiring.connect(m, self.fetch.fill, wiring.flipped(self.fill))
        wiring.connect(m, wiring.flipped(self.net_raise_in), self.semaphores.net_raise_in)
        wiring.connect(m, wiring.flipped(self.raise_in), self.semaphores.raise_in)
        chosen = self._choose(m)
        self._group(m, chosen)
        for thread in self.threads:
            self._thread(m, thread, chosen)
        self._spawns(m)
        self._events(m)
        if self.trace_on:
            self._trace(m, chosen)
        return m

    def _choose(self, m: Module) -> Signal:
        """The next thread in turn that is able to dispatch."""
        able, turn, chosen = Signal(THREADS), Signal(THREAD_BITS), Signal(THREAD_BITS)
        m.d.comb += able.eq(Cat(thread.able for thread in self.threads))
        with m.Switch(turn):
            for start in range(THREADS):
                with m.Case(start):
                    for offset in reversed(range(THREADS)):
                        t = (start + offset) % THREADS
                        with m.If(able[t]):
                            m.d.comb += chosen.eq(t)
        m.d.sync += turn.eq(Mux(able.any(), chosen + 1, turn))
        m.d.comb += [self.dispatch.some.eq(able.any()), self.fetch.thread.eq(chosen), self.thread_out.eq(chosen)]
        return chosen

    def _group(self, m: Module, chosen: Signal) -> None:
        """The group of the chosen thread."""
        m.d.comb += [
            self.dispatch.thread.eq(chosen),
            self.dispatch.context.eq(Array(thread.context.as_value() for thread in self.threads)[chosen]),
            self.dispatch.window.eq(self.fetch.window),
            self.dispatch.window_lost.eq(self.fetch.lost),
            self.scalar_out.eq(self.dispatch.scalar_out),
            self.vector_out.eq(self.dispatch.vector_out),
        ]

    def _thread(self, m: Module, thread: Thread, chosen: Signal) -> None:
        """One thread's share of the ports and of the shared units."""
        t = thread.number
        m.d.comb += [
            self.fetch.active[t].eq(thread.fetches),
            self.fetch.current[t].eq(thread.current),
            self.fetch.following[t].eq(thread.following),
            thread.present.eq(self.fetch.present[t]),
            thread.group.eq(self.dispatch.group),
            thread.group.valid.eq(self.dispatch.some & (chosen == t)),
            thread.scalar_free.eq(self.scalar_free[t]),
            thread.vector_free.eq(self.vector_free[t]),
            thread.scalar_head.eq(self.scalar_head[t]),
            thread.vector_head.eq(self.vector_head[t]),
            thread.vq_head.eq(self.vq_head[t]),
            thread.st_read.eq(self.st_read[t]),
            thread.load_parity.eq(self.load_parity[t]),
            thread.idle.eq(self.scalar_idle[t] & self.vector_idle[t] & self.store_idle[t]),
            thread.predicates.eq(self.predicate_in),
            thread.operand.eq(self.operand_in),
            self.semaphores.wait[t].eq(thread.wait),
            thread.granted.eq(self.semaphores.granted[t]),
            self.barriers.arrival[t].eq(thread.arrival),
            thread.passed.eq(self.barriers.passed[t]),
            self.kill[t].eq(thread.kill),
            self.starts[t].eq(thread.starts),
            self.status[t].eq(thread.status),
            self.running[t].eq(thread.running),
            self.waiting[t].eq(thread.waiting),
        ]
        wiring.connect(m, wiring.flipped(self.start), thread.start)
        wiring.connect(m, wiring.flipped(self.debug), thread.debug)
        m.d.sync += self.stopped[t].eq(thread.stops)
        overflow = thread.faults[1]
        m.d.comb += [
            thread.faults[0].eq(self.fault_in),
            thread.lost_soon.eq(self.lost.soon[t]),
            thread.lost.eq(self.lost.valid[t]),
            thread.lost_addr.eq(self.lost.addr[t]),
            overflow.valid.eq(self.raise_in.overflow),
            overflow.thread.eq(self.raise_thread),
            overflow.cause.eq(Fault.SEMAPHORE),
            overflow.pc.eq(self.raise_pc),
            overflow.operand.eq(self.raise_in.semaphore),
        ]

    def _spawns(self, m: Module) -> None:
        """One thread a cycle starts another, the lowest first."""
        earlier = Const(0)
        for thread in self.threads:
            m.d.comb += [
                thread.others.eq(Cat(other.busy for other in self.threads)),
                thread.spawn_allowed.eq(~earlier),
            ]
            earlier = earlier | thread.spawns
            with m.If(thread.spawn.valid):
                for other in self.threads:
                    m.d.comb += [other.spawned.eq(thread.spawn.thread == other.number), other.spawned_pc.eq(thread.spawn.pc)]

    def _events(self, m: Module) -> None:
        """What the counters see, a cycle later."""
        group = self.dispatch.group
        slots = range(self.config.dispatch_width)
        queued, ended = Signal(range(len(slots) + 1)), Cat(thread.ends for thread in self.threads)
        m.d.comb += [
            queued.eq(sum(self.scalar_out[i].valid + self.vector_out[i].valid for i in slots)),
            self.fetch.flush.eq(Cat(thread.flush for thread in self.threads).any()),
        ]
        m.d.sync += [
            self.dispatched.eq(queued != 0),
            self.retired_front.eq(Mux(group.valid & ~group.waits, group.count - queued, 0) + ended.any()),
            self.redirect.eq(Cat(group.control == kind for kind in (Control.BR, Control.CALL, Control.JUMP)).any()),
            self.fetch_miss.eq(self.fetch.miss),
        ]

    def _trace(self, m: Module, chosen: Signal) -> None:
        """A group's instructions, then waiting ones of each thread as they end."""
        width, dispatch = self.config.dispatch_width, self.dispatch
        for i in range(width):
            record = self.trace_out[i]
            m.d.sync += [
                record.valid.eq(dispatch.go[i] & ~dispatch.group.waits),
                record.thread.eq(chosen),
                record.seq.eq(dispatch.context.seq + i),
                record.pc.eq(dispatch.context.pc + i),
                record.word.eq(dispatch.words[i]),
                record.executed.eq(dispatch.on[i]),
                record.result.eq(dispatch.group.logic & (dispatch.group.control == Control.LOGIC)),
            ]
        for thread in self.threads:
            record = self.trace_out[width + thread.number]
            m.d.sync += [
                record.valid.eq(thread.ends),
                record.thread.eq(thread.number),
                record.seq.eq(thread.context.seq),
                record.pc.eq(thread.context.pc),
                record.word.eq(thread.context.word),
                record.executed.eq(1),
            ]

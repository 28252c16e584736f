"""The door of the region: four threads, what they start and wait for, and what the rest of the machine sees of them."""

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from rtl.common.host_ports import Debug, Raise, Start, ThreadStatus
from rtl.common.network_ports import NetSteer
from rtl.core.groups import Dispatched, Supply, Turn
from rtl.core.interfaces import (
    THREADS,
    Life,
    ScalarSteer,
    StoreProgress,
    StoreSteer,
    ThreadEvents,
    VectorSteer,
    scalar_progress,
    vector_progress,
)
from rtl.core.thread.starter import Starter
from rtl.core.thread.sync import Barriers, Semaphores
from rtl.core.thread.thread import Thread
from rtl.core.trace import TraceDispatch, records
from rtl.mem.ports import Uncorrectable


class ThreadUnit(wiring.Component):
    """Threads, semaphores, barriers.

    Parameters
    ----------
    config : sizes.
    trace : with the trace ports.
    """

    def __init__(self, config: NodeConfig, trace: bool = False) -> None:
        self._config, self._trace_on = config, trace
        self._shared = {
            "scalar_progress": scalar_progress(config),
            "vector_progress": vector_progress(config),
            "store_progress": StoreProgress,
            "scalar_steer": ScalarSteer,
            "vector_steer": VectorSteer,
            # Words that the SRAM lost, by thread, which no instruction answers for.
            "uncorrectable": Uncorrectable,
            # Of the network interface.
            "net_steer": NetSteer,
            "debug": Debug,
        }
        members = {name: In(signature) for name, signature in self._shared.items()}
        members |= {
            # Each thread's turn in dispatch, and its windows.
            "turn": Out(Turn).array(THREADS),
            "dispatched": In(Dispatched).array(THREADS),
            "supply": Out(Supply).array(THREADS),
            # Raises of the store unit and of packets.
            "store_steer": In(StoreSteer),
            "net_raise": In(Raise),
            "start": In(Start),
            # To every unit, to the counters, to the endpoint.
            "life": Out(Life),
            "events": Out(ThreadEvents),
            "status": Out(ThreadStatus),
        }
        if trace:
            # Waiting instructions as they end.
            members["trace"] = Out(records(TraceDispatch, THREADS))
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.semaphores = semaphores = Semaphores()
        m.submodules.barriers = barriers = Barriers()
        m.submodules.starter = starter = Starter()
        threads = [Thread(self._config, t) for t in range(THREADS)]
        me = wiring.flipped(self)
        for t, thread in enumerate(threads):
            m.submodules[f"thread_{t}"] = thread
            wiring.connect(m, thread.semaphore, semaphores.waiter[t])
            wiring.connect(m, thread.barrier, barriers.waiter[t])
            wiring.connect(m, thread.spawn, starter.spawn[t])
            wiring.connect(m, starter.begin[t], thread.begin)
            wiring.connect(m, thread.turn, wiring.flipped(self.turn[t]))
            wiring.connect(m, thread.supply, wiring.flipped(self.supply[t]))
            wiring.connect(m, wiring.flipped(self.dispatched[t]), thread.dispatched)
        for name in self._shared:
            wiring.connect(m, getattr(me, name), *(getattr(thread, name) for thread in threads))
        wiring.connect(m, semaphores.overflow, *(thread.overflow for thread in threads))
        wiring.connect(m, me.store_steer, semaphores.store_steer)
        wiring.connect(m, me.net_raise, semaphores.net_raise)
        wiring.connect(m, me.start, starter.start)
        self._show(m, threads, starter)
        if self._trace_on:
            self._trace(m, threads)
        return m

    def _show(self, m: Module, threads: list[Thread], starter: Starter) -> None:
        """What the machine sees of all threads, bit by bit."""
        life, shown = self.life, [thread.shown for thread in threads]
        m.d.comb += [
            life.kill.eq(Cat(each.kill for each in shown)),
            life.running.eq(Cat(each.running for each in shown)),
            life.waiting.eq(Cat(each.waiting for each in shown)),
            self.status.state.eq(Cat(each.status for each in shown)),
        ]
        m.d.sync += [
            life.starts.eq(Cat(begin.valid for begin in starter.begin)),
            self.status.stopped.eq(Cat(each.stops for each in shown)),
            self.events.ended.eq(sum(each.ends for each in shown)),
        ]

    def _trace(self, m: Module, threads: list[Thread]) -> None:
        for t, (record, thread) in enumerate(zip(self.trace.record, threads, strict=True)):
            status = thread.shown.status
            m.d.sync += [
                record.valid.eq(thread.shown.ends),
                record.thread.eq(t),
                record.seq.eq(status.seq),
                record.pc.eq(status.pc[2:]),
                record.word.eq(thread.turn.debugged.state.word),
                record.executed.eq(1),
            ]

"""Stores: vector stores, drains, scalar stores and raises of four threads.

    requests -> queues -> beats -> SRAM st
                   |-> scalar data -> SRAM ss
                   |-> raise -> semaphores
                   \\-> command -> network interface

An entry keeps its slot, and its range of words, until the SRAM says that it is written (a raise: until it is taken; a command: until the
network interface has read its words).
"""

from amaranth.hdl import Cat, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from rtl.common.network_ports import Commands, Handed
from rtl.core.interfaces import (
    STORE_SLOTS,
    Life,
    StoreData,
    StoreEvents,
    StoreProgress,
    StoreRequests,
    StoreSteer,
    scalar_progress,
    vector_progress,
)
from rtl.core.memory.commands import NetCommands
from rtl.core.memory.raises import Raises
from rtl.core.memory.scalar_stores import ScalarStores
from rtl.core.memory.store_beats import StoreBeats
from rtl.core.memory.store_queue import StoreQueue
from rtl.core.operations import Drains
from rtl.core.trace import TraceStore, records
from rtl.mem import ports


class StoreUnit(wiring.Component):
    """Stores, drains and raises of four threads.

    Parameters
    ----------
    config: sizes.
    trace: with the port ``trace``.
    """

    def __init__(self, config: NodeConfig, trace: bool = False) -> None:
        if config.store_queue != STORE_SLOTS:
            raise ValueError(f"{config.name}: store_queue is {config.store_queue}, the store unit has {STORE_SLOTS} slots per thread")
        self.config, self.trace_on = config, trace
        members = {
            "requests": In(StoreRequests),
            "vector_progress": In(vector_progress(config)),
            "scalar_progress": In(scalar_progress(config)),
            "life": In(Life),
            "progress": Out(StoreProgress),
            "data": Out(StoreData),
            "drains": Out(Drains),
            "st": Out(ports.VectorStore),
            "ss": Out(ports.ScalarStore),
            "steer": Out(StoreSteer),
            # To the network interface, and which of them it has handed to the network.
            "commands": Out(Commands),
            "handed": In(Handed),
            "events": Out(StoreEvents),
        }
        if trace:
            # A beat of the 64-byte port, a scalar store, a raise.
            members["trace"] = Out(records(TraceStore, 3))
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.queue = queue = StoreQueue(self.config)
        m.submodules.beats = beats = StoreBeats(self.trace_on)
        m.submodules.scalars = scalars = ScalarStores()
        m.submodules.raises = raises = Raises()
        for name in ("requests", "vector_progress", "scalar_progress", "life"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(queue, name))
        wiring.connect(m, queue.progress, wiring.flipped(self.progress))
        for name in ("data", "drains", "st", "events"):
            wiring.connect(m, getattr(beats, name), wiring.flipped(getattr(self, name)))
        wiring.connect(m, scalars.ss, wiring.flipped(self.ss))
        wiring.connect(m, raises.steer, wiring.flipped(self.steer))
        wiring.connect(m, queue.tokens, beats.tokens, scalars.tokens, raises.tokens)
        for name, taker in (("beats", beats), ("scalars", scalars), ("raises", raises)):
            wiring.connect(m, getattr(queue, name), taker.starts)
        st, ss = self.st.done, self.ss.done
        m.d.comb += queue.written.eq(
            Mux(st.valid & st.tag[4], 1 << st.tag[:4], 0)
            | Mux(ss.valid, 1 << ss.tag[:4], 0)
            | Mux(raises.taken, 1 << Cat(raises.slot, raises.steer.thread), 0)
            | Mux(self.handed.valid, 1 << Cat(self.handed.slot, self.handed.thread), 0)
        )
        if self.config.networked:
            m.submodules.commands = commands = NetCommands()
            wiring.connect(m, queue.tokens, commands.tokens)
            wiring.connect(m, queue.commands, commands.starts)
            wiring.connect(m, commands.commands, wiring.flipped(self.commands))
        if self.trace_on:
            m.d.comb += [record.eq(part.trace) for record, part in zip(self.trace.record, (beats, scalars, raises), strict=True)]
        return m

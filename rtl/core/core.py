"""The core: its regions, and who says what to whom. No logic of its own."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from golden.arch.isa import THREADS
from rtl.common.host_ports import Activity, CounterLine, Debug, LinkEvents, Place, Poke, Raise, Start, ThreadStatus
from rtl.common.network_ports import Commands, Handed, NetSteer
from rtl.core.cycles import CycleRecorder
from rtl.core.front.unit import FrontEnd
from rtl.core.matrix.unit import MatrixUnit
from rtl.core.memory.unit import MemoryUnit
from rtl.core.scalar.unit import ScalarUnit
from rtl.core.thread.control import ControlUnit
from rtl.core.thread.unit import ThreadUnit
from rtl.core.trace import trace_signature
from rtl.core.vector.unit import VectorUnit
from rtl.mem import ports


class Core(wiring.Component):
    """One core.

    Parameters
    ----------
    config : sizes.
    trace : with the trace ports.
    """

    def __init__(self, config: NodeConfig, trace: bool = False) -> None:
        self._config, self._trace_on = config, trace
        members = {
            # SRAM.
            "l0": Out(ports.VectorLoad),
            "l1": Out(ports.VectorLoad),
            "st": Out(ports.VectorStore),
            "sl": Out(ports.ScalarLoad),
            "ss": Out(ports.ScalarStore),
            "fill": Out(ports.Fill),
            "inject": Out(ports.Inject),
            "uncorrectable": In(ports.Uncorrectable),
            "corrected": In(ports.Corrected),
            "conflicts": In(ports.ConflictCount),
            # Endpoint.
            "start": In(Start),
            "debug": In(Debug),
            "poke": In(Poke),
            "raise_": In(Raise),
            "line": In(CounterLine),
            "place": In(Place),
            "link_events": In(LinkEvents),
            # Network interface.
            "commands": Out(Commands),
            "handed": In(Handed),
            "net_steer": In(NetSteer),
            "status": Out(ThreadStatus),
            "activity": Out(Activity),
        }
        if trace:
            members["trace"] = Out(trace_signature(config))
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.threads = threads = ThreadUnit(self._config, self._trace_on)
        m.submodules.front = front = FrontEnd(self._config, self._trace_on)
        m.submodules.scalar = scalar = ScalarUnit(self._config, self._trace_on)
        m.submodules.memory = memory = MemoryUnit(self._config, self._trace_on)
        m.submodules.vector = vector = VectorUnit(self._config, self._trace_on)
        m.submodules.matrix = matrix = MatrixUnit(trace=self._trace_on, gated=True)
        m.submodules.control = control = ControlUnit()
        me = wiring.flipped(self)

        def connect(*interfaces: object) -> None:
            wiring.connect(m, *interfaces)

        # Threads and dispatch; dispatch to the queues.
        for t in range(THREADS):
            connect(threads.turn[t], front.turn[t])
            connect(front.dispatched[t], threads.dispatched[t])
            connect(threads.supply[t], front.supply[t])
        for k in range(self._config.dispatch_threads):
            connect(front.scalar[k], scalar.pushes[k])
            connect(front.vector[k], vector.pushes[k])
        # Progress of the queues; what steers threads, and their life.
        connect(scalar.progress, threads.scalar_progress, memory.scalar_progress)
        connect(vector.progress, threads.vector_progress, scalar.vector_progress, memory.vector_progress)
        connect(memory.progress, threads.store_progress, scalar.store_progress, vector.store_progress)
        connect(scalar.steer, threads.scalar_steer)
        connect(vector.steer, threads.vector_steer)
        connect(memory.steer, threads.store_steer)
        connect(threads.life, scalar.life, memory.life, vector.life, control.life)
        # Loads and stores; the matrix unit.
        connect(scalar.accesses, memory.accesses)
        connect(memory.room, scalar.room)
        connect(memory.load_begins, vector.load_begins)
        connect(memory.store_data, vector.store_data)
        connect(memory.drains, matrix.drains)
        connect(vector.operations, matrix.operations)
        # Control registers and events.
        connect(scalar.csr, control.access)
        connect(control.settings, front.settings, scalar.settings, memory.settings, vector.settings)
        connect(threads.events, control.thread_events)
        connect(front.events, control.front_events)
        connect(scalar.events, control.scalar_events)
        connect(memory.events, control.store_events)
        connect(vector.events, control.vector_events)
        connect(matrix.events, control.matrix_events)
        # SRAM: who asks, and who else hears the answer.
        connect(memory.l0, me.l0)
        connect(memory.l1, me.l1)
        connect(memory.sl, me.sl)
        connect(memory.st, me.st)
        connect(memory.ss, me.ss)
        connect(front.fill, me.fill)
        connect(me.l0.ret, vector.l0)
        connect(me.l1.ret, vector.l1)
        connect(me.sl.ret, scalar.loaded)
        connect(control.inject, me.inject)
        connect(me.uncorrectable, threads.uncorrectable)
        connect(me.corrected, control.corrected)
        connect(me.conflicts, control.conflicts)
        # Endpoint.
        connect(me.start, threads.start)
        connect(me.debug, threads.debug)
        connect(me.raise_, threads.net_raise)
        connect(me.poke, scalar.poke)
        connect(me.line, control.line)
        connect(me.place, control.place, memory.place)
        connect(me.link_events, control.link_events)
        connect(threads.status, me.status)
        connect(control.activity, me.activity)
        # Network interface.
        connect(memory.commands, me.commands)
        connect(me.handed, memory.handed)
        connect(me.net_steer, threads.net_steer)
        if self._trace_on:
            self._trace(m, threads, front, scalar, memory, vector)
        return m

    def _trace(
        self, m: Module, threads: ThreadUnit, front: FrontEnd, scalar: ScalarUnit, memory: MemoryUnit, vector: VectorUnit
    ) -> None:
        trace = wiring.flipped(self.trace)
        wiring.connect(m, front.trace, trace.dispatch)
        wiring.connect(m, threads.trace, trace.ended)
        wiring.connect(m, scalar.trace, trace.scalar)
        wiring.connect(m, vector.trace_vector, trace.vector)
        wiring.connect(m, vector.trace_matrix, trace.matrix)
        wiring.connect(m, vector.trace_load, trace.load)
        wiring.connect(m, vector.trace_lane, trace.lane)
        wiring.connect(m, memory.trace, trace.store)
        m.submodules.cycles = cycles = CycleRecorder()
        wiring.connect(m, threads.life, cycles.life)
        wiring.connect(m, front.trace_threads, cycles.threads)
        wiring.connect(m, scalar.trace_heads, cycles.scalar_heads)
        wiring.connect(m, vector.trace_heads, cycles.vector_heads)
        wiring.connect(m, scalar.trace_issue, cycles.scalar_issue)
        wiring.connect(m, vector.trace_issue, cycles.vector_issue)
        wiring.connect(m, front.events, cycles.front_events)
        wiring.connect(m, threads.events, cycles.thread_events)
        wiring.connect(m, scalar.events, cycles.scalar_events)
        wiring.connect(m, memory.events, cycles.store_events)
        wiring.connect(m, vector.events, cycles.vector_events)
        wiring.connect(m, wiring.flipped(self.link_events), cycles.link_events)
        wiring.connect(m, wiring.flipped(self.conflicts), cycles.conflicts)
        wiring.connect(m, cycles.issue, trace.issue)
        wiring.connect(m, cycles.cycle, trace.cycle)

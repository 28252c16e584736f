"""The core: front end, scalar unit, vector unit and store unit, wired. No logic of its own."""

from amaranth.hdl import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from golden.arch.isa import THREADS
from golden.arch.sram import INJECT_BITS, LANES
from rtl.common.host_ports import STATUS, Debug, Poke, Raise, Start
from rtl.core.front.unit import FrontEnd
from rtl.core.memory.store import StoreUnit
from rtl.core.scalar.unit import ScalarUnit
from rtl.core.thread.counters import COUNTER_BITS, LINE, LINES
from rtl.core.trace import TraceDispatch, TraceLoad, TraceMatrix, TraceScalar, TraceStore, TraceVector
from rtl.core.vector.unit import VectorUnit
from rtl.mem import ports


def trace_signature(config: NodeConfig) -> wiring.Signature:
    """What a core built with its trace says of every instruction (golden.retire joins it)."""
    lane = data.StructLayout({"valid": 1, "thread": 2, "reg": 5, "data": 64})
    return wiring.Signature(
        {
            "dispatch": Out(TraceDispatch).array(config.dispatch_width + THREADS),
            "scalar": Out(TraceScalar).array(3),
            "vector": Out(TraceVector),
            "matrix": Out(TraceMatrix),
            "load": Out(TraceLoad).array(2),
            "lane": Out(lane).array(16),
            "store": Out(TraceStore).array(3),
        }
    )


class Core(wiring.Component):
    """One core.

    Parameters
    ----------
    config : sizes.
    trace : with the trace ports.
    """

    def __init__(self, config: NodeConfig, trace: bool = False) -> None:
        self.config, self.trace_on = config, trace
        members = {
            "l0": Out(ports.VectorLoad),
            "l1": Out(ports.VectorLoad),
            "st": Out(ports.VectorStore),
            "sl": Out(ports.ScalarLoad),
            "ss": Out(ports.ScalarStore),
            "fill": Out(ports.Fill),
            # Words that cannot be corrected, by thread; per thread the bits that its scalar stores invert.
            "lost": In(ports.Uncorrectable),
            "ecc_inject": Out(data.ArrayLayout(INJECT_BITS, THREADS)),
            "start": In(Start),
            "debug": In(Debug),
            "poke": In(Poke),
            "raise_": In(Raise),
            "status": Out(data.ArrayLayout(STATUS, THREADS)),
            "stopped": Out(THREADS),
            "node": In(10),
            # Events from outside the core; the core adds its own.
            "conflicts": In(6),
            "corrected": In(5),
            "packet_in": In(1),
            "packet_out": In(1),
            "first_start": In(1),
            "counter_line": In(range(LINES)),
            "counter_values": Out(data.ArrayLayout(COUNTER_BITS, LINE)),
            # Something was dispatched or stored in this cycle; and threads that run.
            "activity": Out(1),
            "running": Out(THREADS),
        }
        if trace:
            members["trace"] = Out(trace_signature(config))
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        m.submodules.front = front = FrontEnd(self.config, self.trace_on)
        m.submodules.scalar = scalar = ScalarUnit(self.config, self.trace_on)
        m.submodules.vector = vector = VectorUnit(self.config, self.trace_on)
        m.submodules.store = store = StoreUnit(self.config, self.trace_on)
        for name, unit in (("l0", scalar), ("l1", scalar), ("sl", scalar), ("st", store), ("ss", store), ("fill", front)):
            wiring.connect(m, getattr(unit, name), wiring.flipped(getattr(self, name)))
        wiring.connect(m, store.raise_out, front.raise_in)
        wiring.connect(m, wiring.flipped(self.raise_), front.net_raise_in)
        wiring.connect(m, wiring.flipped(self.start), front.start)
        wiring.connect(m, wiring.flipped(self.debug), front.debug)
        wiring.connect(m, wiring.flipped(self.lost), front.lost)
        m.d.comb += [
            # dispatch -> queues
            scalar.scalar_in.eq(front.scalar_out),
            scalar.scalar_thread.eq(front.thread_out),
            vector.vector_in.eq(front.vector_out),
            vector.vector_thread.eq(front.thread_out),
            front.scalar_free.eq(scalar.scalar_free),
            front.scalar_head.eq(scalar.scalar_head),
            front.vector_free.eq(vector.vector_free),
            front.vector_head.eq(vector.vector_head),
            # positions and registers under way
            front.vq_head.eq(vector.vq_head),
            front.st_read.eq(store.st_read),
            front.load_parity.eq(vector.load_parity),
            scalar.vq_head.eq(vector.vq_head),
            scalar.st_read.eq(store.st_read),
            scalar.simd_pending.eq(vector.simd_pending),
            scalar.load_parity.eq(vector.load_parity),
            scalar.load_busy.eq(vector.load_busy),
            scalar.store_slots.eq(store.store_slots),
            vector.st_read.eq(store.st_read),
            store.vq_head.eq(vector.vq_head),
            store.simd_pending.eq(vector.simd_pending),
            store.load_parity.eq(vector.load_parity),
            store.load_busy.eq(vector.load_busy),
            store.scalar_busy.eq(scalar.scalar_busy),
            store.acc_busy.eq(vector.acc_busy),
            # loads and stores
            vector.load_begin.eq(scalar.load_begin),
            store.store_issue.eq(scalar.store_issue),
            store.store_address.eq(scalar.store_address),
            vector.store_read.eq(store.store_read),
            store.store_data.eq(vector.store_data),
            vector.drain.eq(store.drain),
            store.drained.eq(vector.drained),
            store.drained_data.eq(vector.drained_data),
            # results that steer
            front.predicate_in[0].eq(scalar.predicate_out[0]),
            front.predicate_in[1].eq(scalar.predicate_out[1]),
            front.predicate_in[2].eq(vector.predicate_out),
            front.operand_in.eq(scalar.operand_out),
            front.fault_in.eq(scalar.fault_out),
            front.raise_thread.eq(store.raise_thread),
            front.raise_pc.eq(store.raise_pc),
            front.scalar_idle.eq(scalar.idle),
            front.vector_idle.eq(vector.idle),
            front.store_idle.eq(store.idle),
            scalar.starts.eq(front.starts),
            scalar.kill.eq(front.kill),
            vector.kill.eq(front.kill),
            store.kill.eq(front.kill),
            vector.running.eq(front.running),
            vector.waiting.eq(front.waiting),
            *(vector.priority[t].eq(scalar.priority[t][:2]) for t in range(THREADS)),
            scalar.set_flags.eq(vector.set_flags),
            # endpoint
            self.status.eq(front.status),
            self.stopped.eq(front.stopped),
            scalar.poke.valid.eq(self.poke.valid),
            scalar.poke.thread.eq(self.poke.thread),
            scalar.poke.index.eq(self.poke.index),
            scalar.poke.value.eq(self.poke.value),
            self.poke.ready.eq(scalar.poke_ready),
            scalar.node.eq(self.node),
            self.ecc_inject.eq(scalar.ecc_inject),
            scalar.counter_line.eq(self.counter_line),
            self.counter_values.eq(scalar.counter_values),
            self.activity.eq(
                front.dispatched | front.retired_front.any() | vector.matrix_step | vector.simd_issue | store.store_beat
            ),
            self.running.eq(front.running),
            # counters
            scalar.events.matrix_step.eq(vector.matrix_step),
            scalar.events.matrix_wait.eq(vector.matrix_wait),
            scalar.events.retired_front.eq(front.retired_front),
            scalar.events.retired_simd.eq(vector.simd_issue),
            scalar.events.retired_matrix.eq(vector.matrix_step),
            scalar.events.simd_busy.eq(vector.simd_issue),
            scalar.events.conflicts.eq(self.conflicts),
            scalar.events.store_beat.eq(store.store_beat),
            scalar.events.corrected.eq(self.corrected),
            scalar.events.packet_in.eq(self.packet_in),
            scalar.events.packet_out.eq(self.packet_out),
            scalar.events.fetch_miss.eq(front.fetch_miss),
            scalar.events.redirect.eq(front.redirect),
            scalar.events.first_start.eq(self.first_start),
        ]
        for back, target in ((self.l0.ret, vector.l0), (self.l1.ret, vector.l1)):
            m.d.comb += target.valid.eq(back.valid)
            for lane in range(LANES):
                m.d.comb += [getattr(target, name)[lane].eq(getattr(back, name)[lane]) for name in ("thread", "reg", "data")]
        if self.trace_on:
            self._trace(m, front, scalar, vector, store)
        return m

    def _trace(self, m, front, scalar, vector, store) -> None:
        for i, port in enumerate(self.trace.dispatch):
            m.d.comb += port.eq(front.trace_out[i])
        for i in range(3):
            m.d.comb += [self.trace.scalar[i].eq(scalar.trace_out[i]), self.trace.store[i].eq(store.trace[i])]
        m.d.comb += [self.trace.vector.eq(vector.trace_vector), self.trace.matrix.eq(vector.trace_matrix)]
        for i in range(2):
            begin = scalar.load_begin[i]
            m.d.comb += [
                self.trace.load[i].valid.eq(begin.valid),
                self.trace.load[i].thread.eq(begin.thread),
                self.trace.load[i].seq.eq(begin.seq),
                self.trace.load[i].reg.eq(begin.reg),
            ]
            back = (self.l0.ret, self.l1.ret)[i]
            for lane in range(LANES):
                port = self.trace.lane[LANES * i + lane]
                m.d.comb += [
                    port.valid.eq(back.valid[lane]),
                    port.thread.eq(back.thread[lane]),
                    port.reg.eq(back.reg[lane]),
                    port.data.eq(back.data[lane]),
                ]

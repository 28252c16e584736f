"""Results that come later than the execute stage: scalar loads, multiplication, control registers, and start packets.

They share the late write port of the registers, in this order: a load's data when it returns, the slow unit, a poke. The
destinations of the first two are pending from issue until they are written, which keeps readers, later writers and a second
load to the same register away.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.encoding import F0
from golden.arch.trace import SEQ_BITS
from rtl.core.interfaces import THREAD_BITS, THREADS
from rtl.core.memory.load_queue import SLOTS_SHAPE, LoadQueue, ScalarRequest
from rtl.core.scalar.decode import Queued
from rtl.core.scalar.execute import ADDRESS_BITS
from rtl.core.scalar.registers import RegisterWrite
from rtl.core.scalar.slow import SlowUnit
from rtl.mem import ports

LoadTag = data.StructLayout({"thread": THREAD_BITS, "index": 5, "offset": 3, "size": 2, "signed": 1})
Poke = data.StructLayout({"valid": 1, "thread": THREAD_BITS, "index": 5, "value": 64})
LateTrace = data.StructLayout({"valid": 1, "load": 1, "seq": SEQ_BITS})


class LateResults(wiring.Component):
    """Scalar loads, slow unit and the pending registers of all threads.

    Parameters
    ----------
    trace: keep the sequence numbers of loads.
    """

    # Issue: registers that become pending, their thread; whether the slow unit is claimed.
    begin_thread: In(THREAD_BITS)
    begins: In(isa.SCALAR_REGISTERS)
    claim: In(1)
    # Room for a scalar load that issues now; the slow unit is free. Flip-flops.
    room: Out(1)
    slow_free: Out(1)
    # Execute: thread, and registers whose instruction was cancelled or faulted.
    thread: In(THREAD_BITS)
    lost: In(isa.SCALAR_REGISTERS)
    # A scalar load completes its stage: instruction, byte address, older slots of the store queue.
    load: In(1)
    load_q: In(Queued)
    address: In(64)
    older: In(4)
    slots: In(SLOTS_SHAPE)
    # An instruction of the slow unit is in the stage, and completes it.
    slow: In(1)
    slow_done: In(1)
    slow_q: In(Queued)
    a: In(64)
    b: In(64)
    # Value of the control register whose number was in the stage in the previous cycle.
    csr_value: In(64)
    sl: Out(ports.ScalarLoad)
    poke: In(Poke)
    poke_ready: Out(1)
    write: Out(RegisterWrite)
    # State: registers pending.
    pending: Out(data.ArrayLayout(isa.SCALAR_REGISTERS, THREADS))
    # What `write` belongs to.
    trace: Out(LateTrace)

    def __init__(self, trace: bool = False) -> None:
        self._trace = trace
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.loads = loads = LoadQueue(ScalarRequest)
        m.submodules.slow_unit = slow = SlowUnit()
        word, tag, back = self.address[3:ADDRESS_BITS], Signal(LoadTag), Signal(LoadTag)
        m.d.comb += [
            tag.thread.eq(self.thread),
            tag.index.eq(self.load_q.word[F0 : F0 + 5]),
            tag.offset.eq(self.address[:3]),
            tag.size.eq(self.load_q.control.size),
            tag.signed.eq(self.load_q.control.signed),
            loads.push.eq(self.load),
            loads.older.eq(self.older),
            loads.range.thread.eq(self.thread),
            loads.range.low.eq(word),
            loads.range.high.eq(word),
            loads.request.addr.eq(word),
            loads.request.tag.eq(tag),
            loads.slots.eq(self.slots),
            loads.take.eq(loads.go & self.sl.ready),
            self.room.eq(loads.room),
            self.sl.valid.eq(loads.go),
            self.sl.addr.eq(loads.head_request.addr),
            self.sl.tag.eq(loads.head_request.tag),
            back.eq(self.sl.ret.tag),
            slow.claim.eq(self.claim),
            slow.start.eq(self.slow & self.slow_done),
            slow.cancel.eq(self.slow & ~self.slow_done),
            slow.is_csr.eq(self.slow_q.control.csr),
            slow.a.eq(self.a),
            slow.b.eq(self.b),
            slow.tag.thread.eq(self.thread),
            slow.tag.index.eq(self.slow_q.word[F0 : F0 + 5]),
            slow.tag.seq.eq(self.slow_q.seq),
            slow.csr_value.eq(self.csr_value),
            self.slow_free.eq(slow.free),
        ]
        # The bytes that a load wants, extended.
        at, loaded = Signal(64), Signal(64)
        m.d.comb += at.eq(self.sl.ret.data >> Cat(Const(0, 3), back.offset))
        with m.Switch(back.size):
            for size in range(4):
                width = 8 << size
                with m.Case(size):
                    m.d.comb += loaded.eq(Cat(at[:width], (at[width - 1] & back.signed).replicate(64 - width)))

        write, returns = self.write, self.sl.ret.valid
        with m.If(returns):
            m.d.comb += [write.thread.eq(back.thread), write.index.eq(back.index), write.value.eq(loaded)]
        with m.Elif(slow.done):
            m.d.comb += [
                write.thread.eq(slow.result_tag.thread),
                write.index.eq(slow.result_tag.index),
                write.value.eq(slow.result),
                slow.take.eq(1),
            ]
        with m.Else():
            m.d.comb += [
                write.thread.eq(self.poke.thread),
                write.index.eq(self.poke.index),
                write.value.eq(self.poke.value),
            ]
        m.d.comb += [write.en.eq(returns | slow.done | self.poke.valid), self.poke_ready.eq(~returns & ~slow.done)]

        arrived = Signal(isa.SCALAR_REGISTERS)
        m.d.comb += arrived.eq(Mux(returns | slow.done, 1 << write.index, 0))
        for t in range(THREADS):
            m.d.sync += self.pending[t].eq(
                (self.pending[t] | Mux(self.begin_thread == t, self.begins, 0))
                & ~Mux(self.thread == t, self.lost, 0)
                & ~Mux(write.thread == t, arrived, 0)
            )

        if self._trace:
            # A register has one load under way, so its number can wait under the register's name.
            m.submodules.numbers = numbers = memory.Memory(
                shape=SEQ_BITS, depth=THREADS * isa.SCALAR_REGISTERS, init=[]
            )
            into, out = numbers.write_port(), numbers.read_port(domain="comb")
            m.d.comb += [
                into.en.eq(self.load),
                into.addr.eq(Cat(tag.index, tag.thread)),
                into.data.eq(self.load_q.seq),
                out.addr.eq(Cat(back.index, back.thread)),
                self.trace.valid.eq((returns | slow.done) & write.index.any()),
                self.trace.load.eq(returns),
                self.trace.seq.eq(Mux(returns, out.data, slow.result_tag.seq)),
            ]
        return m

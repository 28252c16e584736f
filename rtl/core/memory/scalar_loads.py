"""Scalar loads between the address units and the SRAM."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.encoding import F0
from golden.arch.memmap import ADDRESS_BITS
from rtl.core.access import Execute, LoadTag
from rtl.core.interfaces import STORE_SLOTS, THREAD_BITS, StoreProgress
from rtl.core.memory.load_queue import LoadQueue, ScalarRequest
from rtl.mem import ports


class ScalarLoads(wiring.Component):
    """The queue."""

    # A load completes X: thread, instruction, byte address, slots of its thread's store queue with older stores.
    push: In(1)
    thread: In(THREAD_BITS)
    x: In(Execute)
    address: In(64)
    older: In(STORE_SLOTS)
    store_progress: In(StoreProgress)
    # A load that issues in this cycle will fit; a flip-flop.
    room: Out(1)
    sl: Out(ports.ScalarLoad)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.queue = queue = LoadQueue(ScalarRequest)
        word, tag = self.address[3:ADDRESS_BITS], Signal(LoadTag)
        wiring.connect(m, wiring.flipped(self.store_progress), queue.store_progress)
        m.d.comb += [
            tag.thread.eq(self.thread),
            tag.index.eq(self.x.q.word[F0 : F0 + 5]),
            tag.offset.eq(self.address[:3]),
            tag.size.eq(self.x.q.row.size),
            tag.signed.eq(self.x.q.row.signed),
            queue.push.eq(self.push),
            queue.older.eq(self.older),
            queue.range.thread.eq(self.thread),
            queue.range.low.eq(word),
            queue.range.high.eq(word),
            queue.request.addr.eq(word),
            queue.request.tag.eq(tag),
            queue.take.eq(queue.go & self.sl.ready),
            self.room.eq(queue.room),
            self.sl.valid.eq(queue.go),
            self.sl.addr.eq(queue.head_request.addr),
            self.sl.tag.eq(queue.head_request.tag),
        ]
        return m

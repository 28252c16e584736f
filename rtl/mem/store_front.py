"""Stores from their ports to step 1: queues of ST and SS, and the states of their partial stores."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import WORD_ADDRESS_BITS
from golden.arch.sram import BANKS, LANES, STORE_TAG_BITS
from rtl.mem import ports
from rtl.mem.intake import accept
from rtl.mem.queue import RequestQueue
from rtl.mem.rmw import PartialStore
from rtl.mem.stages import (
    SCALAR_WRITE,
    SINGLE_WRITES,
    LaneStore,
    OldWords,
    ScalarHead,
    ScalarStore,
    StoreSlot,
    StoreTag,
    SweepStep,
)


class StoreFront(wiring.Component):
    """Queues of nine store lanes: ST, then SS."""

    # Requests, taken in a cycle with valid and ready.
    st: In(ports.VectorStoreRequest)
    ss: In(ports.ScalarStoreRequest)
    # While it is active the ports take nothing from the next cycle on.
    sweep: In(SweepStep)
    # Words that were read for partial stores.
    old: In(OldWords)
    # What step 1 may grant in this cycle: lanes that have a request, those that ask, those that own a lock on their bank;
    # banks as mask, number, present (rtl/mem/queue.py).
    valid: Out(SINGLE_WRITES)
    asks: Out(SINGLE_WRITES)
    locked: Out(SINGLE_WRITES)
    banks: Out(BANKS).array(SINGLE_WRITES)
    number: Out(range(BANKS)).array(SINGLE_WRITES)
    present: Out(SINGLE_WRITES)
    # Granted in this cycle; only lanes that ask.
    take: In(SINGLE_WRITES)
    # Lanes whose request ends with the grant of this cycle (combinational).
    ends: Out(SINGLE_WRITES)
    # A vector store enters in this cycle.
    push: Out(1)
    # The scalar store of this cycle: its tag, and what the write path must know a cycle ahead; with its valid bit.
    tag: Out(STORE_TAG_BITS)
    head: Out(ScalarHead)
    # What was granted in the cycle before (flip-flops).
    slot: Out(StoreSlot)

    def elaborate(self, platform) -> Module:
        m = Module()
        queues = [RequestQueue(WORD_ADDRESS_BITS, LaneStore, words=1) for _ in range(LANES)]
        scalar = RequestQueue(WORD_ADDRESS_BITS, ScalarStore, words=1)
        m.d.comb += self.push.eq(accept(m, self.st, queues, self.sweep.active))
        accept(m, self.ss, [scalar], self.sweep.active)
        for lane, queue in enumerate(queues):
            strobe = self.st.strobe.word_select(lane, 8)
            m.d.comb += [
                queue.active.eq(self.st.enable[lane] & strobe.any()),
                queue.addr.eq(self.st.addr[lane]),
                queue.info.strobe.eq(strobe),
                queue.info.partial.eq(queue.active & ~strobe.all()),
                queue.info.thread.eq(StoreTag(self.st.tag).thread),
                queue.data[0].eq(self.st.data.word_select(lane, 64)),
            ]
        m.d.comb += [
            scalar.active.eq(self.ss.strobe.any()),
            scalar.addr.eq(self.ss.addr),
            scalar.info.strobe.eq(self.ss.strobe),
            scalar.info.partial.eq(scalar.active & ~self.ss.strobe.all()),
            scalar.info.tag.eq(self.ss.tag),
            scalar.data[0].eq(self.ss.data),
            self.tag.eq(scalar.head_info.tag),
            self.head.thread.eq(scalar.head_info.tag.thread),
            self.head.whole.eq(~scalar.head_info.partial),
        ]
        queues.append(scalar)
        partials = [PartialStore() for _ in range(SINGLE_WRITES)]
        for index, (queue, partial) in enumerate(zip(queues, partials, strict=True)):
            m.submodules[f"queue{index}"] = queue
            m.submodules[f"partial{index}"] = partial
            m.d.comb += [
                partial.valid.eq(queue.valid),
                partial.strobe.eq(queue.head_info.strobe),
                partial.partial.eq(queue.head_info.partial),
                partial.word.eq(queue.head_data[0]),
                partial.grant.eq(self.take[index]),
                partial.returned.eq(self.old.returned[index]),
                partial.old_word.eq(self.old.word[index]),
                partial.lost.eq(self.old.lost[index]),
                queue.take.eq(partial.ends),
                queue.merge.eq(partial.merge),
                queue.merged.eq(partial.merged),
                self.banks[index].eq(queue.banks),
                self.number[index].eq(queue.number),
            ]
        m.d.comb += [
            self.valid.eq(Cat(queue.valid for queue in queues)),
            self.asks.eq(Cat(partial.asks for partial in partials)),
            self.locked.eq(Cat(partial.locked for partial in partials)),
            self.present.eq(Cat(queue.present for queue in queues)),
            self.ends.eq(Cat(partial.ends for partial in partials)),
        ]
        self._slot(m, queues, partials)
        return m

    def _slot(self, m: Module, queues: list[RequestQueue], partials: list[PartialStore]) -> None:
        """What the grants of this cycle do in the next slot. Only the masks are reset."""

        def after(port: Signal, value) -> None:
            register = Signal(len(port), name=f"slot_{port.name}", reset_less=True)
            m.d.sync += register.eq(value)
            m.d.comb += port.eq(register)

        slot = self.slot
        m.d.sync += [
            slot.write.eq(Cat(p.writes & q.banks.any() for p, q in zip(partials, queues, strict=True))),
            slot.read.eq(Cat(partial.reads for partial in partials)),
        ]
        for index, queue in enumerate(queues):
            info = queue.head_info
            after(slot.addr[index], queue.head_addr)
            after(slot.word[index], queue.head_data[0])
            after(slot.banks[index], queue.banks)
            after(slot.thread[index], info.tag.thread if index == SCALAR_WRITE else info.thread)

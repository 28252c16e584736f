"""Loads from their ports to the banks: queues of L0, L1 and SL, step 2, and what is read in the slot that runs."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import WORD_ADDRESS_BITS
from golden.arch.sram import LANES
from rtl.common.invariant import always
from rtl.mem import ports
from rtl.mem.intake import accept
from rtl.mem.loads import Loads
from rtl.mem.queue import RequestQueue
from rtl.mem.stages import (
    SCALAR_READ,
    SCALAR_WRITE,
    DeniedLoads,
    GivenAway,
    LaneLoad,
    OldLoads,
    ReadInfo,
    ScalarTag,
    SingleReads,
    StoreSlot,
    SweepStep,
)
from rtl.mem.turns import Age


class LoadFront(wiring.Component):
    """Queues and grants of loads.

    A partial store's read of this slot uses the return path of a load lane, which waits: the lane of L1 with its
    number, for the scalar store SL.

    Parameters
    ----------
    pairs: form of the comparisons, see rtl/mem/claims.py.
    """

    # Requests, taken in a cycle with valid and ready.
    l0: In(ports.VectorLoadRequest)
    l1: In(ports.VectorLoadRequest)
    sl: In(ports.ScalarLoadRequest)
    # While it is active the ports take nothing from the next cycle on.
    sweep: In(SweepStep)
    # What step 1 has given away in this slot, and the stores among it.
    given: In(GivenAway)
    stores: In(StoreSlot)
    # Requests that have waited long (combinational, of flip-flops).
    waiting: Out(OldLoads)
    # What is read in this slot, and what goes with it to the return registers (combinational).
    reads: Out(SingleReads)
    info: Out(ReadInfo)
    # Combinational.
    denied: Out(DeniedLoads)

    def __init__(self, pairs: bool):
        self._pairs = pairs
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.loads = loads = Loads(self._pairs)
        l0, l1 = self._lanes(m, "l0"), self._lanes(m, "l1")
        m.submodules.sl = sl = RequestQueue(WORD_ADDRESS_BITS, ScalarTag)
        accept(m, self.sl, [sl], self.sweep.active)
        m.d.comb += [sl.active.eq(1), sl.addr.eq(self.sl.addr), sl.info.eq(self.sl.tag)]

        m.d.comb += [
            loads.busy.eq(self.given.busy),
            loads.l1_lent.eq(self.stores.read[:LANES]),
            loads.sl_lent.eq(self.stores.read[SCALAR_WRITE]),
            loads.first_sl.eq(self.given.first.sl),
            loads.first_l0.eq(self.given.first.l0),
            loads.first_l1.eq(self.given.first.l1),
            loads.sl_valid.eq(sl.valid),
            loads.sl_banks.eq(sl.banks),
            loads.sl_number.eq(sl.number),
            loads.sl_present.eq(sl.present),
            loads.l0_valid.eq(Cat(queue.valid for queue in l0)),
            loads.l1_valid.eq(Cat(queue.valid for queue in l1)),
            loads.l0_present.eq(Cat(queue.present for queue in l0)),
            loads.l1_present.eq(Cat(queue.present for queue in l1)),
        ]
        for lane in range(LANES):
            m.d.comb += [
                loads.l0_banks[lane].eq(l0[lane].banks),
                loads.l1_banks[lane].eq(l1[lane].banks),
                loads.l0_number[lane].eq(l0[lane].number),
                loads.l1_number[lane].eq(l1[lane].number),
            ]
        queues = [*l0, *l1, sl]
        takes = Cat(loads.l0_take, loads.l1_take, loads.sl_take)
        m.d.comb += [queue.take.eq(take) for queue, take in zip(queues, takes, strict=True)]
        m.d.comb += [
            self._age(m, "sl", sl.valid, loads.sl_take, self.waiting.old.sl),
            self._age(m, "l0", loads.l0_valid, loads.l0_take, self.waiting.old.l0),
            self._age(m, "l1", loads.l1_valid, loads.l1_take, self.waiting.old.l1),
            self.denied.mask.eq(Cat(loads.l0_valid, loads.l1_valid, loads.sl_valid) & ~takes),
            self.info.for_load.eq(takes),
            self.info.for_store.eq(self.stores.read),
            self.info.accessed.eq(self.reads.read),
            self.reads.read.eq(
                (self.info.for_load & Cat(queue.banks.any() for queue in queues)) | (self.info.for_store << LANES)
            ),
        ]
        self._alone(m, queues, takes)
        self._read(m, queues, [*loads.l0_wins, *loads.l1_wins, loads.sl_wins])
        return m

    def _lanes(self, m: Module, name: str) -> list[RequestQueue]:
        """The queues of a vector port."""
        port = getattr(self, name)
        queues = [RequestQueue(WORD_ADDRESS_BITS, LaneLoad) for _ in range(LANES)]
        accept(m, port, queues, self.sweep.active)
        for lane, queue in enumerate(queues):
            m.submodules[f"{name}_{lane}"] = queue
            m.d.comb += [
                queue.active.eq(port.enable[lane]),
                queue.addr.eq(port.addr[lane]),
                queue.info.keep.eq(Mux(port.enable[lane], port.keep.word_select(lane, 8), 0)),
                queue.info.thread.eq(port.thread),
                queue.info.reg.eq(port.reg),
            ]
        return queues

    def _age(self, m: Module, name: str, waiting: Value, take: Value, old: Value):
        m.submodules[f"age_{name}"] = age = Age(len(waiting))
        m.d.comb += [age.tick.eq(self.given.tick), age.waiting.eq(waiting), age.take.eq(take)]
        return old.eq(age.old)

    def _alone(self, m: Module, queues: list[RequestQueue], takes: Value) -> None:
        """No bank is given away twice in a slot."""
        before: Value = self.given.busy
        for queue, take in zip(queues, takes, strict=True):
            always(m, ~take | ~(queue.banks & before).any(), "a bank is given away twice in a slot")
            before = before | Mux(take, queue.banks, 0)

    def _read(self, m: Module, queues: list[RequestQueue], wins: list[Value]) -> None:
        """Addresses, banks and what travels along; a partial store's where it has borrowed the return path."""
        for index, queue in enumerate(queues):
            addr, banks = queue.head_addr, wins[index]
            info = self.info.scalar if index == SCALAR_READ else self.info.lane[index]
            if index == SCALAR_READ:
                m.d.comb += [info.keep.eq(0xFF), info.tag.eq(queue.head_info)]
                thread = info.tag.thread
            else:
                m.d.comb += info.eq(queue.head_info)
                thread = info.thread
            if index >= LANES:
                store = index - LANES
                lent = Signal(name=f"lent{store}")
                m.d.comb += lent.eq(self.stores.read[store])
                addr = Mux(lent, self.stores.addr[store], addr)
                banks = banks | Mux(lent, self.stores.banks[store], 0)
                with m.If(lent):
                    m.d.comb += [info.keep.eq(0xFF), thread.eq(self.stores.thread[store])]
            m.d.comb += [self.reads.addr[index].eq(addr), self.reads.banks[index].eq(banks)]

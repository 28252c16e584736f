"""Which stores are finished, told to their ports in order."""

from amaranth.hdl import Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.sram import LANES, STORE_TAG_BITS
from rtl.mem import ports
from rtl.mem.queue import DEPTH
from rtl.mem.stages import Ended


class DoneInOrder(wiring.Component):
    """Reports requests in order once every lane has finished its part.

    Keeps for each lane how far it is ahead of the oldest unreported request, as unary masks over the lanes: bit l of
    `ahead[k]` says that lane l is more than k requests ahead. No lane gets further than its queue is deep.
    """

    def __init__(self, tag_width: int):
        super().__init__({
            # A request enters all lanes.
            "push": In(1),
            "tag": In(tag_width),
            # Lanes that finish a request in this cycle.
            "take": In(LANES),
            # A request is finished: flip-flops, in the cycle after its last lane's take.
            "done": Out(1),
            "done_tag": Out(tag_width),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        depth = 2 * DEPTH
        m.submodules.tags = tags = memory.Memory(shape=len(self.tag), depth=depth, init=[])
        write, read = tags.write_port(), tags.read_port(domain="comb")
        write_at = Signal(range(depth))
        read_at = Signal(range(depth))

        every = (1 << LANES) - 1
        ahead = [Signal(LANES, name=f"ahead{k}") for k in range(DEPTH + 1)]
        finished = Signal()
        gains = Signal(LANES)
        loses = Signal(LANES)
        m.d.comb += [
            finished.eq((ahead[0] | self.take).all()),
            gains.eq(self.take & ~finished.replicate(LANES)),
            loses.eq(finished.replicate(LANES) & ~self.take),
        ]
        for k, mask in enumerate(ahead):
            below = ahead[k - 1] if k > 0 else every
            above = ahead[k + 1] if k < DEPTH else 0
            m.d.sync += mask.eq((gains & below) | (loses & above) | (mask & ~gains & ~loses))

        m.d.comb += [
            write.addr.eq(write_at),
            write.data.eq(self.tag),
            write.en.eq(self.push),
            read.addr.eq(read_at),
        ]
        m.d.sync += [
            write_at.eq(write_at + self.push),
            read_at.eq(read_at + finished),
            self.done.eq(finished),
            self.done_tag.eq(read.data),
        ]
        return m


class Completions(wiring.Component):
    """Tells the store ports what step 1 granted to its end, so that every load of a later slot sees the data."""

    # In the cycle of step 1.
    ended: In(Ended)
    # To the requesters (flip-flops): in the slot of the last grant.
    st: Out(ports.Done)
    ss: Out(ports.Done)
    mw: Out(ports.LineDone)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.lanes = lanes = DoneInOrder(STORE_TAG_BITS)
        ended = self.ended
        m.d.comb += [
            lanes.push.eq(ended.st_push),
            lanes.tag.eq(ended.st_tag),
            lanes.take.eq(ended.st),
            self.st.valid.eq(lanes.done),
            self.st.tag.eq(lanes.done_tag),
        ]
        m.d.sync += [
            self.ss.valid.eq(ended.ss),
            self.ss.tag.eq(ended.ss_tag),
            self.mw.valid.eq(ended.mw),
            self.mw.tag.eq(ended.mw_tag),
        ]
        return m

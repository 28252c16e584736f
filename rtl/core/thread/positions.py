"""What a thread has counted: its instructions, and what it gave to the queues; and whether the queues have room for a group."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.config import NodeConfig
from golden.arch.tags import ST_AHEAD, VQ_AHEAD
from golden.arch.trace import SEQ_BITS
from rtl.common.delay import delay
from rtl.core.groups import QUEUED_BITS, Counted, Dispatched, told
from rtl.core.interfaces import ST_POS_BITS, VQ_POS_BITS, ScalarSteer, StoreProgress, scalar_progress, vector_progress
from rtl.core.thread.parts import Begin, Doom, Room, Stage


class Numbers(wiring.Component):
    """Instructions that left: a group's are numbered as they leave, a waiting one as it ends.

    Parameters
    ----------
    width : instructions of a group.
    """

    dispatched: In(Dispatched)
    stage: In(Stage)
    begin: In(Begin)
    # Number of the next instruction; how many retired since the thread started. State.
    seq: Out(SEQ_BITS)
    retired: Out(48)

    def __init__(self, width: int) -> None:
        self._width = width
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        group, added = self.dispatched.group, Signal(range(self._width + 2))
        m.d.comb += added.eq(Mux(group.valid & ~group.waits, group.count, 0) + self.stage.ends)
        m.d.sync += [self.seq.eq(self.seq + added), self.retired.eq(self.retired + added)]
        with m.If(self.begin.valid):
            m.d.sync += [self.seq.eq(0), self.retired.eq(0)]
        return m


_ISSUED = 4
"""Most instructions of a thread that have left the scalar queue and are not done."""


class Positions(wiring.Component):
    """Positions given out, parities of loads, control registers about to be written; a start takes up those that the units have reached.

    Parameters
    ----------
    config : sizes of the queues.
    number : of the thread.
    """

    def __init__(self, config: NodeConfig, number: int) -> None:
        self._config, self._width, self._number = config, config.dispatch_width, number
        if 2 * self._width >= min(VQ_AHEAD, ST_AHEAD):
            raise ValueError(f"{config.name}: groups of {self._width} instructions go further ahead than positions reach")
        self._most_settings = config.scalar_queue + _ISSUED
        super().__init__(
            {
                "dispatched": In(Dispatched),
                "stage": In(Stage),
                "begin": In(Begin),
                "doom": In(Doom),
                "scalar_steer": In(ScalarSteer),
                "scalar_progress": In(scalar_progress(config)),
                "vector_progress": In(vector_progress(config)),
                "store_progress": In(StoreProgress),
                "counted": Out(told(Counted)),
                "room": Out(Room),
                # Instructions in its queues.
                "queued": Out(told(unsigned(QUEUED_BITS))),
                # Instructions that retired since the thread started. State.
                "retired": Out(48),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.numbers = numbers = Numbers(self._width)
        for name in ("dispatched", "stage", "begin"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(numbers, name))
        group, number, counted = self.dispatched.group, self._number, self.counted.state
        vector, store = self.vector_progress, self.store_progress
        vq_tail, st_tail, parity = Signal(VQ_POS_BITS), Signal(ST_POS_BITS), Signal(isa.VECTOR_REGISTERS)
        settings = Signal(range(self._most_settings + 1))
        m.d.comb += [
            self.retired.eq(numbers.retired),
            counted.seq.eq(numbers.seq),
            counted.vq_tail.eq(vq_tail),
            counted.st_tail.eq(st_tail),
            counted.vq_head.eq(vector.vq_head[number]),
            counted.st_read.eq(store.st_read[number]),
            counted.parity.eq(parity),
            counted.loaded.eq(vector.load_parity[number]),
            counted.setting.eq(settings.any()),
        ]
        with m.If(group.valid):
            m.d.sync += [parity.eq(group.parity), vq_tail.eq(group.vq_tail), st_tail.eq(group.st_tail)]
        with m.If(self.begin.valid):
            m.d.sync += [vq_tail.eq(counted.vq_head), st_tail.eq(counted.st_read), parity.eq(counted.loaded)]

        # Control registers that are about to be written; what a fault drops is not.
        written = self.scalar_steer.setting.valid & (self.scalar_steer.setting.thread == number)
        m.d.sync += settings.eq(settings + Mux(group.valid, group.settings, 0) - written)
        with m.If(self.begin.valid | self.doom.kill):
            m.d.sync += settings.eq(0)

        # Marks of the oldest queued instructions, a cycle old, bound how far the other queues may run ahead: the oldest of the previous
        # cycle lies further back, and one that has come since is at most a group behind the tail.
        scalar_head, vector_head = (
            delay(m, each.head[number], 1, f"{name}_head") for name, each in (("scalar", self.scalar_progress), ("vector", vector))
        )
        vq_far = scalar_head.valid & ((vq_tail - scalar_head.vq_mark)[:VQ_POS_BITS] >= VQ_AHEAD - self._width)
        st_far = vector_head.valid & ((st_tail - vector_head.st_mark)[:ST_POS_BITS] >= ST_AHEAD - self._width)
        fits = (self.scalar_progress.free[number] >= self._width) & (vector.free[number] >= self._width)
        places = self._config.scalar_queue + self._config.vector_queue
        m.d.comb += [
            self.room.room.eq(fits & ~vq_far & ~st_far),
            self.queued.state.eq(places - self.scalar_progress.free[number] - vector.free[number]),
        ]
        return m

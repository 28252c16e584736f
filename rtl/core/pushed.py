"""What comes into a thread's queue in a cycle, out of the groups of all threads."""

from collections.abc import Sequence

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring


def pushed(m: Module, pushes: Sequence[wiring.PureInterface], thread: int) -> list[data.View]:
    """The slots of the thread's group (``scalar_pushes`` or ``vector_pushes``); none is valid when it has no group."""
    slots = []
    for i, slot in enumerate(pushes[0].slot):
        comes = Signal(slot.shape(), name=f"comes_{thread}_{i}")
        for group in pushes:
            with m.If((group.thread == thread) & group.slot[i].valid):
                m.d.comb += comes.eq(group.slot[i])
        slots.append(comes)
    return slots

"""What a data body is: the storage behind the arbitration, with one interface for two implementations.

`flat` (rtl/mem/flat.py) is for simulation, `banks` (rtl/mem/banks.py) for synthesis. They are equal as long as no slot
gives a bank away twice. Stages, named as in docs/sram.md: *arbitrate* (the slot), *macro*, *return*, *correct*.
"""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.mem.stages import LineReadSlot, LineWrites, SingleReads, SingleWrites, SweepStep, Words

BodyPorts = wiring.Signature({
    # What happens in the slot that runs. The body decides nothing: no bank is in two of them.
    "reads": In(SingleReads),
    "line_read": In(LineReadSlot),
    "writes": In(SingleWrites),
    "line_write": In(LineWrites),
    "sweep": In(SweepStep),
    # What was read three slots before.
    "words": Out(Words),
})

"""Clock and reset.

A bench acts at rising edges. What it reads there are the values before the edge, as a flip-flop would see them; what it
writes there is seen from the next edge on. A bench that does not end is ended: after so many cycles it fails and says so.
"""

import cocotb
from cocotb.clock import Clock
from cocotb.handle import Immediate
from cocotb.triggers import RisingEdge, Timer

from tb.bind import Ports

PERIOD_PS = 500  # 2 GHz
LIMIT = 100_000  # cycles


class CycleLimit(AssertionError):
    """A bench has not ended in its number of cycles."""


async def start(ports: Ports, reset_cycles: int = 3, limit: int = LIMIT) -> None:
    """Starts the clock (in C, which is what makes long waits cheap) and returns at the first edge out of reset.

    `limit`: cycles after which the bench fails with CycleLimit.
    """
    if ports.reset is not None:  # at once: the first edge may come before what is scheduled, while inputs hold anything
        ports.reset.handle.value = Immediate(1)
    Clock(ports.clock.handle, PERIOD_PS, unit="ps", impl="gpi").start()
    cocotb.start_soon(_end(limit))
    if ports.reset is not None:
        ports.reset.set(1)
        await cycles(ports, reset_cycles)
        ports.reset.set(0)
    await cycles(ports, 1)


async def _end(limit: int) -> None:
    await Timer(limit * PERIOD_PS, "ps")
    raise CycleLimit(f"met its limit of {limit} cycles")


async def cycles(ports: Ports, count: int) -> None:
    """Returns `count` rising edges later."""
    edge = RisingEdge(ports.clock.handle)
    for _ in range(count):
        await edge

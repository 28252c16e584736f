"""Clock and reset.

A bench acts at rising edges. What it reads there are the values before the edge, as a flip-flop would see them; what it
writes there is seen from the next edge on.
"""

from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from tb.bind import Ports

PERIOD_PS = 500  # 2 GHz


async def start(ports: Ports, reset_cycles: int = 3) -> None:
    """Starts the clock (in C, which is what makes long waits cheap) and returns at the first edge out of reset."""
    Clock(ports.clock.handle, PERIOD_PS, unit="ps", impl="gpi").start()
    if ports.reset is not None:
        ports.reset.set(1)
        await cycles(ports, reset_cycles)
        ports.reset.set(0)
    await cycles(ports, 1)


async def cycles(ports: Ports, count: int) -> None:
    """Returns `count` rising edges later."""
    edge = RisingEdge(ports.clock.handle)
    for _ in range(count):
        await edge

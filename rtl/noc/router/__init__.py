r"""The router of a node: what comes in by a port leaves by another, in the next cycle when nothing is in its way.

::

    control --> RouterInput [LookAhead, Fifo x 4] -- want, heads --> RouterOutput [Arbiter, Credits] --> control, a cycle later
                     | slots                   <-- granted --              | select
    body ----------> Switch, a cycle behind the control words ------------------------------------> body

The upper line is RouterControl. Every output arbitrates alone among the channels of all inputs, so an input may send up to a packet per
channel in a cycle.
"""

from rtl.noc.router.control import ENTRY_PORT
from rtl.noc.router.router import ERROR_BITS, Router

__all__ = ["ENTRY_PORT", "ERROR_BITS", "Router"]

r"""The router of a node: what comes in by a port leaves by another, in the next cycle when nothing is in its way.

::

    control --> RouterInput [LookAhead, Fifo x 4] -- want, heads --> RouterOutput [Arbiter, Credits] --> control, a cycle later
                     | slots                   <-- granted --              | select
    body ----------> Switch, a cycle behind the control words ------------------------------------> body

Every output arbitrates alone among the channels of all inputs, so an input may send up to a packet per channel in a cycle.
"""

from rtl.noc.router.router import ENTRY_PORT, ERROR_BITS, Router

__all__ = ["ENTRY_PORT", "ERROR_BITS", "Router"]

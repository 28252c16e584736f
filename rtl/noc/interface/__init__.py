r"""The network interface: what the threads of a node ask of other nodes, as packets, and what the answers do.

::

    commands --> Transfers --> Fetch --> Packets --> RouteQueues --> LinkSender        requests, one a cycle
                                |  ^        |
                     SRAM read  +--+        | reads under way
                                            v
    answers -----------------------------> Arrivals --> SRAM write --> raise           answers, always taken

Transfers makes commands of lists. Fetch keeps commands in order and reads the words of a put. Packets says to whom, and turns words to
their place in the other line. RouteQueues chooses a route for each packet. Arrivals has room for every answer before its request leaves:
what it needs, the SRAM's port and the semaphores, waits for nobody in the network.
"""

from rtl.noc.interface.interface import NetworkInterface

__all__ = ["NetworkInterface"]

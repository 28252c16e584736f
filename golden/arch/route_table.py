"""The exceptions to dimension order in a router's table.

An entry names a rectangle of destinations, routes and outputs of this router, and the port that such a packet takes at the router behind
the output. Entries that match one packet agree; a packet that none matches goes in dimension order.

A second table beside it is for the packets that set out here: an entry names a rectangle of destinations, the one route that leads there
(`routes`), and the port of this router (`next`; zero: that of dimension order). Its `outs` are zero. A packet that none matches may take
either route. Of two that match one packet, neither
names a port, and YX holds.
"""

from golden.arch.bits import Layout
from golden.arch.packet import COORD_BITS

ENTRIES, DEPARTURES = 24, 48
"""Places of the two tables; whoever writes them counts on, the second table's first place after the first one's last."""
ENTRY = Layout.of(
    "route table entry",
    x0=COORD_BITS,  # columns x0..x1 and rows y0..y1 of the destination, ends included
    x1=COORD_BITS,
    y0=COORD_BITS,
    y1=COORD_BITS,
    routes=2,  # bit 0: packets on XY channels, bit 1: on YX channels
    outs=4,  # outputs of this router: bits in the order of the ports
    next=5,  # one-hot port of the next router
)
"""An entry of zeros matches nothing: it names no route."""

"""What the parts of a router pass to each other."""

from amaranth.lib import data

from golden.arch import route_table
from golden.arch.mesh import STEP
from golden.arch.packet import CHANNELS, CREDITS, PortId
from rtl.common.shapes import struct
from rtl.noc.layouts import TO

PORTS = len(PortId)
DEPTH = CREDITS
"""Places of a buffer: a credit each."""

ONWARD = data.ArrayLayout(PORTS, len(STEP))
"""For each port to a neighbour, the ports that a packet which leaves by it takes there: one-hot, or several of a multicast."""

CARRIED = tuple(TO)
"""Members of a control word that do not change on the way."""

HEAD = data.StructLayout({"onward": ONWARD, **TO})
"""What a buffer holds of a packet beside its ports here."""

WORD = data.StructLayout({"out": PORTS, **TO})
"""A control word on its way out by one port: ports of the next router, destination, far corner."""

ENTRY = struct(route_table.ENTRY)
"""An exception to dimension order: `golden.arch.route_table`."""

SLOT = data.StructLayout({"bypass": 1, "read": DEPTH, "write": DEPTH})
"""What the payload of one channel of an input does a cycle after its control word: which place it is read from, if it does not pass by
them, and which place a packet that comes is written to; one-hot, `write` zero when none comes."""

SLOTS = data.ArrayLayout(data.ArrayLayout(SLOT, CHANNELS), PORTS)
"""By input and channel."""

SELECT = data.ArrayLayout(data.ArrayLayout(CHANNELS, PORTS), PORTS)
"""For each output, from each input, the channel that it takes a packet of; one-hot or zero over all of an output."""

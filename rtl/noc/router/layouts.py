"""What the parts of a router pass to each other."""

from amaranth.lib import data

from golden.arch import route_table
from golden.arch.packet import CHANNELS, COORD_BITS, CREDITS, PortId
from rtl.common.shapes import struct

PORTS = len(PortId)
DEPTH = CREDITS
"""Places of a buffer: a credit each."""

WORD = data.StructLayout({"out": PORTS, "x": COORD_BITS, "y": COORD_BITS, "far_x": COORD_BITS, "far_y": COORD_BITS})
"""A control word on its way out: port of the next router (one-hot), destination, far corner."""

ENTRY = struct(route_table.ENTRY)
"""An exception to dimension order: `golden.arch.route_table`."""

SLOT = data.StructLayout({"bypass": 1, "read": DEPTH, "write": DEPTH})
"""What the payload of one channel of an input does a cycle after its control word: which place it is read from, if it does not pass by
them, and which place a packet that comes is written to; one-hot, `write` zero when none comes."""

SLOTS = data.ArrayLayout(data.ArrayLayout(SLOT, CHANNELS), PORTS)
"""By input and channel."""

SELECT = data.ArrayLayout(data.ArrayLayout(CHANNELS, PORTS), PORTS)
"""For each output, from each input, the channel that it takes a packet of; one-hot or zero over all of an output."""

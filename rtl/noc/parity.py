"""Parity of a packet: a bit per 8 bytes of payload, one over channel, destination and far corner, one over the rest of the header.

The port (`out`) changes at every hop and is not covered.
"""

from amaranth.hdl import Cat, Value
from amaranth.lib import data

from golden.arch.packet import PAYLOAD_PARITY_BITS


def route_parity(control: data.View) -> Value:
    """Over what a control word carries from the source to the destination."""
    return Cat(control.valid, control.x, control.y, control.far_x, control.far_y).xor()


def header_parity(header: data.View) -> Value:
    """Over the header that travels with the payload, its two parity bits left out."""
    return header.as_value()[:-2].xor()


def payload_parity(payload: Value) -> Value:
    """Bit i over word i."""
    return Cat(payload.word_select(i, 64).xor() for i in range(PAYLOAD_PARITY_BITS))


def wrong_header(body: data.View, route: Value) -> Value:
    """Whether a header disagrees with its parity bits, `route` being the parity of its control word."""
    return (route ^ body.header.parity[0]) | (header_parity(body.header) ^ body.header.parity[1])


def wrong_payload(body: data.View) -> Value:
    """Whether a payload disagrees with its parity bits."""
    return payload_parity(body.payload) != body.payload_parity

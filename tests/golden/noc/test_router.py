"""The rules of a router on cycles worked out by hand."""

import pytest

from golden.arch.mesh import MeshConfig
from golden.arch.packet import CONTROL, PortId
from golden.noc.mesh import Mesh
from golden.noc.router import PORTS, Router

N, E, S, W, NODE = PortId


def word(out, x, y, channel=0):
    return CONTROL.pack({"valid": 1 << channel, "out": 1 << out, "x": x, "y": y, "far_x": x, "far_y": y})


def step(router, controls=None, bodies=None, credits=None):
    rows = [[(values or {}).get(port, 0) for port in PortId] for values in (controls, bodies, credits)]
    return router.step(*rows)


def test_a_packet_alone_passes_in_one_cycle_its_body_behind_it():
    router = Router((2, 2))
    shown = step(router, {W: word(E, 4, 2)})
    assert shown.controls == (0, word(E, 4, 2), 0, 0, 0) and shown.bodies == (None,) * PORTS and shown.credits == (0, 0, 0, 1, 0)
    shown = step(router, bodies={W: 0xB0D7})
    assert shown.controls == (0,) * PORTS and shown.bodies[E] == 0xB0D7 and shown.credits == (0,) * PORTS


def test_the_word_that_leaves_names_the_port_of_the_next_router():
    for out, to, onward in ((E, (3, 2), NODE), (E, (3, 5), S), (E, (9, 5), E), (N, (2, 1), NODE), (NODE, (2, 2), NODE)):
        assert step(Router((2, 2)), {W: word(out, *to)}).controls[out] == word(onward, *to)


def test_the_one_served_longest_ago_goes_first():
    router, served = Router((2, 2)), []
    for cycle in range(6):
        # North, south and west want the node; after reset the lower index goes first.
        shown = step(router, {p: word(NODE, 2, 2) for p in (N, S, W)} if cycle == 0 else None, credits={NODE: 0})
        served += [PortId(p) for p in PortId if shown.credits[p]]
    assert served == [N, S, W]
    router, served = Router((2, 2)), []
    for cycle in range(8):
        shown = step(router, {p: word(NODE, 2, 2, cycle % 2) for p in (N, W)} if cycle < 4 else None)
        served.append([(PortId(p).name[0], shown.credits[p]) for p in PortId if shown.credits[p]])
    # The two take turns, and within a port so do its channels.
    assert served[:4] == [[("N", 1)], [("W", 1)], [("N", 2)], [("W", 2)]]


def test_without_credit_nothing_leaves_and_a_credit_counts_from_the_next_cycle():
    router = Router((2, 2))
    for _ in range(4):
        assert step(router, {W: word(E, 4, 2)}).controls[E]
    assert not step(router, {W: word(E, 4, 2)}).controls[E]
    assert not step(router, credits={E: 1}).controls[E]
    assert step(router).controls[E] == word(E, 4, 2)


def test_what_leaves_by_a_closed_port_is_gone_and_its_credit_is_back():
    router = Router((2, 2), closed=frozenset({E}))
    assert all(step(router, {W: word(E, 4, 2)}).controls[E] for _ in range(12))
    assert router.credits[E][0] == 3  # that of the last is on its way back


@pytest.mark.parametrize(
    "controls, sentence",
    [
        ({W: word(W, 1, 2)}, "turns back"),
        ({W: word(E, 4, 2) | 2}, "control word"),
    ],
)
def test_senders_that_break_the_rules(controls, sentence):
    with pytest.raises(AssertionError, match=sentence):
        step(Router((2, 2)), controls)


def test_a_fifth_packet_without_credit_and_a_credit_too_many():
    router = Router((2, 2))
    with pytest.raises(AssertionError, match="a credit of channel 2 too many"):
        step(router, credits={E: 4})
    router = Router((2, 2))
    for _ in range(8):
        step(router, {W: word(E, 4, 2)})  # four leave, four stay
    with pytest.raises(AssertionError, match="WEST: a packet on channel 0 without credit"):
        step(router, {W: word(E, 4, 2)})


def test_three_routers_in_a_row():
    mesh = Mesh(MeshConfig(3, 1))
    idle = {place: (0, 0, 0) for place in mesh.routers}
    mesh.step({**idle, (1, 1): (word(E, 3, 1), 0, 0)})
    assert mesh.shown[1, 1].controls[E] == word(E, 3, 1)
    mesh.step({**idle, (1, 1): (0, 77, 0)})
    assert mesh.shown[2, 1].controls[E] == word(NODE, 3, 1) and mesh.shown[1, 1].bodies[E] == 77
    mesh.step(idle)
    assert mesh.shown[3, 1].controls[NODE] == word(NODE, 3, 1)
    mesh.step(idle)
    assert mesh.shown[3, 1].bodies[NODE] == 77

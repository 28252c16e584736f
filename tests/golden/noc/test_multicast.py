"""Trees of multicasts: every other node of the rectangle gets one copy, whatever the source; dead nodes take what lies behind them."""

import random
from collections import defaultdict, deque
from dataclasses import replace
from itertools import product

import pytest

from golden.arch.mesh import MeshConfig
from golden.arch.packet import CHANNELS, CREDITS, Kind, Packet, PortId
from golden.noc.mesh import Mesh
from golden.noc.multicast import reached
from golden.noc.route_check import Ways
from golden.noc.routes import compile_routes
from golden.noc.routing import XY, YX, branches, dimension_order, onward

N, E, S, W, NODE = PortId


@pytest.mark.parametrize(
    "at, moving, xy, yx",
    [
        # The rectangle 2,2 to 4,4.
        ((1, 3), None, {E}, {N, S, E}),  # beside it: XY goes into it along the row; YX takes a row each, from its own column
        ((1, 3), E, {E}, {E}),
        ((2, 3), E, {N, S, E, NODE}, {E, NODE}),
        ((4, 3), E, {N, S, NODE}, {NODE}),
        ((3, 2), N, {NODE}, {E, W, NODE}),
        ((3, 4), S, {NODE}, {E, W, NODE}),
        ((3, 1), W, {S, W}, set()),
        ((5, 5), None, {W}, {N}),
        ((3, 3), None, {N, E, S, W, NODE}, {N, E, S, W, NODE}),
        ((3, 6), None, {N, E, W}, {N}),
    ],
)
def test_branches_by_hand(at, moving, xy, yx):
    assert branches(at, (2, 2), (4, 4), XY, moving) == xy and branches(at, (2, 2), (4, 4), YX, moving) == yx


def rectangles(mesh):
    corners = list(product(range(1, mesh.columns + 1), range(1, mesh.rows + 1)))
    return [(a, b) for a in corners for b in corners if a[0] <= b[0] and a[1] <= b[1] and a != b]


@pytest.mark.parametrize("route", [XY, YX])
def test_everybody_of_any_rectangle_gets_one_copy_from_anywhere(route):
    mesh = MeshConfig(4, 3)
    for source in [*mesh.live, *mesh.edges]:
        for corner, far in rectangles(mesh):
            packet = Packet(Kind.WRITE, corner, source, route, far=far)
            got, stopped = reached(mesh, source, corner, far, route)
            assert sorted(got) == sorted(place for place in mesh.live if packet.covers(place) and place != source) and not stopped


@pytest.mark.parametrize("route", [XY, YX])
def test_the_way_to_each_node_is_that_of_dimension_order(route):
    mesh = MeshConfig(4, 3)
    for source, (corner, far) in product(mesh.live, rectangles(mesh)):
        for to in mesh.live:
            if to == source or not Packet(Kind.WRITE, corner, source, far=far).covers(to):
                continue
            at, outs = source, branches(source, corner, far, route, None)
            while at != to:
                out = dimension_order(at, to, route)
                assert out in outs, (source, corner, far, to, at)
                at, outs = mesh.neighbour(at, out), onward(at, out, corner, far, route, [])
            assert NODE in outs


def test_who_is_dead_takes_what_lies_behind():
    #  1,1  2,1  3,1      from 1,2 by XY: east along the row, up the columns; 3,1 is reached by the row, 2,1 lies behind 2,2
    #  1,2   X   3,2
    mesh = MeshConfig(3, 2, frozenset({(2, 2)}))
    assert reached(mesh, (1, 2), (1, 1), (3, 2), XY) == ([(1, 1)], [(1, 2)])
    got, stopped = reached(mesh, (1, 2), (1, 1), (3, 2), YX)
    assert sorted(got) == [(1, 1), (2, 1), (3, 1)] and stopped == [(1, 2)]


@pytest.mark.parametrize("dead", [(), ((2, 2),), ((2, 2), (3, 4), (1, 5)), ((5, 1), (4, 4), (2, 3))], ids=str)
def test_forks_add_no_pair_of_channels_to_those_of_single_packets(dead):
    """So no circle: two links that follow each other on a tree are a whole way in dimension order."""
    ways = Ways(compile_routes(MeshConfig(5, 5, frozenset(dead), frozenset({frozenset({(3, 1), (3, 2)})}))))
    for route in (XY, YX):
        assert {tuple(pair) for pair in ways.forks(route)} <= {tuple(pair) for pair in ways.waits(route).tolist()}


class Nodes:
    """A source and a sink at every node of routers by their rules: single packets and multicasts at random, credits back when they like.

    `missing` holds, by source, channel and node, the bodies that have not come, in order.
    """

    def __init__(self, mesh, seed, back):
        self.mesh, self.rng, self.back = Mesh(mesh), random.Random(seed), back
        self.places, self.credits = mesh.live, {place: [CREDITS] * CHANNELS for place in mesh.live}
        self.held = {place: [0] * CHANNELS for place in mesh.live}
        self.rectangles = rectangles(mesh)
        self.missing, self.number, self.sent, self.came = defaultdict(deque), 0, 0, 0
        self.bodies, self.due = dict.fromkeys(mesh.live, 0), dict.fromkeys(mesh.live, 0)

    def create(self, source):
        route = self.rng.choice((XY, YX))
        corner, far = self.rng.choice(self.rectangles)
        if self.rng.random() < 0.5:
            corner = far = self.rng.choice([place for place in self.places if place != source])
        packet = Packet(Kind.WRITE, corner, source, 2 * self.rng.randrange(2) + route, far=far)
        outs = branches(source, corner, far, route, None) - {NODE} if packet.multicast else {dimension_order(source, corner, route)}
        return replace(packet, outs=frozenset(outs))

    def step(self, sending):
        shows = {}
        for place in self.places:
            control, body = 0, self.bodies[place]
            packet = self.create(place) if sending and self.rng.random() < 0.5 else None
            if packet and packet.outs and self.credits[place][packet.channel]:
                control, self.number = packet.encode()[0], self.number + 1
                self.credits[place][packet.channel] -= 1
                self.bodies[place] = self.number
                for to in self.places:
                    if packet.covers(to) and to != place:
                        self.sent += 1
                        self.missing[packet.channel, to].append((place, self.number))
            free = [v for v in range(CHANNELS) if self.held[place][v]]
            pulse = 1 << self.rng.choice(free) if free and self.rng.random() < self.back else 0
            if pulse:
                self.held[place][pulse.bit_length() - 1] -= 1
            shows[place] = control, body, pulse
        self.mesh.step(shows)
        for place, shown in self.mesh.shown.items():
            if self.due[place]:
                self.take(place, self.due[place].bit_length() - 1, shown.bodies[NODE])
            self.due[place] = shown.controls[NODE] & 15
            if self.due[place]:
                self.held[place][self.due[place].bit_length() - 1] += 1
            for v in range(CHANNELS):
                self.credits[place][v] += shown.credits[NODE] >> v & 1

    def take(self, place, channel, body):
        """A packet has come: of its source, it is the oldest that has not."""
        waiting = self.missing[channel, place]
        source = next(source for source, number in waiting if number == body)
        assert next(number for other, number in waiting if other == source) == body, "out of order"
        waiting.remove((source, body))
        self.came += 1


@pytest.mark.parametrize("back", [1.0, 0.3, 0.1])
def test_routers_lose_and_double_nothing_and_come_to_rest(seed, back):
    nodes = Nodes(MeshConfig(3, 3), f"{seed}/{back}", back)
    for _ in range(200):
        nodes.step(sending=True)
    for _ in range(1200):
        nodes.step(sending=False)
    assert nodes.came == nodes.sent > 300 and not any(nodes.missing.values())
    assert all(count == CREDITS for row in nodes.credits.values() for count in row)

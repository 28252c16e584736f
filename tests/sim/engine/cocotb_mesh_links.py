"""Runs inside Verilator: a mesh as one design, driven as the engine drives it; every link of every tile in every cycle is compared."""

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge

from golden.arch.mesh import STEP, MeshConfig
from golden.arch.packet import CHANNELS, CONTROL, CREDITS
from sim.engine.binding import LINK_PARTS
from sim.engine.ports import BODY_WORDS
from tb.bind import bind, parameters
from tb.clock import start
from tests.sim.engine.mesh_traffic import BEGIN, BOOT, boot, packets

VALID = (1 << CHANNELS) - 1
CONTROL_IN, BODY_IN, CREDIT_IN, CONTROL_OUT, BODY_OUT, CREDIT_OUT = range(len(LINK_PARTS))


class Host:
    """An edge as sim/engine/edge.h has it, written again: what it sees in a cycle it answers in that cycle."""

    def __init__(self, ports, number, queue):
        self.ins = {part: ports[f"i__{number}__{part}"] for part in ("control", "body", "credit")}
        self.outs = {part: ports[f"o__{number}__{part}"] for part in ("control", "body", "credit")}
        self.queue, self.credits, self.body, self.before = queue, [CREDITS] * CHANNELS, None, 0
        self.received = 0

    def step(self, sends):
        self.outs["credit"].set(self.before)
        self.received += bool(self.before)
        self.before = self.outs["control"].get() & VALID
        returned = self.ins["credit"].get()
        self.credits = [held + (returned >> v & 1) for v, held in enumerate(self.credits)]
        if self.body is not None:
            self.ins["body"].set(self.body)
        self.body, control = None, 0
        if sends and self.queue and self.credits[self.queue[0].channel]:
            self.credits[self.queue[0].channel] -= 1
            control, self.body = self.queue.pop(0).encode()
        self.ins["control"].set(control)


def fold(body):
    total = 0
    for word in np.frombuffer(body.to_bytes(4 * BODY_WORDS, "little"), "<u4").astype(int):
        total = (total << 1 & 0xFFFFFFFF | total >> 31) ^ int(word)
    return total


class Tile:
    """Its wires, which the control file of the build makes visible."""

    def __init__(self, dut, place):
        tile = getattr(dut, f"tile_{place[0]}_{place[1]}")
        self.wires = [
            [getattr(tile, f"{side}__{int(port)}__{part}") for side in "io" for part in ("control", "body", "credit")] for port in STEP
        ]
        self.due = [[False, False] for _ in STEP]

    def links(self):
        """As `Engine.take_links` has them."""
        found = []
        for wires, due in zip(self.wires, self.due, strict=True):
            ci, bi, ri, co, bo, ro = (int(wire.value) if i not in (1, 4) else wire for i, wire in enumerate(wires))
            found.append([ci, fold(int(bi.value)) if due[0] else 0, ro, co, fold(int(bo.value)) if due[1] else 0, ri])
            due[:] = [bool(ci & VALID), bool(co & VALID)]
        return found


@cocotb.test
async def every_link_in_every_cycle_is_that_of_the_engine(dut):
    expected = np.load(parameters()["links"]).astype(np.int64)
    ports, mesh = bind(dut), MeshConfig(parameters()["columns"], parameters()["rows"])
    hosts = [Host(ports, i, boot(mesh, place)) for i, place in enumerate(mesh.edges)]
    tiles = [Tile(dut, place) for place in mesh.live]
    await start(ports)
    falls = FallingEdge(ports.clock.handle)
    # The first edge out of reset is past: it ended cycle 0.
    for cycle in range(1, len(expected)):
        await falls
        for host, place in zip(hosts, mesh.edges, strict=True):
            if cycle == BEGIN:
                assert not host.queue and bool(host.received) == (place == mesh.edges[-1])
                host.queue += packets(mesh, place, parameters()["seed"])
            host.step(cycle >= BOOT)
        await cocotb.triggers.ReadOnly()
        got = np.array([tile.links() for tile in tiles])
        if (wrong := np.argwhere(got != expected[cycle])).size:
            tile, port, part = wrong[0]
            values = f"{got[tuple(wrong[0])]:#x} here, {expected[cycle][tuple(wrong[0])]:#x} on the engine"
            raise AssertionError(f"cycle {cycle}, tile {mesh.live[tile]}, link {port}, {LINK_PARTS[part]}: {values}")
    assert not any(host.queue for host in hosts) and all(host.received for host in hosts)
    assert CONTROL["valid"].mask == VALID

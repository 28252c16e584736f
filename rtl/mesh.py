"""A mesh of tiles with a link at every edge port: who is connected to whom stands in golden.arch.mesh."""

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from golden.arch.mesh import End, MeshConfig
from rtl.core.trace import trace_signature
from rtl.noc.layouts import Link
from rtl.tile import Tile


class Mesh(wiring.Component):
    """All live tiles.

    Parameters
    ----------
    mesh : MeshConfig
        The rectangle, and what is dead in it.
    config : NodeConfig
        Of every node; the network is added to its features.
    trace : bool
        With the trace ports; nothing else changes.
    """

    def __init__(self, mesh: MeshConfig, config: NodeConfig, trace: bool = False) -> None:
        self.mesh, self.config, self.trace_on = mesh, config.with_network(), trace
        members = {
            # From and to whoever is at the edge ports, in the order of `MeshConfig.edges`.
            "i": In(Link).array(len(mesh.edges)),
            "o": Out(Link).array(len(mesh.edges)),
            # An instruction or a packet moved in one of the nodes.
            "activity": Out(1),
        }
        if trace:
            # In the order of `MeshConfig.live`.
            members["trace"] = Out(trace_signature(self.config)).array(len(mesh.live))
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        mesh, tiles = self.mesh, {place: Tile(self.config, self.trace_on) for place in self.mesh.live}
        edges = {place: number for number, place in enumerate(mesh.edges)}
        for (x, y), tile in tiles.items():
            m.submodules[f"tile_{x}_{y}"] = tile
            m.d.comb += [tile.x.eq(x), tile.y.eq(y), tile.closed.eq(sum(1 << port for port in mesh.closed((x, y))))]

        def sender(end: End):
            return tiles[end.place].o[end.port] if end.place in tiles else wiring.flipped(self.i[edges[end.place]])

        def receiver(end: End):
            return tiles[end.place].i[end.port] if end.place in tiles else wiring.flipped(self.o[edges[end.place]])

        for wire in mesh.wires:
            wiring.connect(m, sender(wire.source), receiver(wire.target))
        m.d.comb += self.activity.eq(Cat(tile.activity for tile in tiles.values()).any())
        if self.trace_on:
            for tile, trace in zip(tiles.values(), self.trace, strict=True):
                wiring.connect(m, tile.trace, wiring.flipped(trace))
        return m

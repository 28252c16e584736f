"""A mesh of tiles with a link at every edge port: who is connected to whom stands in golden.arch.mesh."""

from amaranth.hdl import Cat, ClockSignal, Instance, Module, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from golden.arch.mesh import End, MeshConfig
from rtl.common.host_ports import Activity
from rtl.core.trace import node_trace
from rtl.noc.layouts import Link
from rtl.tile import Tile


class Mesh(wiring.Component):
    """All live tiles. They are instances of one module, which `parts` holds: what writes Verilog makes it once.

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
        config = config.with_network()
        self.mesh, self.trace_on = mesh, trace
        self.parts = {"Tile": Tile(config, trace)}
        members = {
            # From and to whoever is at the edge ports, in the order of `MeshConfig.edges`.
            "i": In(Link).array(len(mesh.edges)),
            "o": Out(Link).array(len(mesh.edges)),
            # Of any node.
            "activity": Out(Activity),
        }
        if trace:
            # In the order of `MeshConfig.live`.
            members["trace"] = Out(node_trace(config)).array(len(mesh.live))
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        mesh, tiles = self.mesh, {place: self._tile(m, place) for place in self.mesh.live}
        edges = {place: number for number, place in enumerate(mesh.edges)}

        def sender(end: End):
            return tiles[end.place].o[end.port] if end.place in tiles else wiring.flipped(self.i[edges[end.place]])

        def receiver(end: End):
            return tiles[end.place].i[end.port] if end.place in tiles else wiring.flipped(self.o[edges[end.place]])

        for wire in mesh.wires:
            wiring.connect(m, sender(wire.source), receiver(wire.target))
        m.d.comb += self.activity.busy.eq(Cat(tile.activity.busy for tile in tiles.values()).any())
        if self.trace_on:
            for tile, trace in zip(tiles.values(), self.trace, strict=True):
                wiring.connect(m, tile.trace, wiring.flipped(trace))
        return m

    def _tile(self, m: Module, place: tuple[int, int]):
        """An instance of the tile; its ports."""
        ((name, tile),) = self.parts.items()
        ports = tile.signature.create(path=(f"tile_{place[0]}_{place[1]}",))
        wires = {
            f"{'i' if member.flow is In else 'o'}_{'__'.join(map(str, path))}": value
            for path, member, value in tile.signature.flatten(ports)
        }
        m.submodules[f"tile_{place[0]}_{place[1]}"] = Instance(name, i_clk=ClockSignal(), i_rst=ResetSignal(), **wires)
        return ports

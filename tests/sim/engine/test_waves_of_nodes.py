"""Waves of some nodes of a mesh: the file holds them and no others, and a packet's way can be read in it."""

import pytest
import pywellen

from golden.arch.mesh import MeshConfig
from golden.arch.packet import CONTROL, Kind, Packet, PortId
from rtl.noc.router import Router
from sim.compile.elaborate import elaborate
from sim.compile.verilator import wave_format
from sim.engine.binding import Engine
from sim.engine.mesh import router_straps, settle
from sim.engine.topology import routers

PICOSECONDS = 500
MESH = MeshConfig(2, 2)
PACKET = Packet(Kind.WRITE, (2, 2), (1, 1), payload=0x1234, outs=frozenset({PortId.EAST}))
"""By XY through 2,1."""


@pytest.mark.rtl
def test_the_chosen_nodes_and_a_packet_from_one_to_the_next(tmp_path):
    path = tmp_path / f"w.{wave_format()}"
    design = elaborate(Router(), top="router", names=True)
    with Engine(design, routers(MESH), waves=True, straps=[router_straps(MESH, place) for place in MESH.live]) as engine:
        settle(engine)
        engine.waves(path, [MESH.live.index(place) for place in ((1, 1), (2, 1))])
        engine.send(0, [PACKET.encode()])
        engine.run(20)
        ((control, body),) = engine.take(MESH.live.index((2, 2)))
    assert Packet.decode(control, body).payload == PACKET.payload
    variables = {variable.full_name: variable for variable in pywellen.Waveform(str(path)).all_vars()}
    assert {name.partition(".")[0] for name in variables} == {"node0", "node1"}

    def seen(name: str) -> dict[int, int]:
        """Values other than 0, by cycle."""
        (variable,) = [variable for full, variable in variables.items() if full.endswith(name) and full.count(".") == 1]
        return {time // PICOSECONDS: int(value) for time, value in variable.tv if int(value)}

    ((left, word),) = seen(f"node0.o__{int(PortId.EAST)}__control").items()
    assert CONTROL.unpack(word)["out"] == 1 << PortId.SOUTH
    # An output shows after a cycle's edge what the next router's input is before that of the next cycle.
    assert seen(f"node1.i__{int(PortId.WEST)}__control") == {left + 1: word}
    ((passed, further),) = seen(f"node1.o__{int(PortId.SOUTH)}__control").items()
    assert passed == left + 1 and CONTROL.unpack(further)["out"] == 1 << PortId.NODE
    assert seen(f"node1.o__{int(PortId.SOUTH)}__body") == {left + 2: body}

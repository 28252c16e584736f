"""The picture of a mesh: a box for every node, what is dead and given up, broken links, routes."""

from xml.etree import ElementTree

from sim.views.mesh_svg import LEAST, MOST, Drawing, draw_mesh

SVG = "{http://www.w3.org/2000/svg}"
SIZES = {(1, 1): 0, (3, 1): 24, (1, 2): 3, (2, 2): 12}


def drawn(**routes):
    drawing = Drawing(3, 2, SIZES, 24, {(2, 1)}, {(3, 2)}, [((1, 2), (2, 2))], routes)
    return ElementTree.fromstring(draw_mesh(drawing, "a mesh"))


def test_every_node_has_its_box_and_colour():
    boxes = [box.get("fill") for box in drawn().findall(f"{SVG}rect") if box.get("width") == "32"]
    least, most = ("#" + "".join(f"{part:02x}" for part in colour) for colour in (LEAST, MOST))
    assert len(boxes) == 6 and boxes[0] == least and boxes[2] == most and boxes[1] == "#495057" and boxes[5] == "#ffe8cc"
    assert boxes[4] not in (least, most)


def test_sizes_and_what_is_broken_are_written():
    texts = [text.text for text in drawn().iter(f"{SVG}text")]
    assert {"24", "3", "12", "given up", "no table"} <= set(texts) and texts.count("×") == 2


def test_links_join_live_neighbours():
    # 1,1 to 1,2 is whole; 1,2 to 2,2 is broken; 2,1 and 3,2 are not there.
    assert len(drawn().findall(f"{SVG}line")) == 1


def test_a_route_goes_through_its_places():
    [line] = drawn(XY=[(1, 1), (1, 2), (2, 2)]).findall(f"{SVG}polyline")
    assert line.get("points") == "94,94 94,138 138,138"

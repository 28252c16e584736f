"""The picture of waves: which cycles it shows, and that values are told apart and named."""

import matplotlib.image
import numpy as np
import pytest

from golden.asm import assemble
from sim.views import waves_picture
from sim.views.waves import WavesError
from sim.views.waves_picture import draw
from tests.sim.views.test_waves import TREE, changing

PROGRAM = assemble("start: " + "nop\n" * 30)


@pytest.fixture
def waves(tmp_path):
    (tmp_path / "w.vcd").write_text(changing(TREE))
    return tmp_path / "w.vcd"


def drawn(monkeypatch, waves, *arguments):
    """What is plotted: lanes, and the focus."""
    seen = []
    monkeypatch.setattr(waves_picture, "_plot", lambda picture, lanes, widths, span, focus, title: seen.append((dict(lanes), focus)))
    draw(waves.with_suffix(".png"), waves, *arguments)
    return seen[0]


def test_values_stand_as_long_as_they_do_with_their_names(monkeypatch, waves):
    lanes, focus = drawn(monkeypatch, waves, PROGRAM, 5)
    assert focus == 5
    pcs = lanes["thread 0"]["core.threads.thread_0.course.pc"]
    assert pcs == [(cycle, cycle + 1, 0x40 + cycle, f"{0x100 + 4 * cycle:#x} nop") for cycle in (4, 5, 6)]
    assert lanes["thread 0"]["core.threads.thread_0.course.stage__hold"] == [(4, 7, None, "x")]


def test_without_a_program_addresses_are_in_bytes(monkeypatch, waves):
    lanes, _ = drawn(monkeypatch, waves)
    assert [text for *_, text in lanes["thread 0"]["core.threads.thread_0.course.pc"]] == ["0x110", "0x114", "0x118"]


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_a_picture_is_there(waves, kind):
    picture = waves.with_suffix(f".{kind}")
    assert draw(picture, waves, PROGRAM, 5) == (4, 6)
    if kind == "svg":
        assert picture.read_text().rstrip().endswith("</svg>")
    else:
        pixels = matplotlib.image.imread(picture)
        assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 20


def test_a_cycle_that_is_not_there_is_told(waves):
    with pytest.raises(WavesError, match="holds cycles 4 to 6: 70 lies outside"):
        draw(waves.with_suffix(".png"), waves, None, 70)

"""Pictures: the mean of a loss lies on the curve, and a loss that is not finite is no error."""

import numpy as np
import pytest

from sim.views.plots import mean_around, plot_loads, plot_loss


@pytest.mark.parametrize("count", [1, 2, 3, 20, 21, 60])
def test_the_mean_of_a_straight_line_is_the_line(count):
    """A mean that trailed the curve would lie above a falling one."""
    line = np.linspace(3.0, 1.0, count)
    assert np.allclose(mean_around(line), line, rtol=0, atol=1e-12)


def test_the_mean_takes_in_as_many_on_each_side():
    assert mean_around(np.array([0.0, 3.0, 0.0, 9.0, 0.0]), 1).tolist() == [0.0, 1.0, 4.0, 3.0, 0.0]


@pytest.mark.parametrize("loss", [[2.0], [2.0, 1.0], [2.0, float("nan")], [float("inf"), float("nan")], list(np.linspace(2, 1, 100))])
def test_every_loss_is_drawn(loss, tmp_path):
    plot_loss(tmp_path / "loss.png", loss, "a run")
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("count", [1, 5])
def test_every_sweep_is_drawn(count, tmp_path):
    rows = [
        {"rate": 0.1 * i, "offered": 0.2 * i, "accepted": 0.2 * i, "mean_latency": 10.0 * i, "p99_latency": 20 * i}
        for i in range(1, count + 1)
    ]
    plot_loads(tmp_path / "loads.png", rows, 0.4, 60.0, "a sweep")
    assert (tmp_path / "loads.png").read_bytes().startswith(b"\x89PNG")

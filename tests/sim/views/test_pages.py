"""Every page in a real browser, without a network, where one is installed; its picture is kept with the artefacts of the test."""

import pytest

from sim.views.plots import plot_causes
from sim.views.profile_page import Table, write_profile
from sim.views.regression_page import write_page as write_regression
from sim.views.report import write_page
from tests.sim.views import chromium
from tests.sim.views.test_regression import made

CAUSES = {"step": 50, "load": 20, "drain": 10, "simd": 5, "front end": 10, "synchronisation": 5}


def profile(folder):
    rows = [{"name": name, "causes": CAUSES} for name in ("forward", "backward", "update")]
    plot_causes(folder / "causes.png", rows, list(CAUSES), "a step")
    tables = [Table("matrix cycles by cause", ["kernel", *CAUSES], [[row["name"], *CAUSES.values()] for row in rows])]
    write_profile(folder / "page.html", "Profile of a step", ["forward loses"], [folder / "causes.png"], tables, {"hot spots": ["5 vadd"]})


def kernels(folder):
    write_page(folder / "page.html", "kernels", ["kernel", "cycles"], [["gemm", 100 + i] for i in range(30)], ["a note"])


def regressions(folder):
    write_regression(folder / "page.html", made())


@pytest.mark.parametrize("write", [profile, kernels, regressions])
def test_a_browser_shows_the_page(write, tmp_path, artifacts):
    write(tmp_path)
    if chromium.BROWSER:
        share = chromium.looked_at(tmp_path / "page.html", artifacts / f"{write.__name__}.png")
        assert share > 0.01, f"next to nothing is to be seen on {artifacts / write.__name__}.png"


def test_a_page_that_complains_is_caught(tmp_path, artifacts):
    (tmp_path / "page.html").write_text("<!doctype html><p>text</p><script>console.error('a picture is missing')</script>")
    if chromium.BROWSER:
        with pytest.raises(AssertionError, match="a picture is missing"):
            chromium.looked_at(tmp_path / "page.html", artifacts / "complains.png")

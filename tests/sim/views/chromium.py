"""A page in a real browser, where one is installed: how it looks is kept as a picture, what it loads and complains of is told."""

import shutil
import subprocess
from pathlib import Path

import matplotlib.image

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((found for name in NAMES if (found := shutil.which(name))), None)
WIDE, HIGH = 1200, 1600


def looked_at(page: Path, kept: Path) -> float:
    """The share of the page's pixels that are not its background, of a picture that is left at ``kept``.

    Nothing outside the page may be loaded: names lead nowhere.
    """
    kept.parent.mkdir(parents=True, exist_ok=True)
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage", "--enable-logging=stderr"]
    options += [f"--window-size={WIDE},{HIGH}", "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={kept.parent / 'profile'}"]
    command = [BROWSER, *options, f"--screenshot={kept}", page.resolve().as_uri()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    shutil.rmtree(kept.parent / "profile", ignore_errors=True)
    assert run.returncode == 0 and kept.exists(), run.stderr
    complaints = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
    assert not complaints, complaints
    pixels = matplotlib.image.imread(kept)[:, :, :3]
    assert pixels.shape[:2] == (HIGH, WIDE)
    return float((pixels != pixels[0, 0]).any(axis=2).mean())

"""What people see of the waves that a test wrote: a window, save files for viewers, a picture, and the commands that open them."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

from sim.events.scopes import ScopeError
from sim.events.window import DIFFERENCE
from sim.views.waves import WavesError, opened
from sim.views.waves_picture import draw
from sim.views.waves_window import cut

__all__ = ["WavesError", "seen"]
_FAILED = re.compile(r"^ *([\d.]+)ns WARNING +cocotb\.regression .* failed(?:: .*)?$", re.MULTILINE)


def seen(waves: Path, cycles: tuple[int | None, int | None] | str | None, scopes: Sequence[str], failed: bool) -> list[str]:
    """Lines that say how a file of waves is looked at, cut to what is asked; WavesError where that is not to be had.

    ``failed``: one of the run's tests did, so that what Amaranth's simulator and the engine wrote ends where it went wrong. Cocotb's log
    tells when its first test failed.
    """
    log = waves.with_name("run.log")
    if log.is_file():
        found = _FAILED.search(log.read_text(errors="replace"))
        when = 1e-9 * float(found[1]) if found else None
    else:
        when = math.inf if failed else None
    if cycles == DIFFERENCE and when is None:
        waves.unlink()
        return [f"no test failed, so there is no difference and no waves were kept: {waves}"]
    try:
        focus = cut(waves, None, scopes, when, most=0) if cycles == DIFFERENCE else cut(waves, cycles, scopes, when)
        commands = opened(waves, focus=focus)
        first, last = draw(waves.with_suffix(".png"), waves, focus=focus)
    except ScopeError as error:
        raise WavesError(f"{waves}: {error}") from None
    told = [] if focus is None else [f"the test failed in cycle {focus}"]
    told.append(f"waves written: {waves}; a picture of cycles {first} to {last}: {waves.with_suffix('.png')}; open them with:")
    return [*told, *(f"  {command}" for command in commands)]

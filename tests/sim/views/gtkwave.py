"""GTKWave under a virtual screen, where both are installed: what it shows at a time is told, and how it looks is kept."""

import os
import shutil
import subprocess
from pathlib import Path

TOOLS = ("gtkwave", "Xvfb", "import")
THERE = all(map(shutil.which, TOOLS))
_SCRIPT = """
gtkwave::setMarker {time}
for {{set i 0}} {{$i < [gtkwave::getTotalNumTraces]}} {{incr i}} {{
    puts "trace [gtkwave::getTraceNameFromIndex $i] = [gtkwave::getTraceValueAtMarkerFromIndex $i]"
}}
gtkwave::nop
exec import -window root {picture}
flush stdout
exit
"""


def shown(waves: Path, time: int, kept: Path) -> dict[str, list[str]]:
    """Values by the names of the signals that are shown when the save file beside the waves is opened; a picture is left at ``kept``."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    script = kept.with_suffix(".tcl")
    script.write_text(_SCRIPT.format(time=time, picture=kept))
    read, write = os.pipe()
    screen = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x1000x24"], pass_fds=[write], stderr=subprocess.DEVNULL
    )
    os.close(write)
    try:
        with os.fdopen(read) as told:
            display = told.readline().strip()
        run = subprocess.run(
            ["gtkwave", waves, waves.with_suffix(".gtkw"), "-S", script],
            env={**os.environ, "DISPLAY": f":{display}"}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        screen.terminate()
        screen.wait()
    assert run.returncode == 0 and kept.exists(), run.stdout + run.stderr
    found: dict[str, list[str]] = {}
    for line in run.stdout.splitlines():
        if line.startswith("trace ") and " = " in line:
            name, value = line.removeprefix("trace ").split(" = ", 1)
            found.setdefault(name, []).append(value.strip())
    return found

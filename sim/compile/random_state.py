"""A design whose flip-flops hold anything when the clock begins, as those of a chip do: what a reset does not set must not matter.

Amaranth gives every register a start value, one that no reset sets too. Here the Verilog has lost the start values of registers; memories
keep theirs, for a table is one. A model of it, built with ``FLAGS`` and run with ``plusargs(seed)``, draws what they begin with.
"""

from __future__ import annotations

import re
from pathlib import Path

from sim.compile import cache
from sim.compile.elaborate import Design

FLAGS = ("--x-initial", "unique", "--assert")
_REGISTER = re.compile(r"^(?P<register>\s*reg (?:\[\d+:\d+\] )?\S+) = [^;]+;$", re.MULTILINE)


def without_start_values(design: Design) -> Design:
    """The same design; its registers begin with what is drawn."""
    text = _REGISTER.sub(r"\g<register> ;", (design.folder / "design.v").read_text())

    def fill(folder: Path) -> None:
        (folder / "design.v").write_text(text)
        (folder / "manifest.json").write_bytes(design.manifest_file.read_bytes())

    folder = cache.folder("designs", cache.digest(text, design.manifest_file.read_bytes()), fill)
    return Design(folder, design.top, cache.digest(text))


def plusargs(seed: int) -> list[str]:
    """What a run's command line adds: random values, those of a seed."""
    return ["+verilator+rand+reset+2", f"+verilator+seed+{seed % 0x7FFFFFFE + 1}"]

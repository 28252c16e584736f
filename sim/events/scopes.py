"""Scopes of a machine that writes waves: found by the names that people give them, before anything runs."""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import pywellen

from sim.compile.verilator import wave_format
from sim.engine.binding import Engine


class ScopeError(ValueError):
    """A scope that is not there; one sentence with those of a similar name."""


def scopes_of(names: Iterable[str]) -> set[str]:
    """All scopes in which signals of these full names lie."""
    return {name[:end] for name in names for end in range(len(name)) if name[end] == "."}


def nearest(asked: str, there: Collection[str]) -> list[str]:
    """Scopes of a similar name; the widest where none is similar."""
    return difflib.get_close_matches(asked, there) or sorted(there, key=lambda name: (name.count("."), name))[:3]


def resolved(engine: Engine, nodes: Sequence[int], asked: Sequence[str]) -> list[str]:
    """Full names of the scopes that people ask for, in every node named, with the clock beside; of nothing asked nothing.

    A name may leave out what stands before it: ``vector.issue`` is ``TOP.node.core.vector.issue``. ScopeError for one that is not there.
    """
    if not asked:
        return []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"names.{wave_format()}"
        engine.waves(path, nodes)
        engine.end_waves()
        names = [variable.full_name for variable in pywellen.Waveform(str(path)).all_vars()]
    return [name for name in names if name.endswith(".clk") and name.count(".") == 2] + found(names, asked)


def found(names: Iterable[str], asked: Sequence[str]) -> list[str]:
    """Full names of the scopes that people ask for, among those in which signals of these names lie; as for ``resolved``."""
    there, scopes = scopes_of(names), []
    for scope in asked:
        ends = [name for name in there if name == scope or name.endswith(f".{scope}")]
        if not ends:
            short = {name.split(".", 2)[-1] for name in there}
            raise ScopeError(f"there is no scope {scope!r}: near ones are {', '.join(nearest(scope, short))}")
        least = min(name.count(".") for name in ends)
        scopes += sorted(name for name in ends if name.count(".") == least)
    return scopes

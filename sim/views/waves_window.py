"""A window of the waves that a test wrote: cycles and scopes of a whole run's VCD, put in its place, and how people look at it.

Verilator under cocotb and Amaranth's simulator have clocks and names of their own. Here a cycle takes 500 ps and begins with a rise of the
clock, cycle 0 with the first one; names are words, and the ports that Verilator repeats above the top module are left out.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sim.events.around import AROUND
from sim.events.scopes import ScopeError, found
from sim.events.window import DIFFERENCE
from sim.files import whole
from sim.views.waves import PICOSECONDS, WavesError, opened
from sim.views.waves_picture import draw

MOST = 20_000_000
"""Bytes of a window that nobody chose."""
_FAILED = re.compile(r"^ *([\d.]+)ns WARNING +cocotb\.regression .* failed(?:: .*)?$", re.MULTILINE)
_REPEATED = "$rootio"
_UNITS = {"fs": 1e-15, "ps": 1e-12, "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True)
class _Signal:
    """A signal of the file: the scopes around it, its name, how many bits it has, their range as declared, and the key of its values."""

    scope: tuple[str, ...]
    name: str
    bits: str
    range: str
    key: bytes

    @property
    def full_name(self) -> str:
        return ".".join((*self.scope, self.name))


@dataclass(frozen=True)
class _Clock:
    """When cycles begin, in the file's unit of time, and when the last one ends; where in the file they begin, and its end."""

    times: list[int]
    places: list[int]

    @property
    def cycles(self) -> int:
        return len(self.times) - 1

    def cycle(self, time: float) -> int:
        """That in which a time lies; what comes before the clock's first rise belongs to cycle 0."""
        return max(0, bisect_right(self.times, time, hi=self.cycles) - 1)

    def picoseconds(self, time: int) -> int:
        """A time as the window has it; the file's own where there is no clock."""
        if not self.cycles:
            return time
        cycle = self.cycle(time)
        begun, ended = self.times[cycle], self.times[cycle + 1]
        return PICOSECONDS * cycle + min(PICOSECONDS - 1, max(0, time - begun) * PICOSECONDS // max(1, ended - begun))


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


def cut(
    path: Path,
    cycles: tuple[int | None, int | None] | None = None,
    scopes: Sequence[str] = (),
    failed: float | None = None,
    most: int = MOST,
) -> int | None:
    """Keep of a file some cycles, from the first to before the second, and the scopes that people ask for; the cycle of the failure.

    ``failed``: seconds of the simulation after which the test failed, infinity for its end. Without ``cycles`` a file of up to ``most``
    bytes is kept whole, of a larger one what is around the failure, or, of a test that passed, as many of its last cycles as they hold.

    WavesError or ScopeError for a file that is no whole VCD, cycles outside or a scope that is not there: the file stays as it was.
    """
    with path.open("rb") as file:
        timescale, declared = _declared(path, file)
        body = file.tell()
        names = [signal.full_name for signal in declared]
        wanted = tuple(f"{scope}." for scope in found(names, scopes))
        clocks = sorted((signal for signal in declared if signal.name == "clk"), key=lambda signal: len(signal.scope))[:1]
        shown = [signal for signal in declared if signal in clocks or not scopes or signal.full_name.startswith(wanted)]
        clock = _clock(file, clocks[0].key if clocks else None)
        focus = None if failed is None or not clock.cycles else clock.cycle(failed / _seconds(timescale) + 0.5)
        first, last = _chosen(path, clock, cycles, focus, most)
        file.seek(body)
        with whole(path) as partial, partial.open("wb") as written:
            written.writelines(_header(shown, "1ps" if clock.cycles else timescale))
            written.writelines(_changes(file, {signal.key for signal in shown}, clock, first, last))
    return focus


def _seconds(timescale: str) -> float:
    """Of a unit of time, like 1ps."""
    number, unit = re.fullmatch(r"(\d+)(\w+)", timescale).groups()
    return int(number) * _UNITS[unit]


def _declared(path: Path, file: BinaryIO) -> tuple[str, list[_Signal]]:
    """The unit of time, and the signals, by names that are words; the file stands behind them then."""
    unit, scope, signals, ended = "1ps", [], [], False
    for line in file:
        words = line.decode(errors="replace").split()
        match words[:1]:
            case ["$timescale"]:
                unit = "".join(words[1:-1])
            case ["$scope"]:
                scope.append(words[2])
            case ["$upscope"]:
                scope.pop()
            case ["$var"]:
                signals.append(_Signal(tuple(scope), words[4], words[2], " ".join(words[5:-1]), words[3].encode()))
            case ["$enddefinitions"]:
                ended = True
                break
    if not ended:
        raise WavesError(f"{path} is no whole file of waves: write it again")
    own = [signal for signal in signals if signal.scope[:1] != (_REPEATED,)] or signals
    return unit, _spelled(own)


def _spelled(signals: Sequence[_Signal]) -> list[_Signal]:
    """The same by names that are words, none twice in a scope; fields are ``entry__value``, elements ``slot_3``."""
    taken = {(signal.scope, signal.name) for signal in signals}
    found = []
    for signal in signals:
        name = word = _word(signal.name)
        count = 1
        while name != signal.name and (signal.scope, name) in taken:
            count += 1
            name = f"{word}_{count}"
        taken.add((signal.scope, name))
        found.append(_Signal(tuple(map(_word, signal.scope)), name, signal.bits, signal.range, signal.key))
    return found


def _word(name: str) -> str:
    """A name that every viewer can spell; numbers that tell equal names apart go."""
    if re.fullmatch(r"\w+", name):
        return name
    return re.sub(r"\W+", "_", re.sub(r"\$\d+", "", name).replace(".", "__").rstrip("]")).strip("_") or "signal"


def _clock(file: BinaryIO, key: bytes | None) -> _Clock:
    """Of the file from where it stands; of no clock no cycles."""
    times, places, time, place, low = [], [], 0, file.tell(), True
    high, falls, at = (b"1%b\n" % key, b"0%b\n" % key, place) if key else (b"", b"", place)
    for line in file:
        if line[:1] == b"#":
            time, place = int(line[1:]), at
        elif line == high:
            if low:
                times.append(time)
                places.append(place)
            low = False
        elif line == falls:
            low = True
        at += len(line)
    end = 2 * times[-1] - times[-2] if len(times) > 1 else 0  # a run may end within its last cycle
    return _Clock([*times, max(end, time + 1)], [*places, at])


def _chosen(path: Path, clock: _Clock, cycles: tuple[int | None, int | None] | None, focus: int | None, most: int) -> tuple[int, int]:
    """From which cycle on and before which."""
    if cycles is None:
        if path.stat().st_size <= most:
            return 0, clock.cycles
        if focus is not None:
            cycles = max(0, focus - AROUND[0]), focus + AROUND[1]
        else:
            room = most - clock.places[0]
            cycles = next((cycle for cycle, place in enumerate(clock.places) if clock.places[-1] - place <= room), 0), None
    first, last = cycles[0] or 0, clock.cycles if cycles[1] is None else min(cycles[1], clock.cycles)
    if not clock.cycles:
        raise WavesError(f"{path} has no clock and so no cycles: leave --cycles out")
    if first >= last:
        raise WavesError(f"{path} holds cycles 0 to {clock.cycles - 1}: {first} lies outside")
    return first, last


def _header(signals: Iterable[_Signal], timescale: str) -> Iterator[bytes]:
    """Declarations."""
    yield f"$timescale {timescale} $end\n".encode()
    scope: tuple[str, ...] = ()
    for signal in signals:
        common = next((i for i, pair in enumerate(zip(scope, signal.scope, strict=False)) if pair[0] != pair[1]), None)
        common = min(len(scope), len(signal.scope)) if common is None else common
        yield b"$upscope $end\n" * (len(scope) - common)
        yield from (f"$scope module {name} $end\n".encode() for name in signal.scope[common:])
        scope = signal.scope
        declared = f"$var wire {signal.bits} {signal.key.decode()} {signal.name} {signal.range}".rstrip()
        yield f"{declared} $end\n".encode()
    yield b"$upscope $end\n" * len(scope) + b"$enddefinitions $end\n"


def _changes(lines: Iterable[bytes], keys: set[bytes], clock: _Clock, first: int, last: int) -> Iterator[bytes]:
    """What stands at the window's begin, then each change within; of no clock all."""
    begin = clock.times[first] if first else 0
    end = clock.times[last]
    standing: dict[bytes, bytes] | None = {}
    told = -1
    for line in lines:
        kind = line[:1]
        if kind == b"#":
            time = int(line[1:])
            if time >= end:
                break
            if time >= begin:
                shown = clock.picoseconds(time)
                if shown > told:
                    yield b"#%d\n" % shown
                if standing:
                    yield from standing.values()
                told, standing = max(told, shown), None
        elif kind in b"01xzXZ":
            if line[1:-1] in keys:
                if standing is None:
                    yield line
                else:
                    standing[line[1:-1]] = line
        elif kind in b"bBrR":
            key = line[line.find(b" ") + 1 : -1]
            if key in keys:
                if standing is None:
                    yield line
                else:
                    standing[key] = line
    yield b"#%d\n" % (PICOSECONDS * last if clock.cycles else end)

"""What a person opens waves with: a save file for GTKWave and a command file for Surfer, which name only signals that are there.

Signals stand in groups, a thread's or a unit's. GTKWave shows enumerations and instructions by name: files beside the waves translate them.
"""

from __future__ import annotations

import math
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pywellen

from golden.arch.formats import FLOAT_FORMATS
from golden.arch.isa import THREADS
from golden.arch.memmap import Counter, ThreadState
from golden.arch.packet import Kind
from golden.asm import Program, disassemble
from rtl.core.thread.parts import Hold
from sim.compile.cache import ROOT
from sim.events.scopes import nearest, scopes_of
from sim.files import whole

PICOSECONDS = 500
"""Of a cycle, as the engine writes it (sim/engine/loop.h)."""
# Groups in their order: title, and patterns of full names below the core, each of which takes what it matches.
GROUPS: list[tuple[str, list[str]]] = [
    ("clock", [r"^clk$"]),
    *[
        (f"thread {t}", [rf"^core\.threads\.thread_{t}\.course\.(pc|stage__hold|stage__state|looping)$"])
        for t in range(THREADS)
    ],
    ("threads", [r"^core\.threads\.life__(running|waiting|kill|starts)$"]),
    ("dispatch", [r"^core\.front\.chosen__\d__context__where__pc$", r"^core\.front\.slot__\d__\d__word$"]),
    ("scalar issue", [r"^core\.scalar\.issue\.issued__(go|thread)$", r"^core\.scalar\.issue\.ready$"]),
    ("vector issue", [r"^core\.vector\.issue\.((simd|matrix)__(go|thread)|cause)$", r"^core\.vector\.issue\.able_\d$"]),
    ("matrix operands", [r"^core\.matrix\.operations__(step__(valid|thread|acc)|step_[ab])$"]),
    ("SIMD", [r"^core\.vector\.simd\.(a|b|c|out_data)$"]),
    ("counters", [r"^core\.control\.counters\.(cycles|matrix_steps|retired_\w+|sram_conflicts|store_beats)$"]),
    ("stores", [r"^core\.memory\.stores\.beats\.st__(valid|ready|strobe)$", r"^core\.st__(valid|ready)$"]),
    ("SRAM ports", [r"^sram\.(l0|l1|sl|ss|mr|mw)__valid$"]),
    ("link", [r"^(rx|tx)__(control|credit)$", r"^(rx|tx)__body__header__(kind|address|length|tag)$"]),
]
MOST = 60
"""Signals that are shown of what is no node."""
_WORDS = re.compile(r"(^|_)word$")
_PCS = re.compile(r"(^|_)pc$")
_ENUMS = {
    "cause": re.compile(r"\.cause$"),
    "hold": re.compile(r"__hold$"),
    "state": re.compile(r"__state$"),
    "kind": re.compile(r"header__kind$"),
}
_OPERANDS = re.compile(r"operations__step_[ab]$")
NUMBERS = {"BF16": _OPERANDS, "CFloat8_1_4_3": _OPERANDS, "FP32": re.compile(r"\.simd\.\w+$")}
"""Words that hold numbers, by the format in which they are shown; of some in several."""
_BIAS = "core.matrix.operations__step__a__bias"
_DIGITS = {"cause": 2, "kind": 2, "hold": 1, "state": 1, "pc": 5, "word": 8}
"""Of a value in a file that translates, hexadecimal."""


class WavesError(RuntimeError):
    """A file of waves that cannot be read, or in which nothing of a node is found; one sentence."""


@dataclass(frozen=True)
class Shown:
    """A signal as a viewer shows it: its full name in the file, how many bits, the file, or the program, that translates its values."""

    name: str
    bits: int
    translated: Path | None = None
    program: Path | None = None


def signals(path: Path) -> tuple[str, dict[str, int]]:
    """The scope of the node (``TOP.node``), or of what else was simulated, and widths by full name; WavesError when there is nothing."""
    try:
        variables = pywellen.Waveform(str(path)).all_vars()
    except Exception:  # pywellen has no type of its own for a file that it cannot read
        raise WavesError(f"{path} is no whole file of waves: write it again") from None
    found = {variable.full_name: variable.bitwidth or 1 for variable in variables}
    inside = [name.rpartition(".")[0] for name in found if "." in name]
    if not inside:
        raise WavesError(f"{path} holds no signal")
    scopes = [match[1] for name in found if (match := re.match(r"(.+?)\.core\.", name))]
    # The tools' own scopes hold no more than what the top module's repeats.
    return min(scopes or inside, key=lambda scope: (scope in ("TOP", "$rootio"), scope.count("."), scope)), found


def chosen(scope: str, widths: Mapping[str, int]) -> list[tuple[str, list[str]]]:
    """``GROUPS`` with the names that are there; empty groups are left out. Of what is no node, what the widest scopes hold."""
    inside = [name.removeprefix(f"{scope}.") for name in widths if name.startswith(f"{scope}.")]
    groups = [(title, [name for pattern in patterns for name in inside if re.search(pattern, name)]) for title, patterns in GROUPS]
    groups = [(title, names) for title, names in groups if names]
    if not any(title not in ("clock", "link") for title, _ in groups):
        groups = [*groups, *_widest([name for name in inside if name not in {name for _, names in groups for name in names}])]
    return [(title, [f"{scope}.{name}" for name in names]) for title, names in groups]


def _widest(names: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Signals by scope, of the widest first, ``MOST`` of them."""
    found: dict[str, list[str]] = {}
    for name in sorted(names, key=lambda name: (name.count("."), name))[:MOST]:
        found.setdefault(name.rpartition(".")[0] or "signals", []).append(name)
    return list(found.items())


def opened(path: Path, program: Program | None = None, focus: int | None = None) -> list[str]:
    """Writes both files beside the waves, which open at a cycle; the commands that open them."""
    scope, widths = signals(path)
    groups = chosen(scope, widths)
    filters = _filters(path, program)
    programs = _programs(path, bias(path, scope))
    shown = [(title, [one for name in names for one in _shown(name, widths[name], filters, programs)]) for title, names in groups]
    saved, commands = path.with_suffix(".gtkw"), path.with_suffix(".sucl")
    for file, lines in ((saved, _gtkwave(path, shown, focus)), (commands, _surfer(groups, focus))):
        with whole(file) as partial:
            partial.write_text("\n".join(lines) + "\n")
    return [f"gtkwave {path} {saved}", f"surfer {path} --command-file {commands}"]


def _shown(name: str, bits: int, filters: Mapping[str, Path], programs: Mapping[str, Path]) -> Iterator[Shown]:
    """A signal as it is, or, when it holds numbers, in each format of them."""
    forms = forms_of(name)
    yield from (Shown(name, bits, program=programs[form]) for form in forms) if forms else [Shown(name, bits, filters.get(kind(name)))]


def forms_of(name: str) -> list[str]:
    """The formats of ``NUMBERS`` in which a signal is shown."""
    return [form for form, pattern in NUMBERS.items() if pattern.search(name)]


def bias(path: Path, scope: str) -> int:
    """That of eight-bit numbers in the last step of the file; 0 where there is none."""
    found = [variable for variable in pywellen.Waveform(str(path)).all_vars() if variable.full_name == f"{scope}.{_BIAS}"]
    told = [value for variable in found for _, value in variable.tv]
    return int(told[-1]) if told and str(told[-1]).isdecimal() else 0


def _programs(path: Path, of_bias: int) -> dict[str, Path]:
    """Programs beside the waves that a viewer starts to translate words into numbers, by format."""
    files = {}
    for form in NUMBERS:
        files[form] = path.with_suffix(f".{form}.sh")
        asked = [sys.executable, "-m", "sim.views.wave_numbers", form, *([str(of_bias)] if FLOAT_FORMATS[form].has_bias else [])]
        with whole(files[form]) as partial:
            partial.write_text(f"#!/bin/sh\ncd {shlex.quote(str(ROOT))} && exec {shlex.join(asked)}\n")
            partial.chmod(0o755)
    return files


def values_at(path: Path, cycle: int) -> dict[str, int | None]:
    """Every signal of the node at the beginning of a cycle, by its name below the node; None while it is unknown.

    WavesError when the file holds nothing of that cycle.
    """
    scope, _ = signals(path)
    variables = pywellen.Waveform(str(path)).all_vars()
    clock = next(variable for variable in variables if variable.full_name == f"{scope}.clk")
    first, last = clock.tv[0][0] // PICOSECONDS, clock.tv[-1][0] // PICOSECONDS
    if not first <= cycle <= last:
        raise WavesError(f"{path} holds cycles {first} to {last}: {cycle} lies outside")
    inside = {v.full_name.removeprefix(f"{scope}."): v for v in variables if v.full_name.startswith(f"{scope}.")}
    found = {name: variable.signal.value_at(PICOSECONDS * cycle) for name, variable in inside.items()}
    return {name: int(value) if value is not None and str(value).isdecimal() else None for name, value in found.items()}


def state(path: Path, cycle: int, scope: str | None = None) -> Iterator[str]:
    """The signals of ``GROUPS``, or all below a scope of the node, in a cycle, a line each; program counters in bytes.

    WavesError when there is no such scope, with those of a similar name.
    """
    values = values_at(path, cycle)
    if scope is None:
        groups = [(title, [name[1:] for name in names]) for title, names in chosen("", {f".{name}": 0 for name in values})]
    else:
        groups = [(scope, [name for name in values if name.startswith(f"{scope}.")])]
        if not groups[0][1]:
            scopes = scopes_of(values)
            raise WavesError(f"{path} has no scope {scope!r}: there are {', '.join(nearest(scope, scopes))}")
    yield f"{path}: cycle {cycle}"
    for title, names in groups:
        yield f"{title}:"
        for name in names:
            known = values[name]
            shown = "unknown" if known is None else f"{4 * known:#x}" if _PCS.search(name.rpartition(".")[2]) else f"{known:#x}"
            yield f"    {name} {shown}"


def tables(program: Program | None) -> dict[str, dict[int, str]]:
    """What values mean, by the kind of signal; instructions only when the program is known."""
    found = {
        "cause": {1 << bit: Counter(Counter.MATRIX_WAIT_LOAD + bit).name for bit in range(6)} | {0: "step"},
        "hold": {hold.value: hold.name for hold in Hold},
        "state": {state.value: state.name for state in ThreadState},
        "kind": {packet.value: packet.name for packet in Kind},
    }
    if program:
        at = {program.origin + 4 * i: word for i, word in enumerate(program.words)}
        labels = {address: name for name, address in program.labels.items()}
        # A program counter counts words; it is shown as the address in bytes, with the instruction there.
        found["pc"] = {pc // 4: f"{pc:#x} {disassemble(word, pc, labels)}" for pc, word in at.items()}
        found["word"] = {word: disassemble(word, 0) for word in at.values()}
    return found


def kind(name: str) -> str | None:
    """Which of ``tables`` a signal's values are looked up in."""
    last = name.rpartition(".")[2]
    for each, pattern in (("word", _WORDS), ("pc", _PCS)):
        if pattern.search(last):
            return each
    return next((each for each, pattern in _ENUMS.items() if pattern.search(name)), None)


def _filters(path: Path, program: Program | None) -> dict[str, Path]:
    """Files that translate values, by what they translate: a line per value, its hexadecimal digits and its text."""
    files = {}
    for name, table in tables(program).items():
        files[name] = path.with_suffix(f".{name}.txt")
        with whole(files[name]) as partial:
            partial.write_text("".join(f"{value:0{_DIGITS[name]}x} {text}\n" for value, text in table.items()))
    return files


def _gtkwave(path: Path, groups: Sequence[tuple[str, list[Shown]]], focus: int | None) -> Iterator[str]:
    """A save file, in which 200 pixels are 4 cycles and the marker stands at the focus.

    Flags say how a trace is shown: 22 hexadecimal, 28 binary, 2000 more translated by a file, 4000 by a program;
    800200, 1000200 a group's ends.
    """
    yield f'[dumpfile] "{path.resolve()}"'
    yield f'[savefile] "{path.with_suffix(".gtkw").resolve()}"'
    length, begun = cycle_length(path), _begun(path) if focus is None else focus
    yield from (f"[timestart] {length * max(0, begun - 8)}", "[size] 1600 1000", "[sst_width] 160", "[signals_width] 400")
    yield f"*-{math.log2(4 * length):.6f} {-1 if focus is None else length * focus}"
    for title, shown in groups:
        yield from ("@800200", f"-{title}")
        for one in shown:
            flags = 0x22 if one.bits > 1 else 0x28
            yield f"@{flags | (0x2000 if one.translated else 0x4000 if one.program else 0):x}"
            if one.translated or one.program:
                yield f"^1 {one.translated.resolve()}" if one.translated else f"^>1 {one.program.resolve()}"
            yield one.name if one.bits == 1 else f"{one.name}[{one.bits - 1}:0]"
        yield from ("@1000200", f"-{title}")


def clock(path: Path) -> list[tuple[int, Any]]:
    """Times and levels of the clock; nothing of waves without one."""
    clocks = [variable for variable in pywellen.Waveform(str(path)).all_vars() if variable.full_name.endswith(".clk")]
    return [change for variable in clocks[:1] for change in variable.tv]


def cycle_length(path: Path) -> int:
    """Between two rises of the clock, in the file's unit of time: benches choose other clocks than the engine."""
    rises = [time for time, level in clock(path) if str(level) == "1"]
    return rises[1] - rises[0] if len(rises) > 1 else PICOSECONDS


def _begun(path: Path) -> int:
    """The first cycle of the file."""
    return next((time for time, _ in clock(path)), 0) // cycle_length(path)


def _surfer(groups: Sequence[tuple[str, Sequence[str]]], focus: int | None) -> Iterator[str]:
    """Commands: a divider before each group, then its signals; then to the focus."""
    for title, names in groups:
        yield f"divider_add {title}"
        yield from (f"variable_add {name}" for name in names)
    yield "zoom_fit" if focus is None else f"goto_time {PICOSECONDS * focus}ps"

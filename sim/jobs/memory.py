"""Memory of a person's own program: files loaded before it starts, places shown when it has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from golden.arch.config import NodeConfig
from golden.asm import Program
from golden.listing import FORMATS, HEX, values
from sim.files import content

_BYTES_A_LINE = 32


@dataclass(frozen=True)
class Load:
    """The content of a file at an address: a number, or a label of the program."""

    where: str
    file: str


@dataclass(frozen=True)
class Dump:
    """So many bytes from an address, shown as values of a format."""

    where: str
    size: int
    form: str


def parse_load(text: str) -> Load:
    """``ADDR=FILE``; ValueError in one sentence."""
    where, equals, file = text.partition("=")
    if not (where and equals and file):
        raise ValueError(f"{text!r} is no ADDR=FILE")
    return Load(where, file)


def parse_dump(text: str) -> Dump:
    """``ADDR,BYTES[:FORMAT]``; ValueError in one sentence."""
    place, _, form = text.partition(":")
    where, comma, size = place.partition(",")
    form = form or HEX
    if form not in (HEX, *FORMATS):
        raise ValueError(f"no format {form!r}: there are {', '.join((HEX, *FORMATS))}")
    try:
        count = int(size, 0)
    except ValueError:
        raise ValueError(f"{text!r} is no ADDR,BYTES[:FORMAT]") from None
    if not (where and comma) or count < 1:
        raise ValueError(f"{text!r} is no ADDR,BYTES[:FORMAT] with at least one byte")
    return Dump(where, count, form)


def address(program: Program, text: str) -> int:
    """The number, or where the label is; ValueError when it is neither."""
    if text in program.labels:
        return program.labels[text]
    try:
        return int(text, 0)
    except ValueError:
        raise ValueError(f"{text!r} is neither an address nor a label of the program") from None


def image(program: Program, loads: Iterable[Load], config: NodeConfig) -> list[tuple[int, bytes]]:
    """The program and the loaded files, addresses and bytes.

    ValueError, in one sentence, for a file that leaves SRAM or lies on the program or on another file; OSError when it cannot be read.
    """
    parts = [("the program", program.origin, program.image)]
    for load in loads:
        at, data = address(program, load.where), content(load.file)
        if not 0 <= at <= config.sram_bytes - len(data):
            raise ValueError(f"{load.file}, {len(data)} bytes at {at:#x}, leaves the {config.sram_bytes} bytes of SRAM of {config.name}")
        for name, start, other in parts:
            if at < start + len(other) and start < at + len(data):
                raise ValueError(f"{load.file} at {at:#x} to {at + len(data):#x} lies on {name} at {start:#x} to {start + len(other):#x}")
        parts.append((load.file, at, data))
    return [(at, data) for _, at, data in parts]


def check(program: Program, dumps: Iterable[Dump], config: NodeConfig) -> None:
    """ValueError for a place that is not all in SRAM: before the run and not after it."""
    for dump in dumps:
        at = address(program, dump.where)
        if not 0 <= at <= config.sram_bytes - dump.size:
            raise ValueError(f"{dump.size} bytes at {at:#x} leave the {config.sram_bytes} bytes of SRAM of {config.name}")


def show(program: Program, dumps: Iterable[Dump], read: Callable[[int, int], bytes], say: Callable[[str], None]) -> None:
    """Each place, a line for every 32 bytes: address and values."""
    for dump in dumps:
        start = address(program, dump.where)
        for at in range(start, start + dump.size, _BYTES_A_LINE):
            size = min(_BYTES_A_LINE, start + dump.size - at)
            say(f"{at:06x}: {values(read(at, size), dump.form)}")

"""Sums over the taps of each pixel of a result: a convolution, and its backward pass to the images.

Eight or sixteen samples at a time, pixel after pixel of the result: its accumulators take, tap by tap in the order of the source's pixels,
four channels a step. Blocks are those of ``gemm``, and their halves of the registers take turns. A row of source pixels is a
descriptor whose columns are that row and whose position may lie outside of them; only its base and position change, which scalar
instructions add up, so a load needs no copy of what it reads.

x1..x6 hold the images of the source, the weights and the result, x7 the words from a tap of the weights to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from golden.arch.formats import FLOAT_FORMATS
from golden.kernels.conv_shape import SIZE, TAPS, Line
from golden.kernels.stream import loop

_LONGEST = 511  # an immediate
_ROW, _PIXEL, _COLUMN, _MASK, _HIGH, _LOW, _OUT, _OUT_HIGH, _STEP, _OUT_STEP = range(8, 18)
"""Words of a row of the source, and of a pixel; the pixel's position; mask of a position; halves for the next descriptor; halves of the
result's; what is added to positions."""
_TAP = 21
"""The first of nine: where each tap of the weights lies."""
_X0 = 18
"""Where the position in x lies in the upper half of a descriptor's image."""
_COUNTERS = (18, 3, 7)
"""Of the passes over a row, rows and samples; x3 and x7 are free when the taps' places are known."""
_BODY = 500
"""Instructions that a hardware loop reaches."""
_GROUPS = 4
"""Registers of so many steps are in a half."""
_UNROLLED = 12
"""Steps of a tap that are written out."""


@dataclass(frozen=True)
class Pixels:
    """What the text must know.

    Attributes
    ----------
    samples : rows of source and result.
    rows, columns : of the result, the source pixels of each; rows only those inside. Columns whose taps alternate begin alike.
    width, fours : of the source, pixels of a row and words of a pixel.
    filters : channels of the result.
    transposed : the weights' rows are the result's channels.
    """

    samples: int
    rows: list[Line]
    columns: list[Line]
    width: int
    fours: int
    filters: int
    out: str
    relu: bool = False
    transposed: bool = False

    def text(self, label: str) -> str:
        """The subroutine."""
        return "\n".join([f"{label}:", *_Writer(self, label).whole(), "        jr x31"]) + "\n"

    @property
    def phases(self) -> int:
        """After how many columns their taps repeat."""
        return 1 if len(self.columns) < 2 or self.columns[0].taps == self.columns[1].taps else 2


class _Writer:
    def __init__(self, pixels: Pixels, label: str) -> None:
        self.pixels, self.label, self.count = pixels, label, 0
        self.lines: list[str] = []
        self.half, self.group = 0, 0
        self.word = FLOAT_FORMATS[pixels.out].bytes * 4 // 8  # words of four channels of the result
        self.load_b, self.second_b = ("vld.g8", "[1,0]") if pixels.transposed else ("vld.g16", "[0,1]")
        self.flags = ", bt" if pixels.transposed else ""

    def say(self, *lines: str) -> None:
        self.lines += [f"        {line}" for line in lines]

    def repeat(self, times: int, inside: Callable[[], None], level: int = 0) -> None:
        """``inside`` written once, run ``times`` times; ``level``: whose counter counts when it is too long for a hardware loop."""
        if times < 2:
            return inside() if times else None
        self.count += 1
        label = f"{self.label}_{self.count}"
        before, self.lines = self.lines, []
        inside()
        body, self.lines = self.lines, before
        if len(body) <= _BODY:
            self.lines += [*loop(label, times), *body, f"{label}:"]
        else:
            counter = _COUNTERS[level]
            self.say(f"li x{counter}, {times}")
            self.lines.append(f"{label}:")
            self.say(f"addi x{counter}, x{counter}, -1", f"pnei p{level + 1}, x{counter}, 0")
            self.lines += body
            self.say(f"(p{level + 1}) br {label}")

    def add(self, to: int, of: int, value: int) -> None:
        if abs(value) <= _LONGEST:
            self.say(f"addi x{to}, x{of}, {value}")
        else:
            self.say(f"li x19, {value}", f"add x{to}, x{of}, x19")

    # --- samples and rows --------------------------------------------------------------------------------------------------------

    def whole(self) -> list[str]:
        self.say(f"li x{_MASK}, -1", f"srli x{_MASK}, x{_MASK}, 49", f"slli x{_MASK}, x{_MASK}, {_X0}")
        self.say(f"li x{_STEP}, {4 * self.pixels.fours * self._ahead}", f"slli x{_STEP}, x{_STEP}, {_X0}")
        self.say(f"li x{_OUT_STEP}, {self.pixels.filters}", f"slli x{_OUT_STEP}, x{_OUT_STEP}, {_X0}", f"addi x{_TAP}, x3, 0")
        self.say(*(f"add x{_TAP + tap}, x{_TAP + tap - 1}, x7" for tap in range(1, TAPS)))
        tiles = -(-self.pixels.samples // 8)
        self.repeat(tiles // 2, lambda: self.block(2, last=tiles == 2), 2)
        if tiles % 2:
            self.block(1, last=True)
        return self.lines

    @property
    def _ahead(self) -> int:
        """Source pixels from one turn of the columns to the next."""
        columns, phases = self.pixels.columns, self.pixels.phases
        return columns[phases].first - columns[0].first if len(columns) > phases else 0

    def block(self, tiles: int, last: bool) -> None:
        """All pixels of so many tiles of samples."""
        words = self.pixels.width * self.pixels.fours
        self.say(f"addi x{_OUT}, x5, 0", f"addi x{_OUT_HIGH}, x6, 0")
        self.add(_ROW, 1, self.pixels.rows[0].first * words)
        # Rows of like taps from which it is equally far to the next one are written once: alone, or in pairs where strides alternate.
        rows = self.pixels.rows
        period = 1 if len(rows) < 4 or rows[1].taps == rows[2].taps else 2
        ahead = [(after.first - row.first) * words for row, after in zip(rows, [*rows[1:], rows[-1]], strict=True)]
        units = [tuple((rows[at].taps, ahead[at]) for at in range(len(rows))[first:][:period]) for first in range(0, len(rows), period)]
        for unit, alike in groupby(units):
            self.repeat(len(list(alike)), lambda unit=unit: self.rows(unit, tiles), 1)
        if not last:
            for image, descriptor in ((1, 0), (5, 2)):
                self.say(f"setd d{descriptor}, x{image}, x{image + 1}", f"dstep d{descriptor}, outer")
                self.say(*(f"getd x{image + half}, d{descriptor}, {half}" for half in (0, 1)))

    def rows(self, unit: tuple[tuple[tuple[int, ...], int], ...], tiles: int) -> None:
        for taps, ahead in unit:
            self.row(taps, tiles)
            if ahead:
                self.add(_ROW, _ROW, ahead)

    def row(self, taps: tuple[int, ...], tiles: int) -> None:
        """A row of the result: pairs of pixels, so that each begins with the half of the registers with which the last one began."""
        pixels, first = self.pixels, self.pixels.columns[0].first
        self.add(_PIXEL, _ROW, first * pixels.fours)
        self.say(f"li x{_COLUMN}, {4 * first * pixels.fours}", f"slli x{_COLUMN}, x{_COLUMN}, {_X0}")

        def pair() -> None:
            self.pixel(0, taps, tiles)
            self.pixel(1 % pixels.phases, taps, tiles)

        self.half = 0
        self.repeat(len(pixels.columns) // 2, pair)
        if len(pixels.columns) % 2:
            self.half = 0
            self.pixel(0, taps, tiles)

    # --- pixels --------------------------------------------------------------------------------------------------------------------

    def pixel(self, phase: int, taps: tuple[int, ...], tiles: int) -> None:
        """A pixel whose taps lie in the rows ``taps`` of the filter, the first of which is that of ``_ROW``."""
        pixels = self.pixels
        columns = pixels.columns[phase]
        self.say(f"and x{_HIGH}, x{_COLUMN}, x{_MASK}", f"or x{_HIGH}, x{_HIGH}, x2", f"setd d2, x{_OUT}, x{_OUT_HIGH}")
        wide = -(-pixels.filters // 8)
        for block in range(0, wide, 2):
            self.group, self.fresh = 0, True
            for below, tap in enumerate(taps):
                self.add(_LOW, _PIXEL, below * pixels.width * pixels.fours)
                self.say(f"setd d0, x{_LOW}, x{_HIGH}")
                self.taps([SIZE * tap + column for column in columns.taps], tiles, min(2, wide - block), block // 2, begins=not below)
            self.drain(tiles, min(2, wide - block), more=block + 2 < wide)
            self.half ^= 1
        if phase == pixels.phases - 1:
            self.add(_PIXEL, _PIXEL, self._ahead * pixels.fours)
            self.say(f"add x{_COLUMN}, x{_COLUMN}, x{_STEP}")
        self.add(_OUT, _OUT, self.word * (pixels.filters // 4))
        self.say(f"add x{_OUT_HIGH}, x{_OUT_HIGH}, x{_OUT_STEP}")

    def taps(self, taps: list[int], tiles: int, wide: int, block: int, begins: bool) -> None:
        """Neighbouring taps of a row of source pixels; the weights of several lie behind each other unless they are transposed."""
        fours = self.pixels.fours
        for at, tap in enumerate(taps):
            if self.pixels.transposed or (begins and not at):
                self.say(f"setd d1, x{_TAP + tap}, x4", *["dstep d1, outer"] * block)
            self.steps(fours, tiles, wide)

    def steps(self, count: int, tiles: int, wide: int) -> None:
        """So many steps of four channels, written out or in a loop that brings each group of registers to its turn."""
        done = 0
        if count > _UNROLLED:
            if self.fresh:
                self.step(tiles, wide)
                done = 1
            turns = (count - done) // _GROUPS
            self.repeat(turns, lambda: self.straight(_GROUPS, tiles, wide))
            done += _GROUPS * turns
        self.straight(count - done, tiles, wide)

    def straight(self, count: int, tiles: int, wide: int) -> None:
        for _ in range(count):
            self.step(tiles, wide)

    def step(self, tiles: int, wide: int) -> None:
        v, c = 16 * self.half + 4 * self.group, 4 * self.half
        if tiles == 2:
            self.say(f"vld.g8 v{v + 1}, d0[1,0]")
        if wide == 2:
            self.say(f"{self.load_b} v{v + 3}, d1{self.second_b}")
        self.say(f"vld.g8 v{v}, d0, inner", f"{self.load_b} v{v + 2}, d1, inner")
        first = ", first" if self.fresh else ""
        for i in reversed(range(tiles)):
            self.say(*(f"step.bf16 c{c + 2 * i + j}, v{v + i}, v{v + 2 + j}{first}{self.flags}" for j in reversed(range(wide))))
        self.group, self.fresh = (self.group + 1) % _GROUPS, False

    def drain(self, tiles: int, wide: int, more: bool) -> None:
        """What a tile writes beyond the pixel's channels belongs to the next pixel, which comes later, or to none."""
        drain, relu = f"drain.{FLOAT_FORMATS[self.pixels.out].short}", ", relu" if self.pixels.relu else ""
        for i in reversed(range(tiles)):
            for j in reversed(range(wide)):
                step = ", inner" if more and i == j == 0 else ""
                self.say(f"{drain} c{4 * self.half + 2 * i + j}, d2[{i},{j}]{step}{relu}")

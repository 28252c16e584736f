"""A link of a chain of products: C = A B by parts of k, one call each, with C in the accumulators from the first to the last.

One thread runs the links of a chain in order and uses no accumulator for anything else meanwhile. Terms are added in the order in which
``Gemm`` adds them, so the bits are its bits. C is at most 2x4 tiles, one for each accumulator; factors are BF16.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from golden.arch.descriptor import Descriptor
from golden.arch.isa import ACCUMULATORS, VECTOR_REGISTERS
from golden.kernels.gemm import Gemm
from golden.kernels.kernel import Axis, Kernel, Operand, Part
from golden.kernels.placement import Matrix
from golden.kernels.stream import repeated

K_STEP = 4  # terms that one instruction adds


@dataclass(frozen=True)
class Link(Kernel):
    """Part of the terms of ``gemm``; the first link ``opens``, the last one ``closes`` and writes C."""

    gemm: Gemm = Gemm()
    opens: bool = True
    closes: bool = True
    name = "gemm-link"

    def __post_init__(self) -> None:
        """The gemm has checked itself."""

    @property
    def macs(self) -> int:
        return self.gemm.macs

    def operands(self) -> tuple[Operand, ...]:
        a, b, c = self.gemm.operands()
        return (a, b, c) if self.closes else (a, b)

    def views(self, a: Matrix, b: Matrix, c: Matrix | None = None) -> tuple[Descriptor, ...]:
        return self.gemm.views(a, b, c or Matrix("c", 0, self.gemm.m, self.gemm.n, self.gemm.out, 16))[: 3 if self.closes else 2]

    def text(self, label: str) -> str:
        """x1..x6 hold the images of A, B, C; a register group for each of a few neighbouring steps of k."""
        rows, columns = _tiles(self.gemm)
        groups = VECTOR_REGISTERS // (rows + columns)
        passes, rest = divmod(-(-self.gemm.k // K_STEP) - 1, groups)
        lines = [f"setd d{i}, x{2 * i + 1}, x{2 * i + 2}" for i in range(3 if self.closes else 2)]
        lines += self._step(0, self.opens)
        if passes:
            lines += repeated(label, passes, [line for step in range(1, groups + 1) for line in self._step(step % groups)])
        lines += [line for step in range(1, rest + 1) for line in self._step(step % groups)]
        if self.closes:
            drain = f"drain.{'bf16' if self.gemm.out == 'BF16' else 'f32'}"
            relu = ", relu" if self.gemm.relu else ""
            lines += [f"{drain} c{columns * i + j}, d2[{i},{j}]{relu}" for i in range(rows) for j in range(columns)]
        return "\n".join([f"{label}:", *lines, "        jr x31"]) + "\n"

    def _step(self, group: int, first: bool = False) -> list[str]:
        """One step of k for every tile."""
        gemm, (rows, columns) = self.gemm, _tiles(self.gemm)
        a = (rows + columns) * group
        lines = []
        for register, tiles, descriptor, transposed, gather in (
            (a, rows, "d0", gemm.transpose_a, "vld.g16" if gemm.transpose_a else "vld.g8"),
            (a + rows, columns, "d1", not gemm.transpose_b, "vld.g8" if gemm.transpose_b else "vld.g16"),
        ):
            for tile in reversed(range(tiles)):
                place = f"[0,{tile}]" if transposed else f"[{tile},0]"
                lines.append(f"{gather} v{register + tile}, {descriptor}{place if tile else ', inner'}")
        flags = (", first" if first else "") + (", at" if gemm.transpose_a else "") + (", bt" if gemm.transpose_b else "")
        return lines + [f"step.bf16 c{columns * i + j}, v{a + i}, v{a + rows + j}{flags}" for i in range(rows) for j in range(columns)]


def _tiles(gemm: Gemm) -> tuple[int, int]:
    return -(-gemm.m // 8), -(-gemm.n // 8)


def sum_axis(gemm: Gemm) -> Axis:
    """The terms, which may be cut only into links."""
    return Axis("k", {"a": 0 if gemm.transpose_a else 1, "b": 1 if gemm.transpose_b else 0}, K_STEP)


def links(gemm: Gemm, at: Sequence[int]) -> tuple[Part, ...]:
    """Its links, from each bound of k to the next; none when C has more tiles than accumulators hold or instructions reach, a bias, or
    eight-bit numbers.

    Bounds are multiples of ``K_STEP`` but for the last.
    """
    rows, columns = _tiles(gemm)
    plain = not (gemm.bias or gemm.short or gemm.narrows or gemm.mode)
    if not plain or rows > 2 or columns > (2 if gemm.transpose_b else 4) or rows * columns > ACCUMULATORS:
        return ()
    axis, found = sum_axis(gemm), []
    for first, last in pairwise(at):
        link = Link(replace(gemm, k=last - first), opens=first == at[0], closes=last == at[-1])
        found.append(Part(link, {name: (0, first) if columns else (first, 0) for name, columns in axis.along.items()}))
    return tuple(found)

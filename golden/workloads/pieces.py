"""The calls of a step cut into pieces, and which piece must wait for which.

What belongs to samples is cut into slices of the batch: a call whose kernel may be cut along the axis on which its operands have their
samples. Every other call is cut among the threads. Of a product that is a sum over the samples some parts are chains, with a link for
each slice, so that they need not wait until all slices are there. A piece is a call like any other, on parts of the same tensors, so
nothing but the order of the work changes. A piece waits for every earlier one with which it shares elements that one of the two writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from golden.kernels.gemm import BLOCK, Gemm
from golden.kernels.gemm_link import Link, links, sum_axis
from golden.kernels.kernel import Axis, Kernel, Part, Role
from golden.kernels.work import work
from golden.workloads.graph import Step
from golden.workloads.tensors import Call, View

SLICE, MOST_SLICES = 16, 8
"""Samples of a slice, and slices of a call: longer batches have longer slices."""
LEAST = 48
"""Cycles of work that are worth a call of their own."""


@dataclass(frozen=True, eq=False)
class Piece(Call):
    """A part of a call.

    Attributes
    ----------
    of : the number of the call in its step.
    chain : of links, the name of their chain: one thread runs them in order, with its accumulators for nothing else meanwhile.
    """

    of: int = 0
    chain: str | None = None


def cut(step: Step, threads: int, chains: int = 0) -> list[Piece]:
    """The pieces, in the order of the calls, with at most so many chains; one a call for one thread."""
    samples = {tensor.name: tensor.samples for tensor in step.tensors.values() if tensor.samples is not None}
    pieces = []
    for number, call in enumerate(step.calls):
        parts: tuple[Part, ...] = (Part(call.kernel),)
        if threads > 1 and (axis := _batch_axis(call, samples)):
            samples |= {call.views[name].tensor.name: along for name, along in axis.along.items()}
            parts = call.kernel.cut(axis, _slices(getattr(call.kernel, axis.extent), axis.grain))
        elif threads > 1 and call.kernel.axes():
            parts = _shared(call.kernel, max(1, min(threads, work(call.kernel).cycles // LEAST)))
        for index, part in enumerate(parts if threads == 1 else map(_wide, parts)):
            name = call.name if len(parts) == 1 else f"{call.name}_{index}"
            whole = Piece(name, part.kernel, _views(call, part), number)
            linked = _chain(whole, samples) if chains else []
            chains -= bool(linked)
            pieces += linked or [whole]
    return pieces


def cut_at(step: Step, number: int, at: Sequence[int]) -> list[Piece]:
    """The pieces of a call, from each bound along the first axis of its kernel to the next; without bounds the whole."""
    call = step.calls[number]
    parts = call.kernel.cut(call.kernel.axes()[0], at) if at else (Part(call.kernel),)
    names = [call.name] if len(parts) == 1 else [f"{call.name}_{index}" for index in range(len(parts))]
    return [Piece(name, part.kernel, _views(call, part), number) for name, part in zip(names, parts, strict=True)]


def _batch_axis(call: Call, samples: dict[str, int | None]) -> Axis | None:
    """The axis along which the samples of all its operands lie that have any."""
    known = {name: samples[view.tensor.name] for name, view in call.views.items() if view.tensor.name in samples}
    for axis in call.kernel.axes():
        if known and known.items() <= axis.along.items():
            return axis
    return None


def _slices(extent: int, grain: int) -> list[int]:
    """Bounds of slices, all of one size but the last."""
    size = max(SLICE, -(-extent // (MOST_SLICES * SLICE)) * SLICE)
    size = -(-size // grain) * grain
    return [*range(0, extent, size), extent]


def _wide(part: Part) -> Part:
    """The same product in one block of all accumulators, which takes fewer loads than blocks of 2x2 tiles, where it fits and is wider."""
    gemm = part.kernel
    whole = links(gemm, [0, gemm.k]) if isinstance(gemm, Gemm) and gemm.n > BLOCK else ()
    return replace(part, kernel=whole[0].kernel) if whole else part


def _chain(piece: Piece, samples: dict[str, int | None]) -> list[Piece]:
    """The links of a product that is a sum over more than a slice of samples; none of anything else."""
    gemm = piece.kernel.gemm if isinstance(piece.kernel, Link) else piece.kernel
    if not isinstance(gemm, Gemm) or work(gemm).cycles < 2 * LEAST:
        return []
    axis = sum_axis(gemm)
    if axis.along != {name: samples.get(view.tensor.name) for name, view in piece.views.items() if name in axis.along}:
        return []
    at = _slices(gemm.k, axis.grain)
    parts = links(gemm, at) if len(at) > 2 else ()
    return [Piece(f"{piece.name}_{i}", part.kernel, _views(piece, part), piece.of, piece.name) for i, part in enumerate(parts)]


def _shared(kernel: Kernel, parts: int) -> tuple[Part, ...]:
    """So many parts of equal size, and what is left over as one more, which is done last and soon."""
    if parts == 1:
        return (Part(kernel),)
    axis = kernel.axes()[0]
    extent = getattr(kernel, axis.extent)
    size = max(1, extent // axis.grain // parts) * axis.grain
    at = [*range(0, extent, size)][: parts + 1]
    return kernel.cut(axis, [*at, extent])


def _views(call: Call, part: Part) -> dict[str, View]:
    views = {}
    for operand in part.kernel.operands():
        whole, (row, column) = call.views[operand.name], part.origins.get(operand.name, (0, 0))
        views[operand.name] = View(whole.tensor, whole.row + row, whole.column + column, operand.rows, operand.columns)
    return views


def dependencies(pieces: Sequence[Piece]) -> list[set[int]]:
    """Of each piece the earlier ones that must be done before it begins."""
    seen: dict[str, list[tuple[int, View, bool]]] = {}  # by tensor: who touches it where, and whether it writes
    needs = []
    for number, piece in enumerate(pieces):
        needed = set()
        for operand in piece.kernel.operands():
            view, writes = piece.views[operand.name], operand.role not in (Role.IN, Role.CONSTANT)
            uses = seen.setdefault(view.tensor.name, [])
            needed |= {other for other, there, wrote in uses if (writes or wrote) and overlap(view, there)}
            uses.append((number, view, writes))
        if piece.chain and number and pieces[number - 1].chain == piece.chain:
            needed.add(number - 1)
        needs.append(needed - {number})
    return needs


def overlap(one: View, two: View) -> bool:
    """Whether two views of a tensor have an element in common."""
    rows = max(one.row, two.row) < min(one.row + one.rows, two.row + two.rows)
    columns = max(one.column, two.column) < min(one.column + one.columns, two.column + two.columns)
    return rows and columns

"""A training step on the nodes of a mesh: each computes its shards, the gradients are all-reduced, each updates its own weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from numpy.typing import NDArray

from golden.arch.config import NodeConfig
from golden.arch.isa import THREADS
from golden.arch.memmap import LINE_BYTES
from golden.arch.mesh import MeshConfig, Place
from golden.kernels.allreduce import AllReduce, Leaf, Lines, Placed, Sent
from golden.kernels.kernel import Role
from golden.kernels.placement import DTYPES
from golden.workloads import shards as cut
from golden.workloads.layout import Exchange, Layout
from golden.workloads.pieces import Piece, cut_at
from golden.workloads.plan import room
from golden.workloads.schedule import Placement
from golden.workloads.shards import ShardedStep
from golden.workloads.tensors import View
from golden.workloads.workload import Workload

EXCHANGE = "allreduce"
LEAST = 8
"""Lines of sums that are worth a call of their own."""


class MeshLayout:
    """A workload's step on every live node of a mesh; a mesh of one node has no exchange.

    Attributes
    ----------
    layouts : what each node has where, by place.

    Raises
    ------
    ValueError
        When there are fewer shards than nodes or fewer samples than shards.
    DoesNotFit
        When a node's program, arguments and tensors need more SRAM than there is.
    """

    def __init__(
        self,
        workload: Workload,
        mesh: MeshConfig,
        config: NodeConfig,
        batch: int | None = None,
        rate: float | None = None,
        shards: int = 1,
        threads: int = THREADS,
    ) -> None:
        self.mesh = mesh
        places = mesh.live
        if len(places) == 1:
            self.layouts: dict[Place, Layout] = {places[0]: workload.layout(config, batch, rate, shards, threads)}
            self._tables: dict[Place, list[bytes]] = {}
            return
        batch = workload.batch if batch is None else batch
        cut.check(batch, shards, len(places))
        mine = cut.owned(shards, len(places))
        steps = [workload.step(batch, rate, shards, part) for part in mine]
        leaves = [Leaf(node, shard) for node, part in enumerate(mine) for shard in cut.pieces(shards, part)]
        alone = {pair for part in mine for pair in cut.additions(shards, part)}
        adds = [pair for pair in cut.additions(shards) if pair not in alone]
        self.reduce = AllReduce(places, leaves, adds, _lines(steps[0]))
        self.sent: list[Sent] = []
        """What the threads of each node send, in the order of nodes."""
        self.layouts = {
            place: Layout(step, config, _Exchanging(self.reduce, node, step, self.sent), threads)
            for node, (place, step) in enumerate(zip(places, steps, strict=True))
        }
        placed = [_placed(layout) for layout in self.layouts.values()]
        self._tables = {place: self.reduce.tables(node, placed, self.sent[node]) for node, place in enumerate(places)}

    def initial(self, place: Place, state: Mapping[str, NDArray]) -> list[tuple[int, bytes]]:
        """Everything that a host writes once to a node: program, arguments, constants and the whole state."""
        layout = self.layouts[place]
        return layout.initial(state) + list(zip(layout.tables, self._tables.get(place, ()), strict=True))


class _Exchanging:
    """What a node exchanges, as ``golden.workloads.layout.Exchanging`` says. Each thread updates what it has sums of.

    ``sent`` grows by what the threads send.
    """

    def __init__(self, reduce: AllReduce, node: int, step: ShardedStep, sent: list[Sent]) -> None:
        self.reduce, self.node, self.step, self.sent = reduce, node, step, sent

    def cut(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Each call that reads sums cut where those of another thread begin."""
        found = [piece for piece in pieces if piece.of < self.step.update]
        for number in range(self.step.update, len(self.step.calls)):
            call = self.step.calls[number]
            axis = next(iter(call.kernel.axes()), None)
            if axis is None:
                found += cut_at(self.step, number, ())
                continue
            extent = getattr(call.kernel, axis.extent)
            grains = cut_at(self.step, number, [*range(0, extent, axis.grain), extent])
            found += cut_at(self.step, number, [axis.grain * at for at in self._turns(grains)] + [extent])
        return found

    def _turns(self, grains: Sequence[Piece]) -> list[int]:
        """Where another thread's sums begin, and none of the parts is too short."""
        at, lines, thread = [0], 0, None
        for index, grain in enumerate(grains):
            sums = self._lines(grain)
            most = max(sums, key=lambda one: sums[one], default=None)
            if thread is None:
                thread = most
            if most != thread and lines >= LEAST:
                at.append(index)
                lines, thread = 0, most
            lines += sums.total()
        if lines < LEAST and len(at) > 1:
            at.pop()
        return at

    def _lines(self, piece: Piece) -> Counter[int]:
        """Lines of sums that a piece reads, by the thread with which they come."""
        found: Counter[int] = Counter()
        for index, name in enumerate(self.step.gradients):
            gradient = self.step.gradient(name, self.step.mine.start)
            views = [piece.views[operand.name] for operand in piece.kernel.operands() if operand.role in (Role.IN, Role.UPDATE)]
            lines = set().union(*(_lines_of(self.step, view) for view in views if view.tensor is gradient))
            found.update(self.reduce.thread(index, line) for line in lines)
        return found

    def sums(self, piece: Piece) -> list[int]:
        return [thread for thread, _ in self._lines(piece).most_common()]

    def exchange(self, pieces: Sequence[Piece], course: Placement) -> Exchange:
        sends = sendings(self.step, pieces, course)
        sent = [[lines for _, lines in own] for own in sends]
        self.sent.append(sent)
        behind: dict[int | None, list[str]] = {}
        for thread, own in enumerate(sends):
            for (number, _), text in zip(own, self.reduce.send(EXCHANGE, self.node, thread, sent), strict=True):
                behind.setdefault(number, []).extend(text)
        enter = [self.reduce.enter(EXCHANGE, thread, sent=True) for thread in range(THREADS)]
        enter[0] = behind.pop(None, []) + enter[0]
        tables = tuple(self.reduce.table_bytes(self.node, sent))
        send = {number: text for number, text in behind.items() if number is not None}
        text, buffer = self.reduce.text(self.node, EXCHANGE), self.reduce.buffer_bytes(self.node)
        return Exchange(EXCHANGE, text, send, tuple(map(tuple, enter)), tables, buffer)


def sendings(step: ShardedStep, pieces: Sequence[Piece], course: Placement) -> list[list[tuple[int | None, list[Lines]]]]:
    """What each thread sends: behind a piece (by its number) the lines that are complete with it. What no piece completes alone is sent by
    thread 0 when all gradients are there (None)."""
    writers: dict[tuple[int, int, int], list[int]] = {}
    for number, piece in enumerate(pieces):
        for view in piece.written() if piece.of < step.update else ():
            for gradient, shard in ((g, shard) for shard in step.pieces for g in range(len(step.gradients))):
                if step.gradient(step.gradients[gradient], shard) is view.tensor:
                    for line in _lines_of(step, view):
                        writers.setdefault((gradient, shard, line), []).append(number)
    behind: dict[int | None, list[tuple[int, int, int]]] = {}
    for gradient, shard in ((g, shard) for shard in step.pieces for g in range(len(step.gradients))):
        for line in range(_lines(step)[gradient]):
            known = writers.get((gradient, shard, line), [])
            last = next((one for one in known if all(other == one or course.before(other, one) for other in known)), None)
            behind.setdefault(last, []).append((gradient, shard, line))
    orders = [[number for number in order if number in behind] for order in course.threads] + [[]] * (THREADS - len(course.threads))
    found: list[list[tuple[int | None, list[Lines]]]] = [[(number, _joined(behind[number])) for number in order] for order in orders]
    found[0] += [(None, _joined(behind[None]))] if None in behind else []
    return found


def _lines_of(step: ShardedStep, view: View) -> set[int]:
    """The lines of a tensor in which a view has elements."""
    pitch, width = room(step, view.tensor)[0], DTYPES[view.format]().itemsize
    first, end = width * view.column, width * (view.column + view.columns)
    rows = (pitch * row for row in range(view.row, view.row + view.rows))
    return {line for at in rows for line in range((at + first) // LINE_BYTES, -(-(at + end) // LINE_BYTES))}


def _joined(lines: Sequence[tuple[int, int, int]]) -> list[Lines]:
    """Lines (gradient, shard, line), ascending, with neighbours joined."""
    found: list[Lines] = []
    for gradient, shard, line in sorted(lines):
        last = found[-1] if found else None
        if last and (last.gradient, last.shard, last.first + last.lines) == (gradient, shard, line):
            found[-1] = replace(last, lines=last.lines + 1)
        else:
            found.append(Lines(gradient, shard, line, 1))
    return found


def _lines(step: ShardedStep) -> list[int]:
    """Lines of each gradient, the padding of its rows among them."""
    sizes = []
    for name in step.gradients:
        tensor = step.gradient(name, step.mine.start)
        sizes.append(-(-tensor.rows * room(step, tensor)[0] // LINE_BYTES))
    return sizes


def _placed(layout: Layout) -> Placed:
    step: ShardedStep = layout.step
    return Placed(layout.buffer, lambda gradient, shard: layout.matrices[step.gradient(step.gradients[gradient], shard).name].address)

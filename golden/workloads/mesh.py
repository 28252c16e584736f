"""A training step on the nodes of a mesh: each computes its shards, the gradients are all-reduced, each updates its own weights."""

from __future__ import annotations

from collections.abc import Mapping

from numpy.typing import NDArray

from golden.arch.config import NodeConfig
from golden.arch.isa import THREADS
from golden.arch.memmap import LINE_BYTES
from golden.arch.mesh import MeshConfig, Place
from golden.kernels.allreduce import AllReduce, Leaf, Placed
from golden.workloads import shards as cut
from golden.workloads.layout import Exchange, Layout
from golden.workloads.plan import room
from golden.workloads.shards import ShardedStep
from golden.workloads.workload import Workload

EXCHANGE = "allreduce"


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
        self.layouts = {
            place: Layout(step, config, self._exchange(node), threads)
            for node, (place, step) in enumerate(zip(places, steps, strict=True))
        }
        placed = [_placed(layout) for layout in self.layouts.values()]
        self._tables = {place: self.reduce.tables(node, placed) for node, place in enumerate(places)}

    def _exchange(self, node: int) -> Exchange:
        text, tables = self.reduce.text(node, EXCHANGE), self.reduce.table_bytes(node)
        enter = tuple(tuple(self.reduce.enter(EXCHANGE, thread)) for thread in range(THREADS))
        return Exchange(EXCHANGE, text, enter, tuple(tables), self.reduce.buffer_bytes(node))

    def initial(self, place: Place, state: Mapping[str, NDArray]) -> list[tuple[int, bytes]]:
        """Everything that a host writes once to a node: program, arguments, constants and the whole state."""
        layout = self.layouts[place]
        return layout.initial(state) + list(zip(layout.tables, self._tables.get(place, ()), strict=True))


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

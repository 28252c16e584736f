"""A batch cut into shards: a workload's step once per shard, the gradients of all shards added pairwise, one update.

Shard s of S holds samples floor(s B / S) to floor((s + 1) B / S) - 1. The sum of gradients is that of a tree over the shards: neighbours
first (0 + 1, 2 + 3, ..), then neighbouring sums; one without a neighbour goes up as it is. The bits of a step therefore depend on S and on
nothing else: not on who computes which shard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from golden.kernels.axpy import Axpy
from golden.workloads.graph import Step
from golden.workloads.tensors import Call, Tensor, TensorKind


def check(batch: int, shards: int, nodes: int = 1) -> None:
    """ValueError unless every shard has a sample and every node a shard."""
    if shards < 1:
        raise ValueError(f"{shards} shards cut no batch: at least 1")
    if shards < nodes:
        raise ValueError(f"{shards} shards leave some of {nodes} nodes without work: at least {nodes}")
    if batch < shards:
        raise ValueError(f"a batch of {batch} is smaller than its {shards} shards: take a larger batch, or fewer shards or nodes")


def default(nodes: int) -> int:
    """Shards of a batch on so many nodes: the smallest power of two that gives each of them one."""
    return 1 << (nodes - 1).bit_length()


def samples(batch: int, shards: int) -> list[slice]:
    """The samples of each shard."""
    return [slice(s * batch // shards, (s + 1) * batch // shards) for s in range(shards)]


def owned(shards: int, nodes: int) -> list[range]:
    """The shards of each node: neighbours, as evenly as it goes."""
    return [range(n * shards // nodes, (n + 1) * shards // nodes) for n in range(nodes)]


def additions(shards: int, mine: range | None = None) -> list[tuple[int, int]]:
    """The tree, bottom first: (into, added) by the first shard of each sum; with ``mine`` only sums of shards in that range."""
    mine = range(shards) if mine is None else mine
    found, size = [], 1
    while size < shards:
        for first in range(0, shards - size, 2 * size):
            if first in mine and min(first + 2 * size, shards) <= mine.stop:
                found.append((first, first + size))
        size *= 2
    return found


def pieces(shards: int, mine: range) -> list[int]:
    """The first shards of the sums that are left when everything in a range has been added that can be."""
    added = {second for _, second in additions(shards, mine)}
    return [shard for shard in mine if shard not in added]


class ShardedStep(Step):
    """Some shards of a step of ``count``; ``parts`` are the workload's steps of these, by shard.

    Tensors and calls of shard s end in ``.s`` and ``_s``; state is there once. First come the forward passes, then the backward ones, the
    additions among these shards, and from call ``update`` on what reads the sum, which lies in the gradients of the first shard.
    """

    def __init__(self, name: str, batch: int, count: int, parts: Mapping[int, Step]) -> None:
        super().__init__(name, batch)
        self.count = count
        self.mine = range(min(parts), max(parts) + 1)
        self._of: dict[tuple[int, str], Tensor] = {}
        for shard, part in parts.items():
            self._declare(shard, part)
        for shard, part in parts.items():
            self._place(shard, part.calls[: part.forward])
        self.forward = len(self.calls)
        self.logits = [self._of[shard, tensor.name] for shard, part in parts.items() for tensor in part.logits]
        for shard, part in parts.items():
            self._place(shard, part.calls[part.forward : part.update])
        first = parts[self.mine.start]
        self.gradients = [tensor.name for tensor in first.of_kind(TensorKind.GRADIENT)]
        for into, added in additions(count, self.mine):
            for gradient in self.gradients:
                operands = {"x": self._of[added, gradient], "y": self._of[into, gradient]}
                self.call(f"add_{gradient}_{into}_{added}", Axpy, operands, a=1.0)
        self._update = len(self.calls)
        self._place(self.mine.start, first.calls[first.update :], alone=True)

    def _declare(self, shard: int, part: Step) -> None:
        for tensor in part.tensors.values():
            if tensor.kind is TensorKind.STATE:
                copied = tensor.copy_of and self.tensors[tensor.copy_of.name]
                self.tensors.setdefault(tensor.name, replace(tensor, copy_of=copied))
                own = self.tensors[tensor.name]
            elif tensor.kind is TensorKind.CONSTANT and (same := self._constant(tensor, tensor.initial)):
                own = same
            else:
                own = replace(tensor, name=f"{tensor.name}.{shard}", part_of=tensor.name)
                self.tensors[own.name] = own
            self._of[shard, tensor.name] = own

    def _place(self, shard: int, calls: Sequence[Call], alone: bool = False) -> None:
        for call in calls:
            views = {key: replace(view, tensor=self._of[shard, view.tensor.name]) for key, view in call.views.items()}
            self.calls.append(Call(call.name if alone else f"{call.name}_{shard}", call.kernel, views))

    # --- what follows from it ----------------------------------------------------------------------------------------------------

    @property
    def update(self) -> int:
        return self._update

    @property
    def pieces(self) -> list[int]:
        """Shards in whose gradients the sums lie when all calls before ``update`` are done."""
        return pieces(self.count, self.mine)

    def gradient(self, name: str, shard: int) -> Tensor:
        """The gradient of that name of a shard."""
        return self._of[shard, name]

    def split(self, values: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """The same values with the inputs of these shards in place of those of the batch."""
        cuts = samples(self.batch, self.count)
        inputs = {tensor.part_of for tensor in self.of_kind(TensorKind.INPUT)}
        found = {name: array for name, array in values.items() if name not in inputs}
        for (shard, name), tensor in self._of.items():
            if name in inputs & values.keys():
                found[tensor.name] = values[name].take(np.r_[cuts[shard]], axis=tensor.samples)
        return found

    def lives(self) -> dict[str, tuple[int, int]]:
        """Sums that leave the node, and the one that comes, live to the end."""
        lives = super().lives()
        for shard in self.pieces if len(self.mine) < self.count else ():
            for gradient in self.gradients:
                name = self.gradient(gradient, shard).name
                lives[name] = lives[name][0], len(self.calls)
        return lives

"""What a workload is: a file of this folder with a class under ``@workload("name")``, which writes its training step as kernel calls."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from golden.arch.config import NodeConfig
from golden.arch.isa import THREADS
from golden.workloads.graph import Step
from golden.workloads.layout import Layout
from golden.workloads.plan import DoesNotFit
from golden.workloads.scaled import ScaledStep
from golden.workloads.shards import ShardedStep, check, samples

MOST_ROWS = 1024  # of a batch
STEPS: dict[str, type[Step]] = {"bf16": Step, "cfloat8": ScaledStep}
"""By what matrix products read."""


class Workload:
    """A network, its data and its optimiser; a class below ``@workload``.

    Attributes
    ----------
    batch, steps, rate : what it trains with unless told otherwise.
    formats : names of ``STEPS`` in which its kernels can train.
    """

    name: ClassVar[str]
    batch: ClassVar[int] = 32
    steps: ClassVar[int]
    rate: ClassVar[float]
    formats: ClassVar[tuple[str, ...]] = tuple(STEPS)
    format: str = "bf16"
    """Of what matrix products read, a name of ``STEPS``."""

    def write(self, step: Step, batch: int, rate: float) -> None:
        """The training step for ``batch`` samples, which may be part of the ``step.batch`` samples whose mean loss is wanted: tensors and
        calls. The sum of its output ``loss`` (FP32) is the loss."""
        raise NotImplementedError

    def initial(self, step: Step, seed: int) -> dict[str, NDArray]:
        """Bit patterns of what a checkpoint holds, before the first step."""
        raise NotImplementedError

    def training(self, batch: int, seed: int) -> Iterator[Mapping[str, NDArray]]:
        """The inputs of one step after another, without end."""
        raise NotImplementedError

    def held_out(self, batch: int) -> Iterator[tuple[Mapping[str, NDArray], NDArray[np.int64]]]:
        """Inputs of forward passes over data that does not train, and their labels; the last may have fewer labels than rows."""
        raise NotImplementedError

    def classes(self, logits: NDArray) -> NDArray[np.int64]:
        """What the logits say of each row."""
        raise NotImplementedError

    def step(self, batch: int | None = None, rate: float | None = None, shards: int = 1, mine: range | None = None) -> Step:
        """The step for a batch, or for the shards ``mine`` of it (all of them when None).

        Raises
        ------
        ValueError
            When there is no such batch, learning rate or number of shards.
        """
        batch, rate = self.batch if batch is None else batch, self.rate if rate is None else rate
        if not 1 <= batch <= MOST_ROWS:
            raise ValueError(f"{self.name}: a batch of {batch} does not exist: 1 to {MOST_ROWS}")
        if not (math.isfinite(rate) and 0 < rate <= 3e38):
            raise ValueError(f"{self.name}: a learning rate of {rate} does not exist: above 0, to 3e38")
        if shards != 1:
            if self.format != "bf16":
                raise ValueError(f"{self.name}: {self.format} trains in one shard on one node, bf16 in any number")
            check(batch, shards)
            sizes = [cut.stop - cut.start for cut in samples(batch, shards)]
            parts = {shard: self._written(batch, sizes[shard], rate) for shard in mine or range(shards)}
            return ShardedStep(self.name, batch, shards, parts)
        return self._written(batch, batch, rate)

    def _written(self, batch: int, part: int, rate: float) -> Step:
        """The step for a part of a batch."""
        step = STEPS[self.format](self.name, batch)
        self.write(step, part, rate)
        if not step.logits:
            raise ValueError(f"{self.name} does not say where its forward pass ends: call step.result() with its logits")
        if step.logits[0].samples is None:
            raise ValueError(f"{self.name}: {step.logits[0].name} does not say along which axis its samples lie: declare it with samples=")
        if not step.losses:
            raise ValueError(f"{self.name} has no output named loss: declare it with step.output()")
        return step

    def layout(
        self, config: NodeConfig, batch: int | None = None, rate: float | None = None, shards: int = 1, threads: int = THREADS
    ) -> Layout:
        """The step on so many threads of a node.

        Raises
        ------
        DoesNotFit
            Says, beside which tensors take how much, the largest batch that would fit.
        """
        try:
            return Layout(self.step(batch, rate, shards), config, threads=threads)
        except DoesNotFit as error:
            fits = self._largest(config, self.batch if batch is None else batch, shards, threads)
            raise DoesNotFit(f"{error}; {f'a batch of {fits} fits' if fits else 'no batch fits: take a larger configuration'}") from None

    def _largest(self, config: NodeConfig, too_many: int, shards: int, threads: int) -> int:
        """The largest batch below ``too_many`` that fits, 0 for none."""
        fits = shards - 1
        while too_many - fits > 1:
            middle = (fits + too_many) // 2
            try:
                Layout(self.step(middle, None, shards), config, threads=threads)
                fits = middle
            except DoesNotFit:
                too_many = middle
        return fits if fits >= shards else 0


WORKLOADS: dict[str, type[Workload]] = {}
MEANT = ("write", "initial", "training", "held_out", "classes", "steps", "rate")


def workload(name: str) -> Callable[[type[Workload]], type[Workload]]:
    """Decorator that enters a class into ``WORKLOADS``.

    Raises
    ------
    ValueError
        When the name is taken or something that a workload says is missing; the sentence names the file.
    """

    def enter(cls: type[Workload]) -> type[Workload]:
        place = f"{cls.__module__.replace('.', '/')}.py: workload {name}"
        if name in WORKLOADS and WORKLOADS[name].__module__ != cls.__module__:
            raise ValueError(f"{place} is registered twice, in {WORKLOADS[name].__module__.replace('.', '/')}.py too")
        missing = [what for what in MEANT if getattr(cls, what, None) is getattr(Workload, what, None)]
        if missing:
            raise ValueError(f"{place} does not say its {', '.join(missing)}: golden/workloads/workload.py tells what each is")
        if not vars(cls).get("__doc__"):
            raise ValueError(f"{place} does not say what it is: give the class a docstring of one line")
        cls.name = name
        WORKLOADS[name] = cls
        return cls

    return enter


def named(name: str, format: str = "bf16") -> Workload:
    """A registered workload; ValueError that lists them when there is none of that name, or no such format."""
    if name not in WORKLOADS:
        raise ValueError(f"no workload {name!r}: there is {', '.join(sorted(WORKLOADS))}")
    if format not in STEPS:
        raise ValueError(f"no training in {format!r}: there is {', '.join(STEPS)}")
    if format not in WORKLOADS[name].formats:
        raise ValueError(f"{name} does not train in {format}: it trains in {', '.join(WORKLOADS[name].formats)}")
    made = WORKLOADS[name]()
    made.format = format
    return made

"""A training step on a simulated node, as a host sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from golden.arch.config import NodeConfig
from golden.arch.memmap import ThreadState
from golden.iss.node import Simulator, describe_fault
from golden.iss.state import Node, Thread
from golden.kernels.job import Launch
from golden.workloads.layout import Layout


class Trainer:
    """A layout on a simulated node."""

    def __init__(self, layout: Layout, config: NodeConfig, saved: Mapping[str, NDArray]) -> None:
        self.layout, self.node = layout, Node(config)
        self.simulator = Simulator(self.node, strict=True)
        self.write(layout.initial(layout.step.state(saved)))

    def write(self, pieces: list[tuple[int, bytes]]) -> None:
        for address, image in pieces:
            self.node.write(address, image)

    def run(self, launches: Launch | Sequence[Launch], rng: np.random.Generator | None = None) -> None:
        """To the end; threads take turns by instructions, or go on alone for as long as ``rng`` says, up to their next wait."""
        for thread in self.node.threads:
            thread.forget()
        for launch in [launches] if isinstance(launches, Launch) else launches:
            self.node.threads[launch.thread].start(launch.pc, launch.args)
        if rng is None:
            self.simulator.finish()
        while running := [thread for thread in self.node.threads if thread.runs]:
            order = rng.permutation(len(running))
            went = [self._alone(running[number], int(rng.choice((1, 7, 50, 10_000)))) for number in order]
            assert any(went), "every thread waits"
        for thread in self.node.threads:
            assert thread.state is ThreadState.IDLE, describe_fault(self.node, thread)

    def _alone(self, thread: Thread, most: int) -> bool:
        """Whether a thread went on."""
        count = 0
        while count < most and thread.runs and self.simulator.step(thread) is not None:
            count += 1
        return count > 0

    def read(self, name: str) -> NDArray:
        matrix = self.layout.matrices[name]
        return matrix.unpack(self.node.read(matrix.address, matrix.size))

    def expect(self, values: Mapping[str, NDArray]) -> None:
        """Everything that is compared equals the reference."""
        for tensor in self.layout.step.compared:
            assert np.array_equal(self.read(tensor.name), values[tensor.name]), tensor.name

"""A training step on a simulated node, as a host sees it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from golden.arch.config import NodeConfig
from golden.arch.memmap import ThreadState
from golden.iss.node import Simulator, describe_fault
from golden.iss.state import Node
from golden.kernels.job import Launch
from golden.workloads.layout import Layout


class Trainer:
    """A layout on a simulated node."""

    def __init__(self, layout: Layout, config: NodeConfig, saved: Mapping[str, NDArray]) -> None:
        self.layout, self.node = layout, Node(config)
        self.simulator = Simulator(self.node)
        self.write(layout.initial(layout.step.state(saved)))

    def write(self, pieces: list[tuple[int, bytes]]) -> None:
        for address, image in pieces:
            self.node.write(address, image)

    def run(self, launch: Launch) -> None:
        for thread in self.node.threads:
            thread.forget()
        self.simulator.strict = True
        self.node.threads[launch.thread].start(launch.pc, launch.args)
        self.simulator.finish()
        for thread in self.node.threads:
            assert thread.state is ThreadState.IDLE, describe_fault(self.node, thread)

    def read(self, name: str) -> NDArray:
        matrix = self.layout.matrices[name]
        return matrix.unpack(self.node.read(matrix.address, matrix.size))

    def expect(self, values: Mapping[str, NDArray]) -> None:
        """Everything that is compared equals the reference."""
        for tensor in self.layout.step.compared:
            assert np.array_equal(self.read(tensor.name), values[tensor.name]), tensor.name

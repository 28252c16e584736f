"""Runs a few lines on a fresh node: registers and memory in, the node out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from golden.arch.config import CONFIGS, NodeConfig
from golden.arch.memmap import PROGRAM_BASE, ThreadState
from golden.arch.trace import Record
from golden.asm import Program, assemble
from golden.iss.node import Simulator
from golden.iss.semantics import FEATURES
from golden.iss.state import Node, Thread

TINY = replace(CONFIGS["tiny"], features=FEATURES - {"network"})
"""``tiny`` with every part of a single node."""
MASK64 = (1 << 64) - 1


class Run:
    """A node with a program in it; ``records`` are those of the threads that ran."""

    def __init__(self, text: str, config: NodeConfig = TINY, strict: bool = False) -> None:
        self.program: Program = assemble(text)
        self.node = Node(config)
        self.node.write(PROGRAM_BASE, self.program.image)
        self.simulator = Simulator(self.node, strict)
        self.records: list[Record] = []

    @property
    def thread(self) -> Thread:
        return self.node.threads[0]

    def start(self, *labels: str, args: Sequence[int] | None = None) -> Run:
        """Threads 0, 1, .. start at these labels (thread 0 at the beginning when there are none)."""
        for index, pc in enumerate([self.program.labels[label] for label in labels] or [PROGRAM_BASE]):
            self.node.threads[index].start(pc, args)
        return self

    def go(self, limit: int = 10_000) -> Run:
        self.records = list(self.simulator.run(limit))
        return self

    def store(self, address: int, image: bytes) -> Run:
        self.node.write(address, image)
        return self


def run(
    text: str,
    x: Mapping[int, int] | None = None,
    v: Mapping[int, Sequence[int]] | None = None,
    memory: Mapping[int, bytes] | None = None,
    p: Mapping[int, bool] | None = None,
    config: NodeConfig = TINY,
) -> Run:
    """Run ``text`` and a halt on thread 0 with these registers; vector registers as 16 words of 32 bits."""
    job = Run(text + "\nhalt", config).start()
    for index, value in (x or {}).items():
        job.thread.x[index] = value & MASK64
    for index, lanes in (v or {}).items():
        job.thread.v[index] = words(lanes).view(np.uint8)
    for index, value in (p or {}).items():
        job.thread.p[index] = value
    for address, image in (memory or {}).items():
        job.store(address, image)
    return job.go()


def ended(job: Run) -> bool:
    return job.thread.state is ThreadState.IDLE


def words(lanes: Sequence[int]) -> np.ndarray:
    """16 words from a pattern of 1, 2, 4, 8 or 16."""
    return np.tile(np.array([lane & 0xFFFFFFFF for lane in lanes], "<u4"), 16 // len(lanes))


def f32(*values: float) -> list[int]:
    """Bit patterns of floats."""
    return [int(word) for word in np.array(values, "<f4").view("<u4")]

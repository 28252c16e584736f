"""The nodes that train, each with its host, in the C++ engine or on the instruction-set simulator; what they compute is golden's bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from golden.arch.config import get_config
from golden.arch.isa import THREADS
from golden.arch.mesh import MeshConfig, Place
from golden.asm import Program
from golden.host_blocking import BlockingHost
from golden.iss.host import MeshEdge as SimulatedEdge
from golden.iss.mesh import Mesh
from golden.numerics.convert import bits_f32
from golden.workloads.mesh import MeshLayout
from sim.events.recorder import Wish, recording
from sim.jobs import machine
from sim.jobs.host import Host, MeshEdge
from sim.jobs.train_options import Options

Images = Sequence[tuple[int, bytes]]
"""Addresses and bytes of a node."""


class Machine(Protocol):
    """Nodes and their hosts.

    Attributes
    ----------
    name : what runs them, as sentences call it.
    cycle : cycles simulated so far; None of a machine without time.
    """

    name: str
    hosts: Mapping[Place, BlockingHost]

    @property
    def cycle(self) -> int | None: ...

    def load(self, writes: Mapping[Place, Images]) -> None: ...

    def close(self) -> None: ...


class Engined:
    """Nodes in the engine: one without a router, or the tiles of a mesh. What is wished for is kept from the end of loading on."""

    name = "the RTL"

    def __init__(self, mesh: MeshConfig, config: str, wish: Wish | None) -> None:
        self.hosts: Mapping[Place, BlockingHost]
        self._kept, self._wish = ExitStack(), wish
        traced, waved = bool(wish and wish.events), bool(wish and wish.waves)
        if len(mesh.live) == 1:
            self._engine = machine.engine(config, trace=traced, waved=waved)
            host = Host(self._engine)
            self.hosts, self._load = {mesh.live[0]: host}, lambda writes: host.write(writes[mesh.live[0]])
        else:
            self._engine = machine.mesh_engine(mesh, config, trace=traced, waved=waved)
            edge = MeshEdge(self._engine, mesh, mesh.edges[-1])
            self.hosts, self._load = edge.hosts, edge.load

    def load(self, writes: Mapping[Place, Images]) -> None:
        self._load(writes)
        self._kept.enter_context(recording(self._engine, self._wish))

    @property
    def cycle(self) -> int:
        return self._engine.cycle

    def close(self) -> None:
        try:
            self._kept.close()
        finally:
            self._engine.close()


class Simulated:
    """A mesh on the simulator."""

    name, cycle = "the simulator", None

    def __init__(self, mesh: MeshConfig, config: str, seed: int) -> None:
        simulated = Mesh(mesh, get_config(config), seed, strict=True)
        edge = SimulatedEdge(simulated, mesh.edges[-1])
        self.hosts: Mapping[Place, BlockingHost] = edge.hosts
        self.load = edge.load

    def close(self) -> None:
        """Nothing is held."""


class Mismatch(AssertionError):
    """RTL and golden differ: step, tensor, index, both values and bit patterns, and the command that reruns it.

    ``cycles``: first cycle of what ran last, counted from the end of loading, and the one after its last.
    """

    def __init__(self, text: str, cycles: tuple[int, int] = (0, 0)) -> None:
        super().__init__(text)
        self.cycles = cycles


def layouts(options: Options) -> MeshLayout:
    """What the nodes of a training have where."""
    config = get_config(options.config)
    return MeshLayout(options.model, options.mesh, config, options.batch, options.rate, options.shards, options.threads)


def program(options: Options) -> Program:
    """What the first node runs."""
    return next(iter(layouts(options).layouts.values())).program


class Nodes:
    """The workload on the nodes of a machine."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.mesh = layouts(options)
        simulated = options.engine == "iss"
        self.machine: Machine = (
            Simulated(options.mesh, options.config, options.seed)
            if simulated
            else Engined(options.mesh, options.config, self._wish())
        )
        self.first = self.begun = self.machine.cycle or 0
        self.last_step = (0, 0)

    def _wish(self) -> Wish | None:
        options = self.options
        if not options.waves and not options.record:
            return None
        first, last = options.window
        programs = [layout.program for layout in self.mesh.layouts.values()]
        several = options.mesh if len(programs) > 1 else None
        where = f"{options.mesh_name} of {options.config}" if several else options.config
        title = f"training {options.workload} on {where}"
        return Wish(options.record, options.waves, first or 0, last, title, programs, several, scopes=options.scopes)

    @property
    def simulated(self) -> int:
        """Cycles simulated in this process."""
        return (self.machine.cycle or 0) - self.first

    def begin(self, state: Mapping[str, NDArray]) -> None:
        self.machine.load({place: self.mesh.initial(place, state) for place in self.machine.hosts})
        self.begun = self.machine.cycle or 0

    def step(self, inputs: Mapping[str, NDArray]) -> int:
        """One training step; cycles from its first start packet to the last answer."""
        return self._run(inputs, "train")

    def _run(self, inputs: Mapping[str, NDArray], entry: str) -> int:
        hosts = self.machine.hosts
        for place, host in hosts.items():
            host.write(self.mesh.layouts[place].inputs(inputs))
        before = self.machine.cycle or 0
        for place, host in hosts.items():
            host.start(getattr(self.mesh.layouts[place], entry))
        for place, host in hosts.items():
            host.wait(len(getattr(self.mesh.layouts[place], entry)))
        after = self.machine.cycle or 0
        self.last_step = before - self.begun, after - self.begun
        return after - before

    def compare(self, step: int, expected: Mapping[str, NDArray]) -> int:
        """Everything that a step keeps or puts out on any node against golden; how many elements."""
        compared = 0
        for place, layout in self.mesh.layouts.items():
            for tensor in layout.step.compared:
                self._check(f"step {step}", place, tensor.name, expected[tensor.name])
                compared += expected[tensor.name].size
        return compared

    def classify(self, first: int, inputs: Mapping[str, NDArray], expected: Mapping[str, NDArray]) -> None:
        """A forward pass; every logit compared."""
        self._run(inputs, "forward")
        for place, layout in self.mesh.layouts.items():
            for tensor in layout.step.logits:
                self._check(f"held-out image {first} on", place, tensor.name, expected[tensor.name])

    def _check(self, when: str, place: Place, name: str, expected: NDArray) -> None:
        got = self.machine.hosts[place].read_matrix(self.mesh.layouts[place].matrices[name])
        wrong = np.argwhere(got != expected)
        if not len(wrong):
            return
        index = tuple(int(i) for i in wrong[0])
        width = got.dtype.itemsize * 2
        options = self.options
        where = f" of node {place[0]},{place[1]}" if len(self.machine.hosts) > 1 else ""
        text = (
            f"{when}: {name}{list(index)}{where} is {_number(got[index])} (0x{int(got[index]):0{width}x}) on {self.machine.name}, "
            f"{_number(expected[index])} (0x{int(expected[index]):0{width}x}) in golden; {len(wrong)} of {got.size} elements differ"
        )
        steps = when.split()[1] if when.startswith("step") else options.steps
        if len(self.machine.hosts) > 1:
            text += f"\nrerun: .venv/bin/python -m sim train --steps {steps} {options.flags}"
        elif options.engine == "rtl":
            again = f"WORKLOAD={options.workload} SEED={options.seed} BATCH={options.batch} SHARDS={options.shards} STEPS={steps}"
            again += f" THREADS={options.threads}" if options.threads != THREADS else ""
            text += f"\nrerun with waves: make waves {again}"
        raise Mismatch(text, self.last_step)


def _number(bits: NDArray) -> float:
    """What one element's bit pattern means: FP32, BF16 or a byte."""
    return float(bits) if bits.itemsize == 1 else float(bits_f32(np.uint32(int(bits) << 8 * (4 - bits.itemsize))))

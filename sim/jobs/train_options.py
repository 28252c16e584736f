"""What a person asks of a training: workload, steps, batch, engine, mesh, shards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from golden.arch.config import get_config
from golden.arch.isa import THREADS
from golden.arch.mesh import MeshConfig
from golden.workloads import shards
from golden.workloads import workload as workloads
from golden.workloads.graph import Step
from golden.workloads.workload import Workload

ENGINES = ("rtl", "iss", "golden")
DEFAULT = "digits-mlp"
ONE = MeshConfig(1, 1)


@dataclass(frozen=True)
class Options:
    """What to train, and how; steps, batch and rate are the workload's unless given."""

    workload: str = DEFAULT
    steps: int | None = None
    batch: int | None = None
    rate: float | None = None
    seed: int = 0
    engine: str = "rtl"
    config: str = "d1"
    mesh: MeshConfig = ONE
    format: str = "bf16"
    shards: int | None = None  # as few as the mesh needs
    threads: int = THREADS  # of a node, which share a step
    latest: Path = Path("build/sim")  # names the newest finished run; checkpoints lie beside it
    resume: bool = False
    waves: Path | None = None
    record: Path | None = None
    window: tuple[int | None, int | None] = (None, None)  # cycles of the training that waves show and events are kept of
    scopes: tuple[str, ...] = ()  # of a node that waves show; all when there are none

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "rate"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, getattr(self.model, name))
        if self.engine not in ENGINES:
            raise ValueError(f"no engine {self.engine!r}: there are {', '.join(ENGINES)}")
        get_config(self.config)
        nodes = len(self.mesh.live)
        if self.shards is None:
            object.__setattr__(self, "shards", shards.default(nodes))
        self.model.step(self.batch, self.rate)
        shards.check(self.batch, self.shards, nodes)
        if not 1 <= self.threads <= THREADS:
            raise ValueError(f"{self.threads} threads share no step: a node has 1 to {THREADS}")
        if self.steps < 1:
            raise ValueError(f"{self.steps} steps train nothing: at least 1")
        self.step()

    @property
    def model(self) -> Workload:
        return workloads.named(self.workload, self.format)

    def step(self) -> Step:
        """The training step; ValueError when there is no such workload, batch or rate."""
        return self.model.step(self.batch, self.rate, self.shards)

    @property
    def mesh_name(self) -> str:
        """Columns x rows."""
        return f"{self.mesh.columns}x{self.mesh.rows}"

    @property
    def flags(self) -> str:
        """What decides about every bit of the run, as ``python -m sim train`` takes it."""
        what = f"--workload {self.workload} --batch {self.batch} --rate {self.rate!r} --seed {self.seed}"
        more = f" --mesh {self.mesh_name}" if self.mesh != ONE else ""
        more += f" --format {self.format}" if self.format != "bf16" else ""
        more += f" --shards {self.shards}" if self.shards != shards.default(len(self.mesh.live)) else ""
        more += "".join([" --dead", *(f" {x},{y}" for x, y in sorted(self.mesh.dead))]) if self.mesh.dead else ""
        return f"{what} --engine {self.engine} --config {self.config}{more}"

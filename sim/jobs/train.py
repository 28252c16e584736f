"""Training a workload on the RTL, every weight compared with golden after every step.

A run can be interrupted: the checkpoint holds the machine and golden's weights, and ``resume`` goes on from there.
"""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.arch.config import get_config
from golden.numerics.convert import bits_f32
from golden.workloads import data, digits_mlp
from sim.engine.binding import Engine
from sim.files import whole
from sim.jobs import machine
from sim.jobs.host import Host
from sim.jobs.run import MACS_PER_CYCLE

WORKLOADS = ("digits-mlp",)
ENGINES = ("rtl", "golden")


@dataclass(frozen=True)
class Options:
    """What to train, and how."""

    workload: str = "digits-mlp"
    steps: int = digits_mlp.STEPS
    batch: int = digits_mlp.BATCH
    seed: int = 0
    engine: str = "rtl"
    config: str = "d1"
    latest: Path = Path("build/sim")  # names the newest finished run; checkpoints lie beside it
    resume: bool = False
    waves: Path | None = None

    def __post_init__(self) -> None:
        if self.workload not in WORKLOADS:
            raise ValueError(f"no workload {self.workload!r}: there is {', '.join(WORKLOADS)}")
        if self.engine not in ENGINES:
            raise ValueError(f"no engine {self.engine!r}: there are {', '.join(ENGINES)}")
        get_config(self.config)
        if self.steps < 1:
            raise ValueError(f"{self.steps} steps train nothing: at least 1")
        if not 1 <= self.batch <= 1024:
            raise ValueError(f"a batch of {self.batch} does not exist: 1 to 1024")

    @property
    def flags(self) -> str:
        """What decides about every bit of the run, as ``python -m sim train`` takes it."""
        return f"--workload {self.workload} --batch {self.batch} --seed {self.seed} --engine {self.engine} --config {self.config}"


class Mismatch(AssertionError):
    """RTL and golden differ: step, tensor, index, both values and bit patterns, and the command that reruns it."""


@dataclass
class Outcome:
    """What a run leaves behind."""

    weights: digits_mlp.Weights
    loss: list[float] = field(default_factory=list)
    cycles: list[int] = field(default_factory=list)
    compared: int = 0
    accuracy: float = 0.0
    simulated: int = 0
    seconds: float = 0.0
    interrupted: bool = False


Progress = Callable[[int, float, int], None]
"""Called when all is ready and after every step: steps done, loss, simulated cycles in this process."""


def train(options: Options, progress: Progress) -> Outcome:
    """Train and classify; stops at the first difference between RTL and golden (Mismatch)."""
    digits = data.load_digits()
    images, tests = digits_mlp.with_ones(digits.train_images), digits_mlp.with_ones(digits.test_images)
    order = data.batches(len(images), options.batch, options.seed)
    outcome = _restore(options) if options.resume else Outcome(digits_mlp.initial_weights(options.seed))
    for _ in outcome.loss:
        next(order)
    node = _Rtl(options) if options.engine == "rtl" else None
    rate = np.float32(digits_mlp.RATE).view(np.uint32)
    started = time.perf_counter()
    try:
        if node:
            node.begin(outcome.weights)
        progress(len(outcome.loss), float("nan"), 0)
        while len(outcome.loss) < options.steps:
            chosen = next(order)
            x, y = images[chosen], digits.train_labels[chosen]
            labels = digits_mlp.softmax.labels(y, options.batch)
            weights, loss = digits_mlp.train_step(outcome.weights, x, labels, rate)
            done = replace(outcome, weights=weights, loss=[*outcome.loss, float(bits_f32(loss).astype(np.float64).sum())])
            if node:
                done.cycles = [*outcome.cycles, node.step(x, y)]
                done.compared += node.compare(len(done.loss), weights, loss)
                done.simulated = node.simulated
            outcome = done  # at once: an interruption finds the step done, or not begun
            progress(len(outcome.loss), outcome.loss[-1], outcome.simulated)
        classes = node.classify(outcome.weights, tests) if node else digits_mlp.classify(digits_mlp.forward(outcome.weights, tests)[1])
        outcome.accuracy = float((classes == digits.test_labels).mean())
        if options.resume:
            checkpoint_file(options).unlink(missing_ok=True)
    except KeyboardInterrupt:
        outcome.interrupted = True
        _checkpoint(options, outcome)
    finally:
        outcome.seconds = time.perf_counter() - started
        if node:
            outcome.simulated = node.simulated
            node.engine.close()
    return outcome


class _Rtl:
    """The workload on one node in the C++ engine."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.layout = digits_mlp.Machine(get_config(options.config), options.batch)
        self.engine: Engine = machine.engine(options.config, waves=options.waves)
        self.host = Host(self.engine)
        self.first = self.engine.cycle

    @property
    def simulated(self) -> int:
        """Cycles simulated in this process."""
        return self.engine.cycle - self.first

    def begin(self, weights: digits_mlp.Weights) -> None:
        self.host.write(self.layout.initial(weights))

    def step(self, x: NDArray[np.uint16], labels: NDArray[np.int64]) -> int:
        """One training step; cycles from its start packet to the answer."""
        self.host.write(self.layout.batch_inputs(x, labels))
        before = self.engine.cycle
        self.host.run([self.layout.train])
        return self.engine.cycle - before

    def compare(self, step: int, weights: digits_mlp.Weights, loss: NDArray[np.uint32]) -> int:
        """Every weight, copy and loss of the node against golden; how many elements."""
        copies = weights.copies()
        expected = {"W1": weights.w1, "W2": weights.w2, "W1_bf16": copies[0], "W2_bf16": copies[1], "loss": loss[None]}
        compared = 0
        for name, matrix in self.layout.weights().items():
            self._check(f"step {step}", name, self.host.read_matrix(matrix), expected[name])
            compared += expected[name].size
        return compared

    def classify(self, weights: digits_mlp.Weights, images: NDArray[np.uint16]) -> NDArray[np.int64]:
        """Classes of images by forward passes on the node; every logit compared."""
        classes = []
        for start in range(0, len(images), self.options.batch):
            part = images[start : start + self.options.batch]
            self.host.write(self.layout.batch_inputs(part))
            self.host.run([self.layout.infer])
            logits = self.host.read_matrix(self.layout.zt)[:, : len(part)]
            self._check(f"held-out image {start} on", "Zt", logits, digits_mlp.forward(weights, part)[1])
            classes.append(digits_mlp.classify(logits))
        return np.concatenate(classes)

    def _check(self, when: str, name: str, got: NDArray, expected: NDArray) -> None:
        wrong = np.argwhere(got != expected)
        if not len(wrong):
            return
        index = tuple(int(i) for i in wrong[0])
        width = got.dtype.itemsize * 2
        as_float = (lambda bits: bits_f32(np.uint32(int(bits) << (16 if width == 4 else 0)))) if got.dtype != np.uint8 else float
        options = self.options
        steps = when.split()[1] if when.startswith("step") else options.steps
        raise Mismatch(
            f"{when}: {name}{list(index)} is {as_float(got[index])} (0x{int(got[index]):0{width}x}) on the RTL, "
            f"{as_float(expected[index])} (0x{int(expected[index]):0{width}x}) in golden; {len(wrong)} of {got.size} elements differ\n"
            f"rerun with waves: make waves WORKLOAD={options.workload} SEED={options.seed} BATCH={options.batch} STEPS={steps}"
        )


# --- checkpoints ---------------------------------------------------------------------------------------------------------------
# Between two steps the weights are the whole state: the host writes everything else anew. So a checkpoint is small, does not depend on
# where in a step the interruption came, and the resumed run computes the same bits.


def checkpoint_file(options: Options) -> Path:
    """Where an interrupted run leaves its state: a file per set of flags, which no other run touches."""
    name = "-".join(options.flags.split()[1::2])
    return options.latest.parent / "checkpoints" / f"{name}.npz"


def _save(path: Path, **arrays: Any) -> Path:
    # An open file, because NumPy gives a name without .npz that ending.
    with whole(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)
    return path


def _checkpoint(options: Options, outcome: Outcome) -> None:
    """The state after the last complete step."""
    _save(
        checkpoint_file(options),
        flags=options.flags,
        w1=outcome.weights.w1,
        w2=outcome.weights.w2,
        loss=outcome.loss,
        cycles=outcome.cycles,
        compared=outcome.compared,
    )


def _restore(options: Options) -> Outcome:
    path = checkpoint_file(options)
    if not path.is_file():
        others = ", ".join(other.stem for other in sorted(path.parent.glob("*.npz"))) or "none"
        raise ValueError(f"there is no checkpoint {path} to resume from (others: {others}): train without --resume")
    try:
        with path.open("rb") as file, np.load(file) as saved:
            flags = str(saved["flags"])
            weights = digits_mlp.Weights(saved["w1"], saved["w2"])
            loss, cycles = saved["loss"].tolist(), saved["cycles"].tolist()
            outcome = Outcome(weights, loss, cycles, compared=int(saved["compared"]))
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no checkpoint of this program ({error}): train without --resume") from None
    if flags != options.flags:
        raise ValueError(f"the checkpoint {path} belongs to another run: go on with {flags}, or train without --resume")
    if len(loss) > options.steps:
        raise ValueError(f"the checkpoint {path} is past step {options.steps}: give --steps {len(loss)} or more")
    return outcome


def save_weights(folder: Path, outcome: Outcome) -> Path:
    """The trained weights as float32 arrays W1, W2 in an .npz file."""
    return _save(folder / "weights.npz", W1=bits_f32(outcome.weights.w1), W2=bits_f32(outcome.weights.w2))


def report(options: Options, outcome: Outcome) -> dict[str, Any]:
    """The fields of report.json."""
    cycles = sum(outcome.cycles)
    macs = digits_mlp.macs(options.batch) * len(outcome.cycles)
    return {
        "workload": options.workload,
        "mesh": "1x1",
        "format": "bf16",
        "seed": options.seed,
        "steps": len(outcome.loss),
        "batch": options.batch,
        "engine": options.engine,
        "mismatches": 0,
        "weights_compared": outcome.compared,
        "loss": outcome.loss,
        "test_accuracy": outcome.accuracy,
        "cycles": cycles,
        "macs": macs,
        "utilisation": macs / MACS_PER_CYCLE / cycles if cycles else None,
        "sim_khz": outcome.simulated / outcome.seconds / 1e3 if outcome.simulated else None,
        "wall_s": outcome.seconds,
    }

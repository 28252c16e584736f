"""Training a workload on the RTL, everything that it keeps or puts out compared with golden after every step.

A run can be interrupted: the checkpoint holds golden's state, and ``resume`` goes on from there.
"""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.kernels.placement import DTYPES
from golden.numerics.convert import bits_f32
from golden.workloads.graph import Step
from sim.files import whole
from sim.jobs.run import MACS_PER_CYCLE
from sim.jobs.train_nodes import Nodes
from sim.jobs.train_options import Options


@dataclass
class Outcome:
    """What a run leaves behind.

    Attributes
    ----------
    state : bit patterns of what a checkpoint holds, by tensor.
    accuracy : share of the held-out data that is classified rightly; None when it was not classified.
    diverged : the sentence that says so, None for a training whose numbers stayed finite.
    """

    state: Mapping[str, NDArray]
    loss: list[float] = field(default_factory=list)
    cycles: list[int] = field(default_factory=list)
    compared: int = 0
    accuracy: float | None = None
    held_out: int = 0
    diverged: str | None = None
    simulated: int = 0
    seconds: float = 0.0
    interrupted: bool = False


Progress = Callable[[int, float, int], None]
"""Called when all is ready and after every step: steps done, loss, simulated cycles in this process."""


def train(options: Options, progress: Progress) -> Outcome:
    """Train and classify; stops at the first difference between RTL and golden (Mismatch), and at the first step that is not finite."""
    workload, step = options.model, options.step()
    batches = workload.training(options.batch, options.seed)
    outcome = _restore(options, step) if options.resume else Outcome(step.begin(workload.initial(step, options.seed)))
    for _ in outcome.loss:
        next(batches)
    node = None if options.engine == "golden" else Nodes(options)
    started = time.perf_counter()
    try:
        if node:
            node.begin(step.state(outcome.state))
        progress(len(outcome.loss), float("nan"), 0)
        while len(outcome.loss) < options.steps and not outcome.diverged:
            # At once: an interruption finds the step done, or not begun.
            outcome = advance(options, step, outcome, next(batches), node)
            progress(len(outcome.loss), outcome.loss[-1], outcome.simulated)
        if not outcome.diverged:
            outcome.accuracy, outcome.held_out = _classify(options, step, outcome, node)
        if options.resume:
            checkpoint_file(options).unlink(missing_ok=True)
    except KeyboardInterrupt:
        outcome.interrupted = True
        _checkpoint(options, outcome)
    finally:
        outcome.seconds = time.perf_counter() - started
        if node:
            outcome.simulated = node.simulated
            node.machine.close()
    return outcome


def advance(options: Options, step: Step, outcome: Outcome, inputs: Mapping[str, NDArray], node: Nodes | None) -> Outcome:
    """The outcome after one more step, compared with what nodes computed if there are any."""
    inputs = step.prepare(outcome.state, inputs, len(outcome.loss), options.seed)
    values = step.reference({**step.state(outcome.state), **inputs})
    done = replace(outcome, state=step.kept(outcome.state, values))
    done.loss = [*outcome.loss, step.loss_of(values)]
    if node:
        done.cycles = [*outcome.cycles, node.step(inputs)]
        done.compared += node.compare(len(done.loss), values)
        done.simulated = node.simulated
    if wrong := step.not_finite(values):
        came = f"written by {wrong.call}" if wrong.call else "an input"
        done.diverged = (
            f"training diverged at step {len(done.loss)}: {wrong.tensor} ({came}) is the first tensor with NaN or Inf in it; "
            f"try a learning rate below {options.rate:g}"
        )
    return done


def _classify(options: Options, step: Step, outcome: Outcome, node: Nodes | None) -> tuple[float, int]:
    """Share of the held-out data that is classified rightly, and how much data that is."""
    right = total = 0
    state = step.state(outcome.state)
    for images, labels in options.model.held_out(options.batch):
        inputs = step.prepare(outcome.state, images, len(outcome.loss), options.seed)
        values = step.reference({**state, **inputs}, step.calls[: step.forward])
        logits = step.logits_of(values)
        if node:
            node.classify(total, inputs, values)
        right += int((options.model.classes(logits)[: len(labels)] == labels).sum())
        total += len(labels)
    return right / total, total


# --- checkpoints ---------------------------------------------------------------------------------------------------------------
# Between two steps the weights are the whole state: the host writes everything else anew. So a checkpoint is small, does not depend on
# where in a step the interruption came, and the resumed run computes the same bits.


_SAVED = "state."  # what a tensor's name has before it


def checkpoint_file(options: Options) -> Path:
    """Where an interrupted run leaves its state: a file per set of flags, which no other run touches."""
    name = "-".join(word for word in options.flags.split() if not word.startswith("--"))
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
        loss=outcome.loss,
        cycles=outcome.cycles,
        compared=outcome.compared,
        **{_SAVED + name: bits for name, bits in outcome.state.items()},
    )


def _restore(options: Options, step: Step) -> Outcome:
    path = checkpoint_file(options)
    if not path.is_file():
        others = ", ".join(other.stem for other in sorted(path.parent.glob("*.npz"))) or "none"
        raise ValueError(f"there is no checkpoint {path} to resume from (others: {others}): train without --resume")
    try:
        with path.open("rb") as file, np.load(file) as saved:
            flags = str(saved["flags"])
            loss, cycles, compared = saved["loss"].tolist(), saved["cycles"].tolist(), int(saved["compared"])
            state = {key.removeprefix(_SAVED): saved[key] for key in saved.files if key.startswith(_SAVED)}
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no checkpoint of this program ({error}): train without --resume") from None
    if flags != options.flags:
        raise ValueError(f"the checkpoint {path} belongs to another run: go on with {flags}, or train without --resume")
    shapes = {tensor.name: ((tensor.rows, tensor.columns), DTYPES[tensor.format]) for tensor in step.saved}
    if {name: (bits.shape, bits.dtype) for name, bits in state.items()} != shapes:
        raise ValueError(f"{path} is no checkpoint of this program (it does not hold {', '.join(shapes)}): train without --resume")
    if len(loss) > options.steps:
        raise ValueError(f"the checkpoint {path} is past step {options.steps}: give --steps {len(loss)} or more")
    return Outcome(state, loss, cycles, compared=compared)


def save_weights(folder: Path, outcome: Outcome) -> Path:
    """The trained state, as float32 arrays by tensor in an .npz file."""
    masters = {name: bits_f32(bits) for name, bits in outcome.state.items() if bits.dtype == np.uint32}
    return _save(folder / "weights.npz", **masters)


def report(options: Options, outcome: Outcome) -> dict[str, Any]:
    """The fields of report.json; what there is not is None."""
    cycles = sum(outcome.cycles)
    macs = options.step().macs * len(outcome.cycles)
    return {
        "workload": options.workload,
        "config": options.config,
        "mesh": options.mesh_name,
        "shards": options.shards,
        "format": options.format,
        "seed": options.seed,
        "steps": len(outcome.loss),
        "batch": options.batch,
        "rate": options.rate,
        "engine": options.engine,
        "mismatches": 0,
        "weights_compared": outcome.compared,
        "loss": outcome.loss,
        "diverged": outcome.diverged,
        "test_accuracy": outcome.accuracy,
        "cycles": cycles,
        "macs": macs,
        "utilisation": macs / MACS_PER_CYCLE / len(options.mesh.live) / cycles if cycles else None,
        "sim_khz": outcome.simulated / outcome.seconds / 1e3 if outcome.simulated else None,
        "wall_s": outcome.seconds,
    }

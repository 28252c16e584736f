"""Where the matrix unit's cycles go, kernel by kernel of a workload; the causes add up to the cycles exactly.

Each kernel of one training step runs from its own entry point, in the order of the step, on the data that the kernels before it left.
"""

from __future__ import annotations

from typing import Any

from golden.arch.config import get_config
from golden.arch.memmap import Counter
from golden.workloads import data, digits_mlp
from sim.jobs import machine
from sim.jobs.host import Host
from sim.jobs.train import Options

CAUSES = {
    "step": Counter.MATRIX_STEPS,
    "load": Counter.MATRIX_WAIT_LOAD,
    "drain": Counter.MATRIX_WAIT_DRAIN,
    "simd": Counter.MATRIX_WAIT_SIMD,
    "front end": Counter.MATRIX_WAIT_FRONT,
    "synchronisation": Counter.MATRIX_WAIT_SYNC,
}


class AccountError(AssertionError):
    """The causes of a phase do not add up to its cycles: a bug in the counters."""


def profile(options: Options, warm_steps: int = 1) -> list[dict[str, Any]]:
    """Rows {name, cycles, causes}, one per kernel of a training step after ``warm_steps`` steps."""
    digits = data.load_digits()
    images = digits_mlp.with_ones(digits.train_images)
    order = data.batches(len(images), options.batch, options.seed)
    layout = digits_mlp.Machine(get_config(options.config), options.batch)
    with machine.engine(options.config) as engine:
        host = Host(engine)
        host.write(layout.initial(digits_mlp.initial_weights(options.seed)))
        for _ in range(warm_steps):
            chosen = next(order)
            host.write(layout.batch_inputs(images[chosen], digits.train_labels[chosen]))
            host.run([layout.train])
        chosen = next(order)
        host.write(layout.batch_inputs(images[chosen], digits.train_labels[chosen]))
        rows = []
        for name, launch in layout.phases.items():
            before = host.counters()
            host.run([launch])
            after = host.counters()
            rows.append(account(name, {counter: after[counter] - before[counter] for counter in Counter}))
    return rows


def account(name: str, spent: dict[Counter, int]) -> dict[str, Any]:
    """One row from differences of counters read in one line; the time in which no thread ran is not the kernel's."""
    cycles = spent[Counter.CYCLES] - spent[Counter.MATRIX_IDLE]
    causes = {cause: spent[counter] for cause, counter in CAUSES.items()}
    if sum(causes.values()) != cycles:
        raise AccountError(f"{name}: causes {causes} add up to {sum(causes.values())}, not to {cycles} cycles")
    return {"name": name, "cycles": cycles, "causes": causes}

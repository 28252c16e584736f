"""Where the matrix unit's cycles go, kernel by kernel of a workload; the causes add up to the cycles exactly.

Each kernel of one training step runs from its own entry point on one thread, in the order of the step, on the data that the kernels before
it left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from golden.arch.config import get_config
from golden.arch.memmap import Counter
from golden.kernels.job import Launch
from sim.events.causes import CAUSES
from sim.events.recorder import MOST_EVENTS, Wish, recording
from sim.jobs import machine
from sim.jobs.host import Host
from sim.jobs.train_options import Options

STEP = "step"
FIGURES = {"accesses": Counter.RETIRED_VECTOR_MEMORY, "simd": Counter.RETIRED_SIMD, "conflicts": Counter.SRAM_CONFLICTS}
"""What a row says beside cycles: vector loads, stores and drains; SIMD operations; lanes that asked a bank in vain."""


class AccountError(AssertionError):
    """The causes of a phase do not add up to its cycles: a bug in the counters."""


def profile(options: Options, warm_steps: int = 1, record: Wish | None = None) -> list[dict[str, Any]]:
    """Rows of ``account``: one per kernel of a training step after ``warm_steps`` steps, and STEP, the next step as a whole.

    ``record``: what is kept of STEP.
    """
    layout = options.model.layout(get_config(options.config), options.batch, options.rate, threads=options.threads)
    batches = options.model.training(options.batch, options.seed)
    with machine.engine(options.config, trace=record is not None) as engine:
        host = Host(engine)
        host.write(layout.initial(layout.step.state(options.model.initial(layout.step, options.seed))))
        for _ in range(warm_steps):
            host.write(layout.inputs(next(batches)))
            host.run(layout.train)

        def measure(name: str, launches: Sequence[Launch]) -> dict[str, Any]:
            before = host.counters()
            host.run(launches)
            after = host.counters()
            return account(name, {counter: after[counter] - before[counter] for counter in Counter})

        host.write(layout.inputs(next(batches)))
        rows = [measure(name, [launch]) for name, launch in layout.phases.items()]
        host.write(layout.inputs(next(batches)))
        with recording(engine, record and replace(record, program=layout.program, title=f"a step of {options.workload}")):
            step = measure(STEP, layout.train)
        return [*rows, step]


def as_it_runs(kernels: list[dict[str, Any]], window: tuple[int, int], step: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows {name, cycles, causes} of the recorded STEP by kernel, as `sim.events.phases` has them; AccountError unless they add up to it.

    A recording that holds less than the step accounts for what it holds.
    """
    every = sum(row["cycles"] for row in kernels)
    if window[1] - window[0] < MOST_EVENTS and every != step["cycles"]:
        raise AccountError(f"the events of the step account for {every} cycles, its counters for {step['cycles']}")
    return kernels


def total(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The kernels' rows added up."""
    return {
        "name": "all",
        "cycles": sum(row["cycles"] for row in rows),
        "causes": {c: sum(row["causes"][c] for row in rows) for c in CAUSES},
        **{name: sum(row[name] for row in rows) for name in FIGURES},
    }


def overlap(rows: list[dict[str, Any]], step: dict[str, Any]) -> str:
    """Why the kernels' cycles add up to more than a step takes, with the figures."""
    alone = total(rows)["cycles"]
    return (
        f"a step takes {step['cycles']} cycles, the {len(rows)} kernels one by one on one thread {alone}: each of them begins with a start "
        f"and ends when its last store is done, but in a step others run meanwhile ({alone - step['cycles']} cycles saved); "
        "training counts from the host's packet to the answer, which takes some more"
    )


def account(name: str, spent: dict[Counter, int]) -> dict[str, Any]:
    """One row {name, cycles, causes, and ``FIGURES``} from differences of counters read at once; the time in which no thread ran is not
    the kernel's.
    """
    cycles = spent[Counter.CYCLES] - spent[Counter.MATRIX_IDLE]
    causes = {cause: spent[counter] for cause, counter in CAUSES.items()}
    if sum(causes.values()) != cycles:
        raise AccountError(f"{name}: causes {causes} add up to {sum(causes.values())}, not to {cycles} cycles")
    return {"name": name, "cycles": cycles, "causes": causes, **{figure: spent[counter] for figure, counter in FIGURES.items()}}

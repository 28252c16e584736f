"""Litmus programs on RTL and simulator, many times each, disturbed: every outcome that was seen, and whether it is allowed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from golden import litmus
from golden.arch.config import NodeConfig, get_config
from golden.litmus import TABLE, Litmus, Outcome, Run, disturbed, results_of
from sim.engine.binding import Engine
from sim.jobs import machine
from sim.jobs.host import Host

LIMIT = 50_000  # cycles of one run


@dataclass
class Seen:
    """Outcomes of a program by count, of each machine."""

    litmus: Litmus
    rtl: Counter[Outcome] = field(default_factory=Counter)
    iss: Counter[Outcome] = field(default_factory=Counter)

    @property
    def wrong(self) -> list[Outcome]:
        return sorted({*self.rtl, *self.iss} - self.litmus.allowed)


def chosen(names: Sequence[str]) -> list[Litmus]:
    """Programs whose names hold one of these texts (all without any); ValueError when a text fits none."""
    for name in names:
        if not any(name in each.name for each in TABLE):
            raise ValueError(f"no litmus program {name!r}: there are {', '.join(each.name for each in TABLE)}")
    return [each for each in TABLE if not names or any(name in each.name for name in names)]


def run_all(
    programs: Sequence[Litmus], runs: int, seed: int, config: str = "tiny", say: Callable[[Seen], None] = lambda seen: None
) -> list[Seen]:
    """Each program ``runs`` times on both machines; ``say`` hears of each when it is done. ValueError for no runs."""
    if runs < 1:
        raise ValueError(f"{runs} runs show nothing: at least 1")
    found, known = [], get_config(config)
    for each in programs:
        # One that breaks a rule may leave a semaphore: none of the others may begin there.
        with machine.engine(config, trace=True) as engine:
            found.append(run_one(each, runs, seed, known, engine))
        say(found[-1])
    return found


def run_one(each: Litmus, runs: int, seed: int, config: NodeConfig, engine: Engine | None) -> Seen:
    """One program; on the simulator alone without an engine."""
    seen = Seen(each)
    for number in range(runs):
        rng = random.Random(f"litmus/{each.name}/{seed}/{number}")
        run = disturbed(each, rng)
        seen.iss[litmus.simulated(run, config, rng)] += 1
        if engine:
            seen.rtl[on_rtl(run, engine)] += 1
    return seen


def on_rtl(run: Run, engine: Engine) -> Outcome:
    """The outcome on the RTL. HostError when it never ends."""
    host = Host(engine, limit=LIMIT)
    host.write(run.memory)
    host.flush()
    host.run(run.launches)
    return run.outcome({t: host.read(results_of(t), 64) for t in range(len(run.litmus.threads))})


COLUMNS = ("program", "rule", "RTL", "simulator", "allowed, not seen", "forbidden", "seen in spite of it")


def table(found: Sequence[Seen]) -> list[list[str]]:
    """Rows for people; the outcomes of each machine by count."""
    rows = []
    for seen in found:
        each = seen.litmus
        never = each.allowed - {*seen.rtl, *seen.iss}
        rows.append([each.name, each.short, _counts(seen.rtl), _counts(seen.iss), _list(never), each.forbidden, _list(seen.wrong)])
    return rows


def told(seen: Seen, seed: int, runs: int, config: str) -> str:
    """A program with an outcome that may not be: its rule, its threads, and how to have it again."""
    each = seen.litmus
    threads = [f"  thread {t}: {text}" for t, text in enumerate(each.threads)]
    where = " and ".join(name for name, counts in (("the RTL", seen.rtl), ("the simulator", seen.iss)) if set(counts) - each.allowed)
    again = f".venv/bin/python -m sim litmus '{each.name}' --runs {runs} --seed {seed} --config {config}"
    head = f"{each.name}: {' and '.join(each.observed)} came out as {_list(seen.wrong)} on {where}, against the rule: {each.rule}"
    return "\n".join([head, *threads, f"this again: {again}"])


def _counts(outcomes: Counter[Outcome]) -> str:
    return "  ".join(f"{','.join(outcome)}: {count}" for outcome, count in sorted(outcomes.items()))


def _list(outcomes: Iterable[Outcome]) -> str:
    return "  ".join(",".join(outcome) for outcome in sorted(outcomes))

"""Many random programs on the RTL against the simulator in one engine, and what of the machine they exercised.

Every program has four threads. A thread of every ``FAULT_EVERY``-th ends in a fault, the causes in turn. What one node alone cannot do is
left to meshes: programs of nodes that send to each other, in every other one of which a request is refused.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from golden.arch import isa
from golden.arch.config import NodeConfig, get_config
from golden.arch.mesh import MeshConfig
from golden.arch.simd_ops import SIMD_OPS, SimdOp
from golden.coverage import groups
from golden.host import HostError
from golden.iss.node import HangError
from golden.lockstep import Difference, Result
from golden.rig import FAULTS, MeshRig, Rig
from golden.rig.steer import wanted
from sim.engine.binding import Engine
from sim.jobs import machine, mesh_lockstep
from sim.jobs.random_program import again, compared, cut_down
from sim.suite.buckets import signature

LEAST = 500
"""Instructions that a program must retire to count as one."""
FAULT_EVERY = 4
MOST_FAILURES = 10
"""Programs that differ, after which the rest is not run."""
MESH, MESH_LENGTH = MeshConfig(2, 1), 60
REQUIRED = ("instructions", "faults")
"""Groups of golden.coverage of which every point must be exercised."""
OF_BENCHES = ("router", "banks")
"""Groups that the benches of a router and an SRAM exercise."""
COVERING = 500
"""Programs from which on that is demanded."""
SHOWN = 8
"""Points that are named on the screen where not all are demanded."""
Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Wish:
    """What is to be run; ``steer``: each program towards what those before it did not exercise.

    Raises
    ------
    ValueError
        When there is nothing to run, or the programs do not exist.
    """

    programs: int = 1000
    meshes: int = 20
    seed: int = 0
    length: int = 120
    config: str = "tiny"
    steer: bool = True

    def __post_init__(self) -> None:
        get_config(self.config)
        if self.programs < 0 or self.meshes < 0 or not self.programs + self.meshes:
            raise ValueError(f"{self.programs} programs and {self.meshes} meshes run nothing: at least 1 of either")
        if self.programs:
            program(self.seed, get_config(self.config), self.length).job()


    @property
    def covers(self) -> bool:
        """Whether there are so many programs that they must exercise everything."""
        return self.programs >= COVERING


@dataclass
class Campaign:
    """What ran: ``failures`` are texts with the line that runs a program again, ``points`` those of golden.coverage by count."""

    wish: Wish
    counted: int = 0
    meshes: int = 0
    short: int = 0
    retired: int = 0
    cycles: int = 0
    faults: int = 0
    points: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    seconds: float = 0.0

    @property
    def features(self) -> frozenset[str]:
        """Parts of the machine that the programs could use."""
        config = get_config(self.wish.config)
        return (config.with_network() if self.wish.meshes else config).features

    @property
    def missing(self) -> dict[str, list[str]]:
        """By group: points that nothing exercised."""
        return {name: sorted(known - set(self.points)) for name, known in self.groups.items()}

    @property
    def groups(self) -> dict[str, frozenset[str]]:
        """Points that programs can exercise."""
        return {name: known for name, known in groups(self.features).items() if name not in OF_BENCHES}

    @property
    def passed(self) -> bool:
        """No difference, everything ran that was asked for, and of enough programs every point of ``REQUIRED`` was hit."""
        ran = (self.counted, self.meshes) == (self.wish.programs, self.wish.meshes)
        return ran and not self.failures and not (self.wish.covers and any(self.missing[name] for name in REQUIRED))

    def add(self, result: Result) -> None:
        self.retired += result.retired
        self.cycles += result.cycles
        self.faults += len(result.faults)
        self.points.update(result.coverage.points)

    def differs(self, found: Difference, line: str, rig: Rig | None = None) -> str:
        """Keep a difference, and how it is had again; of a program of one node the first of its kind is cut down."""
        kind = signature(str(found))
        if kind in self.kinds:
            text = f"{str(found).splitlines()[0]}, as before"
        else:
            text = str(cut_down(rig, found) if rig else found)
        self.kinds.add(kind)
        self.failures.append(text if line in text else f"{text}\nthis again: {line}")
        return self.failures[-1]


def program(seed: int, config: NodeConfig, length: int, wanted: Collection[int] = ()) -> Rig:
    """The program of a seed; ``wanted``: points that it is steered to."""
    number, place = divmod(seed, FAULT_EVERY)
    fault = list(FAULTS)[number % len(FAULTS)] if place == FAULT_EVERY - 1 else None
    return Rig(seed, config, length, isa.THREADS, fault, wanted=wanted)


def campaign(wish: Wish, tell: Tell = lambda done, total: None, say: Callable[[str], None] = lambda text: None) -> Campaign:
    """Run everything; ``tell`` hears how many of how many programs have run, ``say`` of each difference at once."""
    made, started = Campaign(wish), time.perf_counter()
    _programs(made, tell, say)
    _meshes(made, tell, say)
    made.seconds = time.perf_counter() - started
    return made


def _programs(made: Campaign, tell: Tell, say: Callable[[str], None]) -> None:
    """Until as many programs as were wished have retired ``LEAST`` instructions; shorter ones ran beside them."""
    wish, config, seed = made.wish, get_config(made.wish.config), made.wish.seed
    engine: Engine | None = None
    try:
        while made.counted < wish.programs and len(made.failures) < MOST_FAILURES and made.short <= wish.programs:
            # A fault may leave a semaphore that no program clears: the next one begins on a fresh machine.
            engine = engine or machine.engine(config.name, trace=True)
            rig = program(seed, config, wish.length, wanted(made.points, config.features, seed) if wish.steer else ())
            seed += 1
            try:
                result = compared(rig.job(), config, engine)
            except Difference as found:
                say(made.differs(found, again(rig), rig))
                made.counted += 1
            else:
                made.add(result)
                made.counted += result.retired >= LEAST
                made.short += result.retired < LEAST
                if not result.faults:
                    tell(made.counted, wish.programs + wish.meshes)
                    continue
            engine.close()
            engine = None
            tell(made.counted, wish.programs + wish.meshes)
    finally:
        if engine:
            engine.close()


def _meshes(made: Campaign, tell: Tell, say: Callable[[str], None]) -> None:
    wish, config = made.wish, get_config(made.wish.config)
    for number in range(wish.meshes):
        if len(made.failures) >= MOST_FAILURES:
            break
        seed = wish.seed + number
        rig = MeshRig(seed, config, MESH, MESH_LENGTH, refusals=bool(seed % 2))
        parts = {place: mesh_lockstep.Part(job.inputs, job.launches) for place, job in rig.job().items()}
        line = f".venv/bin/python -m sim random --programs 0 --meshes 1 --seed {seed} --config {config.name}"
        try:
            made.add(mesh_lockstep.run_lockstep(MESH, config.with_network(), parts, seed)[0])
        except (Difference, HostError, HangError) as found:
            say(made.differs(Difference(f"mesh of {MESH.columns}x{MESH.rows}: {found}"), line))
        made.meshes += 1
        tell(made.counted + made.meshes, wish.programs + wish.meshes)


def formats(points: Iterable[str], features: frozenset[str]) -> dict[str, list[str]]:
    """By number format: instructions of it that nothing exercised."""
    known, seen = {}, set(points)
    for insn in isa.TABLE:
        if insn.feature in features:
            for name in _formats(insn):
                known.setdefault(name, []).extend([] if insn.mnemonic in seen else [insn.mnemonic])
    return known


def _formats(insn: Any) -> set[str]:
    named = {fmt.name for fmt in (insn.format, insn.a_format, insn.b_format) if fmt is not None}
    row = SIMD_OPS[SimdOp(insn.simd_op)] if insn.simd_op is not None else None
    return named | ({row.format.name.upper()} if row and row.format else set())


def told(made: Campaign) -> list[str]:
    """What came of it, in lines."""
    wish, missing = made.wish, made.missing
    lines = [
        f"{made.counted} programs of four threads, each of {LEAST} retired instructions or more, and {made.meshes} meshes of "
        f"{MESH.columns}x{MESH.rows} nodes on {wish.config}: {made.retired} instructions in {made.cycles} cycles, {made.faults} threads "
        f"ended in faults, {made.seconds:.0f} s"
    ]
    if made.short:
        lines.append(f"{made.short} programs more were shorter, because a thread stopped early; they ran too")
    for name, known in made.groups.items():
        shown = None if wish.covers and name in REQUIRED else SHOWN
        lines.append(f"{name}: {len(known) - len(missing[name])} of {len(known)} exercised{_left(missing[name], shown)}")
    known = formats(made.points, made.features)
    left = sorted(name for name, mnemonics in known.items() if mnemonics)
    lines.append(f"number formats: {len(known) - len(left)} of {len(known)} in every instruction that they have{_left(left)}")
    if not wish.covers:
        lines.append(f"fewer than {COVERING} programs need not exercise everything")
    if not wish.meshes:
        lines.append("not in one node alone: rput, rget, rraise, rlist, rcast and the fault NETWORK; --meshes N runs them")
    kinds = f" of {len(made.kinds)} kinds" if made.failures else ""
    lines.append(f"{len(made.failures) or 'no'} difference{'s' if len(made.failures) != 1 else ''}{kinds} between RTL and simulator")
    return lines


def report(made: Campaign) -> dict[str, Any]:
    """The same as JSON, with every point by count."""
    kept = ("counted", "meshes", "short", "retired", "cycles", "faults", "failures", "seconds", "passed", "missing")
    return {**vars(made.wish), **{name: getattr(made, name) for name in kept}, "points": dict(sorted(made.points.items()))}


def _left(points: list[str], shown: int | None = None) -> str:
    more = f" and {len(points) - shown} more, which the report has" if shown and len(points) > shown else ""
    return f"; not: {', '.join(points[:shown])}{more}" if points else ""

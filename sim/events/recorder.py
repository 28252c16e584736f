"""Records what an engine's nodes tell, while it runs, into a file of events: whole chunks at a time, in a window of cycles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from golden.arch.mesh import MeshConfig
from golden.asm import Program
from sim.engine import ports
from sim.engine.binding import Engine
from sim.events.file import About, Code, EventsError, Writer
from sim.events.scopes import resolved
from sim.files import whole

CHUNK = 2048  # cycles
MOST_EVENTS, MOST_WAVES = 100_000, 1_200  # cycles that are kept unless others are asked for; of waves what opens at once


@dataclass(frozen=True)
class Wish:
    """What shall be kept of a run: events, waves or both, each in a file; a window of its cycles, whose end may be open.

    ``title`` and ``program``, one for all nodes or one for each, say what runs, for those who read the events; ``mesh`` where nodes are.
    ``shown``: numbers of the nodes in the waves; ``scopes``: what of them is in the waves, as `sim.events.scopes` finds it, all if nothing.
    ``focus``: the cycle for which people look at the window.
    """

    events: Path | None = None
    waves: Path | None = None
    first: int = 0
    last: int | None = None
    title: str = ""
    program: Program | Sequence[Program] | None = None
    mesh: MeshConfig | None = None
    shown: Sequence[int] = (0,)
    scopes: Sequence[str] = ()
    focus: int | None = None

    @property
    def end(self) -> int:
        return self.first + (MOST_WAVES if self.waves else MOST_EVENTS) if self.last is None else self.last


def _about(engine: Engine, wish: Wish) -> About:
    """What the file says of a run of this engine that begins here."""
    found = About(wish.title, engine.design.manifest["config"], ports.told_ports(engine.design), origin=engine.cycle)
    if wish.mesh:
        found.mesh, found.places = (wish.mesh.columns, wish.mesh.rows), [f"{x},{y}" for x, y in wish.mesh.live]
    placed(found, wish.program)
    return found


def placed(found: About, program: Program | Sequence[Program] | None) -> None:
    """Let a file say which programs run, if anybody knows."""
    if isinstance(program, Program):
        found.code, found.labels = _code(program), dict(program.labels)
    elif program:
        found.programs = [(_code(each), dict(each.labels)) for each in program]
        found.code, found.labels = found.programs[0]


def _code(program: Program) -> Code:
    lines = program.lines or [(0, "")] * len(program.words)
    return {program.origin + 4 * i: (word, *line) for i, (word, line) in enumerate(zip(program.words, lines, strict=True))}


@contextmanager
def recording(engine: Engine, wish: Wish | None, whole_trace: Sequence[list[NDArray[np.uint32]]] | None = None) -> Iterator[None]:
    """Keep what is told while the body runs, as wished; cycle 0 is the present one. What a run that fails told is kept, too.

    ``whole_trace``: a list for each node, which gets everything that it told in every cycle, wished for or not.

    Raises
    ------
    EventsError
        When the run ended before the window began; no file is left then. ScopeError for a scope of waves that is not there.
    """
    if wish is None:
        with _taking(engine, _Recorder(engine, Wish(last=0), whole_trace)) if whole_trace is not None else nullcontext():
            yield
        return
    failed = None
    wish = replace(wish, scopes=resolved(engine, wish.shown, wish.scopes))
    with ExitStack() as files:
        begun = engine.cycle
        writer = Writer(files.enter_context(whole(wish.events)), _about(engine, wish)) if wish.events else None
        waves = files.enter_context(whole(wish.waves)) if wish.waves else None
        try:
            with _taking(engine, _Recorder(engine, wish, whole_trace, writer, waves)):
                yield
        except Exception as error:  # what events and waves are for
            failed = error
        ran = engine.cycle - begun
        if ran <= wish.first:
            raise failed or EventsError(f"the run has {ran} cycles: the window {wish.first}:{wish.end} begins behind its end")
        if writer:
            writer.about.window = wish.first, min(wish.end, ran)
            writer.close()
    if failed:
        raise failed


@contextmanager
def _taking(engine: Engine, recorder: _Recorder) -> Iterator[None]:
    for node in range(engine.topology.nodes):
        engine.take_trace(node)
    engine.pause(recorder.next_stop, recorder.stop)
    recorder.stop()
    try:
        yield
        recorder.take()
    finally:
        engine.pause(None, None)
        engine.options(tracing=False, hopping=False)
        if recorder.waving:
            engine.end_waves()


class _Recorder:
    """Between stops the engine runs; at each, what was told since the last one is taken."""

    def __init__(
        self,
        engine: Engine,
        wish: Wish,
        whole_trace: Sequence[list[NDArray[np.uint32]]] | None,
        writer: Writer | None = None,
        waves: Path | None = None,
    ) -> None:
        self.engine, self.writer, self.waves, self.whole_trace = engine, writer, waves, whole_trace
        self.first, self.end, self.shown, self.scopes = wish.first, wish.end, wish.shown, wish.scopes
        self.origin = engine.cycle
        self.taken = 0
        self.waving = False

    @property
    def now(self) -> int:
        return self.engine.cycle - self.origin

    def next_stop(self) -> int:
        """Cycles until the next one: the window's borders, and every CHUNK cycles."""
        at = self.now
        borders = [border for border in (self.first, self.end) if border > at]
        return min([CHUNK - at % CHUNK, *(border - at for border in borders)])

    def stop(self) -> None:
        """Take what was told; tell from here on when it is wanted."""
        self.take()
        inside = self.first <= self.now < self.end
        kept = inside and self.writer is not None
        self.engine.options(tracing=kept or self.whole_trace is not None, hopping=kept)
        if self.waves and inside != self.waving:
            self.waving = inside
            if inside:
                self.engine.waves(self.waves, self.shown, self.origin, self.scopes)
            else:
                self.engine.end_waves()

    def take(self) -> None:
        first, last = self.taken, self.now
        self.taken = last
        for node in range(self.engine.topology.nodes):
            records = self.engine.take_trace(node)
            if self.whole_trace is not None:
                self.whole_trace[node].append(records)
            if self.writer and last > first and self.first <= first < self.end:
                self.writer.add(node, first, last, records)

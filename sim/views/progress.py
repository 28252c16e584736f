"""Progress of long work: a live bar on a terminal, plain lines on a pipe."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

_PLAIN_SECONDS = 5.0


class TrainingProgress:
    """Shows step, loss, simulated cycles per second and time left; use as a context, call before the first step and after each.

    The first call says where the run begins: a resumed one does not begin at step 0.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.first: int | None = None
        self.started = self.printed = time.perf_counter()
        self.bar: Progress | None = None
        console = Console()
        if console.is_terminal and not console.is_dumb_terminal:  # a dumb one shows a live bar when all is over
            self.bar = Progress(
                TextColumn("training"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("loss {task.fields[loss]:.4f}  {task.fields[khz]:.0f} kHz "),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=console,
            )
            self.task = self.bar.add_task("training", total=total, loss=float("nan"), khz=0.0)

    def __enter__(self) -> TrainingProgress:
        if self.bar:
            self.bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self.bar:
            self.bar.stop()

    def __call__(self, step: int, loss: float, cycles: int) -> None:
        now = time.perf_counter()
        if self.first is None:
            self.first, self.started, self.printed = step, now, now
            if self.bar:
                self.bar.update(self.task, completed=step)
            return
        khz = cycles / (now - self.started) / 1e3
        if self.bar:
            self.bar.update(self.task, completed=step, loss=loss, khz=khz)
        elif now - self.printed >= _PLAIN_SECONDS or step in (self.first + 1, self.total):
            left = (now - self.started) / (step - self.first) * (self.total - step)
            speed = f", {khz:.0f} kHz" if cycles else ""
            print(f"step {step}/{self.total}: loss {loss:.4f}{speed}, {left:.0f} s left", flush=True)
            self.printed = now


class CountProgress:
    """Shows how much of a known number is done; use as a context, call with (done, total). `what` may change between calls.

    Plain lines on a pipe come every few seconds, and none for work that is over sooner. A ``note`` is a line that stays.
    """

    def __init__(self, what: str, unit: str) -> None:
        self.what, self.unit = what, unit
        self.printed = self.started = time.perf_counter()
        self.counts = what
        self.bar: Progress | None = None
        console = Console()
        if console.is_terminal and not console.is_dumb_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn())
            self.bar = Progress(*columns, console=console, transient=True)
            self.task = self.bar.add_task(what, total=None)

    def __enter__(self) -> CountProgress:
        if self.bar:
            self.bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self.bar:
            self.bar.stop()

    def __call__(self, done: int, total: int) -> None:
        now = time.perf_counter()
        if self.counts != self.what:
            self.counts, self.started = self.what, now
        if self.bar:
            self.bar.update(self.task, description=self.what, completed=done, total=total)
        elif now - self.printed >= _PLAIN_SECONDS:
            left = f", {_clock((now - self.started) / done * (total - done))} left" if done and now > self.started else ""
            print(f"{self.what}: {done}/{total} {self.unit}{left}", flush=True)
            self.printed = now

    def note(self, text: str) -> None:
        """A line that stays."""
        if self.bar:
            self.bar.console.print(Text(text))
        else:
            print(text, flush=True)


class RegressProgress:
    """Shows tests done and failed, what runs and the time left; use as a context. Failures and other notes are lines that stay."""

    def __init__(self) -> None:
        self.printed = time.perf_counter()
        console = Console()
        served = console.is_terminal and not console.is_dumb_terminal
        self.live = Live(console=console, transient=True, refresh_per_second=2) if served else None

    def __enter__(self) -> RegressProgress:
        if self.live:
            self.live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self.live:
            self.live.stop()

    def note(self, text: str) -> None:
        """A line that stays."""
        if self.live:
            self.live.console.print(Text(text))
        else:
            print(text, flush=True)

    def state(self, done: int, failed: int, running: Sequence[str], left: float) -> None:
        """Seconds left are an estimate."""
        told = f"{done} tests done, {failed} failed, {_clock(left)} left"
        now = time.perf_counter()
        if self.live:
            self.live.update(Text("\n".join([told, *(f"  {name}" for name in running)])))
        elif now - self.printed >= _PLAIN_SECONDS:
            print(f"{told}; running: {', '.join(running) or 'nothing'}", flush=True)
            self.printed = now


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"

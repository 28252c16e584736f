"""What a process owes whoever started it: exit statuses, signals, and standard streams that are closed, full or narrow."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Sequence
from types import FrameType
from typing import Any

# The latter two as a shell has them: 128 and the signal.
BAD_INPUT, INTERRUPTED, NOBODY_READS = 2, 128 + signal.SIGINT, 128 + signal.SIGPIPE
STOPS = (signal.SIGTERM, signal.SIGHUP)  # served as SIGINT is: by KeyboardInterrupt
_OF_A_STREAM = (errno.ENOSPC, errno.EFBIG, errno.EIO, errno.EPIPE, errno.EBADF)


class Stops:
    """Makes the first SIGTERM or SIGHUP a KeyboardInterrupt; ``number`` is the signal that came, 0 before. A context.

    Who stops jobs sends them more than one of these; those after the first would interrupt what the first began. What was ignored
    before (``nohup``) stays ignored.
    """

    number = 0

    def __enter__(self) -> Stops:
        self._before = {number: signal.getsignal(number) for number in STOPS}
        for number, handler in self._before.items():
            if handler == signal.SIG_DFL:
                signal.signal(number, self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        for other in STOPS:
            signal.signal(other, signal.SIG_IGN)
        raise KeyboardInterrupt


class Children:
    """Processes that threads of this one wait for; a context, which ends those that still run when it is left by an exception."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen] = set()
        self._lock = threading.Lock()
        self._over = False

    def __enter__(self) -> Children:
        self._over = False
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind:
            with self._lock:
                self._over = True
                for process in self._running:
                    process.kill()

    def run(
        self, command: Sequence[str], timeout: float | None = None, input: str | None = None, **settings: Any
    ) -> subprocess.CompletedProcess[str]:
        """As ``subprocess.run`` does it, all streams as text. KeyboardInterrupt when the context has been left."""
        with self._lock:
            if self._over:
                raise KeyboardInterrupt
            reads = subprocess.DEVNULL if input is None else subprocess.PIPE
            pipes = {"stdin": reads, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
            process = subprocess.Popen(command, **pipes, **settings)
            self._running.add(process)
        try:
            out, err = process.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        finally:
            with self._lock:
                self._running.discard(process)
        return subprocess.CompletedProcess(command, process.returncode, out, err)


def open_streams() -> None:
    """Gives a process that was started with a closed standard stream one that leads nowhere.

    Else the next file that is opened would take its number, and be written to by whoever prints.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            os.set_inheritable(number, True)
            setattr(sys, name, open(number, mode, closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a letter that the terminal's character set lacks is no reason to stop


def end_early() -> None:
    """Before a command is left half-way: that a part of a design was made and not used is no news then, and Amaranth would warn of each."""
    warnings.simplefilter("ignore")


def silence(stream: io.TextIOBase) -> None:
    """Sends what follows nowhere: what is still buffered would fail once more when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def of_standard_output(error: Exception) -> bool:
    """Whether an error is of the stream that a command prints to: errors about files tell their names."""
    return isinstance(error, OSError) and error.filename is None and error.errno in _OF_A_STREAM

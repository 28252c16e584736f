"""A process that lives as long as a regression and runs one order after the other, each in a copy of itself.

``python -m sim.suite.worker MODULE...`` reads orders from standard input, a line of JSON each, and answers with a line: {"code": exit
status of the copy, negative for the signal that ended it}. The modules are imported before the first order, so that no copy does it;
what a test breaks dies with its copy. Tests are those of the folder in which the process was started. When standard input ends, the copy
that runs is ended with all that it started.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import select
import signal
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

LOG = "log.txt"
DIES_WITH_ITS_PARENT = 1  # of prctl
POLL = 0.02  # seconds


def _copy(order: dict[str, Any], answers: int) -> int:
    """Starts the copy that runs an order; its process number, which is that of its group too. It dies with this process."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.setsid()
        os.close(answers)
        ctypes.CDLL(None).prctl(DIES_WITH_ITS_PARENT, signal.SIGKILL)
        log = os.open(Path(order["folder"]) / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        null = os.open(os.devnull, os.O_RDONLY)
        for number, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(number, target)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)
        from sim.suite import child as work

        status = (work.collect if "files" in order else work.run)(order)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _wait(child: int, limit: float) -> int:
    """The copy's exit status; it is ended when nobody listens to this process any more, or after so many seconds."""
    end = time.monotonic() + limit
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            _end(child)  # what it left running
            return os.waitstatus_to_exitcode(status)
        late = time.monotonic() > end
        ready, _, _ = select.select([0], [], [], POLL)
        gone = bool(ready) and not os.read(0, 1)  # the next order comes only after the answer
        if late or gone:
            _end(child)
            os.kill(child, signal.SIGKILL)  # if it has not made its group yet
            os.waitpid(child, 0)
            if gone:
                sys.exit(0)
            return -signal.SIGKILL


def _end(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def main() -> None:
    """Serve orders until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this process ends it
    for name in ("sim.suite.child", *sys.argv[1:]):
        import_module(name)
    gc.freeze()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    buffer = b""
    while True:
        while b"\n" not in buffer:
            more = os.read(0, 1 << 16)
            if not more:
                return
            buffer += more
        line, _, buffer = buffer.partition(b"\n")
        order = json.loads(line)
        answers.write(json.dumps({"code": _wait(_copy(order, answers.fileno()), order["limit"])}) + "\n")


if __name__ == "__main__":
    main()

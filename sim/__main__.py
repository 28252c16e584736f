"""``python -m sim``: sim/main.py, with a Ctrl-C that is told in one word from the first import to the end of Python."""

import os
import signal
import sys
from types import FrameType


def _before_the_work(number: int, frame: FrameType | None) -> None:
    """An exception would show where Python was in its imports; nothing has been begun that had to be left in order."""
    try:
        os.write(2, b"interrupted\n")
    finally:
        os._exit(128 + number)


def _program() -> int:
    """The exit status. SIGINT is served only where it was: a shell has it ignored in what it starts in the background."""
    served = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if served:
        signal.signal(signal.SIGINT, _before_the_work)

    try:
        from sim.main import main

        if served:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        status = main()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:  # a moment before or after main serves it
        _before_the_work(signal.SIGINT, None)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in ("golden", "rtl", "sim"):
            raise
        told = f"python -m sim: this Python lacks {error.name}: run .venv/bin/python -m sim, which `make setup` makes"
        print(told, file=sys.stderr)
        from sim.process import BAD_INPUT

        return BAD_INPUT
    return status


if __name__ == "__main__":
    sys.exit(_program())

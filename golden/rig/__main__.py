"""Prints the random program of a seed: python -m golden.rig 7."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from golden.arch.config import CONFIGS, get_config
from golden.rig import Rig, instructions


def main(arguments: Iterable[str] | None = None) -> None:
    """Print the program of a seed, and what it holds."""
    parser = argparse.ArgumentParser(prog="python -m golden.rig", description="Print a random program.")
    parser.add_argument("seed", type=int)
    parser.add_argument("--config", default="tiny", choices=sorted(CONFIGS))
    parser.add_argument("--length", type=int, default=100)
    options = parser.parse_args(None if arguments is None else list(arguments))
    job = Rig(options.seed, get_config(options.config), options.length).job()
    print(job.text)
    for name, count in sorted(instructions(job.program).items()):
        print(f"; {count:5} {name}")


if __name__ == "__main__":
    main()

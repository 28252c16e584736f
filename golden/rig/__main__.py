"""Prints the random program of a seed: python -m golden.rig 7, or those of all nodes: python -m golden.rig 7 --mesh 2x2."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from golden.arch.config import CONFIGS, get_config
from golden.arch.mesh import parse
from golden.rig import MeshRig, Rig, RigJob, instructions


def main(arguments: Iterable[str] | None = None) -> None:
    """Print the program of a seed, and what it holds."""
    parser = argparse.ArgumentParser(prog="python -m golden.rig", description="Print a random program.")
    parser.add_argument("seed", type=int)
    parser.add_argument("--config", default="tiny", choices=sorted(CONFIGS))
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--mesh", type=parse, help="columns x rows of nodes that send each other things")
    options = parser.parse_args(None if arguments is None else list(arguments))
    config = get_config(options.config)
    if options.mesh is None:
        _show(Rig(options.seed, config, options.length).job())
        return
    for (x, y), job in MeshRig(options.seed, config, options.mesh, options.length).job().items():
        print(f"; ======== node {x},{y}")
        _show(job)


def _show(job: RigJob) -> None:
    print(job.text)
    for name, count in sorted(instructions(job.program).items()):
        print(f"; {count:5} {name}")


if __name__ == "__main__":
    main()

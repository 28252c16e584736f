"""python -m golden.rig: the program of a seed, and what it holds."""

from golden.arch.config import CONFIGS
from golden.rig import Rig, instructions
from golden.rig.__main__ import main


def test_prints_a_seeds_program_and_counts_its_instructions(capsys):
    main(["7", "--length", "20"])
    said = capsys.readouterr().out
    job = Rig(7, CONFIGS["tiny"], 20).job()
    assert said.startswith(job.text)
    counts = dict(line.split()[:0:-1] for line in said[len(job.text) :].splitlines() if line)
    assert {name: int(count) for name, count in counts.items()} == dict(instructions(job.program))

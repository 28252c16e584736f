"""python -m golden.rig: the program of a seed, and what it holds."""

from golden.arch.config import CONFIGS
from golden.arch.mesh import parse
from golden.rig import MeshRig, Rig, instructions
from golden.rig.__main__ import main


def test_prints_a_seeds_program_and_counts_its_instructions(capsys):
    main(["7", "--length", "20"])
    said = capsys.readouterr().out
    job = Rig(7, CONFIGS["tiny"], 20).job()
    assert said.startswith(job.text)
    counts = dict(line.split()[:0:-1] for line in said[len(job.text) :].splitlines() if line)
    assert {name: int(count) for name, count in counts.items()} == dict(instructions(job.program))


def test_prints_the_programs_of_all_nodes(capsys):
    main(["3", "--length", "20", "--mesh", "2x1"])
    said = capsys.readouterr().out
    for (x, y), job in MeshRig(3, CONFIGS["tiny"], parse("2x1"), 20).job().items():
        assert f"; ======== node {x},{y}\n{job.text}" in said

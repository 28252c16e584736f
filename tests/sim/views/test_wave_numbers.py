"""Words as numbers, against values worked out by hand; and the filter as GTKWave starts it."""

import subprocess

import pytest

from sim.views.wave_numbers import numbers
from sim.views.waves import opened
from tests.sim.views.test_waves import TREE, vcd


@pytest.mark.parametrize(
    ("value", "bits", "form", "bias", "shown"),
    [
        (0x3F80_4000_C0A0_0000, 64, "BF16", None, "0 -5 2 1"),
        (0x3F80_0000, 128, "FP32", None, "1 0 x3"),
        (0x7FC0_0000_FF80_0000, 64, "FP32", None, "-inf nan"),
        (0x38_B8_00_01, 32, "CFloat8_1_4_3", 7, "0.00195312 0 -1 1"),
        (0x38, 8, "CFloat8_1_4_3", 8, "0.5"),
        (sum(i << 16 * i for i in range(32)) << 7, 512, "BF16", None, None),
    ],
)
def test_elements_from_the_lowest_on(value, bits, form, bias, shown):
    told = numbers(value, bits, form, bias)
    assert told == shown if shown else told.endswith(" ...") and told.count(" ") == 16


def test_the_program_beside_the_waves_answers_line_by_line(tmp_path):
    tree = {**TREE, "TOP.node.core.matrix": {"operations__step_a": 32}}
    (tmp_path / "w.vcd").write_text(vcd(tree))
    opened(tmp_path / "w.vcd")
    lines = (tmp_path / "w.gtkw").read_text().splitlines()
    at = [i for i, line in enumerate(lines) if line.endswith("operations__step_a[31:0]")]
    assert [lines[i - 2] for i in at] == ["@4022", "@4022"]
    program = lines[at[0] - 1].removeprefix("^>1 ")
    run = subprocess.run([program], input="3f804000\nxxxx4000\n", capture_output=True, text=True, timeout=60, check=True)
    assert program.endswith("w.BF16.sh") and run.stdout == "2 1\nxxxx4000\n"

"""The line of memory that holds a kernel's biases, and what a program makes of it."""

import pytest

from golden.arch.descriptor import Descriptor
from golden.arch.memmap import Csr
from golden.kernels.mode import biases, mode_line, random_key, take_mode
from tests.golden.iss.bench import run


def test_a_line_is_read_as_it_is_written():
    line = mode_line(a=1, b=62, result=63, seed=1 << 63 | 5, counter=7 << 40 | 1)
    assert biases(line) == {"a": 1, "b": 62, "result": 63} and random_key(line) == (1 << 63 | 5, 7 << 40 | 1)
    assert line[0, :6].tolist() == [1, 7 << 8, 63 << 16 | 62 << 8 | 1, 0, 5, 1 << 31] and not line[0, 6:].any()
    with pytest.raises(ValueError, match="FP_MODE field b = 64 does not fit: 0 to 63"):
        mode_line(b=64)


@pytest.mark.parametrize("seed", [False, True])
def test_a_program_takes_what_a_host_wrote(seed):
    line = mode_line(a=9, b=8, result=7, seed=0xFEDCBA9876543210, counter=5)
    low, _ = Descriptor(base=0x4000 // 8, row_pitch=8, rows=1, columns=16, elem=2).pack()
    job = run("\n".join(take_mode(7, seed)), x={7: low}, memory={0x4000: line.tobytes()})
    assert job.thread.csr[Csr.FP_MODE] == 7 << 16 | 8 << 8 | 9
    assert job.thread.csr[Csr.SEED] == (0xFEDCBA9876543210 if seed else 0)

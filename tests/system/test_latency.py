"""Cycles that dependent instructions take, exactly as docs/architecture.md lists them."""

import re
from pathlib import Path

import pytest

from golden.arch.config import get_config
from golden.arch.descriptor import Descriptor
from golden.asm import assemble
from golden.kernels.job import Launch
from sim.jobs.host import Host

pytestmark = pytest.mark.system

CONFIG = get_config("tiny")
ROWS = re.findall(r"^\| [^|]+ \| `([^`|]+)` \| (\d+) \|$", Path("docs/architecture.md").read_text(), re.MULTILINE)
LINK = 24  # links of the short chain; the long one has twice as many
SETUP = """
start:  setd d0, x1, x2
        li x9, 0x80
        st.d x9, x9, 0
        li x10, 3
        vld.c v1, d0
        vld.c v2, d0
        step.bf16 c0, v1, v2, first
        fence
        csrr x20, 2
"""
END = """
        fence
        csrr x21, 2
        st.d x20, x0, 0x88
        st.d x21, x0, 0x90
        halt
"""


def cycles(host: Host, link: str, links: int) -> int:
    """From the end of the setup to the end of a chain; the second run, so that the instruction cache holds it."""
    chain = "\n".join(link.replace(";", "\n").replace("{i}", str(i)) for i in range(links))
    program = assemble(SETUP + chain + END, origin=0x2000)
    square = Descriptor(base=0x20, row_pitch=8, rows=64, columns=32, elem=1)
    host.write([(program.origin, program.image), (0x80, bytes(0x1100 - 0x80))])
    host.flush()
    for _ in range(2):
        host.run([Launch(0, program.labels["start"], square.pack())])
    began, ended = (int.from_bytes(host.read(address, 8), "little") for address in (0x88, 0x90))
    return ended - began


def test_the_table_is_there():
    assert len(ROWS) >= 15


@pytest.mark.parametrize("link, latency", ROWS)
def test_a_chain_takes_what_the_table_says(engine, link, latency):
    host = Host(engine)
    short, long = cycles(host, link, LINK), cycles(host, link, 2 * LINK)
    assert (long - short) / LINK == int(latency), f"{LINK} more links of {link!r} took {long - short} cycles more"

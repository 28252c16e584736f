"""The examples of docs/packets.md run as they stand there, and its tables say what golden.arch says."""

import re
from pathlib import Path

import pytest

from golden.arch.packet import HEADER, Kind, Packet

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "packets.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=["packet", "host", "mesh"])
def test_the_examples_run(example):
    exec(compile(example, "packets.md", "exec"), {})


def test_a_broken_example_fails():
    with pytest.raises(AssertionError):
        exec(compile(EXAMPLES[1].replace("(30, 12)", "(30, 13)"), "packets.md", "exec"), {})


def test_the_sentence_about_a_field_is_the_one_that_comes():
    sentence = re.search(r"^`(packet field length.*)`\.$", PAGE, re.MULTILINE)[1]
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        Packet(Kind.READ, (1, 1), (0, 1), length=64).encode()


def test_widths_of_the_table():
    rows = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", PAGE, re.MULTILINE))
    assert {name: int(bits) for name, bits in rows.items()} == {
        name: HEADER[name].width for name in ("kind", "address", "length", "flags")
    } | {"payload": 512}


def test_every_request_has_a_row():
    rows = re.findall(r"^\| ([A-Z]+) \|", PAGE, re.MULTILINE)
    assert rows == [kind.name for kind in Kind if not kind & 16]

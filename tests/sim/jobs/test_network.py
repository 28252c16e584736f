"""Figures of the network between nodes: what they must reach, and that wrong results are told."""

import json

import pytest

from golden.arch.mesh import parse
from golden.arch.transfer import Transfer
from sim.jobs import network
from sim.main import main

pytestmark = pytest.mark.mesh
DATA = bytes(range(256)) * 32


@pytest.fixture(scope="module")
def bench():
    bench = network.Bench(parse("2x2"), "tiny")
    with bench.engine:
        yield bench


@pytest.mark.rtl
@pytest.mark.parametrize("size", [4096, 8192])
def test_a_block_to_the_neighbour(bench, size):
    row = network.block(bench, size, 0, DATA)
    assert not row["mismatches"] and row["packets"] == size // 64
    assert row["cycles"] <= size // 64 + network.SLACK and row["bytes_per_cycle"] >= network.RATE * 64, row


@pytest.mark.rtl
@pytest.mark.parametrize("size", [4096, 8192])
def test_a_block_from_the_neighbour(bench, size):
    row = network.block(bench, size, 1, DATA)
    assert not row["mismatches"] and row["bytes_per_cycle"] >= network.RATE * 64, row


@pytest.mark.rtl
def test_a_read(bench):
    row = network.remote_read(bench, DATA)
    assert not row["mismatches"] and row["cycles"] <= 64, row


@pytest.mark.rtl
def test_a_load_of_all_nodes_is_one_of_one_node(bench):
    row = network.load(bench, 8192, DATA)
    assert not row["mismatches"] and row["cycles"] < 8192 // 64 + 300 < row["one_by_one"], row


@pytest.mark.rtl
def test_an_allreduce(bench):
    row = network.allreduce(bench, 7)
    assert not row["mismatches"] and row["cycles"] <= network.ALLREDUCE, row


@pytest.mark.rtl
def test_a_block_that_is_another_is_a_mismatch(bench, monkeypatch):
    """A transfer that leaves the last line out."""
    pack = Transfer.pack
    monkeypatch.setattr(Transfer, "pack", lambda self: pack(Transfer(self.local, self.remote, 1, self.row_bytes - 64)))
    assert network.block(bench, 4096, 0, bytes(reversed(DATA)))["mismatches"] == 2


def test_rows_are_told_and_written(monkeypatch, tmp_path, capsys):
    rows = [
        {"measure": "block", "cycles": 90, "wanted": 88, "from_list": 100, "bytes_per_cycle": 63.5, "mismatches": 0},
        {"measure": "read", "cycles": 40, "mismatches": 1},
    ]

    def figures(mesh, config, seed, say):
        for row in rows:
            say(network.sentence(row))
        return rows

    monkeypatch.setattr(network, "figures", figures)
    file = tmp_path / "figures.json"
    assert main(["bench", "--mesh", "2x2", "--config", "tiny", "--json", str(file)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "block: 90 cycles (wanted 88), 100 from the list's acceptance, 63.5 B a cycle, 0 mismatches",
        "read: 40 cycles, 1 mismatches",
    ]
    assert json.loads(file.read_text()) == {"mesh": "2x2", "config": "tiny", "seed": 0, "rows": rows}


def test_one_node_alone_is_refused(capsys):
    assert main(["bench", "--mesh", "1x1", "--config", "tiny"]) != 0
    assert "a mesh of 1x1 has no two nodes" in capsys.readouterr().err

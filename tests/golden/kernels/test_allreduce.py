"""All-reduce on simulated meshes: the bits of the tree in NumPy on every node, run after run, whatever arrives when."""

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.arch.mesh import MeshConfig, parse
from golden.asm import assemble
from golden.iss.mesh import Mesh
from golden.iss.state import Node
from golden.kernels.allreduce import MOST_OWN, AllReduce, Leaf, Placed, cut
from golden.numerics.convert import bits_f32
from golden.workloads.shards import additions, owned, pieces
from tests.golden.iss.mesh_bench import ended

TINY = CONFIGS["tiny"].with_network()
TABLE, BUFFER, LEAVES, RUNS = 0x1000, 0x3000, 0x8000, 0xC000
LEAF = 0x800  # bytes between leaves, and between what two runs add
ROUNDS = 3


def reduction(mesh: MeshConfig, shards: int, lines: list[int]) -> AllReduce:
    mine = owned(shards, len(mesh.live))
    leaves = [Leaf(node, shard) for node, part in enumerate(mine) for shard in pieces(shards, part)]
    alone = {pair for part in mine for pair in additions(shards, part)}
    return AllReduce(mesh.live, leaves, [pair for pair in additions(shards) if pair not in alone], lines)


def addresses(reduce: AllReduce, node: int) -> Placed:
    """Gradients one after another with a line between them, on every node at another place."""
    starts = np.cumsum([0, *(line + 1 for line in reduce.lines)])
    shards = [leaf.shard for leaf in reduce.own(node)]
    return Placed(
        BUFFER + 0x40 * node, lambda gradient, shard: LEAVES + 0x40 * node + LEAF * shards.index(shard) + 64 * int(starts[gradient])
    )


def program(reduce: AllReduce, node: int) -> str:
    """Each run: leaves anew from their own lines, all-reduce, the sum away. x10 walks over what the runs have."""
    words = (sum(reduce.lines) + len(reduce.lines)) * 8
    text, labels = ["start:", f"li x10, {RUNS} / 64", "slli x10, x10, 6"], (f"copied{i}" for i in range(1000))

    def copy(leaf: int, load: str, store: str) -> list[str]:
        end = next(labels)
        start = [f"li x11, {LEAVES + 0x40 * node + LEAF * leaf} / 64", "slli x11, x11, 6", f"li x12, {words}", f"loop {end}, x12"]
        return [*start, f"ldp.d x13, {load}, 8", f"stp.d x13, {store}, 8", f"{end}:"]

    for _ in range(ROUNDS):
        for leaf in range(len(reduce.own(node))):
            text += copy(leaf, "x10", "x11")
        text += ["call x31, reduce", *copy(0, "x11", "x10")]
    return "\n".join([*text, "halt", reduce.text(node, "reduce")])


def fill(node: Node, reduce: AllReduce, number: int, values: list[dict[int, np.ndarray]]) -> None:
    at = RUNS
    for run in values:
        for leaf in reduce.own(number):
            node.write(at, run[leaf.shard].tobytes())
            at += run[leaf.shard].nbytes
        at += run[0].nbytes


@pytest.mark.parametrize(
    ("mesh", "shards", "lines"),
    [
        ("1x2", 2, [9]),
        ("2x2", 4, [10, 7]),
        ("2x2", 4, [3]),  # fewer lines than threads
        ("2x1", 2, [1, 2] * 6),  # more gradients than threads
        ("1x3", 4, [13, 1, 5]),
        ("3x2", 8, [11, 6]),
        ("2x1", 7, [8, 5]),
        ("3x1", 11, [5]),  # sums of several shards on a node
        (MeshConfig(2, 2, frozenset({(1, 1)})), 4, [6]),
        (MeshConfig(3, 3, frozenset({(2, 2), (3, 1)})), 8, [9]),
    ],
    ids=str,
)
def test_every_node_has_the_sum_of_the_tree(mesh, shards, lines, rng):
    mesh = parse(mesh) if isinstance(mesh, str) else mesh
    reduce = reduction(mesh, shards, lines)
    size = 16 * (sum(lines) + len(lines))
    for seed in range(3):
        values = [{leaf.shard: rng.standard_normal(size, np.float32) for leaf in reduce.leaves} for _ in range(ROUNDS)]
        machine = Mesh(mesh, TINY, seed, strict=True)
        machine.eager[mesh.live[-1]] = (0.02, 0.4, 0.9)[seed]
        placed = [addresses(reduce, number) for number in range(len(mesh.live))]
        for number, node in enumerate(machine.nodes.values()):
            tables = reduce.tables(number, placed)
            made = assemble(program(reduce, number), names={f"reduce_table{t}": TABLE + 0x800 * t for t in range(4)})
            node.write(made.origin, made.image)
            for thread, table in enumerate(tables):
                node.write(TABLE + 0x800 * thread, table)
            fill(node, reduce, number, values)
            node.threads[0].start(made.labels["start"], ())
        machine.run()
        assert ended(machine), machine.describe()
        gaps = np.cumsum([count + 1 for count in lines]) - 1
        used = np.flatnonzero(~np.isin(np.arange(size) // 16, gaps))
        for run, given in enumerate(values):
            sums = dict(given)
            for into, added in reduce.adds:
                sums[into] = sums[into] + sums[added]
            for number, node in enumerate(machine.nodes.values()):
                at = RUNS + 4 * size * ((run + 1) * (len(reduce.own(number)) + 1) - 1)
                got = np.frombuffer(node.read(at, 4 * size), np.float32)
                assert np.array_equal(got[used], sums[0][used]), f"node {number} of {mesh.live}, run {run}, seed {seed}"
        assert all(node.semaphores == [0] * 64 for node in machine.nodes.values())


def test_shares_cover_every_line_once_and_keep_gradients_apart():
    """163 lines in 16 shares are 11 at most; the second gradient begins a share of its own, and fills three."""
    reduce = reduction(parse("2x2"), 4, [130, 33])
    shares = [reduce.share(node, thread) for thread in range(4) for node in range(4)]
    assert [line for share in shares for line in share] == list(range(163))
    assert [len(share) for share in shares] == [*[11] * 11, 9, 11, 11, 11, 0]
    assert [(run.gradient, run.first, run.lines, run.index) for run in reduce.runs(0, 3)] == [(1, 0, 11, 0)]
    assert reduce.buffer_bytes(0) == 44 * 3 * 64


def test_a_share_of_several_gradients_is_smaller():
    """30 lines and two gradients of one: 28 lines, or two and two gradients more, cost 28."""
    assert cut([30, 1, 1], 2) == [range(28), range(28, 32)]
    assert cut([3], 4) == [range(1), range(1, 2), range(2, 3), range(3, 3)]


def test_lists_are_sent_before_the_routine_returns():
    """Otherwise whoever called could change what they send: a fence stands behind the last list."""
    lines = [line.split()[0] for line in reduction(parse("2x2"), 4, [10]).text(0, "reduce").splitlines() if line.strip()]
    last = len(lines) - 1 - lines[::-1].index("rlist")
    assert "fence" in lines[last : lines.index("jr", last)]


def test_pairs_send_to_each_other_at_once():
    reduce = reduction(parse("3x2"), 8, [20])
    orders = [reduce._others(node) for node in range(6)]
    assert all(sorted([*order, node]) == list(range(6)) for node, order in enumerate(orders))
    assert all(orders[orders[node][0]][0] == node for node in range(6))


def test_too_many_sums_are_refused():
    with pytest.raises(ValueError, match=f"32 and {MOST_OWN} fit; take fewer nodes"):
        reduction(parse("6x6"), 64, [1])
    with pytest.raises(ValueError, match="up to 7 on a node, are too many"):
        AllReduce([(1, 1), (2, 1)], [Leaf(0, 0), *(Leaf(1, shard) for shard in range(1, 8))], [], [1])


def test_bits_of_a_sum_worked_by_hand():
    """(1 + 2^24) + (1 - 2^24) is 1 where 2^24 + 1 rounds to 2^24, and 2 from left to right in another order: the tree decides."""
    sums = {0: np.float32(1), 1: np.float32(2**24), 2: np.float32(1), 3: np.float32(-(2**24))}
    for into, added in additions(4):
        sums[into] = sums[into] + sums[added]
    assert sums[0] == bits_f32(np.uint32(0x3F800000))

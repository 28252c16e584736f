"""Chains of links compute the bits of the whole product."""

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.asm import assemble
from golden.iss.node import Simulator
from golden.iss.state import Node
from golden.kernels.gemm import Gemm
from golden.kernels.gemm_link import Link, links
from golden.kernels.placement import Allocator
from golden.kernels.work import work

TINY = CONFIGS["tiny"]


def run(gemm: Gemm, at: list[int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """C from the chain on one thread, with its reference."""
    parts = links(gemm, at)
    values = gemm.example(rng)
    text = "\n".join(
        [
            line
            for i, part in enumerate(parts)
            for line in (*(f"ldp.d x{j}, x20, 8" for j in range(1, part.kernel.registers() + 1)), f"call x31, l{i}")
        ]
        + ["halt", *(part.kernel.text(f"l{i}") for i, part in enumerate(parts))]
    )
    program = assemble("li x20, table / 64\nslli x20, x20, 6\n" + text, names={"table": 0x8000})
    space = Allocator(TINY, 0x9000)
    matrices = {o.name: space.matrix(o.name, o.rows, o.columns, o.format) for o in gemm.operands()}
    words = []
    for part in parts:
        own = {o.name: matrices[o.name].window(*part.origins.get(o.name, (0, 0)), o.rows, o.columns) for o in part.kernel.operands()}
        words += part.kernel.arguments(**own)
    node = Node(TINY)
    node.write(program.origin, program.image)
    node.write(0x8000, b"".join(word.to_bytes(8, "little") for word in words))
    for name, bits in values.items():
        node.write(matrices[name].address, matrices[name].pack(bits))
    node.threads[0].start(program.origin, ())
    Simulator(node, strict=True).finish()
    c = matrices["c"]
    return c.unpack(node.read(c.address, c.size)), gemm.reference(**values)["c"]


@pytest.mark.parametrize(
    ("m", "n", "k", "at"),
    [
        (16, 32, 64, [0, 16, 32, 48, 64]),
        (16, 32, 33, [0, 16, 32, 33]),
        (1, 3, 7, [0, 4, 7]),
        (13, 25, 200, [0, 4, 196, 200]),
        (9, 17, 12, [0, 8, 12]),
        (8, 8, 100, [0, 100]),
    ],
)
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("out", ["FP32", "BF16"])
def test_links_give_the_bits_of_the_product(m, n, k, at, transpose_a, out, rng):
    got, expected = run(Gemm(m, n, k, transpose_a=transpose_a, out=out, relu=out == "BF16"), at, rng)
    assert np.array_equal(got, expected)


def test_links_of_a_transposed_b(rng):
    got, expected = run(Gemm(16, 10, 64, True, True, out="FP32"), [0, 16, 32, 64], rng)
    assert np.array_equal(got, expected)


def test_what_accumulators_or_instructions_do_not_reach_has_no_links():
    assert not links(Gemm(17, 8, 8), [0, 4, 8]) and not links(Gemm(8, 33, 8), [0, 4, 8])
    assert not links(Gemm(8, 17, 8, transpose_b=True), [0, 4, 8]) and not links(Gemm(8, 8, 8, bias=True), [0, 4, 8])


@pytest.mark.parametrize("k", [1, 4, 5, 16, 20, 24, 64, 100])
def test_a_link_takes_no_step_too_many(k):
    [part] = links(Gemm(16, 32, k, transpose_a=True), [0, k])
    assert work(part.kernel).matrix == 8 * -(-k // 4)


def test_only_the_last_link_writes():
    first, last = (part.kernel for part in links(Gemm(8, 8, 8), [0, 4, 8]))
    assert isinstance(first, Link) and [operand.name for operand in first.operands()] == ["a", "b"]
    assert [operand.name for operand in last.operands()] == ["a", "b", "c"]
    assert "drain" not in first.text("l") and ", first" in first.text("l") and ", first" not in last.text("l")

"""What docs/isa.md forbids and the assembler cannot see, a strict simulator reports; a lax one runs it."""

import pytest

from golden.arch.encoding import OperandKind
from golden.arch.isa import BY_MNEMONIC
from golden.arch.memmap import Csr
from golden.asm import assemble
from golden.iss.errors import RuleError
from golden.iss.rules import reads
from tests.golden.iss.bench import Run, ended

FLAGS = int(Csr.FP_FLAGS)
ZERO = "vxor v1, v1, v1\n"


def strict(text: str, laxly: bool = False) -> Run:
    return Run(text + "\nhalt\nf: jr x31", strict=not laxly).start(args=()).go()


BROKEN = [
    # A control instruction at the end of a body; the assembler sees it only where it stands there.
    (
        "li x31, 0\nlpc x1, c\nld.w x2, x1, 0\nlpc x3, e\naddi x3, x3, -4\nst.w x2, x3, 0\niflush\n"
        "loopi e, 2\nnop\nnop\ne: br g\nc: jr x31\ng:",
        "jr x31 is the last instruction of a loop's body, which may be no control instruction",
    ),
    # The inner of two loops that end together runs zero times, which only its register says.
    (
        "li x1, 0\nloopi e, 3\nnop\nloop e, x1\nnop\ne:",
        "loop 0x114, x1 runs zero times, and ends together with the loop around it at 0x110",
    ),
    ("loopi e, 3\nnop\nloopi f2, 2\n.word 0x002 | 3 << 12\nnop\nf2: nop\ne:", "br 0x118 leaves the body of the loop from 0x10c to 0x110"),
    ("lpc x1, e\nloopi e, 3\njr x1\nnop\ne:", "jr x1 leaves the body of the loop from 0x108 to 0x10c"),
    (f"{ZERO}csrr x1, {FLAGS}\nvfadd v2, v1, v1", f"may raise FP flags before csrr x1, {FLAGS} at 0x104 names FP_FLAGS"),
    (f"{ZERO}csrw x0, {FLAGS}\nvfadd v2, v1, v1", "names FP_FLAGS: put a fence between them"),
    (f"{ZERO}vfadd v2, v1, v1\ncsrr x1, {FLAGS}", "names FP_FLAGS while vfadd v2, v1, v1 at 0x104 may still raise some"),
    (f"{ZERO}vfadd v2, v1, v1\ncsrw x0, {FLAGS}", "put a fence before it"),
    (f"{ZERO}cld.row c0, v1, 0\nsetd d0, x1, x2\ndrain.bf16 c0, d0\ncsrr x1, {FLAGS}", "while drain.bf16 c0, d0 at 0x10c may still"),
    (".word 0x023 | 2 << 12", "thread 0 at 0x100: a barrier of 0 threads; it is for 1 to 4"),
    (".word 0x023 | 2 << 12 | 5 << 22", "a barrier of 5 threads; it is for 1 to 4"),
]


@pytest.mark.parametrize(("text", "sentence"), BROKEN)
def test_a_broken_rule_is_reported(text, sentence):
    with pytest.raises(RuleError) as caught:
        strict(text)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "loopi e, 3\ncall x31, f\nnop\ne:",
        "lpc x1, f\nloopi e, 3\ncallr x31, x1\nnop\ne:",
        "loopi e, 3\nloopi e, 2\nnop\ne:",
        "li x1, 0\nloopi e, 3\nloop g, x1\nnop\ng: nop\ne:",  # the inner one is skipped, inside the outer one
        "loopi e, 3\nbr g\nnop\ng: nop\ne:",
        "loopi e, 0\nnop\ne:",
        "loopi e, 3\n.word 0x202 | 2 << 12\nnop\ne:",  # the predicate is false
        "loopi e, 3\nnop\nfence\ne:",
        f"{ZERO}vfadd v2, v1, v1\nfence\ncsrr x1, {FLAGS}",
        f"{ZERO}viadd32 v2, v1, v1\ncsrr x1, {FLAGS}",
        f"csrw x0, {FLAGS}\ncsrr x1, {FLAGS}",
        f"{ZERO}csrr x1, {FLAGS}\nfence\nvfadd v2, v1, v1",
        f"{ZERO}csrr x1, {FLAGS}\nviadd32 v2, v1, v1",
        "barrier 2, 1",
    ],
)
def test_what_is_allowed_passes(text):
    assert ended(strict(text))


@pytest.mark.parametrize("text", ["li x1, 0\nloopi e, 3\nnop\nloop e, x1\nnop\ne:", f"{ZERO}vfadd v2, v1, v1\ncsrr x1, {FLAGS}"])
def test_only_a_strict_simulator_reports(text):
    assert ended(strict(text, laxly=True))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("add x1, x2, x3", ("x2", "x3")),
        ("xor x1, x2, x2", ()),
        ("xor x1, x2, x3", ("x2", "x3")),
        ("xori x1, x2, 5", ("x2",)),
        ("vxor v1, v2, v2", ()),
        ("setd d1, x2, x3", ("x2", "x3")),
        ("dstep d1", ("d1",)),
        ("step.bf16 c1, v2, v3", ("c1", "v2", "v3")),
        ("step.bf16 c1, v2, v3, first", ("v2", "v3")),
        ("cld.raw c1, v2, 3", ("v2",)),
        ("stp.d x1, x2, 8", ("x1", "x2")),
    ],
)
def test_registers_whose_contents_matter(text, names):
    insn = BY_MNEMONIC[text.split()[0]]
    assert reads(insn, insn.decode(assemble(text).words[0])) == names
    assert all(op.kind is not OperandKind.P for op in insn.operands)

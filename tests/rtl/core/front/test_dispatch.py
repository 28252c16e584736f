"""What holds an instruction back in decode, case by case: a group's first slots for a context made by hand."""

import pytest

from golden.arch.classes import Flow
from golden.arch.encoding import PRED_LO
from golden.asm import assemble
from rtl.core.front.dispatch import Dispatch
from tests.rtl.core.front.played import CONFIG

LOADS = "vld.c v3, d0\nvld.c v4, d0\nnop\n"
INJECTED = {"inject": 1, "single": 1, "word": assemble("nop").words[0]}
PREDICATES = "plti p1, x1, 5\n(p1) addi x2, x2, 1\nnop\n"
STEPS = "step.bf16 c0, v1, v2\nstep.143.152 c0, v1, v2\nnop\n"
CASES = {
    # Text, its context, what leaves of its first three instructions.
    "nothing in the way": (LOADS, {}, 0b111),
    "a load of the register is under way": (LOADS, {"parity": 1 << 4}, 0b001),
    "that load is complete": (LOADS, {"parity": 1 << 4, "loaded": 1 << 4}, 0b111),
    "an older one of the group loads it": ("vld.c v3, d0\nvld.c v3, d0\nnop\n", {}, 0b001),
    "a predicate computed in the group": (PREDICATES, {}, 0b001),
    "a predicate on its way": ("(p2) nop\nnop\nnop\n", {"pending": 1 << 2}, 0b000),
    "a predicate written while its older value is on its way": (PREDICATES, {"pending": 1 << 1}, 0b000),
    "a false predicate holds back no load": ("(p2) vld.c v3, d0\nnop\nnop\n", {"parity": 1 << 3}, 0b111),
    "a write of p0 is none": ("plti p0, x1, 5\nnop\nnop\n", {}, 0b111),
    "a predicate that is not computed": ("(p2) plti p1, x1, 5\n(p1) nop\nnop\n", {}, 0b111),
    "control stands alone": ("nop\nhalt\nnop\n", {}, 0b001),
    "control in the first slot": ("halt\nnop\nnop\n", {}, 0b001),
    "an operation on a predicate on its way": ("pand p1, p2, p3\nnop\nnop\n", {"pending": 1 << 2}, 0b000),
    "an operation whose second predicate is on its way": ("pand p1, p2, p3\nnop\nnop\n", {"pending": 1 << 3}, 0b000),
    "an operation into a predicate on its way": ("pand p1, p2, p3\nnop\nnop\n", {"pending": 1 << 1}, 0b000),
    "FP state that is about to be written": (STEPS, {"setting": 1}, 0b001),
    "FP state that an older one of the group writes": ("csrw x1, 4\n" + STEPS, {}, 0b011),
    "FP state behind a csrw whose predicate is false": ("(p2) csrw x1, 4\n" + STEPS, {}, 0b111),
    "FP state that is not needed, its predicate being false": ("(p2) step.152.143 c1, v1, v2\nnop\nnop\n", {"setting": 1}, 0b111),
    "the end of a loop": ("nop\nnop\nnop\n", {"looping": 1, "last": 1}, 0b011),
    "a breakpoint": ("nop\nnop\nnop\n", {"break_on": 1, "break_pc": 2}, 0b011),
    "one at a time": ("nop\nnop\nnop\n", {"single": 1}, 0b001),
    "a word that cannot be corrected": ("nop\nnop\nnop\n", {"lost": 0b10}, 0b011),
    "an injected one in a window that cannot be corrected": ("nop\nnop\nnop\n", {**INJECTED, "lost": 1}, 0b001),
    "the end of the window": ("nop\nnop\nnop\n", {"pc": 6}, 0b011),
}


PARTS = {
    "where": ("pc", "looping", "last"),
    "counted": ("parity", "loaded", "setting"),
    "known": ("pending",),
    "debugged": ("single", "break_on", "break_pc", "inject", "word"),
}
"""Parts of a context, with the fields that the cases name."""


@pytest.fixture(scope="module")
def dut():
    return Dispatch(CONFIG)


@pytest.mark.parametrize("case", CASES)
def test_what_leaves(simulate, dut, case):
    text, context, leaves = CASES[case]
    words = memoryview(assemble(text).image).cast("I").tolist()[:3]

    async def bench(ctx) -> None:
        ctx.set(dut.chosen.some, 1)
        ctx.set(dut.chosen.context.known.true, 1)
        for name, value in context.items():
            part = next((part for part, fields in PARTS.items() if name in fields), "")
            ctx.set(dut.chosen.context[part][name] if part else dut.window.lost, value)
        for i, word in enumerate(words):
            ctx.set(dut.window.words[(context.get("pc", 0) + i) % 8], word)
        await ctx.delay(1e-9)
        group = dut.dispatched.group
        assert ctx.get(dut.left.go) & 0b111 == leaves
        assert ctx.get(group.first) == leaves & 1
        assert not ctx.get(group.illegal)
        assert (ctx.get(group.flow) != Flow.PLAIN) == case.startswith("control in")

    simulate(dut, bench, clocked=False, keep=True)


@pytest.mark.parametrize("predicate", ["true", "false", "on its way"])
def test_an_illegal_word_is_refused_whatever_its_predicate(simulate, dut, predicate):
    """In the first slot alone: behind another instruction it comes first in the next group."""
    illegal = 0x1FF | 1 << PRED_LO

    async def bench(ctx) -> None:
        known = dut.chosen.context.known
        ctx.set(dut.chosen.some, 1)
        ctx.set(known.true, 0b11 if predicate == "true" else 0b01)
        ctx.set(known.pending, (predicate == "on its way") << 1)
        for words, leaves, refused in (([illegal, 0], 0, 1), ([assemble("nop").words[0], illegal], 1, 0)):
            for i, word in enumerate(words):
                ctx.set(dut.window.words[i], word)
            await ctx.delay(1e-9)
            assert (ctx.get(dut.left.go), ctx.get(dut.dispatched.group.illegal)) == (leaves, refused)

    simulate(dut, bench, clocked=False, keep=True)

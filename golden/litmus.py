"""Litmus programs: what the rules of memory order (docs/isa.md, *Rules between instructions*) allow a few threads to see.

A thread's text is its instructions, separated by ``;``. Before them stand x1 = A, x2 = B (addresses; all memory is 0), x10 and x11 (a
word of ones, of twos), d1 and d2 (64 bytes at A, at B), d3 (a gather of eight rows of 8 bytes, 64 bytes apart, from A), d4 (a tile of FP32
at A), v1 (ones) and c1 (a tile of ones). An outcome is what the observed registers hold in the end: 0, ``1`` and ``2`` for ones and twos,
``some`` for a vector of which a part is ones, hexadecimal digits for another number.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from golden.arch import isa
from golden.arch.config import NodeConfig
from golden.arch.descriptor import Descriptor
from golden.arch.memmap import PROGRAM_BASE
from golden.asm import Program, assemble
from golden.iss.node import Simulator
from golden.iss.state import Node
from golden.kernels.job import Launch

A, B, ONES, TILE, RESULTS, NOISE = 0x4000, 0x4400, 0x4800, 0x4840, 0x5000, 0x8000
ONE, TWO, TILED = 0x0000000100000001, 0x0000000200000002, 0x3F8000003F800000
NAMED = {0: "0", ONE: "1", TWO: "2", TILED: "1"}
NOISE_BYTES = 0x1000
Outcome = tuple[str, ...]

WRITES = {
    "store": "st.d x10, x1, 0",
    "vector store": "vst.c v1, d1",
    "scatter": "vst.g8 v1, d3",
    "drain": "drain.f32 c1, d4",
}
READS = {"load": "ld.d x20, x1, 0", "vector load": "vld.c v20, d1", "gather": "vld.g8 v20, d3"}
_PARTS = {("store", "vector load"), ("scatter", "vector load"), ("store", "gather"), ("vector store", "gather"), ("drain", "gather")}


@dataclass(frozen=True)
class Litmus:
    """One program.

    Attributes
    ----------
    rule : the sentence that it tests.
    threads : their instructions; what is left of four threads may make noise.
    observed : "thread:register".
    allowed : the outcomes that the rule leaves; every other one fails.
    forbidden : those that the rule is about, for people.
    later : threads that another one starts, and joins.
    """

    name: str
    rule: str
    threads: tuple[str, ...]
    observed: tuple[str, ...]
    allowed: frozenset[Outcome]
    forbidden: str = ""
    later: tuple[int, ...] = ()

    @property
    def short(self) -> str:
        """The name of its rule."""
        return self.rule.partition(":")[0]


OWN, RAISED, MET, JOINED, FENCED, WORD, TAKEN, FLUSHED, NOTHING = RULES = (
    "own order: a thread sees its own accesses in program order, scalar and vector alike",
    "raise: it takes effect after all older loads and stores of its thread",
    "barrier: what another thread wrote is visible after one that both came to",
    "start, join: what a thread wrote is visible to one that it starts, and to one that joins it",
    "fence: it ends when all older loads and stores of its thread have taken effect",
    "word: an aligned 8 bytes is atomic",
    "wait: it subtracts when the value suffices, atomically",
    "flush: code that was stored to is run after an iflush",
    "none: without a semaphore, barrier or fence nothing is promised",
)


def _pairs() -> Iterator[tuple[str, str, str]]:
    """A write, a read, and what the read sees of it; the reads differ in the register."""
    for write, read in product(WRITES, READS):
        yield write, read, "some" if (write, read) in _PARTS else "1"


def _register(read: str) -> str:
    return "x20" if read == "load" else "v20"


def _one(
    name: str, rule: str, threads: Sequence[str], observed: str, allowed: str, forbidden: str = "0", later: Sequence[int] = ()
) -> Litmus:
    """Words of ``allowed`` are outcomes, their parts separated by commas."""
    outcomes = frozenset(tuple(outcome.split(",")) for outcome in allowed.split())
    return Litmus(name, rule, tuple(threads), tuple(observed.split()), outcomes, forbidden, tuple(later))


def _own() -> Iterator[Litmus]:
    for write, read, seen in _pairs():
        stores, loads, register = WRITES[write], READS[read], _register(read)
        yield _one(f"{write}, then {read}", OWN, [f"{stores}; {loads}"], f"0:{register}", seen)
        yield _one(f"{read}, then {write}", OWN, [f"{loads}; {stores}"], f"0:{register}", "0", seen)
    yield _one("byte, then word", OWN, ["st.b x10, x1, 0; ld.d x20, x1, 0"], "0:x20", "0x1")
    yield _one("half, then word", OWN, ["st.w x10, x1, 4; ld.d x20, x1, 0"], "0:x20", "0x100000000")
    for write, stores in list(WRITES.items())[1:]:
        yield _one(f"{write}, then store", OWN, [f"{stores}; st.d x11, x1, 0; ld.d x20, x1, 0"], "0:x20", "2", "1")
        yield _one(f"store, then {write}", OWN, [f"st.d x11, x1, 0; {stores}; ld.d x20, x1, 0"], "0:x20", "1", "2")


def _semaphores() -> Iterator[Litmus]:
    for write, read, seen in _pairs():
        stores, loads, register = WRITES[write], READS[read], _register(read)
        yield _one(f"{write}, raise; wait, {read}", RAISED, [f"{stores}; raise 3, 1", f"wait 3, 1; {loads}"], f"1:{register}", seen)
        yield _one(f"{read}, raise; wait, {write}", RAISED, [f"{loads}; raise 3, 1", f"wait 3, 1; {stores}"], f"0:{register}", "0", seen)
    two = ["st.d x10, x1, 0; raise 3, 1", "st.d x10, x2, 0; raise 3, 1", "wait 3, 2; ld.d x20, x1, 0; ld.d x21, x2, 0"]
    yield _one("two raise, one waits for both", RAISED, two, "2:x20 2:x21", "1,1", "0,1 1,0")
    count = "wait 3, 1; ld.d x20, x1, 0; add x20, x20, x10; st.d x20, x1, 0; raise 3, 1; barrier 6, 2"
    yield _one("a counter with a lock", TAKEN, [f"raise 3, 1; {count}; ld.d x21, x1, 0; wait 3, 1", count], "0:x21", "2", "1")


def _others() -> Iterator[Litmus]:
    for write, stores in WRITES.items():
        there = f"{stores}; barrier 6, 2"
        yield _one(f"{write}, barrier, load", MET, [there, "barrier 6, 2; ld.d x20, x1, 0"], "1:x20", "1")
        yield _one(f"{write}, start, load", JOINED, [f"{stores}; tstart 1, body1; tjoin 1", "ld.d x20, x1, 0"], "1:x20", "1", later=[1])
        threads = ["tstart 1, body1; tjoin 1; ld.d x20, x1, 0", stores]
        yield _one(f"{write}, join, load", JOINED, threads, "0:x20", "1", later=[1])
    all_four = "0,0 0,1 1,0 1,1"
    for name, between, rule, allowed in (("fence, ", "fence; ", FENCED, "0,1 1,0 1,1"), ("", "", NOTHING, all_four)):
        threads = [f"st.d x10, x1, 0; {between}ld.d x20, x2, 0", f"st.d x10, x2, 0; {between}ld.d x20, x1, 0"]
        yield _one(f"store, {name}load; the other way round", rule, threads, "0:x20 1:x20", allowed, "0,0" if between else "")
        threads = [f"st.d x10, x1, 0; {between}st.d x10, x2, 0", f"ld.d x20, x2, 0; {between}ld.d x21, x1, 0"]
        allowed = "0,0 0,1 1,1" if between else all_four
        yield _one(f"store, {name}store; load, {name}load", rule, threads, "1:x20 1:x21", allowed, "1,0" if between else "")
    yield _one("a word of a store", WORD, ["st.d x10, x1, 0", "ld.d x20, x1, 0"], "1:x20", "0 1", "a half")
    yield _one("a word of a vector store", WORD, ["vst.c v1, d1", "ld.d x20, x1, 32"], "1:x20", "0 1", "a half")
    yield _one("a vector of a vector store", NOTHING, ["vst.c v1, d1", "vld.c v20, d1"], "1:v20", "0 some 1", "")


def _code() -> Iterator[Litmus]:
    word = isa.BY_MNEMONIC["li"].encode(rd=20, imm=1)
    patch = f"li64 x5, {word}; lpc x6, patched; st.w x5, x6, 0; iflush"
    yield _one("store, iflush, run", FLUSHED, [f"{patch}; patched: li x20, 2"], "0:x20", "0x1", "0x2")
    there = "wait 3, 1; patched: li x20, 2"
    yield _one("store, iflush, raise; wait, run", FLUSHED, [f"{patch}; raise 3, 1", there], "1:x20", "0x1", "0x2")


TABLE: tuple[Litmus, ...] = (*_own(), *_semaphores(), *_others(), *_code())


# --- programs ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """A program of a litmus test, disturbed, and what is in memory before it."""

    litmus: Litmus
    program: Program
    memory: list[tuple[int, bytes]]
    launches: list[Launch]

    def outcome(self, results: Mapping[int, bytes]) -> Outcome:
        """What was observed; ``results``: by thread, the bytes at ``results_of``."""
        found = []
        for k, place in enumerate(self.litmus.observed):
            value = int.from_bytes(results[int(place[0])][8 * k : 8 * k + 8], "little")
            found.append(("0", "some", "1")[value] if place[2] == "v" else NAMED.get(value, f"{value:#x}"))
        return tuple(found)


def results_of(thread: int) -> int:
    return RESULTS + 64 * thread


def disturbed(litmus: Litmus, rng: random.Random) -> Run:
    """The program with other instructions between its own, threads that come at other moments, others at the same memory ports."""
    launched = [t for t in range(len(litmus.threads)) if t not in litmus.later]
    lines = []
    for t, text in enumerate(litmus.threads):
        lines += [f"body{t}:", *_prologue(t, len(launched) if t in launched else 0), *_filled(["nop", "nop"], rng, 0.8)]
        lines += [*_filled(text.split(";"), rng, rng.choice((0.0, 0.3, 0.7))), *_epilogue(litmus, t), "halt"]
    noisy = [t for t in range(len(litmus.threads), isa.THREADS) if rng.random() < 0.7]
    for t in noisy:
        lines += _noise(t, rng)
    program = assemble("\n".join(lines) + "\n", source="litmus")
    data = [(ONES, np.full(16, 1, "<u4").tobytes()), (TILE, np.ones(16, "<f4").tobytes())]
    zero = [(A, bytes(512)), (B, bytes(64)), (RESULTS, bytes(64 * isa.THREADS))]
    starts = [Launch(t, program.labels[f"body{t}"]) for t in rng.sample([*launched, *noisy], len(launched) + len(noisy))]
    return Run(litmus, program, [(PROGRAM_BASE, program.image), *data, *zero], starts)


def _descriptor(number: int, image: Descriptor) -> list[str]:
    low, high = image.pack()
    return [f"li64 x8, {low}", f"li64 x9, {high}", f"setd d{number}, x8, x9"]


def _line(address: int) -> Descriptor:
    return Descriptor(base=address // 8, rows=1, columns=64)


def _prologue(t: int, together: int) -> list[str]:
    lines = [f"li64 x1, {A}", f"li64 x2, {B}", f"li64 x10, {ONE}", f"li64 x11, {TWO}", f"li64 x7, {results_of(t)}"]
    lines += [*_descriptor(5, _line(ONES)), *_descriptor(6, _line(TILE)), "vld.c v1, d5", "vld.c v2, d6", "cld.row c1, v2, 0"]
    lines += [*_descriptor(1, _line(A)), *_descriptor(2, _line(B))]
    lines += _descriptor(3, Descriptor(base=A // 8, row_pitch=8, rows=8, columns=8))
    lines += _descriptor(4, Descriptor(base=A // 8, row_pitch=4, rows=8, columns=8, elem=2))
    lines += ["li x20, 0", "li x21, 0", "vxor v20, v20, v20", "li x30, 3", "fence"]
    return lines + ([f"barrier 7, {together}"] if together > 1 else [])


def _filled(lines: Iterable[str], rng: random.Random, often: float) -> list[str]:
    """With instructions that take time, and change nothing that is observed, before some of the lines."""
    filled = []
    for line in (part.strip() for text in lines for part in text.split(";")):
        if line and rng.random() < often:
            filled += [rng.choice(("nop", "nop", "addi x30, x30, 1", "mul x30, x30, x30"))] * rng.choice((1, 1, 2, 3, 5, 9))
        filled += [line] if line else []
    return filled


def _epilogue(litmus: Litmus, t: int) -> list[str]:
    lines = []
    for k, place in enumerate(litmus.observed):
        thread, _, register = place.partition(":")
        if int(thread) != t:
            continue
        if register[0] == "v":
            lines += [f"vany p1, {register}", f"vall p2, {register}", "li x22, 0", "(p1) li x22, 1", "(p2) li x22, 2"]
            register = "x22"
        lines.append(f"st.d {register}, x7, {8 * k}")
    return lines


def _noise(t: int, rng: random.Random) -> list[str]:
    """A thread that uses memory of its own, with bank conflicts or without."""
    at, pitch = NOISE + NOISE_BYTES * t, rng.choice((8, 64, 9))
    lines = [f"body{t}:", f"li64 x1, {at}", "li x10, 7", *_descriptor(1, _line(at))]
    lines += [*_descriptor(3, Descriptor(base=at // 8, row_pitch=pitch, rows=8, columns=8)), "vxor v1, v1, v1"]
    kinds = ("vld.g8 v3, d3", "vst.g8 v1, d3", "vst.c v1, d1", "vld.c v3, d1", "ld.d x11, x1, 8", "st.d x10, x1, 16", "nop", "raise 9, 0")
    body = [rng.choice(kinds) for _ in range(rng.randint(3, 10))]
    return [*lines, f"loopi noise{t}, {rng.randint(4, 40)}", *body, f"nop\nnoise{t}: halt"]


def simulated(run: Run, config: NodeConfig, rng: random.Random) -> Outcome:
    """The outcome on the instruction-set simulator, whose threads go on in a random order, for a while each."""
    node = Node(config)
    for address, image in run.memory:
        node.write(address, image)
    for launch in run.launches:
        node.threads[launch.thread].start(launch.pc, ())
    simulator = Simulator(node, strict=True)
    while able := [thread for thread in node.threads if thread.runs]:
        thread = rng.choice(able)
        for _ in range(rng.choice((1, 1, 2, 5, 60))):
            if not thread.runs or simulator.step(thread) is None:
                break
    return run.outcome({t: node.read(results_of(t), 64) for t in range(len(run.litmus.threads))})

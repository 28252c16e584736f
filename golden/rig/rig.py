"""One random program: the threads' texts joined, and its data."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from golden.arch import isa
from golden.arch.config import NodeConfig
from golden.arch.encoding import opcode_of
from golden.arch.memmap import PROGRAM_BASE
from golden.asm import Program, assemble
from golden.kernels.job import Launch
from golden.rig.faults import FAULTS, fault
from golden.rig.memory import REGION, Layout, region_bytes, table_bytes
from golden.rig.snippets import Writer, render
from golden.rig.steer import numbered
from golden.rig.sync import Conductor

MAX_LENGTH = 3000


@dataclass(frozen=True)
class RigJob:
    """A program and what a host does with it: write ``inputs``, start ``launches``, wait for all of them.

    Attributes
    ----------
    text : the program, with a comment before every snippet.
    faulting : (thread, cause) when a thread was made to end in a fault, else None; what follows the fault is one ``halt``.
    """

    seed: int
    text: str
    program: Program
    inputs: list[tuple[int, bytes]]
    launches: list[Launch]
    faulting: tuple[int, str] | None = None


class Rig:
    """One random program.

    Parameters
    ----------
    seed : decides everything.
    config : the machine; only instructions of its features are used.
    length : about how many instructions each thread has beside its prologue; it executes at most a few times as many.
    threads : how many threads run, 1 to 4; chosen by the seed (mostly 4) when None.
    fault : a cause of ``FAULTS``, or "random": one thread ends in it instead of in ``halt``.
    reserved : bytes of SRAM for somebody else's use.
    wanted : numbers of points that it is steered to (golden.rig.steer.numbered).
    numbers : of the snippets; given by who composes the program (``conductor``), which is empty then.

    Raises
    ------
    ValueError
        When the length, thread count or cause does not exist, or the program does not fit the machine's SRAM.
    """

    def __init__(
        self,
        seed: int,
        config: NodeConfig,
        length: int = 100,
        threads: int | None = None,
        fault: str | None = None,
        reserved: int = 0,
        numbers: Iterator[int] | None = None,
        wanted: Collection[int] = (),
    ) -> None:
        if not 1 <= length <= MAX_LENGTH:
            raise ValueError(f"rig: a length of {length} instructions does not exist: 1 to {MAX_LENGTH}")
        if threads is not None and not 1 <= threads <= isa.THREADS:
            raise ValueError(f"rig: {threads} threads, a node has 1 to {isa.THREADS}")
        if fault not in (None, "random", *FAULTS):
            raise ValueError(f"rig: no fault {fault!r}: there are random, {', '.join(FAULTS)}")
        self.seed, self.config, self.length = seed, config, length
        known = numbered(config.features)
        if outside := [number for number in wanted if not 0 <= number < len(known)]:
            raise ValueError(f"rig: no point {outside[0]}: there are {len(known)}")
        self._asked = {"threads": threads, "fault": fault, "wanted": ",".join(map(str, wanted)) or None}
        points = [known[number] for number in wanted]
        rng = random.Random(f"rig/{seed}/{config.name}/{length}")
        self.threads = threads or rng.choice((4, 4, 4, 4, 3, 2, 1))
        self.layout = Layout(config.sram_bytes, reserved)
        self.started_by_program = self.threads > 1 and rng.random() < 0.3
        self.writers = [Writer(t, config, self.layout, random.Random(rng.random()), length, points) for t in range(self.threads)]
        order = random.Random(rng.random())
        self.conductor = Conductor(self.writers, self.layout, order, itertools.count() if numbers is None else numbers)
        if numbers is None:
            self.conductor.compose()
        self.again = [t for t in range(1, self.threads) if self.started_by_program and rng.random() < 0.3]
        self.args = [tuple(rng.getrandbits(64) for _ in range(8)) for _ in range(self.threads)]
        self.faulting = self._choose_fault(rng, fault)
        # By thread: what it does at its end, given by who composes the program.
        self.last: dict[int, list[str]] = {}

    def _choose_fault(self, rng: random.Random, fault: str | None) -> tuple[int, str] | None:
        if fault is None:
            return None
        thread = 0 if self.started_by_program else rng.randrange(self.threads)  # one that the host starts and hears of
        return thread, rng.choice(list(FAULTS)) if fault == "random" else fault

    @property
    def options(self) -> str:
        """Options of ``python -m sim shrink`` that mean this program."""
        asked = [f"--{name} {value}" for name, value in self._asked.items() if value is not None]
        return " ".join([f"--seed {self.seed} --length {self.length} --config {self.config.name}", *asked])

    def numbers(self) -> list[int]:
        """Every snippet's number; those of a message or barrier belong to several threads."""
        return sorted({number for writer in self.writers for snippet in writer.snippets for number in snippet.numbers()})

    def text(self, keep: Collection[int] | None = None) -> str:
        """The assembly text with the snippets in ``keep`` only (all when None)."""
        lines = [f"; rig: seed {self.seed}, {self.config.name}, length {self.length}, {self.threads} threads"]
        for writer in self.writers:
            lines += self._thread(writer, keep)
        return "\n".join(lines) + "\n"

    def _thread(self, writer: Writer, keep: Collection[int] | None) -> list[str]:
        t = writer.thread
        lines = [f"; ==== thread {t}", f"start{t}:"]
        if t == 0:
            lines += [f"        raise {pool}, {tokens}" for pool, tokens in self.conductor.pools.items()]
            if self.started_by_program:
                lines += [f"        tstart {other}, start{other}" for other in range(1, self.threads)]
        lines += writer.prologue(given=not (t and self.started_by_program))
        for snippet in writer.snippets:
            lines += render(snippet, keep)
        if t == 0 and self.started_by_program:
            for other in range(1, self.threads):
                lines.append(f"        tjoin {other}")
                if other in self.again:
                    lines += [f"        tstart {other}, again{other}", f"        tjoin {other}"]
        if self.faulting and self.faulting[0] == t:
            lines += [f"; ---- the fault {self.faulting[1]}", *fault(writer, self.faulting[1])]
        lines += [*self.last.get(t, ()), "        halt"]
        if t in self.again:
            lines += [f"again{t}:", "        add x1, x2, x3", "        xor x4, x1, x5", "        halt"]
        for name, body in writer.routines:
            lines += [f"{name}:", *body, "        jr x31"]
        return lines

    def job(self, keep: Collection[int] | None = None) -> RigJob:
        """The program with its data; ``keep`` as for ``text``."""
        text = self.text(keep)
        program = assemble(text, source=f"rig{self.seed}")
        if program.end > self.layout.bottom:
            raise ValueError(
                f"rig: the program needs {program.end - PROGRAM_BASE} bytes, {self.layout.bottom - PROGRAM_BASE} of the "
                f"{self.config.sram_bytes} bytes of SRAM are left in {self.config.name}"
            )
        data = np.random.default_rng([self.seed, 1])
        inputs = [(program.origin, program.image)]
        for writer in self.writers:
            t = writer.thread
            inputs.append((self.layout.region(t), region_bytes(data, REGION)))
            inputs.append((self.layout.table(t), table_bytes(data, writer.images)))
        started = [0] if self.started_by_program else range(self.threads)
        launches = [Launch(t, program.labels[f"start{t}"], self.args[t]) for t in started]
        return RigJob(self.seed, text, program, inputs, launches, self.faulting)


def instructions(program: Program) -> Counter[str]:
    """How often each instruction stands in a program."""
    return Counter(isa.BY_OPCODE[opcode_of(word)].mnemonic for word in program.words if opcode_of(word) in isa.BY_OPCODE)

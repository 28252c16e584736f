"""How much a kernel's text asks of each pipe, counted from the text: loops run as often as they say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from golden.arch import isa
from golden.arch.classes import Flow, Port
from golden.arch.encoding import Insn
from golden.asm import assemble
from golden.kernels.kernel import Kernel

_COUNTED = re.compile(r"^(\w+):\n +addi (x\d+), \2, -1\n", re.MULTILINE)


@dataclass(frozen=True)
class Work:
    """Cycles of the matrix pipe and of the SIMD pipe, and instructions of every kind."""

    matrix: int = 0
    simd: int = 0
    instructions: int = 0

    @property
    def cycles(self) -> int:
        """What the busier pipe takes."""
        return max(self.matrix, self.simd)


@lru_cache(maxsize=1 << 12)
def work(kernel: Kernel) -> Work:
    """The work of a kernel."""
    return work_of(kernel.text("work"))


def work_of(text: str) -> Work:
    """The work of a subroutine; a loop whose count the text does not show counts once.

    A loop whose body is too long for the hardware begins by counting a register down at a label, and ends with the branch to it.
    """
    matrix = simd = instructions = 0
    open_loops: list[tuple[str, int]] = []  # where each ends, and how often its body runs in all
    known: dict[str, int] = {}
    counters = {match[1]: match[2] for match in _COUNTED.finditer(text)}
    for line in text.splitlines():
        label, _, rest = line.partition(":") if ":" in line else ("", "", line)
        label = label.strip()
        while open_loops and open_loops[-1][0] == label:
            open_loops.pop()
        if label in counters:
            open_loops.append((f"br {label}", (open_loops[-1][1] if open_loops else 1) * known.get(counters[label], 1)))
        if not (words := rest.replace(",", " ").split()):
            continue
        words = words[1:] if words[0].startswith("(") else words
        times = open_loops[-1][1] if open_loops else 1
        insn = isa.BY_MNEMONIC.get(words[0])
        # A name of the assembler's own, such as a constant of 64 bits, stands for several words.
        instructions += times * (1 if insn else len(assemble(rest).words))
        if insn and insn.port is Port.MATRIX:
            matrix += times
        elif insn and insn.port is Port.SIMD:
            simd += times * (2 if insn.special else 1)
        elif insn and _constant(insn) and words[2].isdecimal():
            known[words[1]] = int(words[2])
        elif insn and insn.flow in (Flow.LOOP, Flow.LOOPI):
            count = int(words[2]) if insn.flow is Flow.LOOPI else known.get(words[2], 1)
            open_loops.append((words[1], times * count))
        elif open_loops and open_loops[-1][0] == " ".join(words):
            open_loops.pop()
    return Work(matrix, simd, instructions)


def _constant(insn: Insn) -> bool:
    """Whether it does nothing but put a number into a register."""
    return [(operand.name, operand.reads) for operand in insn.operands] == [("rd", False), ("imm", True)]

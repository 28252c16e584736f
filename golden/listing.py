"""Programs, traces and registers as text: one form for simulator and RTL."""

from __future__ import annotations

from golden.arch.trace import Record
from golden.asm import Program, disassemble
from golden.iss.state import Thread

_SHOWN = 32  # bytes of a vector or a store that a trace line shows


def program_listing(program: Program) -> str:
    """Address, word and instruction of every word, labels between them."""
    names: dict[int, list[str]] = {}
    for label, address in program.labels.items():
        names.setdefault(address, []).append(label)
    lines = []
    for i, word in enumerate(program.words):
        address = program.origin + 4 * i
        lines += [f"{label}:" for label in names.get(address, [])]
        lines.append(f"  {address:06x}  {word:08x}  {disassemble(word, address, {a: ls[0] for a, ls in names.items()})}")
    return "\n".join(lines)


def trace_line(record: Record) -> str:
    """One retired instruction: thread, number, pc, text, and what it changed."""
    text = disassemble(record.word, record.pc)
    effects = "  ".join(_effect(*effect) for effect in record.effects)
    note = effects if record.executed else "predicate false"
    return f"t{record.thread} #{record.seq:<5} {record.pc:06x}  {text:44} {note}".rstrip()


def _effect(letter: str, index: int, value: int | bytes) -> str:
    if isinstance(value, bytes):
        shown = value[:_SHOWN].hex() + ("..." if len(value) > _SHOWN else "")
        return f"[{index:#x}]={shown}" if letter == "m" else f"{letter}{index}={shown}"
    if letter == "s":
        return f"sem[{index}]+={value}"
    return f"{letter}{index}={value:#x}"


def registers(thread: Thread) -> str:
    """Scalar registers, predicates, loops and state of a thread."""
    rows = ["  ".join(f"x{i:<2} {thread.x[i]:016x}" for i in range(row, row + 4)) for row in range(0, 32, 4)]
    predicates = " ".join(f"p{i}={int(value)}" for i, value in enumerate(thread.p))
    loops = ", ".join(f"{loop.start:#x}-{loop.last:#x} {loop.left} left" for loop in thread.loops) or "none"
    return "\n".join([*rows, predicates, f"loops: {loops}", f"pc {thread.pc:#x}, {thread.state.name}"])

"""Programs, traces and registers as text: one form for simulator and RTL."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from golden.arch.descriptor import STEP_BACK, STEP_Y
from golden.arch.trace import Record
from golden.asm import Program, disassemble
from golden.iss.state import Thread
from golden.numerics import matrix


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


def _bf16(data: bytes) -> NDArray[np.float32]:
    return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)


# How the bytes of a vector or of memory are shown: name, bytes of a value, values.
FORMATS: dict[str, tuple[int, Callable[[bytes], NDArray]]] = {
    "u8": (1, lambda data: np.frombuffer(data, "<u1")),
    "i8": (1, lambda data: np.frombuffer(data, "<i1")),
    "u16": (2, lambda data: np.frombuffer(data, "<u2")),
    "i16": (2, lambda data: np.frombuffer(data, "<i2")),
    "u32": (4, lambda data: np.frombuffer(data, "<u4")),
    "i32": (4, lambda data: np.frombuffer(data, "<i4")),
    "u64": (8, lambda data: np.frombuffer(data, "<u8")),
    "i64": (8, lambda data: np.frombuffer(data, "<i8")),
    "fp32": (4, lambda data: np.frombuffer(data, "<f4")),
    "bf16": (2, _bf16),
}
HEX = "hex"


def values(data: bytes, form: str = HEX) -> str:
    """The bytes as text: pairs of digits in groups of 8 bytes, or numbers of a format of ``FORMATS``; what is left over is in digits."""
    if form == HEX:
        return " ".join(data[i : i + 8].hex() for i in range(0, len(data), 8))
    size, read = FORMATS[form]
    cut = len(data) // size * size
    shown = [f"{value:.6g}" if value.dtype.kind == "f" else str(value) for value in read(data[:cut])]
    return " ".join([*shown, *filter(None, [data[cut:].hex()])])


def trace_line(record: Record, form: str = HEX) -> str:
    """One retired instruction: thread, number, pc, text, and what it changed; vectors and stored bytes in the given form."""
    text = disassemble(record.word, record.pc)
    effects = "  ".join(effect(*one, form) for one in record.effects)
    note = effects if record.executed else "predicate false"
    return f"t{record.thread} #{record.seq:<5} {record.pc:06x}  {text:44} {note}".rstrip()


def effect(letter: str, index: int, value: int | bytes, form: str = HEX) -> str:
    """What an effect of a record changed, and to what."""
    if isinstance(value, bytes):
        name = f"[{index:#x}]" if letter == "m" else f"{letter}{index}"
        return f"{name}={values(value, form)}"
    if letter == "s":
        return f"sem[{index}]+={value}"
    if letter == "d":  # its inner position: the base, which counts 8 bytes
        return f"d{index} at {8 * value:#x}"
    return f"{letter}{index}={value:#x}"


def descriptor(thread: Thread, index: int) -> str:
    """The inner position of a descriptor, field by field as ``.desc`` takes them, and where the outer one stands."""
    inner, outer = thread.inner[index], thread.outer[index]
    fields = "  ".join(f"{field.name} {_field(field.name, getattr(inner, field.name))}" for field in dataclasses.fields(inner))
    return f"d{index}: {fields}\n    outer: base {_field('base', outer.base)}, y0 {outer.y0}, x0 {outer.x0}"


def _field(name: str, value: int) -> str:
    match name:
        case "base":
            return f"{8 * value:#x}"
        case "row_pitch" | "pixel":
            return str(8 * value)
        case "elem" | "width":
            return str(1 << value)
        case "inner" | "outer":
            return f"{'y' if value & STEP_Y else 'x'}{'-' if value & STEP_BACK else '+'}{1 << (value & 7)}"
    return str(value)


def accumulators(thread: Thread, index: int) -> str:
    """The 8x8 elements of an accumulator as the numbers that they stand for, rounded to FP32."""
    rows = matrix.drain_f32(thread.c[index]).view(np.float32)
    return "\n".join(" ".join(f"{value:12.6g}" for value in row) for row in rows)


def registers(thread: Thread) -> str:
    """Scalar registers, predicates, loops and state of a thread."""
    rows = ["  ".join(f"x{i:<2} {thread.x[i]:016x}" for i in range(row, row + 4)) for row in range(0, 32, 4)]
    predicates = " ".join(f"p{i}={int(value)}" for i, value in enumerate(thread.p))
    loops = ", ".join(f"{loop.start:#x}-{loop.last:#x} {loop.left} left" for loop in thread.loops) or "none"
    return "\n".join([*rows, predicates, f"loops: {loops}", f"pc {thread.pc:#x}, {thread.state.name}"])

"""Words to text."""

from __future__ import annotations

from golden.arch import isa
from golden.arch.encoding import OperandKind, pred_of
from golden.asm.operands import REGISTERS

_ALL_FEATURES = frozenset(isa.FEATURES)


def disassemble(word: int, pc: int = 0, labels: dict[int, str] | None = None) -> str:
    """One instruction as text that assembles to the same word at ``pc``; ``.word`` for one that is illegal or that no text gives."""
    insn = isa.lookup(word, _ALL_FEATURES)
    values = insn.decode(word) if insn else {}
    if insn is None or not all(op.limits[0] <= values[op.name] <= op.limits[1] for op in insn.operands):
        return f".word {word:#010x}"
    parts, trailing = [], []
    for op in insn.operands:
        value = values[op.name]
        if op.kind is OperandKind.TILE:
            if value:
                parts[-1] += f"[{value >> 2},{value & 3}]"
        elif op.kind is OperandKind.FLAG:
            trailing += [op.name] if value else []
        elif op.kind is OperandKind.CHOICE:
            trailing += [op.choices[value]] if value else []
        elif op.kind in REGISTERS:
            parts.append(f"{REGISTERS[op.kind]}{value}")
        elif op.kind is OperandKind.LABEL:
            target = pc + 4 * value
            parts.append((labels or {}).get(target, f"{target:#x}" if target >= 0 else str(target)))
        else:
            parts.append(str(value))
    pred = f"(p{pred_of(word)}) " if pred_of(word) else ""
    operands = ", ".join(parts + trailing)
    return f"{pred}{insn.mnemonic} {operands}".rstrip()

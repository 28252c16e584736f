"""How a meaning is bound to its record of the instruction table: by name and list of operands, both checked when it is imported.

A meaning is a function ``(node, thread, operands) -> effects``; ``operands`` are the decoded fields by name, the instruction's ``pc`` and
``word``. It changes the state and returns what it changed (golden.arch.trace); a control instruction sets ``thread.pc``, which the
caller has already moved past the instruction. It raises FaultStop or Blocked before it changes anything.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import numpy as np

from golden.arch import isa
from golden.arch.classes import Flow, Port
from golden.arch.encoding import Insn
from golden.arch.trace import Effect
from golden.iss.state import MASK64, Node, Thread
from golden.numerics import matrix

Operands = dict[str, int]
Meaning = Callable[[Node, Thread, Operands], list[Effect]]
FEATURES = frozenset(isa.FEATURES) - {"load-execute"}
"""Parts of the machine whose instructions have a meaning here."""

SEMANTICS: dict[str, Meaning] = {}


def _operands(insn: Insn) -> str:
    return " ".join(op.name for op in insn.operands)


def bind(mnemonic: str, operands: str, meaning: Meaning) -> None:
    """Enter the meaning of one instruction whose operands have these names, in this order.

    Raises
    ------
    ValueError
        When the table has no such instruction, its operands are others, or it has a meaning already.
    """
    insn = isa.BY_MNEMONIC.get(mnemonic)
    if insn is None:
        raise ValueError(f"a meaning is bound to {mnemonic}, which is no instruction of the table")
    if _operands(insn) != operands:
        raise ValueError(f"a meaning is bound to {mnemonic} with the operands ({operands}), the table has ({_operands(insn)})")
    if mnemonic in SEMANTICS:
        raise ValueError(f"{mnemonic} has a meaning already")
    SEMANTICS[mnemonic] = meaning


def op(mnemonic: str, operands: str = "") -> Callable[[Meaning], Meaning]:
    """Decorates the meaning of one instruction."""

    def enter(meaning: Meaning) -> Meaning:
        bind(mnemonic, operands, meaning)
        return meaning

    return enter


def each(port: Port, operands: str, flow: Flow = Flow.PLAIN) -> Callable[[Callable[[Insn], Meaning]], Callable[[Insn], Meaning]]:
    """Decorates a function that makes the meaning of every instruction of a port with these operands from its record.

    Raises
    ------
    ValueError
        When the table has none, or ``make`` looks up in vain what the record of one says.
    """

    def enter(make: Callable[[Insn], Meaning]) -> Callable[[Insn], Meaning]:
        chosen = [i for i in isa.TABLE if i.port is port and i.flow is flow and i.feature in FEATURES and _operands(i) == operands]
        if not chosen:
            raise ValueError(f"a meaning is bound to {port.name} instructions with the operands ({operands}), and there are none")
        for insn in chosen:
            try:
                bind(insn.mnemonic, operands, make(insn))
            except KeyError as missing:
                raise ValueError(f"{insn.mnemonic}: {make.__module__} has nothing for {_name(missing.args[0])}") from None
        return make

    return enter


def _name(key: object) -> str:
    return key.name if isinstance(key, Enum) else str(key)


def check_complete() -> None:
    """Raise ValueError when an instruction of FEATURES has no meaning: it names the first."""
    for insn in isa.TABLE:
        if insn.feature in FEATURES and insn.mnemonic not in SEMANTICS:
            raise ValueError(f"golden.iss.semantics binds no meaning to {insn.mnemonic} ({_operands(insn)})")


# --- what meanings write -----------------------------------------------------------------------------------------------------


def set_x(t: Thread, index: int, value: int) -> list[Effect]:
    if index == 0:
        return []
    t.x[index] = value & MASK64
    return [("x", index, t.x[index])]


def set_p(t: Thread, index: int, value: bool) -> list[Effect]:
    if index == 0:
        return []
    t.p[index] = bool(value)
    return [("p", index, int(value))]


def set_v(t: Thread, index: int, value: np.ndarray) -> list[Effect]:
    t.v[index] = value
    return [("v", index, t.v[index].tobytes())]


def set_c(t: Thread, index: int, value: matrix.Accumulators) -> list[Effect]:
    t.c[index] = value
    return [("c", index, int(matrix.digest(value.raw())))]

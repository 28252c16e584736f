"""Control registers: opcodes 0x1e0 to 0x1ff."""

from __future__ import annotations

from golden.arch.classes import Port
from golden.arch.encoding import F2, Insn, Operand, OperandKind
from golden.arch.isa.operands import RA, RD

CSR = Operand("csr", OperandKind.UINT, F2, 10)

TABLE = [
    Insn("csrr", 0x1E0, Port.CSR, (RD, CSR), "x[rd] = control register csr (section Control registers)", "system", faults=("ILLEGAL",)),
    Insn("csrw", 0x1E1, Port.CSR, (RA, CSR), "control register csr = x[ra]", "system", faults=("ILLEGAL", "BIAS")),
]

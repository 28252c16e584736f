"""What issue and register file need to know of a vector instruction, by opcode: a read-only memory made from golden.arch.isa."""

from amaranth.lib import data

from golden.arch import isa
from golden.arch.encoding import F1, F2, F3, OPCODE_BITS, Kind, Unit
from golden.arch.simd_ops import SIMD_OP_BITS
from rtl.core.interfaces import VectorEntry
from rtl.core.matrix.accumulators import LoadKind

Row = data.StructLayout(
    {
        # A SIMD operation, or else a step or an accumulator load.
        "simd": 1,
        # Registers read by fields 1, 2 and 3; written by field 0.
        "reads_a": 1,
        "reads_b": 1,
        "reads_c": 1,
        "writes_v": 1,
        # SIMD: operation, special function, result is a predicate, and that of all lanes instead of any.
        "op": SIMD_OP_BITS,
        "special": 1,
        "is_predicate": 1,
        "all": 1,
        # Matrix: a step, or else what a load brings.
        "step": 1,
        "load_kind": LoadKind,
    }
)
Queued = data.StructLayout({"entry": VectorEntry, "row": Row})
"""An instruction at the head of its queue."""

LOAD_KINDS = {"cld.f32": LoadKind.QUARTER, "cld.row": LoadKind.ROW, "cld.raw": LoadKind.RAW}
OPCODES = 1 << OPCODE_BITS


def row(opcode: int) -> dict:
    """The record of an opcode; of no consequence for one that no vector queue gets."""
    insn = isa.BY_OPCODE.get(opcode)
    if insn is None or insn.unit not in (Unit.SIMD, Unit.MATRIX):
        return {"load_kind": LoadKind.QUARTER}
    reads = {operand.lo for operand in insn.operands if operand.kind is Kind.V and not operand.writes}
    return {
        "simd": int(insn.unit is Unit.SIMD),
        "reads_a": int(F1 in reads),
        "reads_b": int(F2 in reads),
        "reads_c": int(F3 in reads),
        "writes_v": int(any(operand.kind is Kind.V and operand.writes for operand in insn.operands)),
        "op": insn.simd_op or 0,
        "special": int(isa.is_special(insn)),
        "is_predicate": int(any(operand.kind is Kind.P for operand in insn.operands)),
        "all": int(insn.opcode == isa.SIMD_TEST["all"]),
        "step": int(insn.unit is Unit.MATRIX and insn.mnemonic not in LOAD_KINDS),
        "load_kind": LOAD_KINDS.get(insn.mnemonic, LoadKind.QUARTER),
    }

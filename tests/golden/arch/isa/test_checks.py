"""The rules that the instruction table keeps: a table that breaks one is refused in a sentence."""

from typing import Any

import pytest

from golden.arch import isa
from golden.arch.classes import DescriptorUse, Flow, Format, Matrix, Port, Reduce
from golden.arch.encoding import Insn, Operand, OperandKind
from golden.arch.isa.checks import check_table


def insn(mnemonic: str, opcode: int, *operands: Operand, port: Port = Port.ALU, **more: Any) -> Insn:
    return Insn(mnemonic, opcode, port, operands, "", "test", **more)


def test_the_table_keeps_them():
    check_table(isa.TABLE)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ([insn("a", 0)], "a: opcode 0 does not fit 9 bits, or is 0"),
        ([insn("a", 512)], "a: opcode 512 does not fit"),
        ([insn("a", 1), insn("b", 1)], "b and a share opcode 0x1"),
        ([insn("a", 1), insn("a", 2)], "mnemonic a appears twice"),
        ([insn("a", 1, Operand("p", OperandKind.X, 8, 5))], "a: operand p overlaps"),
        ([insn("a", 1, Operand("p", OperandKind.X, 12, 5), Operand("q", OperandKind.X, 16, 5))], "a: operand q overlaps"),
        ([insn("a", 1, Operand("p", OperandKind.X, 28, 5))], "a: operand p overlaps"),
        ([insn("a", 1, Operand("p", OperandKind.X, 13, 5))], "a: operand p lies at bit 13, where no X is"),
        ([insn("a", 1, Operand("p", OperandKind.C, 17, 3))], "a: operand p lies at bit 17, where no C is"),
        ([insn("a", 1, Operand("p", OperandKind.CHOICE, 17, 2, choices=("x", "y")))], "the choice p at bit 17 is none that decode knows"),
    ],
)
def test_a_wrong_table_is_refused(table, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_table(table)


@pytest.mark.parametrize(
    ("port", "more", "field"),
    [
        (Port.SIMD, {}, "simd_op"),
        (Port.ALU, {"simd_op": 0}, "simd_op"),
        (Port.SIMD, {"simd_op": 0, "reduce": Reduce.ANY}, "reduce"),
        (Port.SIMD, {"simd_op": 0, "flow": Flow.BR}, "flow"),
        (Port.MATRIX, {}, "matrix"),
        (Port.MATRIX, {"matrix": Matrix.STEP, "a_format": Format.BF16}, "b_format"),
        (Port.ALU, {"matrix": Matrix.LOAD_RAW}, "matrix"),
        (Port.DRAIN, {}, "format"),
        (Port.VSTORE, {"format": Format.FP32}, "format"),
        (Port.VLOAD, {"pieces": 4, "piece": 8}, "pieces"),
        (Port.ALU, {"size": 3}, "size"),
        (Port.DESC, {"descriptor": DescriptorUse.SET}, "descriptor"),
    ],
)
def test_a_class_that_does_not_fit_is_refused(port, more, field):
    with pytest.raises(ValueError, match=f"a: {field} and port {port.name} do not fit each other"):
        check_table([insn("a", 1, port=port, **more)])


def test_what_ends_in_the_front_end_has_no_register():
    with pytest.raises(ValueError, match="a: queue and port FRONT do not fit each other"):
        check_table([insn("a", 1, Operand("ra", OperandKind.X, 17, 5), port=Port.FRONT)])

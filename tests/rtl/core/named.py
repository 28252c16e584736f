"""What the word of a scalar instruction names, from its record: the decoder's Names, found another way."""

from golden.arch.classes import DescriptorUse
from golden.arch.encoding import Insn, OperandKind


def names(insn: Insn, word: int) -> dict[str, int]:
    """Initial values of a Names; 0 for what the instruction does not name."""
    values = insn.decode(word)
    a, b = (values[operand.name] if operand else 0 for operand in insn.sources)
    step = {DescriptorUse.STEP: values.get("which", 0) + 1, DescriptorUse.ACCESS: values.get("step", 0)}.get(insn.descriptor, 0)
    descriptor = insn.of_kind(OperandKind.D)
    return {
        "a": a,
        "b": b,
        "d": values[descriptor.name] if descriptor else 0,
        "step": step,
        "changes_d": int(insn.descriptor is DescriptorUse.SET or step > 0),
    }

"""Meanings are bound by name and operand list, and every record of a known part has exactly one."""

import pytest

from golden.arch import isa
from golden.arch.classes import Port
from golden.iss.semantics import FEATURES, SEMANTICS, binding


def nothing(n, t, o):
    return []


def test_every_base_record_has_a_meaning_and_nothing_else_has():
    assert set(SEMANTICS) == {insn.mnemonic for insn in isa.TABLE if insn.feature in FEATURES}


@pytest.mark.parametrize(
    ("mnemonic", "operands", "sentence"),
    [
        ("adx", "rd ra rb", "a meaning is bound to adx, which is no instruction of the table"),
        ("add", "rd ra", r"bound to add with the operands \(rd ra\), the table has \(rd ra rb\)"),
        ("add", "rd rb ra", r"bound to add with the operands \(rd rb ra\), the table has \(rd ra rb\)"),
        ("add", "rd ra rb", "add has a meaning already"),
    ],
)
def test_a_wrong_binding_is_refused(mnemonic, operands, sentence):
    with pytest.raises(ValueError, match=sentence):
        binding.op(mnemonic, operands)(nothing)


def test_a_family_without_members_is_refused():
    with pytest.raises(ValueError, match=r"bound to SIMD instructions with the operands \(vd vq\), and there are none"):
        binding.each(Port.SIMD, "vd vq")(lambda insn: nothing)


@pytest.mark.parametrize("mnemonic", ["add", "step.bf16", "drain.raw", "csrw"])
def test_a_missing_meaning_is_named(mnemonic, monkeypatch):
    monkeypatch.delitem(SEMANTICS, mnemonic)
    with pytest.raises(ValueError, match=f"binds no meaning to {mnemonic} "):
        binding.check_complete()

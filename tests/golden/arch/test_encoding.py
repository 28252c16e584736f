"""The word format against words worked by hand."""

import pytest

from golden.arch import encoding
from golden.arch.classes import Port
from golden.arch.encoding import Insn, Operand, OperandKind
from golden.arch.isa import BY_MNEMONIC, BY_OPCODE, TABLE
from golden.asm import assemble, disassemble
from tests.golden.vectors import read

WORDS = read.rows("words.txt")
PC = 0x100


def bits_of(text: str) -> int:
    """A word from its six fields, written from bit 31 down."""
    widths = [len(part) for part in text.split()]
    assert widths == [5, 5, 5, 5, 3, 9], f"{text}: not five, five, five, five, three and nine bits"
    return int(text.replace(" ", ""), 2)


def test_every_derivation_spells_its_word():
    for text, bits, word, *_ in WORDS:
        assert bits_of(bits) == int(word, 16), text


def test_hand_made_words_assemble_and_disassemble():
    for text, _, word, *_ in WORDS:
        assert assemble(text, PC).words == [int(word, 16)], text
        assert disassemble(int(word, 16), PC) == text


def test_every_instruction_has_a_hand_made_word():
    seen = {BY_OPCODE[int(word, 16) & 0x1FF].mnemonic for _, _, word, *_ in WORDS}
    without = set(BY_MNEMONIC) - seen
    assert not without, f"tests/golden/vectors/words.txt has no word worked by hand for {', '.join(sorted(without))}"


def test_every_bit_of_the_word_is_a_one_somewhere_by_hand():
    """Field extremes: each bit of each operand position stands as one and as zero in some hand-made word of its kind."""
    for insn in TABLE:
        for operand in insn.operands:
            group = [int(w, 16) for _, _, w, *_ in WORDS if same_place(BY_OPCODE[int(w, 16) & 0x1FF], operand)]
            ones, zeros = 0, 0
            for word in group:
                ones, zeros = ones | word, zeros | ~word
            never = 1 << 31 if insn.mnemonic == "loop" else 1 << 21 if insn.mnemonic == "loopi" else 0  # loops run forwards
            assert operand.mask & ~(ones & zeros) & ~never == 0, f"{insn.mnemonic} {operand.name}: {operand.mask & ~(ones & zeros):#x}"


def same_place(insn: Insn, operand: Operand) -> bool:
    return any(other.lo == operand.lo and other.width == operand.width and other.kind == operand.kind for other in insn.operands)


def test_limits_of_an_operand():
    unsigned, signed = Operand("u", OperandKind.UINT, 22, 10), Operand("s", OperandKind.SINT, 22, 10)
    assert unsigned.limits == (0, 1023) and signed.limits == (-512, 511)
    assert signed.put(-512) == 0x80000000 and signed.get(0x80000000) == -512
    assert signed.put(511) == 0x7FC00000 and unsigned.get(0xFFC00000) == 1023
    for operand, bad in ((unsigned, -1), (unsigned, 1024), (signed, -513), (signed, 512)):
        with pytest.raises(ValueError, match=f"{operand.name} = {bad} does not fit: "):
            operand.put(bad)
    choice = Operand("c", OperandKind.CHOICE, 20, 2, choices=("a", "b", "c"))
    with pytest.raises(ValueError, match="c = 3 does not fit: 0 to 2"):
        choice.put(3)


def test_encode_refuses_what_does_not_exist():
    add = BY_MNEMONIC["add"]
    with pytest.raises(ValueError, match="predicate p8 does not exist"):
        add.encode(8, rd=1, ra=2, rb=3)
    with pytest.raises(ValueError, match="add has no operand imm"):
        add.encode(rd=1, ra=2, rb=3, imm=0)
    with pytest.raises(ValueError, match="add needs operand rb"):
        add.encode(rd=1, ra=2)
    with pytest.raises(KeyError, match="add has no operand imm"):
        add.operand("imm")
    assert add.operand("rb").lo == 22


def test_a_word_apart():
    """0x00c41240: f2 = 3, f1 = 2, f0 = 1, predicate 1, opcode 0x040."""
    word = 3 << 22 | 2 << 17 | 1 << 12 | 1 << 9 | 0x40
    assert (encoding.opcode_of(word), encoding.pred_of(word)) == (0x40, 1)
    assert BY_MNEMONIC["add"].decode(word) == {"rd": 1, "ra": 2, "rb": 3}


def test_accesses_move_their_base_and_extend_a_sign_by_their_names():
    scalar = {insn.mnemonic for insn in TABLE if insn.port in (Port.SLOAD, Port.SSTORE)}
    assert {insn.mnemonic for insn in TABLE if insn.post} == {name for name in scalar if name.startswith(("ldp.", "stp."))}
    signed = {name for name in scalar if name.startswith("ld") and name.endswith((".b", ".h", ".w"))}
    assert {insn.mnemonic for insn in TABLE if insn.signed} == signed and len(signed) == 6

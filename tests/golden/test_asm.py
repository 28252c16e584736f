"""Assembler and disassembler: what each line becomes, and what is said of each mistake."""

import random

import pytest

from golden.arch import isa
from golden.arch.memmap import PROGRAM_BASE
from golden.asm import AsmError, assemble, disassemble
from golden.listing import program_listing

NOP = 1


def words(text: str, **options) -> list[int]:
    return assemble(text, **options).words


def addi(rd: int, ra: int, imm: int) -> int:
    return 0x50 | rd << 12 | ra << 17 | (imm & 0x3FF) << 22


# --- what is accepted ----------------------------------------------------------------------------------------------------------


def test_comments_blank_lines_and_labels():
    program = assemble("; all comment\n# too\n\n  a: b:\n\tnop ; after\nc: nop # after\nd:\n")
    assert program.words == [NOP, NOP] and program.origin == PROGRAM_BASE
    assert program.labels == {"a": 0x100, "b": 0x100, "c": 0x104, "d": 0x108}
    assert program.lines == [(5, "nop ; after"), (6, "c: nop # after")]
    assert program.end == 0x108 and program.image == b"\x01\0\0\0\x01\0\0\0"


def test_an_empty_text_is_an_empty_program():
    assert assemble("").words == [] and assemble("").image == b"" and assemble("").end == PROGRAM_BASE


def test_numbers_names_and_aliases():
    text = ".equ rows, 32\n.equ half, rows / 2\n.def base, x5\n.def again, base\n addi base, again, half - 1\n"
    assert words(text) == [addi(5, 5, 15)]
    assert words("addi x1, x2, given * 2", names={"given": 9}) == [addi(1, 2, 18)]


def test_aliases_of_every_kind():
    text = ".def A, d1\n.def acc, c2\n.def v, v3\n.def ok, p4\n(ok) drain.f32 acc, A[1,2], inner\nvcopy v, v\n"
    assert words(text) == words("(p4) drain.f32 c2, d1[1,2], inner\nvcopy v3, v3")


def test_labels_may_come_later_and_stand_in_expressions():
    program = assemble("br over\nnop\nover: lpc x1, over + 4\nli x2, over\n.word over")
    assert program.words[0] == 2 | 2 << 12
    assert program.words[2] == 0x62 | 1 << 12 | 1 << 17
    assert program.words[3] == 0x60 | 2 << 12 | 0x108 << 17
    assert program.words[4] == 0x108


def test_trailing_words_in_any_order_and_place():
    same = {tuple(words(f"drain.bf16 c1, d2{rest}")) for rest in (", relu, inner", ", inner, relu")}
    assert same == {tuple(words("drain.bf16 relu, c1, inner, d2"))}
    assert words("vld.c v1, d2, stay") == words("vld.c v1, d2[0, 0]") == words("vld.c v1, d2")


def test_tiles_take_expressions():
    assert words(".equ n, 3\nvld.g8 v1, d2[ 1 , n - (1 + 1) ]") == words("vld.g8 v1, d2[1,1]")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, [("li", 0)]),
        (16383, [("li", 16383)]),
        (-16384, [("li", -16384)]),
        (16384, [("li", 0), ("lih", 16384)]),
        (-16385, [("li", -1), ("lih", 16383)]),
        ((1 << 64) - 1, [("li", -1)]),
        (-(1 << 63), [("li", -8), ("lih", 0), ("lih", 0), ("lih", 0), ("lih", 0)]),
        (1 << 63, [("li", -8), ("lih", 0), ("lih", 0), ("lih", 0), ("lih", 0)]),
    ],
)
def test_li64_takes_as_many_words_as_it_needs(value, expected):
    assert words(f"(p3) li64 x7, {value}") == [isa.BY_MNEMONIC[m].encode(3, rd=7, imm=imm) for m, imm in expected]


def test_bias_writes_fp_mode():
    """7, 8 and 63 a byte each are 0x3f0807 = 4130823 = 126 * 2^15 + 2055; FP_MODE is control register 4."""
    (csrw, li, lih) = (isa.BY_MNEMONIC[m] for m in ("csrw", "li", "lih"))
    assert words("(p2) bias x5, 7, 8, 63") == [li.encode(2, rd=5, imm=126), lih.encode(2, rd=5, imm=2055), csrw.encode(2, ra=5, csr=4)]
    assert words("bias x1, 0, 0, 0\nhalt") == [li.encode(rd=1, imm=0), csrw.encode(ra=1, csr=4), 8]


def test_li64_builds_any_constant(seed):
    rng = random.Random(seed)
    for _ in range(300):
        value = rng.getrandbits(64) >> rng.randrange(64)
        built = 0
        for word in words(f"li64 x1, {value}"):
            insn = isa.BY_OPCODE[word & 0x1FF]
            imm = insn.decode(word)["imm"]
            built = (imm if insn.mnemonic == "li" else built << 15 | imm) & ((1 << 64) - 1)
        assert built == value


def test_pseudo_instructions_and_words():
    assert words("mv x1, x2") == [addi(1, 2, 0)]
    assert words(".word 0xdeadbeef\n.word -1") == [0xDEADBEEF, 0xFFFFFFFF]


def test_case_of_line_ends_and_tabs():
    assert words("nop\r\nnop\r\n\tnop") == [NOP] * 3


# --- mistakes --------------------------------------------------------------------------------------------------------------------

# Text, line, column (both from 1), what is said. The column is where the caret stands.
MISTAKES = [
    ("nop\nfrobnicate x1", 2, 1, "no instruction frobnicate"),
    ("ld x1, x2, 0", 1, 1, "no instruction ld; did you mean ld.b, ld.h, ld.w, ld.d, ld.bu, ld.hu, ld.wu?"),
    ("  ad x1, x2, x3", 1, 3, "no instruction ad; did you mean and, add, vand?"),
    ("add x1, x2", 1, 11, "add needs a scalar register x0 to x31 as rb"),
    ("add", 1, 4, "add needs a scalar register x0 to x31 as rd"),
    ("add x1, x2, ; x3", 1, 13, "expected a scalar register x0 to x31, found nothing"),
    ("add x1,, x2", 1, 8, "expected a scalar register x0 to x31, found nothing"),
    ("add x1, x2, x32", 1, 13, "expected a scalar register x0 to x31, found x32"),
    ("add x1, x2, x03", 1, 13, "expected a scalar register x0 to x31, found x03"),
    ("add x1, v2, x3", 1, 9, "expected a scalar register x0 to x31, found v2"),
    ("vcopy v1, x2", 1, 11, "expected a vector register v0 to v31, found x2"),
    ("cld.raw c8, v1, 0", 1, 9, "expected an accumulator c0 to c7, found c8"),
    ("pand p1, p8, p0", 1, 10, "expected a predicate p0 to p7, found p8"),
    ("vld.c v1, d8", 1, 11, "expected a descriptor d0 to d7, found d8"),
    ("vld.c v1, d2[0,1", 1, 11, "expected a descriptor d0 to d7, found d2[0,1"),
    ("vld.c v1", 1, 9, "vld.c needs a descriptor d0 to d7 as d"),
    ("vld.c v1, d2[2,0]", 1, 11, "tile [2,0] does not exist: row 0 to 1, column 0 to 3"),
    ("vld.c v1, d2[0,4]", 1, 11, "tile [0,4] does not exist"),
    ("vld.c v1, d2[-1,0]", 1, 11, "tile [-1,0] does not exist"),
    ("vld.c v1, d2[0,what]", 1, 16, "no label or number named what"),
    ("setd d1[0,1], x2, x3", 1, 6, "setd takes no tile offset"),
    ("drain.raw c1, d2[0,1]", 1, 15, "drain.raw takes no tile offset"),
    ("vld.c v1, d2, inner, outer", 1, 22, "outer: step is given twice"),
    ("drain.f32 c1, d2, relu, relu", 1, 25, "relu: relu is given twice"),
    ("drain.f32 c1, d2, sr", 1, 19, "drain.f32 takes no further operand but relu, stay, inner, outer"),
    ("add x1, x2, x3, x4", 1, 17, "add takes no further operand"),
    ("nop x1", 1, 5, "nop takes no further operand"),
    ("addi x1, x2, 512", 1, 14, "imm = 512 does not fit: -512 to 511"),
    ("addi x1, x2, -513", 1, 14, "imm = -513 does not fit: -512 to 511"),
    ("slli x1, x2, 64", 1, 14, "imm = 64 does not fit: 0 to 63"),
    ("wait 64, 1", 1, 6, "s = 64 does not fit: 0 to 63"),
    ("wait 1, -1", 1, 9, "imm = -1 does not fit: 0 to 1023"),
    ("li x1, 1.5", 1, 8, "expected a number, found 1.5"),
    ("li x1, (1 + ", 1, 8, "expected a number, found (1 +"),
    ("li x1, 1 / 0", 1, 8, "division by zero"),
    ("li x1, x2", 1, 8, "no label or number named x2"),
    ("br nowhere", 1, 4, "no label or number named nowhere"),
    ("br 0x102", 1, 4, "target 0x102 is no multiple of 4 away"),
    ("br 0x200104", 1, 4, "target = 524289 words from here, br reaches -524288 to 524287"),
    ("loopi far, 2\n.equ far, 0x904", 1, 7, "target = 513 words from here, loopi reaches 1 to 511"),
    ("top: nop\nloopi top, 3", 2, 7, "loopi ends at top, which does not lie after it"),
    ("here: loop here, x1", 1, 12, "loop ends at here, which does not lie after it"),
    ("ldp.d x3, x3, 8", 1, 1, "ldp.d is illegal with these operands: a = x[ra]"),
    ("(x1) nop", 1, 2, "expected a predicate p0 to p7, found x1"),
    ("  (p8) nop", 1, 4, "expected a predicate p0 to p7, found p8"),
    ("(p1)", 1, 2, "a predicate needs an instruction after it"),
    ("nop\n\n  (p1)  ; nothing", 3, 4, "a predicate needs an instruction after it"),
    ("(p1) .word 1", 1, 2, ".word is no instruction and takes no predicate"),
    ("(p1) .equ a, 1", 1, 2, ".equ is no instruction and takes no predicate"),
    ("123", 1, 1, "expected an instruction"),
    ("  = 3", 1, 3, "expected an instruction"),
    ("() nop", 1, 1, "expected an instruction"),
    ("a: nop\na: nop", 2, 1, "a is already defined"),
    (".equ a, 1\na: nop", 2, 1, "a is already defined"),
    (".equ a, 1\n.equ a, 2", 2, 6, "a is already defined"),
    ("a: nop\n.def a, x1", 2, 6, "a is already defined"),
    (".def a, x1\n.equ a, 2", 2, 6, "a is already defined"),
    ("x1: nop", 1, 1, "x1 is a register, which cannot have another meaning"),
    (".def p7, p1", 1, 6, "p7 is a register, which cannot have another meaning"),
    (".def a, 5", 1, 9, "expected a register, found 5"),
    (".def a, x32", 1, 9, "expected a register, found x32"),
    (".equ a", 1, 1, ".equ takes a name and a number"),
    (".equ 1, 2", 1, 1, ".equ takes a name and a number"),
    (".def a", 1, 1, ".def takes a name and a register"),
    (".equ a, b", 1, 9, "no label or number named b before this line"),
    ("bias x1, 64, 0, 0", 1, 10, "the bias 64 of a is outside 0 to 63"),
    ("bias x1, 0, -1, 0", 1, 13, "the bias -1 of b is outside 0 to 63"),
    (".equ big, 99\nbias x1, 0, 0, big", 2, 16, "the bias 99 of result is outside 0 to 63"),
    ("bias x1, 7", 1, 1, "bias takes a scalar register and the biases of A, of B and of results"),
    ("bias", 1, 1, "bias takes a scalar register and the biases of A, of B and of results"),
    ("bias v1, 0, 0, 0", 1, 6, "expected a scalar register x0 to x31, found v1"),
    ("step.bf16.143 c0, v1, v2", 1, 1, "no instruction step.bf16.143; did you mean step.bf16, step.143.143"),
    ("vnarrow.f32 v0, v1, v2", 1, 1, "no instruction vnarrow.f32; did you mean vnarrow.bf16"),
    ("vwiden.c143 v0, v1, 4", 1, 21, "imm = 4 does not fit: 0 to 3"),
    ("vwiden.fp16 v0, v1, 2", 1, 21, "imm = 2 does not fit: 0 to 1"),
    ("drain.c143.sr c0, d1", 1, 21, "drain.c143.sr needs a scalar register x0 to x31 as rc"),
    ("li64 x1", 1, 1, "li64 takes a scalar register and a number"),
    ("li64 v1, 5", 1, 6, "expected a scalar register x0 to x31, found v1"),
    ("l: li64 x1, l + missing", 1, 13, "no label or number named l before this line (the address of a label is lpc's)"),
    ("li64 x1, 1 << 64", 1, 10, "18446744073709551616 does not fit 64 bits"),
    ("li64 x1, -(1 << 63) - 1", 1, 10, "-9223372036854775809 does not fit 64 bits"),
    ("mv x1", 1, 1, "mv takes two scalar registers"),
    ("mv x1, x2, x3", 1, 1, "mv takes two scalar registers"),
    ("mv x1, v2", 1, 8, "expected a scalar register x0 to x31, found v2"),
    (".word", 1, 1, ".word needs a number"),
    (".word 1 << 32", 1, 7, "4294967296 does not fit a word of 32 bits"),
    (".byte 1", 1, 1, "no instruction .byte"),
]


@pytest.mark.parametrize(("text", "line", "column", "message"), MISTAKES)
def test_a_mistake_is_named_with_its_place(text, line, column, message):
    with pytest.raises(AsmError) as caught:
        assemble(text, source="kernel.s")
    error = caught.value
    assert error.message.startswith(message)
    first, shown, caret = str(error).split("\n")
    assert first.startswith(f"kernel.s:{line}:{column}: {message}")
    assert shown == "    " + text.splitlines()[line - 1]
    assert caret == "    " + " " * (column - 1) + "^"
    assert (error.line, error.column) == (line, column - 1)


# What docs/isa.md forbids and the text shows: "Rules between instructions".
RULES = [
    ("start: loopi done, 4\nadd x1, x1, x1\nbr done\ndone: halt", 3, "br is the last instruction of the body of the loop in line 1"),
    ("loop e, x1\nnop\n(p1) jr x31\ne: halt", 3, "jr is the last instruction of the body of the loop in line 1"),
    ("loopi e, 2\nnop\ncall x31, r\ne: halt\nr: jr x31", 3, "call is the last instruction of the body"),
    ("loopi e, 2\nnop\ncallr x31, x1\ne: halt", 3, "callr is the last instruction of the body"),
    ("loopi e, 2\nnop\nloopi e, 2\ne: halt", 3, "loopi is the last instruction of the body"),
    ("loopi e, 3\naddi x9, x9, 1\nloopi e, 0\naddi x9, x9, 100\ne: halt", 3, "loopi ends together with the loop in line 1 and runs zero"),
    ("loopi e, 3\nnop\nloopi f, 2\nnop\ne: nop\nf: halt", 3, "loopi begins in the body of the loop in line 1 and ends after it"),
    ("loopi e, 3\nnop\nbr e\nnop\ne: halt", 3, "br leaves the body of the loop in line 1, which only a call may do"),
    ("top: nop\nloop e, x1\n(p2) br top\nnop\ne: halt", 3, "br leaves the body of the loop in line 2"),
    ("nop\nbarrier 2,0", 2, "imm = 0 does not fit: 1 to 4"),
    ("nop\nbarrier 2,5", 2, "imm = 5 does not fit: 1 to 4"),
]


@pytest.mark.parametrize(("text", "line", "message"), RULES)
def test_a_broken_rule_is_named_with_its_place(text, line, message):
    with pytest.raises(AsmError) as caught:
        assemble(text)
    assert caught.value.line == line and caught.value.message.startswith(message)


@pytest.mark.parametrize(
    "text",
    [
        "loopi e, 3\nloopi e, 1\nnop\ne: halt",  # two that end together
        "loopi e, 3\nbr a\nnop\na: nop\ne: halt",
        "loopi e, 3\ncall x31, r\nnop\ne: halt\nr: jr x31",
        "loopi e, 3\nnop\nfence\ne: halt",
        "loopi e, 0\nnop\ne: halt",
        "barrier 0, 1\nbarrier 7, 4",
    ],
)
def test_what_is_allowed_assembles(text):
    assert assemble(text).words


def test_instructions_that_the_configuration_lacks_are_named():
    base = frozenset({"base"})
    with pytest.raises(AsmError, match="step.143.143 belongs to cfloat8, which this configuration does not have"):
        assemble("step.143.143 c0, v1, v2", features=base)
    with pytest.raises(AsmError, match="drain.c143 belongs to narrow"):
        assemble("drain.c143 c0, d1", features=base)
    assert assemble("step.143.143 c0, v1, v2").words and assemble("step.bf16 c0, v1, v2", features=base).words


HINTS = [
    ("add x1, x2, 5", "expected a scalar register x0 to x31, found 5; addi takes a number there"),
    ("sltu x1, x2, 5", "expected a scalar register x0 to x31, found 5; sltiu takes a number there"),
    ("pge p1, x2, 1 + 4", "expected a scalar register x0 to x31, found 1 + 4; pgei takes a number there"),
    ("sub x1, x2, 5", "expected a scalar register x0 to x31, found 5; addi takes a number there: give it the negative one"),
    ("addi x1, x2, x3", "expected a number, found x3; add takes a register there"),
    (".def n, x3\nsrai x1, x2, n", "expected a number, found n; sra takes a register there"),
    ("mul x1, x2, 5", "expected a scalar register x0 to x31, found 5"),
    ("li x1, 100000", "imm = 100000 does not fit: -16384 to 16383; li64 takes any number of 64 bits"),
    ("ADD x1, x2, x3", "no instruction ADD; instructions are written small: add"),
    ("Vld.C v1, d0", "no instruction Vld.C; instructions are written small: vld.c"),
    ("LI64 x1, 5", "no instruction LI64; instructions are written small: li64"),
    ("ret", "no instruction ret; here it is jr x31"),
    ("jmp 0x100", "no instruction jmp; here it is br"),
]


@pytest.mark.parametrize(("text", "message"), HINTS)
def test_hints(text, message):
    with pytest.raises(AsmError) as caught:
        assemble(text)
    assert caught.value.message == message


def test_all_mistakes_are_told_at_once_up_to_twenty():
    with pytest.raises(AsmError) as caught:
        assemble(".equ rows, what\nadd x1, x2\nli x1, rows\nhere: bad\nbr here\nhere: nop\nvld.c v1, d9", source="k.s")
    said = [line for line in str(caught.value).split("\n") if line.startswith("k.s")]
    assert [line.split(":")[1] for line in said] == ["1", "2", "4", "6", "7"], "no mistake follows from another one"
    assert (caught.value.line, caught.value.column) == (1, 11)
    with pytest.raises(AsmError) as caught:
        assemble("bad\n" * 53, source="k.s")
    assert str(caught.value).count("no instruction bad") == 20 and str(caught.value).endswith("k.s: 33 more mistakes")
    for count, end in ((20, "^"), (21, "k.s: 1 more mistakes")):
        with pytest.raises(AsmError) as caught:
            assemble("bad\n" * count, source="k.s")
        assert str(caught.value).count("no instruction bad") == 20 and str(caught.value).split("\n")[-1].strip() == end


# --- what editors write ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["\ufeffnop\nnop", "nop\r\nnop\r\n", "nop\rnop", "\tnop\n\tnop", "nop\nnop", "\ufeff\r\nnop ; \u00e4\u00a0\nnop"],
)
def test_what_editors_write_is_read(text):
    assert words(text) == [NOP] * 2


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("add\u00a0x1, x2, x3", 3, "the character U+00A0 (NO-BREAK SPACE) has no meaning here; type a space instead"),
        ("addi x1, x2, \u22125", 13, "the character U+2212 (MINUS SIGN) has no meaning here; type - instead"),
        ("add x1\uff0c x2, x3", 6, "the character U+FF0C (FULLWIDTH COMMA) has no meaning here; type , instead"),
        ("nop\u200b", 3, "the character U+200B (ZERO WIDTH SPACE) has no meaning here; remove it"),
        ("n\x0cop", 1, "the character U+000C (a control character) has no meaning here"),
        ("nop\u2028nop", 3, "the character U+2028 (LINE SEPARATOR) has no meaning here"),
        ("pr\u00fcfen: nop", 2, "the character U+00FC (LATIN SMALL LETTER U WITH DIAERESIS) has no meaning here"),
    ],
)
def test_a_character_that_only_looks_right_is_named(text, column, message):
    with pytest.raises(AsmError) as caught:
        assemble(text)
    assert (caught.value.column, caught.value.message) == (column, message)


def test_the_caret_stands_under_tabs():
    with pytest.raises(AsmError) as caught:
        assemble("\tadd\tx1, x2, y3")
    assert str(caught.value).split("\n")[1:] == ["    \tadd\tx1, x2, y3", "    \t   \t        ^"]


def test_a_program_too_long_or_at_no_address_is_one_sentence():
    with pytest.raises(AsmError, match="the program leaves the 2097152 bytes of the address space") as caught:
        assemble("nop\n  nop", origin=0x1FFFFC)
    assert (caught.value.line, caught.value.column) == (2, 2)
    assert assemble("nop", origin=0x1FFFFC).words == [NOP]
    for origin in (2, -4, 1 << 21):
        with pytest.raises(ValueError, match=f"origin {origin:#x} is no word address of the node"):
            assemble("nop", origin=origin)


# --- back to text ------------------------------------------------------------------------------------------------------------------


def test_random_words_survive_text(seed):
    """Word to text to word, legal or not, and every feature's instructions among them."""
    rng = random.Random(seed)
    for _ in range(5000):
        word = rng.getrandbits(32)
        if rng.random() < 0.8:  # mostly a known opcode
            insn = rng.choice(isa.TABLE)
            word = word & ~0x1FF & ~(insn.reserved_mask if rng.random() < 0.9 else 0) | insn.opcode
        text = disassemble(word, 0x40000)
        assert assemble(text, 0x40000).words == [word], text


def test_targets_take_the_names_of_labels():
    assert disassemble(2 | 4 << 12, 0x100, {0x110: "done"}) == "br done"
    assert disassemble(2 | 4 << 12, 0x100, {0x114: "other"}) == "br 0x110"
    assert disassemble(2, 0) == "br 0x0" and disassemble(2, 4) == "br 0x4"
    assert disassemble(assemble("br -4", 0).words[0], 0) == "br -4"


def test_a_listing_names_labels_and_assembles_again():
    source = "start: li x1, 3\nloopi end, 4\nadd x2, x2, x1\nend: halt\n"
    program = assemble(source)
    listing = program_listing(program)
    assert listing.splitlines()[0] == "start:" and "loopi end, 4" in listing
    again = "\n".join(line if line.endswith(":") else line.split("  ", 3)[3] for line in listing.splitlines())
    assert assemble(again).words == program.words


def test_undefined_words_are_shown_as_words():
    assert disassemble(0) == ".word 0x00000000" and disassemble(0xFFFFFFFF) == ".word 0xffffffff"
    assert disassemble(0x80000006).startswith(".word"), "a loop that runs backwards has no text"

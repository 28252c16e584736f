"""The instruction table of the node, one record per instruction.

Everything that knows an instruction computes it from here: assembler, disassembler, instruction-set simulator, decoders in the RTL,
random programs, trace printer, docs/isa.md. Words worked out by hand in tests/arch/vectors guard the table itself.

Meaning texts use: ``x[..]`` 64-bit scalar registers (x0 reads 0, writes to it vanish), ``v[..]`` 64-byte vector registers, ``c[..]``
accumulators of 8x8 elements, ``p[..]`` predicates (p0 is true, writes to it vanish), ``d[..]`` descriptors, ``M8/M16/M32/M64[address]``
memory, ``pc`` the byte address of this instruction, ``sext``/``zext`` extension to 64 bits. Every instruction is executed only when its
predicate is true; otherwise it does nothing but retire.
"""

from __future__ import annotations

from golden.arch.encoding import F0, F1, F2, F3, Insn, Kind, Operand, Unit, check_table
from golden.arch.simd_ops import SIMD_OPS, SimdClass, SimdOp

SCALAR_REGISTERS = 32
VECTOR_REGISTERS = 32
ACCUMULATORS = 8
PREDICATES = 8
DESCRIPTORS = 8
LOOP_DEPTH = 4
THREADS = 4

X_BYTES = 8
V_BYTES = 64


def _x(name: str, lo: int, writes: bool = False, reads: bool | None = None) -> Operand:
    return Operand(name, Kind.X, lo, 5, writes, not writes if reads is None else reads)


def _v(name: str, lo: int, writes: bool = False) -> Operand:
    return Operand(name, Kind.V, lo, 5, writes, not writes)


def _c(lo: int = F0, writes: bool = False, reads: bool = True) -> Operand:
    return Operand("c", Kind.C, lo, 3, writes, reads)


def _p(name: str, lo: int, writes: bool = False) -> Operand:
    return Operand(name, Kind.P, lo, 3, writes, not writes)


def _d(lo: int = F1) -> Operand:
    return Operand("d", Kind.D, lo, 3)


def _flag(name: str, lo: int) -> Operand:
    return Operand(name, Kind.FLAG, lo, 1)


RD, RA, RB = _x("rd", F0, True), _x("ra", F1), _x("rb", F2)
IMM10S, IMM10U = Operand("imm", Kind.SINT, F2, 10), Operand("imm", Kind.UINT, F2, 10)
SHAMT = Operand("imm", Kind.UINT, F2, 6)
STEPS = ("stay", "inner", "outer")
TILE = Operand("tile", Kind.TILE, F2, 3)  # bit 2: row 0..1, bits 1..0: column 0..3
STEP = Operand("step", Kind.CHOICE, F1 + 3, 2, choices=STEPS)

TABLE: list[Insn] = []


def _add(mnemonic: str, opcode: int, unit: Unit, operands: tuple[Operand, ...], meaning: str, group: str, **more: object) -> None:
    TABLE.append(Insn(mnemonic, opcode, unit, operands, meaning, group, **more))


# --- Control: 0x001 .. 0x01f -------------------------------------------------------------------------------------------------
_G = "control"
_LEN10 = Operand("target", Kind.LABEL, F0, 10)
_add("nop", 0x001, Unit.FRONT, (), "nothing", _G)
_add("br", 0x002, Unit.FRONT, (Operand("target", Kind.LABEL, F0, 20),), "pc = pc + 4 * target", _G)
_add("call", 0x003, Unit.ALU, (RD, Operand("target", Kind.LABEL, F1, 15)), "x[rd] = pc + 4; pc = pc + 4 * target", _G)
_add("jr", 0x004, Unit.ALU, (RA,), "pc = x[ra]", _G, faults=("MISALIGNED", "RANGE"))
_add("callr", 0x005, Unit.ALU, (RD, RA), "t = x[ra]; x[rd] = pc + 4; pc = t", _G, faults=("MISALIGNED", "RANGE"))
_LOOP = (
    "the instructions after this one, before target, run {n} times (0: skipped, pc = target); nested 4 deep; "
    "the last of them may be no control instruction"
)
_add("loop", 0x006, Unit.ALU, (Operand("target", Kind.LABEL, F2, 10), RA), _LOOP.format(n="x[ra]"), _G, faults=("LOOP",))
_add(
    "loopi",
    0x007,
    Unit.FRONT,
    (_LEN10, Operand("imm", Kind.UINT, F2, 10)),
    _LOOP.format(n="imm"),
    _G,
    faults=("LOOP",),
)
_add("halt", 0x008, Unit.FRONT, (), "the thread ends when all it began is done; answers its start packet if that asked", _G)
_add(
    "trap",
    0x009,
    Unit.FRONT,
    (Operand("imm", Kind.UINT, F2, 10),),
    "the thread stops with cause TRAP and operand imm",
    _G,
    faults=("TRAP",),
)
_add("fence", 0x00A, Unit.FRONT, (), "waits until every older instruction of the thread is complete and its remote writes are answered", _G)
_add("iflush", 0x00B, Unit.FRONT, (), "fence; then empties the instruction cache and fetches this thread's next instruction anew", _G)

# --- Synchronisation: 0x020 .. 0x03f -----------------------------------------------------------------------------------------
_G = "synchronisation"
_S = Operand("s", Kind.UINT, F0, 6)
_add(
    "wait",
    0x020,
    Unit.FRONT,
    (_S, Operand("imm", Kind.UINT, F2, 10)),
    "waits until sem[s] >= imm, then sem[s] -= imm, atomically, in order of arrival; younger instructions begin after it",
    _G,
)
_add("waitr", 0x021, Unit.ALU, (_S, _x("ra", F2)), "wait s, x[ra] & 0xffff", _G)
_add(
    "raise",
    0x022,
    Unit.SYNC,
    (_S, Operand("imm", Kind.UINT, F2, 10)),
    "after all older loads and stores of the thread: sem[s] += imm",
    _G,
    faults=("SEMAPHORE",),
)
_add(
    "barrier",
    0x023,
    Unit.FRONT,
    (Operand("s", Kind.UINT, F0, 3), Operand("imm", Kind.UINT, F2, 3)),
    "fence; then waits until imm threads of the node have come to barrier s",
    _G,
)
_add(
    "tstart",
    0x024,
    Unit.FRONT,
    (Operand("t", Kind.UINT, F0, 2), Operand("target", Kind.LABEL, F1, 15)),
    "fence; thread t starts at pc + 4 * target, its registers as they were left; a thread that runs: fault",
    _G,
    faults=("BUSY",),
)
_add("tjoin", 0x025, Unit.FRONT, (Operand("t", Kind.UINT, F0, 2),), "waits until thread t does not run", _G)

# --- Scalar integer: 0x040 .. 0x07f ------------------------------------------------------------------------------------------
_G = "scalar"
for _i, (_m, _t) in enumerate(
    (
        ("add", "x[ra] + x[rb]"),
        ("sub", "x[ra] - x[rb]"),
        ("and", "x[ra] & x[rb]"),
        ("or", "x[ra] | x[rb]"),
        ("xor", "x[ra] ^ x[rb]"),
        ("sll", "x[ra] << (x[rb] mod 64)"),
        ("srl", "x[ra] >> (x[rb] mod 64), zeros enter"),
        ("sra", "x[ra] >> (x[rb] mod 64), copies of the sign enter"),
        ("slt", "x[ra] < x[rb], signed, as 0 or 1"),
        ("sltu", "x[ra] < x[rb], unsigned, as 0 or 1"),
        ("min", "the lesser of x[ra] and x[rb], signed"),
        ("max", "the greater of x[ra] and x[rb], signed"),
        ("mul", "x[ra] * x[rb] mod 2^64"),
    )
):
    _add(_m, 0x040 + _i, Unit.ALU, (RD, RA, RB), f"x[rd] = {_t}", _G)
for _i, (_m, _t, _o) in enumerate(
    (
        ("addi", "x[ra] + sext(imm)", IMM10S),
        ("andi", "x[ra] & sext(imm)", IMM10S),
        ("ori", "x[ra] | sext(imm)", IMM10S),
        ("xori", "x[ra] ^ sext(imm)", IMM10S),
        ("slli", "x[ra] << imm", SHAMT),
        ("srli", "x[ra] >> imm, zeros enter", SHAMT),
        ("srai", "x[ra] >> imm, copies of the sign enter", SHAMT),
        ("slti", "x[ra] < sext(imm), signed, as 0 or 1", IMM10S),
        ("sltiu", "x[ra] < sext(imm), unsigned, as 0 or 1", IMM10S),
    )
):
    _add(_m, 0x050 + _i, Unit.ALU, (RD, RA, _o), f"x[rd] = {_t}", _G)
_add("li", 0x060, Unit.ALU, (RD, Operand("imm", Kind.SINT, F1, 15)), "x[rd] = sext(imm)", _G)
_add(
    "lih",
    0x061,
    Unit.ALU,
    (_x("rd", F0, True, True), Operand("imm", Kind.UINT, F1, 15)),
    "x[rd] = (x[rd] << 15) | imm: li and up to four lih build any 64-bit constant",
    _G,
)
_add("lpc", 0x062, Unit.ALU, (RD, Operand("target", Kind.LABEL, F1, 15)), "x[rd] = pc + 4 * target", _G)

# --- Predicates: 0x080 .. 0x09f ----------------------------------------------------------------------------------------------
_G = "predicate"
_PD, _PA, _PB = _p("pd", F0, True), _p("pa", F1), _p("pb", F2)
for _i, (_m, _t) in enumerate(
    (("eq", "=="), ("ne", "!="), ("lt", "<, signed,"), ("ge", ">=, signed,"), ("ltu", "<, unsigned,"), ("geu", ">=, unsigned,"))
):
    _add(f"p{_m}", 0x080 + _i, Unit.ALU, (_PD, RA, RB), f"p[pd] = x[ra] {_t} x[rb]", _G)
    _add(f"p{_m}i", 0x088 + _i, Unit.ALU, (_PD, RA, IMM10S), f"p[pd] = x[ra] {_t} sext(imm)", _G)
for _i, (_m, _t) in enumerate(
    (("pand", "p[pa] and p[pb]"), ("por", "p[pa] or p[pb]"), ("pxor", "p[pa] != p[pb]"), ("pandn", "p[pa] and not p[pb]"))
):
    _add(_m, 0x090 + _i, Unit.FRONT, (_PD, _PA, _PB), f"p[pd] = {_t}", _G)

# --- Scalar memory: 0x0a0 .. 0x0bf -------------------------------------------------------------------------------------------
# attrs: size = log2 of the bytes, signed, post = the base register moves by imm after the access.
_G = "scalar memory"
_MEMFAULTS = ("MISALIGNED", "RANGE", "ECC")
_RX = _x("ra", F1, True, True)
for _i, (_m, _size, _signed) in enumerate((("b", 0, 1), ("h", 1, 1), ("w", 2, 1), ("d", 3, 0), ("bu", 0, 0), ("hu", 1, 0), ("wu", 2, 0))):
    _ext = "" if _size == 3 else ("sext " if _signed else "zext ")
    _mem = f"{_ext}M{8 << _size}"
    _attrs = {"size": _size, "signed": _signed}
    _add(
        f"ld.{_m}",
        0x0A0 + _i,
        Unit.SLOAD,
        (RD, RA, IMM10S),
        f"x[rd] = {_mem}[x[ra] + sext(imm)]",
        _G,
        faults=_MEMFAULTS,
        attrs={**_attrs, "post": 0},
    )
    _add(
        f"ldp.{_m}",
        0x0A8 + _i,
        Unit.SLOAD,
        (RD, _RX, IMM10S),
        f"a = x[ra]; x[ra] = a + sext(imm); x[rd] = {_mem}[a]; rd = ra is illegal",
        _G,
        faults=(*_MEMFAULTS, "ILLEGAL"),
        attrs={**_attrs, "post": 1},
    )
for _i, _m in enumerate("bhwd"):
    _mem = f"M{8 << _i}"
    _faults = _MEMFAULTS if _i < 3 else _MEMFAULTS[:2]  # a whole word is written without being read
    _add(
        f"st.{_m}",
        0x0B0 + _i,
        Unit.SSTORE,
        (_x("rs", F0), RA, IMM10S),
        f"{_mem}[x[ra] + sext(imm)] = x[rs]",
        _G,
        faults=_faults,
        attrs={"size": _i, "post": 0},
    )
    _add(
        f"stp.{_m}",
        0x0B4 + _i,
        Unit.SSTORE,
        (_x("rs", F0), _RX, IMM10S),
        f"a = x[ra]; {_mem}[a] = x[rs]; x[ra] = a + sext(imm)",
        _G,
        faults=_faults,
        attrs={"size": _i, "post": 1},
    )

# --- Descriptors and vector memory: 0x0c0 .. 0x0ff ---------------------------------------------------------------------------
# attrs: pieces and piece (bytes of one piece) of a gather; format of a drain.
_G = "descriptor"
_add("setd", 0x0C0, Unit.DESC, (_d(F0), RA, RB), "d[d] = image {x[rb], x[ra]}, inner position = outer position", _G, faults=("DESCRIPTOR",))
_add("getd", 0x0C1, Unit.DESC, (RD, _d(F1), Operand("half", Kind.UINT, F2, 1)), "x[rd] = half of the image of d[d] (0 low, 1 high)", _G)
_add(
    "dstep",
    0x0C2,
    Unit.DESC,
    (_d(F0), Operand("which", Kind.CHOICE, F1, 2, choices=("inner", "outer", "restart"))),
    "inner: inner position moves by the inner step; outer: outer position moves by the outer step, inner = outer; restart: inner = outer",
    _G,
)

_G = "vector memory"
GATHERS = {"c": (1, 64), "g8": (8, 8), "g16": (4, 16), "g32": (2, 32)}
_ACCESS = "the inner position of d[d] moved by tile (row: the number of pieces; column: the bytes of a piece)"
_AFTER = "; then d[d] steps as named"
for _i, (_m, (_n, _b)) in enumerate(GATHERS.items()):
    _what = f"{_n} piece{'s' if _n > 1 else ''} of {_b} bytes"
    _attrs = {"pieces": _n, "piece": _b}
    _add(
        f"vld.{_m}",
        0x0C8 + _i,
        Unit.VLOAD,
        (_v("vd", F0, True), _d(), TILE, STEP),
        f"v[vd] = {_what}, one per row, at {_ACCESS}; elements outside the extents are 0{_AFTER}",
        _G,
        faults=("RANGE", "ECC"),
        attrs=_attrs,
    )
    _add(
        f"vst.{_m}",
        0x0D0 + _i,
        Unit.VSTORE,
        (_v("vs", F0), _d(), TILE, STEP),
        f"{_what}, one per row, at {_ACCESS} = v[vs]; elements outside the extents are not written{_AFTER}",
        _G,
        faults=("RANGE", "ECC"),
        attrs=_attrs,
    )
for _i, _m in enumerate(("add", "mul", "max")):
    _add(
        f"vlx.{_m}",
        0x0CC + _i,
        Unit.VLOAD,
        (_v("vd", F0, True), _d(), TILE, STEP),
        f"v[vd] = v[vd] f{_m} (64 bytes at {_ACCESS}), FP32{_AFTER}",
        _G,
        feature="load-execute",
        faults=("RANGE", "ECC"),
        attrs={"pieces": 1, "piece": 64},
    )

DRAIN_FORMATS = ("FP32", "BF16", "RAW", "FP16", "CFLOAT8_1_4_3", "CFLOAT8_1_5_2", "SHP", "UHP")
DRAIN_BEATS = {"FP32": 4, "BF16": 2, "RAW": 8, "FP16": 2, "SHP": 2, "UHP": 2, "CFLOAT8_1_4_3": 2, "CFLOAT8_1_5_2": 2}
_DTILE = Operand("tile", Kind.TILE, F2, 3)
for _i, (_m, _f) in enumerate(zip(("f32", "bf16", "raw", "fp16", "c143", "c152", "shp", "uhp"), DRAIN_FORMATS, strict=True)):
    if _f == "RAW":
        _text = "the 512 B at the inner position of d[d] = the raw words of c[c], row by row; extents do not matter" + _AFTER
        _ops: tuple[Operand, ...] = (_c(), _d(), STEP)
    else:
        _text = (
            "the 8x8 tile at the inner position of d[d] moved by tile (8 rows, 8 columns) = "
            f"c[c] rounded to {_f}, with relu negative elements become +0{_AFTER}"
        )
        _ops = (_c(), _d(), TILE, STEP, _flag("relu", F2 + 3))
        if _i > 1:
            _ops = (*_ops, _flag("sr", F2 + 4), _x("rc", F3))
    _add(
        f"drain.{_m}",
        0x0D8 + _i,
        Unit.DRAIN,
        _ops,
        _text,
        _G,
        feature="base" if _i < 3 else "narrow",
        faults=("RANGE",) if _f == "RAW" else ("RANGE", "ECC"),
        attrs={"format": _f, "beats": DRAIN_BEATS[_f]},
    )

# --- SIMD: 0x100 + operation code --------------------------------------------------------------------------------------------
SIMD_OPCODE = 0x100
for _op, _info in SIMD_OPS.items():
    _operands: list[Operand] = [_v("vd", F0, True)]
    _operands += [_v(f"v{_letter}", _lo) for _letter, _lo in zip("abc", (F1, F2, F3), strict=True) if _letter in _info.operands]
    if _info.imm:
        _operands.append(Operand("imm", Kind.UINT, F3, _info.imm))
    _name = "v" + _op.name.lower().replace("_", ".")
    _add(
        _name,
        SIMD_OPCODE + int(_op),
        Unit.SIMD,
        tuple(_operands),
        f"v[vd] = {_info.meaning}",
        f"simd {_info.simd_class.name.lower()}",
        simd_op=int(_op),
    )
SIMD_TEST = {"any": 0x180, "all": 0x181}
_add("vany", 0x180, Unit.SIMD, (_PD, _v("va", F1)), "p[pd] = some 32-bit lane of v[va] is not 0", "simd test", simd_op=int(SimdOp.COPY))
_add("vall", 0x181, Unit.SIMD, (_PD, _v("va", F1)), "p[pd] = every 32-bit lane of v[va] is not 0", "simd test", simd_op=int(SimdOp.COPY))

# --- Matrix: 0x1a0 .. 0x1bf --------------------------------------------------------------------------------------------------
_G = "matrix"
_CR = _c(writes=True)
_STEP_TAIL = (_flag("first", F0 + 3), _flag("at", F3), _flag("bt", F3 + 1))
_STEP_TEXT = (
    "c[c] += A (8x4) times B (4x8) of {f}; first: c[c] is taken as +0; A = v[va] (rows of 8 B; at: transposed, rows of 16 B), "
    "B = v[vb] (rows of 16 B; bt: transposed, rows of 8 B); rules in docs/numerics.md"
)
_add(
    "step.bf16",
    0x1A0,
    Unit.MATRIX,
    (_CR, _v("va", F1), _v("vb", F2), *_STEP_TAIL),
    _STEP_TEXT.format(f="BF16"),
    _G,
    attrs={"a": "BF16", "b": "BF16"},
)
for _i, (_m, _fa, _fb) in enumerate((("143.143", 3, 3), ("143.152", 3, 2), ("152.143", 2, 3), ("152.152", 2, 2))):
    _names = {3: "CFLOAT8_1_4_3", 2: "CFLOAT8_1_5_2"}
    _add(
        f"step.{_m}",
        0x1A1 + _i,
        Unit.MATRIX,
        (_CR, _v("va", F1), _v("vb", F2), *_STEP_TAIL, _flag("ah", F3 + 2), _flag("bh", F3 + 3)),
        _STEP_TEXT.format(f=f"{_names[_fa]} and {_names[_fb]}") + "; ah, bh: the upper half of the vector",
        _G,
        feature="cfloat8",
        attrs={"a": _names[_fa], "b": _names[_fb]},
    )
_CW = _c(writes=True, reads=True)
_add(
    "cld.f32",
    0x1A8,
    Unit.MATRIX,
    (_CW, _v("va", F1), Operand("imm", Kind.UINT, F3, 2)),
    "quarter imm of c[c] (rows 4 (imm div 2) to +3, columns 4 (imm mod 2) to +3, row-major) = the 16 FP32 lanes of v[va]",
    _G,
)
_add(
    "cld.row",
    0x1A9,
    Unit.MATRIX,
    (_c(writes=True, reads=False), _v("va", F1), Operand("imm", Kind.UINT, F3, 1)),
    "every row of c[c] = FP32 lanes 8 imm to 8 imm + 7 of v[va]",
    _G,
)
_add(
    "cld.raw",
    0x1AA,
    Unit.MATRIX,
    (_CW, _v("va", F1), Operand("imm", Kind.UINT, F3, 3)),
    "row imm of c[c] = the 8 raw 64-bit words of v[va]",
    _G,
)

# --- Network: 0x1c0 .. 0x1df -------------------------------------------------------------------------------------------------
_G = "network"
_NF = ("NETWORK", "RANGE")
_add(
    "rput",
    0x1C0,
    Unit.NET,
    (_x("ra", F0), _x("rb", F1), Operand("words", Kind.UINT, F2, 4), _flag("ack", F2 + 4), _flag("fixed", F3)),
    "remote write: words (1 to 8) of 8 B from local x[ra] to global address x[rb], inside one 64 B line",
    _G,
    feature="network",
    faults=_NF,
)
_add(
    "rget",
    0x1C1,
    Unit.NET,
    (_x("ra", F0), _x("rb", F1), Operand("words", Kind.UINT, F2, 4), Operand("s", Kind.UINT, F2 + 4, 6)),
    "remote read: words of 8 B from global address x[rb] to local x[ra]; then sem[s] += 1",
    _G,
    feature="network",
    faults=_NF,
)
_add(
    "rraise",
    0x1C2,
    Unit.NET,
    (_S, _x("rb", F2), _x("rc", F3)),
    "after all older loads and stores: semaphore s of node x[rb] += x[rc]",
    _G,
    feature="network",
    faults=_NF,
)
_add(
    "rlist",
    0x1C3,
    Unit.NET,
    (_x("ra", F0), _x("rb", F1)),
    "the transfer engine runs the list of x[rb] transfer descriptors at x[ra]",
    _G,
    feature="network",
    faults=_NF,
)
_add(
    "rcast",
    0x1C4,
    Unit.NET,
    (_x("ra", F0), _x("rb", F1), Operand("words", Kind.UINT, F2, 4), _x("rc", F3)),
    "remote write to every node of the rectangle x[rc] at the address x[rb]",
    _G,
    feature="network",
    faults=_NF,
)

# --- System: 0x1e0 .. 0x1ff --------------------------------------------------------------------------------------------------
_G = "system"
CSR = Operand("csr", Kind.UINT, F2, 10)
_add("csrr", 0x1E0, Unit.ALU, (RD, CSR), "x[rd] = control register csr (table in docs/isa.md)", _G, faults=("ILLEGAL",))
_add("csrw", 0x1E1, Unit.ALU, (_x("ra", F1), CSR), "control register csr = x[ra]", _G, faults=("ILLEGAL",))

check_table(TABLE)
BY_MNEMONIC: dict[str, Insn] = {insn.mnemonic: insn for insn in TABLE}
BY_OPCODE: dict[int, Insn] = {insn.opcode: insn for insn in TABLE}
FEATURES = ("base", "load-execute", "narrow", "cfloat8", "network")


def lookup(word: int, features: frozenset[str]) -> Insn | None:
    """The record of ``word`` on a machine with ``features``; None when the word is an illegal instruction there.

    Illegal: unknown opcode, a missing feature, a reserved bit set, a choice that does not exist, ``ldp`` with rd = ra.
    """
    insn = BY_OPCODE.get(word & 0x1FF)
    if insn is None or insn.feature not in features or word & insn.reserved_mask:
        return None
    values = insn.decode(word)
    for operand in insn.operands:
        if operand.kind is Kind.CHOICE and values[operand.name] >= len(operand.choices):
            return None
    if insn.attrs.get("post") and insn.unit is Unit.SLOAD and values["rd"] == values["ra"]:
        return None
    return insn


def is_special(insn: Insn) -> bool:
    """Whether a SIMD instruction uses the special-function front end (longer latency, two-cycle occupancy)."""
    return insn.simd_op is not None and SimdOp(insn.simd_op) >> 4 == SimdClass.SPECIAL

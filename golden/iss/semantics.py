"""What each instruction does: one function per mnemonic, ``(node, thread, operands) -> effects``.

``operands`` are the decoded fields plus ``pc``. A function changes the state and returns what it changed (golden.arch.trace); a control
instruction sets ``thread.pc``, which the caller has already moved past the instruction. It raises FaultStop or Blocked
before it changes anything.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from golden.arch import isa
from golden.arch.descriptor import RESERVED_LO, Descriptor
from golden.arch.encoding import Insn
from golden.arch.formats import BF16, FP32
from golden.arch.memmap import CSR_BITS, CSRS, READ_ONLY_CSRS, Csr, Fault, ThreadState
from golden.arch.simd_ops import SimdOp
from golden.arch.trace import Effect
from golden.iss.state import MASK64, Blocked, FaultStop, Loop, Node, Thread, piece_bytes, signed, tile_bytes
from golden.numerics import matrix, simd

Operands = dict[str, int]
Semantics = Callable[[Node, Thread, Operands], list[Effect]]
SEMANTICS: dict[str, Semantics] = {}


class UndefinedStore(RuntimeError):
    """A store whose pieces overlap: which of them stays is not defined."""


def op(*mnemonics: str) -> Callable[[Semantics], Semantics]:
    """Enters a function for one or more mnemonics."""

    def enter(function: Semantics) -> Semantics:
        for mnemonic in mnemonics:
            SEMANTICS[mnemonic] = function
        return function

    return enter


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


# --- control -----------------------------------------------------------------------------------------------------------------


@op("nop")
def _nop(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return []


@op("br")
def _br(n: Node, t: Thread, o: Operands) -> list[Effect]:
    t.pc = o["pc"] + 4 * o["target"]
    return []


@op("call")
def _call(n: Node, t: Thread, o: Operands) -> list[Effect]:
    t.pc = o["pc"] + 4 * o["target"]
    return set_x(t, o["rd"], o["pc"] + 4)


def _jump(n: Node, t: Thread, target: int) -> None:
    if target % 4:
        raise FaultStop(Fault.MISALIGNED, target)
    if target >= n.config.sram_bytes:
        raise FaultStop(Fault.RANGE, target)
    t.pc = target


@op("jr")
def _jr(n: Node, t: Thread, o: Operands) -> list[Effect]:
    _jump(n, t, t.x[o["ra"]])
    return []


@op("callr")
def _callr(n: Node, t: Thread, o: Operands) -> list[Effect]:
    _jump(n, t, t.x[o["ra"]])
    return set_x(t, o["rd"], o["pc"] + 4)


def _loop(t: Thread, o: Operands, count: int) -> list[Effect]:
    target = o["pc"] + 4 * o["target"]
    if count == 0 or o["target"] <= 1:
        t.pc = target
        return []
    if len(t.loops) == isa.LOOP_DEPTH:
        raise FaultStop(Fault.LOOP, isa.LOOP_DEPTH + 1)
    t.loops.append(Loop(o["pc"] + 4, target - 4, count))
    return []


@op("loop")
def _loop_register(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return _loop(t, o, t.x[o["ra"]])


@op("loopi")
def _loop_immediate(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return _loop(t, o, o["imm"])


@op("halt")
def _halt(n: Node, t: Thread, o: Operands) -> list[Effect]:
    t.state = ThreadState.IDLE
    return []


@op("trap")
def _trap(n: Node, t: Thread, o: Operands) -> list[Effect]:
    raise FaultStop(Fault.TRAP, o["imm"])


@op("fence", "iflush")
def _fence(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return []


# --- synchronisation ---------------------------------------------------------------------------------------------------------


@op("wait")
def _wait(n: Node, t: Thread, o: Operands) -> list[Effect]:
    n.take(t, o["s"], o["imm"])
    return []


@op("waitr")
def _waitr(n: Node, t: Thread, o: Operands) -> list[Effect]:
    n.take(t, o["s"], t.x[o["ra"]] & 0xFFFF)
    return []


@op("raise")
def _raise(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return n.raise_semaphore(o["s"], o["imm"])


@op("barrier")
def _barrier(n: Node, t: Thread, o: Operands) -> list[Effect]:
    n.arrive(t, o["s"], o["imm"])
    return []


@op("tstart")
def _tstart(n: Node, t: Thread, o: Operands) -> list[Effect]:
    other = n.threads[o["t"]]
    if other.runs or other.state is ThreadState.HALTED:
        raise FaultStop(Fault.BUSY, o["t"])
    other.start(o["pc"] + 4 * o["target"])
    return []


@op("tjoin")
def _tjoin(n: Node, t: Thread, o: Operands) -> list[Effect]:
    if n.threads[o["t"]].runs and o["t"] != t.index:
        raise Blocked(f"thread {o['t']} to end")
    return []


# --- scalar ------------------------------------------------------------------------------------------------------------------

_ALU: dict[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "sll": lambda a, b: a << (b % 64),
    "srl": lambda a, b: a >> (b % 64),
    "sra": lambda a, b: signed(a) >> (b % 64),
    "slt": lambda a, b: int(signed(a) < signed(b)),
    "sltu": lambda a, b: int(a < b),
    "min": lambda a, b: min(signed(a), signed(b)),
    "max": lambda a, b: max(signed(a), signed(b)),
    "mul": lambda a, b: a * b,
}
_IMMEDIATE = {
    "addi": "add",
    "andi": "and",
    "ori": "or",
    "xori": "xor",
    "slli": "sll",
    "srli": "srl",
    "srai": "sra",
    "slti": "slt",
    "sltiu": "sltu",
}
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "peq": lambda a, b: a == b,
    "pne": lambda a, b: a != b,
    "plt": lambda a, b: signed(a) < signed(b),
    "pge": lambda a, b: signed(a) >= signed(b),
    "pltu": lambda a, b: a < b,
    "pgeu": lambda a, b: a >= b,
}
_LOGIC: dict[str, Callable[[bool, bool], bool]] = {
    "pand": lambda a, b: a and b,
    "por": lambda a, b: a or b,
    "pxor": lambda a, b: a != b,
    "pandn": lambda a, b: a and not b,
}

for _name, _function in _ALU.items():
    op(_name)(lambda n, t, o, f=_function: set_x(t, o["rd"], f(t.x[o["ra"]], t.x[o["rb"]])))
for _name, _base in _IMMEDIATE.items():
    op(_name)(lambda n, t, o, f=_ALU[_base]: set_x(t, o["rd"], f(t.x[o["ra"]], o["imm"] & MASK64)))
for _name, _test in _COMPARE.items():
    op(_name)(lambda n, t, o, f=_test: set_p(t, o["pd"], f(t.x[o["ra"]], t.x[o["rb"]])))
    op(f"{_name}i")(lambda n, t, o, f=_test: set_p(t, o["pd"], f(t.x[o["ra"]], o["imm"] & MASK64)))
for _name, _logic in _LOGIC.items():
    op(_name)(lambda n, t, o, f=_logic: set_p(t, o["pd"], f(t.p[o["pa"]], t.p[o["pb"]])))


@op("li")
def _li(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return set_x(t, o["rd"], o["imm"])


@op("lih")
def _lih(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return set_x(t, o["rd"], t.x[o["rd"]] << 15 | o["imm"])


@op("lpc")
def _lpc(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return set_x(t, o["rd"], o["pc"] + 4 * o["target"])


def _scalar_load(insn: Insn) -> Semantics:
    size, post = 1 << insn.attrs["size"], insn.attrs["post"]

    def load(n: Node, t: Thread, o: Operands) -> list[Effect]:
        base = t.x[o["ra"]]
        address = n.check_scalar(base if post else base + o["imm"], size)
        n.check_lost([address & ~7])
        value = int.from_bytes(n.sram[address : address + size].tobytes(), "little")
        if insn.attrs["signed"]:
            value = signed(value, 8 * size)
        moved = set_x(t, o["ra"], base + o["imm"]) if post else []
        return moved + set_x(t, o["rd"], value)

    return load


def _scalar_store(insn: Insn) -> Semantics:
    size, post = 1 << insn.attrs["size"], insn.attrs["post"]

    def store(n: Node, t: Thread, o: Operands) -> list[Effect]:
        base = t.x[o["ra"]]
        address = n.check_scalar(base if post else base + o["imm"], size)
        image = (t.x[o["rs"]] & ((1 << (8 * size)) - 1)).to_bytes(size, "little")
        if size == 8:
            n.store_word(address, t.x[o["rs"]], t.csr[Csr.ECC_INJECT])
        else:
            n.check_lost([address & ~7])
            n.sram[address : address + size] = np.frombuffer(image, np.uint8)
        moved = set_x(t, o["ra"], base + o["imm"]) if post else []
        return [*moved, ("m", address, image)]

    return store


# --- descriptors and vector memory -------------------------------------------------------------------------------------------


def _set_inner(t: Thread, d: int, descriptor: Descriptor) -> list[Effect]:
    t.inner[d] = descriptor
    return [("d", d, descriptor.base)]


def _step(t: Thread, d: int, which: str) -> list[Effect]:
    match which:
        case "inner":
            return _set_inner(t, d, t.inner[d].stepped(t.inner[d].inner))
        case "outer":
            t.outer[d] = t.outer[d].stepped(t.outer[d].outer)
            return _set_inner(t, d, t.outer[d])
        case "restart":
            return _set_inner(t, d, t.outer[d])
        case _:
            return []


@op("setd")
def _setd(n: Node, t: Thread, o: Operands) -> list[Effect]:
    low, high = t.x[o["ra"]], t.x[o["rb"]]
    if high >> (RESERVED_LO - 64):
        raise FaultStop(Fault.DESCRIPTOR, high)
    descriptor = Descriptor.unpack(low, high)
    if descriptor.width and "image" not in n.config.features:
        raise FaultStop(Fault.DESCRIPTOR, high)
    t.outer[o["d"]] = descriptor
    return _set_inner(t, o["d"], descriptor)


@op("getd")
def _getd(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return set_x(t, o["rd"], t.outer[o["d"]].pack()[o["half"]])


@op("dstep")
def _dstep(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return _step(t, o["d"], ("inner", "outer", "restart")[o["which"]])


def _vector_load(insn: Insn) -> Semantics:
    pieces, piece = insn.attrs["pieces"], insn.attrs["piece"]

    def load(n: Node, t: Thread, o: Operands) -> list[Effect]:
        addresses, keep = piece_bytes(t.inner[o["d"]], o["tile"], pieces, piece)
        n.check_words(addresses, keep)
        if n.lost:
            n.check_lost(_words(addresses, keep, np.any))
        value = np.where(keep, n.sram[np.where(keep, addresses, 0)], 0).astype(np.uint8)
        return set_v(t, o["vd"], value) + _step(t, o["d"], isa.STEPS[o["step"]])

    return load


def _words(addresses: np.ndarray, keep: np.ndarray, of_bytes: Callable[..., np.ndarray]) -> list[int]:
    """Addresses of the words of an access of which any, or all, bytes are kept."""
    return addresses.reshape(-1, 8)[of_bytes(keep.reshape(-1, 8), axis=1), 0].tolist()


def _write_bytes(n: Node, addresses: np.ndarray, keep: np.ndarray, image: np.ndarray) -> list[Effect]:
    n.check_words(addresses, keep)
    order = np.argsort(addresses[keep])
    where, what = addresses[keep][order], image[keep][order]
    gaps = np.diff(where)
    if (gaps == 0).any():
        raise UndefinedStore(f"a store writes the byte at {int(where[1:][gaps == 0][0]):#x} twice: its rows overlap")
    if n.lost:  # whole words replace what was there, others are merged with it
        whole = _words(addresses, keep, np.all)
        n.check_lost(word for word in _words(addresses, keep, np.any) if word not in whole)
        n.lost -= set(whole)
    n.sram[where] = what
    starts = [0, *(np.flatnonzero(gaps != 1) + 1).tolist()] if len(where) else []
    ends = [*starts[1:], len(where)]
    return [("m", int(where[start]), what[start:end].tobytes()) for start, end in zip(starts, ends, strict=False)]


def _vector_store(insn: Insn) -> Semantics:
    pieces, piece = insn.attrs["pieces"], insn.attrs["piece"]

    def store(n: Node, t: Thread, o: Operands) -> list[Effect]:
        addresses, keep = piece_bytes(t.inner[o["d"]], o["tile"], pieces, piece)
        return _write_bytes(n, addresses, keep, t.v[o["vs"]]) + _step(t, o["d"], isa.STEPS[o["step"]])

    return store


def _drain(insn: Insn) -> Semantics:
    kind = insn.attrs["format"]

    def drain(n: Node, t: Thread, o: Operands) -> list[Effect]:
        d, acc = t.inner[o["d"]], t.c[o["c"]]
        if kind == "RAW":
            image = acc.raw().astype("<u8").tobytes()
            addresses = (d.base + np.arange(64)) % (1 << 18) * 8
            addresses = (addresses[:, None] + np.arange(8)).reshape(-1)
            keep = np.ones(512, bool)
        else:
            bits = matrix.drain(acc, FP32 if kind == "FP32" else BF16, relu=bool(o["relu"]))
            image = bits.astype(bits.dtype.newbyteorder("<")).tobytes()
            addresses, keep = tile_bytes(d, o["tile"], bits.dtype.itemsize)
        effects = _write_bytes(n, addresses, keep, np.frombuffer(image, np.uint8))
        return effects + _step(t, o["d"], isa.STEPS[o["step"]])

    return drain


# --- vector and matrix -------------------------------------------------------------------------------------------------------


def _simd(insn: Insn) -> Semantics:
    code = SimdOp(insn.simd_op)

    def execute(n: Node, t: Thread, o: Operands) -> list[Effect]:
        registers = [t.v[o[name]] if name in o else None for name in ("va", "vb", "vc")]
        return set_v(t, o["vd"], simd.execute(code, *registers, imm=o.get("imm", 0)))

    return execute


@op("vany")
def _vany(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return set_p(t, o["pd"], bool(t.v[o["va"]].view(np.uint32).any()))


@op("vall")
def _vall(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return set_p(t, o["pd"], bool((t.v[o["va"]].view(np.uint32) != 0).all()))


@op("step.bf16")
def _step_bf16(n: Node, t: Thread, o: Operands) -> list[Effect]:
    a, b = t.v[o["va"]].view("<u2"), t.v[o["vb"]].view("<u2")
    left = a.reshape(4, 8).T if o["at"] else a.reshape(8, 4)
    right = b.reshape(8, 4).T if o["bt"] else b.reshape(4, 8)
    return set_c(t, o["c"], matrix.step(t.c[o["c"]], left, right, first=bool(o["first"])))


def _replace(acc: matrix.Accumulators, rows: slice, columns: slice, new: matrix.Accumulators) -> matrix.Accumulators:
    s, e, p = acc.s.copy(), acc.e.copy(), acc.p.copy()
    s[rows, columns], e[rows, columns], p[rows, columns] = new.s, new.e, new.p
    return matrix.Accumulators(s, e, p)


@op("cld.f32")
def _cld_f32(n: Node, t: Thread, o: Operands) -> list[Effect]:
    row, column = 4 * (o["imm"] >> 1), 4 * (o["imm"] & 1)
    new = matrix.load_f32(t.v[o["va"]].view("<u4").reshape(4, 4))
    return set_c(t, o["c"], _replace(t.c[o["c"]], slice(row, row + 4), slice(column, column + 4), new))


@op("cld.row")
def _cld_row(n: Node, t: Thread, o: Operands) -> list[Effect]:
    row = t.v[o["va"]].view("<u4")[8 * o["imm"] : 8 * o["imm"] + 8]
    return set_c(t, o["c"], matrix.load_f32(np.tile(row, (8, 1))))


@op("cld.raw")
def _cld_raw(n: Node, t: Thread, o: Operands) -> list[Effect]:
    new = matrix.from_raw(t.v[o["va"]].view("<u8").reshape(1, 8))
    return set_c(t, o["c"], _replace(t.c[o["c"]], slice(o["imm"], o["imm"] + 1), slice(0, 8), new))


# --- system ------------------------------------------------------------------------------------------------------------------


@op("csrr")
def _csrr(n: Node, t: Thread, o: Operands) -> list[Effect]:
    csr = o["csr"]
    if csr not in CSRS or csr == Csr.COUNTER_CLEAR:
        raise FaultStop(Fault.ILLEGAL, o["word"])
    fixed = {Csr.THREAD: t.index, Csr.NODE: n.node_id}
    value = fixed[csr] if csr in fixed else t.csr[csr] if csr in t.csr else n.external(t, csr)
    return set_x(t, o["rd"], value)


@op("csrw")
def _csrw(n: Node, t: Thread, o: Operands) -> list[Effect]:
    csr = o["csr"]
    if csr not in CSRS or csr in READ_ONLY_CSRS:
        raise FaultStop(Fault.ILLEGAL, o["word"])
    if csr in t.csr:
        t.csr[csr] = t.x[o["ra"]] & ((1 << CSR_BITS[csr]) - 1)
    return []


for _insn in isa.TABLE:
    if _insn.mnemonic.startswith("ld"):
        SEMANTICS[_insn.mnemonic] = _scalar_load(_insn)
    elif _insn.mnemonic.startswith("st") and _insn.unit.name == "SSTORE":
        SEMANTICS[_insn.mnemonic] = _scalar_store(_insn)
    elif _insn.mnemonic.startswith("vld."):
        SEMANTICS[_insn.mnemonic] = _vector_load(_insn)
    elif _insn.mnemonic.startswith("vst."):
        SEMANTICS[_insn.mnemonic] = _vector_store(_insn)
    elif _insn.mnemonic in ("drain.f32", "drain.bf16", "drain.raw"):
        SEMANTICS[_insn.mnemonic] = _drain(_insn)
    elif _insn.unit.name == "SIMD" and _insn.mnemonic not in ("vany", "vall"):
        SEMANTICS[_insn.mnemonic] = _simd(_insn)

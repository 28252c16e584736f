"""Scalar memory, descriptors, vector memory and drains."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from golden.arch.classes import Port, Step
from golden.arch.descriptor import RESERVED_LO, Descriptor
from golden.arch.encoding import Insn
from golden.arch.memmap import Csr, Fault
from golden.arch.simd_ops import SimdFlag
from golden.arch.trace import Effect
from golden.iss.errors import UndefinedStore
from golden.iss.semantics.binding import Meaning, Operands, each, op, set_v, set_x
from golden.iss.state import FaultStop, Node, Thread, piece_bytes, signed, tile_bytes
from golden.numerics import matrix, simd
from golden.numerics.random import element_words

_ELEMENTS = np.arange(64).reshape(8, 8)
DRAIN_FLAGS = SimdFlag.INVALID | SimdFlag.OVERFLOW | SimdFlag.UNDERFLOW


@each(Port.SLOAD, "rd ra imm")
def _scalar_load(insn: Insn) -> Meaning:
    size, post = 1 << insn.size, insn.post

    def load(n: Node, t: Thread, o: Operands) -> list[Effect]:
        base = t.x[o["ra"]]
        address = n.check_scalar(base if post else base + o["imm"], size)
        n.check_lost([address & ~7])
        value = int.from_bytes(n.sram[address : address + size].tobytes(), "little")
        if insn.signed:
            value = signed(value, 8 * size)
        moved = set_x(t, o["ra"], base + o["imm"]) if post else []
        return moved + set_x(t, o["rd"], value)

    return load


@each(Port.SSTORE, "rs ra imm")
def _scalar_store(insn: Insn) -> Meaning:
    size, post = 1 << insn.size, insn.post

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


def _step(t: Thread, d: int, how: int) -> list[Effect]:
    match Step(how):
        case Step.INNER:
            return _set_inner(t, d, t.inner[d].stepped(t.inner[d].inner))
        case Step.OUTER:
            t.outer[d] = t.outer[d].stepped(t.outer[d].outer)
            return _set_inner(t, d, t.outer[d])
        case Step.RESTART:
            return _set_inner(t, d, t.outer[d])
        case Step.STAY:
            return []


@op("setd", "d ra rb")
def _setd(n: Node, t: Thread, o: Operands) -> list[Effect]:
    low, high = t.x[o["ra"]], t.x[o["rb"]]
    if high >> (RESERVED_LO - 64):
        raise FaultStop(Fault.DESCRIPTOR, high)
    descriptor = Descriptor.unpack(low, high)
    if descriptor.width and "image" not in n.config.features:
        raise FaultStop(Fault.DESCRIPTOR, high)
    t.outer[o["d"]] = descriptor
    return _set_inner(t, o["d"], descriptor)


@op("getd", "rd d half")
def _getd(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return set_x(t, o["rd"], t.outer[o["d"]].pack()[o["half"]])


@op("dstep", "d which")
def _dstep(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return _step(t, o["d"], o["which"] + 1)


@each(Port.VLOAD, "vd d tile step")
def _vector_load(insn: Insn) -> Meaning:
    pieces, piece = insn.pieces, insn.piece

    def load(n: Node, t: Thread, o: Operands) -> list[Effect]:
        addresses, keep = piece_bytes(t.inner[o["d"]], o["tile"], pieces, piece)
        n.check_words(addresses, keep)
        if n.lost:
            n.check_lost(_words(addresses, keep, np.any))
        value = np.where(keep, n.sram[np.where(keep, addresses, 0)], 0).astype(np.uint8)
        return set_v(t, o["vd"], value) + _step(t, o["d"], o["step"])

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


@each(Port.VSTORE, "vs d tile step")
def _vector_store(insn: Insn) -> Meaning:
    pieces, piece = insn.pieces, insn.piece

    def store(n: Node, t: Thread, o: Operands) -> list[Effect]:
        addresses, keep = piece_bytes(t.inner[o["d"]], o["tile"], pieces, piece)
        return _write_bytes(n, addresses, keep, t.v[o["vs"]]) + _step(t, o["d"], o["step"])

    return store


@each(Port.DRAIN, "c d tile rc step relu")
@each(Port.DRAIN, "c d tile step relu")
def _drain(insn: Insn) -> Meaning:
    fmt = insn.format.float

    def drain(n: Node, t: Thread, o: Operands) -> list[Effect]:
        acc, fp = t.c[o["c"]], t.fp_state()
        random = element_words(fp.seed, t.x[o["rc"]], 64 * o["tile"] + _ELEMENTS) if "rc" in o else None
        how = {"bias": fp.bias_result if fmt.has_bias else None, "random": random, "relu": bool(o["relu"])}
        bits = matrix.drain(acc, fmt, **how)
        image = bits.astype(bits.dtype.newbyteorder("<")).tobytes()
        addresses, keep = tile_bytes(t.inner[o["d"]], o["tile"], bits.dtype.itemsize)
        effects = _write_bytes(n, addresses, keep, np.frombuffer(image, np.uint8))
        stored = keep.reshape(8, 8, -1)[:, :, 0]
        t.raise_flags(DRAIN_FLAGS, lambda: simd.combine_flags(matrix.drain_flags(acc, fmt, **how), stored))
        return effects + _step(t, o["d"], o["step"])

    return drain


@op("drain.raw", "c d step")
def _drain_raw(n: Node, t: Thread, o: Operands) -> list[Effect]:
    image = t.c[o["c"]].raw().astype("<u8").tobytes()
    words = (t.inner[o["d"]].base + np.arange(64)) % (1 << 18) * 8
    addresses = (words[:, None] + np.arange(8)).reshape(-1)
    effects = _write_bytes(n, addresses, np.ones(512, bool), np.frombuffer(image, np.uint8))
    return effects + _step(t, o["d"], o["step"])

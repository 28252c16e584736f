"""Ends of a random program: how a thread is made to stop with a fault."""

from __future__ import annotations

from golden.arch import isa
from golden.arch.classes import Port
from golden.arch.descriptor import Descriptor
from golden.arch.memmap import FP_MODE_BITS, Csr
from golden.arch.sram import inject
from golden.rig.memory import SCRATCH
from golden.rig.snippets import POINTER, Writer, indent, written

FAULTS: dict[str, tuple[str, ...]] = {
    "ILLEGAL": (".word 0", ".word 0xffffffff", "csrr x1, 1000", "csrw x1, 0", ".word 0x80000001", ".word 0x0a8 | 3 << 12 | 3 << 17"),
    "MISALIGNED": ("ld.w x1, x24, 2", "st.d x1, x24, 4", "ld.hu x1, x24, 1", "ldp.d x1, x25, 8", "stp.w x1, x25, 8", "jr x25"),
    "RANGE": ("ld.d x1, x25, 0", "st.b x1, x25, 0", "vld.c v1, d7", "vst.g8 v1, d7", "drain.raw c1, d7", "jr x25", "ld.b x1, x0, -1"),
    "SEMAPHORE": ("raise {s}, 1023",),
    "LOOP": ("loopi {end}, 2",),
    "ECC": (
        *("ld.d x1, x24, 16", "ld.bu x0, x24, 17", "ldp.h x1, x25, -2", "st.b x1, x24, 23", "stp.w x1, x25, 8"),
        *("vld.c v1, d7", "vld.g8 v1, d7", "vst.c v1, d7", "jr x25"),
    ),
    "TRAP": ("trap 0", "trap 1023"),
    "DESCRIPTOR": ("setd d7, x25, x27",),
    "BUSY": ("tstart {t}, start{t}",),
    "FETCH": ("br {beyond}",),
    "BIAS": (f"csrw x25, {int(Csr.FP_MODE)}",),
}
"""Causes that a thread can be made to end in, and instructions that end in them."""


def _port(text: str) -> Port | None:
    """The port of an instruction's text; None for a word that is no instruction."""
    insn = written(text)
    return insn.port if insn else None


def fault(writer: Writer, cause: str) -> list[str]:
    """Lines whose last instruction stops the writer's thread with ``cause``."""
    t, lines = writer.thread, []
    last = writer.rng.choice(FAULTS[cause]).format(s=56 + t, t=t, end=f"fault{t}", beyond=writer.config.sram_bytes)
    match cause:
        case "RANGE":
            lines = writer.scratch(writer.config.sram_bytes - 8 if _port(last) is Port.DRAIN else writer.config.sram_bytes)
            lines.append(f"li64 x25, {writer.config.sram_bytes}")
        case "SEMAPHORE":
            lines = [f"loopi fault{t}, 64", f"raise {56 + t}, 1023", "addi x1, x1, 1", f"fault{t}:"]
        case "LOOP":
            lines = [f"loopi fault{t}, 2"] * isa.LOOP_DEPTH
            return indent([*lines, last, "addi x1, x1, 1", f"fault{t}:"])
        case "DESCRIPTOR":
            lines = ["li x25, 0", f"li64 x27, {writer.rng.choice((1 << 47, 1 << 63, 1 << 35))}"]
        case "ECC":
            word = writer.layout.region(t) + POINTER + 16
            extents = {"rows": 1, "columns": 3, "elem": 1} if _port(last) is Port.VSTORE else {"rows": 8, "columns": 64}
            low, high = Descriptor(base=word // 8, **extents).pack()
            lines = [f"li64 x27, {inject(*writer.rng.sample(range(72), 2))}", f"csrw x27, {int(Csr.ECC_INJECT)}"]
            lines += ["st.d x2, x24, 16", "fence", f"csrw x0, {int(Csr.ECC_INJECT)}", "addi x25, x24, 16"]
            lines += [f"li64 x27, {low}", f"li64 x28, {high}", f"setd d{SCRATCH}, x27, x28"]
        case "BIAS":
            beyond = 1 << writer.rng.choice([bit for bit in range(64) if not FP_MODE_BITS >> bit & 1])
            lines = [f"li64 x25, {writer.rng.getrandbits(64) & FP_MODE_BITS | beyond}"]
        case "MISALIGNED":
            lines = ["addi x25, x24, 2"]
    if cause in ("MISALIGNED", "RANGE", "DESCRIPTOR", "ECC") or _port(last) is Port.CSR:
        # Found late, such a fault drops what is queued: not what another thread waits for, but something; nor what the thread reads again,
        # which would be what was there before.
        lines = ["fence", *lines, "st.d x1, x24, 8", "mul x2, x3, x4", "ld.d x5, x24, 24"]
    return indent([*lines, last])

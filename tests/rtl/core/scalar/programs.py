"""Random instruction sequences for one thread, executed in program order by golden while they are made.

Every thread keeps to its own part of memory, so that the order between threads does not matter. x24 to x31 are pointers
into it, a table of descriptor images lies at its start. The sequence can end in an instruction that faults, followed by
younger ones that must not happen.
"""

from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from golden.arch import isa
from golden.arch.classes import Port
from golden.arch.descriptor import Descriptor, step_code
from golden.arch.encoding import Insn, OperandKind
from golden.arch.memmap import Csr, Fault
from golden.iss.semantics import SEMANTICS
from golden.iss.state import FaultStop, Node, Thread, piece_bytes, tile_bytes

Item = TypeVar("Item")

PART = 16 * 1024
IMAGES = 48
FIRST_POINTER = 24
SCALAR = [i for i in isa.TABLE if i.port in (Port.ALU, Port.SLOW) and i.feature == "base"]
JUMPS = {"jr", "callr", "loop", "waitr"}


@dataclass
class Step:
    """One instruction of a program."""

    insn: Insn
    word: int
    pc: int
    effects: list[tuple]
    operand: int | None = None  # what the front end waits for


@dataclass
class Program:
    """Instructions in order; the one at ``fault_at`` faults, what follows it must leave no trace."""

    steps: list[Step] = field(default_factory=list)
    fault_at: int | None = None
    fault: tuple[Fault, int] | None = None


class Writer:
    """Makes programs for one thread.

    Parameters
    ----------
    node, thread: golden state; executed as the program is made.
    """

    def __init__(self, rng: np.random.Generator, node: Node, thread: Thread) -> None:
        self.rng, self.node, self.thread = rng, node, thread
        self.base = PART * (1 + thread.index)
        self.program = Program()
        image = self.node.sram[self.base : self.base + 16 * IMAGES].view("<u8")
        for k in range(IMAGES):
            image[2 * k], image[2 * k + 1] = self._descriptor().pack()

    def _descriptor(self) -> Descriptor:
        rng = self.rng
        pitch = int(rng.choice([2, 4, 8, 16, 5, 32]))
        elem = int(rng.integers(0, 4))
        columns = int(rng.integers(1, (8 * pitch >> elem) + 1)) if rng.integers(0, 4) else int(rng.integers(1, 200))
        steps = [step_code(str(rng.choice(["x", "y"])), int(rng.choice([1, 2, 4, 8, -1, -8]))) for _ in range(2)]
        return Descriptor(
            base=self.base // 8 + int(rng.integers(256, 1700)),
            row_pitch=pitch,
            rows=int(rng.integers(1, 40)),
            columns=columns,
            y0=int(rng.integers(-6, 12)),
            x0=int(rng.integers(-10, 20)),
            elem=elem,
            inner=steps[0],
            outer=steps[1],
        )

    # --- one instruction --------------------------------------------------------------------------------------------------

    def emit(self, mnemonic: str, **values: int) -> None:
        """Append an instruction and execute it; FaultStop leaves golden and program as they were."""
        insn = isa.BY_MNEMONIC[mnemonic]
        pc = 0x8000 + 4 * len(self.program.steps)
        word = insn.encode(**values)
        thread, operands = self.thread, {**insn.decode(word), "pc": pc, "word": word}
        operand = None
        if mnemonic in JUMPS:
            operand = thread.x[operands["ra"]]
            effects = []
            if mnemonic == "callr" and operands["rd"]:
                thread.x[operands["rd"]] = pc + 4
                effects = [("x", operands["rd"], pc + 4)]
        else:
            effects = SEMANTICS[mnemonic](self.node, thread, operands)
        self.program.steps.append(Step(insn, word, pc, effects, operand))

    def within(self, addresses: np.ndarray, keep: np.ndarray) -> bool:
        """Whether all bytes lie behind the table of images in the thread's part, and none is touched twice."""
        used = addresses[keep]
        low, high = self.base + 16 * IMAGES, self.base + PART
        return bool((used >= low).all() and (used < high).all() and len(np.unique(used)) == len(used))

    def pick(self, *items: Item) -> Item:
        return items[int(self.rng.integers(len(items)))]

    def x(self, writes: bool = False) -> int:
        """A scalar register: few different ones, so that instructions depend on each other."""
        return int(self.rng.integers(0, FIRST_POINTER if writes else 32)) if self.rng.integers(0, 2) else self.pick(1, 2, 3)

    def scalar(self) -> None:
        insn = SCALAR[int(self.rng.integers(len(SCALAR)))]
        if insn.mnemonic in JUMPS and self.rng.integers(0, 4):
            return
        values = {}
        for operand in insn.operands:
            low, high = operand.limits
            values[operand.name] = int(self.rng.integers(low, high + 1))
            if operand.kind is OperandKind.X:
                values[operand.name] = self.x(operand.writes)
        self.emit(insn.mnemonic, **values)

    def pointer(self) -> int:
        """A pointer register, set anew when it points elsewhere."""
        register = int(self.rng.integers(FIRST_POINTER, 32))
        value = self.thread.x[register]
        if not self.base + 16 * IMAGES + 600 <= value < self.base + PART - 600 or self.rng.integers(0, 12) == 0:
            address = self.base + 16 * IMAGES + 600 + 8 * int(self.rng.integers(0, (PART - 16 * IMAGES - 1200) // 8))
            self.emit("li", rd=register, imm=address >> 15)
            self.emit("lih", rd=register, imm=address & 0x7FFF)
        return register

    def scalar_memory(self) -> None:
        names = [i for i in isa.TABLE if i.port in (Port.SLOAD, Port.SSTORE)]
        insn = names[int(self.rng.integers(len(names)))]
        register = self.pointer()
        size = 1 << insn.size
        value = self.thread.x[register]
        if insn.post:
            if value % size:
                return
            imm = int(self.rng.integers(-64, 64))
        else:
            imm = int(self.rng.integers(-60, 60)) * size - value % size
        other = "rd" if insn.port is Port.SLOAD else "rs"
        self.emit(insn.mnemonic, ra=register, imm=imm, **{other: self.x(insn.port is Port.SLOAD)})

    def set_descriptor(self, d: int | None = None) -> None:
        """Two loads and a setd."""
        register, low, high = self.pick(24, 25, 26), self.pick(4, 6), self.pick(5, 7)
        at = self.base + 16 * int(self.rng.integers(0, IMAGES))
        self.emit("li", rd=register, imm=at >> 15)
        self.emit("lih", rd=register, imm=at & 0x7FFF)
        self.emit("ld.d", rd=low, ra=register, imm=0)
        self.emit("ld.d", rd=high, ra=register, imm=8)
        self.emit("setd", d=int(self.rng.integers(0, 8)) if d is None else d, ra=low, rb=high)

    def descriptor(self) -> None:
        what = self.rng.integers(0, 4)
        if what == 0:
            self.set_descriptor()
        elif what == 1:
            self.emit("getd", rd=self.x(True), d=int(self.rng.integers(0, 8)), half=int(self.rng.integers(0, 2)))
        else:
            self.emit("dstep", d=int(self.rng.integers(0, 8)), which=int(self.rng.integers(0, 3)))

    def vector_memory(self) -> None:
        kind = self.pick("vld", "vld", "vst", "drain")
        d, tile, step = (int(self.rng.integers(0, n)) for n in (8, 8, 3))
        if self.rng.integers(0, 3):
            d = self.pick(0, 1)
        current = self.thread.inner[d]
        v = int(self.rng.integers(0, 32)) if self.rng.integers(0, 3) == 0 else self.pick(0, 1, 2)
        if kind == "drain":
            name = self.pick("f32", "bf16", "raw")
            insn = isa.BY_MNEMONIC[f"drain.{name}"]
            values = {"c": int(self.rng.integers(0, 8)), "d": d, "step": step}
            if name == "raw":
                addresses = (current.base * 8 + np.arange(512)) % (1 << 21)
                keep = np.ones(512, bool)
            else:
                values |= {"tile": tile, "relu": int(self.rng.integers(0, 2))}
                addresses, keep = tile_bytes(current, tile, insn.format.bytes)
        else:
            insn = isa.BY_MNEMONIC[f"{kind}.{self.pick('c', 'g8', 'g16', 'g32')}"]
            values = {"vd" if kind == "vld" else "vs": v, "d": d, "tile": tile, "step": step}
            addresses, keep = piece_bytes(current, tile, insn.pieces, insn.piece)
            if kind == "vld":  # a load may read a byte for two elements
                addresses, keep = addresses[keep], np.ones(keep.sum(), bool)
                addresses = np.unique(addresses)
                keep = np.ones(len(addresses), bool)
        if self.within(addresses, keep):
            self.emit(insn.mnemonic, **values)
        elif self.rng.integers(0, 2):
            self.emit("dstep", d=d, which=2)
        else:
            self.set_descriptor(d)

    def vector(self) -> None:
        registers = [int(self.rng.integers(0, 32)) if self.rng.integers(0, 2) else self.pick(0, 1, 2) for _ in range(3)]
        self.emit("vxor", vd=registers[0], va=registers[1], vb=registers[2])

    def control(self) -> None:
        choice = self.rng.integers(0, 4)
        if choice == 0:
            self.emit("csrw", ra=self.x(), csr=self.pick(Csr.FP_FLAGS, Csr.SEED, Csr.PRIORITY))
        elif choice == 1:
            csr = self.pick(Csr.FP_MODE, Csr.FP_FLAGS, Csr.SEED, Csr.PRIORITY, Csr.THREAD, Csr.NODE)
            self.emit("csrr", rd=self.x(True), csr=csr)
        elif choice == 2:
            self.emit("mul", rd=self.x(True), ra=self.x(), rb=self.x())
        else:
            self.emit("raise", s=int(self.rng.integers(0, 64)), imm=int(self.rng.integers(0, 4)))

    # --- programs -----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """A new program; golden's registers are what they are."""
        self.program = Program()

    def run(self, length: int, weights: dict[str, float]) -> None:
        """About ``length`` instructions, kinds with these weights."""
        names, shares = list(weights), np.array(list(weights.values()))
        for _ in range(length):
            getattr(self, str(self.rng.choice(names, p=shares / shares.sum())))()

    def end_in_fault(self) -> None:
        """An instruction that faults, and some that would have effects behind it."""
        rng, thread = self.rng, self.thread
        kind = self.pick("misaligned", "range", "vector", "drain", "setd", "csr")
        if kind in ("misaligned", "range"):
            register = self.pointer()
            if kind == "range":
                self.emit("li", rd=register, imm=self.pick(-1, -8, 16383))
                self.emit("slli", rd=register, ra=register, imm=self.pick(4, 6, 40))
            names = [i for i in isa.TABLE if i.port in (Port.SLOAD, Port.SSTORE) and i.size and i.post]
            insn = names[int(rng.integers(len(names)))]
            if kind == "misaligned":
                self.emit("addi", rd=register, ra=register, imm=1 - thread.x[register] % 2)
            doomed = (insn.mnemonic, {"ra": register, "imm": 8, "rd" if insn.port is Port.SLOAD else "rs": 5})
        elif kind in ("vector", "drain"):
            base = self.node.config.sram_words - int(rng.integers(1, 9))
            low, high = Descriptor(base=base, row_pitch=3, rows=16, columns=200).pack()
            for register, value in ((6, low), (7, high)):
                self.emit("li", rd=register, imm=value >> 60)
                for place in (45, 30, 15, 0):
                    self.emit("lih", rd=register, imm=value >> place & 0x7FFF)
            self.emit("setd", d=3, ra=6, rb=7)
            which = {"vector": self.pick("vld.g8", "vld.c", "vst.g16", "vst.g8"), "drain": "drain.f32"}[kind]
            values = {"c": 1} if kind == "drain" else {"vd" if which[:3] == "vld" else "vs": 1}
            doomed = (which, {"d": 3, "tile": 4, "step": 1, **values})
        elif kind == "setd":
            self.emit("li", rd=7, imm=-1 if rng.integers(0, 2) else 1)
            self.emit("slli", rd=7, ra=7, imm=self.pick(47, 50, 63, 35))
            doomed = ("setd", {"d": 0, "ra": 5, "rb": 7})
        else:
            doomed = self.pick(("csrr", {"rd": 5, "csr": 999}), ("csrw", {"ra": 5, "csr": 0}), ("csrr", {"rd": 5, "csr": 128}))
        at = len(self.program.steps)
        try:
            self.emit(doomed[0], **doomed[1])
        except FaultStop as stop:
            self.program.fault_at, self.program.fault = at, (stop.cause, stop.operand)
            insn = isa.BY_MNEMONIC[doomed[0]]
            self.program.steps.append(Step(insn, insn.encode(**doomed[1]), 0x8000 + 4 * at, []))
        else:
            raise AssertionError(f"{doomed} does not fault")
        for name, values in (
            ("addi", {"rd": 1, "ra": 1, "imm": 1}),
            ("stp.d", {"rs": 1, "ra": self.pick(28, 29), "imm": 8}),
            ("vld.c", {"vd": 2, "d": 0, "tile": 0, "step": 1}),
            ("ldp.d", {"rd": 2, "ra": 30, "imm": 8}),
            ("mul", {"rd": 3, "ra": 3, "rb": 3}),
            ("plti", {"pd": 1, "ra": 3, "imm": 1}),
            ("raise", {"s": 1, "imm": 1}),
            ("setd", {"d": 1, "ra": 1, "rb": 0}),
            ("csrw", {"ra": 1, "csr": int(Csr.SEED)}),
            ("vst.c", {"vs": 2, "d": 0, "tile": 0, "step": 1}),
        ):
            insn = isa.BY_MNEMONIC[name]
            if rng.integers(0, 3):
                pc = 0x8000 + 4 * len(self.program.steps)
                self.program.steps.append(Step(insn, insn.encode(**values), pc, []))

"""Control and synchronisation: opcodes 0x001 to 0x03f."""

from __future__ import annotations

from golden.arch.classes import Alu, Flow, Port
from golden.arch.encoding import F0, F1, F2, Insn, Operand, OperandKind
from golden.arch.isa.operands import IMM10U, RA, RD, SEMAPHORE, THREADS, scalar

_LOOP = (
    "the instructions after this one, before target, run {n} times (0: skipped, pc = target); nested 4 deep; "
    "the last of them may be no control instruction"
)
_TARGET15 = Operand("target", OperandKind.LABEL, F1, 15)
_THREAD = Operand("t", OperandKind.UINT, F0, 2)

CONTROL = [
    Insn("nop", 0x001, Port.FRONT, (), "nothing", "control"),
    Insn("br", 0x002, Port.FRONT, (Operand("target", OperandKind.LABEL, F0, 20),), "pc = pc + 4 * target", "control", Flow.BR),
    Insn("call", 0x003, Port.ALU, (RD, _TARGET15), "x[rd] = pc + 4; pc = pc + 4 * target", "control", Flow.CALL, alu=Alu.NEXT),
    Insn("jr", 0x004, Port.ALU, (RA,), "pc = x[ra]", "control", Flow.JUMP, faults=("MISALIGNED", "RANGE")),
    Insn(
        "callr",
        0x005,
        Port.ALU,
        (RD, RA),
        "t = x[ra]; x[rd] = pc + 4; pc = t",
        "control",
        Flow.JUMP,
        faults=("MISALIGNED", "RANGE"),
        alu=Alu.NEXT,
    ),
    Insn(
        "loop",
        0x006,
        Port.ALU,
        (Operand("target", OperandKind.LABEL, F2, 10, least=1), RA),
        _LOOP.format(n="x[ra]"),
        "control",
        Flow.LOOP,
        faults=("LOOP",),
    ),
    Insn(
        "loopi",
        0x007,
        Port.FRONT,
        (Operand("target", OperandKind.LABEL, F0, 10, least=1), IMM10U),
        _LOOP.format(n="imm"),
        "control",
        Flow.LOOPI,
        faults=("LOOP",),
    ),
    Insn(
        "halt",
        0x008,
        Port.FRONT,
        (),
        "the thread ends when all it began is done; answers its start packet if that asked",
        "control",
        Flow.HALT,
    ),
    Insn(
        "trap",
        0x009,
        Port.FRONT,
        (IMM10U,),
        "the thread stops with cause TRAP and operand imm",
        "control",
        Flow.TRAP,
        faults=("TRAP",),
    ),
    Insn(
        "fence",
        0x00A,
        Port.FRONT,
        (),
        "waits until every older instruction of the thread is complete and its remote writes are answered",
        "control",
        Flow.FENCE,
    ),
    Insn(
        "iflush",
        0x00B,
        Port.FRONT,
        (),
        "fence; then empties the instruction cache and fetches this thread's next instruction anew",
        "control",
        Flow.IFLUSH,
    ),
]

SYNCHRONISATION = [
    Insn(
        "wait",
        0x020,
        Port.FRONT,
        (SEMAPHORE, IMM10U),
        "waits until sem[s] >= imm, then sem[s] -= imm, atomically, in order of arrival; younger instructions begin after it",
        "synchronisation",
        Flow.WAIT,
    ),
    Insn("waitr", 0x021, Port.ALU, (SEMAPHORE, scalar("ra", F2)), "wait s, x[ra] & 0xffff", "synchronisation", Flow.WAITR),
    Insn(
        "raise",
        0x022,
        Port.SYNC,
        (SEMAPHORE, IMM10U),
        "after all older loads and stores of the thread: sem[s] += imm",
        "synchronisation",
        faults=("SEMAPHORE",),
    ),
    Insn(
        "barrier",
        0x023,
        Port.FRONT,
        (Operand("s", OperandKind.UINT, F0, 3), Operand("imm", OperandKind.UINT, F2, 3, least=1, most=THREADS)),
        "fence; then waits until imm threads of the node have come to barrier s",
        "synchronisation",
        Flow.BARRIER,
    ),
    Insn(
        "tstart",
        0x024,
        Port.FRONT,
        (_THREAD, _TARGET15),
        "fence; thread t starts at pc + 4 * target, its registers as they were left; a thread that runs: fault",
        "synchronisation",
        Flow.TSTART,
        faults=("BUSY",),
    ),
    Insn("tjoin", 0x025, Port.FRONT, (_THREAD,), "waits until thread t does not run", "synchronisation", Flow.TJOIN),
]

TABLE = [*CONTROL, *SYNCHRONISATION]

"""Other nodes: opcodes 0x1c0 to 0x1df. What a global address is: golden.arch.global_address; a list: golden.arch.transfer."""

from __future__ import annotations

from golden.arch.classes import Port
from golden.arch.encoding import F0, F1, F2, F3, Insn, Operand, OperandKind
from golden.arch.isa.operands import SEMAPHORE, flag, scalar

_LOCAL, _GLOBAL = scalar("ra", F0), scalar("rb", F1)
_WORDS = Operand("words", OperandKind.UINT, F2, 4, least=1, most=8)


def _network(mnemonic: str, opcode: int, operands: tuple[Operand, ...], meaning: str, *faults: str) -> Insn:
    faults = ("RANGE", *faults, "NETWORK")
    return Insn(mnemonic, opcode, Port.NET, operands, meaning, "network", feature="network", faults=faults)


TABLE = [
    _network(
        "rput",
        0x1C0,
        (_LOCAL, _GLOBAL, _WORDS, flag("ack", F2 + 4), flag("fixed", F3)),
        "after older stores: words of 8 B from local x[ra] to global x[rb], inside a line of 64 B on each side; then, if x[rb] notifies, "
        "its semaphore there += 1; ack: it is answered, and fence waits for that; fixed: on the fixed channel",
        "MISALIGNED",
        "ECC",
    ),
    _network(
        "rget",
        0x1C1,
        (_LOCAL, _GLOBAL, _WORDS, Operand("s", OperandKind.UINT, F2 + 4, 6)),
        "after older stores: words of 8 B from global x[rb] to local x[ra], inside a line of 64 B on each side; then sem[s] += 1; "
        "fence waits for it",
        "MISALIGNED",
        "SEMAPHORE",
    ),
    _network(
        "rraise",
        0x1C2,
        (SEMAPHORE, scalar("rb", F2), scalar("rc", F3)),
        "after older loads, stores and network instructions: at the node of global x[rb], sem[s] += x[rc] & 0xffff; on the fixed channel",
    ),
    _network(
        "rlist",
        0x1C3,
        (_LOCAL, _GLOBAL),
        "after older stores: the transfer engine runs the x[rb] transfers of 64 B from local x[ra] on, in order; fence waits until "
        "everything of them is sent, and what they read is there",
        "MISALIGNED",
        "ECC",
        "DESCRIPTOR",
        "SEMAPHORE",
    ),
    _network(
        "rcast",
        0x1C4,
        (_LOCAL, _GLOBAL, _WORDS),
        "rput without answer to every other node of the rectangle that x[rb] names; on the XY channel",
        "MISALIGNED",
        "ECC",
    ),
]

"""Other nodes: opcodes 0x1c0 to 0x1df."""

from __future__ import annotations

from golden.arch.classes import Port
from golden.arch.encoding import F0, F1, F2, F3, Insn, Kind, Operand
from golden.arch.isa.operands import SEMAPHORE, flag, scalar

_LOCAL, _GLOBAL = scalar("ra", F0), scalar("rb", F1)
_WORDS = Operand("words", Kind.UINT, F2, 4)


def _network(mnemonic: str, opcode: int, operands: tuple[Operand, ...], meaning: str) -> Insn:
    return Insn(mnemonic, opcode, Port.NET, operands, meaning, "network", feature="network", faults=("NETWORK", "RANGE"))


TABLE = [
    _network(
        "rput",
        0x1C0,
        (_LOCAL, _GLOBAL, _WORDS, flag("ack", F2 + 4), flag("fixed", F3)),
        "remote write: words (1 to 8) of 8 B from local x[ra] to global address x[rb], inside one 64 B line",
    ),
    _network(
        "rget",
        0x1C1,
        (_LOCAL, _GLOBAL, _WORDS, Operand("s", Kind.UINT, F2 + 4, 6)),
        "remote read: words of 8 B from global address x[rb] to local x[ra]; then sem[s] += 1",
    ),
    _network(
        "rraise",
        0x1C2,
        (SEMAPHORE, scalar("rb", F2), scalar("rc", F3)),
        "after all older loads and stores: semaphore s of node x[rb] += x[rc]",
    ),
    _network("rlist", 0x1C3, (_LOCAL, _GLOBAL), "the transfer engine runs the list of x[rb] transfer descriptors at x[ra]"),
    _network(
        "rcast",
        0x1C4,
        (_LOCAL, _GLOBAL, _WORDS, scalar("rc", F3)),
        "remote write to every node of the rectangle x[rc] at the address x[rb]",
    ),
]

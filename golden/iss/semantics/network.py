"""Other nodes: the network interface does what is asked (golden.iss.interface)."""

from __future__ import annotations

from golden.arch.trace import Effect
from golden.iss.semantics.binding import Operands, op
from golden.iss.state import Node, Thread


@op("rput", "ra rb words ack fixed")
def _rput(n: Node, t: Thread, o: Operands) -> list[Effect]:
    n.interface.put(t, t.x[o["ra"]], t.x[o["rb"]], o["words"], bool(o["ack"]), bool(o["fixed"]))
    return []


@op("rget", "ra rb words s")
def _rget(n: Node, t: Thread, o: Operands) -> list[Effect]:
    n.interface.get(t, t.x[o["ra"]], t.x[o["rb"]], o["words"], o["s"])
    return []


@op("rraise", "s rb rc")
def _rraise(n: Node, t: Thread, o: Operands) -> list[Effect]:
    n.interface.raise_semaphore(t, o["s"], t.x[o["rb"]], t.x[o["rc"]] & 0xFFFF)
    return []


@op("rlist", "ra rb")
def _rlist(n: Node, t: Thread, o: Operands) -> list[Effect]:
    n.interface.transfer(t, t.x[o["ra"]], t.x[o["rb"]])
    return []


@op("rcast", "ra rb words")
def _rcast(n: Node, t: Thread, o: Operands) -> list[Effect]:
    n.interface.cast(t, t.x[o["ra"]], t.x[o["rb"]], o["words"])
    return []

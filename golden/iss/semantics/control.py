"""Control and synchronisation."""

from __future__ import annotations

from golden.arch import isa
from golden.arch.memmap import Fault, ThreadState
from golden.arch.trace import Effect
from golden.iss.semantics.binding import Operands, op, set_x
from golden.iss.state import Blocked, FaultStop, Loop, Node, Thread


@op("nop")
def _nop(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return []


@op("br", "target")
def _br(n: Node, t: Thread, o: Operands) -> list[Effect]:
    t.pc = o["pc"] + 4 * o["target"]
    return []


@op("call", "rd target")
def _call(n: Node, t: Thread, o: Operands) -> list[Effect]:
    t.pc = o["pc"] + 4 * o["target"]
    return set_x(t, o["rd"], o["pc"] + 4)


def _jump(n: Node, t: Thread, target: int) -> None:
    if target % 4:
        raise FaultStop(Fault.MISALIGNED, target)
    if target >= n.config.sram_bytes:
        raise FaultStop(Fault.RANGE, target)
    t.pc = target


@op("jr", "ra")
def _jr(n: Node, t: Thread, o: Operands) -> list[Effect]:
    _jump(n, t, t.x[o["ra"]])
    return []


@op("callr", "rd ra")
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


@op("loop", "target ra")
def _loop_register(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return _loop(t, o, t.x[o["ra"]])


@op("loopi", "target imm")
def _loop_immediate(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return _loop(t, o, o["imm"])


@op("halt")
def _halt(n: Node, t: Thread, o: Operands) -> list[Effect]:
    t.state = ThreadState.IDLE
    return []


@op("trap", "imm")
def _trap(n: Node, t: Thread, o: Operands) -> list[Effect]:
    raise FaultStop(Fault.TRAP, o["imm"])


@op("fence")
def _fence(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return []


@op("iflush")
def _iflush(n: Node, t: Thread, o: Operands) -> list[Effect]:
    n.code.flush()
    return []


# --- synchronisation ---------------------------------------------------------------------------------------------------------


@op("wait", "s imm")
def _wait(n: Node, t: Thread, o: Operands) -> list[Effect]:
    n.take(t, o["s"], o["imm"])
    return []


@op("waitr", "s ra")
def _waitr(n: Node, t: Thread, o: Operands) -> list[Effect]:
    n.take(t, o["s"], t.x[o["ra"]] & 0xFFFF)
    return []


@op("raise", "s imm")
def _raise(n: Node, t: Thread, o: Operands) -> list[Effect]:
    return n.raise_semaphore(o["s"], o["imm"])


@op("barrier", "s imm")
def _barrier(n: Node, t: Thread, o: Operands) -> list[Effect]:
    n.arrive(t, o["s"], o["imm"])
    return []


@op("tstart", "t target")
def _tstart(n: Node, t: Thread, o: Operands) -> list[Effect]:
    other = n.threads[o["t"]]
    if other.runs or other.state is ThreadState.HALTED:
        raise FaultStop(Fault.BUSY, o["t"])
    other.start(o["pc"] + 4 * o["target"])
    return []


@op("tjoin", "t")
def _tjoin(n: Node, t: Thread, o: Operands) -> list[Effect]:
    if n.threads[o["t"]].runs and o["t"] != t.index:
        raise Blocked(f"thread {o['t']} to end")
    return []

"""GDB's remote protocol for the threads of a node: break, step, registers and memory, over a connection of this machine.

    gdb -ex "target remote localhost:PORT"        then: info threads, stepi, continue, break *0x110, print $x5, x/4gx 0x80

GDB must know a machine whose registers it shows. Its own x86-64 is known to nearly every GDB; so a thread is described as one whose rip is
the pc and whose other registers are 0, with x0 to x31 behind them. Instructions it cannot disassemble.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable

from golden.arch.isa import THREADS
from golden.arch.memmap import Fault, Status, ThreadState
from golden.arch.packet import DebugOp
from golden.host import HostError
from sim.jobs.debug_packets import REGISTERS, Threads
from sim.jobs.debugger import DebuggerError

_GENERAL = "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15".split()
_SEGMENTS = "eflags cs ss ds es fs gs".split()
_FLOAT = [f"st{i}" for i in range(8)]
_FLOAT_CONTROL = "fctrl fstat ftag fiseg fioff foseg fooff fop".split()
LAYOUT = [
    *((name, 64, "int64") for name in _GENERAL),
    ("rip", 64, "code_ptr"),
    *((name, 32, "int32") for name in _SEGMENTS),
    *((name, 80, "i387_ext") for name in _FLOAT),
    *((name, 32, "int") for name in _FLOAT_CONTROL),
]
"""Registers that GDB wants of an x86-64, in its order: name, bits, type."""
PC, FIRST = len(_GENERAL), len(LAYOUT)
"""Numbers of the pc and of x0."""
_TRAP, _ILLEGAL, _SEGMENT = 5, 4, 11  # signals, as GDB numbers them
_INTERRUPT = b"\x03"
_MOST = 0x1000  # bytes of a packet


def description() -> str:
    """What GDB is told of the registers."""
    core = "".join(f'<reg name="{name}" bitsize="{bits}" type="{kind}"/>' for name, bits, kind in LAYOUT)
    own = "".join(f'<reg name="x{i}" bitsize="64" type="int64" regnum="{FIRST + i}"/>' for i in range(REGISTERS))
    return (
        '<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target version="1.0"><architecture>i386:x86-64</architecture>'
        f'<feature name="org.gnu.gdb.i386.core">{core}</feature><feature name="open-d1.thread">{own}</feature></target>'
    )


class Stub:
    """Answers packets; threads are numbered from 1 on there."""

    def __init__(self, threads: Threads) -> None:
        self.threads = threads
        self.looked = self.live()[0] if self.live() else 0
        self.breakpoints: set[int] = set()
        self.left = False
        self._values: dict[int, list[int] | None] = {}

    def live(self) -> list[int]:
        return [thread for thread, status in enumerate(self.threads.stands()) if status.state is not ThreadState.IDLE]

    def answer(self, packet: str) -> str:
        """What is said to a packet, "" to one that is not known."""
        try:
            return self._answer(packet)
        except (HostError, DebuggerError, ValueError):
            return "E01"

    def _answer(self, packet: str) -> str:
        name, rest = packet[:1], packet[1:]
        match name:
            case "?":
                return self._stopped(self.looked)
            case "q":
                return self._query(packet)
            case "H":
                self._look(rest[1:])
                return "OK"
            case "T":
                return "OK" if int(rest, 16) - 1 in self.live() else "E01"
            case "g":
                return "".join(self._bytes(number) for number in range(FIRST + REGISTERS))
            case "p":
                return self._bytes(int(rest, 16))
            case "P":
                number, value = rest.split("=")
                return self._set(int(number, 16), int.from_bytes(bytes.fromhex(value), "little"))
            case "m":
                at, size = (int(part, 16) for part in rest.split(","))
                return self.threads.host.read(at, min(size, _MOST // 2)).hex()
            case "M":
                where, data = rest.split(":")
                self.threads.write(int(where.split(",")[0], 16), bytes.fromhex(data))
                return "OK"
            case "s":
                return self._step(self.looked)
            case "c":
                return self._go_on()
            case "v":
                return self._resume(packet)
            case "Z" | "z" if rest[:1] in "01":
                return self._break(name == "Z", int(rest.split(",")[1], 16))
            case "D" | "k":
                self.left = True
                return "OK"
            case _:
                return ""

    def _query(self, packet: str) -> str:
        name, _, rest = packet.partition(":")
        match name:
            case "qSupported":
                return f"PacketSize={_MOST:x};qXfer:features:read+;swbreak+;vContSupported+"
            case "qXfer" if rest.startswith("features:read:target.xml:"):
                at, size = (int(part, 16) for part in rest.rpartition(":")[2].split(","))
                text = description()
                return ("m" if at + size < len(text) else "l") + text[at : at + size]
            case "qC":
                return f"QC{self.looked + 1:x}"
            case "qfThreadInfo":
                return "m" + ",".join(f"{thread + 1:x}" for thread in self.live() or [self.looked])
            case "qsThreadInfo":
                return "l"
            case "qAttached":
                return "1"
            case _ if name.startswith("qThreadExtraInfo,"):
                status = self.threads.stands()[int(name.partition(",")[2], 16) - 1]
                return status.state.name.encode().hex()
            case _:
                return ""

    def _look(self, text: str) -> None:
        number = int(text, 16)
        if number > 0:
            if number > THREADS:
                raise DebuggerError(f"there is no thread {number - 1}")
            self.looked = number - 1

    # --- registers -----------------------------------------------------------------------------------------------------------

    def _bytes(self, number: int) -> str:
        """A register's, as digits; 0 for those that a thread does not have."""
        if number < FIRST:
            value = self.threads.stands()[self.looked].pc if number == PC else 0
            return value.to_bytes(LAYOUT[number][1] // 8, "little").hex()
        if number >= FIRST + REGISTERS:
            raise DebuggerError(f"there is no register {number}")
        if (values := self._scalars()) is None:
            return "x" * 16
        return values[number - FIRST].to_bytes(8, "little").hex()

    def _scalars(self) -> list[int] | None:
        """Those of the thread looked at since it stopped; None while it waits or is past a fault, when nobody can look at them."""
        if self.looked not in self._values:
            halted = self.threads.stands()[self.looked].state is ThreadState.HALTED
            self._values[self.looked] = self.threads.registers(self.looked) if halted else None
        return self._values[self.looked]

    def _set(self, number: int, value: int) -> str:
        self._values.clear()
        if number == PC:
            self.threads.order(DebugOp.JUMP, self.looked, value)
        elif FIRST < number < FIRST + REGISTERS:
            self.threads.set_register(self.looked, number - FIRST, value)
        else:
            return "E01"
        return "OK"

    # --- time ----------------------------------------------------------------------------------------------------------------

    def _break(self, wanted: bool, at: int) -> str:
        if wanted and self.breakpoints - {at}:
            return "E01"  # a thread has one in hardware
        (self.breakpoints.add if wanted else self.breakpoints.discard)(at)
        return "OK"

    def _resume(self, packet: str) -> str:
        if packet == "vCont?":
            return "vCont;c;C;s;S"
        if not packet.startswith("vCont;"):
            return ""
        action, _, thread = packet.split(";")[1].partition(":")
        if thread:
            self._look(thread)
        return self._step(self.looked) if action[0] in "sS" else self._go_on()

    def _step(self, thread: int) -> str:
        self._values.clear()
        self.threads.step(thread)
        return self._stopped(thread)

    def _go_on(self) -> str:
        self._values.clear()
        stands = self.threads.go_on(self.breakpoints)
        stopped = [t for t, status in enumerate(stands) if status.state is ThreadState.FAULTED or status.pc in self.breakpoints]
        return self._stopped(next((t for t in stopped if stands[t].state is not ThreadState.IDLE), self.looked))

    def _stopped(self, thread: int) -> str:
        """Why it stands; another thread where it has ended, the end of the program where all have."""
        stands, live = self.threads.stands(), self.live()
        if not live:
            return "W00"
        self.looked = thread if thread in live else live[0]
        why = f"T{_signal(stands[self.looked]):02x}thread:{self.looked + 1:x};"
        return why + ("swbreak:;" if stands[self.looked].pc in self.breakpoints else "")


def _signal(status: Status) -> int:
    if status.state is not ThreadState.FAULTED:
        return _TRAP
    return _ILLEGAL if status.cause in (Fault.ILLEGAL, Fault.TRAP) else _SEGMENT


def serve(threads: Threads, port: int, say: Callable[[str], None]) -> None:
    """Wait for one GDB, and answer it until it leaves or the program has ended."""
    with socket.create_server(("localhost", port)) as server:
        at = server.getsockname()[1]
        say(f'waiting for GDB at port {at}: gdb -ex "target remote localhost:{at}"')
        connection, _ = server.accept()
        with connection:
            talk(connection, Stub(threads))
    say("GDB has left")


def talk(connection: socket.socket, stub: Stub) -> None:
    """Packets of the protocol, each acknowledged: ``$text#sum``. What comes while threads run is an interruption."""
    stub.threads.interrupted = lambda: bool(select.select([connection], [], [], 0)[0])
    waiting = b""
    while not stub.left:
        begin, end = waiting.find(b"$"), waiting.find(b"#")
        if begin < 0 or end < 0 or len(waiting) < end + 3:
            if not (came := connection.recv(4096)):
                return
            waiting = (waiting + came).lstrip(b"+-" + _INTERRUPT)
            continue
        packet, sum_, waiting = waiting[begin + 1 : end], waiting[end + 1 : end + 3], waiting[end + 3 :]
        if int(sum_, 16) != sum(packet) % 256:
            connection.sendall(b"-")
            continue
        answer = stub.answer(packet.decode("latin-1")).encode()
        connection.sendall(b"+$%s#%02x" % (answer, sum(answer) % 256))
        if answer.startswith(b"W"):
            select.select([connection], [], [], 1)

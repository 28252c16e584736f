"""An SRAM and a core for the endpoint's bench (cocotb_endpoint.py): they do what the endpoint asks and tell the bench.

The bench has the boards that compare what came (`stores`, `loads`, `raises`, `starts`, `debugs`), and is told of what happens by
itself: `stored(channel)` when a write is in SRAM, `stopped(thread)` when a thread comes to rest, `raised(group, overflow)` when the
semaphores have taken a raise.
"""

from collections import deque

import cocotb
from cocotb.triggers import RisingEdge

from golden.arch.memmap import ADDRESS_BITS, COUNTER_LINES, ThreadState
from golden.arch.packet import DebugOp
from tb.clock import cycles
from tb.seed import generator
from tb.stream import GAPS, Monitor, Sink

THREADS = 4
WORD = 2**64 - 1
RESTING = (ThreadState.IDLE, ThreadState.FAULTED)


def lost_words(line: int) -> int:
    """Words of a line that cannot be corrected: none in most lines, two in some."""
    return 0x11 << line % 4 if line % 5 == 2 else 0


class Memory:
    """An SRAM that stores and reads at once and says so later, in order; in the next cycle if it is `prompt`."""

    def __init__(self, bench, gaps: str):
        self.bench, ports = bench, bench.ports
        self.lines = {}
        self.prompt = False
        self._pick = generator("sram")
        self._writes, self._reads = deque(), deque()
        for name, take in (("write", self._write), ("read", self._read)):
            Monitor(ports, name)
            Sink(ports, name, GAPS[gaps](generator(f"ready of {name}")), take=take)
        self._payloads = ports.payload("write"), ports.payload("read")
        cocotb.start_soon(self._answer())

    def _write(self, number: int) -> None:
        asked = self._payloads[0].fields(number)
        mask = sum(WORD << 64 * word for word in range(8) if asked["strobe"] >> word & 1)
        line = asked["line"]
        self.bench.stores.got((line, asked["strobe"], f"{asked['data'] & mask:x}"), self.bench.half(line))
        self.lines[line] = self.lines.get(line, 0) & ~mask | asked["data"] & mask
        self._writes.append(line)

    def _read(self, number: int) -> None:
        line = self._payloads[1].fields(number)["line"]
        self.bench.loads.got(line, self.bench.half(line))
        self._reads.append((line, self.lines.get(line, 0)))

    async def _answer(self) -> None:
        ports, lost = self.bench.ports, 0
        while True:
            done = bool(self._writes) and (self.prompt or self._pick.random() < 0.6)
            ports.write__done__valid.set(done)
            if done:
                self.bench.stored(self.bench.half(self._writes.popleft()))
            # Words that are lost are told a cycle after their line; at any other time the mask means nothing.
            ports.read__ret__lost.set(lost)
            back = bool(self._reads) and (self.prompt or self._pick.random() < 0.6)
            ports.read__ret__valid.set(back)
            line, image = self._reads.popleft() if back else (0, self._pick.getrandbits(512))
            ports.read__ret__data.set(image)
            lost = lost_words(line) if back else self._pick.getrandbits(8)
            await cycles(ports, 1)


class Core:
    """Four threads that do what start and debug say, and end when the bench says. Semaphores that overflow now and then.

    frozen: threads that do not come to rest yet. starter: probability with which some thread starts a resting one in a cycle, unless a
    packet has claimed it. prompt: no raise overflows.
    """

    def __init__(self, bench, gaps: str):
        self.bench, self.ports = bench, bench.ports
        self.pick = generator("core")
        self.status = [dict.fromkeys(("state", "cause", "pc", "operand", "retired", "seq", "debug"), 0) for _ in range(THREADS)]
        self.events: list[tuple[int, int, ThreadState]] = []  # (cycles to go, thread, state it comes to rest in)
        self.poked = [[] for _ in range(THREADS)]
        self.groups = [[self.pick.getrandbits(48) for _ in range(8)] for _ in range(COUNTER_LINES)]
        Monitor(self.ports, "poke")
        self.frozen: set[int] = set()
        self.starter, self.prompt = 0.0, False
        Sink(self.ports, "poke", GAPS[gaps](generator("ready of poke")), take=self._poke)
        Monitor(self.ports, "raise_")
        Sink(self.ports, "raise_", GAPS[gaps](generator("ready of raise")), take=self._raise)
        self._payloads = self.ports.payload("poke"), self.ports.payload("raise_")
        cocotb.start_soon(self._run())

    def _poke(self, number: int) -> None:
        asked = self._payloads[0].fields(number)
        self.poked[asked["thread"]].append((asked["index"], asked["value"]))

    def _raise(self, number: int) -> None:
        asked = self._payloads[1].fields(number)
        group = asked["semaphore"] >> 4
        self.bench.raises.got((asked["semaphore"], asked["amount"]), group)
        overflow = not self.prompt and self.pick.random() < 0.2
        self.bench.raised(group, overflow)
        # Told in the next cycle; at any other time it means nothing.
        self.ports.raise___overflow.set(overflow)
        if group < 2:
            self.bench.notified[group] += 1

    def line(self, thread: int, **changes: int) -> int:
        """The thread's status line, with changes."""
        return sum(word << 64 * index for index, word in enumerate((self.status[thread] | changes).values()))

    def rest(self, thread: int, state: ThreadState) -> None:
        """The thread comes to rest some cycles from now."""
        self.events.append((self.pick.randint(0, 12), thread, state))

    def _begin(self) -> None:
        thread, pc = self.ports.start__thread.get(), self.ports.start__pc.get() << 2
        assert self.status[thread]["state"] in RESTING, f"thread {thread} is started while it runs"
        if self.bench.racing is None:
            self.bench.starts.got((pc, tuple(self.poked[thread])), thread)
        self.poked[thread] = []
        self.bench.begun[thread] += 1
        self.status[thread] |= {"state": ThreadState.RUNNING, "cause": 0, "pc": pc, "operand": 0}

    def _started_by_a_thread(self, claimed: int | None) -> None:
        thread = self.pick.randrange(THREADS)
        status = self.status[thread]
        if thread != claimed and status["state"] in RESTING and self.pick.random() < self.starter:
            status |= {"state": ThreadState.RUNNING, "cause": 0, "pc": self.pick.getrandbits(17) << 2, "operand": 0, "retired": 0, "seq": 0}

    def _debug(self) -> None:
        thread, op, value = self.ports.debug__thread.get(), self.ports.debug__op.get(), self.ports.debug__value.get()
        self.bench.debugs.got((DebugOp(op), f"{value:x}"), thread)
        self.bench.debugged[thread] += 1
        status = self.status[thread]
        halted, moves = status["state"] == ThreadState.HALTED, any(thread == other for _, other, _ in self.events)
        if op == DebugOp.HALT and status["state"] == ThreadState.RUNNING and not moves or op == DebugOp.INJECT and halted:
            self.rest(thread, ThreadState.HALTED)
        elif op == DebugOp.STEP and halted:
            status["state"] = ThreadState.RUNNING
            self.rest(thread, ThreadState.HALTED)
        elif op == DebugOp.RESUME and halted:
            status["state"] = ThreadState.RUNNING
        elif op == DebugOp.JUMP and halted:
            status["pc"] = value % (1 << ADDRESS_BITS)
        elif op in (DebugOp.BREAK_SET, DebugOp.BREAK_CLEAR):
            status["debug"] = int(op == DebugOp.BREAK_SET)

    async def _run(self) -> None:
        ports, edge = self.ports, RisingEdge(self.ports.clock.handle)
        asked = 0
        while True:
            stopped = 0
            for event in list(self.events):
                self.events.remove(event)
                left, thread, state = event
                if left or stopped >> thread & 1 or thread in self.frozen:
                    self.events.append((max(left - 1, 0), thread, state))
                    continue
                stopped |= 1 << thread
                fault = state == ThreadState.FAULTED
                self.status[thread] |= {
                    "state": state,
                    "cause": self.pick.randint(1, 11) if fault else 0,
                    "operand": self.pick.getrandbits(64) if fault else 0,
                    "retired": self.pick.getrandbits(48),
                    "seq": self.pick.getrandbits(16),
                }
                self.bench.stopped(thread)
            ports.status__stopped.set(stopped)
            ports.status__state.set(self.status)
            # What a group asks for in one cycle shows two cycles later.
            ports.line__values.set(self.groups[asked])
            asked = ports.line__line.get()
            await edge
            if ports.link_events__first_start__valid.get():
                self.bench.first_starts += 1
            self._started_by_a_thread(ports.start__thread.get() if ports.start__claim.get() else None)
            if ports.start__valid.get():
                self._begin()
            if ports.debug__valid.get():
                self._debug()

"""Who waits for a thread: to be told when it ends (HALTED), and when it is still under the debugger (STATUS).

One of each kind waits per thread; Serve refuses a second. The status line is kept as it was when the thread came to rest, since another
thread may start this one again before the answer has left. One line per thread is enough: until its answers are on their way
(`unsettled`), Serve lets no packet start the thread, move it or wait for it.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.isa import THREADS
from golden.arch.memmap import ThreadState
from rtl.common.arbiter import lowest
from rtl.common.host_ports import STATUS, ThreadStatus
from rtl.common.select import by_mark
from rtl.common.stream import Buffer
from rtl.noc.endpoint.layouts import ANSWER, RETURN, status_line
from rtl.noc.layouts import PacketKind

Asks = wiring.Signature(
    {
        # Thread and asker of the request that is served.
        "thread": Out(2),
        "to": Out(RETURN),
        # The asker waits for the thread's end; for the thread to be still; the thread executes an injected instruction. One cycle each.
        "end": Out(1),
        "still": Out(1),
        "inject": Out(1),
        # Threads of which somebody waits for STATUS; that execute an injected instruction; with answers that are not on their way.
        "asked": In(THREADS),
        "injecting": In(THREADS),
        "unsettled": In(THREADS),
    }
)
"""What Serve tells and asks about threads."""


class Threads(wiring.Component):
    """Answers of threads, those of a lower number first, HALTED before STATUS."""

    asks: In(Asks)
    status: In(ThreadStatus)
    answer: Out(stream.Signature(ANSWER))

    def elaborate(self, platform):
        m = Module()
        asks = self.asks
        m.submodules.answers = answers = Buffer(ANSWER)
        wiring.connect(m, answers.o, wiring.flipped(self.answer))
        due = Signal(2 * THREADS)
        first = lowest(due)
        said = []
        m.d.comb += answers.i.valid.eq(due.any())
        for t in range(THREADS):
            halt_to, status_to = Signal(RETURN, name=f"halt_to{t}"), Signal(RETURN, name=f"status_to{t}")
            halt_wanted, status_wanted = Signal(name=f"halt_wanted{t}"), Signal(name=f"status_wanted{t}")
            halt_due, status_due = Signal(name=f"halt_due{t}"), Signal(name=f"status_due{t}")
            injecting, line = Signal(name=f"injecting{t}"), Signal(STATUS, name=f"line{t}")
            status = self.status.state[t]
            state, stops, mine = status.state, self.status.stopped[t], asks.thread == t
            ended = stops & halt_wanted & ((state == ThreadState.IDLE) | (state == ThreadState.FAULTED))
            stilled = stops & status_wanted
            m.d.comb += [
                asks.asked[t].eq(status_wanted),
                asks.injecting[t].eq(injecting & ~stops),
                # Whether a thread that stopped has come to its end is known later than Serve wants to know.
                asks.unsettled[t].eq(halt_due | status_due | (stops & (halt_wanted | status_wanted))),
                due[2 * t : 2 * t + 2].eq(Cat(halt_due, status_due)),
            ]
            with m.If(stops):
                m.d.sync += injecting.eq(0)
            with m.If(ended | stilled):
                m.d.sync += line.eq(status)
            with m.If(ended):
                m.d.sync += [halt_due.eq(1), halt_wanted.eq(0)]
            with m.If(stilled):
                m.d.sync += [status_due.eq(1), status_wanted.eq(0)]
            with m.If(asks.end & mine):
                m.d.sync += [halt_to.eq(asks.to), halt_wanted.eq(1)]
            with m.If(asks.still & mine):
                m.d.sync += [status_to.eq(asks.to), status_wanted.eq(1)]
            with m.If(asks.inject & mine):
                m.d.sync += injecting.eq(1)
            mine_first = first[2 * t : 2 * t + 2].any()
            with m.If(answers.i.ready & mine_first):
                m.d.sync += [halt_due.eq(0), status_due.eq(halt_due & status_due)]
            answer = Signal(ANSWER, name=f"answer{t}")
            m.d.comb += [
                answer.to.eq(Mux(halt_due, halt_to, status_to)),
                answer.kind.eq(Mux(halt_due, PacketKind.HALTED, PacketKind.STATUS)),
                answer.payload.eq(status_line(line)),
            ]
            said.append((mine_first, answer))
        marks, choices = zip(*said, strict=True)
        m.d.comb += answers.i.payload.eq(by_mark(m, Cat(marks), choices, "said"))
        return m

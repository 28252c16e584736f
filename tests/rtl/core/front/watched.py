"""The front end on the back end that is played (played.py), with scoreboards and a debugger: runs inside Verilator.

Order rule of the scoreboards: per thread in program order, as the simulator executes. `dispatched` compares every instruction that leaves
decode, `queued` everything that enters a queue. Of a thread that ends in a fault the back end itself checks what was retired, since younger
instructions may have gone on.
"""


import cocotb

from golden.arch import isa
from golden.arch.classes import Queue
from golden.arch.memmap import ThreadState
from golden.arch.packet import DebugOp
from golden.asm import assemble
from golden.kernels.job import Launch
from golden.rig import RigJob
from tb.bind import Ports, bind
from tb.clock import cycles
from tb.clock import start as start_clock
from tb.scoreboard import PerSource
from tb.seed import generator
from tests.rtl.core.front.played import THREADS, BackEnd, shows_pc, simulate_reference, start
from tests.rtl.core.front.played_pins import Context, Pins

RESTING = 8  # cycles after which a run is over: what the trace says comes a little after a thread's end
LIMIT = 40_000  # cycles
ENDED = ThreadState.IDLE, ThreadState.FAULTED


class Watched(BackEnd):
    """The back end with scoreboards."""

    def __init__(self, dut: Pins, expected, memory, rng, lazy: float, latency: tuple[int, int]) -> None:
        super().__init__(dut, expected, memory, rng, lazy, latency)
        self.dispatched, self.entered = PerSource("dispatched"), PerSource("queued")
        self.asked = {key: list(values) for key, values in expected.operands.items()}
        self.youngest: dict[tuple[int, str], tuple[int, int]] = {}
        self.repeated = 0
        for t in THREADS:
            if t in expected.faults:
                continue
            for values in expected.stream[t]:
                self.dispatched.expect(values, t)
                seq, _, word, executed = values
                insn = isa.BY_OPCODE[word & 0x1FF]
                if executed and (insn.queue is Queue.SCALAR):
                    self.entered.expect((seq, word), (t, "scalar"))
                if executed and insn.queue is Queue.VECTOR:
                    self.entered.expect((seq, word), (t, "vector"))

    def _retired(self, thread: int, values: tuple) -> None:
        if thread in self.expected.faults:
            super()._retired(thread, values)
        else:
            self.dispatched.got(values, thread)

    def _entry(self, ctx, entry, thread: int, name: str) -> dict:
        result = super()._entry(ctx, entry, thread, name)
        item, place = (result["seq"], result["word"]), (thread, name)
        if result["insn"].mnemonic == "waitr" and self.youngest.get(place) == item:
            # Halted while it waited for its semaphore: it has not executed, and asks for the amount again.
            self.repeated += 1
            self.expected.operands[thread, item[0]].append(self.asked[thread, item[0]][0])
        elif thread not in self.expected.faults:
            self.entered.got(item, place)
        self.youngest[place] = item
        return result

    def finish(self) -> None:
        faulty = self.expected.faults  # their instructions are compared by the back end
        if any(stream for t, stream in self.expected.stream.items() if t not in faulty):
            self.dispatched.finish()
        if self.entered.pending or any(queue for (t, _), queue in self.queued.items() if t not in faulty):
            self.entered.finish()


class Debugger:
    """Halts threads at random and lets them go on: nobody may notice."""

    def __init__(self, ctx: Context, dut: Pins) -> None:
        self.ctx, self.dut, self.rng = ctx, dut, generator("debugger")
        self.halted = 0

    def step(self, states: list[int]) -> None:
        ctx, debug, rng = self.ctx, self.dut.debug, self.rng
        thread = rng.choice(THREADS)
        resume = states[thread] == ThreadState.HALTED and rng.random() < 0.3
        halt = states[thread] == ThreadState.RUNNING and rng.random() < 0.04
        self.halted += resume
        ctx.set(debug.valid, resume or halt)
        ctx.set(debug.thread, thread)
        ctx.set(debug.op, DebugOp.RESUME if resume else DebugOp.HALT)


async def play(
    dut,
    job: RigJob,
    lazy: float = 0.3,
    latency: tuple[int, int] = (3, 12),
    debug: bool = False,
) -> Watched:
    """Runs a job to its end, and compares."""
    dut._log.info(f"seed {cocotb.RANDOM_SEED}")
    ports = bind(dut)
    memory = [(job.program.origin, job.program.image), *job.inputs]
    pins, ctx, rng = Pins(ports), Context(), generator("back end")
    back = Watched(pins, simulate_reference(memory, job.launches), memory, rng, lazy, latency)
    debugger = Debugger(ctx, pins) if debug else None
    await start_clock(ports, limit=LIMIT)
    waiting, resting, begun = list(job.launches), 0, False
    while resting <= RESTING:
        if begun:
            back.read(ctx)
        states = [ctx.get(pins.status.state[t].state) for t in THREADS]
        resting = resting + 1 if begun and not waiting and all(state in ENDED for state in states) else 0
        ctx.set(pins.start.valid, 0)
        if waiting and rng.random() < 0.3:
            start(ctx, pins, waiting.pop(0))
        if debugger:
            debugger.step(states)
        back.drive(ctx)
        ctx.send()
        begun = True
        await cycles(ports, 1)
    compare_ends(ports, back)
    assert debugger.halted if debugger else not back.repeated
    return back


def compare_ends(ports: Ports, back: Watched) -> None:
    """All threads at their end: state, and everything that they dispatched."""
    for t, thread in enumerate(back.expected.node.threads):
        status = ports["status__state"].fields()[t]
        assert (status["state"], status["cause"]) == (thread.state, thread.cause), f"thread {t}: {status}"
        if thread.cause:
            assert status["operand"] == thread.operand, f"thread {t}: {status}"
            assert status["pc"] == thread.pc or not shows_pc(thread), f"thread {t}: {status}"
            assert len(back.stream[t]) >= len(back.expected.stream[t])
    back.finish()


def written(text: str) -> RigJob:
    """The job of a program's text: a thread for each label start0 to start3."""
    program = assemble(text)
    launches = [Launch(t, program.labels[f"start{t}"]) for t in THREADS if f"start{t}" in program.labels]
    return RigJob(0, text, program, [], launches)

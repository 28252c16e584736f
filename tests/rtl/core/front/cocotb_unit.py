"""Runs inside Verilator: the front end on the back end that is played (played.py), with queues that stand still and fills that take long.

Order rule of the scoreboards: per thread in program order, as the simulator executes. `dispatched` compares every instruction that leaves
decode, `queued` everything that enters a queue. Of a thread that ends in a fault the back end itself checks what was retired, since younger
instructions may have gone on.
"""

from itertools import product

import cocotb

from golden.arch import isa
from golden.arch.classes import Queue
from golden.arch.memmap import ThreadState
from golden.arch.packet import DebugOp
from golden.asm import assemble
from golden.kernels.job import Launch
from golden.rig import Rig, RigJob
from golden.rig.faults import FAULTS
from tb.bind import bind
from tb.clock import cycles
from tb.clock import start as start_clock
from tb.scoreboard import PerSource
from tb.seed import generator
from tests.rtl.core.front.played import CONFIG, THREADS, BackEnd, shows_pc, simulate_reference, start
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
        self.dispatched.finish()
        if self.entered.pending or any(self.queued.values()):
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


async def play(dut, job, lazy: float, latency: tuple[int, int], debug: bool = False) -> Watched:
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
    for t, thread in enumerate(back.expected.node.threads):
        status = ports["status__state"].fields()[t]
        assert (status["state"], status["cause"]) == (thread.state, thread.cause), f"thread {t}: {status}"
        if thread.cause:
            assert status["operand"] == thread.operand, f"thread {t}: {status}"
            assert status["pc"] == thread.pc or not shows_pc(thread), f"thread {t}: {status}"
            assert len(back.stream[t]) >= len(back.expected.stream[t])
    back.finish()
    assert debugger.halted if debugger else not back.repeated
    return back


@cocotb.test()
@cocotb.parametrize(part=list(range(12)))
async def random_programs_on_four_threads(dut, part: int):
    lazy, latency = list(product((0.05, 0.3, 0.6, 0.9), ((2, 2), (3, 12), (20, 60))))[part]
    job = Rig(generator("program").getrandbits(30), CONFIG, length=150, threads=4).job()
    back = await play(dut, job, lazy, latency)
    assert back.dispatched.compared > 200 and back.entered.compared > 100


@cocotb.test()
@cocotb.parametrize(lazy=[0.05, 0.3, 0.6, 0.9])
async def a_debugger_that_halts_changes_nothing(dut, lazy: float):
    job = Rig(generator("program").getrandbits(30), CONFIG, length=150, threads=4).job()
    back = await play(dut, job, lazy, (3, 12), debug=True)
    assert back.dispatched.compared > 200


JOINED = """
start0: tjoin 1
        tstart 1, again
        tjoin 1
        halt
start1: loopi end, 300
        nop
        nop
end:    halt
again:  loopi last, 300
        nop
        nop
last:   halt
"""


@cocotb.test()
async def a_join_waits_for_a_halted_thread(dut):
    program = assemble(JOINED)
    launches = [Launch(t, program.labels[f"start{t}"]) for t in (1, 0)]
    job = RigJob(0, JOINED, program, [], launches)
    await play(dut, job, 0.05, (3, 12), debug=True)


@cocotb.test()
@cocotb.parametrize(cause=list(FAULTS))
async def a_fault_stops_one_thread(dut, cause: str):
    job = Rig(generator("program").getrandbits(30), CONFIG, length=20, threads=4, fault=cause).job()
    back = await play(dut, job, 0.3, (3, 12))
    assert [fault[1].name for fault in back.expected.faults.values()] == [cause]

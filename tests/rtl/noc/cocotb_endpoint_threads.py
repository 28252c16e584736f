"""Runs inside Verilator: requests about threads, what they answer and when they are refused (endpoint_bench.py)."""

from collections import Counter

import cocotb

from golden.arch.memmap import CONTROL_BASE, LINE_BYTES, ControlLine, ThreadState
from golden.arch.packet import DebugOp, Kind
from tb.clock import cycles
from tb.seed import generator
from tb.stream import GAPS
from tests.rtl.noc.endpoint_bench import ENDED, LOADED, STILL, Bench, begin
from tests.rtl.noc.endpoint_stubs import RESTING, THREADS

NEED_HALTED = (DebugOp.STEP, DebugOp.INJECT, DebugOp.JUMP)
PROMPT = 60  # cycles within which a request is answered whatever the thread does


class Asker:
    """A host of one thread: one request after another."""

    def __init__(self, bench: Bench, number: int) -> None:
        self.bench, self.number, self.channel = bench, number, number & 1
        self.pick = generator(f"thread {number}")
        self.status = bench.core.status[number]
        self.still, self.ended = (self.channel | 2, STILL, number), (self.channel | 2, ENDED, number)

    def send(self, kind: Kind, group: int = STILL, **fields) -> None:
        fields = {"length": self.number, **fields}
        if kind == Kind.DEBUG and fields["address"] in (DebugOp.JUMP, DebugOp.BREAK_SET):
            fields["payload"] = self.pick.getrandbits(448) << 64 | 4 * self.pick.randrange(self.bench.config.sram_bytes // 4)
        self.bench.source.put(self.bench.request(self.pick, self.channel, kind, group, number=self.number, **fields))

    async def ask(self, kind: Kind, **fields) -> None:
        before = self.bench.told[self.still]
        self.send(kind, **fields)
        await self.bench.past(self.bench.told, self.still, before)

    async def at_once(self, op: DebugOp, **fields) -> None:
        """A debug request that is answered whatever the thread does."""
        before = self.bench.told[self.still]
        self.send(Kind.DEBUG, address=op, **fields)
        for _ in range(PROMPT):
            if self.bench.told[self.still] > before:
                return
            await cycles(self.bench.ports, 1)
        raise AssertionError(f"{op.name} is not answered within {PROMPT} cycles")

    async def tell(self, op: DebugOp) -> None:
        """A debug request without an answer, until the core has it."""
        before = self.bench.debugged[self.number]
        self.send(Kind.DEBUG, address=op, respond=False)
        await self.bench.past(self.bench.debugged, self.number, before)

    async def start(self, respond: bool = True) -> None:
        begun = self.bench.begun[self.number]
        self.send(Kind.START, ENDED, address=4 * self.pick.randrange(self.bench.config.sram_bytes // 4), respond=respond)
        await self.bench.past(self.bench.begun, self.number, begun)

    async def end(self) -> None:
        self.bench.core.rest(self.number, self.pick.choice(RESTING))
        while self.status["state"] not in RESTING:
            await cycles(self.bench.ports, 1)

    async def live(self, rounds: int, patient: bool = True) -> None:
        """Starts, looks at, debugs and ends the thread; with `patient` it waits for the end's answer before it starts again."""
        pick = self.pick
        for _ in range(rounds):
            told, respond = self.bench.told[self.ended], pick.random() < 0.8 or not patient
            await self.start(respond)
            if pick.random() < 0.5:
                await self.ask(Kind.START, address=0x100, respond=pick.random() < 0.5)
            if pick.random() < 0.5:
                await self.ask(Kind.READ, address=CONTROL_BASE + LINE_BYTES * (ControlLine.STATUS + self.number), length=8)
            if pick.random() < 0.5:
                await self.ask(Kind.DEBUG, address=pick.choice((*NEED_HALTED, DebugOp.RESUME)))
            if pick.random() < 0.5:
                await self.ask(Kind.DEBUG, address=DebugOp.HALT)
                for op in pick.choices([op for op in DebugOp if op != DebugOp.RESUME], k=4):
                    respond_too = pick.random() < 0.5
                    if respond_too or op in (DebugOp.HALT, DebugOp.STEP, DebugOp.INJECT, DebugOp.STATUS):
                        await self.ask(Kind.DEBUG, address=op, respond=respond_too or op != DebugOp.STATUS)
                    else:
                        await self.tell(op)
                if pick.random() < 0.5:
                    await self.ask(Kind.DEBUG, address=DebugOp.RESUME)
                else:
                    await self.tell(DebugOp.RESUME)
            await self.end()
            if patient and respond:
                await self.bench.past(self.bench.told, self.ended, told)


@cocotb.test()
@cocotb.parametrize(exit=list(GAPS))
async def threads_under(dut, exit: str):
    """Four threads, each with a host of its own, between other requests."""
    bench = await begin(dut, "random", exit)
    pick = generator("traffic")
    bench.source.put(*(bench.traffic(pick, number % 2) for number in range(60)))
    hosts = [cocotb.start_soon(Asker(bench, number).live(6)) for number in range(THREADS)]
    for host in hosts:
        await host
    await bench.finish(*bench.boards)
    assert bench.starts.compared == 6 * THREADS


@cocotb.test()
@cocotb.parametrize(exit=["none", "random"])
async def a_start_while_nothing_runs_is_marked(dut, exit: str):
    bench = await begin(dut, "none", exit)
    await Asker(bench, 2).live(10)
    await bench.finish("starts", "answers")
    assert bench.first_starts == 10


@cocotb.test()
@cocotb.parametrize(exit=[*GAPS, "slow"])
async def a_thread_started_again_at_once_keeps_its_answers(dut, exit: str):
    """The host sees in some other way that a thread rests, and starts it before it was told."""
    bench = await begin(dut, "none", exit)
    pick = generator("traffic")
    # Answers to reads are many: what a thread has to say waits.
    bench.source.put(*(bench.request(pick, 0, Kind.READ, LOADED, address=64 * number) for number in range(400)))
    await Asker(bench, 1).live(12, patient=False)
    await bench.finish("starts", "answers")


@cocotb.test()
@cocotb.parametrize(exit=["none", "slow"], debugged=[False, True])
async def a_thread_quicker_than_its_answers_keeps_all_of_them(dut, exit: str, debugged: bool):
    """It starts, halts, goes on and ends while earlier answers still wait for credit; each is about the stop that it was asked for."""
    bench = await begin(dut, "none", exit)
    asker = Asker(bench, 2)
    for _ in range(16):
        await asker.start()
        for _ in range(asker.pick.randint(1, 3) if debugged else 0):
            asker.send(Kind.DEBUG, address=DebugOp.HALT)
            while asker.status["state"] != ThreadState.HALTED:
                await cycles(bench.ports, 1)
            await asker.tell(DebugOp.RESUME)
        await asker.end()
    await bench.finish("starts", "answers")


@cocotb.test()
@cocotb.parametrize(exit=["none", "slow"])
async def an_answer_shows_the_thread_as_it_stopped(dut, exit: str):
    """Another thread starts it again before its answer has left."""
    bench = await begin(dut, "none", exit)
    asker = Asker(bench, 3)
    for _ in range(6):
        await asker.start()
        told = bench.told[asker.ended]
        bench.core.rest(3, ThreadState.FAULTED)
        while asker.status["state"] != ThreadState.FAULTED:
            await cycles(bench.ports, 1)
        asker.status |= {"state": ThreadState.RUNNING, "cause": 0, "pc": 0x40, "operand": 0, "retired": 1, "seq": 1}
        await bench.past(bench.told, asker.ended, told)
        await asker.end()
    await bench.finish("starts", "answers")


@cocotb.test()
@cocotb.parametrize(thread=[0, 3])
async def what_needs_a_halted_thread_is_refused_while_it_runs(dut, thread: int):
    bench = await begin(dut)
    asker = Asker(bench, thread)
    for op in (*NEED_HALTED, DebugOp.RESUME):
        await asker.at_once(op)  # idle
    await asker.start()
    for op in NEED_HALTED:
        await asker.at_once(op)
        await asker.at_once(op, respond=False)
    await asker.at_once(DebugOp.RESUME)
    assert not bench.debugged[thread], "the core has heard of it"
    await asker.end()
    await bench.finish("answers")


@cocotb.test()
@cocotb.parametrize(first=[DebugOp.HALT, DebugOp.STEP, DebugOp.INJECT])
async def a_second_asker_is_refused_while_the_first_waits(dut, first: DebugOp):
    bench = await begin(dut)
    asker, other = Asker(bench, 2), Asker(bench, 1)
    await asker.start()
    if first != DebugOp.HALT:
        await asker.ask(Kind.DEBUG, address=DebugOp.HALT)
    bench.core.frozen.add(2)
    told, commands = bench.told[asker.still], bench.debugged[2]
    asker.send(Kind.DEBUG, address=first)
    await bench.past(bench.debugged, 2, commands)
    for op in (DebugOp.HALT, *NEED_HALTED):
        await asker.at_once(op)
    assert bench.debugged[2] == commands + 1 and bench.told[asker.still] == told + 4
    # Nobody else waits for this thread, and it can still be told to halt, and looked at.
    await asker.at_once(DebugOp.STATUS)
    await asker.tell(DebugOp.HALT)
    await asker.at_once(DebugOp.BREAK_SET)
    await other.live(2)
    assert bench.told[asker.still] == told + 6
    bench.core.frozen.clear()
    await bench.past(bench.told, asker.still, told + 6)
    await bench.finish("answers", "debugs")
    assert asker.status["state"] == ThreadState.HALTED


@cocotb.test()
async def an_injected_instruction_is_alone(dut):
    """One without an answer: nothing else may move the thread, but a halt with one waits until it is over."""
    bench = await begin(dut)
    asker = Asker(bench, 0)
    await asker.start()
    await asker.ask(Kind.DEBUG, address=DebugOp.HALT)
    for _ in range(10):
        bench.core.frozen.add(0)
        await asker.tell(DebugOp.INJECT)
        for op in (*NEED_HALTED, DebugOp.RESUME):
            await asker.at_once(op, respond=asker.pick.random() < 0.5)
        told, commands = bench.told[asker.still], bench.debugged[0]
        asker.send(Kind.DEBUG, address=DebugOp.HALT)
        await bench.past(bench.debugged, 0, commands)
        await asker.at_once(DebugOp.HALT)
        bench.core.frozen.clear()
        await bench.past(bench.told, asker.still, told + 1)
        await cycles(bench.ports, asker.pick.randrange(4))
    await bench.finish("answers", "debugs")


@cocotb.test()
async def a_halt_in_the_cycle_of_the_stop_is_answered(dut):
    """Whenever the thread stops by itself (a breakpoint), or an injected instruction ends: none is forgotten."""
    bench = await begin(dut)
    asker = Asker(bench, 1)
    for distance in range(24):
        await asker.start()
        bench.core.events.append((distance, 1, ThreadState.HALTED))
        await asker.at_once(DebugOp.HALT)
        await cycles(bench.ports, 30)
        assert asker.status["state"] == ThreadState.HALTED
        bench.core.frozen.add(1)
        await asker.tell(DebugOp.INJECT)
        bench.core.events[:] = [(distance, 1, ThreadState.HALTED)]
        bench.core.frozen.clear()
        await asker.at_once(DebugOp.HALT)
        await cycles(bench.ports, 30)
        await asker.tell(DebugOp.RESUME)
        await asker.end()
    await bench.finish("answers", "debugs")


@cocotb.test()
@cocotb.parametrize(exit=["none", "bursts"])
async def a_packet_and_a_thread_start_the_same_thread(dut, exit: str):
    """One of the two starts it; what runs is never started, nor are its registers written."""
    bench = await begin(dut, "none", exit)
    bench.racing, bench.core.starter = Counter(), 0.3
    pick = generator("starts")
    hosts = [Asker(bench, number) for number in range(THREADS)]
    sent = 0
    while sent < 120:
        for host in hosts:
            host.send(Kind.START, ENDED, address=0x100)
            sent += 1
        await cycles(bench.ports, pick.randrange(40))
        for number in range(THREADS):
            if bench.core.status[number]["state"] not in RESTING:
                bench.core.rest(number, ThreadState.IDLE)
    bench.core.starter = 0.0
    for _ in range(400):
        for number in range(THREADS):
            if bench.core.status[number]["state"] not in RESTING and not bench.core.events:
                bench.core.rest(number, ThreadState.IDLE)
        await cycles(bench.ports, 20)
        if bench.racing.total() == sent:
            break
    assert set(bench.racing) == {Kind.HALTED, Kind.ERROR} and bench.racing.total() == sent, bench.racing
    assert bench.racing[Kind.HALTED] == bench.begun.total() > 20

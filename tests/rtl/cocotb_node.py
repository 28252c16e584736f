"""Runs inside Verilator: a whole node, reached through its link alone, its trace compared with the instruction-set simulator.

A host (tb.host) writes a program and data, starts threads, debugs them and reads SRAM back; a monitor joins the trace ports into records.
golden.lockstep is the scoreboard: order rule per thread in program order, every record, every byte of SRAM, no leftovers on either side.
"""

import cocotb
import numpy as np

from golden.arch import isa
from golden.arch.classes import Port
from golden.arch.config import get_config
from golden.arch.memmap import (
    CONTROL_BASE,
    DEBUG_SCRATCH,
    LINE_BYTES,
    PROGRAM_BASE,
    ControlLine,
    Counter,
    Csr,
    Fault,
    Status,
    ThreadState,
)
from golden.arch.packet import SEQUENCE_NOTIFY, DebugOp, Kind
from golden.arch.sram import inject
from golden.asm import Program, assemble
from golden.kernels.job import Launch, random_job
from golden.lockstep import Injection, Result, Run, compare
from golden.retire import Collector
from golden.rig import Rig
from golden.rig.faults import FAULTS
from tb.bind import bind, parameters
from tb.clock import cycles, start
from tb.host import Host
from tb.seed import generator
from tb.stream import GAPS
from tb.trace import TraceMonitor

CONFIG = get_config(parameters()["config"])
RESTING = 64  # cycles after the last thread's end: what the trace says comes a little later
LIMIT = 120_000  # cycles

LOOPS = """
start:  li x1, 0
        li x2, 7
        li x3, 0x2000
        loop outer, x2
        loopi inner, 5
        addi x1, x1, 1
        st.d x1, x3, 0
inner:  addi x3, x3, 8
        plti p1, x1, 12
        (p1) addi x1, x1, 100
outer:  mul x1, x1, x2
        raise 3, 2
        wait 4, 3
        ld.d x4, x0, 0x80
        add x4, x4, x1
        st.d x4, x0, 0x88
        barrier 1, 4
        halt
start1: wait 3, 1
        li x1, 41
        st.d x1, x0, 0x80
        fence
        raise 4, 2
        barrier 1, 4
        halt
start2: loopi end2, 60
        addi x1, x1, 3
        xor x2, x2, x1
end2:   nop
        wait 3, 1
        raise 4, 1
        barrier 1, 4
        st.d x2, x0, 0x90
        halt
start3: barrier 1, 4
        call x31, sub
        st.d x9, x0, 0x98
        halt
sub:    addi x9, x1, 9
        jr x31
"""


def launches_of(program: Program, rng) -> list[Launch]:
    """Threads whose entry is named start, start1, ..., with random arguments."""
    names = {0: "start", **{t: f"start{t}" for t in (1, 2, 3)}}
    return [
        Launch(t, program.labels[name], tuple(rng.getrandbits(64) for _ in range(8))) for t, name in names.items() if name in program.labels
    ]


class Bench:
    """The host, the trace, and a run of a program on both machines."""

    def __init__(self, ports, entry: str, exit: str) -> None:
        self.ports = ports
        self.host = Host(ports, entry, exit)
        self.collector = Collector(CONFIG.features)
        self.trace = TraceMonitor(ports, self.collector)
        self.memory: list[tuple[int, bytes]] = []
        self.launches: list[Launch] = []
        self.injected: dict[tuple[int, int], Injection] = {}

    async def load(self, memory) -> None:
        """Zeros over everything, then this: an earlier test's data must not stay."""
        image = bytearray(CONFIG.sram_bytes)
        for address, part in memory:
            image[address : address + len(part)] = part
        self.memory = [(0, bytes(image))]
        await self.host.write(self.memory)
        await self.host.debug(DebugOp.FLUSH)

    def start(self, launches) -> dict[int, int]:
        """Threads by number, with what their end is awaited by."""
        self.launches = list(launches)
        return {launch.thread: self.host.start(launch) for launch in launches}

    async def finish(self, ends: dict[int, int], strict: bool = False) -> tuple[Result, bytes]:
        """Waits for the threads' ends, reads SRAM, compares everything."""
        statuses = {t: await self.host.ended(number) for t, number in ends.items()}
        await cycles(self.ports, RESTING)
        faulted = frozenset(t for t, status in statuses.items() if status.state is ThreadState.FAULTED)
        self.collector.finish(faulted)
        records = self.collector.complete()
        # A word that is lost has no value to be compared.
        lost = any(status.cause is Fault.ECC for status in statuses.values())
        image = b"" if lost else await self.host.read(0, CONFIG.sram_bytes)
        result = compare(CONFIG, self.memory, self.launches, Run(records, statuses, image, injected=self.injected), strict)
        result.coverage.keep()
        for t, status in statuses.items():
            assert t in faulted or status.retired == status.seq == len(records[t]), f"thread {t} says {status}"
        self.host.finish()
        assert self.trace.count >= result.retired > 0
        return result, image

    async def counter(self, counter: Counter) -> int:
        line = CONTROL_BASE + LINE_BYTES * (ControlLine.COUNTERS + counter // 8)
        return int.from_bytes((await self.host.read(line, LINE_BYTES))[8 * (counter % 8) :][:8], "little")

    async def run(self, memory, launches, strict: bool = False) -> tuple[Result, bytes]:
        await self.load(memory)
        return await self.finish(self.start(launches), strict)


async def begin(dut, entry: str = "none", exit: str = "none") -> Bench:
    dut._log.info(f"seed {cocotb.RANDOM_SEED}")
    ports = bind(dut)
    await start(ports, limit=LIMIT)
    return Bench(ports, entry, exit)


@cocotb.test()
@cocotb.parametrize(gaps=list(GAPS))
async def loops_and_semaphores_on_four_threads(dut, gaps: str):
    bench = await begin(dut, gaps, gaps)
    program = assemble(LOOPS)
    result, _ = await bench.run([(program.origin, program.image)], launches_of(program, generator("arguments")))
    assert result.retired == 250 and not result.faults


@cocotb.test()
async def a_matrix_product_on_two_threads(dut):
    bench = await begin(dut, "none", "random")
    job = random_job(CONFIG, "gemm", np.random.default_rng(cocotb.RANDOM_SEED), threads=2, m=40, n=24, k=20)
    result, image = await bench.run([(job.program.origin, job.program.image), *job.inputs], job.launches)
    for name, matrix in job.outputs.items():
        got = matrix.unpack(image[matrix.address : matrix.address + matrix.size])
        assert np.array_equal(got, job.expected[name]), name
    assert any(insn.mnemonic in result.coverage.points for insn in isa.TABLE if insn.port is Port.MATRIX)


@cocotb.test()
@cocotb.parametrize(exit=list(GAPS))
async def a_random_program_on_four_threads(dut, exit: str):
    bench = await begin(dut, "random", exit)
    job = Rig(generator("program").getrandbits(30), CONFIG, length=80, threads=4).job()
    result, _ = await bench.run([(job.program.origin, job.program.image), *job.inputs], job.launches, strict=True)
    assert result.retired > 200


WRONG_BITS = f"""
place:  addi x1, x1, 5
        jr x31
start:  li x20, 99
        ld.d x21, x0, {PROGRAM_BASE}
        csrw x2, {int(Csr.ECC_INJECT)}
        st.d x20, x0, 0x80
        st.d x20, x0, 0xb0
        st.d x21, x0, {PROGRAM_BASE}
        fence
        csrw x0, {int(Csr.ECC_INJECT)}
        iflush
        raise 3, 3
        call x31, place
        ld.d x5, x0, 0x80
        st.h x1, x0, 0xb2
        st.d x1, x0, 0x88
        halt
""" + "".join(
    f"""
start{t}: wait 3, 1
        ld.w x5, x0, 0x80
        call x31, place
        st.d x1, x0, {0x88 + 8 * t}
        halt
"""
    for t in (1, 2, 3)
)


@cocotb.test()
async def one_wrong_bit_in_data_and_code_changes_nothing_and_is_counted(dut):
    bench = await begin(dut, "random", "random")
    program, bit = assemble(WRONG_BITS), generator("bit").randrange(72)
    before = await bench.counter(Counter.ECC_CORRECTED)
    result, _ = await bench.run(
        [(program.origin, program.image)], [Launch(t, program.labels[f"start{t or ''}"], (t, inject(bit))) for t in range(4)]
    )
    assert not result.faults
    found = await bench.counter(Counter.ECC_CORRECTED) - before
    # Four loads, a merge, a fill of the code or a few, and the host's reads of data and code.
    assert 8 <= found <= 10, found


@cocotb.test()
@cocotb.parametrize(cause=list(FAULTS))
async def a_fault_is_told_and_stops_one_thread(dut, cause: str):
    bench = await begin(dut, "none", "none")
    job = Rig(generator("program").getrandbits(30), CONFIG, length=20, threads=4, fault=cause).job()
    result, _ = await bench.run([(job.program.origin, job.program.image), *job.inputs], job.launches)
    assert len(result.faults) == 1 and Fault[cause].name in result.faults[0]


DEBUGGED = """
start:  li x5, 1000
        li x6, 0
        li x7, 0
        loopi end, 900
        addi x7, x7, 3
here:   add x6, x6, x5
        xor x8, x6, x7
end:    st.d x8, x0, 0x80
        st.d x6, x0, 0x88
        halt
start1: li x1, 0
        loopi end1, 1000
        addi x1, x1, 5
end1:   st.d x1, x0, 0xc0
        halt
"""


class Debugger:
    """Commands for one thread; `stops`: where it stood still, by sequence number, to be compared with the simulator's pc there."""

    def __init__(self, bench: Bench, thread: int) -> None:
        self.bench, self.thread = bench, thread
        self.stops: list[Status] = []

    async def say(self, op: DebugOp, operand: int = 0) -> Status:
        return await self.bench.host.debug(op, self.thread, operand)

    async def started(self) -> None:
        """Its start may take the other channel: until it has been obeyed."""
        while (await self.say(DebugOp.STATUS)).state is ThreadState.IDLE:
            pass

    async def still(self, status: Status) -> Status:
        """A thread that a breakpoint stops says nothing: it is asked until it rests."""
        while status.state is ThreadState.RUNNING:
            status = await self.say(DebugOp.STATUS)
        assert status.state is ThreadState.HALTED, status
        self.stops.append(status)
        return status

    async def step(self, count: int) -> None:
        for _ in range(count):
            before = self.stops[-1].seq
            status = await self.still(await self.say(DebugOp.STEP))
            assert status.seq == before + 1, f"a step from {before} to {status.seq}"

    async def inject(self, text: str, *writes: tuple[int, bytes]) -> None:
        word, before = assemble(text).words[0], self.stops[-1]
        self.bench.injected[self.thread, before.seq] = Injection(word, writes)
        status = await self.say(DebugOp.INJECT, word)
        assert (status.state, status.seq, status.pc) == (ThreadState.HALTED, before.seq + 1, before.pc), status
        self.stops.append(status)

    async def register(self, index: int) -> int:
        """Reads a register through the debugger's bytes of SRAM."""
        await self.inject(f"st.d x{index}, x0, {DEBUG_SCRATCH}")
        return int.from_bytes(await self.bench.host.read(DEBUG_SCRATCH, 8), "little")

    async def change(self, index: int, value: int) -> None:
        """Writes a register."""
        data = DEBUG_SCRATCH, value.to_bytes(8, "little")
        await self.bench.host.write([data])
        await self.inject(f"ld.d x{index}, x0, {DEBUG_SCRATCH}", data)

    def finish(self) -> None:
        """Where it stood is where the trace, which equals the simulator's, goes on."""
        records = self.bench.collector.complete()[self.thread]
        injected = self.bench.injected
        for status in self.stops:
            after = next(r for r in records[status.seq :] if (self.thread, r.seq) not in injected)
            assert status.pc == after.pc, f"stood at {status.pc:#x} as number {status.seq}, went on at {after.pc:#x}"
        assert self.stops, "it never stood still"


@cocotb.test()
@cocotb.parametrize(gaps=["none", "random"])
async def a_debugger_halts_steps_reads_and_writes(dut, gaps: str):
    bench = await begin(dut, gaps, gaps)
    program, pick = assemble(DEBUGGED), generator("debugger")
    assert program.origin == PROGRAM_BASE > DEBUG_SCRATCH
    await bench.load([(program.origin, program.image)])
    here = program.labels["here"]
    first, second = Debugger(bench, 0), Debugger(bench, 1)
    await first.say(DebugOp.BREAK_SET, here)
    ends = bench.start(launches_of(program, generator("arguments")))

    await first.started()
    await second.started()
    for passed in range(3):
        status = await first.still(await first.say(DebugOp.STATUS))
        assert status.pc == here
        assert (await first.register(7), await first.register(6)) == (3 * (passed + 1), 1000 * passed)
        await first.say(DebugOp.RESUME)
    status = await first.still(await first.say(DebugOp.STATUS))
    value = pick.getrandbits(64)
    await first.change(6, value)
    assert await first.register(6) == value
    await first.say(DebugOp.BREAK_CLEAR)
    await first.step(9)  # over the loop's end
    await first.say(DebugOp.RESUME)

    for debugger in (second, first, second):
        await cycles(bench.ports, pick.randrange(20))
        await debugger.still(await debugger.say(DebugOp.HALT))
        await debugger.step(pick.randint(1, 4))
        await debugger.say(DebugOp.RESUME)
    result, image = await bench.finish(ends)
    first.finish()
    second.finish()
    assert int.from_bytes(image[0x88:0x90], "little") == (value + 1000 * 897) % (1 << 64)
    assert result.retired == 3719


MEETING = """
start:  li x1, 5
        barrier 1, 2
        addi x1, x1, 1
        st.d x1, x0, 0x80
        halt
start1: loopi end1, 300
        addi x2, x2, 1
end1:   nop
        barrier 1, 2
        halt
"""
NEED_HALTED = DebugOp.STEP, DebugOp.INJECT, DebugOp.JUMP


@cocotb.test()
@cocotb.parametrize(gaps=["none", "random"])
async def what_does_not_fit_a_thread_is_refused_and_does_nothing(dut, gaps: str):
    """A thread at a barrier cannot be halted before it has passed: whoever asks meanwhile is answered at once."""
    bench = await begin(dut, gaps, gaps)
    host, program = bench.host, assemble(MEETING)
    await bench.load([(program.origin, program.image)])
    idle = {(op, t): await host.refused(Kind.DEBUG, address=op, length=t) for op in NEED_HALTED for t in (0, 2)}
    assert set(idle.values()) == {Fault.BUSY}
    first, second = launches_of(program, generator("arguments"))
    ends = {0: host.start(first)}
    while (status := await host.debug(DebugOp.STATUS)).state is not ThreadState.WAITING:
        assert status.state in (ThreadState.IDLE, ThreadState.RUNNING)

    waits = cocotb.start_soon(host.debug(DebugOp.HALT))
    await cycles(bench.ports, 100)
    operands = {DebugOp.INJECT: assemble("li x1, 77").words[0], DebugOp.JUMP: program.labels["start1"]}
    for op in (DebugOp.HALT, *NEED_HALTED):
        assert await host.refused(Kind.DEBUG, operands.get(op, 0), address=op) is Fault.BUSY
    for op in NEED_HALTED:
        assert await host.refused(Kind.DEBUG, operands.get(op, 0), address=op, flags=0) is Fault.BUSY
    assert await host.refused(Kind.START, address=program.labels["start1"], length=0, flags=0) is Fault.BUSY
    assert await host.debug(DebugOp.RESUME) == await host.debug(DebugOp.STATUS) == status
    assert not waits.done()

    ends[1] = host.start(second)
    bench.launches = [first, second]
    halted = await waits
    assert (halted.state, halted.seq) == (ThreadState.HALTED, 2)
    await host.debug(DebugOp.RESUME)
    result, image = await bench.finish(ends)
    assert not result.faults and int.from_bytes(image[0x80:0x88], "little") == 6


@cocotb.test()
async def a_packet_does_not_overflow_a_semaphore(dut):
    """Threads and packets raise the same ones; what is refused leaves the value that a thread then takes."""
    bench = await begin(dut)
    host, program = bench.host, assemble("start: raise 9, 1000\nhalt\ntake: waitr 9, x1\nwaitr 9, x2\nst.d x1, x0, 0x80\nhalt\n")
    await bench.load([(program.origin, program.image)])
    await host.ended(host.start(Launch(0, program.labels["start"], ())))
    await host.raise_semaphore(9, 0xFFFF - 1000)
    for flags in (0, 1):
        assert await host.refused(Kind.RAISE, address=1, tag=9, flags=flags) is Fault.SEMAPHORE
        notify = {"address": 0x1000 + 64 * flags, "length": 1, "tag": 9, "sequence": SEQUENCE_NOTIFY | 5}
        assert await host.refused(Kind.WRITE, 77, **notify, flags=flags) is Fault.SEMAPHORE
        assert await host.read(0x1000 + 64 * flags, 8) == (77).to_bytes(8, "little")
    status = await host.ended(host.start(Launch(0, program.labels["start"], ())))
    assert (status.state, status.cause, status.operand) == (ThreadState.FAULTED, Fault.SEMAPHORE, 9), "a thread's raise overflows"
    end = host.start(Launch(0, program.labels["take"], (0xFFFF, 3)))
    while (await host.debug(DebugOp.STATUS)).state is not ThreadState.WAITING:
        pass
    assert (await host.debug(DebugOp.STATUS)).retired == 1, "all of it was there, and nothing more"
    await host.raise_semaphore(9, 3)
    assert (await host.ended(end)).state is ThreadState.IDLE
    host.finish()


@cocotb.test()
async def an_injected_halt_ends_the_thread(dut):
    """It answers the injection and the start; afterwards the thread starts, halts and steps like any other."""
    bench = await begin(dut)
    host, program = bench.host, assemble("start: addi x1, x1, 1\nbr start\n")
    await bench.load([(program.origin, program.image)])
    for word, state in ((assemble("halt").words[0], ThreadState.IDLE), (0xFFFFFFFF, ThreadState.FAULTED)):
        end = host.start(Launch(0, program.labels["start"], ()))
        while (await host.debug(DebugOp.STATUS)).state is not ThreadState.RUNNING:
            pass
        before = await host.debug(DebugOp.HALT)
        assert before.state is ThreadState.HALTED
        assert (await host.debug(DebugOp.STEP)).seq == before.seq + 1
        status = await host.debug(DebugOp.INJECT, operand=word)
        assert status.state is state and await host.ended(end) == status
        assert await host.refused(Kind.DEBUG, address=DebugOp.STEP) is Fault.BUSY
    host.finish()

"""One thread by itself: what it waits for before it ends, and which of several faults counts."""

import pytest

from golden.arch.classes import Flow
from golden.arch.isa import LOOP_DEPTH
from golden.arch.memmap import Fault, ThreadState
from golden.arch.packet import DebugOp
from rtl.core.thread.thread import Thread
from tests.rtl.core.front.played import CONFIG

SHOWS = 8
"""Cycles from a dispatch until every unit that an instruction of it is on its way to says that it is not idle."""


def running(simulate, script) -> None:
    """A thread that was started, all units idle; the script is a coroutine function of (ctx, dut, tick)."""
    dut = Thread(CONFIG, 1)

    async def bench(ctx) -> None:
        async def tick(cycles: int = 1) -> None:
            for _ in range(cycles):
                await ctx.tick()
                ctx.set(dut.begin.valid, 0)
                ctx.set(dut.dispatched.group.valid, 0)
                for event in (dut.scalar_steer.fault, dut.overflow.fault):
                    ctx.set(event.valid, 0)

        idle(ctx, dut)
        ctx.set(dut.begin.valid, 1)
        ctx.set(dut.begin.pc, 0x40)
        await tick()
        assert ctx.get(dut.shown.status.state) == ThreadState.RUNNING
        await script(ctx, dut, tick)

    simulate(dut, bench, limit=200)


def idle(ctx, dut, units: int = 0b111) -> None:
    """Which units hold nothing of the thread, a bit each."""
    for k, progress in enumerate((dut.scalar_progress, dut.vector_progress, dut.store_progress)):
        ctx.set(progress.idle, (units >> k & 1) << 1)


def dispatch(ctx, dut, flow: Flow = Flow.PLAIN) -> None:
    group = dut.dispatched.group
    ctx.set(group.valid, 1)
    ctx.set(group.first, 1)
    ctx.set(group.count, 1)
    ctx.set(group.waits, flow == Flow.HALT)
    ctx.set(group.flow, flow)


def test_a_halt_waits_for_what_no_unit_shows_yet(simulate):
    async def script(ctx, dut, tick) -> None:
        dispatch(ctx, dut, Flow.HALT)
        await tick(SHOWS)
        assert ctx.get(dut.shown.status.state) == ThreadState.WAITING
        idle(ctx, dut, 0b101)  # what was dispatched before the halt has reached its queue
        await tick(30)
        assert ctx.get(dut.shown.status.state) == ThreadState.WAITING
        idle(ctx, dut)
        await tick(2)
        assert ctx.get(dut.shown.status.state) == ThreadState.IDLE

    running(simulate, script)


def fault(ctx, dut, port: int, cause: Fault, pc: int, operand: int, thread: int = 1) -> None:
    event = (dut.scalar_steer.fault, dut.overflow.fault)[port]
    ctx.set(event.valid, 1)
    for name, value in (("thread", thread), ("cause", cause), ("pc", pc), ("operand", operand)):
        ctx.set(event[name], value)


def test_the_first_fault_counts(simulate):
    async def script(ctx, dut, tick) -> None:
        fault(ctx, dut, 0, Fault.RANGE, 0x50, 0xABC0)
        await tick()
        fault(ctx, dut, 1, Fault.SEMAPHORE, 0x48, 9)
        await tick()
        fault(ctx, dut, 0, Fault.MISALIGNED, 0x60, 3)
        await tick()
        ctx.set(dut.uncorrectable.valid, 0b10)
        ctx.set(dut.uncorrectable.addr[1], 0x123)
        await tick()
        ctx.set(dut.uncorrectable.valid, 0)
        await tick(20)
        status = dut.shown.status
        assert ctx.get(status.state) == ThreadState.FAULTED
        assert (ctx.get(status.cause), ctx.get(status.pc), ctx.get(status.operand)) == (Fault.RANGE, 4 * 0x50, 0xABC0)

    running(simulate, script)


def test_the_fault_of_another_thread_is_not_its_own(simulate):
    async def script(ctx, dut, tick) -> None:
        fault(ctx, dut, 0, Fault.RANGE, 0x50, 0xABC0, thread=2)
        await tick(20)
        assert ctx.get(dut.shown.status.state) == ThreadState.RUNNING
        assert ctx.get(dut.shown.kill) == 0

    running(simulate, script)


def test_a_lost_word_stops_the_thread_where_it_is(simulate):
    async def script(ctx, dut, tick) -> None:
        dispatch(ctx, dut, Flow.HALT)
        await tick(SHOWS)
        ctx.set(dut.uncorrectable.soon, 0b10)  # the report keeps the thread, which would end in this cycle
        await tick()
        ctx.set(dut.uncorrectable.soon, 0)
        ctx.set(dut.uncorrectable.valid, 0b10)
        ctx.set(dut.uncorrectable.addr[1], 0x123)
        await tick()
        ctx.set(dut.uncorrectable.valid, 0)
        assert ctx.get(dut.shown.kill), "what is queued is dropped"
        await tick(20)
        status = dut.shown.status
        assert ctx.get(status.state) == ThreadState.FAULTED
        assert (ctx.get(status.cause), ctx.get(status.pc), ctx.get(status.operand)) == (Fault.ECC, 4 * 0x40, 8 * 0x123)

    running(simulate, script)


def test_who_is_busy_for_those_who_start_and_join(simulate):
    """A thread that runs, that is halted, that runs again; not one that has ended or died."""

    async def script(ctx, dut, tick) -> None:
        def seen() -> tuple[int, int]:
            return ctx.get(dut.shown.status.state), ctx.get(dut.spawn.alive)

        await tick(2 * SHOWS)
        assert seen() == (ThreadState.RUNNING, 1)
        for op, state in ((DebugOp.HALT, ThreadState.HALTED), (DebugOp.RESUME, ThreadState.RUNNING)):
            command(ctx, dut, op)
            await tick()
            ctx.set(dut.debug.valid, 0)
            await tick(2 * SHOWS)
            assert seen() == (state, 1)
        dispatch(ctx, dut, Flow.HALT)
        await tick(2 * SHOWS)
        assert seen() == (ThreadState.IDLE, 0)
        ctx.set(dut.begin.valid, 1)
        await tick()
        fault(ctx, dut, 0, Fault.RANGE, 0x50, 0)
        await tick(2 * SHOWS)
        assert seen() == (ThreadState.FAULTED, 0)

    running(simulate, script)


def test_an_answer_that_comes_when_the_thread_has_died_changes_nothing(simulate):
    """Of the network, whose answers may be late: cause, operand and pc are those of the fault, and nothing is dropped."""

    async def script(ctx, dut, tick) -> None:
        def seen() -> list[int]:
            return [ctx.get(dut.shown.status[name]) for name in ("state", "cause", "pc", "operand")]

        fault(ctx, dut, 0, Fault.RANGE, 0x50, 0xABC0)
        await tick(2 * SHOWS)
        before = seen()
        assert before[:2] == [ThreadState.FAULTED, Fault.RANGE]
        event = dut.net_steer.fault[0]
        for name, value in (("valid", 1), ("thread", 1), ("cause", Fault.NETWORK), ("operand", 0x77)):
            ctx.set(event[name], value)
        await tick()
        ctx.set(event.valid, 0)
        for _ in range(2 * SHOWS):
            assert seen() == before and not ctx.get(dut.shown.kill)
            await tick()

    running(simulate, script)


def test_a_faulted_thread_waits_for_what_it_began(simulate):
    async def script(ctx, dut, tick) -> None:
        idle(ctx, dut, 0b101)
        fault(ctx, dut, 0, Fault.RANGE, 0x50, 0xABC0)
        await tick(40)
        assert ctx.get(dut.shown.status.state) == ThreadState.RUNNING
        idle(ctx, dut)
        await tick(2)
        assert ctx.get(dut.shown.status.state) == ThreadState.FAULTED

    running(simulate, script)


def test_after_a_late_fault_what_no_unit_shows_yet_is_waited_for(simulate):
    """Older instructions may be on their way from one unit to the next, and be shown again after the fault."""

    async def script(ctx, dut, tick) -> None:
        await tick(20)
        fault(ctx, dut, 0, Fault.RANGE, 0x50, 0xABC0)
        await tick(SHOWS)
        idle(ctx, dut, 0b011)
        await tick(20)
        assert ctx.get(dut.shown.status.state) == ThreadState.RUNNING
        idle(ctx, dut)
        await tick(2)
        assert ctx.get(dut.shown.status.state) == ThreadState.FAULTED

    running(simulate, script)


@pytest.mark.parametrize("port", range(3))
@pytest.mark.parametrize("beside", ["nothing", "a group", "a group that sends another one"])
def test_a_predicate_comes(simulate, port, beside):
    """From every unit that writes predicates, in the cycle of a group and in another one: it is there, and no other one changes."""

    async def script(ctx, dut, tick) -> None:
        group = dut.dispatched.group
        leaves(ctx, dut, pending=0b110)
        await tick()
        assert ctx.get(dut.turn.known.state.pending) == 0b110
        write = (*dut.scalar_steer.predicate, dut.vector_steer.predicate)[port]
        for name, value in (("valid", 1), ("thread", 1), ("index", 2), ("value", 1)):
            ctx.set(write[name], value)
        if beside != "nothing":
            leaves(ctx, dut, pending=0b110 if beside == "a group" else 0b1110)
        await tick()
        ctx.set(write.valid, 0)
        await tick(3)
        assert ctx.get(dut.turn.known.state.true) == 0b101
        assert ctx.get(dut.turn.known.state.pending) == (0b1010 if beside.endswith("another one") else 0b010)
        assert not ctx.get(group.valid)

    running(simulate, script)


# --- what a start forgets ---------------------------------------------------------------------------------------------------------

PC, NEXT = 0x40, 0x5A0
HEADS = {"vq_head": 77, "st_read": 21, "load_parity": 0x1234_5678}


def fresh_positions(ctx, dut) -> None:
    """Where the units have come to: a start takes it over."""
    ctx.set(dut.vector_progress.vq_head[1], HEADS["vq_head"])
    ctx.set(dut.store_progress.st_read[1], HEADS["st_read"])
    ctx.set(dut.vector_progress.load_parity[1], HEADS["load_parity"])


def state(ctx, dut) -> dict[str, int]:
    """Everything of the thread that dispatch, fetch and the status line see."""
    turn, status, supply = dut.turn, dut.shown.status, dut.supply
    seen = {f"status.{name}": ctx.get(status[name]) for name in ("state", "cause", "pc", "operand", "retired", "seq")}
    seen |= {f"where.{name}": ctx.get(turn.where.state[name]) for name in ("pc", "looping")}
    seen |= {f"known.{name}": ctx.get(turn.known.state[name]) for name in ("true", "pending")}
    seen |= {f"counted.{name}": ctx.get(turn.counted.state[name]) for name in ("seq", "vq_tail", "st_tail", "parity")}
    seen |= {f"debugged.{name}": ctx.get(turn.debugged.state[name]) for name in ("single", "inject")}
    shown = {"active": supply.active, "current": supply.current, "following": supply.following, "kill": dut.shown.kill}
    seen |= {name: ctx.get(value) for name, value in shown.items()}
    seen |= {"waits": ctx.get(dut.semaphore.wait.valid), "arrives": ctx.get(dut.barrier.arrival.valid)}
    return seen | {"able": ctx.get(dut.turn.may.able)}


def leaves(ctx, dut, flow: Flow = Flow.PLAIN, **fields: int) -> None:
    """A group leaves, with these fields."""
    dispatch(ctx, dut, flow)
    for name, value in fields.items():
        ctx.set(dut.dispatched.group[name], value)


def command(ctx, dut, op: DebugOp, value: int = 0) -> None:
    ctx.set(dut.debug.valid, 1)
    ctx.set(dut.debug.thread, 1)
    ctx.set(dut.debug.op, op)
    ctx.set(dut.debug.value, value)


def operand(ctx, dut, value: int) -> None:
    ctx.set(dut.scalar_steer.operand.valid, 1)
    ctx.set(dut.scalar_steer.operand.thread, 1)
    ctx.set(dut.scalar_steer.operand.value, value)


def predicate(ctx, dut, index: int) -> None:
    write = dut.vector_steer.predicate
    for name, value in (("valid", 1), ("thread", 1), ("index", index), ("value", 1)):
        ctx.set(write[name], value)


# What a thread does before its fault, one register each: steps of (ctx, dut), a cycle each, and what shows that it did something.
DISTURBED = {
    "a predicate on its way": ([lambda c, d: leaves(c, d, pending=1 << 3)], "known.pending"),
    "a predicate that is true": ([lambda c, d: predicate(c, d, 5)], "known.true"),
    "a predicate made in decode": ([lambda c, d: leaves(c, d, Flow.LOGIC, logic=1, word=2 << 12)], "known.true"),
    "a load on its way": ([lambda c, d: leaves(c, d, parity=HEADS["load_parity"] ^ 1 << 9)], "counted.parity"),
    "a vector instruction": ([lambda c, d: leaves(c, d, vq_tail=HEADS["vq_head"] + 1)], "counted.vq_tail"),
    "a store": ([lambda c, d: leaves(c, d, st_tail=HEADS["st_read"] + 1)], "counted.st_tail"),
    "instructions that retired": ([lambda c, d: leaves(c, d, count=3)], "status.retired"),
    "a loop": ([lambda c, d: leaves(c, d, Flow.LOOPI, target=NEXT + 9, word=5 << 22)], "where.looping"),
    "a wait on a semaphore": ([lambda c, d: leaves(c, d, Flow.WAIT, waits=1, word=5 << 22)], "waits"),
    "an amount that did not come": ([lambda c, d: leaves(c, d, Flow.WAITR, waits=1)], "able"),
    "an amount that came": ([lambda c, d: leaves(c, d, Flow.WAITR, waits=1), lambda c, d: operand(c, d, 7)], "waits"),
    "a join": ([lambda c, d: leaves(c, d, Flow.TJOIN, waits=1), lambda c, d: c.set(d.spawn.busy, 0b1111)], "able"),
    "a jump that did not come": ([lambda c, d: leaves(c, d, Flow.JUMP)], "able"),
    "a loop's count that did not come": ([lambda c, d: leaves(c, d, Flow.LOOP)], "able"),
    "a fence": ([lambda c, d: leaves(c, d, Flow.FENCE, waits=1)], "able"),
    "a halt by the debugger under way": ([lambda c, d: leaves(c, d), lambda c, d: command(c, d, DebugOp.HALT)], "able"),
}


@pytest.mark.parametrize("what", DISTURBED)
def test_a_start_after_a_fault_forgets(simulate, what):
    """Each register of a thread by itself: it is disturbed, the thread dies, and after a start it is as in a thread that was never used."""
    steps, shows = DISTURBED[what]

    async def script(ctx, dut, tick) -> None:
        async def step() -> None:
            await tick()
            for port in (dut.scalar_steer.operand.valid, dut.vector_steer.predicate.valid, dut.debug.valid):
                ctx.set(port, 0)

        async def begin() -> dict[str, int]:
            ctx.set(dut.begin.valid, 1)
            ctx.set(dut.begin.pc, NEXT)
            await step()
            await tick(SHOWS)  # what was on its way in the other run has long arrived
            return state(ctx, dut)

        fresh_positions(ctx, dut)
        ctx.set(dut.supply.present, 1)
        for progress in (dut.scalar_progress, dut.vector_progress):
            ctx.set(progress.free[1], 8)
        expected = await begin()
        assert expected["status.state"] == ThreadState.RUNNING and expected["able"] and expected["known.true"] == 1
        for one in steps:
            for name, value in (("parity", HEADS["load_parity"]), ("vq_tail", HEADS["vq_head"]), ("st_tail", HEADS["st_read"])):
                ctx.set(dut.dispatched.group[name], value)
            for name in ("pending", "logic"):
                ctx.set(dut.dispatched.group[name], 0)
            one(ctx, dut)
            await step()
        assert state(ctx, dut)[shows] != expected[shows], f"{what}: {shows} shows nothing of it"
        fault(ctx, dut, 0, Fault.RANGE, 0x50, 0xABC0)
        await step()
        await tick(3 * SHOWS)
        assert ctx.get(dut.shown.status.state) == ThreadState.FAULTED
        ctx.set(dut.spawn.busy, 0)
        assert await begin() == expected

    running(simulate, script)


def test_a_loop_that_a_fault_left_is_not_there_for_the_next_run(simulate):
    """As deep as loops go, then a fault: the next run may nest as deeply again, and goes round none of the old ones."""

    async def script(ctx, dut, tick) -> None:
        for _ in range(2):
            for depth in range(LOOP_DEPTH):
                leaves(ctx, dut, Flow.LOOPI, target=PC + 40 - depth, word=3 << 22)
                await tick()
                assert ctx.get(dut.turn.where.state.looping) and not ctx.get(dut.shown.status.cause)
            fault(ctx, dut, 0, Fault.RANGE, 0x50, 0xABC0)
            await tick(3 * SHOWS)
            assert ctx.get(dut.shown.status.cause) == Fault.RANGE
            ctx.set(dut.begin.valid, 1)
            ctx.set(dut.begin.pc, PC)
            await tick()

    running(simulate, script)


# Commands of a debugger to a thread that ends before it can obey: what it does, and the command that is left over.
LEFT_OVER = {
    "a halt that came while it ended": [lambda c, d: leaves(c, d, Flow.HALT, waits=1), lambda c, d: command(c, d, DebugOp.HALT)],
    "a step over its end": [
        lambda c, d: command(c, d, DebugOp.HALT),
        None,
        lambda c, d: command(c, d, DebugOp.STEP),
        lambda c, d: leaves(c, d, Flow.HALT, waits=1),
    ],
}


@pytest.mark.parametrize("what", LEFT_OVER)
def test_a_start_forgets_a_command_that_came_too_late(simulate, what):
    async def script(ctx, dut, tick) -> None:
        ctx.set(dut.supply.present, 1)
        for progress in (dut.scalar_progress, dut.vector_progress):
            ctx.set(progress.free[1], 8)
        await tick(2 * SHOWS)
        for step in LEFT_OVER[what]:
            if step:
                step(ctx, dut)
            await tick(1 if step else 2 * SHOWS)
            ctx.set(dut.debug.valid, 0)
        await tick(3 * SHOWS)
        assert ctx.get(dut.shown.status.state) == ThreadState.IDLE
        ctx.set(dut.begin.valid, 1)
        ctx.set(dut.begin.pc, NEXT)
        await tick(3 * SHOWS)
        leaves(ctx, dut)
        await tick(3 * SHOWS)
        assert ctx.get(dut.shown.status.state) == ThreadState.RUNNING and ctx.get(dut.turn.may.able)
        assert not ctx.get(dut.turn.debugged.state.single)

    running(simulate, script)


def test_a_start_stops_at_the_breakpoint_that_a_resume_was_to_pass(simulate):
    """The thread died before it passed it; the next run comes to it again."""

    async def script(ctx, dut, tick) -> None:
        async def told(op: DebugOp, value: int = 0) -> None:
            command(ctx, dut, op, value)
            await tick()
            ctx.set(dut.debug.valid, 0)

        await told(DebugOp.BREAK_SET, 4 * PC)
        await tick(3 * SHOWS)
        assert ctx.get(dut.shown.status.state) == ThreadState.HALTED
        await told(DebugOp.RESUME)
        assert ctx.get(dut.shown.status.state) == ThreadState.RUNNING
        fault(ctx, dut, 0, Fault.RANGE, PC, 0xABC0)
        await tick(3 * SHOWS)
        assert ctx.get(dut.shown.status.state) == ThreadState.FAULTED
        ctx.set(dut.begin.valid, 1)
        ctx.set(dut.begin.pc, PC)
        await tick(3 * SHOWS)
        assert ctx.get(dut.shown.status.state) == ThreadState.HALTED

    running(simulate, script)

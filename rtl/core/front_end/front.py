"""The front end: threads, their program counters, and what leaves for the queues each cycle.

One thread a cycle dispatches up to ``dispatch_width`` instructions in program order. Control instructions stand alone in a group and end
here; predicates are resolved here; everything else goes to a queue with its tags (rtl/core/layouts.py).

A thread rests (``hold``) while a control instruction waits: for a register's value, a semaphore, or until all that it began is done.
"""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring

from golden.arch import isa
from golden.arch.config import NodeConfig
from golden.arch.encoding import F0, F1, F2
from golden.arch.memmap import SEMAPHORE_BITS, Fault, ThreadState
from golden.arch.packet import DebugOp
from golden.arch.trace import SEQ_BITS
from rtl.core.front_end.decode import Control, Hold
from rtl.core.front_end.dispatch import Dispatch
from rtl.core.front_end.fetch import Fetch
from rtl.core.front_end.loops import advance, begin_loop
from rtl.core.front_end.ports import front_ports
from rtl.core.front_end.sync import Barriers, Semaphores
from rtl.core.layouts import (
    PC_BITS,
    ST_POS_BITS,
    THREAD_BITS,
    THREADS,
    VQ_POS_BITS,
    FaultEvent,
)

LOOP_BITS = 32
VQ_AHEAD = 64  # vector instructions that may be dispatched past the oldest queued scalar one
ST_AHEAD = 12  # stores past the oldest queued vector instruction


class FrontEnd(wiring.Component):
    """Threads, fetch, dispatch, semaphores.

    Parameters
    ----------
    config : sizes.
    trace : with the trace ports.
    """

    def __init__(self, config: NodeConfig, trace: bool = False) -> None:
        self.config, self.trace_on = config, trace
        super().__init__(front_ports(config, trace))

    def elaborate(self, platform):
        m = Module()
        width, trace = self.config.dispatch_width, self.trace_on
        m.submodules.fetch = fetch = Fetch(self.config)
        m.submodules.semaphores = semaphores = Semaphores()
        m.submodules.barriers = barriers = Barriers()
        wiring.connect(m, fetch.fill, wiring.flipped(self.fill))
        wiring.connect(m, wiring.flipped(self.net_raise_in), semaphores.net_raise_in)
        wiring.connect(m, wiring.flipped(self.raise_in), semaphores.raise_in)

        # --- state of the threads -------------------------------------------------------------------------------------------
        def each(shape, name, init=0):
            return [Signal(shape, name=f"{name}_{t}", init=init) for t in range(THREADS)]

        state = each(3, "state")
        pc = each(PC_BITS, "pc")
        seq = each(SEQ_BITS, "seq")
        retired = each(48, "retired")
        cause, operand = each(4, "cause"), each(64, "operand")
        true = each(8, "true", 1)  # predicates
        pending = each(8, "pending")
        depth = each(range(isa.LOOP_DEPTH + 1), "depth")
        starts = [[Signal(PC_BITS, name=f"start_{t}_{k}") for k in range(isa.LOOP_DEPTH)] for t in range(THREADS)]
        lasts = [[Signal(PC_BITS, name=f"last_{t}_{k}") for k in range(isa.LOOP_DEPTH)] for t in range(THREADS)]
        lefts = [[Signal(LOOP_BITS, name=f"left_{t}_{k}") for k in range(isa.LOOP_DEPTH)] for t in range(THREADS)]
        hold, then, held_word = each(Hold, "hold", Hold.NONE), each(Control, "then", Control.PLAIN), each(32, "held_word")
        amount = each(SEMAPHORE_BITS, "amount")
        vq_tail, st_tail = each(VQ_POS_BITS, "vq_tail"), each(ST_POS_BITS, "st_tail")
        parity = each(isa.VECTOR_REGISTERS, "parity")
        halting, single, inject = each(1, "halting"), each(1, "single"), each(1, "inject")
        break_on, break_pc, break_skip = each(1, "break_on"), each(PC_BITS, "break_pc"), each(1, "break_skip")
        idle = self.scalar_idle & self.vector_idle & self.store_idle
        settled = each(3, "settled")  # cycles since something was dispatched: what is on its way to a queue is counted in
        empty = Signal(THREADS)
        for t in range(THREADS):
            # A lost word is reported after the access looks complete: the thread may not end meanwhile.
            m.d.comb += empty[t].eq(idle[t] & (settled[t] == 7) & ~self.lost.soon[t] & ~self.lost.valid[t])
            with m.If(settled[t] != 7):
                m.d.sync += settled[t].eq(settled[t] + 1)

        # --- fetch ----------------------------------------------------------------------------------------------------------
        for t in range(THREADS):
            m.d.comb += [fetch.active[t].eq(state[t] == ThreadState.RUNNING), fetch.current[t].eq(pc[t][3:])]
            # What follows the current window: the innermost loop's start when its end lies in it and it goes on.
            m.d.comb += fetch.following[t].eq(pc[t][3:] + 1)
            for k in range(isa.LOOP_DEPTH):
                with m.If((depth[t] == k + 1) & (lasts[t][k][3:] == pc[t][3:]) & (lefts[t][k] > 1)):
                    m.d.comb += fetch.following[t].eq(starts[t][k][3:])
        in_sram = self.config.sram_bytes // 4

        # --- choose a thread ------------------------------------------------------------------------------------------------
        able = Signal(THREADS)
        for t in range(THREADS):
            vq_far = self.scalar_head[t].valid & ((vq_tail[t] - self.scalar_head[t].vq_mark)[:VQ_POS_BITS] >= VQ_AHEAD - width)
            st_far = self.vector_head[t].valid & ((st_tail[t] - self.vector_head[t].st_mark)[:ST_POS_BITS] >= ST_AHEAD - width)
            room = (self.scalar_free[t] >= width) & (self.vector_free[t] >= width) & ~vq_far & ~st_far
            at_break = break_on[t] & (break_pc[t] == pc[t]) & ~break_skip[t]
            fetched = fetch.present[t] | (pc[t] >= in_sram)
            m.d.comb += able[t].eq(
                (hold[t] == Hold.NONE)
                & room
                & ~self.kill[t]
                & (
                    ((state[t] == ThreadState.RUNNING) & fetched & ~halting[t] & ~at_break & (~single[t] | empty[t]))
                    | (inject[t] & empty[t])
                )
            )
        turn, chosen, some = Signal(THREAD_BITS), Signal(THREAD_BITS), Signal()
        with m.Switch(turn):
            for start in range(THREADS):
                with m.Case(start):
                    for offset in reversed(range(THREADS)):
                        t = (start + offset) % THREADS
                        with m.If(able[t]):
                            m.d.comb += chosen.eq(t)
        m.d.comb += [some.eq(able.any()), fetch.thread.eq(chosen), self.thread_out.eq(chosen)]
        m.d.sync += turn.eq(Mux(some, chosen + 1, turn))

        def of(values):
            return Array(values)[chosen]

        c_pc, c_seq, c_true, c_inject = Signal(PC_BITS), Signal(SEQ_BITS), Signal(8), Signal()
        m.d.comb += [c_pc.eq(of(pc)), c_seq.eq(of(seq)), c_true.eq(of(true)), c_inject.eq(of(inject))]

        # --- the group ------------------------------------------------------------------------------------------------------
        m.submodules.group = group = Dispatch(self.config)
        m.d.comb += [
            group.some.eq(some),
            group.thread.eq(chosen),
            group.pc.eq(c_pc),
            group.seq.eq(c_seq),
            group.window.eq(fetch.window),
            group.window_lost.eq(fetch.lost),
            group.true.eq(c_true),
            group.pending.eq(of(pending)),
            group.vq_tail.eq(of(vq_tail)),
            group.st_tail.eq(of(st_tail)),
            group.vq_head.eq(of([self.vq_head[t] for t in range(THREADS)])),
            group.st_read.eq(of([self.st_read[t] for t in range(THREADS)])),
            group.parity.eq(of(parity)),
            group.loaded.eq(of([self.load_parity[t] for t in range(THREADS)])),
            group.looping.eq(of(depth) != 0),
            group.single.eq(of(single) | c_inject),
            group.inject.eq(c_inject),
            group.injected.eq(of(held_word)),
            group.break_on.eq(of(break_on)),
            group.break_pc.eq(of(break_pc)),
            self.scalar_out.eq(group.scalar_out),
            self.vector_out.eq(group.vector_out),
        ]
        for t in range(THREADS):
            for k in range(isa.LOOP_DEPTH):
                with m.If((chosen == t) & (depth[t] == k + 1)):
                    m.d.comb += group.last.eq(lasts[t][k])
        words = [group.words[i] for i in range(width)]
        go, on, control, illegal, outside = group.go, group.on, group.control, group.illegal, group.outside
        par, pend, vq_pos, st_pos = group.parity_next, group.pending_next, group.vq_next, group.st_next

        # --- what the group does to its thread -------------------------------------------------------------------------------
        # A waiting control instruction retires when it is over, the others with their group.
        waits = Signal()
        m.d.comb += waits.eq(
            (control == Control.WAIT)
            | (control == Control.WAITR)
            | (control == Control.BARRIER)
            | (control == Control.FENCE)
            | (control == Control.IFLUSH)
            | (control == Control.HALT)
            | (control == Control.TSTART)
            | (control == Control.TJOIN)
            | (control == Control.TRAP)
        )
        count = Signal(range(width + 1))
        m.d.comb += count.eq(sum(go[i] for i in range(width)))
        word0 = words[0]
        imm10, imm15, imm20 = word0[F2:].as_signed(), word0[F1:].as_signed(), word0[F0:].as_signed()
        target = Signal(PC_BITS)
        with m.Switch(control):
            with m.Case(Control.CALL):
                m.d.comb += target.eq(c_pc + imm15)
            with m.Case(Control.LOOPI):
                m.d.comb += target.eq(c_pc + word0[F0 : F0 + 10].as_signed())
            with m.Case(Control.LOOP):
                m.d.comb += target.eq(c_pc + imm10)
            with m.Default():
                m.d.comb += target.eq(c_pc + imm20)

        logic_result = Signal()
        for t in range(THREADS):
            mine = some & (chosen == t)
            with m.If(mine):
                m.d.sync += [
                    parity[t].eq(par),
                    vq_tail[t].eq(vq_pos),
                    st_tail[t].eq(st_pos),
                    settled[t].eq(0),
                    break_skip[t].eq(break_skip[t] & ~go[0]),
                ]
                with m.If(go[0]):
                    m.d.sync += inject[t].eq(0)
                # pending and seq: see below, they have other writers too.
                with m.If(illegal):
                    m.d.sync += [
                        hold[t].eq(Hold.DEAD),
                        cause[t].eq(Mux(outside, Fault.FETCH, Mux(group.lost, Fault.ECC, Fault.ILLEGAL))),
                        operand[t].eq(Mux(outside, Cat(Const(0, 2), c_pc), Mux(group.lost, Cat(Const(0, 3), c_pc[1:]), word0))),
                    ]
                with m.Elif(go[0] & ~c_inject):
                    advance(m, t, pc, depth, starts, lasts, lefts, (c_pc + count - 1)[:PC_BITS], waits | (control != Control.PLAIN))
                with m.Switch(control):
                    with m.Case(Control.BR, Control.CALL):
                        m.d.sync += pc[t].eq(target)
                    with m.Case(Control.LOOPI):
                        begin_loop(m, t, c_pc, target, word0[F2:], pc, depth, starts, lasts, lefts, hold, cause, operand)
                    with m.Case(Control.LOGIC):
                        a, b = c_true.bit_select(word0[F1 : F1 + 3], 1), c_true.bit_select(word0[F2 : F2 + 3], 1)
                        kind = word0[:2]
                        result = Array([a & b, a | b, a ^ b, a & ~b])[kind]
                        m.d.comb += logic_result.eq(result)
                        index = word0[F0 : F0 + 3]
                        for k in range(1, 8):
                            with m.If(index == k):
                                m.d.sync += true[t][k].eq(result)
                        with m.If(~c_inject):
                            advance(m, t, pc, depth, starts, lasts, lefts, c_pc, Const(0))
                    with m.Case(Control.JUMP):
                        m.d.sync += hold[t].eq(Hold.JUMP)
                    with m.Case(Control.LOOP):
                        m.d.sync += [hold[t].eq(Hold.LOOP), held_word[t].eq(word0)]
                    with m.Case(Control.WAITR):
                        m.d.sync += [hold[t].eq(Hold.AMOUNT), held_word[t].eq(word0)]
                    with m.Case(Control.WAIT):
                        m.d.sync += [hold[t].eq(Hold.SEMAPHORE), held_word[t].eq(word0), amount[t].eq(word0[F2:])]
                    with m.Case(Control.TJOIN):
                        m.d.sync += [hold[t].eq(Hold.JOIN), held_word[t].eq(word0)]
                    with m.Case(Control.HALT, Control.FENCE, Control.IFLUSH, Control.BARRIER, Control.TSTART, Control.TRAP):
                        m.d.sync += [hold[t].eq(Hold.DRAIN), then[t].eq(control), held_word[t].eq(word0)]

        # --- waiting instructions ---------------------------------------------------------------------------------------------
        status = self.status
        busy_threads = Signal(THREADS)
        for t in range(THREADS):
            m.d.comb += busy_threads[t].eq((state[t] == ThreadState.RUNNING) | (state[t] == ThreadState.HALTED))
        ends_now = Signal(THREADS)
        stops = Signal(THREADS)
        m.d.sync += self.stopped.eq(stops)
        started_by = Signal(THREADS)  # threads that a tstart of this cycle starts
        starting = Signal(THREADS)  # threads at a tstart: one a cycle
        for t in range(THREADS):
            m.d.comb += starting[t].eq((hold[t] == Hold.DRAIN) & (then[t] == Control.TSTART) & empty[t])
        start_pc = Signal(PC_BITS)
        for t in range(THREADS):
            word = held_word[t]
            value = self.operand_in.value
            came = self.operand_in.valid & (self.operand_in.thread == t)
            m.d.comb += [
                semaphores.wait[t].valid.eq((hold[t] == Hold.SEMAPHORE) & ~halting[t]),
                semaphores.wait[t].semaphore.eq(word[F0 : F0 + 6]),
                semaphores.wait[t].amount.eq(amount[t]),
                barriers.arrival[t].valid.eq(hold[t] == Hold.BARRIER),
                barriers.arrival[t].barrier.eq(word[F0 : F0 + 3]),
                barriers.arrival[t].count.eq(word[F2 : F2 + 3]),
            ]
            with m.Switch(hold[t]):
                with m.Case(Hold.JUMP):
                    with m.If(came):
                        with m.If(value[:2].any() | (value >= self.config.sram_bytes)):
                            m.d.sync += [
                                hold[t].eq(Hold.DEAD),
                                cause[t].eq(Mux(value[:2].any(), Fault.MISALIGNED, Fault.RANGE)),
                                operand[t].eq(value),
                            ]
                        with m.Else():
                            m.d.sync += [pc[t].eq(value[2:]), hold[t].eq(Hold.NONE)]
                with m.Case(Hold.LOOP):
                    with m.If(came):
                        m.d.sync += hold[t].eq(Hold.NONE)
                        often = Mux(value[LOOP_BITS:].any(), (1 << LOOP_BITS) - 1, value[:LOOP_BITS])
                        begin_loop(m, t, pc[t], pc[t] + word[F2:].as_signed(), often, pc, depth, starts, lasts, lefts, hold, cause, operand)
                with m.Case(Hold.AMOUNT):
                    with m.If(came):
                        m.d.sync += [amount[t].eq(value[:SEMAPHORE_BITS]), hold[t].eq(Hold.SEMAPHORE)]
                with m.Case(Hold.SEMAPHORE):
                    with m.If(semaphores.granted[t]):
                        m.d.comb += ends_now[t].eq(1)
                with m.Case(Hold.BARRIER):
                    with m.If(barriers.passed[t]):
                        m.d.comb += ends_now[t].eq(1)
                with m.Case(Hold.JOIN):
                    other = word[F0 : F0 + 2]
                    with m.If(~busy_threads.bit_select(other, 1) | (other == t)):
                        m.d.comb += ends_now[t].eq(1)
                with m.Case(Hold.DRAIN):
                    with m.If(empty[t]):
                        with m.Switch(then[t]):
                            with m.Case(Control.BARRIER):
                                m.d.sync += hold[t].eq(Hold.BARRIER)
                            with m.Case(Control.TRAP):
                                m.d.sync += [hold[t].eq(Hold.DEAD), cause[t].eq(Fault.TRAP), operand[t].eq(word[F2:])]
                            with m.Case(Control.TSTART):
                                other = word[F0 : F0 + 2]
                                with m.If(busy_threads.bit_select(other, 1)):
                                    m.d.sync += [hold[t].eq(Hold.DEAD), cause[t].eq(Fault.BUSY), operand[t].eq(other)]
                                with m.Elif(~starting[:t].any()):
                                    m.d.comb += [
                                        ends_now[t].eq(1),
                                        started_by.bit_select(other, 1).eq(1),
                                        start_pc.eq(pc[t] + word[F1:].as_signed()),
                                    ]
                            with m.Case(Control.IFLUSH):
                                m.d.comb += [ends_now[t].eq(1), fetch.flush.eq(1)]
                            with m.Default():
                                m.d.comb += ends_now[t].eq(1)
            with m.If(ends_now[t]):
                m.d.sync += hold[t].eq(Hold.NONE)
                with m.If((hold[t] == Hold.DRAIN) & (then[t] == Control.HALT)):
                    m.d.sync += state[t].eq(ThreadState.IDLE)
                    m.d.comb += stops[t].eq(1)
                with m.If(state[t] == ThreadState.RUNNING):
                    advance(m, t, pc, depth, starts, lasts, lefts, pc[t], Const(0))

        # --- numbers: one group a cycle, and waiting instructions as they end ---------------------------------------------------
        for t in range(THREADS):
            mine = some & (chosen == t)
            added = Signal(range(width + 2), name=f"added{t}")
            m.d.comb += added.eq(Mux(mine & ~waits, count, 0) + ends_now[t])
            m.d.sync += [seq[t].eq(seq[t] + added), retired[t].eq(retired[t] + added)]

        # --- predicates ---------------------------------------------------------------------------------------------------------
        for t in range(THREADS):
            done = Signal(8, name=f"done{t}")
            done_bits = Const(0, 8)
            for write in self.predicate_in:
                hit = write.valid & (write.thread == t)
                for k in range(1, 8):
                    with m.If(hit & (write.index == k)):
                        m.d.sync += true[t][k].eq(write.value)
                done_bits = done_bits | Mux(hit, 1 << write.index, 0)
            m.d.comb += done.eq(done_bits)
            with m.If(some & (chosen == t)):
                m.d.sync += pending[t].eq(pend & ~done)
            with m.Else():
                m.d.sync += pending[t].eq(pending[t] & ~done)

        # --- faults -------------------------------------------------------------------------------------------------------------
        overflow = Signal(FaultEvent)
        m.d.comb += [
            overflow.valid.eq(semaphores.overflow),
            overflow.thread.eq(self.raise_thread),
            overflow.cause.eq(Fault.SEMAPHORE),
            overflow.pc.eq(self.raise_pc),
            overflow.operand.eq(self.raise_in.semaphore),
        ]
        dying = Signal(THREADS)
        for t in range(THREADS):
            with m.If(hold[t] == Hold.DEAD):
                m.d.comb += dying[t].eq(1)
            lost = self.lost.valid[t]
            # The access is no longer known when its word turns out to be lost: the pc stays where the thread has come to.
            with m.If(lost & ~dying[t]):
                m.d.sync += [
                    hold[t].eq(Hold.DEAD),
                    cause[t].eq(Fault.ECC),
                    operand[t].eq(Cat(Const(0, 3), self.lost.addr[t])),
                    settled[t].eq(0),
                ]
            for fault in (self.fault_in, overflow):
                with m.If(fault.valid & (fault.thread == t) & ~dying[t]):
                    m.d.sync += [
                        hold[t].eq(Hold.DEAD),
                        cause[t].eq(fault.cause),
                        pc[t].eq(fault.pc),
                        operand[t].eq(fault.operand),
                        settled[t].eq(0),
                    ]
            hit = Cat(fault.valid & (fault.thread == t) for fault in (self.fault_in, overflow)).any()
            m.d.sync += self.kill[t].eq(hit | lost)
            with m.If(dying[t] & empty[t] & ~self.kill[t]):
                m.d.sync += [hold[t].eq(Hold.NONE), state[t].eq(ThreadState.FAULTED), inject[t].eq(0), single[t].eq(0), halting[t].eq(0)]
                m.d.comb += stops[t].eq(1)

        # --- start and debug ----------------------------------------------------------------------------------------------------
        for t in range(THREADS):
            starts_here = self.start.valid & (self.start.thread == t)
            m.d.sync += self.starts[t].eq(starts_here | started_by[t])
            with m.If(starts_here | started_by[t]):
                m.d.sync += [
                    state[t].eq(ThreadState.RUNNING),
                    pc[t].eq(Mux(starts_here, self.start.pc, start_pc)),
                    cause[t].eq(Fault.NONE),
                    operand[t].eq(0),
                    seq[t].eq(0),
                    retired[t].eq(0),
                    true[t].eq(1),
                    pending[t].eq(0),
                    depth[t].eq(0),
                    hold[t].eq(Hold.NONE),
                    vq_tail[t].eq(self.vq_head[t]),
                    st_tail[t].eq(self.st_read[t]),
                    parity[t].eq(self.load_parity[t]),
                    halting[t].eq(0),
                    single[t].eq(0),
                    inject[t].eq(0),
                    break_skip[t].eq(0),
                ]
            at_break = (state[t] == ThreadState.RUNNING) & break_on[t] & (break_pc[t] == pc[t]) & ~break_skip[t] & (hold[t] == Hold.NONE)
            resting = (hold[t] == Hold.NONE) | (hold[t] == Hold.SEMAPHORE) | (hold[t] == Hold.JOIN)
            with m.If((state[t] == ThreadState.RUNNING) & (halting[t] | at_break) & resting & empty[t] & ~ends_now[t]):
                m.d.sync += [state[t].eq(ThreadState.HALTED), hold[t].eq(Hold.NONE), halting[t].eq(0), single[t].eq(0)]
                m.d.comb += stops[t].eq(1)
            with m.If(single[t] & (state[t] == ThreadState.RUNNING) & some & (chosen == t) & go[0]):
                m.d.sync += halting[t].eq(1)
            injected = Signal(name=f"injected{t}")
            with m.If(some & (chosen == t) & c_inject & go[0]):
                m.d.sync += injected.eq(1)
            with m.If(injected & empty[t] & (hold[t] == Hold.NONE) & (state[t] == ThreadState.HALTED)):
                m.d.sync += injected.eq(0)
                m.d.comb += stops[t].eq(1)
            here = self.debug.valid & (self.debug.thread == t)
            with m.If(here):
                with m.Switch(self.debug.op):
                    with m.Case(DebugOp.HALT):
                        m.d.sync += halting[t].eq(state[t] == ThreadState.RUNNING)
                    with m.Case(DebugOp.RESUME, DebugOp.STEP):
                        with m.If(state[t] == ThreadState.HALTED):
                            m.d.sync += [
                                state[t].eq(ThreadState.RUNNING),
                                single[t].eq(self.debug.op == DebugOp.STEP),
                                break_skip[t].eq(1),
                                halting[t].eq(0),
                            ]
                    with m.Case(DebugOp.BREAK_SET):
                        m.d.sync += [break_on[t].eq(1), break_pc[t].eq(self.debug.value[2:])]
                    with m.Case(DebugOp.BREAK_CLEAR):
                        m.d.sync += break_on[t].eq(0)
                    with m.Case(DebugOp.INJECT):
                        with m.If(state[t] == ThreadState.HALTED):
                            m.d.sync += [inject[t].eq(1), held_word[t].eq(self.debug.value[:32])]
                    with m.Case(DebugOp.FLUSH):
                        m.d.comb += fetch.flush.eq(1)
                    with m.Case(DebugOp.JUMP):
                        with m.If(state[t] == ThreadState.HALTED):
                            m.d.sync += pc[t].eq(self.debug.value[2:])

        # --- outputs --------------------------------------------------------------------------------------------------------------
        for t in range(THREADS):
            sleeping = (hold[t] == Hold.SEMAPHORE) | (hold[t] == Hold.BARRIER) | (hold[t] == Hold.JOIN) | (hold[t] == Hold.DRAIN)
            m.d.comb += [
                self.running[t].eq(state[t] == ThreadState.RUNNING),
                self.waiting[t].eq((state[t] == ThreadState.RUNNING) & sleeping),
                status[t].state.eq(Mux(self.waiting[t], ThreadState.WAITING, state[t])),
                status[t].cause.eq(cause[t]),
                status[t].pc.eq(Cat(Const(0, 2), pc[t])),
                status[t].operand.eq(operand[t]),
                status[t].retired.eq(retired[t]),
                status[t].seq.eq(seq[t]),
                status[t].debug.eq(break_on[t]),
            ]
        queued = Signal(range(width + 1))
        m.d.comb += queued.eq(sum(self.scalar_out[i].valid + self.vector_out[i].valid for i in range(width)))
        m.d.sync += [
            self.dispatched.eq(queued != 0),
            self.retired_front.eq(Mux(some & ~waits, count - queued, 0) + ends_now.any()),
            self.redirect.eq((control == Control.BR) | (control == Control.CALL) | (control == Control.JUMP)),
            self.fetch_miss.eq(fetch.miss),
        ]
        if trace:
            for i in range(width):
                record = self.trace_out[i]
                m.d.sync += [
                    record.valid.eq(go[i] & ~waits),
                    record.thread.eq(chosen),
                    record.seq.eq(c_seq + i),
                    record.pc.eq(c_pc + i),
                    record.word.eq(words[i]),
                    record.executed.eq(on[i]),
                    record.result.eq(logic_result),
                ]
            for t in range(THREADS):
                record = self.trace_out[width + t]
                m.d.sync += [
                    record.valid.eq(ends_now[t]),
                    record.thread.eq(t),
                    record.seq.eq(seq[t]),
                    record.pc.eq(pc[t]),
                    record.word.eq(held_word[t]),
                    record.executed.eq(1),
                ]
        return m

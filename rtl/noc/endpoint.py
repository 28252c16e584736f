r"""The endpoint: serves the packets that reach a node and answers them.

::

    LinkReceiver -> serve (one request at a time) -> SRAM mesh write / mesh read / control lines / start / debug / semaphores
                                                  \-> answers: read data first, then acknowledgements, thread events -> LinkSender

WRITE and READ pass one per cycle. Answers never wait for requests: room for a read's answer is reserved before the read is issued.
START writes the payload into x1..x8 through the scalar unit's poke port, then starts the thread.
"""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from golden.arch import memmap
from golden.arch.config import NodeConfig
from golden.arch.isa import THREADS
from golden.arch.memmap import ControlLine, Fault, ThreadState
from golden.arch.packet import FLAG_RESPONSE, SEQUENCE_NOTIFY, DebugOp
from rtl.common.host_ports import STATUS, Debug, Poke, Start
from rtl.mem.ports import LineRead, LineWrite
from rtl.noc.layouts import PACKET, Link, PacketKind
from rtl.noc.link import LinkReceiver, LinkSender

READS = 8
"""Reads whose answers may be under way: the depth of their answer buffer."""
WRITES = 16
"""Writes that may wait for their completion."""

RETURN = data.StructLayout({"channel": 2, "x": 5, "y": 5, "tag": 8, "sequence": 8})
"""Whom to answer: the answer's channel, the asker's coordinates, its tag and sequence."""
PENDING = data.StructLayout({"to": RETURN, "respond": 1, "notify": 1})
"""A write under way: whom to answer, whether to, and whether to raise semaphore ``to.tag``."""

Raise = wiring.Signature({"valid": Out(1), "ready": In(1), "semaphore": Out(6), "amount": Out(16)})


class Endpoint(wiring.Component):
    """Packets in, packets out.

    Parameters
    ----------
    config : NodeConfig
        Sizes that the identity line shows and that bound a packet's address.
    """

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        super().__init__(
            {
                # From and to the router's node port, or the edge of a machine of one node.
                "rx": In(Link),
                "tx": Out(Link),
                "write": Out(LineWrite),
                "read": Out(LineRead),
                # A thread starts: valid for one cycle, after its x1..x8 were poked. Only an IDLE or FAULTED thread is started.
                "start": Out(Start),
                # A debug command for a thread; valid for one cycle.
                "debug": Out(Debug),
                "poke": Out(Poke),
                "raise_": Out(Raise),
                # State of every thread, and who came to rest (halt, fault, debugger) in this cycle.
                "status": In(data.ArrayLayout(STATUS, THREADS)),
                "stopped": In(THREADS),
                # Group of eight counters to read, and their values two cycles later.
                "counter_group": Out(3),
                "counters": In(data.ArrayLayout(64, 8)),
                # Own coordinates, from a boot packet; 1, 1 after reset.
                "x": Out(5, init=1),
                "y": Out(5, init=1),
                # A start packet was accepted while no thread ran; one cycle.
                "accepted": Out(1),
                # Events for the counters; one cycle each.
                "packet_in": Out(1),
                "packet_out": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver = receiver = LinkReceiver()
        m.submodules.sender = sender = LinkSender()
        m.submodules.answers = answers = SyncFIFOBuffered(width=PACKET.size, depth=4)
        wiring.connect(m, receiver=receiver.link, rx=wiring.flipped(self.rx))
        wiring.connect(m, sender=sender.link, tx=wiring.flipped(self.tx))
        m.d.comb += [
            sender.packet.payload.eq(answers.r_data),
            sender.packet.valid.eq(answers.r_rdy),
            answers.r_en.eq(sender.packet.ready),
        ]
        m.d.sync += [
            self.packet_in.eq(receiver.packet.valid & receiver.packet.ready),
            self.packet_out.eq(answers.r_rdy & answers.r_en),
        ]
        read_answer = self._reads(m, receiver.packet)
        write_answer = self._writes(m, receiver.packet)
        thread_answer = self._threads(m, receiver.packet)
        direct_answer = self._serve(m, receiver.packet)
        self._answer(m, answers, (read_answer, write_answer, direct_answer, thread_answer))
        return m

    # --- answers -----------------------------------------------------------------------------------------------------------

    def _answer_signal(self, name: str):
        """A stream of answers: whom to, kind, payload."""
        return {
            "valid": Signal(name=f"{name}_valid"),
            "ready": Signal(name=f"{name}_ready"),
            "to": Signal(RETURN, name=f"{name}_to"),
            "kind": Signal(PacketKind, init=PacketKind.ACK, name=f"{name}_kind"),
            "payload": Signal(512, name=f"{name}_payload"),
        }

    def _answer(self, m, answers, sources) -> None:
        """The first source with an answer goes, in the order given."""
        item = Signal(PACKET)
        m.d.comb += answers.w_data.eq(item)
        taken = Const(0)
        for source in sources:
            with m.If(source["valid"] & ~taken):
                m.d.comb += [
                    item.channel.eq(source["to"].channel),
                    item.x.eq(source["to"].x),
                    item.y.eq(source["to"].y),
                    item.header.kind.eq(source["kind"]),
                    item.header.source_x.eq(self.x),
                    item.header.source_y.eq(self.y),
                    item.header.tag.eq(source["to"].tag),
                    item.header.sequence.eq(source["to"].sequence),
                    item.payload.eq(source["payload"]),
                    answers.w_en.eq(1),
                    source["ready"].eq(answers.w_rdy),
                ]
            taken = taken | source["valid"]

    @staticmethod
    def _return_address(m, item):
        """Whom to answer a request: its source, on the response channel of the same route."""
        to = Signal(RETURN)
        m.d.comb += [
            to.channel.eq(Cat(item.channel[0], 1)),
            to.x.eq(item.header.source_x),
            to.y.eq(item.header.source_y),
            to.tag.eq(item.header.tag),
            to.sequence.eq(item.header.sequence),
        ]
        return to

    def _reads(self, m, packet):
        """Reads under way remember whom to answer; their data waits in a buffer that has room for all of them."""
        m.submodules.askers = askers = memory.Memory(shape=RETURN, depth=READS, init=[])
        m.submodules.lines = lines = memory.Memory(shape=512, depth=READS, init=[])
        self.read_push = Signal()
        to = self._return_address(m, packet.payload)
        tail, arrived, head = Signal(range(READS)), Signal(range(READS)), Signal(range(READS))
        under_way, present = Signal(range(READS + 1)), Signal(range(READS + 1))
        asker_write, line_write = askers.write_port(), lines.write_port()
        asker_read, line_read = askers.read_port(domain="comb"), lines.read_port(domain="comb")
        answer = self._answer_signal("read_answer")
        pop = answer["valid"] & answer["ready"]
        self.read_room = under_way != READS
        m.d.comb += [
            asker_write.en.eq(self.read_push),
            asker_write.addr.eq(tail),
            asker_write.data.eq(to),
            line_write.en.eq(self.read.ret.valid),
            line_write.addr.eq(arrived),
            line_write.data.eq(self.read.ret.data),
            asker_read.addr.eq(head),
            line_read.addr.eq(head),
            answer["valid"].eq(present != 0),
            answer["to"].eq(asker_read.data),
            answer["kind"].eq(PacketKind.READ_DATA),
            answer["payload"].eq(line_read.data),
        ]
        m.d.sync += [
            tail.eq(tail + self.read_push),
            arrived.eq(arrived + self.read.ret.valid),
            head.eq(head + pop),
            under_way.eq(under_way + self.read_push - pop),
            present.eq(present + self.read.ret.valid - pop),
        ]
        return answer

    def _writes(self, m, packet):
        """Writes complete in order; each may raise a semaphore and then acknowledge."""
        m.submodules.writers = writers = memory.Memory(shape=PENDING, depth=WRITES, init=[])
        self.write_push = Signal()
        to = self._return_address(m, packet.payload)
        header = packet.payload.header
        tail, head = Signal(range(WRITES)), Signal(range(WRITES))
        under_way, complete = Signal(range(WRITES + 1)), Signal(range(WRITES + 1))
        write, read = writers.write_port(), writers.read_port(domain="comb")
        answer = self._answer_signal("write_answer")
        entry, raised = read.data, Signal()
        needs_raise = entry.notify & ~raised
        pop = Signal()
        self.write_room = under_way != WRITES
        self.write_raise = Signal()
        self.write_raise_done = Signal()
        m.d.comb += [
            write.en.eq(self.write_push),
            write.addr.eq(tail),
            write.data.to.eq(to),
            write.data.respond.eq((header.flags & FLAG_RESPONSE).any()),
            write.data.notify.eq((header.sequence & SEQUENCE_NOTIFY).any()),
            read.addr.eq(head),
            self.write_raise.eq((complete != 0) & needs_raise),
            answer["valid"].eq((complete != 0) & ~needs_raise & entry.respond),
            answer["to"].eq(entry.to),
            answer["kind"].eq(PacketKind.ACK),
            pop.eq((complete != 0) & ~needs_raise & (~entry.respond | answer["ready"])),
        ]
        self.write_raise_semaphore = entry.to.tag[:6]
        m.d.sync += [
            tail.eq(tail + self.write_push),
            head.eq(head + pop),
            under_way.eq(under_way + self.write_push - pop),
            complete.eq(complete + self.write.done.valid - pop),
        ]
        with m.If(pop):
            m.d.sync += raised.eq(0)
        with m.Elif(self.write_raise_done):
            m.d.sync += raised.eq(1)
        return answer

    def _threads(self, m, packet):
        """Per thread: whom to tell when it ends (HALTED) and when it is still under the debugger (STATUS)."""
        answer = self._answer_signal("thread_answer")
        to = self._return_address(m, packet.payload)
        thread = packet.payload.header.length[:2]
        self.expect_halt, self.expect_status = Signal(), Signal()
        self.halt_due = Signal(THREADS)
        served = Const(0)
        for t in range(THREADS):
            halt_to, status_to = Signal(RETURN, name=f"halt_to{t}"), Signal(RETURN, name=f"status_to{t}")
            halt_wanted, status_wanted = Signal(name=f"halt_wanted{t}"), Signal(name=f"status_wanted{t}")
            halt_due, status_due = Signal(name=f"halt_due{t}"), Signal(name=f"status_due{t}")
            state = self.status[t].state
            ended = self.stopped[t] & ((state == ThreadState.IDLE) | (state == ThreadState.FAULTED))
            with m.If(ended & halt_wanted):
                m.d.sync += [halt_due.eq(1), halt_wanted.eq(0)]
            with m.If(self.stopped[t] & status_wanted):
                m.d.sync += [status_due.eq(1), status_wanted.eq(0)]
            with m.If(self.expect_halt & (thread == t)):
                m.d.sync += [halt_to.eq(to), halt_wanted.eq(1)]
            with m.If(self.expect_status & (thread == t)):
                m.d.sync += [status_to.eq(to), status_wanted.eq(1)]
            m.d.comb += self.halt_due[t].eq(halt_due)
            due = halt_due | status_due
            with m.If(due & ~served):
                m.d.comb += [
                    answer["valid"].eq(1),
                    answer["to"].eq(Mux(halt_due, halt_to, status_to)),
                    answer["kind"].eq(Mux(halt_due, PacketKind.HALTED, PacketKind.STATUS)),
                    answer["payload"].eq(Cat(self._status_line(t))),
                ]
                with m.If(answer["ready"] & halt_due):
                    m.d.sync += halt_due.eq(0)
                with m.Elif(answer["ready"]):
                    m.d.sync += status_due.eq(0)
            served = served | due
        return answer

    def _status_line(self, t: int) -> list:
        """The eight words of a status line."""
        status = self.status[t]
        words = (status.state, status.cause, status.pc, status.operand, status.retired, status.seq, status.debug, Const(0, 1))
        return [Cat(word, Const(0, 64 - len(word)) if len(word) < 64 else Const(0, 0)) for word in words]

    # --- requests ----------------------------------------------------------------------------------------------------------

    def _serve(self, m, packet):
        """One request at a time: pass it on, or answer it directly."""
        item, header = packet.payload, packet.payload.header
        answer = self._answer_signal("direct_answer")
        address = header.address
        thread = header.length[:2]
        line = address[6 : 6 + memmap.LINE_BITS]
        in_sram = (address < self.config.sram_bytes) & (header.length != 0) & (header.length <= 8)
        in_control = address[16:] == memmap.CONTROL_BASE >> 16
        control_line = address[6:16]
        mine = (item.x == self.x) & (item.y == self.y)
        word = address[3:6]
        covered = Signal(8)
        m.d.comb += covered.eq(((1 << header.length[:4]) - 1) << word)
        resting = Signal()
        states = Array(self.status[t].state for t in range(THREADS))
        m.d.comb += resting.eq((states[thread] == ThreadState.IDLE) | (states[thread] == ThreadState.FAULTED))
        busy = [(state != ThreadState.IDLE) & (state != ThreadState.FAULTED) for state in states]
        kind = header.kind
        responds = (header.flags & FLAG_RESPONSE).any()
        to = self._return_address(m, item)
        m.d.comb += [
            self.write.line.eq(line),
            self.write.data.eq(item.payload),
            self.write.strobe.eq(covered),
            self.read.line.eq(line),
            answer["to"].eq(to),
            self.poke.thread.eq(thread),
            self.debug.thread.eq(thread),
            self.debug.op.eq(address[:4]),
            self.debug.value.eq(item.payload[:64]),
            self.start.thread.eq(thread),
            self.start.pc.eq(address[2 : memmap.ADDRESS_BITS]),
        ]
        cause = Signal(4, init=Fault.RANGE)
        m.d.comb += cause.eq(Fault.RANGE)

        poked = Signal(range(9))
        m.d.comb += [
            self.poke.index.eq(poked + 1),
            self.poke.value.eq(item.payload.word_select(poked[:3], 64)),
        ]
        wants_raise = Signal()
        m.d.comb += [
            self.raise_.valid.eq(wants_raise | self.write_raise),
            self.raise_.semaphore.eq(Mux(self.write_raise, self.write_raise_semaphore, header.tag[:6])),
            self.raise_.amount.eq(Mux(self.write_raise, 1, address[:16])),
            self.write_raise_done.eq(self.write_raise & self.raise_.ready),
        ]

        with m.FSM():
            with m.State("SERVE"):
                with m.If(packet.valid & kind[4]):
                    m.d.comb += packet.ready.eq(1)  # a response to a request that this node cannot have sent
                with m.Elif(packet.valid & ~mine & (kind != PacketKind.BOOT)):
                    m.next = "REFUSE"
                with m.Elif(packet.valid):
                    with m.Switch(kind):
                        with m.Case(PacketKind.WRITE):
                            with m.If(~in_sram):
                                m.next = "REFUSE"
                            with m.Else():
                                m.d.comb += [
                                    self.write.valid.eq(self.write_room),
                                    packet.ready.eq(self.write_room & self.write.ready),
                                    self.write_push.eq(packet.ready),
                                ]
                        with m.Case(PacketKind.READ):
                            with m.If(in_control):
                                m.d.sync += self.counter_group.eq(control_line[:3])
                                m.next = "LOOK"
                            with m.Elif(~in_sram):
                                m.next = "REFUSE"
                            with m.Else():
                                m.d.comb += [
                                    self.read.valid.eq(self.read_room),
                                    packet.ready.eq(self.read_room & self.read.ready),
                                    self.read_push.eq(packet.ready),
                                ]
                        with m.Case(PacketKind.RAISE):
                            m.d.comb += wants_raise.eq(1)
                            with m.If(self.raise_.ready & ~self.write_raise):
                                with m.If(responds):
                                    m.next = "ACK"
                                with m.Else():
                                    m.d.comb += packet.ready.eq(1)
                        with m.Case(PacketKind.START):
                            with m.If(~resting | (address >= self.config.sram_bytes) | address[:2].any()):
                                m.next = "REFUSE"
                            with m.Else():
                                m.d.sync += poked.eq(0)
                                m.d.comb += self.accepted.eq(~Cat(busy).any())
                                m.next = "POKE"
                        with m.Case(PacketKind.DEBUG):
                            m.d.comb += [
                                self.debug.valid.eq(address[:4] != DebugOp.STATUS),
                                packet.ready.eq((address[:4] != DebugOp.STATUS) & ~responds),
                            ]
                            with m.If(address[:4] == DebugOp.STATUS):
                                m.next = "STATUS"
                            with m.Elif(responds):
                                still = (address[:4] == DebugOp.STEP) | (address[:4] == DebugOp.INJECT)
                                moves = still | ((address[:4] == DebugOp.HALT) & (states[thread] != ThreadState.HALTED) & ~resting)
                                with m.If(moves):
                                    m.d.comb += [self.expect_status.eq(1), packet.ready.eq(1)]
                                with m.Else():
                                    m.next = "STATUS"
                        with m.Case(PacketKind.BOOT):
                            m.d.sync += [self.x.eq(item.payload[:5]), self.y.eq(item.payload[5:10])]
                            with m.If(responds):
                                m.next = "ACK"
                            with m.Else():
                                m.d.comb += packet.ready.eq(1)
                        with m.Default():
                            m.next = "REFUSE"
            with m.State("POKE"):
                m.d.comb += self.poke.valid.eq(1)
                with m.If(self.poke.ready):
                    m.d.sync += poked.eq(poked + 1)
                    with m.If(poked == 7):
                        m.next = "START"
            with m.State("START"):
                # The answer about the thread's last run shows its status, so it goes first.
                with m.If(~self.halt_due.bit_select(thread, 1)):
                    m.d.comb += [self.start.valid.eq(1), self.expect_halt.eq(responds), packet.ready.eq(1)]
                    m.next = "SERVE"
            with m.State("LOOK"):
                m.next = "LOOKED"
            with m.State("LOOKED"):
                m.next = "CONTROL"
            with m.State("CONTROL"):
                m.d.comb += [answer["valid"].eq(1), answer["kind"].eq(PacketKind.READ_DATA), packet.ready.eq(answer["ready"])]
                with m.If(control_line >= ControlLine.COUNTERS):
                    m.d.comb += answer["payload"].eq(self.counters.as_value())
                with m.Elif(control_line >= ControlLine.STATUS):
                    for t in range(THREADS):
                        with m.If(control_line[:2] == t):
                            m.d.comb += answer["payload"].eq(Cat(self._status_line(t)))
                with m.Else():
                    words = (Const(memmap.VERSION, 64), Const(self.config.sram_bytes, 64))
                    m.d.comb += answer["payload"].eq(Cat(*words, self.x, Const(0, 59), self.y, Const(0, 59), Const(THREADS, 64)))
                with m.If(answer["ready"]):
                    m.next = "SERVE"
            with m.State("STATUS"):
                m.d.comb += [answer["valid"].eq(responds | (address[:4] == DebugOp.STATUS)), answer["kind"].eq(PacketKind.STATUS)]
                for t in range(THREADS):
                    with m.If(thread == t):
                        m.d.comb += answer["payload"].eq(Cat(self._status_line(t)))
                m.d.comb += packet.ready.eq(answer["ready"])
                with m.If(answer["ready"]):
                    m.next = "SERVE"
            with m.State("ACK"):
                m.d.comb += [answer["valid"].eq(1), answer["kind"].eq(PacketKind.ACK), packet.ready.eq(answer["ready"])]
                with m.If(answer["ready"]):
                    m.next = "SERVE"
            with m.State("REFUSE"):
                m.d.comb += [
                    answer["valid"].eq(1),
                    answer["kind"].eq(PacketKind.ERROR),
                    answer["payload"].eq(Cat(cause, Const(0, 60), address)),
                    packet.ready.eq(answer["ready"]),
                ]
                with m.If(answer["ready"]):
                    m.next = "SERVE"
        return answer

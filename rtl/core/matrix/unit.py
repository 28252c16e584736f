"""Matrix unit: one step of 8x4 times 4x8 into an 8x8 tile every cycle, with the accumulators of all threads.

    registers -> operand decode (16 groups) -> 64 lanes (X0 X1 X2 X3 A T S W) -> accumulator files -> drain (7 cycles; narrow 11)
                 load converter -----------------^ X1, A

The rules: a step or a load may enter every cycle, never both in one; each sees the results of all older ones, at any
distance. A drain reads beside them and is not ordered by the unit: it must be asked for at least STEP_TO_DRAIN cycles
after the last operation that it is to see, and an operation that overwrites the accumulator may enter at most
DRAIN_TO_STEP cycles before the last beat's request. Arithmetic: docs/numerics.md section 7.

Elements of a register v, as BF16 e[0..31] or as bytes c[0..63] in an eight-bit format (h: `half`):

    A plain   a[i][k] = e[4i + k]   c[8i + 4h + k]          B plain   b[k][j] = e[8k + j]   c[8(4h + k) + j]
    A transp. a[i][k] = e[8k + i]   c[8(4h + k) + i]        B transp. b[k][j] = e[4j + k]   c[8j + 4h + k]
"""

from amaranth.hdl import Cat, DomainRenamer, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.common.clock_gate import gated_domain
from rtl.common.delay import delay
from rtl.common.invariant import always
from rtl.core.interfaces import MatrixEvents
from rtl.core.matrix.accumulators import COLUMNS, ROWS, ROWS_A_BEAT, AccumulatorDrain, AccumulatorLoad
from rtl.core.matrix.narrow_drain import NarrowDrain
from rtl.core.operations import Drains, converted, matrix_operations
from rtl.fp.adder import Body
from rtl.fp.dot import TERMS, DotLane
from rtl.fp.lane_control import LaneSequencer
from rtl.fp.operand import OperandDecode


class MatrixUnit(wiring.Component):
    """The unit with its 64 lanes.

    Parameters
    ----------
    body: form of the data paths; both give the same bits at the same cycles.
    gated: stop the clocks of lanes and drain while nothing is in them (rtl.common.clock_gate): a compiled model then skips
        them. Not for Amaranth's own simulator.
    trace: whether the port `ended` exists (Verilator keeps the name `trace` to itself).
    """

    def __init__(self, body: Body = Body.SIMULATION, trace: bool = False, gated: bool = False):
        self.body = body
        self.gated = gated
        self.trace_port = trace
        super().__init__(
            {
                # Steps and loads, in the decode stage.
                "operations": In(matrix_operations(trace)),
                "drains": In(Drains),
                "events": Out(MatrixEvents),
            }
        )

    def elaborate(self, platform):
        m = Module()
        sequencer, loader = LaneSequencer(), AccumulatorLoad(self.body)
        drainer, narrow = AccumulatorDrain(self.body), NarrowDrain(self.body)
        step, load, drain = self.operations.step, self.operations.load, self.drains.request
        lanes, drains, conversions = ("lanes", "drains", "conversions") if self.gated else ["sync"] * 3
        if self.gated:
            gated_domain(m, lanes, step.valid | load.valid | sequencer.busy)
            gated_domain(m, drains, drain.valid | drainer.busy)
            gated_domain(m, conversions, (drain.valid & converted(drain)) | narrow.busy)
        in_lanes = DomainRenamer(lanes)
        m.submodules.sequencer = in_lanes(sequencer)
        m.submodules.loader = in_lanes(loader)
        m.submodules.drainer = DomainRenamer(drains)(drainer)
        m.submodules.narrow = DomainRenamer(conversions)(narrow)
        always(m, ~(step.valid & load.valid), "a step and a load enter in one cycle")
        m.d.comb += [
            drainer.request.eq(drain),
            narrow.request.eq(drain),
            self.drains.reply.eq(drainer.reply),
            self.drains.data.eq(drainer.data),
            self.drains.narrow_reply.eq(narrow.reply),
            self.drains.narrow_data.eq(narrow.data),
            *(getattr(narrow, name).eq(getattr(drainer, name)) for name in ("numbers", "overflow", "rows", "columns")),
        ]
        # A short beat may follow a long one so that both end in one cycle.
        m.d.comb += [
            ours.eq(one | other)
            for ours, one, other in zip(self.events.flags, drainer.events.flags, narrow.events.flags, strict=True)
        ]
        with m.If(load.valid):
            m.d.comb += sequencer.slot.eq(Cat(load.acc, load.thread))
        with m.Else():
            m.d.comb += sequencer.slot.eq(Cat(step.acc, step.thread))
        m.d.comb += [
            sequencer.valid.eq(step.valid | load.valid),
            sequencer.step.eq(~load.valid),
            sequencer.first.eq(step.first & ~load.valid),
            loader.request.eq(load),
            loader.data.eq(self.operations.load_data),
        ]
        raw = self._lanes(m, sequencer, loader, drainer, in_lanes, lanes, drains)
        if self.trace_port:
            self._trace(m, raw, sequencer)
        return m

    def _lanes(self, m, sequencer, loader, drainer, in_lanes, lanes, drains):
        """The 64 lanes and the decoders of their operands; the lanes' raw words for the trace."""
        step, drain = self.operations.step, self.drains.request
        step_a, step_b = self.operations.step_a, self.operations.step_b
        rows = [self._operand(m, f"a_{i}", step_a, step.a, _row_elements(i), lanes) for i in range(ROWS)]
        columns = [self._operand(m, f"b_{j}", step_b, step.b, _column_elements(j), lanes) for j in range(COLUMNS)]
        raw = []
        for i, (a, a_significand) in enumerate(rows):
            for j, (b, b_significand) in enumerate(columns):
                place = COLUMNS * i + j
                source = COLUMNS * (i % ROWS_A_BEAT) + j
                lane = DotLane(self.body, self.trace_port, drain_domain=drains)
                m.submodules[f"lane_{i}_{j}"] = in_lanes(lane)
                m.d.comb += [
                    lane.control.eq(sequencer.control),
                    lane.a.eq(a),
                    lane.b.eq(b),
                    lane.a_significand.eq(a_significand),
                    lane.b_significand.eq(b_significand),
                    lane.x1_hit.eq(loader.x1_hit[place]),
                    lane.x1_exponent.eq(loader.x1_exponent[source]),
                    lane.a_hit.eq(loader.a_hit[place]),
                    lane.a_load.eq(loader.a_value[source]),
                    lane.drain_slot.eq(Cat(drain.acc, drain.thread)),
                    drainer.words[place].eq(lane.drain_word),
                ]
                if self.trace_port:
                    raw.append(lane.raw)
        return raw

    def _operand(self, m, name, register, mode, elements, domain):
        """Decodes one row of A or column of B; returns its group for X0 and its significands for X2."""
        decode = OperandDecode(self.body)
        m.submodules[name] = DomainRenamer(domain)(decode)
        m.d.comb += [decode.mode.eq(mode), decode.active.eq(~self.operations.load.valid)]
        for j, (words, codes) in enumerate(elements):
            candidate = decode.candidates[j]
            m.d.comb += [candidate.words[n].eq(register.word_select(place, 16)) for n, place in enumerate(words)]
            m.d.comb += [candidate.codes[n].eq(register.word_select(place, 8)) for n, place in enumerate(codes)]
        return decode.group, delay(m, decode.significand, ("x1", "x2"), name, domain=domain, reset_less=True)

    def _trace(self, m, raw, sequencer):
        ended = self.operations.ended
        digest, half = Signal(64), 32
        # Halves of words, so that no sum on the way is wider than a simulation's word.
        low, high = (_total([(2 * place + 1) * word[at : at + half] for place, word in enumerate(raw)]) for at in (0, half))
        m.d.comb += digest.eq(Cat(low[:half], (high + low[half:])[:half]))
        m.d.sync += [
            ended.valid.eq(sequencer.w_valid),
            Cat(ended.acc, ended.thread).eq(sequencer.w_slot),
            ended.digest.eq(digest),
        ]


def _total(terms: list[Value]) -> Value:
    """The sum of an even number of terms, in pairs: a bit wider for each doubling."""
    while len(terms) > 1:
        terms = [one + other for one, other in zip(terms[::2], terms[1::2], strict=True)]
    return terms[0]


def _row_elements(i: int) -> list[tuple[list[int], list[int]]]:
    """Places of row i's elements in A: words plain and transposed; codes plain, then transposed, by half."""
    return [
        ([4 * i + k, 8 * k + i], [8 * i + k, 8 * i + 4 + k, 8 * k + i, 8 * (4 + k) + i]) for k in range(TERMS)
    ]


def _column_elements(j: int) -> list[tuple[list[int], list[int]]]:
    """Places of column j's elements in B: words plain and transposed; codes plain, then transposed, by half."""
    return [
        ([8 * k + j, 4 * j + k], [8 * k + j, 8 * (4 + k) + j, 8 * j + k, 8 * j + 4 + k]) for k in range(TERMS)
    ]

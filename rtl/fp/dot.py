"""One lane of the matrix unit: four products a step into an accumulator that is never normalised in the loop.

The arithmetic is docs/numerics.md section 7. An accumulator element is a significand S (56 bits, signed), a coarse
exponent E (6 bits, steps of 2^8) and two sticky bits P, of value S * 2^(8E - 284). A lane keeps 32 of them (4 threads
of 8 accumulators) and takes one step every cycle, also when each step depends on the one before:

    stage   exponent side                                   significand side
    X0      y = xa + xb, 0 where a product is absent        (operands wait outside)
    X1      largest c = y >> 3; E from file or X3
    X2      E' = max(E, c): the exponent loop               four signed products
    X3      distances E' - c, E' - E; E file written        product shifted by y & 7
    A       S and P from file or W                          aligned by bytes to E', rounded to nearest even
    T       S shifted by E' - E bytes (or W's S)            sum of the four
    S       S' = S + sum: the accumulate loop
    W       S file written; range check of S'

E does not depend on S and runs four stages ahead, so products are aligned straight to the new exponent. An operation
takes its S from the file (four or more cycles after the last one on the same accumulator), at A (three), T (two) or in
the loop at S (one), where a byte shift stands before the adder. Shared control says which: `rtl.fp.lane_control`.

A load travels like a step without products. In lanes that it hits, its value replaces what the files gave; in all
others it is an addition of nothing, so that forwarding needs no exceptions per lane.

Two bodies compute the same bits: products and sums as machine words in simulation, carry-save rows and prefix adders
in `rtl.fp.dot_gates`.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, signed
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from rtl.fp import dot_gates
from rtl.fp.adder import Body, add
from rtl.fp.drain import fold
from rtl.fp.lane_control import LaneControl

TERMS = 4
"""Products that one step adds to an element."""

ACCUMULATORS = 32
"""Accumulators of a lane: 8 for each of 4 threads, slot = 8 * thread + accumulator."""

SIGNIFICAND_BITS = 56
EXPONENT_BITS = 6
SUM_BITS = 42  # four terms, each below 2^39 in magnitude
PACKED_BITS = 16 * (TERMS - 1) + 9  # four sums of two exponents, 16 bits apart

OperandGroup = data.StructLayout(
    {
        # Biased exponents (1..254) of the four operands 16 bits apart, so that one addition serves all four.
        "exponent": PACKED_BITS - 1,
        # All ones at the exponent of an operand that is finite and not zero.
        "part": PACKED_BITS,
        # One bit an operand.
        "nan": TERMS,
        "infinite": TERMS,
        "zero": TERMS,
        "negative": TERMS,
    }
)
"""The four operands of one row of A or column of B, without their significands, which are needed two cycles later."""


def significands(body: Body) -> data.ArrayLayout:
    """Layout of four signed significands (-255..255); in simulation as wide as an int, to need no sign extension."""
    return data.ArrayLayout(signed(32 if body is Body.SIMULATION else 9), TERMS)


class DotLane(wiring.Component):
    """One accumulator element of the 8x8 tile, for all 32 accumulators.

    Parameters
    ----------
    body: form of the data path.
    trace: whether `raw` exists.
    drain_domain: clock of `drain_word`.
    """

    def __init__(self, body: Body = Body.SIMULATION, trace: bool = False, drain_domain: str = "sync"):
        self.body = body
        self.trace = trace
        self.drain_domain = drain_domain
        ports = {
            # Shared control, each field in the stage that its name says.
            "control": In(LaneControl),
            # Stage X0: the operands that meet here.
            "a": In(OperandGroup),
            "b": In(OperandGroup),
            # Stage X2 of the same step; all zero for a load.
            "a_significand": In(significands(body)),
            "b_significand": In(significands(body)),
            # Stage X1: a load hits this lane; its exponent E.
            "x1_hit": In(1),
            "x1_exponent": In(EXPONENT_BITS),
            # Stage A of the same load: its S, and P above.
            "a_hit": In(1),
            "a_load": In(SIGNIFICAND_BITS + 2),
            # Accumulator to read for the drain; any cycle.
            "drain_slot": In(range(ACCUMULATORS)),
            # Its raw word (P, E, S from the top), folded (`rtl.fp.drain.fold`), one cycle later.
            "drain_word": Out(64),
        }
        if trace:
            # Raw word that the operation in stage W leaves, in the same cycle.
            ports["raw"] = Out(64)
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        control = self.control
        m.submodules.exponents = exponents = memory.Memory(shape=EXPONENT_BITS, depth=ACCUMULATORS, init=[])
        m.submodules.values = values = memory.Memory(shape=SIGNIFICAND_BITS + 2, depth=ACCUMULATORS, init=[])

        # X0
        y = (self.a.exponent + self.b.exponent) & self.a.part & self.b.part
        x1_y = _register(m, "x1_y", y)
        special = _register(m, "x1_special", self._special())
        for stage in ("x2", "x3", "a", "t", "s"):
            special = _register(m, f"{stage}_special", special)

        # X1
        x3_exponent = Signal(EXPONENT_BITS, reset_less=True)
        file_exponent = _read(exponents, control.x1_slot)
        old = Mux(control.x1_forward, x3_exponent, file_exponent) & ~control.x1_clear.replicate(EXPONENT_BITS)
        x2_old = _register(m, "x2_old", Mux(self.x1_hit, self.x1_exponent, old))
        x2_forward = _register(m, "x2_forward", control.x1_next_forward & ~self.x1_hit)
        classes = [x1_y[16 * j + 3 : 16 * j + 9] for j in range(TERMS)]
        x2_class = _register(m, "x2_class", _larger(m, _larger(m, *classes[:2]), _larger(m, *classes[2:])))
        x2_y = _register(m, "x2_y", x1_y)

        # X2
        old = Signal(EXPONENT_BITS, name="x2_from")
        m.d.comb += old.eq(Mux(x2_forward, x3_exponent, x2_old))
        m.d.sync += x3_exponent.eq(Mux(old > x2_class, old, x2_class))
        x3_old = _register(m, "x3_old", old)
        x3_y = _register(m, "x3_y", x2_y)

        # X3
        _write(exponents, control.x3_write, control.x3_slot, x3_exponent)
        grown = Signal(EXPONENT_BITS, name="x3_grown")
        m.d.comb += grown.eq(x3_exponent - x3_old)

        # A: what the accumulator holds; W is the operation that ended last.
        w_value = Signal(signed(SIGNIFICAND_BITS + 1), reset_less=True)
        w_special = Signal(2, reset_less=True)
        w_all = Signal(SIGNIFICAND_BITS + 2)
        file_value = _read(values, control.a_slot)
        kept = Mux(control.a_forward, w_all, file_value) & ~control.a_clear.replicate(SIGNIFICAND_BITS + 2)
        t_value = _register(m, "t_value", Mux(self.a_hit, self.a_load, kept))
        t_forward = _register(m, "t_forward", control.a_forward_t & ~self.a_hit)
        t_loop = _register(m, "t_loop", control.a_forward_s & ~self.a_hit)

        # T: P needs no shift; the significand's byte shift differs by body.
        value = Signal(SIGNIFICAND_BITS + 2, name="t_from")
        m.d.comb += value.eq(Mux(t_forward, w_all, t_value))
        s_loop = _register(m, "s_loop", t_loop)
        s_kept = _register(m, "s_kept", value[SIGNIFICAND_BITS:])
        paths = _simulation if self.body is Body.SIMULATION else dot_gates.paths
        terms = [(self.a_significand[j], self.b_significand[j]) for j in range(TERMS)]
        operand, sticky, total, carry = paths(
            m, terms, x3_exponent, x3_y, grown, value[:SIGNIFICAND_BITS], t_loop, s_loop, w_value
        )

        # S: one bit more than S has, so that the range check sees the exact sum.
        result = add(m, operand, total, carry, width=SIGNIFICAND_BITS + 1, body=self.body, name="accumulate")
        m.d.sync += w_value.eq(Cat(result[0] | sticky, result[1:]))
        m.d.sync += w_special.eq(Mux(s_loop, w_all[SIGNIFICAND_BITS:], s_kept) | special)

        # W: at and beyond 2^54 an accumulator counts as infinite; S goes on modulo 2^56.
        top = w_value[SIGNIFICAND_BITS - 2 :]
        beyond = Cat(~top[2] & (top[1] | top[0]), top[2] & ~(top[1] & top[0])) & control.w_step.replicate(2)
        m.d.comb += w_all.eq(Cat(w_value[:SIGNIFICAND_BITS], w_special | beyond))
        _write(values, control.w_write, control.w_slot, w_all)

        drained = _read(values, self.drain_slot)
        m.d[self.drain_domain] += self.drain_word.eq(fold(_raw(drained, _read(exponents, self.drain_slot))))
        if self.trace:
            last = x3_exponent
            for stage in ("a", "t", "s", "w"):
                last = _register(m, f"{stage}_exponent", last)
            m.d.comb += self.raw.eq(_raw(w_all, last))
        return m

    def _special(self) -> Value:
        """P bits that the products of a step add: bit 0 an infinity above zero, bit 1 one below, both for NaN."""
        a, b = self.a, self.b
        nan = (a.nan | b.nan | (a.infinite & b.zero) | (a.zero & b.infinite)).any()
        infinite, negative = a.infinite | b.infinite, a.negative ^ b.negative
        return Cat((infinite & ~negative).any() | nan, (infinite & negative).any() | nan)


def _simulation(m, terms, exponent, y, grown, value, t_loop, s_loop, w_value):
    """Significand side in machine words: (operand, sticky, total, carry) of stage S.

    A product p counts p * 2^(y & 7 + 16) units of its own class c = y >> 3. Shifted to the new exponent E' and 16 bits
    up, to round there, that is p * 2^47 >> (8E' + 15 - y): one shift does what two stages do in gates. Products of more
    than four bytes' distance vanish in the rounding by themselves.
    """
    ones = Const(sum(1 << 16 * j for j in range(TERMS)), 49)
    a_shift = _register(m, "a_shift", (Cat(Const(7, 3), (exponent + 1)[:7]) * ones - y)[: PACKED_BITS + 1])
    parts = []
    for j, (left, right) in enumerate(terms):
        product = left.as_unsigned() * right.as_unsigned()
        product = _register(m, f"a_product_{j}", _register(m, f"x3_product_{j}", product[:17]))
        far = a_shift[16 * j : 16 * j + 10]
        shift, wide, nudged = Signal(6, name=f"shift_{j}"), Signal(64, name=f"wide_{j}"), Signal(64, name=f"nudged_{j}")
        m.d.comb += shift.eq(Mux(far > 63, 63, far))
        m.d.comb += wide.eq(Cat(Const(0, 47), product).as_signed() >> shift)
        m.d.comb += nudged.eq(wide + (0x7FFF + wide[16]))
        parts.append(nudged[16 : 16 + SUM_BITS])
    total = Signal(SUM_BITS, name="a_total")
    m.d.comb += total.eq((parts[0] + parts[1]) + (parts[2] + parts[3]))
    total = _register(m, "s_total", _register(m, "t_total", total)).as_signed()

    bits = Signal(6, name="x3_bits")
    m.d.comb += bits.eq(Mux(grown > 7, 56, grown << 3))
    t_bits = _register(m, "t_bits", _register(m, "a_bits", bits))
    s_bits = _register(m, "s_bits", t_bits)
    mask = Signal(SIGNIFICAND_BITS, name="t_mask")
    m.d.comb += mask.eq(Const((1 << SIGNIFICAND_BITS) - 1) >> (56 - t_bits)[:6])
    s_mask = _register(m, "s_mask", mask)
    s_value = _register(m, "s_value", value.as_signed() >> t_bits)
    s_sticky = _register(m, "s_sticky", (value & mask).any())
    looped = w_value[:SIGNIFICAND_BITS]
    operand = Mux(s_loop, looped.as_signed() >> s_bits, s_value)
    sticky = Mux(s_loop, (looped & s_mask).any(), s_sticky)
    return operand, sticky, total, 0


def _register(m: Module, name: str, value: Value) -> Signal:
    """A flip-flop of data, without reset: valid bits of the shared control say whether it means anything."""
    register = Signal(Shape.cast(value.shape()), name=name, reset_less=True)
    m.d.sync += register.eq(value)
    return register


def _larger(m: Module, a: Value, b: Value) -> Value:
    larger = Signal(EXPONENT_BITS, name="larger")
    m.d.comb += larger.eq(Mux(a > b, a, b))
    return larger


def _read(file: memory.Memory, slot: Value) -> Value:
    port = file.read_port(domain="comb")
    port.addr = slot
    return port.data


def _write(file: memory.Memory, enable: Value, slot: Value, value: Value) -> None:
    port = file.write_port()
    port.en, port.addr, port.data = enable, slot, value


def _raw(value: Value, exponent: Value) -> Value:
    """Raw word of an element: P << 62 | E << 56 | S."""
    return Cat(value[:SIGNIFICAND_BITS], exponent, value[SIGNIFICAND_BITS:])

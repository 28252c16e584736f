"""Stage 0 of the SIMD pipe, and the special functions' front end that delivers to it.

    registers a, b, c --------------------------------+
                 \\                                      S0 -> operands of the lanes
                  special functions F1 .. F7, half of -+
                  the lanes, then the other half

A BF16 operand is an FP32 number with zeros below it. An addition becomes a*1 + b and a product a*b - 0, so that stage 1 starts with three
operands whatever the operation. A special function occupies the front end for two cycles; the lower lanes' operands wait one cycle for the
upper ones', so that all lanes enter stage 0 together, SPECIAL_STAGES cycles after the operation came, in place of any other operation.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.formats import BIAS_BITS
from golden.arch.simd_ops import IMM_BITS, SIMD_LANES, SIMD_OP_BITS, SPECIAL_STAGES, TAG_BITS, SimdClass, SimdOp
from rtl.common.invariant import always
from rtl.fp.adder import Body
from rtl.fp.flags import FpFlags
from rtl.fp.special import SpecialUnit

ONE = 0x3F800000
NEGATIVE_ZERO = 0x80000000

SimdControl = data.StructLayout({"op": SIMD_OP_BITS, "imm": IMM_BITS, "bias": BIAS_BITS})
"""What the later stages need to know of an operation."""


def any_flags(parts):
    """Each flag if any of the parts has it."""
    parts = [Value.cast(part) for part in parts]
    return Cat(Cat(part[bit] for part in parts).any() for bit in range(len(parts[0])))


def is_class(op, which: SimdClass):
    """Whether an operation code is of a class."""
    return op[4:] == which


class SpecialEntry(wiring.Component):
    """What enters a lane of the special functions' front end: its operand, and a cycle later that of the lane half a register above."""

    # A special function starts; with it the two operands.
    starts: In(1)
    now: In(32)
    later: In(32)
    # The one of this cycle.
    x: Out(32)

    def elaborate(self, platform) -> Module:
        m = Module()
        # It drives 32 multiplexers before the lane's first stage, so that every lane has its own.
        second, held = Signal(name="second_copy_"), Signal(32, reset_less=True)
        m.d.sync += [second.eq(self.starts), held.eq(self.later)]
        m.d.comb += self.x.eq(Mux(second, held, self.now))
        return m


class SimdOperands(wiring.Component):
    """Operand selection; one operation a cycle, special functions every other cycle.

    Parameters
    ----------
    body: form of the arithmetic.
    lanes: 32-bit lanes, an even number.
    """

    def __init__(self, body: Body = Body.SIMULATION, lanes: int = SIMD_LANES):
        self.body = body
        self.lanes = lanes
        super().__init__(
            {
                # An operation starts: everything up to `c` is read in this cycle.
                "valid": In(1),
                "op": In(SIMD_OP_BITS),
                "imm": In(IMM_BITS),
                "bias": In(BIAS_BITS),
                "tag": In(TAG_BITS),
                # Operands, lane by lane.
                "a": In(32).array(lanes),
                "b": In(32).array(lanes),
                "c": In(32).array(lanes),
                # One cycle later, or SPECIAL_STAGES + 1 for a special function, which then counts as a copy: the rest.
                "out_valid": Out(1),
                "out_tag": Out(TAG_BITS),
                "control": Out(SimdControl),
                # The operation is of the integer class.
                "integer": Out(1),
                # Operands of the multiply-add lanes and of all others.
                "out_a": Out(32).array(lanes),
                "out_b": Out(32).array(lanes),
                "out_c": Out(32).array(lanes),
                # Lanes whose result is the multiply-add's, not another unit's.
                "sums": Out(lanes),
                # The operands come from the front end; operand a is not normalised.
                "special": Out(1),
                "hidden_off": Out(1),
                # Flags that the front end raised.
                "known": Out(FpFlags),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        half = self.lanes // 2

        def register(name: str, shape, source, resets: bool = False) -> Signal:
            """A flip-flop that follows `source`."""
            held = Signal(shape, name=name, reset_less=not resets)
            m.d.sync += held.eq(source)
            return held

        # The upper half of the register enters the front end a cycle after the lower one.
        is_special = is_class(self.op, SimdClass.SPECIAL)
        m.submodules.special = special = SpecialUnit(half, self.body)
        starts, second = self.valid & is_special, register("second", 1, self.valid & is_special, resets=True)
        m.d.comb += special.function.eq(Mux(second, register("second_function", 2, self.op[:2]), self.op[:2]))
        for i in range(half):
            m.submodules[f"entry_{i}"] = entry = SpecialEntry()
            m.d.comb += [entry.starts.eq(starts), entry.now.eq(self.a[i]), entry.later.eq(self.a[half + i]), special.x[i].eq(entry.x)]
        enters, special_tag = self.valid & is_special, self.tag
        for stage in range(1, SPECIAL_STAGES + 1):
            enters = register(f"f{stage}_valid", 1, enters, resets=True)
            special_tag = register(f"f{stage}_tag", TAG_BITS, special_tag)
        always(m, ~(enters & self.valid & ~is_special), "two operations come to the lanes in one cycle")
        always(m, ~(second & self.valid & is_special), "a special function starts while the one before it does")
        finish = [special.operands[i] if i < half else special.next[i - half] for i in range(self.lanes)]

        is_bf16 = is_class(self.op, SimdClass.FMA_BF16)
        is_fma = is_class(self.op, SimdClass.FMA) | is_bf16
        adds, multiplies, flip_a, flip_c = (Signal(name=name) for name in ("adds", "multiplies", "flip_a", "flip_c"))
        known = Signal(FpFlags)
        m.d.comb += [
            adds.eq(is_fma & (self.op[:2] == SimdOp.FADD & 3)),
            multiplies.eq(is_fma & (self.op[:2] == SimdOp.FMUL & 3)),
            flip_a.eq(is_fma & ((self.op[:3] == SimdOp.FNMA & 7) | (is_bf16 & (self.op[:3] == SimdOp.FNMA_ODD_BF16_HI & 7)))),
            flip_c.eq(is_fma & ~is_bf16 & (self.op[:2] == SimdOp.FMS & 3)),
        ]
        # A part of three BF16 operands stands in the code, which has no immediate.
        three, upper = self.op[:2] == SimdOp.FMA & 3, self.op[:2] == SimdOp.FMA_ODD_BF16_HI & 3
        part = Signal()
        m.d.comb += part.eq(upper | (self.imm[0] & ~three))

        def source(operand, lane: int) -> Value:
            low, high = (Cat(operand).word_select(self.lanes * half + lane, 16) for half in range(2))
            return Mux(is_bf16, Cat(Const(0, 16), Mux(part, high, low)), operand[lane])

        with m.If(enters):
            m.d.comb += known.eq(any_flags(lane.flags for lane in finish))
        fixed = Cat(lane.fixed for lane in finish)
        m.d.comb += [
            self.out_valid.eq(register("s0_valid", 1, enters | (self.valid & ~is_special), resets=True)),
            self.out_tag.eq(register("s0_tag", TAG_BITS, Mux(enters, special_tag, self.tag))),
            # A special function that is settled travels as a copy of its operand a.
            self.control.eq(register("s0_control", SimdControl, Cat(Mux(enters, SimdOp.COPY, self.op), self.imm, self.bias))),
            self.integer.eq(register("s0_integer", 1, ~enters & is_class(self.op, SimdClass.INTEGER))),
            self.sums.eq(register("s0_sums", self.lanes, Mux(enters, ~fixed, is_fma.replicate(self.lanes)))),
            self.special.eq(register("s0_special", 1, enters)),
            self.hidden_off.eq(register("s0_hidden_off", 1, enters & finish[0].hidden_off)),
            self.known.eq(register("s0_known", FpFlags, known)),
        ]
        for i in range(self.lanes):
            a, b, c = (source(operand, i) for operand in (self.a, self.b, self.c))
            addend = Mux(adds, Cat(b[:31], b[31] ^ self.op[2]), Cat(c[:31], c[31] ^ flip_c))
            chosen = (
                Cat(a[:31], a[31] ^ flip_a),
                Mux(adds, ONE, b),
                Mux(multiplies, NEGATIVE_ZERO, addend),
            )
            outputs, given = (self.out_a, self.out_b, self.out_c), finish[i]
            for name, out, own in zip("abc", outputs, chosen, strict=True):
                m.d.comb += out[i].eq(register(f"s0_{name}_{i}", 32, Mux(enters, given[name], own)))
        return m

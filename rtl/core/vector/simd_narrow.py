"""Two registers of FP32 narrowed into one: element i is lane i of a, element 16 + i lane i of b, with one rounding.

    S1 .. S3 random words        S2 S3 S4 converters, which take the words in S4        S5 results

Numbers of eight bits fill the lower half of the register. The converters and generators have a clock of their own, which stands while no
operation is in them, and take everything from flip-flops.
"""

from amaranth.hdl import Cat, Const, DomainRenamer, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.formats import BIAS_BITS, NARROW_FORMATS
from golden.arch.random_words import RANDOM_LANES
from golden.arch.simd_ops import SIMD_LANES, SIMD_OPS, SimdClass
from rtl.common.clock_gate import gated_domain
from rtl.common.delay import delay
from rtl.core.vector.simd_operands import any_flags
from rtl.fp.adder import Body
from rtl.fp.convert import NARROW_STAGES, Narrow, format_width
from rtl.fp.flags import FpFlags
from rtl.fp.random_words import RANDOM_STAGES, RandomWords

SIMD_NARROW_STAGES = 1 + NARROW_STAGES
if RANDOM_STAGES != NARROW_STAGES:
    raise ValueError(f"random words come after {RANDOM_STAGES} stages, the converters take them in stage {NARROW_STAGES + 1}")

OPS = {op: info for op, info in SIMD_OPS.items() if info.simd_class is SimdClass.NARROW}


class SimdNarrow(wiring.Component):
    """All lanes; one operation a cycle.

    Parameters
    ----------
    body: form of the adders.
    gated: stop the clock while nothing is under way.
    lanes: at most 16, a power of two.
    """

    def __init__(self, body: Body = Body.SIMULATION, gated: bool = False, lanes: int = SIMD_LANES):
        self.body, self.gated, self.lanes = body, gated, lanes
        super().__init__(
            {
                # An operation of the class; with it the low four bits of its code, the bias, the operands.
                "valid": In(1),
                "op": In(4),
                "bias": In(BIAS_BITS),
                "a": In(32).array(lanes),
                "b": In(32).array(lanes),
                # Of the random words of a's elements and of b's.
                "seed": In(64),
                "counters": In(64).array(2),
                # SIMD_NARROW_STAGES cycles later: the lanes, and the flags that any element raises.
                "result": Out(32).array(lanes),
                "flags": Out(FpFlags),
            }
        )

    def elaborate(self, platform: object) -> Module:
        if not self.gated:
            return self._converters(Module())
        m, parts = Module(), self._converters(Module())
        under_way = Signal(SIMD_NARROW_STAGES)
        m.d.sync += under_way.eq(Cat(self.valid, under_way))
        gated_domain(m, "narrowing", self.valid | under_way.any())
        m.submodules.parts = DomainRenamer("narrowing")(parts)
        return m

    def _converters(self, m: Module) -> Module:
        words = []
        for k, counter in enumerate(self.counters):
            m.submodules[f"random_{k}"] = generator = RandomWords()
            m.d.comb += [generator.seed.eq(self.seed), generator.counter.eq(counter)]
            words.append(generator.words)
        number, stochastic, byte = Signal(format_width(NARROW_FORMATS), reset_less=True), Signal(reset_less=True), Signal(reset_less=True)
        for flop, chosen in ((stochastic, lambda info: info.stochastic), (byte, lambda info: info.format.bits == 8)):
            m.d.sync += flop.eq(self.op.matches(*(op & 15 for op, info in OPS.items() if chosen(info))))
        with m.Switch(self.op):
            for op, info in OPS.items():
                with m.Case(op & 15):
                    m.d.sync += number.eq(NARROW_FORMATS.index(info.format))
        bias = delay(m, self.bias, ("s2",), "bias", reset_less=True)
        converters = []
        for k, operand in enumerate((self.a, self.b)):
            for lane in range(self.lanes):
                m.submodules[f"narrow_{'ab'[k]}_{lane}"] = converter = Narrow(NARROW_FORMATS, body=self.body)
                m.d.comb += [
                    converter.value.eq(delay(m, operand[lane], ("s2",), f"{'ab'[k]}_{lane}", reset_less=True)),
                    converter.format.eq(number),
                    converter.bias.eq(bias),
                    converter.stochastic.eq(stochastic),
                    converter.random.eq(words[k][lane % RANDOM_LANES]),
                ]
                converters.append(converter)
        byte = delay(m, byte, ("s3", "s4", "s5"), "byte", reset_less=True)
        codes = [converter.code for converter in converters]
        for lane in range(self.lanes):
            pair, four = Cat(codes[2 * lane : 2 * lane + 2]), Cat(code[:8] for code in codes[4 * lane : 4 * lane + 4])
            m.d.comb += self.result[lane].eq(Mux(byte, four if lane < self.lanes // 2 else Const(0, 32), pair))
        m.d.comb += self.flags.eq(any_flags(converter.flags for converter in converters))
        return m

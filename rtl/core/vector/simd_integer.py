"""Integers of every size: products, shifts of each element by its own distance, sums and order of 64 bits.

    S1 .. S4 multiply        S1 .. S3 shift, S1 .. S3 sums and order; S4 select

All of it has a clock of its own, which stands while no operation is in it.
"""

from amaranth.hdl import Cat, DomainRenamer, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.simd_ops import SIMD_LANES, SIMD_OP_BITS, SimdClass
from rtl.common.clock_gate import gated_domain
from rtl.common.delay import delay
from rtl.core.vector.simd_multiply import MULTIPLY_STAGES, SimdMultiply
from rtl.core.vector.simd_operands import is_class
from rtl.core.vector.simd_shift import SHIFT_STAGES, SimdShift
from rtl.core.vector.simd_wide import WIDE_STAGES, SimdWide
from rtl.fp.adder import Body

SIMD_INTEGER_STAGES = MULTIPLY_STAGES
if not SHIFT_STAGES == WIDE_STAGES == MULTIPLY_STAGES - 1:
    raise ValueError(f"shifts take {SHIFT_STAGES} and sums {WIDE_STAGES} stages, which are one less than {MULTIPLY_STAGES}")

CLASSES = (SimdClass.MULTIPLY, SimdClass.SHIFT, SimdClass.WIDE)


class SimdInteger(wiring.Component):
    """All lanes; one operation a cycle.

    Parameters
    ----------
    body: form of the adders.
    gated: stop the clock while nothing is under way.
    lanes: an even number.
    """

    def __init__(self, body: Body = Body.SIMULATION, gated: bool = False, lanes: int = SIMD_LANES):
        self.body, self.gated, self.lanes = body, gated, lanes
        super().__init__(
            {
                # An operation of the classes; with it its code and the operands.
                "valid": In(1),
                "op": In(SIMD_OP_BITS),
                "a": In(32).array(lanes),
                "b": In(32).array(lanes),
                # Lane by lane, SIMD_INTEGER_STAGES cycles later.
                "result": Out(32).array(lanes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        if not self.gated:
            return self._units(Module())
        m, units = Module(), self._units(Module())
        under_way = Signal(SIMD_INTEGER_STAGES)
        m.d.sync += under_way.eq(Cat(self.valid, under_way))
        gated_domain(m, "whole", self.valid | under_way.any())
        m.submodules.units = DomainRenamer("whole")(units)
        return m

    def _units(self, m: Module) -> Module:
        multiplies = delay(m, is_class(self.op, SimdClass.MULTIPLY), [f"s{stage}" for stage in range(1, MULTIPLY_STAGES + 1)], "multiplies")
        shifts = delay(m, is_class(self.op, SimdClass.SHIFT), [f"s{stage}" for stage in range(1, SHIFT_STAGES + 1)], "shifts")
        for pair in range(self.lanes // 2):
            lanes = (2 * pair, 2 * pair + 1)
            m.submodules[f"shift_{pair}"] = shift = SimdShift()
            m.submodules[f"wide_{pair}"] = wide = SimdWide(self.body)
            for unit in (shift, wide):
                m.d.comb += [unit.op.eq(self.op[:4]), *(getattr(unit, x).eq(Cat(getattr(self, x)[lane] for lane in lanes)) for x in "ab")]
            other = delay(m, Mux(shifts, shift.result, wide.result), ("s4",), f"other_{pair}", reset_less=True)
            for place, lane in enumerate(lanes):
                m.submodules[f"multiply_{lane}"] = multiply = SimdMultiply(self.body)
                m.d.comb += [
                    multiply.op.eq(self.op[:4]),
                    *(getattr(multiply, x).eq(getattr(self, x)[lane]) for x in "ab"),
                    self.result[lane].eq(Mux(multiplies, multiply.result, other.word_select(place, 32))),
                ]
        return m

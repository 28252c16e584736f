"""What `make timing` times: units in their synthesis form, and the parts of a node that they cover.

A unit is built fresh by its function. `PARTS` lists every part of a node that has logic; a part that no timed unit
covers is told in the report as uncovered. Storage (register files, SRAM arrays) is a black box and no part.
"""

from collections.abc import Callable
from dataclasses import dataclass

from amaranth.lib import wiring


@dataclass(frozen=True)
class Unit:
    """`build` makes the component; `covers` names entries of PARTS."""

    build: Callable[[], wiring.Component]
    covers: tuple[str, ...]


def _matrix_lane() -> wiring.Component:
    from rtl.fp.adder import Body
    from rtl.fp.dot import DotLane

    return DotLane(Body.SYNTHESIS)


def _operand_decode() -> wiring.Component:
    from rtl.fp.adder import Body
    from rtl.fp.operand import OperandDecode

    return OperandDecode(Body.SYNTHESIS)


def _drain_converter() -> wiring.Component:
    from rtl.fp.adder import Body
    from rtl.fp.drain import DrainConverter

    return DrainConverter(4, Body.SYNTHESIS)


def _accumulator_drain() -> wiring.Component:
    from rtl.core.matrix.accumulators import AccumulatorDrain
    from rtl.fp.adder import Body

    return AccumulatorDrain(Body.SYNTHESIS)


def _accumulator_load() -> wiring.Component:
    from rtl.core.matrix.accumulators import AccumulatorLoad
    from rtl.fp.adder import Body

    return AccumulatorLoad(Body.SYNTHESIS)


def _lane_control() -> wiring.Component:
    from rtl.fp.lane_control import LaneSequencer

    return LaneSequencer()


def _fma_lane() -> wiring.Component:
    from rtl.fp.adder import Body
    from rtl.fp.fma import FmaLane

    return FmaLane(Body.SYNTHESIS)


def _special_functions() -> wiring.Component:
    from rtl.fp.adder import Body
    from rtl.fp.special import SpecialUnit

    return SpecialUnit(1, Body.SYNTHESIS)


def _narrow() -> wiring.Component:
    from golden.arch.formats import NARROW_FORMATS
    from rtl.fp.adder import Body
    from rtl.fp.convert import Narrow

    return Narrow(NARROW_FORMATS, body=Body.SYNTHESIS)


def _widen() -> wiring.Component:
    from golden.arch.formats import NARROW_FORMATS
    from rtl.fp.convert import Widen

    return Widen(NARROW_FORMATS)


def _simd_permute() -> wiring.Component:
    from rtl.core.vector.simd_permute import SimdPermute

    return SimdPermute()


def _simd_slice() -> wiring.Component:
    # Two of the sixteen lanes, with everything round them: stage 0, selection, flags. ABC needs a minute for them.
    from rtl.core.vector.simd import SimdPipe
    from rtl.fp.adder import Body

    return SimdPipe(Body.SYNTHESIS, lanes=2)


def _endpoint() -> wiring.Component:
    from golden.arch.config import get_config
    from rtl.noc.endpoint import Endpoint

    return Endpoint(get_config("d1").with_network())


def _interface() -> wiring.Component:
    from golden.arch.config import get_config
    from rtl.noc.interface import NetworkInterface

    return NetworkInterface(get_config("d1").with_network())


def _router() -> wiring.Component:
    from rtl.noc.router import Router

    return Router(slices=10)


def _sram(name: str) -> Callable[[], wiring.Component]:
    def build() -> wiring.Component:
        from rtl.mem.timing import TIMING_UNITS

        return TIMING_UNITS[name]()

    return build


_SRAM = (
    "sram load front",
    "sram step 1",
    "sram return crossbar",
    "sram correct",
    "sram write crossbar",
    "sram merge",
    "sram status",
)

UNITS: dict[str, Unit] = {
    "operand decode": Unit(_operand_decode, ("operand decode",)),
    "lane control": Unit(_lane_control, ("lane control",)),
    "matrix lane": Unit(_matrix_lane, ("matrix lane",)),
    "accumulator load": Unit(_accumulator_load, ("accumulator load",)),
    "drain converter": Unit(_drain_converter, ()),
    "accumulator drain": Unit(_accumulator_drain, ("accumulator drain",)),
    "FMA lane": Unit(_fma_lane, ()),
    "special functions": Unit(_special_functions, ()),
    "narrow": Unit(_narrow, ()),
    "widen": Unit(_widen, ()),
    "SIMD permute": Unit(_simd_permute, ("SIMD permute",)),
    "SIMD pipe, 2 lanes": Unit(_simd_slice, ("SIMD pipe",)),
    **{name: Unit(_sram(name), (name,)) for name in _SRAM},
    "network endpoint": Unit(_endpoint, ("network endpoint",)),
    "network interface": Unit(_interface, ("network interface",)),
    "router": Unit(_router, ("router",)),
}
"""Units by name, in the order they are timed."""

PARTS: tuple[str, ...] = (
    "operand decode",
    "lane control",
    "matrix lane",
    "accumulator load",
    "accumulator drain",
    "SIMD permute",
    "SIMD pipe",
    *_SRAM,
    "front end",
    "scalar unit",
    "vector unit: queues, hazards, register ports",
    "store unit",
    "network endpoint",
    "network interface",
    "router",
)
"""Parts of a node with logic."""

"""A clock that stops while a unit has nothing to do: less power in silicon, and a simulator skips the unit.

    clk     __|~~|__|~~|__|~~|__|~~|__|~~|__
    enable  _____|~~~~~~~~~~~|_______________      decided while the clock is high or low, taken when it falls
    gated   _________|~~|__|~~|______________

The enable is taken on the falling edge, so it holds still while the clock is high and every gated edge is a whole edge
of the clock. Silicon uses the library's gating cell in this place, which gives the enable the full cycle.

Verilog simulators see both clocks rise in the same instant, before any flip-flop changes. Amaranth's own simulator does
not (the derived clock rises one step later, after the other flip-flops changed): units that it simulates must not gate.
"""

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal, Signal, Value


def gated_domain(m: Module, name: str, enable: Value) -> None:
    """Adds domain ``name`` to ``m`` and what is below it: ``sync``, but only edges that end a cycle with ``enable``.

    The edges of a reset pass whatever ``enable`` says. ``enable`` must be stable by the middle of the cycle.
    """
    fall = ClockDomain(f"{name}_fall", clk_edge="neg", local=True, reset_less=True)
    gated = ClockDomain(name, local=True)
    m.domains += [fall, gated]
    held = Signal(init=1, name=f"{name}_enable")
    m.d[fall.name] += held.eq(enable | ResetSignal())
    m.d.comb += [fall.clk.eq(ClockSignal()), gated.clk.eq(ClockSignal() & held), gated.rst.eq(ResetSignal())]

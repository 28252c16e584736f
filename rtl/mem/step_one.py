"""Step 1 with its queues: which lines and stores get the next slot, and whose turn it is."""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.sram import LANES
from rtl.mem import ports
from rtl.mem.ahead import Ahead
from rtl.mem.line_front import LineFront
from rtl.mem.stages import (
    SCALAR_WRITE,
    SINGLE_WRITES,
    DeniedAhead,
    Ended,
    GivenAway,
    LineReadSlot,
    LineWriteSlot,
    LoadPorts,
    OldLoads,
    OldWords,
    ScalarHead,
    StoreSlot,
    SweepStep,
)
from rtl.mem.store_front import StoreFront
from rtl.mem.turns import Age, Turns

_TURNS = 6  # ports that may take a turn: LR, ST, SS of step 1, then the loads


class StepOne(wiring.Component):
    """Queues of lines and stores, and their grants a cycle ahead of the slot.

    Parameters
    ----------
    pairs: form of the comparisons, see rtl/mem/claims.py.
    """

    # Requests, taken in a cycle with valid and ready.
    st: In(ports.VectorStoreRequest)
    ss: In(ports.ScalarStoreRequest)
    mw: In(ports.LineWriteRequest)
    mr: In(ports.LineReadRequest)
    fill: In(ports.FillRequest)
    # While it is active the ports take nothing from the next cycle on.
    sweep: In(SweepStep)
    # Words that were read for partial stores.
    old_words: In(OldWords)
    # Load ports whose requests have waited long.
    loads: In(OldLoads)
    # What has been given away in the slot that runs (flip-flops).
    given: Out(GivenAway)
    stores: Out(StoreSlot)
    line_write: Out(LineWriteSlot)
    line_read: Out(LineReadSlot)
    # Of the next slot.
    scalar_head: Out(ScalarHead)
    ended: Out(Ended)
    # Combinational.
    denied: Out(DeniedAhead)

    def __init__(self, pairs: bool):
        self._pairs = pairs
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.lines = lines = LineFront()
        m.submodules.storing = storing = StoreFront()
        m.submodules.ahead = ahead = Ahead(self._pairs)
        m.submodules.turns = turns = Turns(_TURNS)
        for name in ("mw", "mr", "fill"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(lines, name))
        for name in ("st", "ss"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(storing, name))
        wiring.connect(m, wiring.flipped(self.old_words), storing.old)
        wiring.connect(m, storing.slot, wiring.flipped(self.stores))
        wiring.connect(m, storing.head, wiring.flipped(self.scalar_head))
        wiring.connect(m, lines.write, wiring.flipped(self.line_write))
        wiring.connect(m, lines.read, wiring.flipped(self.line_read))
        wiring.connect(m, wiring.flipped(self.sweep), lines.sweep, storing.sweep)

        m.d.comb += [
            ahead.mw_valid.eq(lines.mw_valid),
            ahead.mw_banks.eq(lines.mw_banks),
            ahead.lr_valid.eq(lines.lr_valid),
            ahead.fills.eq(lines.fills),
            ahead.mr_banks.eq(lines.mr_banks),
            ahead.fill_banks.eq(lines.fill_banks),
            ahead.valid.eq(storing.asks),
            ahead.locked.eq(storing.locked),
            ahead.present.eq(storing.present),
            *(ahead.banks[index].eq(storing.banks[index]) for index in range(SINGLE_WRITES)),
            *(ahead.number[index].eq(storing.number[index]) for index in range(SINGLE_WRITES)),
            lines.mw_take.eq(ahead.mw_take),
            lines.lr_take.eq(ahead.lr_take),
            storing.take.eq(ahead.take),
            self.given.busy.eq(ahead.busy),
            self.denied.mask.eq(Cat(
                ahead.valid & ~ahead.take, ahead.mw_valid & ~ahead.mw_take, ahead.lr_valid & ~ahead.lr_take
            )),
            self.ended.st_push.eq(storing.push),
            self.ended.st_tag.eq(self.st.tag),
            self.ended.st.eq(storing.ends),
            self.ended.ss.eq(storing.ends[SCALAR_WRITE]),
            self.ended.ss_tag.eq(storing.tag),
            self.ended.mw.eq(ahead.mw_take),
            self.ended.mw_tag.eq(lines.mw_tag),
        ]

        def old(name: str, waiting: Value, take: Value) -> Value:
            m.submodules[f"age_{name}"] = age = Age(len(waiting))
            m.d.comb += [age.tick.eq(turns.tick), age.waiting.eq(waiting), age.take.eq(take)]
            return age.old

        m.d.comb += [
            self.given.tick.eq(turns.tick),
            turns.old.eq(Cat(
                old("lr", lines.lr_valid, ahead.lr_take),
                old("st", storing.valid[:LANES], ahead.take[:LANES]),
                old("ss", storing.valid[SCALAR_WRITE], ahead.take[SCALAR_WRITE]),
                self.loads.old,
            )),
        ]
        load_turn = Signal(LoadPorts)
        m.d.comb += [
            Cat(ahead.first_lr, ahead.first_st, ahead.first_ss, load_turn).eq(turns.turn),
            ahead.quiet.eq(load_turn.as_value().any()),
        ]
        m.d.sync += self.given.first.eq(load_turn)
        return m

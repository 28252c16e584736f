"""Dispatch: up to ``dispatch_width`` instructions of one thread, slot by slot, with the tags that say what each waits for.

Positions and parities as rtl/core/interfaces.py explains them; combinational.
"""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.classes import RETIRES_LATE, Flow
from golden.arch.config import NodeConfig
from golden.arch.encoding import F0, F1, F2, F3
from golden.arch.trace import SEQ_BITS
from rtl.common.select import by_number
from rtl.core.front.decode import Decoder
from rtl.core.front.parts import Chosen, Window, left
from rtl.core.front.slot import Slot
from rtl.core.front.tags import Tagged
from rtl.core.groups import WINDOW_WORDS, Dispatched
from rtl.core.interfaces import PC_BITS, FpMode, Settings, scalar_pushes, vector_pushes


class Dispatch(wiring.Component):
    """A group of a cycle.

    Parameters
    ----------
    config : width, features, size of SRAM.
    """

    def __init__(self, config: NodeConfig) -> None:
        self._config, self._width = config, config.dispatch_width
        super().__init__(
            {
                "chosen": In(Chosen),
                "window": In(Window),
                "settings": In(Settings),
                # What goes to the queues, oldest first.
                "scalar": Out(scalar_pushes(config)),
                "vector": Out(vector_pushes(config)),
                "tagged": Out(Tagged).array(config.dispatch_width),
                "left": Out(left(self._width)),
                # What the thread must know.
                "dispatched": Out(Dispatched),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.decoder = decoder = Decoder(self._width, self._config.features)
        slots = [Slot(i) for i in range(self._width)]
        context, thread = self.chosen.context, self.chosen.thread
        outside, mode = Signal(), Signal(FpMode)
        m.d.comb += [
            outside.eq(self.chosen.some & ~context.debugged.inject & (context.where.pc >= self._config.sram_bytes // 4)),
            self.scalar.thread.eq(thread),
            self.vector.thread.eq(thread),
        ]
        for i, slot in enumerate(slots):
            m.submodules[f"slot_{i}"] = slot
            self._take(m, i, slot)
            m.d.comb += [
                decoder.word[i].eq(self.left.words[i]),
                slot.word.eq(self.left.words[i]),
                slot.row.eq(decoder.row[i].front),
                slot.context.eq(context),
                slot.outside.eq(outside),
                self.left.go[i].eq(slot.go),
                self.left.on[i].eq(slot.on),
            ]
            if i:
                m.d.comb += slot.before.eq(slots[i - 1].after)
            self._push(m, i, slot, decoder, self.tagged[i])
            m.d.comb += self.vector.slot[i].entry.mode.eq(mode)
        first, counted = slots[0].before, context.counted
        m.d.comb += [
            first.open.eq(self.chosen.some),
            first.pending.eq(context.known.pending),
            first.parity.eq(counted.parity),
            first.vq_tail.eq(counted.vq_tail),
            first.st_tail.eq(counted.st_tail),
            first.setting.eq(counted.setting),
            mode.eq(by_number(m, thread, list(self.settings.fp_mode), "mode_now")),
        ]
        self._group(m, slots, outside)
        return m

    def _take(self, m: Module, i: int, slot: Slot) -> None:
        """A slot's word out of the window, or the debugger's; an older slot's window, breakpoint or step ends the group."""
        where, debugged = self.chosen.context.where, self.chosen.context.debugged
        lane = (where.pc[:3] + i)[:4]
        word = Array(self.window.words[w] for w in range(WINDOW_WORDS))[lane[:3]]
        lost = self.window.lost.bit_select(lane[1:3], 1)
        if i == 0:
            m.d.comb += [
                self.left.words[i].eq(Mux(debugged.inject, debugged.word, word)),
                slot.here.eq(1),
                slot.lost.eq(lost & ~debugged.inject),
            ]
        else:
            at_break = debugged.break_on & (debugged.break_pc == (where.pc + i)[:PC_BITS])
            m.d.comb += [self.left.words[i].eq(word), slot.here.eq(~lane[3] & ~debugged.single & ~at_break), slot.lost.eq(lost)]

    def _push(self, m: Module, i: int, slot: Slot, decoder: Decoder, tagged: Tagged) -> None:
        """The slot's entries in the queues."""
        context, word, before, row = self.chosen.context, slot.word, slot.before, decoder.row[i]
        number = (context.counted.seq + i)[:SEQ_BITS]
        scalar, vector = self.scalar.slot[i], self.vector.slot[i]

        def parity(lo: int):
            return before.parity.bit_select(word[lo : lo + 5], 1)

        m.d.comb += [
            tagged.word.eq(word),
            tagged.row.eq(row.front),
            tagged.to_scalar.eq(slot.to_scalar),
            tagged.to_vector.eq(slot.to_vector),
            tagged.vq_tail.eq(before.vq_tail),
            tagged.st_tail.eq(before.st_tail),
            scalar.valid.eq(slot.to_scalar),
            scalar.entry.seq.eq(number),
            scalar.entry.pc.eq((context.where.pc + i)[:PC_BITS]),
            scalar.entry.word.eq(word),
            scalar.entry.row.eq(row.scalar),
            scalar.entry.names.eq(decoder.names[i]),
            scalar.entry.vq.eq(tagged.vq),
            scalar.entry.st.eq(tagged.st),
            scalar.entry.parity.eq(parity(F0)),
            scalar.entry.vq_mark.eq(before.vq_tail),
            vector.valid.eq(slot.to_vector),
            vector.entry.seq.eq(number),
            vector.entry.word.eq(word),
            vector.entry.row.eq(row.vector),
            vector.entry.parity_a.eq(parity(F1)),
            vector.entry.parity_b.eq(parity(F2)),
            vector.entry.parity_c.eq(parity(F3)),
            vector.entry.parity_d.eq(parity(F0)),
            vector.entry.st.eq(tagged.st),
            vector.entry.st_mark.eq(before.st_tail),
        ]

    def _group(self, m: Module, slots: list[Slot], outside: Signal) -> None:
        """What the thread must know; of a control instruction in the first slot, what it does."""
        group, first, after = self.dispatched.group, slots[0], slots[-1].after
        flow, word, where, true = first.flow, first.word, self.chosen.context.where, self.chosen.context.known.true
        a, b = true.bit_select(word[F1 : F1 + 3], 1), true.bit_select(word[F2 : F2 + 3], 1)
        m.d.comb += [
            group.valid.eq(self.chosen.some),
            group.first.eq(first.go),
            group.count.eq(sum(slot.go for slot in slots)),
            group.waits.eq(Cat(flow == kind for kind in sorted(RETIRES_LATE)).any()),
            group.at_last.eq(Cat(slot.last for slot in slots).any()),
            group.flow.eq(flow),
            group.word.eq(word),
            group.logic.eq(Array([a & b, a | b, a ^ b, a & ~b])[word[:2]]),
            group.illegal.eq(first.refused),
            group.outside.eq(outside),
            group.lost.eq(first.lost & ~outside),
            group.parity.eq(after.parity),
            group.pending.eq(after.pending),
            group.vq_tail.eq(after.vq_tail),
            group.st_tail.eq(after.st_tail),
            group.settings.eq(sum(slot.sets for slot in slots)),
        ]
        with m.Switch(flow):
            with m.Case(Flow.CALL):
                m.d.comb += group.target.eq(where.pc + word[F1:].as_signed())
            with m.Case(Flow.LOOPI):
                m.d.comb += group.target.eq(where.pc + word[F0 : F0 + 10].as_signed())
            with m.Default():
                m.d.comb += group.target.eq(where.pc + word[F0:].as_signed())

"""The program counter against a list of loops kept in Python: random nests, branches out of windows, starts."""

import random
from dataclasses import dataclass, field

from golden.arch import isa
from rtl.core.interfaces import PC_BITS
from rtl.core.thread.loops import Move, ProgramCounter

MANY = (1 << 31, (1 << 32) - 1)
"""Numbers of passes that nobody lives to see the end of; a start ends them."""


@dataclass
class Counter:
    """The text of `loop` in docs/isa.md, one instruction at a time."""

    pc: int = 0
    loops: list[list[int]] = field(default_factory=list)  # [start, last, left]

    def advance(self, at: int) -> None:
        self.pc = at + 1
        while self.loops and self.loops[-1][1] == at:
            if self.loops[-1][2] > 1:
                self.loops[-1][2] -= 1
                self.pc = self.loops[-1][0]
                return
            self.loops.pop()

    def begin(self, length: int, often: int) -> bool:
        """False when it is one too many."""
        if often == 0 or length <= 1:
            self.pc += length
        elif len(self.loops) == isa.LOOP_DEPTH:
            return False
        else:
            self.loops.append([self.pc + 1, self.pc + length - 1, often])
            self.pc += 1
        return True


def test_random_moves(simulate, seed):
    rng, dut, model = random.Random(seed), ProgramCounter(), Counter()
    seen = dict.fromkeys(("deep", "back", "left", "skipped", "group"), 0)

    async def bench(ctx) -> None:
        async def move(kind: Move, to: int = 0, often: int = 0, count: int = 0, at_last: bool = False) -> None:
            ctx.set(dut.count, count)
            ctx.set(dut.at_last, at_last)
            ctx.set(dut.move, kind)
            ctx.set(dut.to, to % (1 << PC_BITS))
            ctx.set(dut.often, often)

        await move(Move.RESTART, 100)
        await ctx.tick()
        model.pc = 100
        for _ in range(6000):
            assert ctx.get(dut.pc) == model.pc
            assert ctx.get(dut.looping) == bool(model.loops)
            if model.loops:
                assert ctx.get(dut.last) == model.loops[-1][1]
            choice, too_deep = rng.random(), False
            # An inner loop ends no later than the one around it.
            room = model.loops[-1][1] - model.pc if model.loops else 40
            if choice < 0.02:
                model.pc, model.loops = rng.randrange(50, 5000), []
                await move(Move.RESTART, model.pc)
            elif choice < 0.05:
                await move(Move.STAY, rng.randrange(5000))
            elif choice < 0.08 and not model.loops:
                model.pc = rng.randrange(50, 5000)
                await move(Move.JUMP, model.pc)
            elif choice < 0.5 and room > 0:
                length, often = rng.choice((-3, 0, 1, *range(room // 2, room + 2))), rng.choice((0, 1, 2, 3, *MANY))
                if length < 1 and model.loops:
                    length = 1
                await move(Move.LOOP, model.pc + length, often)
                seen["skipped"] += often == 0 or length <= 1
                too_deep = not model.begin(length, often)
                seen["deep"] += too_deep
            else:
                count = rng.randrange(8)
                end = min(model.pc + count, model.loops[-1][1]) if model.loops else model.pc + count
                at_last = bool(model.loops) and end == model.loops[-1][1]
                if end == model.pc and rng.random() < 0.5:
                    await move(Move.NEXT, rng.randrange(5000), count=rng.randrange(9), at_last=not at_last)  # of which it takes no notice
                else:
                    await move(Move.ADVANCE, rng.randrange(5000), count=end - model.pc + 1, at_last=at_last)
                seen["group"] += end > model.pc
                depth = len(model.loops)
                model.advance(end)
                seen["left"] += len(model.loops) < depth
                seen["back"] += model.pc != end + 1
            assert ctx.get(dut.too_deep) == too_deep
            await ctx.tick()

    simulate(dut, bench, limit=7000)
    assert min(seen.values()) >= 20, seen

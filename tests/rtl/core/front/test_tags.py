"""Tags against golden.arch.tags: groups of random instructions, two a cycle, with few names, so that slots and groups meet in them."""

import random
from collections import defaultdict
from dataclasses import dataclass, field

from golden.arch.config import get_config
from golden.arch.encoding import F0, F1, F2, F3
from golden.arch.tags import ST, VQ, tag
from rtl.core.front.tags import Tags
from rtl.core.interfaces import THREADS

CONFIG, CYCLES = get_config("tiny"), 400
WIDTH = CONFIG.dispatch_width
READS = {"reads_va": F1, "reads_vb": F2, "reads_vc": F3}
ROW = ("vector", "writes_v", "reads_v0", "names_c", *READS)


@dataclass
class Side:
    """A thread: positions given out and reached, and who touched and who read a name last."""

    tail: dict[str, int] = field(default_factory=lambda: {"vq": 0, "st": 0})
    head: dict[str, int] = field(default_factory=lambda: {"vq": 0, "st": 0})
    touched: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    read: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))


MODULUS = {"vq": VQ, "st": ST}
AHEAD = {"vq": VQ // 2 - WIDTH, "st": ST // 2 - WIDTH}


def instruction(rng: random.Random) -> dict[str, int]:
    """A word, the fields of its row, and where it goes."""
    row = {name: int(rng.random() < 0.4) for name in ROW}
    row["writes_v"] &= not row["names_c"]
    row["reads_v0"] &= not row["writes_v"] and not row["names_c"]
    goes = rng.random() < 0.8
    word = sum(rng.choice((0, 1, 7, 8, 31)) << lo for lo in (F0, F1, F2, F3))
    return {"word": word, "row": row, "to_vector": goes and row["vector"], "to_scalar": goes and not row["vector"]}


def expected(side: Side, made: dict) -> tuple[dict[str, int], dict[str, int]]:
    """Its tags, after which the thread knows what it touches."""
    word, row = made["word"], made["row"]
    main = ("c", word >> F0 & 7) if row["names_c"] else ("v", word >> F0 & 31)
    written = row["writes_v"] or row["names_c"]
    vq = tag(side.touched[main], side.head["vq"], side.tail["vq"], VQ)
    st = tag(side.read[main], side.head["st"], side.tail["st"], ST)
    vq["wait"] &= written or row["reads_v0"]
    st["wait"] &= written if row["vector"] else row["writes_v"]
    if made["to_vector"]:
        for name in [main] * written + [("v", word >> lo & 31) for reads, lo in READS.items() if row[reads]]:
            side.touched[name] = side.tail["vq"]
        side.tail["vq"] = (side.tail["vq"] + 1) % VQ
    if made["to_scalar"] and (row["reads_v0"] or row["names_c"]):
        side.read[main] = side.tail["st"]
        side.tail["st"] = (side.tail["st"] + 1) % ST
    return vq, st


def reach(rng: random.Random, side: Side) -> None:
    """What the queues have done meanwhile: sometimes all, never so little that more than half of the positions are under way."""
    for queue, modulus in MODULUS.items():
        under_way = (side.tail[queue] - side.head[queue]) % modulus
        least = max(0, under_way - AHEAD[queue])
        done = rng.choice((least, under_way, rng.randint(least, under_way), max(least, min(1, under_way))))
        side.head[queue] = (side.head[queue] + done) % modulus


def test_tags_of_random_groups(simulate, seed):
    rng, sides, dut = random.Random(seed), [Side() for _ in range(THREADS)], Tags(CONFIG)
    waits = defaultdict(int)

    def give(ctx, chosen, slots, thread: int, some: bool) -> list[tuple]:
        """A group of a thread; its tags. Without ``some`` nothing of it goes anywhere."""
        side = sides[thread]
        for name, value in (("some", some), ("thread", thread)):
            ctx.set(getattr(chosen, name), value)
        ctx.set(chosen.context.counted.vq_head, side.head["vq"])
        ctx.set(chosen.context.counted.st_read, side.head["st"])
        due = []
        for slot in slots:
            made = instruction(rng)
            if not some:
                made |= {"to_vector": 0, "to_scalar": 0}
            for name in ("vq_tail", "st_tail"):
                ctx.set(getattr(slot, name), side.tail[name[:2]])
            for name in ("word", "to_vector", "to_scalar"):
                ctx.set(getattr(slot, name), made[name])
            for name, value in made["row"].items():
                ctx.set(slot.row[name], value)
            due.append(expected(side, made))
        return due if some else []

    async def bench(ctx) -> None:
        await ctx.tick()
        for number in range(CYCLES):
            used: set[int] = set()
            groups = []
            for chosen, slots in zip(dut.chosen, dut.slot, strict=True):
                thread = rng.randrange(THREADS)
                some = thread not in used and rng.random() < 0.8
                if some:
                    used.add(thread)
                    reach(rng, sides[thread])
                groups.append((thread, slots, give(ctx, chosen, slots, thread, some)))
            for thread, slots, due in groups:
                for k, (slot, tags) in enumerate(zip(slots, due, strict=False)):
                    for name, said in zip(("vq", "st"), tags, strict=True):
                        seen = {"wait": ctx.get(getattr(slot, name).wait), "pos": ctx.get(getattr(slot, name).pos)}
                        assert seen == said, f"cycle {number}, thread {thread}, slot {k}: {name}"
                        waits[name] += said["wait"]
            await ctx.tick()

    simulate(dut, bench, limit=CYCLES + 10)
    assert min(waits.values()) > CYCLES // 4, "hardly an instruction waited"

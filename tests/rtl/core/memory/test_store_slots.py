"""One thread's places in the store queue: what an entry waits for, and that nothing of an entry outlives it."""

import pytest

from rtl.core.interfaces import NOWHERE_HIGH, NOWHERE_LOW, StoreKind
from rtl.core.memory.store_slots import ThreadStores

THREAD, VQ = 2, 128


class Places:
    """The component, a cycle a call."""

    def __init__(self, ctx, dut) -> None:
        self.ctx, self.dut = ctx, dut

    async def tick(self, issue=None, address=None, **pulses: int) -> None:
        """`issue`: fields of an entry; `address`: fields of a place; `pulses`: written, kill, begins, drops."""
        ctx, requests = self.ctx, self.dut.requests
        ctx.set(requests.issue.valid, issue is not None)
        ctx.set(requests.issue.thread, THREAD)
        ctx.set(requests.issue.store, issue or {})
        address = dict(address) if address is not None else None
        ctx.set(requests.address.valid, address is not None)
        ctx.set(requests.address.thread, THREAD)
        ctx.set(requests.address.cancel, address.pop("cancel", 0) if address else 0)
        ctx.set(requests.address.store, address or {})
        for name in ("written", "kill", "begins", "drops"):
            ctx.set(getattr(self.dut, name), pulses.get(name, 0))
        await ctx.tick()

    async def enter(self, head: dict, **place: int) -> None:
        """An entry that is next, and its address."""
        self.ctx.set(self.dut.head, head)
        await self.tick(issue=head)
        await self.tick(address={"low": 5, "high": 5} | place)
        await self.tick()

    def ready(self) -> int:
        return self.ctx.get(self.dut.ready)

    def slots(self):
        return self.ctx.get(self.dut.slots)


def play(simulate, bench) -> None:
    dut = ThreadStores(THREAD)

    async def run(ctx) -> None:
        ctx.set(dut.scalar_free, 1)
        ctx.set(dut.raise_free, 1)
        ctx.set(dut.net_free, 1)
        await bench(ctx, dut, Places(ctx, dut))

    simulate(dut, run)


def store(**fields) -> dict:
    return {"kind": StoreKind.VECTOR} | fields


@pytest.mark.parametrize("position", [0, 1, 62, 63, 64, 65, 126, 127])
def test_positions_wrap(simulate, position):
    """An entry waits for a position of the vector queue until that has issued, wherever the counter stands."""

    async def bench(ctx, dut, places):
        for behind in (1, 2, 15, 63):
            for ahead in (0, 1, 63):
                ctx.set(dut.awaited.vq_head, (position - behind) % VQ)
                await places.enter(store(vq={"wait": 1, "pos": position}))
                assert not places.ready(), f"at {position - behind} before {position}"
                ctx.set(dut.awaited.vq_head, (position + 1 + ahead) % VQ)
                await places.tick()
                await places.tick()
                assert places.ready() == 1, f"{ahead} behind {position}"
                slot = ctx.get(dut.next)
                await places.tick(begins=1)
                await places.tick(written=1 << slot)

    play(simulate, bench)


def test_slots_go_round_and_are_freed_in_order(simulate):
    async def bench(ctx, dut, places):
        for n in range(11):
            first, second = n * 2 % 4, (n * 2 + 1) % 4
            for slot in (first, second):
                assert ctx.get(dut.end) == slot
                await places.enter(store())
                assert ctx.get(dut.next) == slot and places.ready()
                await places.tick(begins=1)
            # The younger is written first: it keeps its slot, and nobody waits for it.
            await places.tick(written=1 << second)
            shown = places.slots()
            assert shown.occupied == 1 << first | 1 << second
            assert (shown.low[second], shown.high[second]) == (NOWHERE_LOW, NOWHERE_HIGH)
            await places.tick(written=1 << first)
            assert places.slots().occupied == 1 << second and not ctx.get(dut.idle)
            await places.tick()
            assert places.slots().occupied == 0 and ctx.get(dut.idle)

    play(simulate, bench)


# What an entry may wait for, that its thread's next one does not: its fields, those of its place, states of other units.
HELD = {
    "vector loads": (store(loads=1 << 7), {}, {"load_busy": 1 << 7}),
    "scalar loads": (store(scalar_loads=1 << 9), {}, {"scalar_busy": 1 << 9}),
    "a position": (store(vq={"wait": 1, "pos": 5}), {}, {}),
    "a range": (store(), {"low": 0, "high": 99, "stream": 3 << 10}, {}),
    "a cancelled entry": (store(), {"cancel": 1}, {}),
}


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("placed", [False, True])
def test_nothing_of_an_entry_that_is_killed_outlives_it(simulate, held, placed):
    """In every slot: the entry after a kill has no wait, no range, no address and no cancellation of the one before."""
    head, place, state = HELD[held]

    async def bench(ctx, dut, places):
        for _ in range(4):
            for name, value in state.items():
                ctx.set(dut.awaited[name], value)
            slot = ctx.get(dut.end)
            await places.tick(issue=head)
            if placed:
                await places.tick(address=place)
            assert ctx.get(dut.unstarted) == 1
            await places.tick(kill=1)
            assert ctx.get(dut.idle) and places.slots().occupied == 0 and ctx.get(dut.unstarted) == 0
            assert ctx.get(dut.end) == ctx.get(dut.next) == slot
            # All states still hold what the dead one waited for.
            ctx.set(dut.head, store())
            await places.tick(issue=store())
            assert not places.slots().addr_valid >> slot & 1 and not places.ready()
            await places.tick(address={"low": 5, "high": 6})
            assert places.ready() and not ctx.get(dut.cancelled)
            await places.tick(begins=1)
            await places.tick(written=1 << slot)
            assert places.slots().occupied == 0

    play(simulate, bench)


def test_what_has_started_survives_a_kill(simulate):
    async def bench(ctx, dut, places):
        await places.enter(store())
        await places.tick(begins=1)
        await places.tick(issue=store())
        await places.tick(kill=1)
        assert places.slots().occupied == 1 and ctx.get(dut.unstarted) == 0 and ctx.get(dut.end) == 1
        await places.tick(written=1)
        assert places.slots().occupied == 0 and ctx.get(dut.idle)

    play(simulate, bench)


@pytest.mark.parametrize(("kind", "names"), [
    (StoreKind.VECTOR, ("simd_pending", "load_parity")),
    (StoreKind.DRAIN, ("acc_busy",)),
])
def test_a_source_that_is_under_way_holds_the_entry(simulate, kind, names):
    """Each register, each accumulator, and no other."""

    async def bench(ctx, dut, places):
        for source in range(8 if kind is StoreKind.DRAIN else 32):
            for name in names:
                await places.enter(store(kind=kind, source=source))
                for held in range(8 if kind is StoreKind.DRAIN else 32):
                    ctx.set(dut.awaited[name], 1 << held)
                    assert places.ready() == (held != source), (name, source, held)
                ctx.set(dut.awaited[name], 0)
                await places.tick(kill=1)

    play(simulate, bench)


def test_network_instructions_follow_stores_and_each_other(simulate):
    """One waits for older stores to be written, not for older ones of its kind, and for room; a store to what an older one reads waits."""
    net = store(kind=StoreKind.NET)

    async def bench(ctx, dut, places):
        ctx.set(dut.net_free, 1)
        await places.enter(store(kind=StoreKind.SCALAR))
        await places.tick(begins=1)
        await places.enter(net, low=70, high=77, stream=3 << 10)
        assert not places.ready()
        await places.tick(written=1)
        assert places.ready()
        ctx.set(dut.net_free, 0)
        assert not places.ready()
        ctx.set(dut.net_free, 1)
        await places.tick(begins=1)
        await places.enter(net, low=70, high=77, stream=3 << 10 | 1)
        assert places.ready()
        await places.tick(begins=1)
        for low, high, waits in ((60, 69, False), (77, 80, True)):
            await places.enter(store(), low=low, high=high, stream=3 << 10 | 2)
            assert places.ready() == (not waits)
            await places.tick(kill=1)
        await places.enter(store(), low=77, high=77, stream=3 << 10 | 2)
        await places.tick(written=1 << 1)
        assert not places.ready()
        await places.tick(written=1 << 2)
        assert places.ready()

    play(simulate, bench)


# The range of an entry under way, that of the next one, and whether they share a word.
RANGES = [
    ((10, 20), (21, 30), False),
    ((10, 20), (20, 30), True),
    ((10, 20), (19, 30), True),
    ((21, 30), (10, 20), False),
    ((20, 30), (10, 20), True),
    ((10, 20), (12, 15), True),
    ((12, 15), (10, 20), True),
    ((7, 7), (7, 7), True),
    ((6, 6), (7, 7), False),
    ((8, 8), (7, 7), False),
]


@pytest.mark.parametrize("kind", [StoreKind.VECTOR, StoreKind.DRAIN, StoreKind.SCALAR])
@pytest.mark.parametrize(("first", "second", "overlap"), RANGES)
def test_an_older_entry_that_may_hold_its_words_holds_the_next(simulate, kind, first, second, overlap):
    """From its start until it is written, unless both are of one stream, in every slot; one that was cancelled holds nobody."""

    async def bench(ctx, dut, places):
        for cancel in (0, 1):
            for differs in (*range(12), None):
                older, stream = ctx.get(dut.end), 0 if differs is None else 1 << differs
                await places.enter(store(), low=first[0], high=first[1], cancel=cancel)
                await places.tick(begins=1)
                await places.enter(store(kind=kind), low=second[0], high=second[1], stream=stream)
                held = overlap and not cancel and differs is not None
                assert places.ready() == (not held), (cancel, differs)
                await places.tick(written=1 << older)
                assert places.ready(), "the older one is written"
                younger = ctx.get(dut.next)
                await places.tick(begins=1)
                await places.tick(written=1 << younger)
                await places.tick()
                assert ctx.get(dut.idle)

    play(simulate, bench)


def test_what_an_entry_leaves_holds_nobody(simulate):
    """Its slot is free and its range the last entry's: an entry that has not started, and one that is over, are not under way."""

    async def bench(ctx, dut, places):
        for _ in range(6):
            slot = ctx.get(dut.end)
            await places.enter(store(), low=0, high=99, stream=1 + slot)
            assert places.ready(), "it does not hold itself"
            await places.enter(store(), low=0, high=99, stream=9)
            assert places.ready(), "the next one is still the first, and the younger does not hold it"
            await places.tick(begins=1)
            assert not places.ready()
            await places.tick(kill=1)
            await places.tick(written=1 << slot)

    play(simulate, bench)


def test_a_raise_waits_for_all_that_is_under_way(simulate):
    """Whatever its words and its stream; not for one that is written and keeps its slot behind an older one."""

    async def bench(ctx, dut, places):
        for _ in range(4):
            older = ctx.get(dut.end)
            await places.enter(store(), low=10, high=20)
            await places.tick(begins=1)
            await places.enter(store(kind=StoreKind.RAISE), low=NOWHERE_LOW, high=NOWHERE_HIGH)
            assert not places.ready()
            await places.tick(written=1 << older)
            assert places.ready()
            ctx.set(dut.raise_free, 0)
            assert not places.ready()
            ctx.set(dut.raise_free, 1)
            younger = ctx.get(dut.next)
            await places.tick(begins=1)
            assert not places.ready(), "it has started"
            await places.tick(written=1 << younger)

    play(simulate, bench)


def test_an_entry_without_its_address_does_not_start(simulate):
    """In every slot, whose last entry had one; it is no longer shown as placed."""

    async def bench(ctx, dut, places):
        for _ in range(6):
            slot = ctx.get(dut.end)
            ctx.set(dut.head, store())
            await places.tick(issue=store())
            await places.tick()
            assert not places.ready() and not places.slots().addr_valid >> slot & 1
            await places.tick(address={"low": 5, "high": 5})
            assert places.ready()
            await places.tick(begins=1)
            await places.tick(written=1 << slot)

    play(simulate, bench)


@pytest.mark.parametrize(("name", "awaited"), [("loads", "load_busy"), ("scalar_loads", "scalar_busy")])
@pytest.mark.parametrize("kind", StoreKind)
def test_an_entry_waits_for_the_loads_that_were_under_way(simulate, kind, name, awaited):
    """For each of them, and for none that begins later into the same register."""

    async def bench(ctx, dut, places):
        for register in range(32):
            ctx.set(dut.awaited[awaited], 1 << register)
            slot = ctx.get(dut.end)
            await places.enter(store(kind=kind, **{name: 1 << register}))
            await places.tick()
            assert not places.ready(), register
            ctx.set(dut.awaited[awaited], (1 << 32) - 1 & ~(1 << register))
            await places.tick()
            ctx.set(dut.awaited[awaited], (1 << 32) - 1)
            await places.tick()
            assert places.ready(), register
            await places.tick(begins=1)
            await places.tick(written=1 << slot)

    play(simulate, bench)


def test_an_entry_starts_once(simulate):
    """With every slot under way the next one is the oldest again, which has started."""

    async def bench(ctx, dut, places):
        for round_ in range(3):
            first = ctx.get(dut.end)
            for _ in range(4):
                await places.enter(store())
                assert places.ready()
                await places.tick(begins=1)
            assert ctx.get(dut.next) == first and not places.ready(), round_
            for k in range(4):
                await places.tick(written=1 << (first + k) % 4)
                assert not places.ready()
            await places.enter(store(kind=StoreKind.SCALAR))
            slot = ctx.get(dut.next)
            await places.tick(begins=1)
            await places.tick(written=1 << slot)

    play(simulate, bench)

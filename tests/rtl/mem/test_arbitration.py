"""Both arbitration steps against their rules, on random requests in every combination of turns and locks.

The rules are written again here as loops over ports in order of priority, and one law stands above them: no bank is
given away twice in a slot.
"""

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.mem.ahead import Ahead
from rtl.mem.done import DoneInOrder
from rtl.mem.loads import Loads

pytestmark = pytest.mark.fast


def one_hot(rng, few: int) -> int:
    return 1 << int(rng.integers(0, few))


def line_mask(rng, few: int) -> int:
    start = 2 * int(rng.integers(0, max(1, few // 2)))
    return ((0xFF << start) | (0xFF << start) >> 64) & (2**64 - 1)


def step1(request: dict) -> tuple[dict, int]:
    """Grants by the written rule, and the banks given away."""
    owners = {name: banks for name, (valid, banks, locked) in request["ports"].items() if locked}
    lock = 0
    for banks in owners.values():
        lock |= banks
    lanes = [f"st{lane}" for lane in range(8)]
    order = ["mw", "lr", "st", "ss"]
    if request["first"]:
        order = [request["first"], *(name for name in order if name != request["first"])]
    ports = [name for group in order for name in (lanes if group == "st" else [group])]
    grants = dict.fromkeys(request["ports"], 0)
    taken = 0
    if request["quiet"]:
        return grants, 0
    reserved = 0  # banks of all that come earlier in the order
    for name in ports:
        valid, banks, locked = request["ports"][name]
        if name == "mw":
            stuck = banks & lock
            grants[name] = int(valid and not stuck and not banks & reserved)
            # One that waits for a lock does not hold up the line read, but it does hold up stores.
            blocks_line = 0 if stuck else banks
            request["mw blocks line"] = blocks_line
            reserved |= banks
        elif name == "lr":
            before = reserved
            if "mw" in ports[: ports.index("lr")]:
                others = 0
                for other in ports[: ports.index("lr")]:
                    if other != "mw":
                        others |= request["ports"][other][1]
                before = others | request["mw blocks line"]
            grants[name] = int(valid and not banks & before)
            reserved |= banks
        elif locked:
            line_first = ports.index("lr") < ports.index(name)
            line = request["ports"]["lr"][1] if line_first else 0
            grants[name] = int(valid and not banks & line)
            reserved |= banks
        else:
            grants[name] = int(valid and not banks & (reserved | lock))
            reserved |= banks
        if grants[name]:
            assert not taken & banks, f"{name} takes a bank that is gone"
            taken |= banks
    return grants, taken


def random_step1(rng) -> dict:
    few = int(rng.choice([4, 12, 64]))
    ports = {}
    for name in ("mw", "lr"):
        valid = int(rng.random() < 0.7)
        ports[name] = (valid, line_mask(rng, few) if valid else 0, 0)
    locked_banks = 0
    for name in (*(f"st{lane}" for lane in range(8)), "ss"):
        present = rng.random() < 0.7
        banks = one_hot(rng, few) if present else 0
        locked = int(present and rng.random() < 0.2 and not banks & locked_banks)
        locked_banks |= banks if locked else 0
        # An owner may be waiting for its word: it holds the lock and does not ask.
        ports[name] = (int(present and not (locked and rng.random() < 0.5)), banks, locked)
    first = rng.choice(["", "", "lr", "st", "ss"])
    return {"ports": ports, "first": str(first), "quiet": bool(rng.random() < 0.05)}


@pytest.mark.parametrize("pairs", (False, True))
def test_step_1_follows_its_order(simulate, rng, pairs):
    dut = Ahead(pairs)

    async def bench(ctx):
        for _ in range(2000):
            request = random_step1(rng)
            ports = request["ports"]
            ctx.set(dut.mw_valid, ports["mw"][0])
            ctx.set(dut.mw_banks, ports["mw"][1])
            ctx.set(dut.lr_valid, ports["lr"][0])
            fills = int(rng.integers(0, 2))
            ctx.set(dut.fills, fills)
            ctx.set(dut.fill_banks if fills else dut.mr_banks, ports["lr"][1])
            ctx.set(dut.mr_banks if fills else dut.fill_banks, line_mask(rng, 64))
            stores = [ports[name] for name in (*(f"st{lane}" for lane in range(8)), "ss")]
            ctx.set(dut.valid, sum(valid << index for index, (valid, _, _) in enumerate(stores)))
            ctx.set(dut.locked, sum(locked << index for index, (_, _, locked) in enumerate(stores)))
            ctx.set(dut.present, sum((banks != 0) << index for index, (_, banks, _) in enumerate(stores)))
            for index, (_, banks, _) in enumerate(stores):
                ctx.set(dut.banks[index], banks)
                ctx.set(dut.number[index], max(0, banks.bit_length() - 1))
            for name in ("lr", "st", "ss"):
                ctx.set(getattr(dut, f"first_{name}"), request["first"] == name)
            ctx.set(dut.quiet, request["quiet"])
            grants, taken = step1(request)
            await ctx.delay(1e-10)
            got = {"mw": ctx.get(dut.mw_take), "lr": ctx.get(dut.lr_take), "ss": ctx.get(dut.take) >> 8}
            got |= {f"st{lane}": ctx.get(dut.take) >> lane & 1 for lane in range(8)}
            assert got == grants, request
            await ctx.tick()
            assert ctx.get(dut.busy) == taken

    simulate(dut, bench)


@pytest.mark.parametrize("pairs", (False, True))
def test_step_2_follows_its_order(simulate, rng, pairs):
    dut = Loads(pairs)

    async def bench(ctx):
        flip = 0
        for _ in range(3000):
            few = int(rng.choice([4, 16, 64]))
            busy = int(rng.integers(0, 1 << 64, dtype="u8")) & int(rng.integers(0, 1 << 64, dtype="u8"))
            first = str(rng.choice(["", "", "sl", "l0", "l1"]))
            lent, sl_lent = int(rng.integers(0, 256)) & int(rng.integers(0, 256)), int(rng.random() < 0.1)
            valid = {name: int(rng.integers(0, 256)) for name in ("l0", "l1")}
            banks = {
                name: [one_hot(rng, few) if valid[name] >> lane & 1 and rng.random() < 0.9 else 0 for lane in range(8)]
                for name in ("l0", "l1")
            }
            sl = one_hot(rng, few) if rng.random() < 0.7 else 0
            ctx.set(dut.busy, busy)
            ctx.set(dut.sl_valid, sl != 0)
            ctx.set(dut.sl_banks, sl)
            ctx.set(dut.sl_number, max(0, sl.bit_length() - 1))
            ctx.set(dut.sl_present, sl != 0)
            ctx.set(dut.l0_valid, valid["l0"])
            ctx.set(dut.l1_valid, valid["l1"])
            for name in ("l0", "l1"):
                ctx.set(getattr(dut, f"{name}_present"), sum((mask != 0) << lane for lane, mask in enumerate(banks[name])))
                for lane, mask in enumerate(banks[name]):
                    ctx.set(getattr(dut, f"{name}_banks")[lane], mask)
                    ctx.set(getattr(dut, f"{name}_number")[lane], max(0, mask.bit_length() - 1))
            ctx.set(dut.l1_lent, lent)
            ctx.set(dut.sl_lent, sl_lent)
            for name in ("sl", "l0", "l1"):
                ctx.set(getattr(dut, f"first_{name}"), first == name)
            await ctx.delay(1e-10)

            order = ["sl", "l1", "l0"] if flip else ["sl", "l0", "l1"]
            if first:
                order = [first, *(name for name in order if name != first)]
            taken = busy
            for name in order:
                if name == "sl":
                    expected = sl != 0 and not sl_lent and not sl & taken
                    assert ctx.get(dut.sl_take) == int(expected)
                    assert ctx.get(dut.sl_wins) == (sl if expected else 0)
                    taken |= sl
                    continue
                got = ctx.get(dut.l0_take if name == "l0" else dut.l1_take)
                wins = dut.l0_wins if name == "l0" else dut.l1_wins
                for lane in range(8):
                    mine = banks[name][lane]
                    waits = name == "l1" and lent >> lane & 1
                    expected = valid[name] >> lane & 1 and not mine & taken and not waits
                    assert got >> lane & 1 == int(bool(expected)), (order, name, lane)
                    assert ctx.get(wins[lane]) == (mine if expected else 0)
                    taken |= mine
            await ctx.tick()
            flip ^= 1

    simulate(dut, bench)


class _Lanes(wiring.Component):
    """DoneInOrder with its ports, for the simulator."""

    push: In(1)
    tag: In(6)
    take: In(8)
    done: Out(1)
    done_tag: Out(6)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.inner = inner = DoneInOrder(6)
        wiring.connect(m, wiring.flipped(self), inner)
        return m


def test_stores_are_done_in_order_after_their_last_lane(simulate, rng):
    dut = _Lanes()

    async def bench(ctx):
        waiting = [0] * 8  # requests that each lane still has
        granted = [0] * 8  # requests that each lane has finished
        pushed = reported = 0
        for _ in range(3000):
            push = max(waiting) < 5 and rng.random() < 0.7
            take = sum(1 << lane for lane in range(8) if waiting[lane] and rng.random() < rng.choice([0.3, 1.0]))
            ctx.set(dut.push, push)
            ctx.set(dut.tag, pushed % 64)
            ctx.set(dut.take, take)
            await ctx.tick()
            for lane in range(8):
                waiting[lane] += push - (take >> lane & 1)
                granted[lane] += take >> lane & 1
            pushed += push
            expected = min(granted) > reported
            assert ctx.get(dut.done) == expected
            if expected:
                assert ctx.get(dut.done_tag) == reported % 64
                reported += 1
        assert reported > 500

    simulate(dut, bench)

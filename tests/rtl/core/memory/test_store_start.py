"""The choice in the store queues: turns, room for all beats, beats without a gap, and when a position counts as read."""

import random

import pytest

from rtl.core.decoded import DrainFormat
from rtl.core.interfaces import StoreKind
from rtl.core.memory.store_start import BEATS, BEATS_LEFT, StoreStart

THREADS = 4


def test_random_entries_against_a_list(simulate, seed):
    """Every entry starts once, with all its beats in the cycles that follow, and its position is read once, not too early."""
    rng, dut = random.Random(seed), StoreStart()

    async def bench(ctx):
        turn, left, current, room, reads = 0, 0, None, 16, [0] * THREADS
        started = [0] * THREADS
        for _ in range(3_000):
            entries = []
            for t in range(THREADS):
                kind, format_ = rng.choice(list(StoreKind)), rng.choice(list(DrainFormat))
                entry = {"able": rng.random() < 0.6, "kind": kind, "format": format_.value, "slot": rng.randrange(4)}
                entries.append(entry | {"cancelled": rng.random() < 0.1})
                ctx.set(dut.candidates[t], entries[t])
            room = rng.randrange(17)
            ctx.set(dut.room, room)
            asking = [t % THREADS for t in range(turn, turn + THREADS) if entries[t % THREADS]["able"]]
            expected = {"begins": 0, "drops": 0, "beats": 0, "scalar_starts": 0, "raise_starts": 0, "reads": 0}
            beat = None
            if left:
                current["beat"] += 1
                left -= 1
                beat = current
                expected["reads"] = (left == BEATS_LEFT) << current["thread"]
            elif asking:
                t = asking[0]
                entry = entries[t]
                beats = {StoreKind.VECTOR: 1, StoreKind.DRAIN: BEATS[DrainFormat(entry["format"])]}.get(entry["kind"], 0)
                beats = 0 if entry["cancelled"] else beats
                if room >= beats:
                    turn, left = (t + 1) % THREADS, max(beats - 1, 0)
                    expected |= {"begins": 1 << t, "drops": entry["cancelled"] << t, "beats": beats}
                    expected["scalar_starts"] = int(not entry["cancelled"] and entry["kind"] is StoreKind.SCALAR)
                    expected["raise_starts"] = int(not entry["cancelled"] and entry["kind"] is StoreKind.RAISE)
                    expected["reads"] = (left <= BEATS_LEFT) << t
                    started[t] += 1
                    current = {"thread": t, "slot": entry["slot"], "beat": 0}
                    beat = None if entry["cancelled"] else current
            got = {name: ctx.get(getattr(dut, name)) for name in expected}
            assert got == expected, entries
            for t in range(THREADS):
                reads[t] += expected["reads"] >> t & 1
            await ctx.tick()
            shown = ctx.get(dut.beat)
            assert shown.valid == (beat is not None)
            if beat is not None:
                assert {name: shown[name] for name in beat} == beat and shown.last == (left == 0)
        while left:  # the one under way
            for t in range(THREADS):
                ctx.set(dut.candidates[t].able, 0)
            left -= 1
            reads[current["thread"]] += left == BEATS_LEFT
            assert ctx.get(dut.reads) == (left == BEATS_LEFT) << current["thread"]
            await ctx.tick()
        assert reads == started and min(started) > 50

    simulate(dut, bench)


@pytest.mark.parametrize("format_", DrainFormat)
def test_a_drain_waits_for_room_for_all_its_beats(simulate, format_):
    dut = StoreStart()

    async def bench(ctx):
        ctx.set(dut.candidates[1], {"able": 1, "kind": StoreKind.DRAIN, "format": format_.value, "slot": 0, "cancelled": 0})
        for room in range(17):
            ctx.set(dut.room, room)
            assert ctx.get(dut.beats) == (BEATS[format_] if room >= BEATS[format_] else 0)
            assert ctx.get(dut.begins) == (2 if room >= BEATS[format_] else 0)

    simulate(dut, bench)

"""A load waits for the older stores of its thread that overlap it, and for no younger one, however often slots are used again.

Who is told that there is room sends a load in the next cycle.
"""

import random

from rtl.core.interfaces import NOWHERE_LOW, STORE_SLOTS, THREADS
from rtl.core.memory.load_queue import DEPTH, LoadQueue, ScalarRequest


def test_random_loads_and_stores_against_a_list(simulate, seed):
    rng, dut = random.Random(seed), LoadQueue(ScalarRequest)
    stores: list[list[dict | None]] = [[None] * STORE_SLOTS for _ in range(THREADS)]
    loads: list[dict] = []

    async def bench(ctx):
        number, waited, reused, full, push = 0, 0, 0, 0, False
        for _ in range(1_200):
            for t in range(THREADS):
                shown = {"occupied": 0, "addr_valid": 0, "low": [NOWHERE_LOW] * STORE_SLOTS, "high": [0] * STORE_SLOTS}
                for s, store in enumerate(stores[t]):
                    if store is not None:
                        shown["occupied"] |= 1 << s
                        shown["addr_valid"] |= store["placed"] << s
                        shown["low"][s], shown["high"][s] = store["low"], store["high"]
                ctx.set(dut.store_progress.slots[t], shown)
            # Older stores are those in the slots when the load issued, a cycle before it comes here.
            assert len(loads) + push <= DEPTH
            t, low = rng.randrange(THREADS), rng.randrange(8)
            older = [store for store in stores[t] if store is not None and store["issued"] < number - 1]
            ctx.set(dut.push, push)
            ctx.set(dut.range, {"thread": t, "low": low, "high": low + 1})
            ctx.set(dut.request, {"addr": number % 4096, "tag": number % 65536})
            ctx.set(dut.older, sum(1 << s for s, store in enumerate(stores[t]) if store in older and store is not None))
            go = False
            if loads:
                head = loads[0]
                blocking = [
                    store
                    for store in head["older"]
                    if store in stores[head["thread"]]
                    and (not store["placed"] or store["low"] <= head["low"] + 1 and head["low"] <= store["high"])
                ]
                go = not blocking
                waited += bool(blocking)
                reused += go and any(store not in head["older"] and store is not None for store in stores[head["thread"]])
            assert ctx.get(dut.go) == go
            if loads:
                assert ctx.get(dut.head_request.tag) == loads[0]["number"] % 65536
            take = go and rng.random() < 0.6
            ctx.set(dut.take, take)
            sends = ctx.get(dut.room) and rng.random() < 0.6
            full += len(loads) == DEPTH
            await ctx.tick()
            if take:
                loads.pop(0)
            if push:
                loads.append({"thread": t, "low": low, "older": list(older), "number": number})
            for t in range(THREADS):
                for s, store in enumerate(stores[t]):
                    if store is None:
                        if rng.random() < 0.15:
                            stores[t][s] = {"issued": number, "placed": 0, "low": NOWHERE_LOW, "high": 0}
                    elif not store["placed"]:  # its address may take long, and shows anything until then
                        if rng.random() < 0.5:
                            continue
                        place = rng.randrange(8)
                        store |= {"placed": 1, "low": place, "high": place + rng.randrange(3)}
                    elif rng.random() < 0.2:
                        stores[t][s] = None  # it is empty for a cycle at least
            number, push = number + 1, sends
        assert min(waited, reused, full) > 50

    simulate(dut, bench)

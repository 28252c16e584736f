"""The check of network instructions against `golden.arch.global_address`, for addresses near every limit."""

import pytest

from golden.arch.config import get_config
from golden.arch.global_address import (
    CAST,
    GLOBAL,
    cast_address,
    global_address,
    refused_cast,
    refused_global,
    refused_local,
    refused_place,
)
from golden.arch.memmap import Fault
from rtl.core.memory.network_check import NetworkCheck

CONFIG = get_config("tiny")
HERE = (3, 5)
END = CONFIG.sram_bytes


def near(rng, *places: int) -> int:
    """One of these, or some bytes beside it, or with a high bit."""
    value = int(rng.choice(places)) + int(rng.choice([0, 0, 8, -8, 16, 56, 1, -1, 4]))
    if rng.random() < 0.1:
        value |= 1 << int(rng.integers(21, 64))
    return value % (1 << 64)


def expected(raises: bool, lists: bool, casts: bool, words: int, local: int, remote: int) -> tuple[Fault, int] | None:
    if lists:
        if local % 64:
            return Fault.MISALIGNED, local
        return None if local + 64 * remote <= END else (Fault.RANGE, local)
    if not raises and (cause := refused_local(local, words, END)) is not None:
        return cause, local
    if casts:
        cause = refused_cast(remote, words)
    else:
        cause = refused_place(remote, HERE) if raises else refused_global(remote, words, HERE)
    return None if cause is None else (cause, remote)


@pytest.mark.fast
def test_every_cause_in_its_order(simulate, rng):
    dut, found = NetworkCheck(CONFIG.sram_words), set()

    async def bench(ctx):
        ctx.set(dut.place.x, HERE[0])
        ctx.set(dut.place.y, HERE[1])
        for _ in range(3000):
            kind = int(rng.integers(5))
            raises, lists, casts = kind == 2, kind == 3, kind == 4
            words = int(rng.integers(0, 16)) if rng.random() < 0.2 else int(rng.integers(1, 9))
            local = near(rng, 0, 0x40, 0x78, END - 64, END - 8, END)
            place = HERE if rng.random() < 0.1 else (int(rng.integers(32)), int(rng.integers(32)))
            remote = global_address(place, near(rng, 0x40, 0x78, 1 << 34) % (1 << 35), int(rng.integers(64)))
            if casts:
                far = tuple(int(rng.integers(at - at // 2, 32)) for at in place)
                remote = cast_address(place, far, remote % (1 << 35))
            if rng.random() < 0.1:
                remote |= 1 << int(rng.integers(CAST.width if casts else GLOBAL.width, 64))
            if lists:
                remote = near(rng, 0, 1, (END - local) // 64 % (1 << 17))
            for name, value in (
                ("raises", raises), ("lists", lists), ("casts", casts), ("words", words), ("local", local), ("remote", remote),
            ):  # fmt: skip
                ctx.set(getattr(dut, name), value)
            want = expected(raises, lists, casts, words, local, remote)
            fault = ctx.get(dut.fault)
            got = (Fault(fault.cause), fault.operand) if fault.fault else None
            assert got == want, f"{kind} {words} {local:#x} {remote:#x}"
            found.add((kind == 3, raises, casts, want and (want[0], want[1] == local)))

    simulate(dut, bench, clocked=False)
    assert len(found) == 15, found

"""Entries of the store queues become commands, in order, and no more start than there is room for."""

from collections import deque

import pytest

from golden.arch.global_address import CAST, GLOBAL
from golden.arch.isa import BY_MNEMONIC
from rtl.common.network_ports import NetOp
from rtl.core.decoded import implemented
from rtl.core.interfaces import StoreKind
from rtl.core.memory.commands import NetCommands
from rtl.core.memory.store_queue import NET_PLACES

REMOTE = {"address": 0x12345678, "x": 3, "y": 9, "semaphore": 44, "notify": 1}
RECTANGLE = REMOTE | {"far_x": 17, "far_y": 10}


def test_operations_are_the_low_bits_of_opcodes():
    names = {"rput": NetOp.PUT, "rget": NetOp.GET, "rraise": NetOp.RAISE, "rlist": NetOp.LIST, "rcast": NetOp.CAST}
    assert {name: BY_MNEMONIC[name].opcode & 7 for name in names} == names
    assert all(implemented(BY_MNEMONIC[name]) for name in names)


def entry(mnemonic: str, place: dict, **operands: int) -> dict:
    """A token's parts."""
    return {"issue": {"kind": StoreKind.NET, "value": BY_MNEMONIC[mnemonic].encode(**operands)}, "place": place}


ENTRIES = [
    (
        entry("rput", {"base": 77, "strobe": GLOBAL.pack(REMOTE)}, ra=1, rb=2, words=8, ack=1, fixed=0),
        {"op": NetOp.PUT, "local": 77, "words": 8, "ack": 1, "fixed": 0, "remote": REMOTE},
    ),
    (
        entry("rput", {"base": 78, "strobe": GLOBAL.pack(REMOTE)}, ra=1, rb=2, words=1, ack=0, fixed=1),
        {"op": NetOp.PUT, "local": 78, "words": 1, "ack": 0, "fixed": 1, "remote": REMOTE},
    ),
    (
        entry("rget", {"base": 1 << 17, "strobe": GLOBAL.pack(REMOTE)}, ra=1, rb=2, words=3, s=45),
        {"op": NetOp.GET, "local": 1 << 17, "words": 3, "semaphore": 45, "raises": 1, "remote": REMOTE},
    ),
    (
        entry("rraise", {"base": 0xFEDC, "strobe": GLOBAL.pack(REMOTE)}, s=51, rb=4, rc=5),
        {"op": NetOp.RAISE, "semaphore": 51, "amount": 0xFEDC, "remote": REMOTE},
    ),
    (
        entry("rcast", {"base": 79, "strobe": CAST.pack(RECTANGLE)}, ra=1, rb=2, words=7),
        {"op": NetOp.CAST, "local": 79, "words": 7, "remote": RECTANGLE},
    ),
    (entry("rlist", {"base": 8 * 99, "strobe": 0x1234}, ra=1, rb=2), {"op": NetOp.LIST, "local": 8 * 99, "amount": 0x1234}),
]


@pytest.mark.parametrize("ready", [1.0, 0.3])
def test_entries_become_commands(simulate, rng, ready):
    dut, rest = NetCommands(), deque()

    async def bench(ctx):
        started, coming, got = 0, None, 0
        while got < 60:
            ctx.set(dut.tokens.token, {"at": {"valid": 0}})
            if coming is not None:
                token, thread, slot = coming
                ctx.set(dut.tokens.token, token | {"at": {"valid": 1, "thread": thread, "slot": slot}})
            ctx.set(dut.starts.count, coming is not None)
            coming = None
            if ctx.get(dut.starts.room) and rng.random() < 0.9:
                number, thread, slot = int(rng.integers(len(ENTRIES))), int(rng.integers(4)), int(rng.integers(4))
                coming = (ENTRIES[number][0], thread, slot)
                rest.append((ENTRIES[number][1] | {"held": 1, "last": 0}, thread, slot))
                started += 1
            takes = int(rng.random() < ready)
            ctx.set(dut.commands.ready, takes)
            if takes and ctx.get(dut.commands.valid):
                command = ctx.get(dut.commands.payload)
                expected, thread, slot = rest.popleft()
                assert (command.thread, command.slot) == (thread, slot)
                for name, value in expected.items():
                    found = command[name]
                    if name == "remote":
                        found = {field: found[field] for field in value}
                    assert found == value, (expected, name)
                got += 1
            assert len(rest) <= NET_PLACES
            await ctx.tick()

    simulate(dut, bench)

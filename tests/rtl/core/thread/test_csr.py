"""Control registers by themselves: what may be accessed, which bits are kept, whose they are, and that a start zeroes each of them."""

from itertools import product

import pytest

from golden.arch.isa import THREADS
from golden.arch.memmap import CSR_BITS, CSRS, FP_MODE_BITS, READ_ONLY_CSRS, Csr
from rtl.core.thread.csr import CsrFile

ONES = (1 << 64) - 1
KEPT = sorted(CSR_BITS)
MASKS = {csr: (1 << bits) - 1 for csr, bits in CSR_BITS.items()} | {Csr.FP_MODE: FP_MODE_BITS}


def registers(simulate, script) -> None:
    """The script is a coroutine function of (ctx, dut, write, read)."""
    dut = CsrFile()

    async def bench(ctx) -> None:
        access = dut.access

        async def write(thread: int, number: int, value: int) -> None:
            for name, part in (("thread", thread), ("number", number), ("is_write", 1), ("commit", 1), ("data", value)):
                ctx.set(getattr(access, name), part)
            await ctx.tick()
            ctx.set(access.commit, 0)

        async def read(thread: int, number: int) -> int:
            for name, part in (("thread", thread), ("number", number), ("is_write", 0)):
                ctx.set(getattr(access, name), part)
            await ctx.tick()
            return ctx.get(access.value)

        await script(ctx, dut, write, read)

    simulate(dut, bench, limit=3_000)


def test_what_may_not_be_accessed(simulate):
    async def script(ctx, dut, write, read) -> None:
        for number in (*range(300), 511, 512, 1000, 1023):
            ctx.set(dut.access.number, number)
            for is_write, known in ((0, CSRS - {Csr.COUNTER_CLEAR}), (1, CSRS - READ_ONLY_CSRS)):
                ctx.set(dut.access.is_write, is_write)
                await ctx.delay(1e-9)
                assert ctx.get(dut.access.illegal) == (number not in known), (number, is_write)

    registers(simulate, script)


@pytest.mark.parametrize("csr", KEPT)
def test_registers_keep_their_bits_and_no_others(simulate, csr):
    async def script(ctx, dut, write, read) -> None:
        await write(2, csr, ONES)
        for t, other in product(range(THREADS), KEPT):
            assert await read(t, other) == (MASKS[csr] if (t, other) == (2, csr) else 0)
        await write(2, csr, ONES - 5)
        assert await read(2, csr) == ONES - 5 & MASKS[csr]

    registers(simulate, script)


@pytest.mark.parametrize("csr", KEPT)
def test_a_write_that_is_not_committed_changes_nothing(simulate, csr):
    async def script(ctx, dut, write, read) -> None:
        ctx.set(dut.access.is_write, 1)
        ctx.set(dut.access.number, csr)
        ctx.set(dut.access.data, ONES)
        await ctx.tick()
        assert await read(0, csr) == 0

    registers(simulate, script)


@pytest.mark.parametrize("csr", KEPT)
def test_a_start_zeroes_the_registers_of_its_thread(simulate, csr):
    """Each of them by itself, of that thread alone."""

    async def script(ctx, dut, write, read) -> None:
        full = MASKS[csr]
        for starting in range(THREADS):
            for t in range(THREADS):
                await write(t, csr, ONES)
            ctx.set(dut.life.starts, 1 << starting)
            await ctx.tick()
            ctx.set(dut.life.starts, 0)
            assert [await read(t, csr) for t in range(THREADS)] == [0 if t == starting else full for t in range(THREADS)]

    registers(simulate, script)

"""Runs inside Verilator: every buffer of rtl/common/stream.py under every pair of gaps.

Parameter `capacity`: entries that the buffer holds.
"""

import cocotb
from cocotb.triggers import with_timeout

from tb.bind import bind, parameters
from tb.clock import PERIOD_PS, cycles, start
from tb.scoreboard import InOrder
from tb.seed import generator
from tb.stream import GAPS, Monitor, Sink, Source

ITEMS = 400
LIMIT = ITEMS * 16  # cycles


async def begin(dut):
    ports = bind(dut)
    await start(ports, limit=LIMIT)
    board = InOrder("buffer")
    entering = Monitor(ports, "i", see=board.expect)
    leaving = Monitor(ports, "o", see=board.got)
    return ports, board, entering, leaving


def items(count: int) -> list[dict[str, int]]:
    rng = generator("items")
    return [{"number": number % 256, "sign": rng.randint(-8, 7)} for number in range(count)]


@cocotb.test()
@cocotb.parametrize(entry=list(GAPS), exit=list(GAPS))
async def keeps_order_under(dut, entry: str, exit: str):
    ports, board, _, leaving = await begin(dut)
    source = Source(ports, "i", GAPS[entry](generator("source")))
    Sink(ports, "o", GAPS[exit](generator("sink")))
    source.put(*items(ITEMS))
    await source.idle()
    while leaving.transfers < ITEMS:
        await cycles(ports, 1)
    board.finish()
    assert board.compared == ITEMS


@cocotb.test()
async def moves_one_item_per_cycle(dut):
    ports, board, _, leaving = await begin(dut)
    source = Source(ports, "i")
    Sink(ports, "o")
    source.put(*items(ITEMS))
    await source.idle()
    await cycles(ports, 2)
    board.finish()
    assert leaving.offered == leaving.transfers == ITEMS
    # Two cycles for the first item (driven after an edge, taken at the next, shown at the one after), two to drain.
    assert leaving.cycles <= ITEMS + 5


@cocotb.test()
async def fills_to_its_capacity_and_offers_without_ready(dut):
    ports, board, entering, leaving = await begin(dut)
    source = Source(ports, "i")
    source.put(*items(ITEMS))
    await cycles(ports, 3 * parameters()["capacity"] + 10)
    assert (entering.transfers, leaving.transfers) == (parameters()["capacity"], 0)
    assert ports.o__valid.get(), "valid waits for ready"
    Sink(ports, "o", after_valid=True)
    await source.idle()
    while board.pending:
        await cycles(ports, 1)
    board.finish()


@cocotb.test()
async def payload_fields_survive(dut):
    ports, _, _, leaving = await begin(dut)
    seen = []
    Sink(ports, "o", take=lambda payload: seen.append(ports.o__payload.fields(payload)))
    source = Source(ports, "i")
    sent = items(20)
    source.put(*sent)
    await with_timeout(source.idle(), LIMIT * PERIOD_PS, "ps")
    await cycles(ports, 3)
    assert seen == sent and leaving.transfers == 20

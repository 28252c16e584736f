"""Runs inside Verilator: requests of every kind that do not concern threads, with gaps on both sides (endpoint_bench.py)."""

import cocotb

from golden.arch.packet import SEQUENCE_NOTIFY, Kind
from tb.clock import cycles
from tb.seed import generator
from tb.stream import GAPS
from tests.rtl.noc.endpoint_bench import DIRECT, LOADED, NOTIFIED, RAISED, WRITTEN, begin

PACKETS = 300


@cocotb.test()
@cocotb.parametrize(entry=list(GAPS), exit=list(GAPS))
async def requests_under(dut, entry: str, exit: str):
    bench = await begin(dut, entry, exit)
    pick = generator("traffic")
    bench.source.put(*(bench.traffic(pick, number % 2) for number in range(PACKETS)))
    await bench.finish("answers", "stores", "loads", "raises")
    assert bench.answers.compared > PACKETS / 3


@cocotb.test()
@cocotb.parametrize(exit=["none", "random", "stuck", "slow"])
async def every_kind_back_to_back(dut, exit: str):
    """Long runs of one kind, each answered, with the answers held up."""
    bench = await begin(dut, "none", exit)
    pick = generator("traffic")

    def requests(channel: int):
        semaphore = channel << 4 | pick.randrange(16)
        line = {"address": channel * bench.config.sram_bytes // 2 + 64 * pick.randrange(8)}
        yield lambda: bench.request(pick, channel, Kind.WRITE, WRITTEN, **line)
        yield lambda: bench.request(pick, channel, Kind.WRITE, 0, tag=semaphore, sequence=SEQUENCE_NOTIFY | NOTIFIED << 4, **line)
        yield lambda: bench.request(pick, channel, Kind.READ, LOADED, **line)
        yield lambda: bench.request(pick, channel, Kind.RAISE, RAISED, tag=semaphore | 32, address=pick.getrandbits(16))
        yield lambda: bench.malformed(pick, channel, False, {**line, "length": 8})

    for channel in (0, 1, 0, 1):
        for make in requests(channel):
            bench.source.put(*(make() for _ in range(24)))
    await bench.finish("answers", "stores", "loads", "raises")
    assert bench.overflows > 10


@cocotb.test()
async def notifying_writes_pass_one_a_cycle(dut):
    """A transfer counts every packet, so a raise may take no longer than the line it announces."""
    bench = await begin(dut)
    pick = generator("traffic")
    count = 200
    bench.memory.prompt = bench.core.prompt = True
    for number in range(count):
        sequence = SEQUENCE_NOTIFY | NOTIFIED << 4
        bench.source.put(
            bench.request(pick, 0, Kind.WRITE, 0, respond=False, tag=number % 16, sequence=sequence, address=64 * (number % 64))
        )
    await cycles(bench.ports, count + 24)
    assert bench.raises.compared == count and not bench.overflows
    await bench.finish("stores", "raises")


@cocotb.test()
async def boot_packets_move_the_node(dut):
    bench = await begin(dut)
    pick = generator("traffic")
    for number in range(20):
        place = pick.randrange(32), pick.randrange(32)
        boot = bench.request(
            pick, 0, Kind.BOOT, DIRECT, destination=(pick.randrange(32), 3), payload=place[0] | place[1] << 5, respond=number % 2 == 0
        )
        bench.source.put(boot)
        while bench.place != place:
            await cycles(bench.ports, 1)
        bench.source.put(*(bench.traffic(pick, 0) for _ in range(8)))
        await bench.finish("answers")
    assert (bench.ports.place__x.get(), bench.ports.place__y.get()) == bench.place

"""Runs inside Verilator for tests/sim/compile/test_verilator.py: tests that pass, fail, and act on inner memories."""

import os
import time

import cocotb
from cocotb.triggers import Event

from tb.bind import bind, parameters
from tb.clock import cycles, start
from tb.seed import generator


@cocotb.test()
async def edges_show_the_values_before_them(dut):
    ports = bind(dut)
    await start(ports)
    ports.data.set(5)
    await cycles(ports, 1)
    assert ports.held.get() == 0, "an input written after an edge was seen by that edge"
    await cycles(ports, 1)
    assert ports.held.get() == 5


@cocotb.test()
async def two_holders_are_two_cycles(dut):
    ports, random = bind(dut), generator("data")
    await start(ports)
    sent, between, came = [0, 0], [], []
    for _ in range(50):
        sent.append(random.getrandbits(8))
        ports.data.set(sent[-1])
        await cycles(ports, 1)
        between.append(int(dut.holder0.held.value))
        came.append(ports.held.get())
    assert between == sent[1:-1] and came == sent[:-2]


@cocotb.test()
async def a_public_memory_is_read_and_written(dut):
    ports = bind(dut)
    await start(ports)
    memory = dut.store
    memory[3].value = 0x5A
    ports.address.set(3)
    await cycles(ports, 3)
    assert ports.held_word.get() == 0x5A


@cocotb.test()
async def prints_its_random_numbers(dut):
    dut._log.info("drawn %d", generator("a").getrandbits(32))


@cocotb.test()
async def fails(dut):
    bind(dut)
    assert parameters()["answer"] == 42, "the answer is wrong"


@cocotb.test()
async def stops_the_simulation(dut):
    os._exit(3)


@cocotb.test()
async def runs_for_ever(dut):
    ports = bind(dut)
    await start(ports)
    while True:
        await cycles(ports, 1000)


@cocotb.test()
async def waits_for_ever(dut):
    ports = bind(dut)
    await start(ports, limit=500)
    await Event().wait()


@cocotb.test()
async def stands_for_ever(dut):
    while True:
        time.sleep(1)

"""What the endpoint and the core say to each other about threads: status, starts, debug commands, register writes."""

from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import memmap

STATUS = data.StructLayout({"state": 3, "cause": 4, "pc": memmap.ADDRESS_BITS, "operand": 64, "retired": 48, "seq": 16, "debug": 1})
"""One thread as its status line shows it."""

Start = wiring.Signature({"valid": Out(1), "thread": Out(2), "pc": Out(memmap.ADDRESS_BITS - 2)})
Debug = wiring.Signature({"valid": Out(1), "thread": Out(2), "op": Out(4), "value": Out(64)})
Poke = wiring.Signature({"valid": Out(1), "ready": In(1), "thread": Out(2), "index": Out(5), "value": Out(64)})

"""The node's SRAM: ports, queues, two arbitration steps, storage, correction. docs/sram.md explains the organisation.

A load passes the stages queue, arbitrate, macro, return, correct, and can be used in the next cycle; a store's grant
comes one cycle before the slot in which it writes. All outputs are flip-flops.
"""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.sram import MAX_ROWS
from rtl.mem import ports
from rtl.mem.banks import BanksBody
from rtl.mem.conflicts import Conflicts
from rtl.mem.done import Completions
from rtl.mem.flat import FlatBody
from rtl.mem.load_front import LoadFront
from rtl.mem.returns import Returns
from rtl.mem.step_one import StepOne
from rtl.mem.sweep import Sweep
from rtl.mem.write_path import WritePath


class SRAM(wiring.Component):
    """64 banks of `rows` words with seven ports and instruction fills.

    Parameters
    ----------
    rows: rows per bank, 2,560 in d1; the memory holds 512 * rows bytes.
    body: "flat" (simulation) or "banks" (synthesis); see rtl/mem/body.py.
    sweep: write zeros everywhere after reset, with `busy` high and all ports shut. Without it the memory's initial content
        stays: zeros in simulation, which are valid words.
    """

    # Vector loads, 64 B each. When the fields of a port are valid stands in rtl/mem/ports.py.
    l0: In(ports.VectorLoad)
    l1: In(ports.VectorLoad)
    # Vector store, 64 B.
    st: In(ports.VectorStore)
    # Scalar load and store, 8 B.
    sl: In(ports.ScalarLoad)
    ss: In(ports.ScalarStore)
    # Mesh write and read, 64 B lines.
    mw: In(ports.LineWrite)
    mr: In(ports.LineRead)
    # Instruction cache fill, 64 B lines.
    fill: In(ports.Fill)
    # Planted errors.
    inject: In(ports.Inject)
    # Error reports, one and two cycles after the return of the word that they are about.
    corrected: Out(ports.Corrected)
    uncorrectable: Out(ports.Uncorrectable)
    # The sweep after reset runs; all ports are shut. Valid in every cycle.
    busy: Out(1)
    conflicts: Out(ports.ConflictCount)

    def __init__(self, rows: int = MAX_ROWS, body: str = "flat", sweep: bool = False):
        if not 1 <= rows <= MAX_ROWS:
            raise ValueError(f"rows is {rows}, the address map holds 1 to {MAX_ROWS}")
        if body not in ("flat", "banks"):
            raise ValueError(f"body is {body!r}, there are 'flat' and 'banks'")
        self._rows = rows
        self._body = body
        self._sweep = sweep
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        flat = self._body == "flat"
        m.submodules.body = body = (FlatBody if flat else BanksBody)(self._rows)
        m.submodules.load_front = load_front = LoadFront(pairs=not flat)
        m.submodules.step_one = step_one = StepOne(pairs=not flat)
        m.submodules.write_path = write_path = WritePath()
        m.submodules.returns = returns = Returns(tables=flat)
        m.submodules.completions = completions = Completions()
        m.submodules.conflicts = conflicts = Conflicts()

        # Requests.
        for name in ("l0", "l1", "sl"):
            wiring.connect(m, ports.request(wiring.flipped(getattr(self, name))), getattr(load_front, name))
        for name in ("st", "ss", "mw", "mr", "fill"):
            wiring.connect(m, ports.request(wiring.flipped(getattr(self, name))), getattr(step_one, name))

        # Grants of a slot, and what they do.
        wiring.connect(m, load_front.waiting, step_one.loads)
        wiring.connect(m, step_one.given, load_front.given)
        wiring.connect(m, step_one.stores, load_front.stores, write_path.stores)
        wiring.connect(m, step_one.scalar_head, write_path.head)
        wiring.connect(m, step_one.line_write, write_path.line)
        wiring.connect(m, step_one.line_read, body.line_read, returns.line)
        wiring.connect(m, load_front.reads, body.reads)
        wiring.connect(m, load_front.info, returns.info)
        wiring.connect(m, write_path.singles, body.writes)
        wiring.connect(m, write_path.lines, body.line_write)

        # What comes back.
        wiring.connect(m, body.words, returns.words)
        wiring.connect(m, returns.old_words, step_one.old_words)
        for name in ("l0", "l1", "sl", "mr", "fill"):
            wiring.connect(m, getattr(returns, name), wiring.flipped(getattr(self, name).ret))
        wiring.connect(m, step_one.ended, completions.ended)
        for name in ("st", "ss", "mw"):
            wiring.connect(m, getattr(completions, name), wiring.flipped(getattr(self, name).done))
        wiring.connect(m, returns.corrected, wiring.flipped(self.corrected))
        wiring.connect(m, returns.uncorrectable, wiring.flipped(self.uncorrectable))
        wiring.connect(m, load_front.denied, conflicts.loads)
        wiring.connect(m, step_one.denied, conflicts.ahead)
        wiring.connect(m, conflicts.conflicts, wiring.flipped(self.conflicts))
        wiring.connect(m, wiring.flipped(self.inject), write_path.inject)

        if self._sweep:
            m.submodules.sweep = sweep = Sweep(body.sweep_steps)
            wiring.connect(m, sweep.now, body.sweep, load_front.sweep, step_one.sweep)
            m.d.comb += self.busy.eq(sweep.now.active)
        return m

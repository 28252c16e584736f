r"""One hardware thread: its parts, wired.

::

    dispatched ----> Positions, Predicates: what its groups gave away            \
        |                                                                         \--> turn: whether and what it may dispatch
        \----------> Course: where it is, why it waits <---- orders: Debugger     /
                        |  ^
               stage    |  \---- doom: Faults <---- faults of units, lost words
                        \------> everyone

A HALTED thread executes only what the debugger injects.
"""

from amaranth.hdl import Cat, Const, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from golden.arch.memmap import ThreadState
from rtl.common.host_ports import Debug
from rtl.common.network_ports import NetSteer
from rtl.core.groups import Dispatched, Supply, Turn
from rtl.core.interfaces import ScalarSteer, StoreProgress, VectorSteer, scalar_progress, vector_progress
from rtl.core.thread.course import Course
from rtl.core.thread.debugger import Debugger
from rtl.core.thread.faults import Faults
from rtl.core.thread.parts import ArrivalPort, Begin, Hold, Overflow, Shown, Spawn, WaitPort
from rtl.core.thread.positions import Positions
from rtl.core.thread.predicates import Predicates
from rtl.core.thread.rest import Rest
from rtl.mem.ports import Uncorrectable

ASLEEP = (Hold.SEMAPHORE, Hold.BARRIER, Hold.JOIN, Hold.DRAIN)
"""A control instruction waits."""


class Thread(wiring.Component):
    """A thread.

    Parameters
    ----------
    config : sizes.
    number : which of the threads; it takes what is addressed to it.
    """

    def __init__(self, config: NodeConfig, number: int) -> None:
        self._config, self._number = config, number
        # What every part hears that has an interface of the name.
        self._heard = {
            "dispatched": Dispatched,
            "scalar_progress": scalar_progress(config),
            "vector_progress": vector_progress(config),
            "store_progress": StoreProgress,
            "scalar_steer": ScalarSteer,
            "vector_steer": VectorSteer,
            "overflow": Overflow,
            "uncorrectable": Uncorrectable,
            "net_steer": NetSteer,
            "debug": Debug,
            "begin": Begin,
        }
        members = {name: In(signature) for name, signature in self._heard.items()}
        members |= {
            "turn": Out(Turn),
            "supply": Out(Supply),
            "semaphore": Out(WaitPort),
            "barrier": Out(ArrivalPort),
            "spawn": Out(Spawn),
            "shown": Out(Shown),
        }
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, number = self._config, self._number
        m.submodules.course = course = Course(config, number)
        m.submodules.positions = positions = Positions(config, number)
        m.submodules.predicates = predicates = Predicates(number)
        m.submodules.rest = rest = Rest(config, number)
        m.submodules.faults = faults = Faults(number)
        m.submodules.debugger = debugger = Debugger(number)
        parts = (course, positions, predicates, rest, faults, debugger)

        def listeners(name: str, speaker: object = None) -> list:
            return [getattr(part, name) for part in parts if part is not speaker and name in part.signature.members]

        for name in self._heard:
            wiring.connect(m, wiring.flipped(getattr(self, name)), *listeners(name))
        for speaker, name in ((course, "stage"), (positions, "room"), (rest, "rested"), (faults, "doom"), (debugger, "orders")):
            wiring.connect(m, getattr(speaker, name), *listeners(name, speaker))
        turn = wiring.flipped(self.turn)
        wiring.connect(m, course.where, turn.where, debugger.where)
        wiring.connect(m, positions.counted, turn.counted)
        wiring.connect(m, positions.queued, turn.queued)
        wiring.connect(m, predicates.known, turn.known)
        wiring.connect(m, debugger.debugged, turn.debugged)
        wiring.connect(m, course.may, turn.may)
        for name in ("supply", "semaphore", "barrier", "spawn"):
            wiring.connect(m, getattr(course, name), wiring.flipped(getattr(self, name)))
        self._show(m, course, positions, faults, debugger)
        return m

    def _show(self, m: Module, course: Course, positions: Positions, faults: Faults, debugger: Debugger) -> None:
        stage, shown, status = course.stage, self.shown, self.shown.status
        m.d.comb += [
            shown.running.eq(stage.state == ThreadState.RUNNING),
            shown.waiting.eq(shown.running & Cat(stage.hold == hold for hold in ASLEEP).any()),
            shown.kill.eq(faults.doom.kill),
            shown.ends.eq(stage.ends),
            shown.stops.eq(stage.stops),
            status.state.eq(Mux(shown.waiting, ThreadState.WAITING, stage.state)),
            status.cause.eq(faults.doom.cause),
            status.pc.eq(Cat(Const(0, 2), course.where.state.pc)),
            status.operand.eq(faults.doom.operand),
            status.retired.eq(positions.retired),
            status.seq.eq(positions.counted.state.seq),
            status.debug.eq(debugger.debugged.state.break_on),
        ]

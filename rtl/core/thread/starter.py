"""Who starts threads: packets and other threads. One thread a cycle starts another, the lowest first; a packet goes before it."""

from amaranth.hdl import Cat, Const, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.common.host_ports import Start
from rtl.core.interfaces import THREADS
from rtl.core.thread.parts import Begin, Spawn


class Starter(wiring.Component):
    """Starts; combinational."""

    start: In(Start)
    spawn: In(Spawn).array(THREADS)
    begin: Out(Begin).array(THREADS)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        busy = Cat(spawn.alive | (self.start.claim & (self.start.thread == t)) for t, spawn in enumerate(self.spawn))
        earlier = Const(0)
        for spawn in self.spawn:
            m.d.comb += [spawn.busy.eq(busy), spawn.allowed.eq(~earlier)]
            earlier = earlier | spawn.wants
        for t, begin in enumerate(self.begin):
            packet = self.start.valid & (self.start.thread == t)
            m.d.comb += begin.valid.eq(packet | Cat(spawn.go & (spawn.thread == t) for spawn in self.spawn).any())
            for spawn in self.spawn:
                with m.If(spawn.go):
                    m.d.comb += begin.pc.eq(spawn.pc)
            with m.If(packet):
                m.d.comb += begin.pc.eq(self.start.pc)
        return m

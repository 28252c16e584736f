"""One address unit: next descriptor, addresses of a gather, and whether the instruction faults. Combinational in X, also called AG."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.encoding import F2
from golden.arch.memmap import ADDRESS_BITS, WORD_ADDRESS_BITS, Fault
from rtl.common.host_ports import Place
from rtl.common.network_ports import NetOp
from rtl.core.access import AccessFault, Execute, net_op
from rtl.core.memory.address import Gather, GatherAddress
from rtl.core.memory.descriptors import Descriptor, Stepper
from rtl.core.memory.network_check import NetworkCheck


class AddressSlot(wiring.Component):
    """An address unit.

    Parameters
    ----------
    words: words of SRAM.
    """

    x: In(Execute)
    descriptor: In(Descriptor)
    # Byte address of a scalar access.
    address: In(64)
    # Rows of a drain with words outside SRAM, if the instruction is one.
    drain_outside: In(8)
    # Own coordinates.
    place: In(Place)
    after: Out(Descriptor)
    # Half of the descriptor that a getd reads.
    image: Out(64)
    gather: Out(Gather)
    lanes: Out(data.ArrayLayout(WORD_ADDRESS_BITS, 8))
    # Lanes of a vector access that are outside SRAM.
    outside: Out(8)
    fault: Out(AccessFault)

    def __init__(self, words: int) -> None:
        self._words = words
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        x, q, c, fault = self.x, self.x.q, self.x.q.row, self.fault
        m.submodules.stepper = stepper = Stepper()
        m.submodules.gather = gather = GatherAddress(self._words)
        m.submodules.network = network = NetworkCheck(self._words)
        wiring.connect(m, wiring.flipped(self.place), network.place)
        op = net_op(q)
        raises = op == NetOp.RAISE
        m.d.comb += [
            network.raises.eq(raises),
            network.lists.eq(op == NetOp.LIST),
            network.casts.eq(op == NetOp.CAST),
            network.words.eq(q.word[F2 : F2 + 4]),
            network.local.eq(x.a),
            network.remote.eq(Mux(raises, x.a, x.b)),
        ]
        m.d.comb += [
            stepper.current.eq(self.descriptor),
            stepper.step.eq(q.names.step),
            stepper.set.eq(c.setd),
            stepper.low.eq(x.a),
            stepper.high.eq(x.b),
            gather.geometry.eq(self.descriptor.geometry),
            gather.position.eq(self.descriptor.inner),
            gather.tile.eq(q.word[F2 : F2 + 3]),
            gather.pieces.eq(c.pieces),
            self.after.eq(stepper.after),
            self.image.eq(Mux(q.word[F2], stepper.image_high, stepper.image_low)),
            *(self.gather[name].eq(getattr(gather, name)) for name in ("base", "enable", "keep", "low", "high", "row")),
            *(self.gather[f"t{bit}"].eq(gather.t[bit]) for bit in range(3)),
            self.lanes.eq(gather.addr),
            self.outside.eq(gather.outside),
        ]
        # A misaligned scalar access is that first.
        unaligned = Signal()
        with m.Switch(c.size):
            for size in range(1, 4):
                with m.Case(size):
                    m.d.comb += unaligned.eq(self.address[:size].any())
        beyond = self.address[ADDRESS_BITS:].any() | (self.address[3:ADDRESS_BITS] >= self._words)
        m.d.comb += [fault.cause.eq(Fault.RANGE), fault.operand.eq(self.address)]
        with m.If(c.sload | c.sstore):
            m.d.comb += fault.fault.eq(unaligned | beyond)
            with m.If(unaligned):
                m.d.comb += fault.cause.eq(Fault.MISALIGNED)
        with m.Elif(c.vload | c.vstore):
            m.d.comb += fault.fault.eq(gather.outside.any())
        with m.Elif(c.drain):
            m.d.comb += fault.fault.eq(self.drain_outside.any())
        with m.Elif(c.net):
            m.d.comb += fault.eq(network.fault)
        with m.Elif(c.setd):
            m.d.comb += [fault.fault.eq(stepper.bad), fault.cause.eq(Fault.DESCRIPTOR), fault.operand.eq(x.b)]
        return m

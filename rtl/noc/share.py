"""Two that use one port: the endpoint, which serves others, and the network interface, which asks them.

    LineShare    a line port of the SRAM: requests in turn, answers to whom they belong
    RaiseShare   the semaphores: the second waits while the first raises
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.common.arbiter import round_robin
from rtl.common.host_ports import Raise
from rtl.common.select import by_number
from rtl.mem.ports import LineRead

USERS = 2
_TOLD = ("valid", "ready", "tag", "ret", "done")
"""Members of a line port that are not the request's payload."""


class LineShare(wiring.Component):
    """A line read or a line write port for two. The tag says whose a request is.

    No register: whose request is taken knows that the SRAM has it, so that the endpoint keeps reads behind writes.

    Parameters
    ----------
    port : `rtl.mem.ports.LineRead` or `LineWrite`.
    """

    def __init__(self, port: wiring.Signature) -> None:
        self._answer = "ret" if port == LineRead else "done"
        self._payload = data.StructLayout({name: member.shape for name, member in port.members.items() if name not in _TOLD})
        super().__init__({"user": In(port).array(USERS), "o": Out(port)})

    def elaborate(self, platform):
        m = Module()
        asking = Cat(user.valid for user in self.user)
        chosen = round_robin(m, asking, self.o.ready)
        said = []
        for number, user in enumerate(self.user):
            each = Signal(self._payload, name=f"asked{number}")
            m.d.comb += [
                user.ready.eq(self.o.ready & (chosen == number)),
                *(each[name].eq(getattr(user, name)) for name, _ in self._payload),
            ]
            said.append(each)
        payload = by_number(m, chosen, said, "payload")
        m.d.comb += [
            self.o.valid.eq(asking.any()),
            self.o.tag.eq(chosen),
            *(getattr(self.o, name).eq(payload[name]) for name, _ in self._payload),
        ]
        answer = getattr(self.o, self._answer)
        for number, user in enumerate(self.user):
            mine = getattr(user, self._answer)
            for name in answer.signature.members:
                value = getattr(answer, name)
                m.d.comb += getattr(mine, name).eq(value & (answer.tag == number) if name == "valid" else value)
        return m


class RaiseShare(wiring.Component):
    """Raises of two; the first goes first."""

    user: In(Raise).array(USERS)
    o: Out(Raise)

    def elaborate(self, platform):
        m = Module()
        first, second = self.user
        for user, turn in ((first, first.valid), (second, ~first.valid)):
            # Who is told knows whether the raise of the previous cycle was his.
            m.d.comb += [user.ready.eq(self.o.ready & turn), user.overflow.eq(self.o.overflow)]
            with m.If(turn):
                m.d.comb += [
                    self.o.valid.eq(user.valid),
                    self.o.semaphore.eq(user.semaphore),
                    self.o.amount.eq(user.amount),
                ]
        return m

"""A host at a node's edge port, under cocotb: scripts of golden.host, awaited.

Requests take either request channel at random, and some writes that need no acknowledgement ask for one. Several coroutines may drive
scripts at once; the session says what every answer belongs to, and compares its kind, channel and places.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cocotb.triggers import Event

from golden.arch.boot import echoed
from golden.arch.memmap import Fault, Status
from golden.arch.packet import DebugOp, Kind, Packet, Place
from golden.host import EDGE, FIRST, Refused, Request, Script, Session, T
from golden.kernels.job import Launch
from golden.noc.boot import Round
from tb.bind import Ports
from tb.link import LinkMonitor, LinkSink, LinkSource
from tb.seed import generator
from tb.stream import GAPS

_LIKELY = 0.3  # that a write which needs no answer asks for one


class Host:
    """The host of the node at `node`; gaps before packets (`entry`) and before credits (`exit`) as tb.stream.GAPS names them.

    Parameters
    ----------
    place : its own.
    links : names of the ports by which its packets go and come.
    routes : request channels that it uses.
    entering : gives a packet its ports at the router behind the link; none is needed without a router.
    """

    def __init__(
        self,
        ports: Ports,
        entry: str,
        exit: str,
        node: Place = FIRST,
        *,
        place: Place = EDGE,
        links: tuple[str, str] = ("rx", "tx"),
        routes: Sequence[int] = (0, 1),
        entering: Callable[[Packet], Packet] = lambda packet: packet,
    ) -> None:
        rng: random.Random = generator("host" if place == EDGE else f"host at {place}")
        self.session = Session(
            place, node, route=lambda: rng.choice(routes), confirms=lambda: rng.random() < _LIKELY, first=rng.randrange(1 << 15)
        )
        self._came: dict[Request, Event] = {}
        self._echoes: dict[Place, Event] = {}
        self._entering = entering
        into, out = links
        self.source = LinkSource(ports, into, generator("source"), GAPS[entry](generator(f"gaps of {into}")))
        LinkMonitor(ports, into)
        LinkSink(ports, out, generator("sink"), GAPS[exit](generator(f"gaps of {out}")))
        LinkMonitor(ports, out, self._receive)

    def _receive(self, packet: Packet) -> None:
        if packet.kind == Kind.BOOT:
            self._echoes.pop(echoed(packet)).set()
            return
        self._came.pop(self.session.receive(packet)).set()

    def _send(self, requests: Iterable[Request]) -> None:
        for request in requests:
            if request.expects:
                self._came[request] = Event()
            self.source.put(self._entering(request.packet))

    async def _answer(self, request: Request) -> Packet:
        if request in self._came:
            await self._came[request].wait()
        return request.result()

    async def do(self, script: Script[T]) -> T:
        """Drives a script to its end; what it returns. Raises golden.host.Refused."""
        try:
            requests = next(script)
            while True:
                self._send(requests)
                requests = script.send([await self._answer(request) for request in requests])
        except StopIteration as end:
            return end.value

    async def boot(self, parts: Iterable[Round]) -> None:
        """Tells the nodes of a mesh who they are; returns when the last echo is back."""
        for part in parts:
            self._echoes = {place: Event() for place in part.echoes}
            waiting = list(self._echoes.values())
            self.source.put(*part.packets)
            for event in waiting:
                await event.wait()

    async def refused(self, kind: Kind, payload: int = 0, **fields: Any) -> Fault:
        """A request that the node refuses: why. It asks for an answer unless its `flags` say otherwise."""
        request = self.session.request(kind, Kind.ERROR, payload=payload, **fields)
        self._send([request])
        return Refused(await self._answer(request), request.packet).cause

    # --- memory ---

    async def write(self, writes: Iterable[tuple[int, bytes]]) -> None:
        """Bytes into SRAM; returns when all of them are there. No two may touch the same word."""
        await self.do(self.session.write(writes))

    async def read(self, address: int, size: int) -> bytes:
        """Bytes from SRAM."""
        return await self.do(self.session.read(address, size))

    async def raise_semaphore(self, semaphore: int, amount: int) -> None:
        """Returns when it has been raised."""
        await self.do(self.session.raise_semaphore(semaphore, amount))

    # --- threads ---

    def start(self, launch: Launch, node: Place | None = None) -> Request:
        """Starts a thread; `ended` waits for its end."""
        request = self.session.start(launch, node)
        self._send([request])
        return request

    async def ended(self, request: Request) -> Status:
        """The thread's status when it has halted or stopped with a fault."""
        return Status.of((await self._answer(request)).data)

    async def debug(self, op: DebugOp, thread: int = 0, operand: int = 0) -> Status:
        """A debugger's command; the thread's status when it has been obeyed."""
        return await self.do(self.session.debug(op, thread, operand))

    def finish(self) -> None:
        """Everything asked was answered."""
        assert not self.source.waiting, f"{self.source.waiting} packets were never sent"
        assert not self.session.open, f"{self.session.open} requests were never answered"
        assert self.session.answered, "nothing was ever answered"

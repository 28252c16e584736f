"""Ends of a thread in a mesh: what it asks is refused by another node, or there is nobody."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from golden.arch.global_address import GLOBAL, cast_address, global_address
from golden.arch.mesh import MeshConfig, Place
from golden.arch.transfer import Transfer
from golden.noc.multicast import reached
from golden.noc.routing import XY
from golden.rig.snippets import indent

NEVER = 65535
"""A semaphore's amount that nobody raises it by."""
LAST_LINE = (1 << GLOBAL["address"].width) - 64


class Refusal:
    """The last request of a thread, and what it waits for when the refusal comes.

    Parameters
    ----------
    rng : decides what is asked, and of whom.
    mesh : with its dead nodes.
    here : the thread's node.
    line : a local line that the thread may send from and read to.
    semaphore : of the node, that nobody raises any more.
    sram_bytes : of every node.
    enlist : puts transfers into the node's lists, and gives their address.
    take : a line that nobody else uses at any of these nodes.
    """

    def __init__(
        self,
        rng: random.Random,
        mesh: MeshConfig,
        here: Place,
        line: int,
        semaphore: int,
        sram_bytes: int,
        enlist: Callable[[list[Transfer]], int],
        take: Callable[[Sequence[Place]], int],
    ) -> None:
        self.rng, self.mesh, self.here, self.line, self.semaphore, self.enlist = rng, mesh, here, line, semaphore, enlist
        self.take, self.beyond = take, sram_bytes
        dead = bool(mesh.dead)
        self.kinds = {"put": self._put, "get": self._get, "list": self._list}
        self.kinds |= {"raise": self._raise} if dead else {}
        self.kinds |= {"cast": self._cast} if self._stopped() or self._neighbours() else {}

    def write(self) -> tuple[str, list[str]]:
        """What it is, and its lines; the thread never comes to what follows them."""
        kind = self.rng.choice(sorted(self.kinds))
        lines, answered = self.kinds[kind]()
        never = [f"li64 x25, {NEVER}", f"waitr {self.semaphore}, x25"]
        waits = self.rng.choice((["fence"], never)) if answered else never
        # What the refusal would drop of older instructions is through before.
        return f"{kind} that is refused", indent(["fence", *lines, *waits])

    def _target(self) -> int:
        """A global address that nobody serves: nobody is there, or his memory ends before it."""
        others = [place for place in self.mesh.live if place != self.here]
        if self.mesh.dead and (not others or self.rng.random() < 0.6):
            return global_address(self._dead(), 64 * self.rng.randrange(64))
        address = self.rng.choice((self.beyond, self.beyond + 64 * self.rng.randrange(1 << 12), LAST_LINE))
        return global_address(self.rng.choice(others), address)

    def _dead(self) -> Place:
        return self.rng.choice(sorted(self.mesh.dead))

    def _put(self) -> tuple[list[str], bool]:
        flags = self.rng.choice(("", ", ack", ", fixed", ", ack, fixed"))
        words, first = self.rng.randint(1, 4), 8 * self.rng.randint(0, 4)
        to = self._target() + 8 * self.rng.randint(0, 4)
        return [f"li64 x25, {self.line + first}", f"li64 x27, {to}", f"rput x25, x27, {words}{flags}"], "ack" in flags

    def _get(self) -> tuple[list[str], bool]:
        words, first, far = self.rng.randint(1, 4), 8 * self.rng.randint(0, 4), 8 * self.rng.randint(0, 4)
        lines = [f"li64 x25, {self.line + first}", f"li64 x27, {self._target() + far}"]
        return [*lines, f"rget x25, x27, {words}, {self.semaphore}"], True

    def _raise(self) -> tuple[list[str], bool]:
        lines = [f"li64 x27, {global_address(self._dead(), 0)}", f"li x28, {self.rng.randint(1, 1000)}"]
        return [*lines, f"rraise {self.semaphore}, x27, x28"], False

    def _list(self) -> tuple[list[str], bool]:
        """One packet: of several the first refusal counts, and they may come in any order."""
        read = self.rng.randint(0, 1)
        transfer = Transfer(self.line, self._target(), rows=1, row_bytes=64, local_pitch=64, remote_pitch=64, read=read)
        # What a list writes is sent when the fence is over, and not answered.
        return [f"li64 x25, {self.enlist([transfer])}", "li x27, 1", "rlist x25, x27"], bool(read)

    def _cast(self) -> tuple[list[str], bool]:
        """To a rectangle in which a copy meets somebody dead, or to one node beyond its memory."""
        stopped, beside = self._stopped(), self._neighbours()
        address = self.beyond
        if stopped and (not beside or self.rng.random() < 0.7):
            corner, far = self.rng.choice(stopped)
            if found := reached(self.mesh, self.here, corner, far, XY)[0]:
                address = self.take(found)
        else:
            corner = far = self.rng.choice(beside)
        return [f"li64 x25, {self.line}", f"li64 x27, {cast_address(corner, far, address)}", "rcast x25, x27, 8"], False

    def _neighbours(self) -> Sequence[Place]:
        """Nodes that a copy reaches."""
        return [place for place in self.mesh.live if place != self.here and reached(self.mesh, self.here, place, place, XY)[0]]

    def _stopped(self) -> Sequence[tuple[Place, Place]]:
        """Rectangles in which a copy meets somebody dead; others may get theirs."""
        nodes = sorted(self.mesh.places)
        rectangles = [(a, b) for a in nodes for b in nodes if a[0] <= b[0] and a[1] <= b[1]]
        return [(a, b) for a, b in rectangles if reached(self.mesh, self.here, a, b, XY)[1]]

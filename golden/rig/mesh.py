"""Random programs for all nodes of a mesh: private snippets, messages between threads of a node, and between nodes.

    jobs = MeshRig(seed=7, config=CONFIGS["tiny"], mesh=MeshConfig(2, 2), length=40).job()

One result whatever arrives when: who sends to another node writes to lines that nobody else writes, and the other reads them when a
semaphore that is used once says that they have come; what is read from another node is either never written, or the reader wrote it and
knows that it is there. All events of all nodes are written in one order, in which what raises stands before what waits.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Collection, Mapping

import numpy as np

from golden.arch.config import NodeConfig
from golden.arch.global_address import cast_address, global_address
from golden.arch.mesh import MeshConfig, Place
from golden.arch.transfer import TRANSFER_BYTES, Transfer
from golden.noc.multicast import reached
from golden.noc.routing import XY
from golden.rig.memory import region_bytes
from golden.rig.refusals import Refusal
from golden.rig.rig import Rig, RigJob
from golden.rig.snippets import Writer

FIXED_BYTES, OUT_BYTES, IN_BYTES, LIST_BYTES = 2048, 4 * 64, 8192, 4096
RESERVED = FIXED_BYTES + OUT_BYTES + IN_BYTES + LIST_BYTES
"""At the bottom of a node: what nobody writes, a line of each thread to send from, what others write, lists of transfers."""
SEMAPHORES = (*range(32, 39), *range(44, 60))
"""Each of one event; threads use others for what they get, and for what only they raise."""
OWN_SEMAPHORE = 60  # and the three after it, by thread


class _End:
    """One node as others see it: its program, and what is left of its lines and semaphores."""

    def __init__(self, place: Place, rig: Rig) -> None:
        self.place, self.rig, self.conductor = place, rig, rig.conductor
        self.fixed = rig.layout.bottom
        self.out = self.fixed + FIXED_BYTES
        self.inbox, self.limit = self.out + OUT_BYTES, self.out + OUT_BYTES + IN_BYTES
        self.list = self.limit
        self.semaphores = list(SEMAPHORES)
        self.lists: list[tuple[int, bytes]] = []

    def fresh(self, size: int) -> int | None:
        """Lines that nobody has used."""
        at, after = self.inbox, self.inbox + -(-size // 64) * 64
        if after > self.limit:
            return None
        self.inbox = after
        return at

    def enlist(self, transfers: list[Transfer]) -> int:
        """The address of a list; the inbox ends before the lists do."""
        at = self.list
        self.lists.append((at, b"".join(transfer.pack() for transfer in transfers)))
        self.list += TRANSFER_BYTES * len(transfers)
        return at


class MeshRig:
    """One random program of each node.

    Parameters
    ----------
    seed : decides everything.
    config : the nodes, without the part *network*: private snippets use no instruction of it.
    length : as of Rig.
    refusals : a thread of one node at least ends with a request that is refused.

    Attributes
    ----------
    stopped : those threads, by node.
    """

    def __init__(self, seed: int, config: NodeConfig, mesh: MeshConfig, length: int = 40, refusals: bool = False) -> None:
        self.mesh, self.stopped = mesh, dict[Place, int]()
        self.seed, self.rng, self._numbers = seed, random.Random(f"mesh rig/{seed}/{config.name}/{length}"), itertools.count()
        self.ends = [
            _End(place, Rig(1000 * seed + n, config, length, reserved=RESERVED, numbers=self._numbers)) for n, place in enumerate(mesh.live)
        ]
        self.events = 0
        while open_ := [end for end in self.ends if self._unfinished(end)]:
            if len(self.ends) > 1 and self.rng.random() < 0.25:
                self._event()
            else:
                self.rng.choice(open_).conductor.go_on()
        if refusals:
            for end in self.rng.sample(self.ends, self.rng.randint(1, min(3, len(self.ends)))):
                self._refuse(end)

    @staticmethod
    def _unfinished(end: _End) -> bool:
        return any(writer.size < writer.length for writer in end.rig.writers)

    def numbers(self) -> list[int]:
        """Every snippet's number; those of a message belong to two threads."""
        return sorted({number for end in self.ends for number in end.rig.numbers()})

    def job(self, keep: Collection[int] | None = None) -> Mapping[Place, RigJob]:
        """The programs with their data; ``keep`` as in ``Rig.text``."""
        found = {}
        for number, end in enumerate(self.ends):
            job = end.rig.job(keep)
            data = np.random.default_rng([self.seed, number, 2])
            job.inputs.append((end.fixed, region_bytes(data, RESERVED - LIST_BYTES)))
            job.inputs.extend(end.lists)
            found[end.place] = job
        return found

    def _refuse(self, here: _End) -> None:
        """A thread that the host starts, and hears of, ends with a request that is refused."""
        thread = 0 if here.rig.started_by_program else self.rng.randrange(here.rig.threads)
        line, semaphore, sram_bytes = here.out + 64 * thread, OWN_SEMAPHORE + thread, here.rig.config.sram_bytes

        def take(places: Collection[Place]) -> int:
            ends = [end for end in self.ends if end.place in places]
            at = max(end.inbox for end in ends)
            if at + 64 > min(end.limit for end in ends):
                return sram_bytes
            for end in ends:
                end.inbox = at + 64
            return at

        refusal = Refusal(self.rng, self.mesh, here.place, line, semaphore, sram_bytes, here.enlist, take)
        name, lines = refusal.write()
        here.rig.last[thread] = [f"; ---- {name}", *lines]
        self.stopped[here.place] = thread

    # --- events ------------------------------------------------------------------------------------------------------------------

    def _event(self) -> None:
        here, there = self.rng.sample(self.ends, 2)
        writer = self.rng.choice(here.rig.writers)
        event = self.rng.choice([self._put, self._put, self._raise, self._get, self._back, self._list, self._list, self._fetch, self._cast])
        event(next(self._numbers), here, writer, there, self.rng.choice(there.rig.writers))
        self.events += 1

    def _told(self, end: _End, size: int) -> tuple[int, int] | None:
        """Fresh lines of a node and a semaphore that tells of them."""
        if not end.semaphores or (at := end.fresh(size)) is None:
            return None
        return at, end.semaphores.pop(self.rng.randrange(len(end.semaphores)))

    def _written(self, end: _End, writer: Writer) -> tuple[list[str], int]:
        """A thread's line, written, and its address."""
        at = end.out + 64 * writer.thread
        return end.conductor.write(writer, at), at

    def _span(self) -> tuple[int, int, int]:
        """How many words, and the first of them in a line here and there."""
        words = self.rng.randint(1, 8)
        return words, self.rng.randint(0, 8 - words), self.rng.randint(0, 8 - words)

    def _put(self, number: int, here: _End, writer: Writer, there: _End, reader: Writer) -> None:
        """Words that notify; the line that they come from is written anew at once."""
        if (told := self._told(there, 64)) is None:
            return
        line, semaphore = told
        lines, at = self._written(here, writer)
        count = self.rng.randint(1, 4)
        for part in range(count):
            # Several fill the same line, each with words of its own.
            words, first, far = self._span() if count == 1 else (2, self.rng.randint(0, 6), 2 * part)
            to = line + 8 * far
            flags = self.rng.choice(("", ", ack", ", fixed", ", ack, fixed"))
            lines += [f"li64 x25, {at + 8 * first}", f"li64 x27, {global_address(there.place, to, semaphore)}"]
            lines += [f"rput x25, x27, {words}{flags}"]
        if self.rng.random() < 0.5:
            lines += [f"li64 x25, {at}", *(f"st.d {writer.x()}, x25, {8 * word}" for word in range(self.rng.randint(1, 8)))]
        here.conductor.add(number, f"put to {there.place}", writer, lines)
        there.conductor.add(number, f"put from {here.place}", reader, [f"wait {semaphore}, {count}", *there.conductor.read(reader, line)])

    def _raise(self, number: int, here: _End, writer: Writer, there: _End, reader: Writer) -> None:
        """A write on the fixed channel, and a raise behind it."""
        if (told := self._told(there, 64)) is None:
            return
        line, semaphore = told
        lines, at = self._written(here, writer)
        amount, more = self.rng.choice((1, 2, 300, 65535)), self.rng.choice((0, 1 << 16, 1 << 40))
        lines += [f"li64 x25, {at}", f"li64 x27, {global_address(there.place, line)}", "rput x25, x27, 8, fixed"]
        lines += [f"li64 x28, {amount + more}", f"rraise {semaphore}, x27, x28"]
        here.conductor.add(number, f"raise at {there.place}", writer, lines)
        waits = [f"li64 x25, {amount}", f"waitr {semaphore}, x25"]
        there.conductor.add(number, f"raise from {here.place}", reader, [*waits, *there.conductor.read(reader, line)])

    def _get(self, number: int, here: _End, writer: Writer, there: _End, reader: Writer) -> None:
        """Words that nobody writes, into the thread's line."""
        at, count, lines = here.out + 64 * writer.thread, self.rng.randint(1, 5), []
        semaphore = OWN_SEMAPHORE + writer.thread
        for part in range(count):
            words, first, far = self._span() if count == 1 else (1, part, self.rng.randint(0, 7))
            source = there.fixed + 64 * self.rng.randrange(FIXED_BYTES // 64) + 8 * far
            lines += [f"li64 x25, {at + 8 * first}", f"li64 x27, {global_address(there.place, source)}"]
            lines += [f"rget x25, x27, {words}, {semaphore}"]
        wait = [f"wait {semaphore}, {count}"] if self.rng.random() < 0.7 else ["fence", f"wait {semaphore}, {count}"]
        here.conductor.add(number, f"get from {there.place}", writer, [*lines, *wait, *here.conductor.read(writer, at)])

    def _back(self, number: int, here: _End, writer: Writer, there: _End, reader: Writer) -> None:
        """Words there and back: acknowledged, then read."""
        if (line := there.fresh(64)) is None:
            return
        lines, at = self._written(here, writer)
        semaphore = OWN_SEMAPHORE + writer.thread
        lines += [f"li64 x25, {at}", f"li64 x27, {global_address(there.place, line)}", "rput x25, x27, 8, ack", "fence"]
        lines += [f"rget x25, x27, 8, {semaphore}", f"wait {semaphore}, 1", *here.conductor.read(writer, at)]
        here.conductor.add(number, f"to {there.place} and back", writer, lines)

    def _block(self, pitch_of_target: bool) -> dict[str, int]:
        """Rows of a transfer: those at the target do not overlap; those at the source may."""
        rows, row_bytes = self.rng.randint(1, 4), 8 * self.rng.choice((1, 2, 3, 7, 8, 9, 13, 16, 20))
        source = 8 * self.rng.randint(0, 24)
        target = row_bytes + 8 * self.rng.choice((0, 0, 1, 3, 8))
        pitches = (source, target) if pitch_of_target else (target, source)
        return {"rows": rows, "row_bytes": row_bytes, "local_pitch": pitches[0], "remote_pitch": pitches[1]}

    def _list(self, number: int, here: _End, writer: Writer, there: _End, reader: Writer) -> None:
        """Blocks of what nobody writes to another node, which counts their packets."""
        transfers = []
        if not there.semaphores or here.list + 3 * TRANSFER_BYTES > here.limit + LIST_BYTES:
            return
        semaphore, last = there.semaphores.pop(), 0
        for _ in range(self.rng.randint(1, 3)):
            block = self._block(True)
            shift = 8 * self.rng.randint(0, 7)
            if (to := there.fresh(shift + block["rows"] * block["remote_pitch"])) is None:
                break
            at = here.fixed + 8 * self.rng.randrange((FIXED_BYTES - 1024) // 8)
            transfers.append(Transfer(at, global_address(there.place, to + shift, semaphore), **block))
            last = to
        if not transfers:
            return
        packets = sum(len(list(transfer.pieces())) for transfer in transfers)
        fence = ["fence"] if self.rng.random() < 0.3 else []
        lines = [f"li64 x25, {here.enlist(transfers)}", f"li x27, {len(transfers)}", "rlist x25, x27", *fence]
        here.conductor.add(number, f"list to {there.place}", writer, lines)
        waits = [f"li x25, {packets}", f"waitr {semaphore}, x25", *there.conductor.read(reader, last)]
        there.conductor.add(number, f"list from {here.place}", reader, waits)

    def _fetch(self, number: int, here: _End, writer: Writer, there: _End, reader: Writer) -> None:
        """Blocks of another node that nobody writes, told or not."""
        transfers, last = [], 0
        semaphore, packets = OWN_SEMAPHORE + writer.thread, 0
        if here.list + 2 * TRANSFER_BYTES > here.limit + LIST_BYTES:
            return
        for _ in range(self.rng.randint(1, 2)):
            block, told = self._block(False), self.rng.random() < 0.6
            if (to := here.fresh(block["rows"] * block["local_pitch"])) is None:
                break
            at = there.fixed + 8 * self.rng.randrange((FIXED_BYTES - 1024) // 8)
            transfers.append(Transfer(to, global_address(there.place, at, semaphore if told else None), read=1, **block))
            last, packets = to, packets + told * len(list(transfers[-1].pieces()))
        if not transfers:
            return
        lines = [f"li64 x25, {here.enlist(transfers)}", f"li x27, {len(transfers)}", "rlist x25, x27", "fence"]
        lines += [f"li x25, {packets}", f"waitr {semaphore}, x25", *here.conductor.read(writer, last)]
        here.conductor.add(number, f"list from {there.place}", writer, lines)

    def _cast(self, number: int, here: _End, writer: Writer, there: _End, reader: Writer) -> None:
        """Words to all nodes of a rectangle, to the same line of each, which nobody else uses; each waits."""
        (x0, y0), (x1, y1) = there.place, self.rng.choice(self.ends).place
        across, down = range(min(x0, x1), max(x0, x1) + 1), range(min(y0, y1), max(y0, y1) + 1)
        targets = [end for end in self.ends if end is not here and end.place[0] in across and end.place[1] in down]
        if reached(self.mesh, here.place, (across[0], down[0]), (across[-1], down[-1]), XY)[1]:
            return
        line = max(end.inbox for end in targets)
        common = set.intersection(*(set(end.semaphores) for end in targets))
        if not common or line + 64 > min(end.limit for end in targets):
            return
        semaphore = self.rng.choice(sorted(common))
        for end in targets:
            end.inbox = line + 64
            end.semaphores.remove(semaphore)
        lines, at = self._written(here, writer)
        words, first, far = self._span()
        corners = (across[0], down[0]), (across[-1], down[-1])
        lines += [f"li64 x25, {at + 8 * first}", f"li64 x27, {cast_address(*corners, line + 8 * far, semaphore)}"]
        lines += [f"rcast x25, x27, {words}"]
        here.conductor.add(number, f"cast to {len(targets)} nodes", writer, lines)
        for end in targets:
            waiter = self.rng.choice(end.rig.writers)
            end.conductor.add(number, f"cast from {here.place}", waiter, [f"wait {semaphore}, 1", *end.conductor.read(waiter, line)])

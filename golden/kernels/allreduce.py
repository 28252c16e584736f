"""All-reduce: sums of gradients that lie on the nodes of a mesh, added in the order of a tree, the same bits on every node.

A gradient is lines of 64 B, FP32. Lines are shared out: every thread of every node adds its share. Each node holds one or more *leaves*,
sums of neighbouring shards, in the same lines on every node.

    scatter   each thread has the lines of other nodes' shares sent to them, where they lie leaf beside leaf in a buffer
    add       it waits for its own lines, adds leaf to leaf as the tree says, and puts the sum where its first leaf was
    gather    it has the sums sent to all other nodes, into the place of their first leaf, and waits for theirs

Lines are sent by the transfer engine, a list for each thread and phase. Threads do not wait for each other: while one adds, the engine
sends what another asked for. Every write notifies a semaphore of the receiving thread, one for each phase. No barrier and no second
buffer is needed between two runs: a node sends lines of the next run only when it has all sums of this one, so everybody has read its
buffer; and a sum of the next run needs lines of every node, which each sends after it has used the sum of this one.

Lines may be sent as soon as each is there (`AllReduce.send`), while the node still computes others; its threads do the rest when all are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from golden.arch.global_address import global_address
from golden.arch.isa import THREADS
from golden.arch.memmap import LINE_BYTES, Csr
from golden.arch.packet import Place
from golden.arch.transfer import Transfer
from golden.kernels.placement import MAX_ROWS, Matrix, steps

SCATTERED, GATHERED = 48, 52
"""The first semaphore of each phase; thread t uses the t-th from there."""
MOST_LEAVES, MOST_OWN = 32, 6
"""Of all nodes, as many as vector registers; of a node, as descriptors."""
_LANES = 16
_RUN = 12
"""Lines that are added in the time in which a thread turns to another gradient."""
_TURN = 128
"""Vector instructions of a turn of a thread's loop, at most if it is more than a line's."""
_FIRST, _NEXT = 2, 4
"""Lines between a line's loads and its first additions, and from there to the next ones, so that nothing waits for what was just asked."""
_SUMS = 4
"""Registers for sums, if the leaves leave as many."""
_HEAD = ("scatter", "come", "gather", "sums", "runs")
"""Words at the beginning of a table: transfers of the first phase, lines that come, the same of the last phase, runs to be added."""
_BUFFER, _OWN, _SUM = 0, 1, 7  # descriptors
_PAIRS = ((11, 12), (13, 14), (15, 16), (17, 18))
"""Scalar registers that hold images, as many at once, and counts."""
Adds = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Leaf:
    """A sum of shards that a node brings: the node's number, and the first of the shards."""

    node: int
    shard: int


@dataclass(frozen=True)
class Run:
    """Neighbouring lines of one gradient: its number, the first line, how many, and the number of the first among a thread's lines."""

    gradient: int
    first: int
    lines: int
    index: int


@dataclass(frozen=True)
class Lines:
    """Neighbouring lines of a gradient (by its number) of a leaf (by its shard)."""

    gradient: int
    shard: int
    first: int
    lines: int


Sent = Sequence[Sequence[Sequence[Lines]]]
"""What each thread of a node sends, in the order in which it does; together all lines of the node's leaves, each once."""


@dataclass(frozen=True)
class Placed:
    """Where a node has things: the buffer, and the first byte of a gradient (by its number) of one of its leaves (by its shard)."""

    buffer: int
    gradient: Callable[[int, int], int]


class AllReduce:
    """An all-reduce among nodes.

    Parameters
    ----------
    places : of the nodes.
    leaves : what they bring, in the order of the shards; a node's are neighbours.
    adds : the tree over their shards, bottom first: (into, added).
    lines : lines of each gradient.

    Raises
    ------
    ValueError
        When there are more leaves than registers hold.
    """

    def __init__(self, places: Sequence[Place], leaves: Sequence[Leaf], adds: Adds, lines: Sequence[int]) -> None:
        self.places, self.leaves, self.adds, self.lines = list(places), list(leaves), list(adds), list(lines)
        most = max(sum(leaf.node == node for leaf in leaves) for node in range(len(places)))
        if len(leaves) > MOST_LEAVES or most > MOST_OWN:
            raise ValueError(
                f"{len(leaves)} sums of shards on {len(places)} nodes, up to {most} on a node, are too many to add at once: "
                f"{MOST_LEAVES} and {MOST_OWN} fit; take fewer nodes, or as many shards as a power of two times the nodes"
            )
        self._shares = cut(lines, len(places) * THREADS)

    # --- who does what -----------------------------------------------------------------------------------------------------------

    def own(self, node: int) -> list[Leaf]:
        """A node's leaves."""
        return [leaf for leaf in self.leaves if leaf.node == node]

    def share(self, node: int, thread: int) -> range:
        """The lines that a thread adds, counted over all gradients. Those of the same thread of all nodes are neighbours."""
        return self._shares[thread * len(self.places) + node]

    def thread(self, gradient: int, line: int) -> int:
        """The thread, of every node, that has waited for the sum of a line when it has done its part."""
        at = sum(self.lines[:gradient]) + line
        return next(index for index, share in enumerate(self._shares) if at in share) // len(self.places)

    def runs(self, node: int, thread: int) -> list[Run]:
        """A thread's share, cut where gradients end."""
        share, found = self.share(node, thread), []
        for gradient, (first, end) in enumerate(zip([0, *accumulate(self.lines)], accumulate(self.lines), strict=False)):
            low, high = max(first, share.start), min(end, share.stop)
            if low < high:
                found.append(Run(gradient, low - first, high - low, low - share.start))
        return found

    def _others(self, node: int) -> list[int]:
        """The other nodes, in an order in which pairs send to each other at the same time."""
        count = len(self.places)
        return [node ^ i for i in range(1, 1 << (count - 1).bit_length()) if node ^ i < count]

    def _block(self, node: int, thread: int) -> int:
        """Where a thread's part of the buffer begins: line by line, in each the leaves of other nodes."""
        return sum(len(self.share(node, other)) for other in range(thread)) * self._width(node)

    def _width(self, node: int) -> int:
        """Bytes of a line of the buffer."""
        return LINE_BYTES * (len(self.leaves) - len(self.own(node)))

    def buffer_bytes(self, node: int) -> int:
        """What the node needs for lines of others."""
        return self._block(node, THREADS)

    # --- tables ------------------------------------------------------------------------------------------------------------------

    def tables(self, node: int, placed: Sequence[Placed], sent: Sent | None = None) -> list[bytes]:
        """What each thread of a node reads, from where every node has its things. Each lies at a multiple of 64.

        ``sent``: who sends what; None: each thread what the same thread of other nodes adds.
        """
        return [self._table(node, thread, placed, sent) for thread in range(THREADS)]

    def table_bytes(self, node: int, sent: Sent | None = None) -> list[int]:
        """Sizes of the tables."""
        return [len(table) for table in self.tables(node, self._nowhere, sent)]

    def send(self, label: str, node: int, thread: int, sent: Sent) -> list[list[str]]:
        """Of everything that a thread sends how it does, so that `enter` needs not; x21 and x22 are used."""
        at, found = 1, []
        for parts in sent[thread]:
            count = len(self._outgoing(node, parts, self._nowhere))
            lines = [f"li x21, {label}_table{thread} / 64 + {at}", "slli x21, x21, 6", f"li x22, {count}", "rlist x21, x22"]
            found.append([f"        {line}" for line in lines] if count else [])
            at += count
        return found

    @property
    def _nowhere(self) -> list[Placed]:
        """Where things lie while only their number counts."""
        return [Placed(0, lambda gradient, shard: 0)] * len(self.places)

    def _outgoing(self, node: int, parts: Sequence[Lines], placed: Sequence[Placed]) -> list[Transfer]:
        """Those of some lines that other nodes add, to the threads that do."""
        found = []
        for part in parts:
            (leaf,) = (leaf for leaf in self.own(node) if leaf.shard == part.shard)
            for to in self._others(node):
                for thread in range(THREADS):
                    for run in self.runs(to, thread):
                        low, high = max(run.first, part.first), min(run.first + run.lines, part.first + part.lines)
                        if run.gradient == part.gradient and low < high:
                            some = Run(run.gradient, low, high - low, run.index + low - run.first)
                            found.append(self._scatter(node, thread, leaf, to, some, placed))
        return found

    def _table(self, node: int, thread: int, placed: Sequence[Placed], sent: Sent | None) -> bytes:
        """Its head, transfers of both phases, and for each run what `_addition` says."""
        scatter = [
            self._scatter(node, thread, leaf, to, run, placed)
            for to in self._others(node)
            for leaf in self.own(node)
            for run in self.runs(to, thread)
        ]
        if sent:
            scatter = [transfer for parts in sent[thread] for transfer in self._outgoing(node, parts, placed)]
        gather = [self._gather(node, thread, to, run, placed) for to in self._others(node) for run in self.runs(node, thread)]
        head = {
            "scatter": len(scatter),
            "come": len(self.share(node, thread)) * (len(self.leaves) - len(self.own(node))),
            "gather": len(gather),
            "sums": sum(len(self.share(other, thread)) for other in self._others(node)),
            "runs": len(self.runs(node, thread)),
        }
        adds = (word for run in self.runs(node, thread) for word in self._addition(node, thread, run, placed[node]))
        first = b"".join(head[name].to_bytes(8, "little") for name in _HEAD).ljust(LINE_BYTES, b"\0")
        lists = b"".join(transfer.pack() for transfer in (*scatter, *gather))
        return first + lists + b"".join(word.to_bytes(8, "little") for word in adds)

    def _scatter(self, node: int, thread: int, leaf: Leaf, to: int, run: Run, placed: Sequence[Placed]) -> Transfer:
        column = [other for other in self.leaves if other.node != to].index(leaf)
        target = placed[to].buffer + self._block(to, thread) + run.index * self._width(to) + LINE_BYTES * column
        source = placed[node].gradient(run.gradient, leaf.shard) + LINE_BYTES * run.first
        there = global_address(self.places[to], target, SCATTERED + thread)
        return Transfer(source, there, run.lines, LINE_BYTES, LINE_BYTES, self._width(to))

    def _gather(self, node: int, thread: int, to: int, run: Run, placed: Sequence[Placed]) -> Transfer:
        source, target = (
            placed[here].gradient(run.gradient, self.own(here)[0].shard) + LINE_BYTES * run.first for here in (node, to)
        )
        return Transfer(source, global_address(self.places[to], target, GATHERED + thread), 1, LINE_BYTES * run.lines)

    def _addition(self, node: int, thread: int, run: Run, placed: Placed) -> list[int]:
        """Images of the buffer, of the own leaves and of the sum; turns.

        The last time some of them may lie outside: they read zeros, and their sums are not written.
        """
        others = len(self.leaves) - len(self.own(node))
        at = placed.buffer + self._block(node, thread) + run.index * self._width(node)
        own = [placed.gradient(run.gradient, leaf.shard) + LINE_BYTES * run.first for leaf in self.own(node)]
        images = [_stream(at, run.lines * others), *(_stream(address, run.lines) for address in (*own, own[0]))]
        return [half for image in images for half in image] + [-(-run.lines // self._turn)]

    @property
    def _turn(self) -> int:
        """Lines of a turn: so many that the longest run needs as few turns as may be."""
        longest = max(run.lines for node in range(len(self.places)) for thread in range(THREADS) for run in self.runs(node, thread))
        turns = -(-longest // max(1, _TURN // (2 * len(self.leaves))))
        return -(-longest // turns)

    def _levels(self) -> list[list[tuple[int, int]]]:
        """The additions of a line, each in the level after what it needs."""
        height, levels = {leaf.shard: 0 for leaf in self.leaves}, []
        for into, added in self.adds:
            level = max(height[into], height[added])
            height[into] = level + 1
            levels += [[] for _ in range(level + 1 - len(levels))]
            levels[level].append((into, added))
        return levels

    # --- program -----------------------------------------------------------------------------------------------------------------

    def text(self, node: int, label: str) -> str:
        """The subroutine, which thread 0 calls when no other runs; x1 to x9, x11 to x18 and x30 are its own on all threads.

        Tables lie at ``{label}_table0`` and so on, multiples of 64.
        """
        begin = [f"        tstart {t}, {label}_{t}" for t in range(1, THREADS)]
        lines = [f"{label}:", *begin, *self.enter(label, 0), *(f"        tjoin {t}" for t in range(1, THREADS)), "        jr x31"]
        for thread in range(1, THREADS):
            lines += [f"{label}_{thread}:", *self.enter(label, thread), "        halt"]
        share = (line if line.endswith(":") else f"        {line}" for line in self._share(node, label))
        return "\n".join([*lines, f"{label}_share:", *share]) + "\n"

    @staticmethod
    def enter(label: str, thread: int, sent: bool = False) -> list[str]:
        """How a thread that runs already does its part, when all threads of the node do; x1, x2 and x30 are used too.

        ``sent``: what `send` says has been done.
        """
        part = "sent" if sent else "share"
        lines = [f"li x1, {label}_table{thread} / 64", "slli x1, x1, 6", f"li x2, {thread}", f"call x30, {label}_{part}"]
        return [f"        {line}" for line in lines]

    def _share(self, node: int, label: str) -> list[str]:
        """What every thread does: x1 its table, x2 its number."""
        head = {name: f"x{number}" for number, name in enumerate(_HEAD, 3)}
        return [
            f"ld.d {head['scatter']}, x1, 0",
            f"addi x8, x1, {LINE_BYTES}",
            f"rlist x8, {head['scatter']}",
            f"{label}_sent:",
            f"ld.d {head['scatter']}, x1, 0",
            f"addi x8, x1, {LINE_BYTES}",
            *(f"peqi p{thread + 1}, x2, {thread}" for thread in range(THREADS)),
            # Whose lines come first adds first: those of thread 0 come last, because it starts the others.
            *("li x9, 4", "sub x9, x9, x2", "andi x9, x9, 3", "slli x9, x9, 2"),
            f"csrr x2, {int(Csr.PRIORITY)}",
            f"csrw x9, {int(Csr.PRIORITY)}",
            *(f"ld.d {register}, x1, {8 * number}" for number, register in enumerate(head.values()) if number),
            *(line for part in ("scatter", "gather") for line in (f"slli x9, {head[part]}, 6", "add x1, x1, x9")),
            f"slli x9, {head['scatter']}, 6",
            "add x8, x8, x9",
            f"addi x1, x1, {LINE_BYTES}",
            *self._sums(node, label, head),
            f"rlist x8, {head['gather']}",
            "fence",  # until the list is sent, whoever calls must not change what it sends
            *_wait(GATHERED, head["sums"]),
            f"csrw x2, {int(Csr.PRIORITY)}",
            "jr x30",
        ]

    def _sums(self, node: int, label: str, head: Mapping[str, str]) -> list[str]:
        """All runs; the first waits for the lines of all."""
        own = self.own(node)
        streams, (turns, _) = [_BUFFER, *range(_OWN, _OWN + len(own)), _SUM], _PAIRS[0]
        lines = [f"loop {label}_added, {head['runs']}"]
        for first in range(0, len(streams), len(_PAIRS)):
            known = list(zip(streams[first:], _PAIRS, strict=False))
            lines += [f"ldp.d x{register}, x1, 8" for _, pair in known for register in pair]
            lines += [f"setd d{descriptor}, x{low}, x{high}" for descriptor, (low, high) in known]
        return [
            *lines,
            f"ldp.d x{turns}, x1, 8",
            *_wait(SCATTERED, head["come"]),
            f"loop {label}_turned, x{turns}",
            *self._lines(own),
            f"{label}_turned:",
            f"li {head['come']}, 0",
            f"{label}_added:",
        ]

    def _lines(self, own: list[Leaf]) -> list[str]:
        """A turn: line by line, those before it being added and stored meanwhile. A register is free when an addition has read it; the sums
        have registers of their own, because a store reads its register late."""
        count, levels = len(self.leaves), self._levels()
        beside = max(1, (MOST_LEAVES - _SUMS) // count)
        sums = range(beside * count, MOST_LEAVES)[:_SUMS]
        late = [min(beside - 1, _FIRST + _NEXT * level) for level in range(len(levels))]
        stored = late[-1] + _FIRST if sums else 1
        number = {leaf.shard: index for index, leaf in enumerate(self.leaves)}
        root, last = number[self.leaves[0].shard], self.adds[-1]

        def register(line: int, shard: int) -> str:
            return f"v{count * (line % beside) + number[shard]}"

        def sum_(line: int) -> str:
            return f"v{sums[line % len(sums)]}" if sums else f"v{root}"

        lines, turn = [], range(self._turn)
        for step in range(len(turn) + stored):
            if (line := step - stored) in turn:
                lines.append(f"vst.c {sum_(line)}, d{_SUM}, inner")
            if step in turn:
                for leaf in self.leaves:
                    descriptor = _OWN + own.index(leaf) if leaf in own else _BUFFER
                    lines.append(f"vld.c {register(step, leaf.shard)}, d{descriptor}, inner")
            for level, before in zip(levels, late, strict=True):
                if (line := step - before) in turn:
                    for into, added in level:
                        target = sum_(line) if (into, added) == last else register(line, into)
                        lines.append(f"vfadd {target}, {register(line, into)}, {register(line, added)}")
        return lines


def cut(lines: Sequence[int], parts: int) -> list[range]:
    """The lines of all gradients in so many shares, the dearest as cheap as can be: a line costs 1, every gradient but the first `_RUN`."""
    ends = list(accumulate(lines))

    def shares(most: int) -> list[range]:
        found, first = [], 0
        while first < ends[-1]:
            cost, last = 0, first
            while last < ends[-1] and (cost := cost + 1 + (_RUN if last > first and last in ends else 0)) <= most:
                last += 1
            found.append(range(first, last))
            first = last
        return found

    most = -(-ends[-1] // parts)
    while len(found := shares(most)) > parts:
        most += 1
    return found + [range(ends[-1], ends[-1])] * (parts - len(found))


def _stream(address: int, lines: int) -> tuple[int, int]:
    """The image of a descriptor that walks over lines."""
    if lines > MAX_ROWS:
        raise ValueError(f"a thread's share of {lines} lines is too long: {MAX_ROWS} can be walked")
    return Matrix("lines", address, lines, _LANES, "FP32", LINE_BYTES).descriptor(**steps("y", 1, "y", 1)).pack()


def _wait(semaphore: int, amount: str) -> list[str]:
    """Wait for as many packets, each thread at its own semaphore."""
    return [f"(p{thread + 1}) waitr {semaphore + thread}, {amount}" for thread in range(THREADS)]

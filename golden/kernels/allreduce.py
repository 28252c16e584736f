"""All-reduce: sums of gradients that lie on the nodes of a mesh, added in the order of a tree, the same bits on every node.

A gradient is lines of 64 B, FP32. Lines are shared out: every thread of every node adds its share. Each node holds one or more *leaves*,
sums of neighbouring shards, in the same lines on every node.

    scatter   each thread sends the lines of other nodes' shares to them, where they lie leaf beside leaf in a buffer
    add       it waits for its own lines, adds leaf to leaf as the tree says, and puts the sum where its first leaf was
    gather    it sends the sums to all other nodes, into the place of their first leaf, and waits for theirs

Threads do not wait for each other. Every write notifies a semaphore of the receiving thread, one for each phase. No barrier and no second
buffer is needed between two runs: a node sends lines of the next run only when it has all sums of this one, so everybody has read its
buffer; and a sum of the next run needs lines of every node, which each sends after it has used the sum of this one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from golden.arch.global_address import global_address
from golden.arch.isa import THREADS
from golden.arch.memmap import LINE_BYTES
from golden.arch.packet import Place
from golden.kernels.placement import MAX_ROWS, Matrix, steps

SCATTERED, GATHERED = 48, 52
"""The first semaphore of each phase; thread t uses the t-th from there."""
MOST_LEAVES, MOST_OWN = 32, 6
"""Of all nodes, as many as vector registers; of a node, as descriptors."""
_LANES = 16
_BUFFER, _OWN, _SUM = 0, 1, 7  # descriptors
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

    # --- who does what -----------------------------------------------------------------------------------------------------------

    def own(self, node: int) -> list[Leaf]:
        """A node's leaves."""
        return [leaf for leaf in self.leaves if leaf.node == node]

    def share(self, node: int, thread: int) -> range:
        """The lines that a thread adds, counted over all gradients."""
        part, parts, lines = node * THREADS + thread, len(self.places) * THREADS, sum(self.lines)
        return range(part * lines // parts, (part + 1) * lines // parts)

    def runs(self, node: int, thread: int) -> list[Run]:
        """A thread's share, cut where gradients end."""
        share, found = self.share(node, thread), []
        for gradient, (first, end) in enumerate(zip([0, *accumulate(self.lines)], accumulate(self.lines), strict=False)):
            low, high = max(first, share.start), min(end, share.stop)
            if low < high:
                found.append(Run(gradient, low - first, high - low, low - share.start))
        return found

    def _others(self, node: int) -> list[int]:
        """The other nodes, from the next on, so that not everybody begins with the same."""
        return [(node + i) % len(self.places) for i in range(1, len(self.places))]

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

    def tables(self, node: int, placed: Sequence[Placed]) -> list[bytes]:
        """What each thread of a node reads, one word after another, from where every node has its things."""
        return [b"".join(word.to_bytes(8, "little") for word in self._table(node, thread, placed)) for thread in range(THREADS)]

    def table_bytes(self, node: int) -> list[int]:
        """Sizes of the tables."""
        nowhere = Placed(0, lambda gradient, shard: 0)
        return [len(table) for table in self.tables(node, [nowhere] * len(self.places))]

    def _table(self, node: int, thread: int, placed: Sequence[Placed]) -> list[int]:
        scatter = [
            self._scatter(node, thread, leaf, to, run, placed)
            for to in self._others(node)
            for leaf in self.own(node)
            for run in self.runs(to, thread)
        ]
        adds = [word for run in self.runs(node, thread) for word in self._addition(node, thread, run, placed[node])]
        gather = [self._gather(node, thread, to, run, placed) for to in self._others(node) for run in self.runs(node, thread)]
        come = len(self.share(node, thread)) * (len(self.leaves) - len(self.own(node)))
        sums = sum(len(self.share(other, thread)) for other in self._others(node))
        return [
            *(len(scatter), *(word for put in scatter for word in put), come),
            *(len(self.runs(node, thread)), *adds),
            *(len(gather), *(word for put in gather for word in put), sums),
        ]

    def _scatter(self, node: int, thread: int, leaf: Leaf, to: int, run: Run, placed: Sequence[Placed]) -> tuple[int, ...]:
        """Source, target, bytes from line to line there, lines."""
        column = [other for other in self.leaves if other.node != to].index(leaf)
        target = placed[to].buffer + self._block(to, thread) + run.index * self._width(to) + LINE_BYTES * column
        source = placed[node].gradient(run.gradient, leaf.shard) + LINE_BYTES * run.first
        return source, global_address(self.places[to], target, SCATTERED + thread), self._width(to), run.lines

    def _gather(self, node: int, thread: int, to: int, run: Run, placed: Sequence[Placed]) -> tuple[int, ...]:
        source, target = (
            placed[here].gradient(run.gradient, self.own(here)[0].shard) + LINE_BYTES * run.first for here in (node, to)
        )
        return source, global_address(self.places[to], target, GATHERED + thread), LINE_BYTES, run.lines

    def _addition(self, node: int, thread: int, run: Run, placed: Placed) -> list[int]:
        """Images of the buffer, of the own leaves and of the sum; lines."""
        others = len(self.leaves) - len(self.own(node))
        at = placed.buffer + self._block(node, thread) + run.index * self._width(node)
        own = [placed.gradient(run.gradient, leaf.shard) + LINE_BYTES * run.first for leaf in self.own(node)]
        images = [_stream(at, run.lines * others), *(_stream(address, run.lines) for address in (*own, own[0]))]
        return [half for image in images for half in image] + [run.lines]

    # --- program -----------------------------------------------------------------------------------------------------------------

    def text(self, node: int, label: str) -> str:
        """The subroutine, which thread 0 calls with nothing in registers; tables lie at ``{label}_table0`` and so on, multiples of 64."""
        begin = [f"        tstart {t}, {label}_{t}" for t in range(1, THREADS)]
        lines = [f"{label}:", *begin, *self._enter(label, 0), *(f"        tjoin {t}" for t in range(1, THREADS)), "        jr x31"]
        for thread in range(1, THREADS):
            lines += [f"{label}_{thread}:", *self._enter(label, thread), "        halt"]
        share = (line if line.endswith(":") else f"        {line}" for line in self._share(node, label))
        return "\n".join([*lines, f"{label}_share:", *share]) + "\n"

    @staticmethod
    def _enter(label: str, thread: int) -> list[str]:
        lines = [f"li x1, {label}_table{thread} / 64", "slli x1, x1, 6", f"li x2, {thread}", f"call x30, {label}_share"]
        return [f"        {line}" for line in lines]

    def _share(self, node: int, label: str) -> list[str]:
        """What every thread does: x1 its table, x2 its number."""
        return [
            *(f"peqi p{thread + 1}, x2, {thread}" for thread in range(THREADS)),
            *_puts(f"{label}_sent"),
            *_wait(SCATTERED),
            *self._sums(node, f"{label}_added"),
            *_puts(f"{label}_told"),
            *_wait(GATHERED),
            "jr x30",
        ]

    def _sums(self, node: int, end: str) -> list[str]:
        own = self.own(node)
        streams = [_BUFFER, *range(_OWN, _OWN + len(own)), _SUM]
        lines = ["ldp.d x3, x1, 8", f"loop {end}, x3"]
        for descriptor in streams:
            lines += ["ldp.d x4, x1, 8", "ldp.d x5, x1, 8", f"setd d{descriptor}, x4, x5"]
        lines += ["ldp.d x7, x1, 8", f"loop {end}, x7"]
        register = {leaf.shard: index for index, leaf in enumerate(self.leaves)}
        for leaf in self.leaves:
            descriptor = _OWN + own.index(leaf) if leaf in own else _BUFFER
            lines.append(f"vld.c v{register[leaf.shard]}, d{descriptor}, inner")
        lines += [f"vfadd v{register[into]}, v{register[into]}, v{register[added]}" for into, added in self.adds]
        return [*lines, f"vst.c v0, d{_SUM}, inner", f"{end}:"]


def _stream(address: int, lines: int) -> tuple[int, int]:
    """The image of a descriptor that walks over lines."""
    if lines > MAX_ROWS:
        raise ValueError(f"a thread's share of {lines} lines is too long: {MAX_ROWS} can be walked")
    return Matrix("lines", address, lines, _LANES, "FP32", LINE_BYTES).descriptor(**steps("y", 1, "y", 1)).pack()


def _puts(end: str) -> list[str]:
    """Remote writes of a list in the table."""
    return [
        *("ldp.d x3, x1, 8", f"loop {end}, x3"),
        *(f"ldp.d x{register}, x1, 8" for register in (4, 5, 6, 7)),
        *(f"loop {end}, x7", "rput x4, x5, 8", "addi x4, x4, 64", "add x5, x5, x6", f"{end}:"),
    ]


def _wait(semaphore: int) -> list[str]:
    """Wait for as many packets as the table says, each thread at its own semaphore."""
    return ["ldp.d x3, x1, 8", *(f"(p{thread + 1}) waitr {semaphore + thread}, x3" for thread in range(THREADS))]

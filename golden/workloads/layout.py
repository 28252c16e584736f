"""A step on a node: its program, its argument table, where its tensors lie, and what a host writes and starts.

The program has an entry of each thread for the whole step, one for the forward pass, and one for each call alone. It takes the
arguments of a piece from a table, from which x20 reads one after another; pieces of equal kernels share a subroutine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

from numpy.typing import NDArray

from golden.arch.config import NodeConfig
from golden.arch.isa import THREADS
from golden.arch.memmap import Csr
from golden.asm import Program, assemble
from golden.kernels.job import START_REGISTERS, Launch
from golden.kernels.kernel import Kernel
from golden.kernels.placement import Allocator, Matrix
from golden.kernels.stream import LONGEST_IMMEDIATE
from golden.workloads.graph import Step
from golden.workloads.pieces import Piece
from golden.workloads.plan import Together, plan
from golden.workloads.schedule import Placement, cut_best, pinned, place, semaphore
from golden.workloads.tensors import TensorKind, View

READY = 56
"""The semaphore that says to thread 0 that the gradients of another thread are there; thread t has the t-th from there."""
SUMMED = 16
"""The first of the semaphores, one for each pair of threads, that say that the sums of one are there."""


@dataclass(frozen=True)
class Exchange:
    """What a node of a mesh does with others between the gradients of its shards and what reads their sum.

    Attributes
    ----------
    text : the subroutine ``name``, which one thread calls when no other runs.
    send : behind a piece (by its number) what its thread sends to others at once.
    enter : the rest as lines of each thread's own, when all run.
    tables : bytes of each of its tables, which it knows as ``{name}_table0`` and so on.
    buffer : bytes of its buffer.
    """

    name: str
    text: str
    send: Mapping[int, Sequence[str]]
    enter: tuple[tuple[str, ...], ...]
    tables: tuple[int, ...]
    buffer: int


class Exchanging(Protocol):
    """How a node exchanges what it does."""

    def cut(self, pieces: Sequence[Piece]) -> list[Piece]:
        """The same work with what reads sums cut as they come."""
        ...

    def sums(self, piece: Piece) -> Sequence[int]:
        """The threads with which the sums come that a piece reads; the first brings most."""
        ...

    def exchange(self, pieces: Sequence[Piece], course: Placement) -> Exchange:
        """What is exchanged, from all pieces and who runs them."""
        ...


class Layout:
    """A step in the SRAM of a node.

    Attributes
    ----------
    matrices : where each tensor lies.
    pieces : the calls, cut; by number in ``course``, which says who runs them, and in ``ahead``, the same of the forward pass.
    train, forward : what to start for a whole step and for the forward pass, all at once.
    phases : each call of a step alone on one thread, and the exchange, in order; together they are ``train``.
    tables, buffer : where the exchange has its own.

    Raises
    ------
    DoesNotFit
        When program, arguments and tensors need more SRAM than there is.
    """

    def __init__(self, step: Step, config: NodeConfig, exchanging: Exchanging | None = None, threads: int = THREADS) -> None:
        self.step, self._exchanging = step, exchanging
        self.features = (config.with_network() if exchanging else config).features
        self.pieces = cut_best(step, threads)
        if exchanging and threads > 1:
            self.pieces = exchanging.cut(self.pieces)
        self.course, self.ahead = self._place(threads)
        self.sums = self._sums()
        """Before a piece: the threads of which its own hears that their sums are there."""
        self.exchange = exchange = exchanging and exchanging.exchange(self.pieces, self.course)
        self.label: dict[str, str] = {}
        """Subroutine of each piece."""
        subroutines: dict[Kernel, str] = {}
        for piece in self.pieces:
            self.label[piece.name] = subroutines.setdefault(piece.kernel, piece.name)
        order = [number for thread in self.course.threads for number in thread]
        sizes = accumulate((8 * self.pieces[number].kernel.registers() for number in order), initial=0)
        self.offsets = dict(zip(order, sizes, strict=False))
        """Of each piece's arguments in the table, where those of a thread's pieces follow each other."""
        self.tables = [0 for _ in exchange.tables] if exchange else []
        end = self._program(0).end
        space = Allocator(config, end)
        self.table = space.reserve(8 * sum(piece.kernel.registers() for piece in self.pieces), f"the argument table of {step.name}")
        if exchange:
            self.tables = [space.reserve(size, f"a table of {exchange.name}") for size in exchange.tables]
            self.buffer = space.reserve(exchange.buffer, f"the buffer of {exchange.name}")
        self.plan = plan(step, config, space.next, self._together())
        self.matrices: dict[str, Matrix] = self.plan.matrices
        self.program = self._program(self.table)
        if self.program.end != end:
            raise ValueError("the program's length depends on its addresses")
        self.train, self.forward = (self._launches(name, course) for name, course in (("train", self.course), ("infer", self.ahead)))
        names = [call.name for call in step.calls]
        if exchange:
            names.insert(step.update, exchange.name)
        self.phases = {name: Launch(0, self.program.labels[f"only_{name}"]) for name in names}

    # --- who runs what -----------------------------------------------------------------------------------------------------------

    def _place(self, threads: int) -> tuple[Placement, Placement]:
        """A step and a forward pass; a thread that takes part in an exchange must run when it begins."""
        first = [piece for piece in self.pieces if not self._exchanging or piece.of < self.step.update]
        course = place(first, threads)
        if self._exchanging:
            rest = self.pieces[len(first) :]
            sums = [self._exchanging.sums(piece) for piece in rest]
            course = course.then(pinned(rest, [known[0] % threads if known else 0 for known in sums], threads))
        return course, place([piece for piece in self.pieces if piece.of < self.step.forward], threads)

    def _sums(self) -> dict[int, list[int]]:
        if not self._exchanging or len(self.course.threads) == 1:
            return {}
        heard = {(thread, thread) for thread in range(THREADS)}  # who, of whom
        found: dict[int, list[int]] = {}
        for thread, order in enumerate(self.course.threads):
            for number in order:
                if self.pieces[number].of >= self.step.update:
                    known = [other for other in self._exchanging.sums(self.pieces[number]) if (thread, other) not in heard]
                    heard |= {(thread, other) for other in known}
                    found[number] = known
        return found

    @property
    def _resident(self) -> int:
        """Threads that run through a step with an exchange; with one thread the exchange starts the others."""
        return THREADS if self.exchange and len(self.course.threads) > 1 else len(self.course.threads)

    def _launches(self, name: str, course: Placement) -> tuple[Launch, ...]:
        whole = self.exchange and course is self.course and self._resident == THREADS
        busy = range(THREADS) if whole else [thread for thread, order in enumerate(course.threads) if order]
        return tuple(Launch(thread, self.program.labels[f"{name}{thread}"], self._begin(thread, course)) for thread in busy)

    def _begin(self, thread: int, course: Placement) -> tuple[int, ...]:
        """Arguments of the thread's first piece, as many as its start carries."""
        first = self._first(thread, course)
        return () if first is None else self._arguments(self.pieces[first])[:START_REGISTERS]

    def _first(self, thread: int, course: Placement) -> int | None:
        """The piece with which a thread begins, None when it begins otherwise."""
        order = course.threads[thread] if thread < len(course.threads) else []
        after = bool(order) and self.exchange is not None and self.pieces[order[0]].of >= self.step.update
        return None if not order or after else order[0]

    def _together(self) -> Together:
        """Tensors whose uses no order of the pieces keeps apart: a host's come before all pieces and behind all."""
        end = len(self.step.calls)
        lives = self.step.lives()
        uses: dict[str, list[int]] = {name: [] for name in self.step.tensors}
        for number, piece in enumerate(self.pieces):
            for name in {view.tensor.name for view in piece.views.values()}:
                uses[name].append(number)
        courses = [(self.course, len(self.pieces), False), (self.ahead, sum(map(len, self.ahead.threads)), True)]
        logits = {tensor.name for tensor in self.step.logits}

        def first(one: str, two: str) -> bool:
            """Whether the first is done with when the second begins."""
            tensor = self.step.tensors[two]
            if lives[one][1] == end or tensor.kind is TensorKind.INPUT or tensor.pinned:
                return False
            for course, count, forward in courses:
                mine, others = ([number for number in uses[name] if number < count] for name in (one, two))
                if others and forward and one in logits:
                    return False
                if not all(course.before(a, b) for a in mine for b in others):
                    return False
            return True

        return lambda one, two: not first(one, two) and not first(two, one)

    # --- program -----------------------------------------------------------------------------------------------------------------

    def _program(self, table: int) -> Program:
        lines = []
        for name, course in (("train", self.course), ("infer", self.ahead)):
            for thread in range(self._resident if course is self.course else len(course.threads)):
                lines += self._entry(f"{name}{thread}", thread, course)
        for number, call in enumerate(self.step.calls):
            alone = [piece for piece, made in enumerate(self.pieces) if made.of == number]
            lines += self._entry(f"only_{call.name}", 0, Placement([alone]), launched=False)
        texts = [piece.kernel.text(piece.name) for piece in self.pieces if self.label[piece.name] == piece.name]
        names = {"table": table}
        if self.exchange:
            lines += [f"only_{self.exchange.name}: call x31, {self.exchange.name}", "        halt"]
            texts.append(self.exchange.text)
            names |= {f"{self.exchange.name}_table{index}": address for index, address in enumerate(self.tables)}
        return assemble("\n".join([*lines, *texts]), source=self.step.name, names=names, features=self.features)

    def _entry(self, label: str, thread: int, course: Placement, launched: bool = True) -> list[str]:
        """An entry point that runs a thread's pieces; x20 reads their arguments, but for those that come with its start."""
        lines = [f"{label}: li x20, table / 64", "        slli x20, x20, 6"]
        at, level, sends = 0, 0, list[str]()
        order = course.threads[thread] if thread < len(course.threads) else []
        exchanged = self.exchange is None or course is not self.course
        for number in order:
            piece = self.pieces[number]
            if not exchanged and piece.of >= self.step.update:
                lines, exchanged, sends = lines + self._exchange(thread, sends), True, []
            lines, sends = lines + sends, []
            came = START_REGISTERS if launched and number == self._first(thread, course) else 0
            if registers := range(came + 1, piece.kernel.registers() + 1):
                lines += _moved(self.offsets[number] + 8 * came - at)
                at = self.offsets[number] + 8 * piece.kernel.registers()
                lines += [f"        ldp.d x{i}, x20, 8" for i in registers]
            if level != (level := course.levels.get(number, 0)):
                lines += [f"        li x21, {level}", f"        csrw x21, {int(Csr.PRIORITY)}"]
            sums = [SUMMED + semaphore(other, thread) for other in self.sums.get(number, ())] if course is self.course else []
            lines += [f"        wait {name}, 1" for name in (*sums, *course.waits.get(number, ()))]
            lines.append(f"        call x31, {self.label[piece.name]}")
            lines += [f"        raise {name}, 1" for name in course.raises.get(number, ())]
            if self.exchange and not exchanged and self._resident == THREADS:
                sends = list(self.exchange.send.get(number, ()))
        if not exchanged:
            lines += self._exchange(thread, sends)
        return [*lines, "        halt"]

    def _exchange(self, thread: int, sends: list[str]) -> list[str]:
        """All gradients are there before the rest of it, the thread's sums behind it, of which it tells those that read them. It tells the
        others of its gradients before it sends its last lines: a barrier would wait until they are sent."""
        assert self.exchange
        if self._resident == 1:
            return [f"        call x31, {self.exchange.name}"]
        tell = [f"        raise {READY + other}, 1" for other in range(THREADS) if other != thread]
        meet = [f"        wait {READY + thread}, {THREADS - 1}"]
        readers = [
            reader
            for reader, order in enumerate(self.course.threads)
            if any(thread in self.sums.get(number, ()) for number in order)
        ]
        summed = [f"        raise {SUMMED + semaphore(thread, reader)}, 1" for reader in readers]
        return [*tell, *sends, *meet, *self.exchange.enter[thread], *summed]

    def initial(self, state: Mapping[str, NDArray]) -> list[tuple[int, bytes]]:
        """Everything that a host writes once: program, arguments, constants and the whole state."""
        table = [
            word
            for number in self.offsets
            for word in self._arguments(self.pieces[number])
        ]
        pieces = [(self.program.origin, self.program.image), (self.table, b"".join(word.to_bytes(8, "little") for word in table))]
        for tensor in self.step.tensors.values():
            bits = state[tensor.name] if tensor.kind is TensorKind.STATE else tensor.initial
            if bits is not None:
                pieces.append((self.matrices[tensor.name].address, self.matrices[tensor.name].pack(bits)))
        return pieces

    def inputs(self, values: Mapping[str, NDArray]) -> list[tuple[int, bytes]]:
        """What a host writes before a step or a forward pass."""
        return [(self.matrices[name].address, self.matrices[name].pack(bits)) for name, bits in self.step.split(values).items()]

    def _arguments(self, piece: Piece) -> tuple[int, ...]:
        return piece.kernel.arguments(**{name: self.window(view) for name, view in piece.views.items()})

    def window(self, view: View) -> Matrix:
        """Where a view lies."""
        return self.matrices[view.tensor.name].window(view.row, view.column, view.rows, view.columns)


def _moved(distance: int) -> list[str]:
    """x20 moved by so many bytes, a multiple of 8."""
    if not distance:
        return []
    if -LONGEST_IMMEDIATE // 2 <= distance <= LONGEST_IMMEDIATE // 2:
        return [f"        addi x20, x20, {distance}"]
    return [f"        li x21, {distance // 8}", "        slli x21, x21, 3", "        add x20, x20, x21"]

"""Properties of the network's parts, and faults that each property catches.

A top holds a part, free inputs, what the part may take for granted (assumptions on those inputs), and named assertions. Beside what users
see, some assertions tie a part's state to a count or an order kept here: induction needs them, and they fail for faults of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from amaranth.hdl import Array, Assert, Assume, Cat, Elaboratable, Module, Mux, Signal

from golden.arch.packet import CHANNELS, CREDITS
from rtl.noc import credits as credits_module
from rtl.noc.router import arbiter as arbiter_module
from rtl.noc.router import fifo as fifo_module
from rtl.noc.router import output as output_module
from rtl.noc.router.layouts import DEPTH, HEAD, PORTS, WORD


@dataclass(frozen=True)
class Proof:
    """A part's properties: `make` builds the top round the part of a module (None: the one that is built)."""

    part: str
    properties: tuple[str, ...]
    make: Callable[[ModuleType | None], Elaboratable]
    bound: int
    induction: int


@dataclass(frozen=True)
class Fault:
    """`old` becomes `new` in the text of `module`; `property` of `part` must fail."""

    part: str
    property: str
    name: str
    module: str
    old: str
    new: str


class _Top(Elaboratable):
    """Collects free inputs; subclasses add a part and assertions in `body`."""

    def __init__(self, module: ModuleType | None) -> None:
        self.module = module
        self.ports: list[Signal] = []
        self.m = Module()
        self.started = Signal()
        self.m.d.sync += self.started.eq(1)
        self.body(self.m)

    def free(self, shape: int, name: str) -> Signal:
        signal = Signal(shape, name=name)
        self.ports.append(signal)
        return signal

    def claim(self, name: str, holds) -> None:
        self.m.d.comb += Assert(holds, name)

    def elaborate(self, platform):
        return self.m

    def body(self, m: Module) -> None:
        raise NotImplementedError


def _at_most_one(bits):
    return (bits & (bits - 1)) == 0


def _ahead(part, i: int, j: int):
    """Whether i goes before j in an order of service."""
    return part.before[i, j] if i < j else ~part.before[j, i]


def _is_line(part):
    """Nobody goes before somebody who goes before him."""
    n = range(part.count)
    return Cat(
        ~(_ahead(part, i, j) & _ahead(part, j, k)) | _ahead(part, i, k) for i in n for j in n for k in n if len({i, j, k}) == 3
    ).all()


def _places(part) -> list:
    """How many go before each."""
    return [sum(_ahead(part, j, i) for j in range(part.count) if j != i) for i in range(part.count)]


class CreditsTop(_Top):
    """A sender that takes only what it may, a receiver that gives back only what it has."""

    def body(self, m: Module) -> None:
        m.submodules.part = part = (self.module or credits_module).Credits()
        take, give = self.free(CHANNELS, "take"), self.free(CHANNELS, "give")
        m.d.comb += [part.take.eq(take), part.give.eq(give)]
        sums, bounds, oks = [], [], []
        for v in range(CHANNELS):
            away = Signal(range(CREDITS + 1), name=f"away{v}")
            m.d.sync += away.eq(away + take[v] - give[v])
            m.d.comb += Assume(~take[v] | part.ok[v])
            m.d.comb += Assume(~give[v] | (away != 0))
            sums.append(part.count[v] + away == CREDITS)
            bounds.append((part.count[v] <= CREDITS) & (away <= CREDITS))
            oks.append(part.ok[v] == (part.count[v] != 0))
        self.claim("no credit lost or made", Cat(*sums).all())
        self.claim("no overflow or underflow", Cat(*bounds).all())
        self.claim("ok while there is credit", Cat(*oks).all())


class LeastRecentTop(_Top):
    """Requests that stay until they are served; whoever is granted is served, or nobody."""

    count = 4

    def body(self, m: Module) -> None:
        n = self.count
        m.submodules.part = part = (self.module or arbiter_module).LeastRecent(n)
        request, serve, watched = self.free(n, "request"), self.free(1, "serve"), self.free(2, "watched")
        mine, first, steady = Signal(2), Signal(init=1), Signal()
        m.d.sync += first.eq(0)
        m.d.sync += mine.eq(watched)
        m.d.comb += steady.eq(first | (watched == mine))
        m.d.comb += Assume(steady)
        m.d.comb += [part.request.eq(request), part.served.eq(Mux(serve, part.grant, 0))]
        asks, gets = (request >> watched)[0], (part.grant >> watched)[0]
        # Turns of others while the watched one asks.
        waited = Signal(range(n + 2))
        m.d.sync += waited.eq(Mux(asks & ~(gets & serve), waited + (part.served != 0), 0))
        place = Array(_places(part))[watched]
        self.claim("grants one at most", _at_most_one(part.grant))
        self.claim("grants who asks", (part.grant & ~request) == 0)
        self.claim("somebody goes if anybody asks", (request == 0) | part.grant.any())
        self.claim("served within the turns of the others", waited <= n - 1)
        self.claim("the order is a line", _is_line(part))
        self.claim("who waits moves up", waited + place <= n - 1)


class ArbiterTop(_Top):
    """Two levels at once: requests that stay until granted."""

    inputs = PORTS - 1

    def body(self, m: Module) -> None:
        n = self.inputs * CHANNELS
        m.submodules.part = part = (self.module or arbiter_module).Arbiter(self.inputs)
        request, watched = self.free(n, "request"), self.free(4, "watched")
        mine, first = Signal(4), Signal(init=1)
        m.d.sync += [first.eq(0), mine.eq(watched)]
        m.d.comb += Assume(first | (watched == mine))
        m.d.comb += part.request.eq(request)
        grant = part.grant.as_value()
        asks, gets = (request >> watched)[0], (grant >> watched)[0]
        waited = Signal(range(n + 2))
        m.d.sync += waited.eq(Mux(asks & ~gets, waited + 1, 0))
        self.claim("grants one at most", _at_most_one(grant))
        self.claim("grants who asks", (grant & ~request) == 0)
        self.claim("somebody goes if anybody asks", (request == 0) | grant.any())
        port, channel = watched >> 2, watched & 3
        place = Array(_places(part.ports))[port]
        behind = Array([Array(_places(part.channels[p]))[channel] for p in range(self.inputs)])[port]
        self.claim("granted within a turn of all", waited <= n - 1)
        self.claim("the orders are lines", Cat(_is_line(order) for order in (part.ports, *part.channels)).all())
        self.claim("who waits moves up", waited + self.inputs * behind + place <= n - 1)


class FifoTop(_Top):
    """A sender with credits, arbiters that grant what is wanted; one packet, any, is followed from arrival to its last departure."""

    def body(self, m: Module) -> None:
        m.submodules.part = part = (self.module or fifo_module).Fifo()
        valid, out, word = self.free(1, "valid"), self.free(PORTS, "out"), self.free(HEAD.size, "word")
        granted, follow = self.free(PORTS, "granted"), self.free(1, "follow")
        m.d.comb += [part.valid.eq(valid), part.out.eq(out), part.word.eq(word), part.granted.eq(granted)]
        held = Signal(range(DEPTH + 1))
        m.d.comb += Assume(out != 0)
        m.d.comb += Assume(~valid | (held != DEPTH))
        m.d.comb += Assume((granted & ~part.want) == 0)
        m.d.sync += held.eq(held + valid - part.gone)

        inside, ahead, its_out, its_word, its_place = Signal(), Signal(range(DEPTH + 1)), Signal(PORTS), Signal(HEAD.size), Signal(DEPTH)
        its_left = Signal(PORTS)  # the ports by which it has not left
        takes = valid & follow & ~inside
        there, passes = inside & (ahead == 0), takes & (held == 0)
        left = Mux(there, its_left, out) & ~granted
        leaves = (there | passes) & (left == 0)
        with m.If(takes):
            m.d.sync += [
                inside.eq(~leaves), ahead.eq(held - part.gone), its_out.eq(out), its_word.eq(word), its_place.eq(part.slot.write),
                its_left.eq(Mux(passes, left, out)),
            ]  # fmt: skip
        with m.Elif(inside):
            m.d.sync += [inside.eq(~leaves), ahead.eq(ahead - (part.gone & ~there))]
            with m.If(there):
                m.d.sync += its_left.eq(left)
        empty = held == 0
        where = [Cat(part.write[(i + d) % DEPTH] & ((held & (DEPTH - 1)) == d) for d in range(DEPTH)).any() for i in range(DEPTH)]
        its = [Cat(part.read[(i - d) % DEPTH] & (ahead == d) for d in range(DEPTH)).any() for i in range(DEPTH)]
        stored = [~its_place[i] | ((part.words[i].as_value() == its_word) & (part.outs[i] == its_out)) for i in range(DEPTH)]
        heads = [~part.read[i] | ((part.first & ~part.outs[i]) == 0) for i in range(DEPTH)]
        occupied = [Cat(part.read[(i - d) % DEPTH] & (d < held) for d in range(DEPTH)).any() for i in range(DEPTH)]
        ports = [~occupied[i] | (part.outs[i] != 0) for i in range(DEPTH)]
        one_hot = [(bits != 0) & _at_most_one(bits) for bits in (part.read, part.write, part.count)]

        self.claim("in order and whole", ~there | ((part.want == its_left) & (part.head.as_value() == its_word)))
        self.claim("gone with its last copy", ~(there | passes) | (part.gone == leaves))
        self.claim("offers what it holds", part.want.any() == (~empty | valid))
        self.claim("passes by when empty", ~(empty & valid) | ((part.want == out) & (part.head.as_value() == word) & part.slot.bypass))
        self.claim("counts what it holds", (part.count == (1 << held)) & (part.some == ~empty))
        self.claim("payload is read where it was written", ~there | (~part.slot.bypass & (part.slot.read == its_place)))
        self.claim("payload is written when a packet comes", (part.slot.write != 0) == valid)
        self.claim("state is one hot", Cat(*one_hot).all())
        self.claim("places follow each other", Cat(*where) == part.read)
        self.claim("a packet keeps its place", ~inside | ((ahead < held) & (Cat(*its) == its_place) & Cat(*stored).all()))
        still = ~inside | ((its_left != 0) & ((its_left & ~its_out) == 0) & ((ahead == 0) | (its_left == its_out)))
        self.claim("holds ports", Cat(*ports).all() & still)
        self.claim("first is the head", Mux(empty, part.first == 0, Cat(*heads).all() & part.first.any()))


class OutputTop(_Top):
    """Free requests; a receiver that gives back only what it got; every control word is compared with the grant before it."""

    def body(self, m: Module) -> None:
        inputs = PORTS - 1
        m.submodules.part = part = (self.module or output_module).RouterOutput(inputs)
        n = inputs * CHANNELS
        want, credit, closed = self.free(n, "want"), self.free(CHANNELS, "credit"), self.free(1, "closed")
        heads = self.free(n * WORD.size, "heads")
        m.d.comb += [part.want.eq(want), part.credit.eq(credit), part.closed.eq(closed), part.heads.eq(heads)]
        before = Signal()
        m.d.sync += before.eq(closed)
        m.d.comb += Assume(~self.started | (before == closed))
        grant = part.grant.as_value()
        channels, expected = Signal(CHANNELS), Signal(WORD.size)
        sent, was = Signal(CHANNELS), Signal(WORD.size)
        m.d.comb += channels.eq(Cat(Cat(grant[p * CHANNELS + v] for p in range(inputs)).any() for v in range(CHANNELS)))
        for i in range(n):
            with m.If(grant[i]):
                m.d.comb += expected.eq(heads[i * WORD.size : (i + 1) * WORD.size])
        m.d.sync += [sent.eq(channels), was.eq(expected)]
        kept, bounds, allowed = [], [], []
        for v in range(CHANNELS):
            away = Signal(range(CREDITS + 1), name=f"away{v}")
            back = Mux(closed, part.control.valid[v], credit[v])
            m.d.sync += away.eq(away + channels[v] - back)
            m.d.comb += Assume(closed | ~credit[v] | (away > part.control.valid[v]))
            kept.append((part.count[v] + away == CREDITS) & (part.credits.ok[v] == (part.count[v] != 0)))
            bounds.append((away <= CREDITS) & (away >= part.control.valid[v]))
            allowed.append(Cat(want[p * CHANNELS + v] for p in range(inputs)).any() & (part.count[v] != 0))
        control = part.control
        word = Cat(control.out, control.x, control.y, control.far_x, control.far_y)
        self.claim("sends what it granted", control.valid == sent)
        self.claim("the word is that of the granted", (sent == 0) | (word == was))
        self.claim("one packet a cycle", _at_most_one(control.valid) & _at_most_one(grant))
        self.claim("grants what is wanted", (grant & ~want) == 0)
        self.claim("no packet without credit", Cat(*bounds).all())
        self.claim("credits are kept", Cat(*kept).all())
        arbiter = part.arbiter
        self.claim("the orders are lines", Cat(_is_line(order) for order in (arbiter.ports, *arbiter.channels)).all())
        self.claim("somebody goes if anybody may", grant.any() == Cat(*allowed).any())


PROOFS: tuple[Proof, ...] = (
    Proof("credit counter", ("no credit lost or made", "no overflow or underflow", "ok while there is credit"), CreditsTop, 16, 2),
    Proof(
        "least recently granted",
        (
            "grants one at most", "grants who asks", "somebody goes if anybody asks", "served within the turns of the others",
            "the order is a line", "who waits moves up",
        ),
        LeastRecentTop, 12, 2,
    ),
    Proof(
        "arbiter",
        ("grants one at most", "grants who asks", "somebody goes if anybody asks", "granted within a turn of all",
         "the orders are lines", "who waits moves up"),
        ArbiterTop, 5, 1,
    ),
    Proof(
        "FIFO",
        (
            "in order and whole", "gone with its last copy", "offers what it holds", "passes by when empty", "counts what it holds",
            "payload is read where it was written", "payload is written when a packet comes", "state is one hot",
            "places follow each other", "a packet keeps its place", "holds ports", "first is the head",
        ),
        FifoTop, 8, 2,
    ),
    Proof(
        "router output",
        (
            "sends what it granted", "the word is that of the granted", "one packet a cycle", "grants what is wanted",
            "no packet without credit", "credits are kept", "the orders are lines",
            "somebody goes if anybody may",
        ),
        OutputTop, 7, 1,
    ),
)  # fmt: skip
"""In the order of the report."""

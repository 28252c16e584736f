"""Runs inside Verilator: one router between random neighbours, every flip-flop of every link against the rules, with a full table, a closed
port and wrong parities; then between senders that never rest and receivers that hold it up, every pattern under every back-pressure.

What comes in by a port must go out by the ports that its control word names, whole, in order within its channel and once by each, with
the ports at the next router that the rules give. Throughput: an output is busy whenever it has credit and somebody who asks for it.
"""

from collections import defaultdict, deque
from itertools import repeat

import cocotb
import numpy as np

from golden import coverage
from golden.arch import route_table
from golden.arch.mesh import OPPOSITE
from golden.arch.packet import BODY, CHANNELS, CONTROL, COORD_BITS, CREDITS, PortId
from golden.noc.router import Router as Rules
from golden.noc.routing import branches, onward
from tb.bind import bind
from tb.clock import cycles, start
from tb.seed import generator
from tb.stream import GAPS
from tests.rtl.noc.router.neighbours import Neighbours, random_table, with_parity

AT = (3, 4)
WARM, WINDOW, DRAIN = 40, 200, 2500
BUSY = 0.98
STALLED = PortId.EAST


def turn(rng, p: PortId, n: int) -> PortId:
    """Five flows that share no output."""
    return PortId((p + 1) % len(PortId))


def uniform(rng, p: PortId, n: int) -> PortId:
    return rng.choice([o for o in PortId if o != p])


def hotspot(rng, p: PortId, n: int) -> PortId:
    """All to the node, whose own packets leave by the north."""
    return PortId.NODE if p != PortId.NODE else PortId.NORTH


def bursts(rng, p: PortId, n: int) -> PortId:
    """Runs of eight to one output."""
    return [o for o in PortId if o != p][n // 8 % (len(PortId) - 1)]


def pairs(rng, p: PortId, n: int) -> PortId:
    """Two outputs for everybody."""
    return rng.choice([o for o in (PortId.SOUTH, PortId.NODE) if o != p])


def broadcast(rng, p: PortId, n: int) -> None:
    """Multicasts alone, as they come this way from rectangles at random."""


def mixed(rng, p: PortId, n: int) -> PortId | None:
    """Every third packet is a multicast."""
    return uniform(rng, p, n) if n % 3 else None


PATTERNS = {
    "turn": turn, "one channel": turn, "uniform": uniform, "hotspot": hotspot, "bursts": bursts, "pairs": pairs,
    "broadcast": broadcast, "mixed": mixed,
}  # fmt: skip
"""The output of a packet by input and number; None of a multicast."""
HELD_UP = [*GAPS, "slow", "one stands still"]
LEAST = {"uniform": 0.65, "bursts": 0.4, "pairs": BUSY, "broadcast": 0.6, "mixed": 0.6}
"""Share of cycles in which an output that is asked for is busy, nobody holding it up; `BUSY` for flows that share nothing."""


def mask(ports) -> int:
    return sum(1 << port for port in ports)


def single(rng, out: PortId, route: int):
    """A packet that leaves by an output, to a place for which nobody turns back behind it."""
    while True:
        to = AT if out == PortId.NODE else (rng.randint(0, 7), rng.randint(0, 7))
        if out == PortId.NODE or OPPOSITE[out] not in onward(AT, out, to, to, route, []):
            return to, to, {out}


def multicast(rng, p: PortId, route: int):
    """A rectangle whose tree comes this way."""
    while True:
        columns, rows = (sorted(rng.randint(1, 7) for _ in range(2)) for _ in range(2))
        corner, far = (columns[0], rows[0]), (columns[1], rows[1])
        outs = branches(AT, corner, far, route, None if p == PortId.NODE else OPPOSITE[p]) - {p}
        if corner != far and outs:
            return corner, far, outs


class Bench:
    """Drives and watches all links in one loop; `sent` and `came` count by output while `counting`."""

    def __init__(self, ports, pattern: str, held_up: str) -> None:
        self.ports, self.pattern, self.held_up = ports, pattern, held_up
        self.rng = generator("traffic")
        self.sending, self.counting = True, False
        self.numbers = [0] * len(PortId)
        self.credits = [[CREDITS] * CHANNELS for _ in PortId]
        self.held = [[0] * CHANNELS for _ in PortId]
        self.expected = defaultdict(deque)  # by output, input and channel: control words and bodies
        self.came, self.returned, self.by_input = [0] * len(PortId), [0] * len(PortId), defaultdict(int)
        self.gaps = [self._gaps(o) for o in PortId]
        self.waits = [next(gaps) for gaps in self.gaps]
        self.bodies = [0] * len(PortId)
        self.due = [None] * len(PortId)
        self.full = [[False] * CHANNELS for _ in PortId]  # the last packet of that channel took the last credit
        self.turns = set()

    def _gaps(self, o: PortId):
        if self.held_up == "slow":
            return repeat(20)
        return repeat(0) if self.held_up == "one stands still" else GAPS[self.held_up](generator(f"gaps {o.name}"))

    def _send(self, p: PortId) -> None:
        """A packet on a channel with credit: control now, body a cycle later."""
        self.ports[f"i__{p}__body"].set(self.bodies[p])
        channels = [v for v in range(1 if self.pattern == "one channel" else CHANNELS) if self.credits[p][v]]
        word = 0
        if self.sending and channels:
            v, rng = self.rng.choice(channels), self.rng
            out = PATTERNS[self.pattern](rng, p, self.numbers[p])
            self.numbers[p] += 1
            corner, far, outs = multicast(rng, p, v & 1) if out is None else single(rng, out, v & 1)
            fields = {"valid": 1 << v, "x": corner[0], "y": corner[1], "far_x": far[0], "far_y": far[1]}
            word, self.bodies[p] = CONTROL.pack(fields | {"out": mask(outs)}), rng.getrandbits(BODY.width)
            self.credits[p][v] -= 1
            for out in outs:
                shown = CONTROL.pack(fields | {"out": mask(onward(AT, out, corner, far, v & 1, []))})
                self.expected[out, p, v].append((shown, self.bodies[p]))
        self.ports[f"i__{p}__control"].set(word)

    def _see(self, o: PortId) -> None:
        """The body of the packet before, and the control word of the next: the oldest of some input on that channel."""
        if self.due[o]:
            channel, word, waited = self.due[o]
            body = self.ports[f"o__{o}__body"].get()
            next_of = [p for p in PortId if (queue := self.expected[o, p, channel]) and queue[0] == (word, body)]
            assert next_of, f"{o.name}: {word:#x} {body:#x} on channel {channel} is the next of no input"
            p = next_of[0]
            self.expected[o, p, channel].popleft()
            fields = CONTROL.unpack(word)
            copied = (fields["x"], fields["y"]) != (fields["far_x"], fields["far_y"])
            self.turns.add(coverage.turn(p, o, channel, copied, waited))
            self.came[o] += self.counting
            self.by_input[o, p] += self.counting
        word = self.ports[f"o__{o}__control"].get()
        valid = word & CONTROL["valid"].mask
        assert valid.bit_count() <= 1
        self.due[o] = None
        if valid:
            v = valid.bit_length() - 1
            self.due[o] = v, word, self.full[o][v]
            self.held[o][v] += 1
            self.full[o][v] = self.held[o][v] == CREDITS
            assert self.held[o][v] <= CREDITS, f"{o.name}: a packet without credit"

    def _give_back(self, o: PortId) -> None:
        pulse = 0
        if any(self.held[o]) and not (self.held_up == "one stands still" and o == STALLED and self.sending):
            if self.waits[o] and self.sending:
                self.waits[o] -= 1
            else:
                v = self.rng.choice([v for v in range(CHANNELS) if self.held[o][v]])
                self.held[o][v] -= 1
                pulse = 1 << v
                self.waits[o] = next(self.gaps[o])
                self.returned[o] += self.counting
        self.ports[f"o__{o}__credit"].set(pulse)

    async def run(self, count: int) -> None:
        for _ in range(count):
            for p in PortId:
                self._send(p)
            await cycles(self.ports, 1)
            for port in PortId:
                self._see(port)
                pulses = self.ports[f"i__{port}__credit"].get()
                for v in range(CHANNELS):
                    self.credits[port][v] += pulses >> v & 1
                self._give_back(port)


SETTLE, LOCKSTEP = 4, 600
LAST = (1 << COORD_BITS) - 2
"""The last column and row, behind which another is."""


@cocotb.test()
@cocotb.parametrize(
    (
        ("load", "back", "many", "at"),
        [
            (0.9, 0.9, 0.3, (3, 4)),
            (0.9, 0.2, 0.5, (1, LAST)),
            (0.4, 0.9, 0.1, (LAST, 1)),
            (0.9, 0.9, 0, (16, 15)),
            (0.9, 0.6, 0.2, (15, 16)),
        ],
    )
)
async def shows_what_the_rules_say(dut, load: float, back: float, many: float, at: tuple[int, int]):
    rng = np.random.default_rng(generator("rules").getrandbits(64))
    table, closed = random_table(rng, at, route_table.ENTRIES), PortId(int(rng.integers(len(PortId))))
    ports = bind(dut)
    rest(ports)
    await start(ports, limit=LOCKSTEP + 200)
    await configure(ports, at, table, closed, rng)
    rules = Rules(at, table, frozenset({closed}))
    around = Neighbours(rng, at, table, load, back, many, (0, 1 << COORD_BITS))
    before, wrong, shown, credits = [0] * len(PortId), [0] * len(PortId), None, None
    for cycle in range(LOCKSTEP):
        controls = around.controls() if cycle < LOCKSTEP - 1 else [0] * len(PortId)
        bodies = around.bodies()
        for p in PortId:
            if before[p]:
                right = with_parity(bodies[p], before[p])
                bodies[p] = int(rng.choice([bodies[p], right, right ^ 1 << int(rng.integers(BODY.width))]))
                wrong[p] += bodies[p] != with_parity(bodies[p], before[p])
        drive = controls, bodies, around.returned()
        for p in PortId:
            ports[f"i__{p}__control"].set(controls[p])
            ports[f"i__{p}__body"].set(bodies[p])
            ports[f"o__{p}__credit"].set(drive[2][p])
        before = controls
        await cycles(ports, 1)
        if shown:
            compare(ports, shown, credits, cycle)
        shown, credits = rules.step(*drive), [list(counts) for counts in rules.credits]
        around.see(list(shown.controls), list(shown.credits))
    rest(ports)
    await cycles(ports, SETTLE)
    assert list(ports["parity_errors"].fields()) == wrong


def rest(ports) -> None:
    """Nobody sends, nobody gives a credit back: from the reset on, whatever a test before this one left there."""
    for port in PortId:
        for name in (f"i__{port}__control", f"i__{port}__body", f"o__{port}__credit"):
            ports[name].set(0)


async def configure(ports, at, table, closed: PortId, rng) -> None:
    """Coordinates, the closed port, the table in any order of its places; those that are not the router's are written too."""
    for name, value in (("x", at[0]), ("y", at[1]), ("closed", 1 << closed), ("entry__valid", 0)):
        ports[name].set(value)
    places = rng.permutation(route_table.ENTRIES + route_table.DEPARTURES)
    for place in places:
        entry = route_table.ENTRY.pack(table[place].fields()) if place < route_table.ENTRIES else (1 << route_table.ENTRY.width) - 1
        for name, value in (("valid", 1), ("index", int(place)), ("entry", entry)):
            ports[f"entry__{name}"].set(value)
        await cycles(ports, 1)
    ports["entry__valid"].set(0)
    await cycles(ports, SETTLE)


def compare(ports, shown, credits, cycle: int) -> None:
    assert [ports[f"o__{o}__control"].get() for o in PortId] == list(shown.controls), f"cycle {cycle}"
    assert [ports[f"i__{p}__credit"].get() for p in PortId] == list(shown.credits), f"cycle {cycle}"
    found = ports["credits"].fields()
    assert [list(found[o]) for o in PortId] == credits, f"cycle {cycle}"
    for o, body in zip(PortId, shown.bodies, strict=True):
        assert body is None or ports[f"o__{o}__body"].get() == body, f"cycle {cycle}, body at {o.name}"


async def begin(dut, pattern: str, held_up: str) -> Bench:
    ports = bind(dut)
    rest(ports)
    await start(ports, limit=WARM + WINDOW + DRAIN + 100)
    for name, value in (("x", AT[0]), ("y", AT[1]), ("closed", 0), ("entry__valid", 0)):
        ports[name].set(value)
    await cycles(ports, 4)
    return Bench(ports, pattern, held_up)


@cocotb.test()
@cocotb.parametrize(pattern=list(PATTERNS), held_up=HELD_UP)
async def keeps_every_packet_and_wastes_no_cycle(dut, pattern: str, held_up: str):
    bench = await begin(dut, pattern, held_up)
    await bench.run(WARM)
    bench.counting = True
    await bench.run(WINDOW)
    bench.counting = False
    check_throughput(bench)
    bench.sending = False
    for _ in range(DRAIN // 50):
        await bench.run(50)
        if not any(bench.expected.values()):
            break
    assert not any(bench.expected.values()), "packets that never came"
    coverage.keep(bench.turns)
    assert bench.credits == [[CREDITS] * CHANNELS for _ in PortId]


def check_throughput(bench: Bench) -> None:
    asked = {out for p in PortId for n in range(32) for out in [PATTERNS[bench.pattern](bench.rng, p, n)]} - {None} or set(PortId)
    shared = bench.pattern in ("uniform", "bursts", "pairs", "broadcast", "mixed")
    stuck = bench.held_up == "one stands still"
    for o in asked:
        came, back = bench.came[o], bench.returned[o]
        if stuck and o == STALLED:
            assert came == 0
        elif bench.held_up == "none":
            assert came >= LEAST.get(bench.pattern, BUSY) * WINDOW, f"{o.name}: {came} of {WINDOW} cycles"
        elif not shared:
            # Flows that share no input with others: what was given back was used, and nothing else held anybody up.
            used = BUSY * WINDOW if stuck else min(BUSY * WINDOW, back - CREDITS)
            assert came >= used, f"{o.name}: {came} packets for {back} credits"
    if bench.pattern == "hotspot" and bench.held_up == "none":
        shares = [bench.by_input[PortId.NODE, p] for p in PortId if p != PortId.NODE]
        assert max(shares) - min(shares) <= 4, shares

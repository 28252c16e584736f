"""Which request gets its bank in which cycle: both arbitration steps, turns and partial stores, from the text of docs/sram.md.

``Arbiter.play`` follows requests from the cycles in which they were accepted and tells when each lane's datum returns, when each store and
line is done, and how many asked in vain in every cycle. It is written as loops over requests in order of priority, not as the circuit.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from golden import coverage
from golden.arch.sram import LANES, LINE_READ_LATENCY, LOAD_LATENCY, bank, line_banks

LOADS, STEP_ONE = ("l0", "l1"), ("mw", "lr", "st", "ss")
TURNS = ("lr", "st", "ss", "sl", "l0", "l1")
TICK, TURN_PERIOD, MARKS, FILL_PATIENCE = 8, 4, 3, 16
MERGED = 6
"""Cycles from the grant of a partial store's read to the first in which it asks for its write."""


@dataclass(eq=False)
class Asked:
    """What one lane of one request wants: a mask of banks; ``index`` of the request among the port's."""

    port: str
    lane: int
    index: int
    banks: int
    partial: bool = False
    asks: int = 0  # the first cycle in which it asks
    owns: int | None = None  # the cycle from which on it owns its bank, of a partial store
    marks: int = 0


class Arbiter:
    """The SRAM's arbitration from the first cycle out of reset on; ``points`` of golden.coverage that it met."""

    def __init__(self, born: int) -> None:
        self.born = self.now = born
        self.queues: dict[tuple[str, int], deque[Asked]] = defaultdict(deque)
        self.turn = ""
        self.after = 0  # ports of TURNS from this one on come first
        self.first_load = ""  # the load port that goes first in this slot
        self.busy: dict[int, str] = {}  # banks given away in this slot, and to whom
        self.lent: set[tuple[str, int]] = set()
        self.overtook = False
        self.patience = self.line_marks = 0  # cycles that a fill has waited; of the line read that is next
        self.denied: dict[int, int] = {}
        self.points: Counter[str] = Counter()

    def play(self, requests: Mapping[str, np.ndarray], accepted: Mapping[str, np.ndarray], until: int) -> dict[str, np.ndarray]:
        """The cycle in which each lane of each request of a port is answered, -1 where it is not by ``until``."""
        arrivals = defaultdict(list)
        self.when = {port: np.full((len(asked), LANES), -1, np.int64) for port, asked in requests.items()}
        self.lanes_left = [LANES] * len(requests.get("st", ()))
        self.told = 0
        for port, asked in requests.items():
            for index, request in enumerate(asked):
                arrivals[int(accepted[port][index])] += _wishes(port, index, request)
        while self.now <= until:
            self._cycle()
            for wish in arrivals.get(self.now, ()):
                queue = self.queues[wish.port, wish.lane]
                wish.asks = self.now + 1
                queue.append(wish)
            self.now += 1
        return self.when

    # --- a cycle -------------------------------------------------------------------------------------------------------------------

    def _heads(self, port: str) -> list[Asked]:
        return [queue[0] for lane in range(LANES) if (queue := self.queues.get((port, lane)))]

    def _cycle(self) -> None:
        if not any(self.queues.values()):
            self.busy, self.lent, self.line_marks, self.patience, self.denied[self.now] = {}, set(), 0, 0, 0
            self._turn(set())
            return
        heads = {port: self._heads(port) for port in ("mw", "mr", "fill", "st", "ss", "sl", "l0", "l1")}
        fills = bool(heads["fill"]) and (not heads["mr"] or (self.patience > FILL_PATIENCE - 1 and not self.overtook))
        heads["lr"] = heads["fill"] if fills else heads["mr"]
        old = {port for port in TURNS if port != "lr" and any(wish.marks == MARKS for wish in heads[port])}
        old |= {"lr"} if self.line_marks == MARKS else set()
        granted = self._loads(heads)
        self._step_one(heads, granted)
        self._wait(heads, granted, fills)
        self._turn(old)

    def _loads(self, heads: dict[str, list[Asked]]) -> set[Asked]:
        """Step 2, in the slot that runs; those that read."""
        flip = (self.now - self.born) % 2
        order = ["sl", "l1", "l0"] if flip else ["sl", "l0", "l1"]
        if self.first_load:
            order = [self.first_load, *(port for port in order if port != self.first_load)]
        taken, owner, granted = sum(1 << number for number in self.busy), dict(self.busy), set()
        for port in order:
            for wish in heads[port]:
                if not wish.banks & taken and (port, wish.lane) not in self.lent:
                    granted.add(wish)
                    owner.update(dict.fromkeys(_numbers(wish.banks), port))
                    self.when[port][wish.index, wish.lane] = self.now + LOAD_LATENCY - 1
                    self.points.update(coverage.bank(number, "read") for number in _numbers(wish.banks))
                taken |= wish.banks
        self._met(owner, [wish for port in order for wish in heads[port] if wish not in granted])
        return granted

    def _step_one(self, heads: dict[str, list[Asked]], granted: set[Asked]) -> None:
        """Step 1, for the next slot; adds what it grants."""
        order = [self.turn, *(port for port in STEP_ONE if port != self.turn)] if self.turn in STEP_ONE else list(STEP_ONE)
        stores = heads["st"] + heads["ss"]
        locked = sum(wish.banks for wish in stores if self._owns(wish))
        line = heads["lr"][0].banks if heads["lr"] else 0
        before, busy, lent, asking = 0, {}, set(), []  # banks of those that come first, whether they get them or not
        stuck = bool(heads["mw"]) and bool(heads["mw"][0].banks & locked)
        for port in order:
            for wish in heads[port]:
                asks = wish.asks <= self.now
                if port == "mw":
                    free = not stuck and not wish.banks & before
                elif port == "lr":  # a mesh write that waits for a lock does not hold it up
                    earlier = [name for name in order[: order.index("lr")] if not (stuck and name == "mw")]
                    free = not any(wish.banks & other.banks for name in earlier for other in heads[name])
                elif self._owns(wish):
                    free = not (order.index("lr") < order.index(port) and wish.banks & line)
                else:
                    free = not wish.banks & (before | locked)
                before |= wish.banks
                if not asks:
                    continue
                asking.append(wish)
                if free and self.turn not in ("sl", "l0", "l1"):
                    granted.add(wish)
                    busy.update(dict.fromkeys(_numbers(wish.banks), wish.port))
                    self._grant(wish, lent)
        self._met(busy, [wish for wish in asking if wish not in granted])
        loads = [wish for port in ("sl", *LOADS) for wish in heads[port]]
        self.denied[self.now] = sum(wish not in granted for wish in asking + loads)
        self.busy, self.lent = busy, lent

    def _owns(self, wish: Asked) -> bool:
        return wish.owns is not None and wish.owns <= self.now

    def _grant(self, wish: Asked, lent: set[tuple[str, int]]) -> None:
        """A request of step 1 gets the next slot."""
        port, slot = wish.port, self.now + 1
        if wish.partial and wish.owns is None:
            wish.owns, wish.asks = slot, self.now + MERGED
            lent.add(("sl", 0) if port == "ss" else ("l1", wish.lane))
            return
        if port in ("mr", "fill"):
            self.when[port][wish.index, 0] = self.now + LINE_READ_LATENCY - 1
        elif port != "st":
            self.when[port][wish.index, 0] = slot
        else:
            self.lanes_left[wish.index] -= 1
        self.points.update(coverage.bank(number, "read" if port in ("mr", "fill") else "written") for number in _numbers(wish.banks))

    def _wait(self, heads: dict[str, list[Asked]], granted: set[Asked], fills: bool) -> None:
        """Who has its grant leaves; the others grow older; one vector store is told done."""
        tick = (self.now - self.born) % TICK == 0
        for port, wishes in heads.items():
            for wish in wishes if port != "lr" else ():
                if wish in granted:
                    wish.marks = 0
                    if not (wish.partial and wish.asks > self.now):
                        self.queues[wish.port, wish.lane].popleft()
                elif tick:
                    wish.marks = min(wish.marks + 1, MARKS)
        # The line read ages as one request, whichever of both it is.
        line = bool(heads["lr"]) and heads["lr"][0] in granted
        self.line_marks = min(self.line_marks + tick, MARKS) if heads["lr"] and not line else 0
        if line:
            self.overtook = fills and bool(heads["mr"])
        waits = bool(heads["fill"]) and not (line and fills)
        self.patience = min(self.patience + 1, FILL_PATIENCE) if waits else 0
        if self.told < len(self.lanes_left) and not self.lanes_left[self.told]:
            self.when["st"][self.told, 0] = self.now + 1
            self.told += 1

    def _turn(self, old: set[str]) -> None:
        """A turn is given every four cycles, round robin; step 1 knows it in the next cycle, step 2 in the one after."""
        self.first_load = self.turn if self.turn in ("sl", *LOADS) else ""
        self.turn = ""
        if (self.now - self.born) % TURN_PERIOD == 0 and old:
            numbers = [number for number, port in enumerate(TURNS) if port in old]
            number = next((number for number in numbers if number >= self.after), numbers[0])
            self.turn, self.after = TURNS[number], number + 1
            self.points[coverage.turn_of(self.turn)] += 1

    def _met(self, owner: Mapping[int, str], losers: list[Asked]) -> None:
        """Conflicts of a slot: who has the bank that another one asked for; lanes of a port on one bank."""
        crowds: Counter[tuple[str, int]] = Counter()
        for wish in losers:
            for number in _numbers(wish.banks):
                if number in owner:
                    self.points[coverage.conflict(owner[number], wish.port)] += 1
                crowds[wish.port, number] += 1
        for (port, number), lanes in crowds.items():
            if port in (*LOADS, "st") and owner.get(number) == port:
                self.points[coverage.crowd(port, lanes + 1)] += 1


def _numbers(banks: int) -> list[int]:
    numbers = []
    while banks:
        low = banks & -banks
        numbers.append(low.bit_length() - 1)
        banks ^= low
    return numbers


def _wishes(port: str, index: int, request: np.void) -> list[Asked]:
    """A request, lane by lane."""
    if port in ("mw", "mr", "fill"):
        return [Asked(port, 0, index, line_banks(int(request["addr"][0])))]
    if port == "sl":
        return [Asked(port, 0, index, 1 << bank(int(request["addr"][0])))]
    strobes = [int(request["keep"]) >> 8 * lane & 0xFF for lane in range(LANES)]
    if port == "ss":
        return [Asked(port, 0, index, 1 << bank(int(request["addr"][0])) if strobes[0] else 0, strobes[0] not in (0, 0xFF))]
    wishes = []
    for lane in range(LANES):
        active = request["enable"] >> lane & 1 and (port != "st" or strobes[lane])
        banks = 1 << bank(int(request["addr"][lane])) if active else 0
        wishes.append(Asked(port, lane, index, banks, bool(active) and port == "st" and strobes[lane] != 0xFF))
    return wishes

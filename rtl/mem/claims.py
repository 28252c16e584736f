"""Do two requests want the same bank? The question that both arbitration steps ask, in two equal forms.

*Masks*: the bank masks of a group are ORed once and each request is held against the union: few operations of 64 bits,
which is what a simulator likes. *Pairs*: bank numbers are compared two by two: more gates, but no wide OR stands
before the comparison, which is what 500 ps want.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_

from amaranth.hdl import Const, Module, Signal, Value

from golden.arch.sram import BANKS


@dataclass(frozen=True)
class Claim:
    """A lane's wish: its bank as a mask (zero when there is none), as a number, and whether there is one."""

    banks: Value
    number: Value
    present: Value


class Claims:
    """Claims that stand before another's: `meets` says whether one of them wants the same bank."""

    def __init__(self, m: Module, pairs: bool, claims: Iterable[Claim] = (), union: Value | None = None):
        self._m = m
        self._pairs = pairs
        self._claims = tuple(claims)
        self._union = Const(0, BANKS) if union is None else union

    def add(self, claim: Claim) -> "Claims":
        """A group of these claims and one more."""
        union = self._union
        if not self._pairs:
            union = Signal(BANKS, name="union")
            self._m.d.comb += union.eq(self._union | claim.banks)
        return Claims(self._m, self._pairs, (*self._claims, claim), union)

    def meets(self, claim: Claim) -> Value:
        """One bit: a claim of the group is for the same bank."""
        if not self._pairs:
            return (claim.banks & self._union).any()
        same = ((other.number == claim.number) & other.present & claim.present for other in self._claims)
        return reduce(or_, same, Const(0, 1))


def prefixes(m: Module, pairs: bool, claims: Iterable[Claim]) -> list[Claims]:
    """Groups of the first 0, 1, 2, ... claims."""
    groups = [Claims(m, pairs)]
    for claim in claims:
        groups.append(groups[-1].add(claim))
    return groups

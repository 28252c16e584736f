"""Tags: what an instruction of one queue waits for in another queue of its thread.

A queue gives numbers, *positions*, to what enters it, modulo a power of two: ``tail`` is the next to be given out, ``head`` the first that
is not done. Never are more than half of them under way, so that a position counts as done unless it lies in the half from ``head`` on.
"""

from collections.abc import Mapping

VQ_POS_BITS, ST_POS_BITS = 7, 5
VQ, ST = 1 << VQ_POS_BITS, 1 << ST_POS_BITS
"""Positions of vector-queue instructions, and of stores."""
VQ_AHEAD, ST_AHEAD = 64, 12
"""How far vector instructions go past the oldest queued scalar one, and stores past the oldest queued vector instruction."""


def tag(position: int, head: int, tail: int, modulus: int) -> dict[str, int]:
    """At dispatch: to wait for the last user's position, if that is given out and not done; a number of old is no reason to wait."""
    return {"wait": int((position - head) % modulus < (tail - head) % modulus), "pos": position}


def passed(waits: Mapping[str, int], head: int, modulus: int) -> bool:
    """At issue: whether what the tag names is done."""
    return not waits["wait"] or (waits["pos"] - head) % modulus >= modulus // 2


def may_load(dispatched: int, loaded: int, register: int) -> bool:
    """At dispatch: a register's parity turns with each load, so that one load under way is told from none; a second one must wait."""
    return not (dispatched ^ loaded) >> register & 1

"""Random legal programs for four threads at once, the same on every machine that follows the instruction table.

    job = Rig(seed=7, config=CONFIGS["tiny"], length=120).job()

A program is a tree of numbered snippets (golden/rig/snippets.py), so that one that fails can be cut down: ``job(keep)`` writes only the
snippets named, ``shrink`` searches for a small set, and every set is a legal program. ``reduce`` then leaves out
threads and single instructions.

Why a run has one result: a thread reads and writes its own part of SRAM only; what two threads share is a fresh line per message,
ordered by a semaphore that one thread raises and one waits for, or by a barrier. Waits, raises and barriers of all threads follow one
order in which every raise comes before its wait, so nobody waits for ever. Every register is written before it is read. Counters
and cycle numbers are the only values that depend on time.

SRAM, from the top: per thread 8 KB of its own and 2 KB of tables, then 64 lines for messages; the program lies at its usual place.
"""

from golden.rig.faults import FAULTS
from golden.rig.mesh import MeshRig
from golden.rig.reduce import reduce, shrink
from golden.rig.rig import Rig, RigJob, instructions

__all__ = ["FAULTS", "MeshRig", "Rig", "RigJob", "instructions", "reduce", "shrink"]

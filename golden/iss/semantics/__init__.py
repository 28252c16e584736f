"""What each instruction does, cut by group as the instruction table is; every record of a known part has exactly one meaning."""

from golden.iss.semantics import control, memory, network, scalar, vector
from golden.iss.semantics.binding import FEATURES, SEMANTICS, Meaning, check_complete

__all__ = ["FEATURES", "SEMANTICS", "Meaning", "control", "memory", "network", "scalar", "vector"]

check_complete()

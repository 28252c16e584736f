"""The C++ engine: Verilated nodes stepped in lockstep, with hosts at their edges."""

"""The instruction-set simulator: what a node must do, one instruction at a time, without time."""

"""Random numbers by name: adding a component to a bench never changes what the others draw."""

import hashlib
import random


def derive(seed: int, name: str) -> int:
    """A 64-bit seed that depends on both, the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "little")


def generator(name: str) -> random.Random:
    """The generator of the component `name` in the cocotb test that runs now.

    cocotb makes its RANDOM_SEED for each test from the run's seed and the test's full name.
    """
    import cocotb

    return random.Random(derive(cocotb.RANDOM_SEED, name))

"""Named configurations of the node: what may differ between two machines that run the same programs.

``d1`` has the published sizes; ``tiny`` computes the same with little SRAM. Registers, step and packets are the same in both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from golden.arch.isa import THREADS

BANKS = 64
WORD_BYTES = 8


@dataclass(frozen=True)
class NodeConfig:
    """Sizes of one node.

    Raises
    ------
    ValueError
        When a size cannot be built; the sentence names the field and both values.
    """

    name: str
    sram_rows: int  # rows of each of the 64 banks of 8-byte words
    icache_lines: int  # lines of 64 bytes, a power of two
    dispatch_width: int = 4  # instructions of one thread that leave decode in a cycle
    dispatch_threads: int = 2  # threads whose instructions do
    fetch_buffer: int = 16  # instructions per thread
    scalar_queue: int = 8  # instructions per thread
    vector_queue: int = 16
    store_queue: int = 4
    features: frozenset[str] = frozenset({"base", "cfloat8", "narrow", "stochastic", "packed"})

    def __post_init__(self) -> None:
        for field in ("icache_lines", "fetch_buffer", "scalar_queue", "vector_queue", "store_queue"):
            value = getattr(self, field)
            if value < 1 or value & (value - 1):
                raise ValueError(f"{self.name}: {field} is {value}, which is no power of two")
        if not 1 <= self.sram_rows <= 2560:
            raise ValueError(f"{self.name}: sram_rows is {self.sram_rows}, the address map holds 1 to 2560")
        if not 1 <= self.dispatch_width <= 8:
            raise ValueError(f"{self.name}: dispatch_width is {self.dispatch_width}, a fetch window holds 8 instructions")
        if not 1 <= self.dispatch_threads <= THREADS:
            raise ValueError(f"{self.name}: dispatch_threads is {self.dispatch_threads}, there are {THREADS} threads")

    @property
    def networked(self) -> bool:
        """Whether the node stands behind a router and talks to other nodes."""
        return "network" in self.features

    @property
    def sram_bytes(self) -> int:
        return self.sram_rows * BANKS * WORD_BYTES

    @property
    def sram_words(self) -> int:
        return self.sram_rows * BANKS

    def with_network(self) -> NodeConfig:
        """The node of a mesh: the same, with the instructions that reach other nodes."""
        return replace(self, features=self.features | {"network"})


CONFIGS: dict[str, NodeConfig] = {
    config.name: config
    for config in (
        NodeConfig("d1", sram_rows=2560, icache_lines=64),
        NodeConfig("tiny", sram_rows=256, icache_lines=16),
    )
}


def get_config(name: str) -> NodeConfig:
    """The configuration of that name; ValueError with the names that exist."""
    if name not in CONFIGS:
        raise ValueError(f"no configuration {name!r}: there are {', '.join(sorted(CONFIGS))}")
    return CONFIGS[name]

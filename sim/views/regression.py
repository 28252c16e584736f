"""What came of a regression, as text for a terminal and as JUnit's XML for other programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from sim.files import whole

SLOWEST = 20
HOLES = 40  # points of coverage that a terminal is told
KINDS = ("functional", "line", "toggle")

def failed(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of the tests that failed."""
    return [row for row in report["tests"] if not row["passed"]]


def totals(report: Mapping[str, Any]) -> dict[str, str]:
    """What a person wants to know first, by name."""
    bad, covered = len(failed(report)), report["coverage"]
    shares = {kind: "not counted" if covered[kind] is None else f"{covered[kind]} %" for kind in KINDS}
    return {"passed": str(len(report["tests"]) - bad), "failed": str(bad), **shares}


def slowest(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of the tests that took longest."""
    return sorted(report["tests"], key=lambda row: (-row["wall_s"], row["name"], row["seed"]))[:SLOWEST]


def text(report: Mapping[str, Any]) -> Iterable[str]:
    """Lines for a terminal: buckets with the command that repeats each, what is not covered, totals."""
    for bucket in report["buckets"]:
        yield f"{bucket['count']} x {bucket['message']}"
        yield f"    {bucket['rerun']}"
        yield from (f"    waves: {path}" for path in bucket["waves"])
    covered = report["coverage"]
    if covered["functional"] is not None and covered["missing"]:
        more = f" and {len(covered['missing']) - HOLES} more (all: report.html)" if len(covered["missing"]) > HOLES else ""
        yield f"never exercised: {', '.join(covered['missing'][:HOLES])}{more}"
    if report["left_out"]:
        names = ", ".join(f"{row['name']} seed {row['seed']}" for row in report["left_out"][:5])
        yield f"{len(report['left_out'])} tests did not fit into the time: {names}{', ...' if report['left_out'][5:] else ''}"
    told = totals(report)
    shares = ", ".join(f"{kind} {told[kind]}" for kind in KINDS)
    early = "interrupted: " if report["interrupted"] else ""
    seeds = f"{report['seeds']} seed{'s' if report['seeds'] != 1 else ''} from {report['first_seed']}"
    yield f"{early}{told['passed']} passed, {told['failed']} failed, {seeds}, {report['wall_s']:.0f} s; coverage: {shares}"


def slow_text(report: Mapping[str, Any]) -> Iterable[str]:
    """Lines with the slowest tests."""
    yield "slowest:"
    yield from (f"{row['wall_s']:9.1f} s  {row['name']} seed {row['seed']}" for row in slowest(report))


def write_junit(path: Path, report: Mapping[str, Any]) -> None:
    """The tests as JUnit's XML, which other programs read: one suite, a case for each test and seed."""
    bad = failed(report)
    counts = {"tests": str(len(report["tests"])), "failures": str(len(bad)), "errors": "0", "time": f"{report['wall_s']:.3f}"}
    top = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(top, "testsuite", {"name": "regress", **counts})
    for row in report["tests"]:
        file, _, name = row["name"].partition("::")
        about = {"classname": file.removesuffix(".py").replace("/", "."), "name": f"{name or file} seed {row['seed']}"}
        case = ElementTree.SubElement(suite, "testcase", {**about, "time": f"{row['wall_s']:.3f}"})
        if not row["passed"]:
            problem = ElementTree.SubElement(case, "failure", {"message": _printable(row["message"]), "type": _printable(row["signature"])})
            problem.text = _printable(f"{row['text']}\nrerun: {row['rerun']}")
    ElementTree.indent(top)
    with whole(path) as partial:
        ElementTree.ElementTree(top).write(partial, encoding="utf-8", xml_declaration=True)


def _printable(told: str) -> str:
    """Without the characters that XML cannot hold."""
    return "".join(letter if letter in "\t\n" or letter >= " " and letter not in "\ufffe\uffff" else "?" for letter in told)

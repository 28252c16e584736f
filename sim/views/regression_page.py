"""What came of a regression as one page that needs nothing but itself: totals, failures, coverage, trend, slowest tests, all tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from sim.files import whole
from sim.suite.trend import FIGURES
from sim.views.regression import KINDS, slowest, totals
from sim.views.report import html_cell

_STYLE = """body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#222;background:#fff}
table{border-collapse:collapse;margin:.5em 0}td,th{padding:.2em .8em;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}code,pre{font:13px ui-monospace,monospace}
pre{background:#f6f6f6;padding:.8em;overflow-x:auto}.bad{color:#b00020}.good{color:#1b6e2c}summary{cursor:pointer}
svg{max-width:100%;height:auto}.tiles{display:flex;flex-wrap:wrap;gap:1em}.tiles div{border:1px solid #ddd;padding:.6em 1em}
.tiles b{display:block;font-size:1.6em}"""


def write_page(path: Path, report: Mapping[str, Any]) -> None:
    """The report as a page: totals, kinds of failures, coverage, trend, slowest tests, all tests."""
    told = totals(report)
    state = "bad" if told["failed"] != "0" else "good"
    tiles = "".join(f'<div class="{state if name == "failed" else ""}">{name}<b>{escape(value)}</b></div>' for name, value in told.items())
    early = " It was interrupted: this is what there was by then." if report["interrupted"] else ""
    seeds = f"{report['seeds']} seeds from {report['first_seed']}"
    about = f"{report['when']}, {seeds}, {report['wall_s']:.0f} s on {report['jobs']} jobs.{early}"
    left = [[row["name"], row["seed"]] for row in report["left_out"]]
    slow = [[row["name"], row["seed"], row["wall_s"]] for row in slowest(report)]
    tests = _table(("test", "seed", "tags", "passed", "seconds"), _rows(report))
    parts = [
        f'<h1>Regression</h1>\n<p>{escape(about)}</p>\n<div class="tiles">{tiles}</div>',
        _section("Failures", "".join(map(_bucket, report["buckets"])) or "<p>None.</p>"),
        _section("Coverage", _coverage(report["coverage"])),
        _section("Trend", _trend(report["history"])),
        _section("Slowest tests", _table(("test", "seed", "seconds"), slow)),
        _section("Not run for lack of time", _folded(f"{len(left)} tests", _table(("test", "seed"), left))) if left else "",
        _section("All tests", _folded(f"{len(report['tests'])} tests", tests)),
    ]
    head = f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Regression</title><style>{_STYLE}</style></head>\n'
    with whole(path) as partial:
        partial.write_text(f"{head}<body>\n{''.join(parts)}</body></html>\n", encoding="utf-8")


def _rows(report: Mapping[str, Any]) -> list[list[Any]]:
    ordered = sorted(report["tests"], key=lambda row: (row["passed"], row["name"], row["seed"]))
    return [[row["name"], row["seed"], " ".join(row["tags"]), "yes" if row["passed"] else "no", row["wall_s"]] for row in ordered]


def _section(title: str, body: str) -> str:
    return f"<h2>{escape(title)}</h2>\n{body}\n"


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{escape(title)}</summary>\n{body}\n</details>\n"


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "\n".join(f"<tr>{''.join(map(html_cell, row))}</tr>" for row in rows)
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>\n"


def _bucket(bucket: Mapping[str, Any]) -> str:
    """A kind of failures: what the shortest says, how it is repeated, which tests they are."""
    waves = "".join(f"<p>Waves: <code>{escape(path)}</code></p>\n" for path in bucket["waves"])
    tests = "".join(f"<li>{escape(name)}</li>" for name in bucket["tests"])
    said = _folded("what it says", f"<pre>{escape(bucket['text'])}</pre>")
    return (
        f'<h3 class="bad">{bucket["count"]} x {escape(bucket["message"])}</h3>\n<p><code>{escape(bucket["rerun"])}</code></p>\n{waves}'
        f"{said}{_folded('tests', f'<ul>{tests}</ul>')}"
    )


def _coverage(covered: Mapping[str, Any]) -> str:
    shares = _table(("kind", "percent"), [[kind, covered[kind]] for kind in KINDS])
    holes = ""
    if covered["functional"] is not None:
        missing = "".join(f"<li>{escape(point)}</li>" for point in covered["missing"])
        named = _table(("functional", "percent", "of"), [[row["name"], row["percent"], row["of"]] for row in covered["groups"]])
        holes = named + _folded(f"{len(covered['missing'])} points never exercised", f"<ul>{missing}</ul>")
    designs = [[row["name"], row["line"], row["toggle"]] for row in covered["designs"]]
    return shares + holes + (_folded("units", _table(("unit", "line", "toggle"), designs)) if designs else "")


def _trend(history: Sequence[Mapping[str, Any]]) -> str:
    """Curves over past runs, oldest left, and the newest rows of the table; a figure of the machine need not be known."""
    rates = [100 * (run["tests"] - run["failed"]) / run["tests"] if run["tests"] else None for run in history]
    curves = [_curve("passed, %", rates)] + [_curve(f"{kind} coverage, %", [run[kind] for run in history]) for kind in KINDS]
    curves += [_curve(name, [run.get(name) for run in history]) for name in FIGURES]
    columns = ("when", "tests", "failed", "wall_s", *KINDS)
    rows = [[*(run[name] for name in columns), *(run.get(name) for name in FIGURES)] for run in reversed(history[-20:])]
    return "".join(curves) + _table(("when", "tests", "failed", "seconds", *KINDS, *FIGURES), rows)


def _curve(name: str, values: Sequence[float | None], width: int = 320, height: int = 60) -> str:
    """A line over the numbers that there are, with the newest beside its name; nothing when there are fewer than two."""
    known = [(at, value) for at, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return ""
    low, high = min(value for _, value in known), max(value for _, value in known)
    span = (high - low) or 1.0
    scale = (width - 8) / max(1, len(values) - 1)
    points = " ".join(f"{4 + at * scale:.1f},{height - 4 - (value - low) / span * (height - 8):.1f}" for at, value in known)
    told = f"{name}: {known[-1][1]:.4g} (from {low:.4g} to {high:.4g})"
    line = f'<polyline points="{points}" fill="none" stroke="#2457a6" stroke-width="1.5"/>'
    drawn = f'<svg role="img" aria-label="{escape(told)}" width="{width}" height="{height}" viewBox="0 0 {width} {height}">{line}</svg>'
    return f"<figure><figcaption>{escape(told)}</figcaption>{drawn}</figure>\n"

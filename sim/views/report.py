"""Reports: JSON files that are complete or not there, and tables for people."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sim.files import whole

_ENOUGH = 1000
"""Columns of characters in which every table fits."""


def write_json(path: Path | str, report: dict[str, Any]) -> Path:
    """A report on disk; a figure that is NaN or Inf, which JSON does not have, is null."""
    with whole(path) as partial:
        partial.write_text(json.dumps(_finite(report), indent=2, allow_nan=False) + "\n")
    return Path(path)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_page(path: Path | str, title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], notes: Sequence[str] = ()) -> Path:
    """A table as a page of HTML that needs nothing but itself; ``notes`` stand below it, a paragraph each."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "\n".join(f"<tr>{''.join(html_cell(value) for value in row)}</tr>" for row in rows)
    below = "\n".join(f"<p>{escape(note)}</p>" for note in notes)
    style = (
        "body{font:15px sans-serif;margin:2em}td,th{padding:.2em .8em;border-bottom:1px solid #ccc;text-align:left}td.n{text-align:right}"
    )
    page = (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{style}</style>\n'
        f"<h1>{escape(title)}</h1>\n<table>\n<tr>{head}</tr>\n{body}\n</table>\n{below}\n</html>\n"
    )
    with whole(path) as partial:
        partial.write_text(page, encoding="utf-8")
    return Path(path)


def html_cell(value: Any) -> str:
    """A cell of a table; numbers stand right."""
    kind = "" if isinstance(value, str) else ' class="n"'
    return f"<td{kind}>{escape(_cell(value))}</td>"


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table on the terminal, as wide as its cells want it: none is cut off; numbers stand right."""
    table = Table(title=title, box=box.SIMPLE, title_justify="left")
    for i, column in enumerate(columns):
        numeric = all(isinstance(row[i], (int, float)) or row[i] is None for row in rows)
        table.add_column(column, justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    wide = Console(width=_ENOUGH)
    wide.width = wide.measure(table).maximum
    wide.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)

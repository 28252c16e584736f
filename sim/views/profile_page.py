"""A profile as one page that needs nothing but itself: pictures are inside it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from sim.files import whole
from sim.views.report import html_cell

_STYLE = (
    "body{font:15px sans-serif;margin:2em;max-width:70em}td,th{padding:.2em .8em;border-bottom:1px solid #ccc;text-align:left}"
    "td.n{text-align:right}img{max-width:100%}pre{font-size:12px;overflow-x:auto}table{border-collapse:collapse}"
)


@dataclass(frozen=True)
class Table:
    """Rows under their columns."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def write_profile(
    path: Path,
    title: str,
    sentences: Sequence[str],
    pictures: Sequence[Path],
    tables: Sequence[Table],
    listings: Mapping[str, Sequence[str]],
) -> None:
    """What costs most in sentences, pictures (PNG), tables, and listings by their titles, which are opened by a click."""
    shown = "\n".join(
        f'<img alt="{escape(picture.stem)}" src="data:image/png;base64,{b64encode(picture.read_bytes()).decode()}">' for picture in pictures
    )
    told = "\n".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    body = "".join(map(_table, tables))
    below = "".join(
        f"<details><summary>{escape(name)}</summary>\n<pre>\n{escape(chr(10).join(lines))}\n</pre></details>\n"
        for name, lines in listings.items()
    )
    page = (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>\n'
        f"<h1>{escape(title)}</h1>\n<ul>\n{told}\n</ul>\n{shown}\n{body}{below}</html>\n"
    )
    with whole(path) as partial:
        partial.write_text(page, encoding="utf-8")


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
    lines = "\n".join(f"<tr>{''.join(html_cell(value) for value in row)}</tr>" for row in table.rows)
    return f"<h2>{escape(table.title)}</h2>\n<table>\n<tr>{head}</tr>\n{lines}\n</table>\n"

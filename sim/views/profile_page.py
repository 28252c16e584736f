"""A profile as one page that needs nothing but itself: pictures are inside it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from sim.files import whole
from sim.views.report import html_cell

_STYLE = (
    "body{font:15px sans-serif;margin:2em;max-width:70em}td,th{padding:.2em .8em;border-bottom:1px solid #ccc;text-align:left}"
    "td.n{text-align:right}img{max-width:100%}"
)


def write_profile(
    path: Path,
    title: str,
    columns: Sequence[str],
    tables: Mapping[str, Sequence[Sequence[Any]]],
    sentences: Sequence[str],
    pictures: Sequence[Path],
) -> None:
    """What costs most in sentences, pictures (PNG), and tables by their titles."""
    shown = "\n".join(
        f'<img alt="{escape(picture.stem)}" src="data:image/png;base64,{b64encode(picture.read_bytes()).decode()}">' for picture in pictures
    )
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(f"<h2>{escape(name)}</h2>\n<table>\n<tr>{head}</tr>\n{_lines(rows)}\n</table>\n" for name, rows in tables.items())
    told = "\n".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    page = (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>\n'
        f"<h1>{escape(title)}</h1>\n<ul>\n{told}\n</ul>\n{shown}\n{body}</html>\n"
    )
    with whole(path) as partial:
        partial.write_text(page, encoding="utf-8")


def _lines(rows: Sequence[Sequence[Any]]) -> str:
    return "\n".join(f"<tr>{''.join(html_cell(value) for value in row)}</tr>" for row in rows)

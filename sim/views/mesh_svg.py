"""A mesh drawn: nodes, what is dead, the size of every router's table, and a route."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.files import whole

Place = tuple[int, int]
CELL, BOX, MARGIN, LEGEND = 44, 32, 40, 64
LEAST, MOST = (0xEA, 0xF2, 0xFB), (0x1F, 0x4E, 0x8C)
"""Colours of an empty and of a full table."""
ROUTE_COLOURS = ("#d9480f", "#2b8a3e")


@dataclass(frozen=True)
class Drawing:
    """What is drawn. Places are x, y from 1; `sizes`: entries by live node, of at most `full`; `routes`: places on the way, by name."""

    columns: int
    rows: int
    sizes: Mapping[Place, int]
    full: int
    dead: Collection[Place]
    given_up: Collection[Place]
    dead_links: Collection[tuple[Place, Place]]
    routes: Mapping[str, Sequence[Place]]


def _middle(place: Place) -> tuple[int, int]:
    return MARGIN + CELL * place[0], MARGIN + CELL * place[1]


def _shade(share: float) -> str:
    return "#" + "".join(f"{round(low + (high - low) * share):02x}" for low, high in zip(LEAST, MOST, strict=True))


def _text(x: float, y: float, text: str, size: int = 12, colour: str = "#333", anchor: str = "middle") -> str:
    return f'<text x="{x}" y="{y + size * 0.35:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}">{text}</text>'


def _links(drawing: Drawing) -> list[str]:
    broken = {frozenset(link) for link in drawing.dead_links}
    lines = []
    for x, y in drawing.sizes:
        for other in ((x + 1, y), (x, y + 1)):
            if other in drawing.sizes and frozenset(((x, y), other)) not in broken:
                (x0, y0), (x1, y1) = _middle((x, y)), _middle(other)
                lines.append(f'<line x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}" stroke="#b8c4d6" stroke-width="3"/>')
    for a, b in drawing.dead_links:
        (x0, y0), (x1, y1) = _middle(a), _middle(b)
        lines.append(_text((x0 + x1) / 2, (y0 + y1) / 2, "×", 18, "#c92a2a"))
    return lines


def _node(drawing: Drawing, place: Place) -> list[str]:
    x, y = _middle(place)
    box = f'<rect x="{x - BOX / 2}" y="{y - BOX / 2}" width="{BOX}" height="{BOX}" rx="4"'
    if place in drawing.given_up:
        return [f'{box} fill="#ffe8cc" stroke="#d9480f" stroke-dasharray="4 3"/>', _text(x, y, "−", 16, "#d9480f")]
    if place in drawing.dead:
        return [f'{box} fill="#495057" stroke="#212529"/>', _text(x, y, "×", 16, "#fff")]
    size = drawing.sizes[place]
    share = size / drawing.full
    return [
        f'{box} fill="{_shade(share)}" stroke="#1f4e8c"/>',
        _text(x, y, str(size), 12, "#fff" if share > 0.5 else "#333") if size else "",
    ]


def _route(drawing: Drawing, index: int, places: Sequence[Place]) -> list[str]:
    colour, shift = ROUTE_COLOURS[index % 2], 10 * (1 - 2 * (index % 2))
    points = " ".join(f"{x + shift},{y + shift}" for x, y in map(_middle, places))
    line = f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="3.5" stroke-linejoin="round" opacity="0.9"'
    x, y = _middle(places[0])
    return [f'{line} marker-end="url(#end{index % 2})"/>', f'<circle cx="{x + shift}" cy="{y + shift}" r="4.5" fill="{colour}"/>']


def _legend(drawing: Drawing, y: int) -> list[str]:
    parts, x = [], MARGIN + CELL // 2
    for fill, stroke, text in (
        (_shade(0), "#1f4e8c", "no table"),
        (_shade(1), "#1f4e8c", f"{drawing.full} entries, as many as a router holds"),
        ("#495057", "#212529", "dead"),
        *([("#ffe8cc", "#d9480f", "given up")] if drawing.given_up else []),
    ):
        parts += [f'<rect x="{x}" y="{y - 7}" width="14" height="14" rx="3" fill="{fill}" stroke="{stroke}"/>']
        parts.append(_text(x + 20, y, text, 12, anchor="start"))
        x += 44 + 7 * len(text)
    x = MARGIN + CELL // 2
    for index, (name, places) in enumerate(drawing.routes.items()):
        text = f"{name}: {len(places) - 1} links from {places[0][0]},{places[0][1]} to {places[-1][0]},{places[-1][1]}"
        parts.append(f'<line x1="{x}" y1="{y + 24}" x2="{x + 14}" y2="{y + 24}" stroke="{ROUTE_COLOURS[index % 2]}" stroke-width="3.5"/>')
        parts.append(_text(x + 20, y + 24, text, 12, anchor="start"))
        x += 44 + 7 * len(text)
    return parts


def draw_mesh(drawing: Drawing, title: str) -> str:
    """The picture as SVG: colour and number of a node are the size of its table."""
    width, height = max(640, 2 * MARGIN + CELL * (drawing.columns + 1)), 2 * MARGIN + CELL * (drawing.rows + 1) + LEGEND
    ends = [
        f'<marker id="end{i}" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="5" markerHeight="5" orient="auto">'
        f'<path d="M 0 0 L 10 5 L 0 10 z" fill="{colour}"/></marker>'
        for i, colour in enumerate(ROUTE_COLOURS)
    ]
    parts = [f"<defs>{''.join(ends)}</defs>", f'<rect width="{width}" height="{height}" fill="#fff"/>']
    parts.append(_text(MARGIN + CELL // 2, MARGIN // 2 + 4, title, 14, anchor="start"))
    parts += [_text(*_middle((x, 0)), str(x), 11, "#777") for x in range(1, drawing.columns + 1)]
    parts += [_text(*_middle((0, y)), str(y), 11, "#777") for y in range(1, drawing.rows + 1)]
    parts += _links(drawing)
    for y in range(1, drawing.rows + 1):
        for x in range(1, drawing.columns + 1):
            parts += _node(drawing, (x, y))
    for index, places in enumerate(drawing.routes.values()):
        parts += _route(drawing, index, places)
    parts += _legend(drawing, height - LEGEND + 8)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return "\n".join([f'{head} font-family="sans-serif">', *(part for part in parts if part), "</svg>"]) + "\n"


def write_mesh(path: Path, drawing: Drawing, title: str) -> None:
    with whole(path) as partial:
        partial.write_text(draw_mesh(drawing, title))

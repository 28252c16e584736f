"""Gives Amaranth the names of signals from the source text, so that they are the same under every version of Python.

A signal is named after what its call is assigned to: `ready = Signal()` is `ready`. Amaranth looks for that in the bytecode behind the
call, which differs from version to version, and so do the names it finds. Importing this module puts `assigned_name` in the place of
Amaranth's own, for all designs made after it.
"""

import ast
import sys
from functools import cache
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from amaranth import tracer

_NONE = object()
_found: dict[tuple[CodeType, int], str | None] = {}


def assigned_name(depth: int = 2, default: Any = _NONE) -> Any:
    """The name that the call `depth` frames up is assigned to, else `default`; tracer.NameNotFound when there is neither."""
    frame = sys._getframe(depth)
    place = frame.f_code, frame.f_lasti
    if place not in _found:
        _found[place] = _name(frame)
    if _found[place] is not None:
        return _found[place]
    if default is _NONE:
        raise tracer.NameNotFound
    return default


def _name(frame: FrameType) -> str | None:
    _, line, _, column = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None))
    return _names(frame.f_code.co_filename).get((line, column))


@cache
def _names(file: str) -> dict[tuple[int, int], str]:
    """Names by where a call ends: line, and byte in it. No two calls end in the same place."""
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):  # typed in, or made by a program
        return {}
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            found |= _named(node.targets[0], node.value)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
            found |= _named(node.target, node.value)
    return found


def _named(target: ast.expr, value: ast.expr | None) -> dict[tuple[int, int], str]:
    match target, value:
        case ast.Tuple(), ast.Tuple() if len(target.elts) == len(value.elts):
            pairs = zip(target.elts, value.elts, strict=True)
            return {place: name for pair in pairs for place, name in _named(*pair).items()}
        case ast.Name(), _:
            name = target.id
        case ast.Attribute(), _:
            name = target.attr
        case _:
            return {}
    return {(call.end_lineno, call.end_col_offset): name for call in _calls(value)}


def _calls(value: ast.expr | None) -> list[ast.Call]:
    """The calls whose result, or a part of it, an expression is."""
    match value:
        case ast.Call():
            return [value]
        case ast.Attribute():
            return _calls(value.value)
        case ast.IfExp():
            return [*_calls(value.body), *_calls(value.orelse)]
    return []


tracer.get_var_name = assigned_name

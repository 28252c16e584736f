"""Integer expressions of assembly text: literals, names, ``+ - * / % << >> | & ~ ( )``; ``/`` divides whole numbers."""

from __future__ import annotations

import ast
import operator
import warnings

BITS = 128  # of any value on the way
DEEPEST = 100
_BINARY = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.floordiv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
}
_UNARY = {ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: operator.invert}


class ExpressionError(ValueError):
    """The text is no integer expression, or uses a name that does not exist."""


def evaluate(text: str, names: dict[str, int]) -> int:
    """The value of ``text``; ExpressionError in one sentence otherwise."""
    try:
        with warnings.catch_warnings(action="ignore"):  # such as "1if": no number either
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise ExpressionError(f"expected a number, found {text.strip() or 'nothing'}") from None
    except (RecursionError, MemoryError):
        raise ExpressionError("this expression is nested too deeply") from None
    return _value(tree, names, 0)


def _value(node: ast.expr, names: dict[str, int], depth: int) -> int:
    if depth > DEEPEST:
        raise ExpressionError("this expression is nested too deeply")
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return _bounded(value)
        case ast.Name(id=name):
            if name not in names:
                raise ExpressionError(f"no label or number named {name}")
            return names[name]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            return _UNARY[type(op)](_value(operand, names, depth + 1))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            a, b = _value(left, names, depth + 1), _value(right, names, depth + 1)
            if isinstance(op, (ast.Div, ast.FloorDiv, ast.Mod)) and b == 0:
                raise ExpressionError("division by zero")
            if isinstance(op, (ast.LShift, ast.RShift)) and not 0 <= b < 128:
                raise ExpressionError(f"cannot shift by {b}")
            return _bounded(_BINARY[type(op)](a, b))
        case _:
            raise ExpressionError(f"expected a number, found {ast.unparse(node)}")


def _bounded(value: int) -> int:
    if value.bit_length() > BITS:
        raise ExpressionError(f"a value of this expression needs more than {BITS} bits")
    return value

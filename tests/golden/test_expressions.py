"""Integer expressions of assembly text."""

import pytest

from golden.expressions import ExpressionError, evaluate

NAMES = {"rows": 33, "columns": 8, "minus": -7}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("0x1f", 31),
        ("0b101", 5),
        ("1_000", 1000),
        ("-3", -3),
        ("+3", 3),
        ("~0", -1),
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("rows / columns", 4),
        ("rows // columns", 4),
        ("minus / 2", -4),  # whole numbers, downwards
        ("minus % 4", 1),
        ("1 << 63", 1 << 63),
        ("rows >> 3", 4),
        ("6 | 9", 15),
        ("rows & 32", 32),
        ("- -4", 4),
        ("  8 ", 8),
    ],
)
def test_values(text, value):
    assert evaluate(text, NAMES) == value


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "expected a number, found nothing"),
        ("1 +", r"expected a number, found 1 \+"),
        ("1.5", "expected a number, found 1.5"),
        ("True", "expected a number, found True"),
        ("'a'", "expected a number, found 'a'"),
        ("2 ** 3", r"expected a number, found 2 \*\* 3"),
        ("f(2)", r"expected a number, found f\(2\)"),
        ("1 if 1 else 2", "expected a number"),
        ("1if 1 else 2", "expected a number"),
        ("[1]", "expected a number"),
        ("a.b", "expected a number, found a.b"),
        ("1, 2", "expected a number"),
        ("1\n2", "expected a number"),
        ("1\0", "expected a number"),
        ("9" * 5000, "expected a number"),
        ("nowhere + 1", "no label or number named nowhere"),
        ("1 / 0", "division by zero"),
        ("1 % 0", "division by zero"),
        ("1 << 128", "cannot shift by 128"),
        ("1 >> -1", "cannot shift by -1"),
        ("1 << 127 << 127", "a value of this expression needs more than 128 bits"),
        ("0x" + "f" * 40, "needs more than 128 bits"),
        ("-" * 500 + "1", "nested too deeply"),
        ("-" * 100_000 + "1", "nested too deeply|expected a number"),
        ("(" * 300 + "1" + ")" * 300, "nested too deeply|expected a number"),
    ],
)
def test_what_is_no_number_is_one_sentence(text, sentence):
    with pytest.raises(ExpressionError, match=sentence) as caught:
        evaluate(text, NAMES)
    assert "\n" not in str(caught.value) or "\n" in text

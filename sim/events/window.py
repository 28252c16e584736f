"""A window of cycles as people write it."""

from __future__ import annotations

import argparse

DIFFERENCE = "difference"
"""The word for what is around the first difference."""


def cycles(text: str) -> tuple[int | None, int | None]:
    """Type of an argument: A:B, from cycle A to before B; either may be left out."""
    first, colon, last = text.partition(":")
    try:
        if not colon:
            raise ValueError
        window = tuple(int(part, 0) if part else None for part in (first, last))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no window of cycles: A:B, like 1000:2000") from None
    if any(part is not None and part < 0 for part in window) or (None not in window and window[0] >= window[1]):
        raise argparse.ArgumentTypeError(f"{text!r} holds no cycle: it goes from A to before B")
    return window


def cycles_or_difference(text: str) -> tuple[int | None, int | None] | str:
    """Type of an argument: the same, or the word ``DIFFERENCE``."""
    return text if text == DIFFERENCE else cycles(text)

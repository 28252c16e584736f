"""Reads the vector files beside it: lines of columns between bars, comments after #."""

from pathlib import Path

HERE = Path(__file__).resolve().parent


def rows(name: str) -> list[list[str]]:
    """The columns of every line of a file, stripped."""
    lines = [line for line in (HERE / name).read_text().splitlines() if line.strip() and not line.startswith("#")]
    return [[column.strip() for column in line.split("|")] for line in lines]


def fields(text: str) -> dict[str, int]:
    """``a=1 b=0x2`` as numbers by name."""
    return {name: int(value, 0) for name, value in (item.split("=") for item in text.split())}

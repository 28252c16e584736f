"""Failures that are one: those with the same signature, which is what a failure says without what differs from run to run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_VARYING = re.compile(r"0x[0-9a-fA-F]+|\b[0-9a-f]{6,}\b|(?<![\w.])-?\d+(\.\d+)?(e[+-]?\d+)?|(?<=[a-zA-Z_#])\d+\b")
_SIMULATED = re.compile(r"^  ISS: t\d+ #\d+ +[0-9a-f]+ +(?:\(p\d\) +)?(?P<mnemonic>\S+)", re.MULTILINE)
LONGEST = 160


def signature(message: str) -> str:
    """The first line with # for every number; of two machines that differ also the instruction on which they do."""
    first = next((line.strip() for line in message.splitlines() if line.strip()), "it says nothing")
    plain = _VARYING.sub("#", first)[:LONGEST]
    instruction = _SIMULATED.search(message)
    return f"{plain}: {instruction['mnemonic']}" if instruction else plain


def buckets(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Failed rows by signature, most frequent first: message of the shortest test, count, rerun, tests."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if not row["passed"]:
            groups.setdefault(row["signature"], []).append(row)
    found = []
    for kind, members in groups.items():
        shortest = min(members, key=lambda row: (row["wall_s"], row["name"], row["seed"]))
        tests = [f"{row['name']} seed {row['seed']}" for row in members]
        known = {key: shortest[key] for key in ("message", "rerun", "text")}
        found.append({"signature": kind, "count": len(members), **known, "tests": tests, "waves": []})
    return sorted(found, key=lambda bucket: (-bucket["count"], bucket["signature"]))

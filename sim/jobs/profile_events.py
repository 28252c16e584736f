"""What a recording says of a window: of each node, thread, kernel and line of the program, and of the links between nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sim.events.causes import CAUSES
from sim.events.file import About, Recording
from sim.events.hotspots import Spot, spots
from sim.events.instructions import Course, follow
from sim.events.packets import arrivals, hops
from sim.events.phases import by_phase
from sim.events.threads import rows as thread_rows

UNEVEN = 1.05
"""The most steps of a node over the mean, from which on another cut of the work helps."""


@dataclass(frozen=True)
class NodeAccount:
    """A node in a window.

    Attributes
    ----------
    row : {node, cycles in which a thread runs, causes, idle, conflicts}; cycles and idle add up to the window's length.
    kernels : rows of ``by_phase``.
    threads : rows of `sim.events.threads`.
    about, course, found, nobody : what the annotated listing of the program is made of (`sim.views.hotspots`).
    """

    row: dict[str, Any]
    kernels: list[dict[str, Any]]
    threads: list[dict[str, Any]]
    about: About
    course: Course
    found: dict[int, Spot]
    nobody: Counter[str]


def account(recording: Recording, window: tuple[int, int], phases: Sequence[str] = ()) -> list[NodeAccount]:
    """Every node's; ``phases``: the kernels, by the names of their labels."""
    return [_of_node(recording, follow(recording, *window, node), node, phases) for node in range(len(recording.about.places))]


def _of_node(recording: Recording, course: Course, node: int, phases: Sequence[str]) -> NodeAccount:
    about = recording.about.of(node)
    found, nobody = spots(course)
    cycles = sum((spot.cycles for spot in found.values()), nobody)
    row = {
        "node": recording.about.places[node],
        "cycles": cycles.total(),
        "causes": {cause: cycles[cause] for cause in CAUSES},
        "idle": course.last - course.first - cycles.total(),
        "conflicts": sum(told["conflicts"] for told in course.cycles.values()),
    }
    return NodeAccount(row, by_phase(course, about, phases), thread_rows(course), about, course, found, nobody)


def together(accounts: Iterable[NodeAccount]) -> list[dict[str, Any]]:
    """The rows of kernels of all nodes, added up by name, in the order in which they first come."""
    found: dict[str, Counter[str]] = {}
    for one in accounts:
        for row in one.kernels:
            found.setdefault(row["name"], Counter()).update(row["causes"])
    return [{"name": name, "cycles": spent.total(), "causes": {cause: spent[cause] for cause in CAUSES}} for name, spent in found.items()]


def imbalance(accounts: Sequence[NodeAccount]) -> dict[str, Any]:
    """How evenly the nodes work, by cycles in which a matrix step begins and cycles in which they wait for each other.

    {busiest, least, steps of both, mean, ratio: the most steps over the mean, waits: cycles of synchronisation and idling over all nodes}.
    """
    steps = {one.row["node"]: one.row["causes"]["step"] for one in accounts}
    busiest, least = max(steps, key=steps.__getitem__), min(steps, key=steps.__getitem__)
    mean = sum(steps.values()) / len(steps)
    waits = sum(one.row["causes"]["synchronisation"] + one.row["idle"] for one in accounts)
    return {
        "busiest": busiest, "least": least, "most_steps": steps[busiest], "least_steps": steps[least], "mean_steps": mean,
        "ratio": steps[busiest] / mean if mean else 1.0, "waits": waits,
    }  # fmt: skip


def imbalance_told(found: dict[str, Any], cycles: int, nodes: int) -> str:
    """The same in a sentence, with what helps."""
    share = found["waits"] / max(1, cycles * nodes)
    taken = f"{found['busiest']} takes {found['most_steps']} matrix steps, {found['least']} {found['least_steps']}"
    if found["most_steps"] == found["least_steps"]:
        taken = f"each takes {found['most_steps']} matrix steps"
    helps = "cut the batch more evenly (SHARDS)" if found["ratio"] > UNEVEN else "larger parts between two exchanges, or fewer nodes"
    return (
        f"load over {nodes} nodes: {taken}, the most over the mean is {found['ratio']:.2f}; in {share:.1%} of all nodes' cycles they "
        f"wait for each other or have nothing to do: {helps}"
    )


def network_stalls(recording: Recording, window: tuple[int, int]) -> dict[str, int]:
    """Packets that arrived, and cycles that they stood in routers beyond the one cycle that each link takes."""
    came = arrivals(hops(recording, *window))
    return {"packets": len(came), "stalls": sum(one.latency - one.links for one in came)}


def network_told(found: dict[str, int]) -> str:
    """The same in a sentence, with what helps."""
    each = found["stalls"] / max(1, found["packets"])
    more = ": spread the transfers over the step, or over other links" if each > 1 else ""
    return f"{found['packets']} packets arrived and stood for {found['stalls']} cycles in routers, {each:.2f} each{more}"

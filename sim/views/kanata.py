"""A pipeline as a Kanata log, version 4, which Konata shows: docs/kanata-log-format.md of shioyadan/Konata.

Lane 0 holds the stages of an instruction, lane 1 what it waited for in its queue. Threads are those of the machine.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from golden.arch.trace import Effect
from golden.listing import effect
from sim.events.instructions import STAGES, STALLS, Course, Life
from sim.files import whole


def write_kanata(path: Path, course: Course) -> None:
    """The lives that touch the window, as a log that begins with the first of them."""
    with whole(path) as partial:
        partial.write_text("\n".join(lines(course.lives)) + "\n")


def lines(lives: Sequence[Life]) -> list[str]:
    """The log, line by line. Commands of a cycle stand in the order in which instructions left decode."""
    told: dict[int, list[tuple[int, list[str]]]] = defaultdict(list)
    numbers = {id(life): number for number, life in enumerate(sorted(lives, key=lambda life: life.begun))}
    ends = sorted(lives, key=lambda life: life.done)
    retired = {id(life): number for number, life in enumerate(ends)}
    for life in lives:
        number = numbers[id(life)]
        begin = [f"I\t{number}\t{life.seq}\t{life.thread}", f"L\t{number}\t0\t{life.pc:06x}: {life.text}"]
        begin += [f"L\t{number}\t1\t{text}\\n" for text in hover(life)]
        told[life.begun].append((number, begin))
        for producer in life.producers:
            if id(producer) in numbers and producer.begun <= life.begun <= producer.done:
                told[life.begun].append((number, [f"W\t{number}\t{numbers[id(producer)]}\t0"]))
        for name, first in life.stages:
            told[first].append((number, [f"S\t{number}\t0\t{name}"]))
        for reason, first, last in life.stalls:
            told[first].append((number, [f"S\t{number}\t1\t{reason}"]))
            told[last].append((number, [f"E\t{number}\t1\t{reason}"]))
        told[life.done + 1].append((number, [f"R\t{number}\t{retired[id(life)]}\t{0 if life.whole else 1}"]))
    log, before = ["Kanata\t0004"], None
    for cycle in sorted(told):
        log.append(f"C=\t{cycle}" if before is None else f"C\t{cycle - before}")
        before = cycle
        for _, commands in sorted(told[cycle], key=lambda item: (item[0], item[1][0][0] != "I", item[1][0][0] == "R")):
            log += commands
    return log


def hover(life: Life) -> list[str]:
    """What is told of an instruction beside its text: where it was, what it waited for, what it read and wrote."""
    texts = [f"thread {life.thread} #{life.seq}, cycles {life.begun} to {life.done}" + ("" if life.executed else ", predicate false")]
    for name, first in life.stages:
        texts.append(f"{first}: {STAGES[name]}")
    for reason, first, last in life.stalls:
        texts.append(f"{first} to {last - 1}: {STALLS[reason]}")
    texts += [f"reads {register}" + (f" = {_value(register, value)}" if value is not None else "") for register, value in life.sources]
    texts += [f"writes {effect(*one)}" for one in life.effects]
    if not life.whole:
        texts.append("not complete in what was recorded")
    return texts


def _value(register: str, value: int | bytes) -> str:
    one: Effect = (register[0], int(register[1:]), value)
    return effect(*one).partition("=")[2] or effect(*one)

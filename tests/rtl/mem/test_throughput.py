"""What the SRAM sustains at the size of d1: gathers by pitch, all ports streaming, and how long anything can wait.

The machine is deterministic and the request lists come from fixed seeds, so the figures of docs/sram.md are compared
exactly. `python -m pytest tests/rtl/mem/test_throughput.py -k table -rP` prints the table that the page should hold.
"""

import re
from pathlib import Path

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.arch.sram import LINE_READ_LATENCY, LOAD_LATENCY
from tb.memory import LOADS, PORTS, REQUEST, traffic

ROWS = CONFIGS["d1"].sram_rows
WORDS = CONFIGS["d1"].sram_words
PAGE = Path(__file__).resolve().parents[3] / "docs" / "sram.md"
LATENCY = {"st": 2, "ss": 2, "mw": 2, "mr": LINE_READ_LATENCY, "fill": LINE_READ_LATENCY}

POWERS = tuple(1 << n for n in range(6, 14))
OTHERS = (
    *(16 * n for n in range(5, 40) if 16 * n not in POWERS),
    *(640, 672, 704, 768, 832, 896, 960, 976, 992, 1008, 1040, 1056, 1536, 1984, 2032, 2064, 3072, 4080, 4112, 8208),
)

pytestmark = pytest.mark.rtl


@pytest.fixture
def sram(load_player):
    return load_player(ROWS)


def gathers(pitch: int, pieces: int, count: int, apart: int = 0) -> np.ndarray:
    """Gathers of 8 x 8 B or 4 x 16 B at random bases, offered every `apart` cycles."""
    rng = np.random.default_rng(pitch * 16 + pieces)
    lane = np.arange(8)
    step = pitch // 8
    offset = lane * step if pieces == 8 else (lane >> 1) * step + (lane & 1)
    base = rng.integers(0, WORDS - offset[-1], count)
    asked = np.zeros(count, REQUEST)
    asked["addr"] = (base & ~1 if pieces == 4 else base)[:, None] + offset
    asked["keep"] = np.uint64(2**64 - 1)
    asked["enable"] = 0xFF
    asked["earliest"] = np.arange(count) * apart
    return asked


def cycles_alone(sram, pitch: int, pieces: int) -> float:
    """Mean cycles for which one gather alone occupies its port: 1 when its words lie in different banks."""
    answers = sram.run({"l0": gathers(pitch, pieces, 400, apart=16)}).answers["l0"]
    return float((answers["when"].max(axis=1) - answers["accepted"] - LOAD_LATENCY + 1).mean())


def cycles_streaming(sram, pitch: int, pieces: int) -> float:
    """Cycles per gather when one port takes them as fast as it can."""
    answers = sram.run({"l0": gathers(pitch, pieces, 1000)}).answers["l0"]
    return float(answers["when"].max() - answers["accepted"][0] - LOAD_LATENCY + 1) / 1000


def table(sram) -> list[str]:
    """The lines of docs/sram.md."""
    lines = []
    for pitch in (*POWERS, *sorted(OTHERS)):
        figures = [f(sram, pitch, pieces) for pieces in (8, 4) for f in (cycles_alone, cycles_streaming)]
        lines.append(f"| {pitch} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |")
    return lines


@pytest.mark.parametrize("pitch", POWERS)
def test_gathers_at_powers_of_two_meet_no_conflicts(sram, pitch):
    assert cycles_alone(sram, pitch, 8) <= 1.05
    assert cycles_streaming(sram, pitch, 8) <= 1.05
    assert cycles_streaming(sram, pitch, 4) <= 1.05


def test_the_table_of_the_page_is_what_is_measured(sram):
    measured = table(sram)
    print("\n".join(measured))
    assert len(set(OTHERS)) >= 50
    page = re.findall(r"^\| \d+ \| \d+\.\d\d \|.*$", PAGE.read_text(), re.MULTILINE)
    assert page == measured


# --- Streams ----------------------------------------------------------------------------------------------------------


def stream(port: str, count: int, first_line: int) -> np.ndarray:
    """Consecutive addresses from a line on."""
    number = np.arange(count)
    asked = np.zeros(count, REQUEST)
    if port in ("mw", "mr", "fill"):
        asked["addr"][:, 0] = (first_line + number) % (WORDS // 8)
    elif port in ("sl", "ss"):
        asked["addr"][:, 0] = (first_line * 8 + number) % WORDS
    else:
        asked["addr"] = (first_line * 8 + number[:, None] * 8 + np.arange(8)) % WORDS
    asked["keep"] = 0xFF if port in ("mw", "ss") else np.uint64(2**64 - 1)
    asked["enable"] = 0xFF
    asked["tag"] = number % 64
    return asked


def shares(load_player, ports: tuple[str, ...], cycles: int = 4000) -> dict[str, float]:
    """Worst share of cycles in which each port moved a request, over four random placements of the streams."""
    worst = {}
    for seed in range(4):
        rng = np.random.default_rng(seed)
        asked = {port: stream(port, cycles, int(rng.integers(0, WORDS // 8))) for port in ports}
        answers = load_player(ROWS).run(asked, cycles=cycles).answers
        for port in ports:
            lanes = 8 if port in LOADS else 1
            worst[port] = min(worst.get(port, 1.0), (answers[port]["when"][:, :lanes] >= 0).sum() / lanes / cycles)
    print({port: round(float(share), 3) for port, share in worst.items()})
    return worst


def test_loads_stores_and_mesh_stream_together(load_player):
    worst = shares(load_player, ("l0", "l1", "st", "mr", "mw"))
    assert min(worst.values()) >= 0.98


def test_two_load_ports_stream_at_full_rate(load_player):
    assert min(shares(load_player, LOADS).values()) >= 0.99


def test_all_seven_ports_stream(load_player):
    worst = shares(load_player, tuple(port for port in PORTS if port != "fill"))
    assert worst["mw"] >= 0.99 and worst["mr"] >= 0.99 and worst["st"] >= 0.99
    assert min(worst["l0"], worst["l1"]) >= 0.74
    assert min(worst["sl"], worst["ss"]) >= 0.62


def test_fills_move_under_a_mesh_read_stream(load_player):
    worst = shares(load_player, ("fill", "mr", "mw"))
    assert worst["fill"] >= 1 / 18
    assert worst["mr"] >= 0.90


# --- Waiting ----------------------------------------------------------------------------------------------------------


def longest_wait(answers: dict) -> dict[str, int]:
    """For each port, the most cycles that a request lost as the oldest of its lane."""
    longest = {}
    for port, answer in answers.items():
        lanes = 8 if port in LOADS else 1
        when = answer["when"][:, :lanes]
        start = (answer["accepted"] + LATENCY.get(port, LOAD_LATENCY))[:, None].repeat(lanes, axis=1)
        start[1:] = np.maximum(start[1:], when[:-1] + 1)
        longest[port] = int((when - start).max(initial=0))
    return longest


def test_waits_stay_bounded_when_all_ports_want_one_line(sram):
    asked = {port: stream(port, 300, 0) for port in PORTS}
    for port, requests in asked.items():
        requests["addr"] %= 1 if port in ("mw", "mr", "fill") else 8
    longest = longest_wait(sram.run(asked).answers)
    print(longest)
    assert max(longest.values()) <= 60


@pytest.mark.parametrize("partial, bound", ((0.0, 700), (0.5, 800)))
def test_waits_stay_bounded_on_hot_spots(sram, partial, bound):
    worst = dict.fromkeys(PORTS, 0)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        asked = traffic(rng, ROWS, dict.fromkeys(PORTS, 150), spread=int(rng.integers(1, 20)), partial=partial)
        answers = sram.run(asked).answers
        assert all((answer["accepted"] >= 0).all() for answer in answers.values())
        worst = {port: max(worst[port], wait) for port, wait in longest_wait(answers).items()}
    print(worst)
    assert max(worst.values()) <= bound

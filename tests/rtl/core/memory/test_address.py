"""Addresses and masks of vector memory instructions against a byte-by-byte reading of golden.arch.descriptor's text."""

from dataclasses import dataclass

import numpy as np
import pytest

from golden.arch.bits import Layout
from golden.arch.classes import Format, Step
from golden.arch.config import get_config
from golden.arch.descriptor import Descriptor
from rtl.core.memory.address import DrainAddress, GatherAddress
from rtl.core.memory.descriptors import Stepper
from sim.compile.batch import Batch

ROWS = 4_000
SPACE = 1 << 18


GEOMETRY = Layout.of("geometry", row_pitch=13, pixel=10, rows=13, columns=14, elem=2, width=2, inner=5, outer=5)
POSITION = Layout.of("position", base=18, y0=-14, x0=-15)


def pack(d: Descriptor, layout: Layout) -> int:
    return layout.pack({field.name: getattr(d, field.name) for field in layout})


def random_descriptor(rng: np.random.Generator, words: int) -> Descriptor:
    """Positions near the edges of the extents and of memory as often as in the middle; pitches from 0 up."""

    def pick(*choices: tuple[int, int]) -> int:
        low, high = choices[rng.integers(len(choices))]
        return int(rng.integers(low, high + 1))

    rows, columns = pick((0, 12), (0, 8191)), pick((0, 80), (0, 16383))
    return Descriptor(
        base=pick((0, words - 1), (words - 70, words + 5), (SPACE - 70, SPACE - 1), (0, 40)),
        row_pitch=pick((0, 8), (0, 64), (0, 8191)),
        rows=rows,
        columns=columns,
        y0=pick((-20, 20), (-8192, 8191), (max(-8192, rows - 17), min(8191, rows + 1))),
        x0=pick((-80, 80), (-16384, 16383), (columns - 70, min(16383, columns + 2))),
        elem=pick((0, 3)),
        inner=pick((0, 31)),
        outer=pick((0, 31)),
    )


@dataclass
class Access:
    """What an access touches: byte address and whether it is kept, in the order of the register's bytes."""

    bytes: list[tuple[int, bool]]

    def words(self) -> list[tuple[int, list[bool]]]:
        groups = [self.bytes[k : k + 8] for k in range(0, len(self.bytes), 8)]
        return [(group[0][0] // 8, [keep for _, keep in group]) for group in groups]


def access(d: Descriptor, row_offset: int, byte_offset: int, rows: int, row_bytes: int, element: int) -> Access:
    """``rows`` pieces of ``row_bytes``, the first ``row_offset`` rows and ``byte_offset`` bytes from the origin."""
    found = []
    for i in range(row_offset, row_offset + rows):
        for byte in range(byte_offset, byte_offset + row_bytes):
            y, x = d.y0 + i, d.x0 + byte // element
            address = (8 * (d.base + i * d.row_pitch) + byte) % (8 * SPACE)
            found.append((address, 0 <= y < d.rows and 0 <= x < d.columns))
    return Access(found)


def check_range(out: dict, k: int, words: list[tuple[int, list[bool]]], limit: int, where: str) -> None:
    """The range holds every word of an access that does not fault, and is not wider than it need be."""
    used = [word for word, keep in words if any(keep)]
    if used and max(used) < limit:
        low, high = int(out["low"][k]), int(out["high"][k])
        assert low <= min(used) and high >= max(used) and high < limit, where
        if len(used) == len(words):
            assert (low, high) == (min(used), max(used)), where


def inputs(descriptors: list[Descriptor]) -> dict[str, np.ndarray]:
    return {
        "geometry": np.array([pack(d, GEOMETRY) for d in descriptors], dtype=np.uint64),
        "position": np.array([pack(d, POSITION) for d in descriptors], dtype=np.uint64),
    }


@pytest.mark.rtl
@pytest.mark.parametrize("name", ["d1", "tiny"])
def test_gather(name: str, rng: np.random.Generator) -> None:
    """Lanes, enables, bytes, range and faults of all four gathers and all tiles."""
    limit = get_config(name).sram_words
    descriptors = [random_descriptor(rng, limit) for _ in range(ROWS)]
    tile, log = rng.integers(0, 8, ROWS), rng.integers(0, 4, ROWS)
    out = Batch(GatherAddress(limit)).run({**inputs(descriptors), "tile": tile, "pieces": log})
    for k, d in enumerate(descriptors):
        pieces, piece = 1 << int(log[k]), 64 >> int(log[k])
        row = pieces * (int(tile[k]) >> 2)
        words = access(d, row, piece * (int(tile[k]) & 3), pieces, piece, d.elem_bytes).words()
        where = f"{d} tile={tile[k]} pieces={pieces}"
        keep = sum(int(bit) << (8 * lane + byte) for lane, (_, kept) in enumerate(words) for byte, bit in enumerate(kept))
        addresses = int.from_bytes(out["addr"][k].tobytes(), "little")
        strides = int.from_bytes(out["t"][k].tobytes(), "little")
        t = [strides >> (18 * bit) & (SPACE - 1) for bit in range(3)]
        assert int(out["keep"][k]) == keep, where
        assert out["row"][k] == (d.y0 + row) % 8, where
        for lane, (word, kept) in enumerate(words):
            assert addresses >> (18 * lane) & (SPACE - 1) == word, where
            assert int(out["base"][k]) + sum(t[bit] * (lane >> bit & 1) for bit in range(3)) & (SPACE - 1) == word, where
            assert out["enable"][k] >> lane & 1 == any(kept), where
            assert out["outside"][k] >> lane & 1 == (any(kept) and word >= limit), where
        check_range(out, k, words, limit, where)


@pytest.mark.rtl
@pytest.mark.parametrize("name", ["d1", "tiny"])
def test_drain(name: str, rng: np.random.Generator) -> None:
    """Row and column masks, range and faults of drains in every format."""
    limit = get_config(name).sram_words
    descriptors = [random_descriptor(rng, limit) for _ in range(ROWS)]
    kind = rng.integers(0, 8, ROWS)
    tile = np.where(kind == 2, 0, rng.integers(0, 8, ROWS))
    out = Batch(DrainAddress(limit)).run({**inputs(descriptors), "tile": tile, "kind": kind})
    for k, d in enumerate(descriptors):
        where = f"{d} tile={tile[k]} kind={kind[k]}"
        if kind[k] == 2:
            words = [((d.base + word) % SPACE, [True] * 8) for word in range(64)]
            masks = (0xFF, 0xFF)
            assert out["pitch"][k] == 8, where
        else:
            size = Format(int(kind[k])).bytes
            row, column = 8 * (int(tile[k]) >> 2), 8 * (int(tile[k]) & 3)
            words = access(d, row, column * size, 8, 8 * size, size).words()
            masks = (
                sum((0 <= d.y0 + row + i < d.rows) << i for i in range(8)),
                sum((0 <= d.x0 + column + i < d.columns) << i for i in range(8)),
            )
            assert out["pitch"][k] == d.row_pitch and out["row"][k] == (d.y0 + row) % 8, where
        assert out["base"][k] == words[0][0], where
        assert (out["row_mask"][k], out["column_mask"][k]) == masks, where
        starts, per_row = int.from_bytes(out["starts"][k].tobytes(), "little"), len(words) // 8
        for row in range(8):
            in_row = words[per_row * row : per_row * (row + 1)]
            assert starts >> (18 * row) & (SPACE - 1) == in_row[0][0], where
            assert out["outside"][k] >> row & 1 == any(any(keep) and word >= limit for word, keep in in_row), where
        check_range(out, k, words, limit, where)


@pytest.mark.rtl
def test_steps(rng: np.random.Generator) -> None:
    """Every step code at every element size, from random positions; images in and out; bad images."""
    rows = 4_096
    inner = [random_descriptor(rng, 163_840) for _ in range(rows)]
    moved = [random_descriptor(rng, 163_840) for _ in range(rows)]  # only the outer position of it counts
    outer = [
        Descriptor(**{**vars(d), "base": o.base, "y0": o.y0, "x0": o.x0}) for d, o in zip(inner, moved, strict=True)
    ]
    step = rng.integers(0, 4, rows)
    setd = rng.integers(0, 4, rows) == 0
    low, high = (rng.integers(0, 1 << 64, rows, dtype=np.uint64) for _ in range(2))
    # Reserved bits and pixels per row are mostly zero, and one by one not.
    high &= np.uint64(((1 << 47) - 1) & ~(3 << 35))
    stain = rng.integers(0, 3, rows) == 0
    high[stain] |= np.uint64(1) << rng.choice(np.array([35, 36, *range(47, 64)], dtype=np.uint64), stain.sum())
    current = np.zeros((rows, 5), dtype=np.uint32)
    for k in range(rows):
        image = pack(inner[k], GEOMETRY) | pack(inner[k], POSITION) << 64 | pack(outer[k], POSITION) << 111
        current[k] = np.frombuffer(image.to_bytes(20, "little"), dtype="<u4")
    out = Batch(Stepper()).run({"current": current, "step": step, "set": setd, "low": low, "high": high})
    for k in range(rows):
        where = f"{inner[k]} outer {outer[k]} step={step[k]} set={setd[k]} high={high[k]:#x}"
        assert bool(out["bad"][k]) == bool(setd[k] and (int(high[k]) >> 47 or int(high[k]) >> 35 & 3)), where
        assert (int(out["image_low"][k]), int(out["image_high"][k])) == outer[k].pack(), where
        after = int.from_bytes(out["after"][k].tobytes(), "little")
        got = after & (1 << 64) - 1, after >> 64 & (1 << 47) - 1, after >> 111
        if setd[k]:
            if out["bad"][k]:
                continue
            new = Descriptor.unpack(int(low[k]), int(high[k]))
            wanted_inner = wanted_outer = new
        else:
            wanted_inner, wanted_outer = {
                Step.STAY.value: (None, outer[k]),
                Step.INNER.value: (inner[k].stepped(inner[k].inner), outer[k]),
                Step.OUTER.value: (outer[k].stepped(outer[k].outer),) * 2,
                Step.RESTART.value: (outer[k], outer[k]),
            }[int(step[k])]
            new = inner[k]
        assert got[0] == pack(new, GEOMETRY), where
        assert got[2] == pack(wanted_outer, POSITION), where
        assert wanted_inner is None or got[1] == pack(wanted_inner, POSITION), where

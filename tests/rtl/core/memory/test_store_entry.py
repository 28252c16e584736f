"""Streams of stores: two that get the same one must write their common words in the same lanes, whatever else they do."""

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.classes import Format, Port
from golden.arch.config import get_config
from golden.arch.descriptor import Descriptor, step_code
from golden.iss.state import piece_bytes, tile_bytes
from rtl.core.decoded import Names, ScalarRow, scalar_row
from rtl.core.interfaces import StoreAddress
from rtl.core.memory import descriptors
from rtl.core.memory.generations import GENERATION_BITS
from rtl.core.memory.slot import AddressSlot
from rtl.core.memory.store_entry import StorePlace
from sim.compile.batch import Batch
from tests.rtl.core.named import names
from tests.rtl.core.packing import pack, unpack

WORDS = get_config("d1").sram_words
STORES = [i for i in isa.TABLE if i.port in (Port.VSTORE, Port.DRAIN) and i.feature == "base"]
FIELDS = ("row_pitch", "pixel", "rows", "columns", "elem", "width", "inner", "outer")


class Path(wiring.Component):
    """The address of a store; the instruction of `x` is `word`, decoded."""

    word: In(32)
    row: In(ScalarRow)
    names: In(Names)
    descriptor: In(descriptors.Descriptor)
    generation: In(GENERATION_BITS)
    place: Out(StoreAddress)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.slot = slot = AddressSlot(WORDS)
        m.submodules.store = store = StorePlace(WORDS)
        m.d.comb += [
            slot.x.q.word.eq(self.word),
            slot.x.q.row.eq(self.row),
            slot.x.q.names.eq(self.names),
            slot.descriptor.eq(self.descriptor),
            store.x.eq(slot.x),
            store.descriptor.eq(self.descriptor),
            store.generation.eq(self.generation),
            store.gather.eq(slot.gather),
            self.place.eq(store.place),
        ]
        return m


def lanes_of(insn: isa.Insn, d: Descriptor, tile: int) -> dict[int, int]:
    """Word -> lane of everything that the store writes, by the beats of docs/architecture.md."""
    if insn.port is Port.VSTORE:
        addresses, keep = piece_bytes(d, tile, insn.pieces, insn.piece)
        return {int(a) >> 3: k // 8 for k, (a, kept) in enumerate(zip(addresses, keep, strict=True)) if kept}
    if insn.format is Format.RAW:
        return {(d.base + word) % (1 << 18): word % 8 for word in range(64)}
    size = insn.format.bytes
    addresses, keep = tile_bytes(d, tile, size)
    found = {}
    for k, (address, kept) in enumerate(zip(addresses, keep, strict=True)):
        row, word = k // (8 * size), k % (8 * size) // 8
        if kept:
            found[int(address) >> 3] = 2 * (row % 4) + word % 2
    return found


def run(stores: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Places of stores given as {insn, values, d, index, generation}."""
    rows = []
    for store in stores:
        d = store["d"]
        position = {"base": d.base, "y0": d.y0, "x0": d.x0}
        geometry = {name: getattr(d, name) for name in FIELDS}
        rows.append(pack(descriptors.Descriptor, {"geometry": geometry, "inner": position, "outer": position}))
    words = (descriptors.Descriptor.size + 31) // 32
    images = np.array([np.frombuffer(row.to_bytes(4 * words, "little"), "<u4") for row in rows])
    generations = np.array([store["generation"] for store in stores], dtype=np.uint32)
    word = np.array([store["insn"].encode(**store["values"]) for store in stores], dtype=np.uint32)
    row = np.array([pack(ScalarRow, scalar_row(store["insn"])) for store in stores], dtype=np.uint64)
    named = np.array([pack(Names, names(store["insn"], code)) for store, code in zip(stores, word.tolist(), strict=True)], dtype=np.uint32)
    out = Batch(Path()).run({"word": word, "row": row, "names": named, "descriptor": images, "generation": generations})
    return [unpack(StoreAddress, int.from_bytes(row.tobytes(), "little")) for row in out["place"]]


@pytest.mark.rtl
def test_equal_streams(rng: np.random.Generator) -> None:
    """Random stores through descriptors that step about a small image, rows overlapping or not, set anew now and then."""
    groups = []
    for _ in range(1_000):
        group = []
        elem, pitch = int(rng.integers(0, 4)), int(rng.integers(1, 12))
        columns = int(rng.integers(1, 2 * (8 * pitch >> elem) + 2))
        base = int(rng.integers(1000, 1016))
        for setting in range(2):  # the second time with another pitch or origin
            d = Descriptor(base=base, row_pitch=pitch, rows=30, columns=columns, elem=elem, y0=0, x0=0)
            for _ in range(5):
                insn = STORES[int(rng.integers(len(STORES)))]
                values = {operand.name: 0 for operand in insn.operands} | {"d": 3}
                if "tile" in values:
                    values["tile"] = int(rng.integers(0, 8))
                group.append({"insn": insn, "values": values, "d": d, "generation": setting})
                d = d.stepped(step_code(str(rng.choice(["x", "y"])), int(rng.choice([1, 2, 4, 8]))))
            base, pitch = base + int(rng.integers(0, 3)), pitch + int(rng.integers(0, 2))
        groups.append(group)
    places = iter(run([store for group in groups for store in group]))
    equal = common = 0
    for group in groups:
        seen = [(store, next(places)["stream"], lanes_of(store["insn"], store["d"], store["values"].get("tile", 0))) for store in group]
        for k, (one, stream, lanes) in enumerate(seen):
            for other, stream2, lanes2 in seen[k + 1 :]:
                if stream != stream2:
                    continue
                equal += 1
                for word in lanes.keys() & lanes2.keys():
                    common += 1
                    assert lanes[word] == lanes2[word], f"word {word}: {one} and {other}"
    assert equal > 500 and common > 1_000, (equal, common)


@pytest.mark.rtl
def test_tiles_of_a_matrix_share_a_stream() -> None:
    """Drains of neighbouring tiles through one descriptor need not wait for each other; a new setd separates them."""
    d = Descriptor(base=4096, row_pitch=64, rows=64, columns=64, elem=1)
    insn = isa.BY_MNEMONIC["drain.bf16"]
    stores = [{"insn": insn, "values": {"c": 0, "d": 2, "tile": tile}, "d": d, "generation": 5} for tile in range(8)]
    stores.append({**stores[0], "generation": 6})
    stores.append({**stores[0], "values": {"c": 0, "d": 1, "tile": 0}})
    streams = [place["stream"] for place in run(stores)]
    assert len(set(streams[:8])) == 1 and streams[8] != streams[0] and streams[9] != streams[0]
